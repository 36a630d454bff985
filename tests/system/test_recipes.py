#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Recipes of umlctl create: which one is chosen, what it does to the files, who may replace it, and what mistakes say."""

import io
import os
import pty
import stat
import subprocess
import sys
import tarfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from ext4 import Image, fsck
from umlctltest import Case, UMLCTL
import documents  # noqa: E402
from umldtest import BUILD, DONE, FAILED, SOURCE, USAGE, main, wait_until

IMAGE_PROGRAM = str(BUILD / "imager/umld-image")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJt0 somebody@example.org\n"
PASSWD = "root::0:0:root:/root:/bin/sh\nguest::405:100:guest:/dev/null:/sbin/nologin\n"
SHADOW = "root::0:::::\nguest::0:::::\nadm:!:0:::::\n"

# What each kind of tree is known by.
BUSYBOX = {"bin/busybox": "x", "sbin/init": "x", "etc/inittab": "::sysinit:/sbin/openrc sysinit\n", "etc/passwd": PASSWD, "etc/shadow": SHADOW}
OPENRC = {**BUSYBOX, "sbin/openrc": "x", "etc/init.d/devfs": "x", "etc/init.d/sshd": "x",
          "etc/runlevels/boot/networking": "x", "etc/securetty": "tty1\n",
          "etc/inittab": "::sysinit:/sbin/openrc sysinit\n::wait:/sbin/openrc default\ntty1::respawn:/sbin/getty 38400 tty1\n"
                         "# tty2::respawn:/sbin/getty 38400 tty2\n::ctrlaltdel:/sbin/reboot\n::shutdown:/sbin/openrc shutdown\n"}
SYSTEMD = {"sbin/init": "x", "usr/lib/systemd/systemd": "x", "etc/passwd": PASSWD, "etc/shadow": SHADOW, "usr/sbin/sshd": "x",
           "etc/ssh/ssh_host_rsa_key": "secret", "etc/machine-id": "0123456789abcdef0123456789abcdef\n"}
DEBIAN = {**SYSTEMD, "etc/debian_version": "12\n", "lib/systemd/systemd": "x", "lib/systemd/system/ssh.service": "x",
          "etc/network/interfaces": "auto eth0\n"}
ARCH = {**SYSTEMD, "etc/arch-release": "", "usr/lib/systemd/system/sshd.service": "x"}


def hashed_as(password, hashed):
    """What crypt(3) makes of a password with the salt of a hash."""
    return subprocess.run(["perl", "-e", "print crypt($ARGV[0], $ARGV[1])", password, hashed], check=True, stdout=subprocess.PIPE,
                          encoding="utf-8", timeout=20).stdout


