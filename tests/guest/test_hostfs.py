#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Directories of the host that a guest sees by hostfs: what it may do there, and that it sees nothing else."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import documents  # noqa: E402
import sshserver
from terminal import Terminal
from umldtest import DONE, MAKE_GUEST, SOURCE, USAGE, TestCase, clean_file_system, kernels_for, main, test_kernels

PORT = 8080

# From a directory of the host onto the first disk.
INSTALL = """set -e
mkdir -p /disk
mount -t tmpfs none /mnt
mknod /mnt/ubda b 98 0
mount -t ext4 /mnt/ubda /disk
cp -a /bin /sbin /etc /root /srv /usr /disk/
cd /disk
mkdir proc sys tmp run dev
mknod dev/console c 5 1
mknod dev/tty0 c 4 0
mknod dev/null c 1 3
cd /
umount /disk
"""

# The same with what mmdebstrap made.
INSTALL_DEBIAN = """set -e
mkdir -p /disk
mount -t tmpfs none /mnt
mknod /mnt/ubda b 98 0
/sbin/mke2fs -q -F -t ext4 -O ^orphan_file,^metadata_csum_seed /mnt/ubda
mount -t ext4 /mnt/ubda /disk
tar -C /disk -xf /debian.tar
sed -i '/^[1-6]:.*getty/d' /disk/etc/inittab
echo '0:2345:respawn:/sbin/getty 38400 tty0' >>/disk/etc/inittab
umount /disk
"""

# Runs what it is asked.
SHELL = """#!/bin/sh
echo "Content-Type: text/plain"
echo
exec sh -c "$(httpd -d "$QUERY_STRING")" 2>&1
"""


