#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees of Alpine, made to live in guests by recipes, with each kernel."""

import atexit
import functools
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import documents
import sshserver
from recipetree import ByHand, classes_of
from umldtest import BUILD, DONE, HOST, SOURCE, TestCase, clean_file_system, main, test_kernels

IMAGES = SOURCE.parent / "shared/images"
MINIROOTFS = IMAGES / "alpine-minirootfs-3.20.3-x86_64.tar.gz"
OPENRC = IMAGES / "alpine-3.2.3-openrc-alpine-base.tar.xz"


def tree_of(archive, server, *deleted):
    """The archive with an SSH server and without the rest, as a function that makes it once."""
    @functools.lru_cache(maxsize=None)
    def make():
        directory = Path(tempfile.mkdtemp(prefix="umld-recipes.", dir="/var/tmp"))
        atexit.register(shutil.rmtree, directory)
        tar = sshserver.add_to(archive, server, directory / "tree.tar")
        if deleted:
            subprocess.run(["tar", "--delete", "-f", tar, *deleted], check=True, timeout=60)
        return tar
    return staticmethod(make)


class Scratch(TestCase):
    def test_nothing_at_all(self):
        """Of a tree that holds a program and no shell, no init and no /etc a guest is made that runs the program."""
        tree = Path(self.world.dir, "tree")
        (tree / "usr/bin").mkdir(parents=True)
        shutil.copy(BUILD / "tests/guest/udp-echo", tree / "usr/bin")
        (tree / "etc/umld.d").mkdir(parents=True)
        (tree / "etc/umld.d/echo.start").write_text("#!/bin/sh\ncat /proc/swaps >/swaps\nudp-echo 9000 9000 </dev/null >/dev/null 2>&1\n", encoding="utf-8")
        (tree / "etc/umld.d/echo.start").chmod(0o755)
        p = self.world.umlctl("create", "web", f"--from={tree}", "--size=32M", "--memory=64M", "--forward=udp/9000",
                              f"--kernel={self.world.kernel(test_kernels()[-1])}", "--swap=8M")
        self.assertEqual(p.returncode, DONE, p.stderr)
        self.assertIn("recipe         bare", p.stdout)
        umld = self.daemon().wait_ready(60)
        with self.world.socket("inet", kind=socket.SOCK_DGRAM) as s:
            s.settimeout(10)
            s.sendto(b"hello", (HOST, 9000))
            self.assertEqual(s.recv(16), b"hello")
        self.assertEqual(umld.stop(60), DONE)
        self.assertIn("shut down cleanly by ctrl-alt-del", umld.log)
        self.assertEqual(clean_file_system(self.world.image()), "")
        swaps = subprocess.run(["/sbin/debugfs", "-R", "cat /swaps", self.world.image()], check=True, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, encoding="utf-8", timeout=60).stdout
        self.assertRegex(swaps, r"/dev/ubdb\s+partition\s+8188\s")


class OfTheManual(ByHand):
    def test_alpine(self):
        if not MINIROOTFS.exists():
            self.skipTest(f"{MINIROOTFS} does not exist")
        tree = Path(self.world.dir, "tree")
        tree.mkdir()
        subprocess.run(["tar", "-xzf", MINIROOTFS, "-C", tree], check=True, timeout=60)
        inittab = tree / "etc/inittab"
        line = documents.shown("man/umld.conf.5", "tty0::respawn").strip()
        kept = [x for x in inittab.read_text(encoding="utf-8").splitlines() if not x.startswith("tty")]
        inittab.write_text("\n".join([*kept, line, ""]), encoding="utf-8")
        self.check_login(tree)


# With each the settings are read back inside, over SSH and on the console root logs in, and the file system is clean.
KINDS = {
    "Busybox": {"make": tree_of(MINIROOTFS, sshserver.openssh), "needs": [MINIROOTFS], "recipe": "busybox", "by_init": True, "stop_limit": 0.4},
    "Bare": {"make": tree_of(MINIROOTFS, sshserver.dropbear, "./sbin/init"), "needs": [MINIROOTFS], "recipe": "bare", "by_init": True,
             "stop_limit": 0.4, "key_made": False},
    "OpenRC": {"make": tree_of(OPENRC, sshserver.openssh_of_openrc), "needs": [OPENRC], "recipe": "openrc"},
}
globals().update(classes_of({name: {"has_ssh": True, **values} for name, values in KINDS.items()}))

if __name__ == "__main__":
    main()