def archive(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.mode = 0o640 if name == "etc/shadow" else 0o755
            info.gid = 42 if name == "etc/shadow" else 0
            tar.addfile(info, io.BytesIO(content.encode()))
    return out.getvalue()


HOME = "/root"  # in the guest


class RecipeCase(Case):
    def setUp(self):
        super().setUp()
        self.env["UMLD_IMAGE"] = IMAGE_PROGRAM
        self.env["UMLD_RECIPES"] = str(SOURCE / "recipes")
        self.own = Path(self.top, "config/recipes")
        self.key = self.file("key.pub", KEY)

    def file(self, name, content):
        path = Path(self.top, name)
        path.write_text(content, encoding="utf-8")
        return str(path)

    def typed(self, text):
        """A standard input with that."""
        path = Path(self.top, "typed")
        path.write_text(text, encoding="utf-8")
        f = open(path, encoding="utf-8")  # pylint: disable=consider-using-with
        self.addCleanup(f.close)
        return f

    def write_own(self, name, text):
        self.own.mkdir(parents=True, exist_ok=True)
        (self.own / name).write_text(text, encoding="utf-8")

    def create(self, tree, *words, code=DONE, **more):
        path = Path(self.top, "tree.tar")
        path.write_bytes(archive(tree))
        return self.expect(code, "create", "web", f"--from={path}", "--size=16M", *words, **more)

    def image(self):
        path = Path(self.top, "state/web/root.img")
        self.assertIsNone(fsck(path))
        return Image(path)

    def config(self):
        return Path(self.top, "config/web.conf").read_text(encoding="utf-8")

    def refused(self, tree, why, *words, code=FAILED, **more):
        """It says why in its last line, and nothing is left."""
        p = self.create(tree, *words, code=code, **more)
        self.assertRegex(p.stderr.splitlines()[-1], r"^umlctl: .*" + why)
        left = [p for kind in ("state", "log", "runtime") for p in Path(self.top, kind).rglob("*")]
        self.assertEqual(left + list(Path(self.top, "config").glob("*.conf")), [])

    def chosen(self, tree, *words):
        p = self.create(tree, *words)
        return next((line.split()[1] for line in p.stdout.splitlines() if line.startswith("  recipe ")), None)


class Chosen(RecipeCase):
    def test_by_the_tree(self):
        for tree, recipe in ((BUSYBOX, "busybox"), (OPENRC, "openrc"), (DEBIAN, "debian-systemd"), (ARCH, "arch-systemd"),
                             (SYSTEMD, "systemd-other"), ({"bin/sh": "x"}, "bare")):
            with self.subTest(recipe=recipe):
                self.assertEqual(self.chosen(tree, "--force"), recipe)
                self.assertIn("Ready=guest\n", self.config())
                self.assertEqual("ConfigureBy=init\n" in self.config(), recipe in ("busybox", "bare"))

    def test_none_fits(self):
        p = self.create({"sbin/init": "x"})
        self.assertIn("no recipe fits this tree, which is used unchanged", p.stderr)
        self.assertNotIn("Ready=", self.config())
        self.assertEqual(self.image().names() - {"lib"}, {"lost+found", "sbin"})  # modules of the kernel are in lib

    def test_by_name(self):
        self.assertIsNone(self.chosen(BUSYBOX, "--recipe=none"))
        self.assertEqual(self.image().text("/etc/inittab"), BUSYBOX["etc/inittab"])
        self.assertEqual(self.chosen(BUSYBOX, "--recipe=openrc", "--force"), "openrc")
        self.expect(DONE, "remove", "web", "--force")
        self.refused(BUSYBOX, "there is no recipe nonsense", "--recipe=nonsense")

    def test_key_without_a_server(self):
        """A key is put into the image all the same, and it is said that nothing there takes it."""
        lack = "the tree has no SSH server; install one in the guest before its key can be used"
        for tree in (BUSYBOX, OPENRC):
            p = self.create(tree, "--force", f"--ssh-key={self.key}")
            self.assertIn(lack, p.stdout + p.stderr)
            self.assertEqual(self.image().text(HOME + "/.ssh/authorized_keys"), KEY)
            p = self.create(tree, "--force")
            self.assertNotIn(lack, p.stdout + p.stderr)
            for server in ("usr/sbin/sshd", "usr/sbin/dropbear"):
                p = self.create({**tree, server: "x"}, "--force", f"--ssh-key={self.key}")
                self.assertNotIn(lack, p.stdout + p.stderr)

    def test_images_are_left_alone(self):
        """An image is changed only if that is asked for."""
        self.create(BUSYBOX, "--recipe=none")
        os.rename(Path(self.top, "state/web/root.img"), Path(self.top, "old.img"))
        self.expect(DONE, "remove", "web", "--force")
        old = f"--from={self.top}/old.img"
        p = self.expect(DONE, "create", "web", old)
        self.assertNotIn("recipe", p.stdout)
        self.assertEqual(self.image().text("/etc/inittab"), BUSYBOX["etc/inittab"])
        p = self.expect(FAILED, "create", "web", old, "--force", f"--ssh-key={self.key}")
        self.assertIn("--ssh-key: this is done by a recipe, and none is applied", p.stderr)
        p = self.expect(DONE, "create", "web", old, "--force", "--recipe=auto", f"--ssh-key={self.key}")
        self.assertIn("recipe         busybox", p.stdout)
        self.assertEqual(self.image().text(HOME + "/.ssh/authorized_keys"), KEY)


class Applied(RecipeCase):
    def test_openrc(self):
        self.create(OPENRC, "--hostname=www.example.org", "--swap=64M")
        image = self.image()
        inittab = image.text("/etc/inittab").splitlines()
        self.assertEqual(inittab[0], "::sysinit:/usr/lib/umld/early")
        for line in ("::sysinit:/sbin/openrc sysinit", "tty0::respawn:/usr/lib/umld/console", "::ctrlaltdel:/usr/lib/umld/stop",
                     "::once:/usr/lib/umld/ready", "# tty2::respawn:/sbin/getty 38400 tty2"):
            self.assertIn(line, inittab)
        self.assertNotIn("tty1::respawn:/sbin/getty 38400 tty1", inittab)
        self.assertNotIn("::ctrlaltdel:/sbin/reboot", inittab)
        self.assertEqual(image.stat("/etc/runlevels/sysinit/devfs")["target"], "/etc/init.d/devfs")
        self.assertEqual(image.stat("/etc/runlevels/default/sshd")["target"], "/etc/init.d/sshd")
        self.assertFalse(image.exists("/etc/runlevels/boot/networking"))
        self.assertFalse(image.exists("/etc/runlevels/sysinit/sysfs"))  # the tree does not have it
        self.assertEqual(image.text("/etc/securetty"), "tty1\nconsole\ntty0\n")
        self.assertEqual(image.text("/etc/hostname"), "www.example.org\n")
        self.assertIn("127.0.1.1 www.example.org\n", image.text("/etc/hosts"))
        self.assertIn("LABEL=web / ext4", image.text("/etc/fstab"))
        self.assertEqual(image.stat("/usr/lib/umld/network")["mode"] & 0o777, 0o755)
        self.assertRegex(self.config(), r"Disk=.*/root\.img\nDisk=.*/swap\.img,swap=65536K\n")
        # Of the machine that runs this test.
        if os.path.exists("/etc/localtime"):
            self.assertEqual(image.read("/etc/localtime"), Path("/etc/localtime").read_bytes())

    def test_systemd(self):
        self.create(DEBIAN, f"--ssh-key={self.key}", f"--firstboot={self.file('first', '#!/bin/sh')}")
        image = self.image()
        for unit in ("systemd-udevd.service", "networking.service", "systemd-logind.service", "modprobe@.service"):
            self.assertEqual(image.stat(f"/etc/systemd/system/{unit}")["target"], "/dev/null", unit)
        self.assertFalse(image.exists("/etc/ssh/ssh_host_rsa_key"))
        self.assertEqual(image.text("/etc/machine-id"), "")
        self.assertNotIn("eth0", image.text("/etc/network/interfaces"))
        self.assertEqual(image.text(HOME + "/.ssh/authorized_keys"), KEY)
        self.assertEqual(image.stat(HOME + "/.ssh")["mode"] & 0o777, 0o700)
        self.assertEqual(image.stat(HOME + "/.ssh/authorized_keys")["mode"] & 0o777, 0o600)
        self.assertEqual(image.stat("/etc/umld.d/firstboot")["mode"] & 0o777, 0o755)

    def test_nobody_has_an_empty_password(self):
        self.create(BUSYBOX)
        image = self.image()
        self.assertEqual(image.text("/etc/shadow"), "root:*:0:::::\nguest:*:0:::::\nadm:!:0:::::\n")
        self.assertEqual(image.text("/etc/passwd"), PASSWD.replace("root::", "root:x:").replace("guest::", "guest:*:"))
        st = image.stat("/etc/shadow")
        self.assertEqual((st["mode"] & 0o777, st["gid"]), (0o640, 42))
        self.create({**BUSYBOX, "etc/shadow": "root:$1$x$known:0:::::\n"}, "--force")
        self.assertEqual(self.image().text("/etc/shadow"), "root:*:0:::::\n")

    def test_tree_without_shadow(self):
        tree = {name: content for name, content in BUSYBOX.items() if name != "etc/shadow"}
        self.create(tree)
        self.assertTrue(self.image().text("/etc/shadow").startswith("root:*:"))
        self.assertIn("root:x:0:0:", self.image().text("/etc/passwd"))

    def test_password(self):
        self.create(BUSYBOX, "--password-stdin", stdin=self.typed("a word & $more\n"))
        hashed = self.image().text("/etc/shadow").split(":")[1]
        self.assertEqual(hashed_as("a word & $more", hashed), hashed)
        self.assertTrue(hashed.startswith("$6$"))
        self.create(BUSYBOX, "--force", "--password-stdin", stdin=self.typed("no newline"))
        other = self.image().text("/etc/shadow").split(":")[1]
        self.assertEqual(hashed_as("no newline", other), other)
        self.assertNotEqual(hashed[:20], other[:20])  # a salt for each
        self.assertEqual(list(Path(self.top).rglob("password")), [])

    def test_password_on_a_terminal(self):
        """It is asked for, and not shown."""
        Path(self.top, "tree.tar").write_bytes(archive(BUSYBOX))
        master, slave = pty.openpty()
        with subprocess.Popen([UMLCTL, "create", "web", f"--from={self.top}/tree.tar", "--size=16M", "--password-stdin"], env=self.env,
                              stdin=slave, stdout=slave, stderr=slave, start_new_session=True) as p:
            os.close(slave)
            os.set_blocking(master, False)
            text = b""

            def read():
                nonlocal text
                try:
                    text += os.read(master, 65536)
                except BlockingIOError:
                    pass
                except OSError:  # its other end is closed
                    pass
                return text

            wait_until(lambda: b"Password for root" in read(), 20, "the question")
            os.write(master, b"s3cret\n")
            wait_until(lambda: (read(), p.poll() is not None)[1], 20, "the end of umlctl")
        read()
        os.close(master)
        self.assertEqual(p.returncode, DONE, text)
        self.assertNotIn(b"s3cret", text)
        hashed = self.image().text("/etc/shadow").split(":")[1]
        self.assertEqual(hashed_as("s3cret", hashed), hashed)

    def test_copies_come_last(self):
        self.create(BUSYBOX, f"--copy={self.file('fstab', 'mine')}:/etc/fstab")
        self.assertEqual(self.image().text("/etc/fstab"), "mine")

    def test_bad_options(self):
        private = self.file("key", "-----BEGIN OPENSSH PRIVATE KEY-----\n")
        for words, why in ((["--ssh-key=/nonexistent"], "No such file"), ([f"--ssh-key={private}"], "is a private key"),
                           ([f"--ssh-key={self.file('empty', '# nothing')}"], "contains no OpenSSH public key"),
                           ([f"--firstboot={self.key}"], "its first line must say what runs it"), (["--swap=x"], "invalid size"),
                           (["--swap=1K"], "invalid size of swap space")):
            with self.subTest(words=words):
                self.refused(BUSYBOX, why, *words, code=USAGE)
        for text in ("", "\n", "x" * 300, "a\0b\n"):
            with self.subTest(text=text):
                self.refused(BUSYBOX, "must be one line", "--password-stdin", code=USAGE, stdin=self.typed(text))
        p = self.expect(USAGE, "create", "web", "--from=-", "--password-stdin", stdin=self.typed("x\n"))
        self.assertIn("--password-stdin cannot be used with --from=-", p.stderr)


class Own(RecipeCase):
    """Recipes of the administrator."""

    def test_replaces(self):
        self.write_own("busybox.recipe", "match exists /bin/busybox\nwrite /etc/mine 0600 from mine\nappend /etc/motd 'host @hostname@' b\n")
        self.write_own("mine", "content\n")
        self.assertEqual(self.chosen(BUSYBOX), "busybox")
        image = self.image()
        self.assertEqual(image.text("/etc/mine"), "content\n")
        self.assertEqual(stat.S_IMODE(image.stat("/etc/mine")["mode"]), 0o600)
        self.assertEqual(image.text("/etc/motd"), "host web\nb\n")
        self.assertEqual(image.text("/etc/inittab"), BUSYBOX["etc/inittab"])
        self.assertNotIn("Ready=", self.config())

    def test_replaces_a_script(self):
        """A file beside the recipes alone; those that use it are ours."""
        self.write_own("network", "#!/bin/sh\n# mine\n")
        self.assertEqual(self.chosen(BUSYBOX), "busybox")
        self.assertEqual(self.image().text("/usr/lib/umld/network"), "#!/bin/sh\n# mine\n")

    def test_of_the_manual(self):
        self.write_own("debian-systemd.recipe", documents.shown("man/umld.recipe.5", "match exists"))
        self.write_own("my-sources.list", "deb http://mirror trixie main\n")
        self.assertEqual(self.chosen(DEBIAN), "debian-systemd")
        image = self.image()
        self.assertEqual(image.text("/etc/apt/sources.list"), "deb http://mirror trixie main\n")
        self.assertEqual(image.text("/etc/sysctl.conf"), "vm.swappiness=10\n")
        for unit in ("apt-daily.timer", "apt-daily-upgrade.timer", "systemd-udevd.service"):  # the last by what it includes
            self.assertEqual(image.stat(f"/etc/systemd/system/{unit}")["target"], "/dev/null", unit)

    def test_another_kind(self):
        self.write_own("a-kind.recipe", "match contains /etc/os-release '^ID=mine$'\nmatch exists /never\nwish ready\n")
        self.assertEqual(self.chosen({**BUSYBOX, "etc/os-release": "NAME=x\nID=mine\n"}), "a-kind")
        self.assertEqual(self.chosen({**BUSYBOX, "etc/os-release": "ID=mine2\n"}, "--force"), "busybox")

    def test_statements(self):
        self.write_own("all.recipe", """
            match exists /tree
            directory /etc/dir 0750
            symlink /etc/link dir/../target
            write /etc/target 0644 lines one two
            replace /etc/link '^t(w)o$' '\\1 for @label@'
            prepend /etc/target a b one
            delete /etc/target '^one$'
            rename /etc/old /var/new
            chmod /var/new 04711
            remove /gone /nothing /many/a*.x /nothing/* /many/?
            mask a.service
            if exists /tree and missing /nothing and contains /tree '^y' and lacks /tree x and given hostname and not-given firstboot
                    write /yes 0644 lines
                    if exists /nothing
                            write /no 0644 lines
                    else
                            write /else 0644 lines
                    end
            else
                    write /no 0644 lines
            end
            """)
        self.assertEqual(self.chosen({"tree": "a\ny\n", "etc/old": "old", "gone/deep/down": "1", "many/a.x": "", "many/abc.x": "", "many/ab": "", "many/b": ""}), "all")
        image = self.image()
        self.assertEqual(image.text("/etc/target"), "a\nb\nw for web\n")
        self.assertEqual(image.stat("/etc/link")["target"], "dir/../target")
        self.assertEqual(image.stat("/etc/dir")["mode"] & 0o777, 0o750)
        self.assertEqual((image.text("/var/new"), image.stat("/var/new")["mode"] & 0o7777), ("old", 0o4711))
        self.assertEqual(image.names() - {"lib"}, {"lost+found", "tree", "etc", "var", "yes", "else", "many"})
        self.assertEqual(image.names("/many"), {"ab"})
        self.assertEqual(image.names("/etc"), {"dir", "link", "target", "systemd"})

    def test_mistakes(self):
        """Any recipe that is wrong is named, with its line, before anything is read."""
        self.write_own("unrelated.recipe", "# mine\nmatch exists /never\nwrit /etc/x 0644 lines\n")
        self.refused(BUSYBOX, rf"{self.own}/unrelated.recipe:3: unknown statement 'writ'; see umld.recipe\(5\)")
        (self.own / "unrelated.recipe").unlink()
        self.write_own("common", "note x\ninclude common\n")
        self.refused(BUSYBOX, rf"{self.own}/common:2: files that include each other")
        (self.own / "common").unlink()
        self.write_own("busybox.recipe", "match exists /bin/busybox\nwrite /bin/busybox/x 0644 lines a\n")
        self.refused(BUSYBOX, rf"{self.own}/busybox.recipe:2: write /bin/busybox/x: ")
        self.write_own("busybox.recipe", "match exists /bin/busybox\nfail 'this cannot be done'\n")
        self.refused(BUSYBOX, rf"{self.own}/busybox.recipe:2: this cannot be done")
        self.write_own("busybox.recipe", "match exists /bin/busybox\nappend /etc/x @password@\n")
        self.refused(BUSYBOX, rf"{self.own}/busybox.recipe:2: @password@ was not given")
        self.write_own("busybox.recipe", "match exists /bin/busybox\nappend /loop x\n")
        self.refused({**BUSYBOX, "loop": "\0"}, rf"{self.own}/busybox.recipe:2: /loop: is not a text file")

    def test_option_without_effect(self):
        self.write_own("busybox.recipe", "match exists /bin/busybox\n")
        for words, more in ((["--password-stdin"], {"stdin": self.typed("x\n")}), ([f"--ssh-key={self.key}"], {}),
                            ([f"--firstboot={self.file('first', '#!/bin/sh')}"], {})):
            with self.subTest(words=words):
                self.refused(BUSYBOX, "the recipe busybox does nothing with it", *words, **more)

    def test_full(self):
        self.write_own("big", "x" * (20 << 20))
        self.write_own("busybox.recipe", "match exists /bin/busybox\nwrite /big 0644 from big\n")
        self.refused(BUSYBOX, "the image of 16 MiB is full; use a larger --size")


class Hostile(RecipeCase):
    """Trees that want something written elsewhere, or read."""

    def test_links(self):
        """Whatever leads anywhere leads within the image."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            for name, target in {"etc/inittab": "/../../../../etc/outside", "usr/lib/umld": "../../../..", "etc/shadow": "shadow"}.items():
                link = tarfile.TarInfo(name)
                link.type, link.linkname = tarfile.SYMTYPE, target
                tar.addfile(link)
            for name in ("bin/busybox", "sbin/init", "etc/passwd"):
                tar.addfile(tarfile.TarInfo(name))
        Path(self.top, "tree.tar").write_bytes(out.getvalue())
        p = self.run_umlctl("create", "web", f"--from={self.top}/tree.tar", "--size=16M")
        self.assertNotIn("terminate", p.stderr)
        self.assertFalse(Path(self.top, "etc").exists())
        if p.returncode == DONE:
            self.image()
        else:
            self.assertIn("too many symbolic links", p.stderr)

    def test_time(self):
        """A large file of long lines does not hold it up."""
        start = time.monotonic()
        self.create({**BUSYBOX, "etc/inittab": ("a" * 500 + ":" * 20 + "\n") * 1500})
        self.assertLess(time.monotonic() - start, 20)
        self.image()


if __name__ == "__main__":
    sys.exit(main())
