#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl modules, and the modules and the transport of what umlctl create makes."""

import fcntl
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from ext4 import Image, fsck
from umlctltest import Case
from umldtest import BUILD, DONE, FAILED, NO_GUEST, USAGE, main

OTHER = "5.19.3-fake"
REAL_KERNEL = "/usr/bin/linux.uml"
REAL_MODULES = Path("/usr/lib/uml/modules")
FAST = {"tcp_bbr": "kernel/net/ipv4/tcp_bbr.ko", "sch_fq": "kernel/net/sched/sch_fq.ko"}


class Modules(Case):
    """With Debian's kernel, which has them."""

    def setUp(self):
        super().setUp()
        self.env["UMLD_IMAGE"] = str(BUILD / "imager/umld-image")
        if not os.path.exists(REAL_KERNEL):
            self.skipTest("no user-mode-linux")
        self.release = subprocess.run([REAL_KERNEL, "--version"], stdout=subprocess.PIPE, encoding="utf-8",
                                      check=True).stdout.strip()
        if not (REAL_MODULES / self.release / "modules.dep").exists():
            self.skipTest("no modules of this kernel")
        self.tree = Path(self.top, "tree")
        for name in ("etc", "usr/lib", "usr/sbin"):
            (self.tree / name).mkdir(parents=True)
        (self.tree / "lib").symlink_to("usr/lib")
        (self.tree / "etc/os-release").write_text("ID=test\n", encoding="utf-8")

    def path(self, kind, *rest):
        return Path(self.top, kind, *rest)

    def create(self, *words, code=DONE):
        return self.expect(code, "create", "web", "--from", str(self.tree), "--size=32M", *words)

    def image(self):
        path = self.path("state/web/root.img")
        self.assertIsNone(fsck(path))
        return Image(path)

    def config(self):
        return self.path("config/web.conf").read_text(encoding="utf-8")

    def has(self, file, release=None):
        return self.image().exists(f"/usr/lib/modules/{release or self.release}/{file}")

    def listed(self, release=None):
        lines = self.image().text(f"/usr/lib/modules/{release or self.release}/modules.dep").splitlines()
        return sorted(Path(line.partition(":")[0]).name.partition(".")[0] for line in lines)

    def test_create(self):
        """Through the link /lib, with indices for modprobe, and none of the others."""
        self.create()
        self.assertEqual(self.listed(), ["sch_fq", "tcp_bbr"])
        for file in FAST.values():
            self.assertEqual(self.image().read(f"/usr/lib/modules/{self.release}/{file}"),
                             (REAL_MODULES / self.release / file).read_bytes())
        self.assertEqual(self.image().stat("/lib")["target"], "usr/lib")
        self.assertEqual(self.image().stat(f"/usr/lib/modules/{self.release}/{FAST['sch_fq']}")["uid"], 0)
        done = subprocess.run(["modprobe", "-d", self.rdump(), "-S", self.release, "--show-depends", "tcp_bbr"],
                              stdout=subprocess.PIPE, encoding="utf-8", check=True)
        self.assertIn("tcp_bbr.ko", done.stdout)
        self.assertNotIn("Transport", self.config())  # nobody says what its network is made for

    def rdump(self):
        tree = self.path("dumped")
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir()
        subprocess.run(["/sbin/debugfs", "-R", f"rdump / {tree}", self.path("state/web/root.img")], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return tree

    def test_not_wanted(self):
        self.create("--set=FastNetwork=no")
        self.assertFalse(self.has("modules.dep"))
        p = self.expect(DONE, "modules", "web")
        self.assertIn("all that it needs built in", p.stdout)
        self.assertFalse(self.has("modules.dep"))

    def test_named(self):
        """They are remembered."""
        self.create()
        self.expect(DONE, "modules", "web", "tun")
        self.assertEqual(self.listed(), ["sch_fq", "tcp_bbr", "tun"])
        p = self.expect(DONE, "modules", "web")
        self.assertIn(f"has the modules of Linux {self.release}: tcp_bbr sch_fq tun", p.stdout)
        self.assertEqual(self.listed(), ["sch_fq", "tcp_bbr", "tun"])
        p = self.expect(FAILED, "modules", "web", "nothing")
        self.assertIn("has no module nothing", p.stderr)
        self.assertEqual(self.listed(), ["sch_fq", "tcp_bbr", "tun"])

    def test_ipv6(self):
        """With all that it depends on, where the guest has an address of it."""
        self.create("--set=HostAddress6=fd00::1/64", "--set=GuestAddress6=fd00::2")
        self.assertIn("ipv6", self.listed())

    def test_other_kernel(self):
        """Its modules are added when the guest is started the next time, or before."""
        self.create()
        kernel, modules = self.other_kernel()
        text = self.config().replace("Memory=128M\n", f"Memory=128M\nKernel={kernel}\n")
        self.path("config/web.conf").write_text(text, encoding="utf-8")
        p = self.expect(FAILED, "modules", "web")
        self.assertIn(f"modules of Linux {OTHER} are in neither", p.stderr)
        self.expect(DONE, "modules", "web", "--modules", modules)
        self.assertEqual(self.listed(OTHER), ["deep", "sch-fq", "tcp_bbr"])
        self.assertEqual(self.listed(), ["sch_fq", "tcp_bbr"])
        self.assertEqual(self.path("state/web/modules").read_text(encoding="utf-8"), f"{OTHER}\n")

    def other_kernel(self):
        """One that answers the questions, and its modules."""
        kernel, modules = self.path("modular"), self.path("modules")
        shutil.copy(BUILD / "tests/host/fake-kernel", kernel)
        needs = {"kernel/net/ipv4/tcp_bbr.ko": " kernel/lib/deep.ko", "kernel/lib/deep.ko": "", "kernel/net/sched/sch-fq.ko": ""}
        for name in needs:
            (modules / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REAL_MODULES / self.release / FAST["sch_fq"], modules / name)
        (modules / "modules.dep").write_text("".join(f"{a}:{b}\n" for a, b in needs.items()), encoding="utf-8")
        return str(kernel), str(modules)

    def test_own_modules(self):
        """An image that brought modules of this kernel keeps its index of them."""
        own = self.tree / "usr/lib/modules" / self.release
        own.mkdir(parents=True)
        (own / "modules.dep").write_text("kernel/own.ko:\n", encoding="utf-8")
        p = self.create()
        self.assertIn("has the modules of Linux", p.stderr)
        self.assertEqual(self.listed(), ["own"])
        self.expect(DONE, "modules", "web")
        self.assertEqual(self.listed(), ["own"])

    def test_no_modules_here(self):
        """It is a guest all the same."""
        p = self.create("--modules", self.top)
        self.assertRegex(p.stderr, "has no modules.dep; the guest is made without BBR")
        self.assertFalse(self.has("modules.dep"))

    def test_owner_and_repair(self):
        """The image keeps its owner; what a power cut left is repaired first."""
        self.create()
        image = self.path("state/web/root.img")
        os.chown(image, 54321, 54322)
        subprocess.run(["/sbin/debugfs", "-w", "-R", "feature needs_recovery", image], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        self.assertIn("needs_recovery", Image(image).features())
        self.expect(DONE, "modules", "web", "tun")
        st = image.stat()
        self.assertEqual((st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)), (54321, 54322, 0o600))
        self.assertEqual(self.listed(), ["sch_fq", "tcp_bbr", "tun"])
        self.assertNotIn("needs_recovery", self.image().features())

    def test_in_use(self):
        self.create()
        with open(self.path("state/web/root.img"), "rb") as image:
            fcntl.flock(image, fcntl.LOCK_SH)
            p = self.expect(FAILED, "modules", "web")
        self.assertIn("in use by another process", p.stderr)
        self.expect(NO_GUEST, "modules", "none")
        self.expect(USAGE, "modules")

    def test_foreign_file_system(self):
        self.create()
        self.path("state/web/root.img").write_bytes(bytes(1 << 20))
        p = self.expect(FAILED, "modules", "web")
        self.assertIn("has no ext2, ext3 or ext4 file system", p.stderr)

    def test_backing_file(self):
        """What other guests share is not changed."""
        self.create()
        image = self.path("state/web/root.img")
        self.path("config/web.conf").write_text(f"[Guest]\nDisk={image},cow={self.top}/web.cow\n", encoding="utf-8")
        p = self.expect(FAILED, "modules", "web")
        self.assertIn("backing file", p.stderr)

    def test_transport(self):
        """The built-in guest serves either interface."""
        self.expect(DONE, "create", "one", "--size=32M")
        self.assertIn("Transport=vector\n", self.path("config/one.conf").read_text(encoding="utf-8"))
        self.expect(DONE, "create", "two", "--size=32M", "--set=Transport=tuntap")
        text = self.path("config/two.conf").read_text(encoding="utf-8")
        self.assertIn("Transport=tuntap\n", text)
        self.assertNotIn("Transport=vector\n", text)

    def test_no_kernel(self):
        p = self.create("--kernel=/none/there")
        self.assertIn("kernel /none/there does not exist", p.stderr)


if __name__ == "__main__":
    sys.exit(main())