class Hostfs(TestCase):
    shm = "256M"

    @classmethod
    def setUpClass(cls):
        cls.images = Path(tempfile.mkdtemp(prefix="umld-hostfs.", dir="/var/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.images)
        cls.image = cls.images / "guest.img"
        shell = cls.images / "overlay/srv/www/cgi-bin/sh"
        shell.parent.mkdir(parents=True)
        shell.write_text(SHELL)
        shell.chmod(0o755)
        subprocess.run([MAKE_GUEST, "--overlay", cls.images / "overlay", cls.image], check=True, timeout=60)

    def directory(self, name):
        path = self.world.dir / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def start(self, kernel, image=None, **sections):
        self.world.guest(kernel=kernel, image=image or self.image, Supervise={"Ready": "guest"},
                         Network={"Forward": f"tcp/{PORT}:80"}, **sections)
        return self.daemon().wait_ready(60)

    def inside(self, command, timeout=20):
        """The output of a command in the guest, with its errors."""
        self.world.fetch_when_served(PORT)
        return self.world.fetch(PORT, "/cgi-bin/sh?" + urllib.parse.quote(command), timeout=timeout)

    def assert_nothing_else(self):
        """Neither by a path from the root nor by one that leads upwards; the kernel's own root has nothing of the host."""
        self.inside("mkdir -p /tmp/x")
        for path in ("/etc", "/../etc", "/../../etc/passwd", "/../proc"):
            self.assertIn("No such file", self.inside(f"mount -t hostfs none /tmp/x -o {path} || ls /tmp/no-such"))
        seen = self.inside("mount -t hostfs none /tmp/x -o /.. && ls /tmp/x; umount /tmp/x").split()
        self.assertTrue(set(seen) & {"share"} and not set(seen) & {"etc", "proc", "home", "root", "tmp", "bin", "boot"}, seen)

    def test_shares(self):
        for kernel in kernels_for(0):
            with self.subTest(kernel=kernel.name):
                open_to, read_only = self.directory("open"), self.directory("read-only")
                open_to.chmod(0o777)
                read_only.chmod(0o777)
                (read_only / "old").write_text("as it was\n")
                umld = self.start(kernel, Guest={"Share": [open_to, f"{read_only},ro"]})
                self.assertEqual(umld.layer("hostfs"), f"{open_to}, {read_only} (read-only)")
                self.inside("mkdir -p /tmp/b /mnt && ln -sfn /mnt /tmp/a")
                shown = documents.shown("man/umld.conf.5", "mount -t hostfs").strip()
                self.inside(shown.replace("/srv/data", str(open_to)))
                self.inside(f"mount -t hostfs none /tmp/b -o {read_only}")
                self.inside("echo new >/tmp/a/new")
                self.assertEqual((open_to / "new").read_text(), "new\n")
                self.assertEqual((open_to / "new").stat().st_uid, umld.guest_uid())
                self.assertEqual(self.inside("cat /tmp/b/old"), "as it was\n")
                self.assertIn("Read-only file system", self.inside("(echo new >/tmp/b/new)"))
                self.assertEqual(os.listdir(read_only), ["old"])
                self.assert_nothing_else()
                self.assertEqual(umld.stop(40), DONE)
                (open_to / "new").unlink()

    def test_not_without_a_root_of_its_own(self):
        """A host that refuses that: no hostfs at all, and no boot from it."""
        refuse = [self.world.program("tests/lib/refuse"), "newns", "--"]
        shared = self.directory("shared")
        self.world.guest(fake="boot,ready", Guest={"Share": shared}, Confine={"PrivateRoot": "yes"})
        self.world.host("chmod", "0666", "/dev/net/tun")
        umld = self.daemon(wrapper=refuse).wait_ready()
        self.assertEqual(umld.layer("hostfs"), "off, since the kernel has no root directory of its own")
        self.assertIn(b"hostfs=/dev/null", Path(f"/proc/{umld.guest_pid()}/cmdline").read_bytes())
        self.assertEqual(umld.stop(), DONE)
        self.world.guest(fake="boot,ready", Guest={"Root": f"hostfs:{shared}"}, Confine={"PrivateRoot": "yes"})
        umld = self.daemon(wrapper=refuse)
        self.assertEqual(umld.wait(), USAGE)
        self.assertIn("this host refuses the kernel a root directory of its own", umld.log)

    def test_not_open_for_a_share(self):
        """A share that cannot be shown keeps the guest from starting; it does not cost the kernel its root directory."""
        deep = self.directory("shared") / "/".join(["x"] * 300)  # more directories than that one has room for
        deep.mkdir(parents=True)
        self.world.guest(fake="boot,ready", Guest={"Share": deep}, Confine={"PrivateRoot": "yes"})
        umld = self.daemon()
        umld.wait_state("backoff")
        self.assertIn("cannot show the directories of Share= or Root= to the kernel: No space left on device", umld.log)
        self.assertEqual(umld.statuses().count("booting"), 0)
        self.world.guest(fake="boot,ready", Guest={"Share": self.directory("shared")}, Confine={"PrivateRoot": "yes"})
        umld.signal(signal.SIGHUP)
        umld.wait_ready(60)
        self.assertTrue(umld.layer("root").startswith("on"))
        self.assertEqual(umld.stop(), DONE)

    def test_links(self):
        """Whoever owns a directory on the way to a share cannot make it lead elsewhere, nor later."""
        shared, link = self.directory("shared"), self.world.dir / "link"
        link.symlink_to(shared)
        self.world.guest(fake="boot,ready", Guest={"Share": link}, Confine={"PrivateRoot": "yes"})
        umld = self.daemon()
        self.assertEqual(umld.wait(), USAGE)
        self.assertIn(f"Share={link}: a part of this path is a symbolic link", umld.log)
        self.world.guest(fake="boot,ready", Guest={"Share": shared / "in"}, Confine={"PrivateRoot": "yes"})
        self.directory("shared/in")
        umld = self.daemon().wait_ready()
        self.assertEqual(umld.layer("hostfs"), str(shared / "in"))
        self.assertEqual(umld.stop(), DONE)

    def test_bootstrap(self):
        """Booted from a directory, a system is installed onto a disk from inside, and then booted."""
        tree = self.directory("private/tree")
        empty = self.images / "empty.img"
        subprocess.run(["debugfs", "-R", f"rdump / {tree}", self.image], check=True, stderr=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^orphan_file,^metadata_csum_seed", empty, "64M"], check=True, stdout=subprocess.DEVNULL)
        (tree / "mnt").mkdir()
        open_to_all = True
        for kernel in kernels_for(1):
            with self.subTest(kernel=kernel.name):
                umld = self.start(kernel, empty, Guest={"Root": f"hostfs:{tree}", "Disk": self.world.image()}, Confine={"User": "root"})
                self.assertEqual(umld.layer("hostfs"), f"root directory {tree}, as root")
                warning = "can run the set-user-ID programs that the guest has there"
                self.assertEqual(warning in umld.log, open_to_all)
                tree.parent.chmod(0o700)  # for the next one
                open_to_all = False
                self.assertEqual(umld.layer("capabilities"), "on, but those over files")
                self.assertEqual(self.inside("touch /made; chown 12:34 /made; mknod /node c 1 3; chmod 6711 /made"), "")
                made, node = (tree / "made").stat(), (tree / "node").stat()
                self.assertEqual((made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)), (12, 34, 0o6711))
                self.assertTrue(stat.S_ISCHR(node.st_mode))
                self.assert_nothing_else()
                self.assertEqual(self.inside(INSTALL), "")
                self.assertEqual(umld.stop(40), DONE)
                installed = self.images / "installed.img"
                shutil.copyfile(self.world.image(), installed)
                self.assertEqual(clean_file_system(installed), "")
                umld = self.start(kernel, installed)
                self.assertIn("/dev/root / ext4", self.inside("cat /proc/mounts"))
                self.assertEqual(umld.layer("hostfs"), "off")
                self.assertEqual(umld.stop(40), DONE)
                for name in ("made", "node"):
                    (tree / name).unlink()
                (tree / "disk").rmdir()

    def test_bootstrap_debian(self):
        """What the classic instructions end with: Debian, installed from inside onto an empty disk, and booted."""
        tree, disk = self.directory("private/tree"), self.images / "debian.img"
        subprocess.run(["debugfs", "-R", f"rdump / {tree}", self.image], check=True, stderr=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
        tree.parent.chmod(0o700)
        (tree / "mnt").mkdir()
        sshserver.stage(tree, "/sbin/mke2fs")
        subprocess.run([SOURCE / "tools/debian-tree", "--slim", self.world.dir / "debian", "openssh-server", "sysvinit-core"], check=True)
        subprocess.run(["tar", "-C", self.world.dir / "debian", "-cf", tree / "debian.tar", "."], check=True, timeout=120)
        with open(disk, "wb") as f:
            f.truncate(1 << 30)
        kernel = test_kernels()[0]
        umld = self.start(kernel, disk, Guest={"Root": f"hostfs:{tree}", "Disk": self.world.image()}, Confine={"User": "root"})
        self.assertEqual(self.inside(INSTALL_DEBIAN, timeout=300), "")
        self.assertEqual(umld.stop(40), DONE)
        shutil.copyfile(self.world.image(), disk)
        self.assertEqual(clean_file_system(disk), "")
        self.world.guest(kernel=kernel, image=disk, Guest={"Memory": "128M"})
        umld = self.daemon().wait_ready(100)
        terminal = Terminal(self.world)
        terminal.wait_for("login:", 240)
        terminal.detach()
        self.assertEqual(umld.stop(90), DONE)

    def test_read_mostly(self):
        """As the guest's own user: it boots, and what it may not do it is told."""
        tree = self.directory("tree")
        subprocess.run(["debugfs", "-R", f"rdump / {tree}", self.image], check=True, stderr=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
        umld = self.start(test_kernels()[-1], Guest={"Root": f"hostfs:{tree}"})
        self.assertEqual(umld.layer("hostfs"),
                         f"root directory {tree}, as the guest's user, which cannot change owners or make devices")
        self.assertRegex(self.inside("chown 12:34 /bin"), "Operation not permitted")
        self.assertRegex(self.inside("mknod /dev/new c 1 3; touch /new"), "Permission denied|not permitted")
        self.assertEqual(umld.stop(40), DONE)


if __name__ == "__main__":
    main()
