#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks: what is no file system is told before the start, no owner changes that nobody meant to change, and
copy-on-write files that work with real kernels."""

import gzip
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tarfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import (DONE, FAILED, FAKE_IMAGE, MAKE_GUEST, TestCase, kernels_for, main, test_kernels, wait_until)  # noqa: E402

ONCE = {"Restart": "no"}


class Swap(TestCase):
    """Disk=FILE,swap: swap space for the guest, which umld makes."""

    def setUp(self):
        super().setUp()
        self.swap = self.world.state_dir / "web/swap.img"

    def write(self, suffix):
        self.world.guest(fake="boot", Guest={"Disk": [self.world.state_dir / "web/root.img", f"{self.swap},{suffix}"]}, Supervise=ONCE)

    def size(self):
        with open(self.swap, "rb") as f:
            page = f.read(4096)
        self.assertEqual(page[-10:], b"SWAPSPACE2")
        version, last = struct.unpack_from("=II", page, 1024)
        self.assertEqual((version, (last + 1) * 4096), (1, self.swap.stat().st_size))
        return self.swap.stat().st_size

    def test_made(self):
        """Where it is missing, and where it has another size; else it is left alone."""
        self.write("swap=1M")
        p = self.world.check("web")
        self.assertEqual(p.returncode, DONE, p.stderr)
        self.assertIn("ubdb " + str(self.swap) + ", swap space", p.stdout)
        self.assertIn("umld_swap=ubdb", p.stdout)
        self.assertFalse(self.swap.exists())
        umld = self.daemon().wait_ready()
        self.assertEqual(self.size(), 1 << 20)
        self.assertLess(self.swap.stat().st_blocks * 512, 64 << 10)
        self.assertNotEqual(self.swap.stat().st_uid, 0)
        umld.stop()
        first = self.swap.stat().st_ino
        self.daemon().wait_ready().stop()
        self.assertEqual(self.swap.stat().st_ino, first)
        self.write("swap=2M")
        self.daemon().wait_ready().stop()
        self.assertEqual(self.size(), 2 << 20)
        self.write("swap")
        self.daemon().wait_ready().stop()
        self.assertEqual(self.size(), 2 << 20)

    def test_never_overwrites(self):
        """What holds something else is not swap space."""
        for suffix in ("swap=1M", "swap"):
            self.write(suffix)
            self.swap.write_bytes(FAKE_IMAGE)
            umld = self.daemon()
            self.assertEqual(umld.wait(), FAILED)
            self.assertIn(f"Disk={self.swap},swap: is not swap space; prepare it with mkswap(8)", umld.log)
            self.assertEqual(self.swap.read_bytes(), FAKE_IMAGE)

    def test_in_use(self):
        """Another guest that names the same file, with another size, does not get it; the first one's stays."""
        self.write("swap=1M")
        self.daemon().wait_ready()
        first = self.swap.stat().st_ino
        self.world.guest("other", fake="boot", Guest={"Disk": [self.world.state_dir / "other/root.img", f"{self.swap},swap=2M"]},
                         Supervise=ONCE)
        umld = self.daemon("other")
        self.assertEqual(umld.wait(), FAILED)
        self.assertIn(f"Disk={self.swap}: another guest's umld uses this image", umld.log)
        self.assertEqual((self.swap.stat().st_ino, self.size()), (first, 1 << 20))

    def test_not_a_file(self):
        """A symbolic link, to swap space or to nothing, is not replaced by a file."""
        self.write("swap=1M")
        self.daemon().wait_ready().stop()
        target = self.swap.with_name("target")
        self.swap.rename(target)
        self.swap.symlink_to(target)
        self.write("swap=2M")
        for there in (True, False):
            if not there:
                target.unlink()
            p = self.world.check("web")
            self.assertEqual(p.returncode, FAILED, p.stdout)
            umld = self.daemon()
            self.assertEqual(umld.wait(), FAILED)
            for told in (p.stderr, umld.log):
                self.assertIn("swap space of another size is created only in a regular file", told)
            self.assertTrue(self.swap.is_symlink())
            self.assertEqual(target.exists(), there)

    def test_not_there(self):
        """Without a size there is nothing to make."""
        self.write("swap")
        umld = self.daemon()
        self.assertEqual(umld.wait(), FAILED)
        self.assertIn("no such image", umld.log)
        self.assertFalse(self.swap.exists())


class Wrong(TestCase):
    """What people give for an image by mistake."""

    def refused(self, *words):
        p = self.world.check("web")
        self.assertEqual(p.returncode, FAILED, p.stderr)
        for word in words:
            self.assertIn(word, p.stderr)
        umld = self.daemon()
        self.assertEqual(umld.wait(), FAILED)
        for word in words:
            self.assertIn(word, umld.log)
        self.assertNotIn("-> booting", umld.log)

    def give(self, content, **guest):
        self.world.guest(fake="boot", Guest=guest, Supervise=ONCE)
        self.world.image().write_bytes(content)

    def test_no_file_system(self):
        tar = self.world.dir / "root.tar"
        with tarfile.open(tar, "w") as t:
            t.add(__file__, "file")
        contents = {
            "qcow2": b"QFI\xfb" + bytes(4096), "VMDK": b"KDMV" + bytes(4096), "gzip": gzip.compress(tar.read_bytes()),
            "xz": b"\xfd7zXZ\0" + bytes(4096), "zstd": b"\x28\xb5\x2f\xfd" + bytes(4096), "tar archive": tar.read_bytes(),
            "ISO 9660": bytes(0x8001) + b"CD001" + bytes(4096), "blank": bytes(1 << 20), "a program": b"\x7fELF" + bytes(4096),
        }
        for what, content in contents.items():
            with self.subTest(what=what):
                self.give(content)
                self.refused("root.img", what)

    def test_partitions(self):
        """The largest one is named, of an MBR and of a GPT; naming it is enough."""
        mbr = bytearray(1 << 20)
        mbr[510:512] = b"\x55\xaa"
        mbr[446:462] = struct.pack("<BBBBBBBBII", 0x80, 0, 0, 0, 0x83, 0, 0, 0, 8, 100)
        mbr[462:478] = struct.pack("<BBBBBBBBII", 0, 0, 0, 0, 0x83, 0, 0, 0, 108, 1000)
        gpt = bytearray(mbr)
        gpt[446:478] = struct.pack("<BBBBBBBBII", 0, 0, 0, 0, 0xee, 0, 0, 0, 1, 2047) + bytes(16)
        gpt[512:520] = b"EFI PART"
        gpt[512 + 72:512 + 88] = struct.pack("<QII", 2, 128, 128)
        for i, (first, last) in enumerate(((34, 100), (101, 150), (151, 1900))):
            gpt[1024 + 128 * i:1024 + 128 * i + 48] = bytes([i + 1]) * 32 + struct.pack("<QQ", first, last)
        for table, number in ((mbr, 2), (gpt, 3)):
            with self.subTest(number=number):
                self.give(bytes(table))
                self.refused("partitioned", f"Append=root=/dev/ubda{number}")
        self.world.guest(fake="boot", Guest={"Append": ["fake=boot", "root=/dev/ubda2"]}, Supervise=ONCE)
        self.assertEqual(self.daemon().wait_ready().stop(), DONE)

    def test_fat_is_no_partition_table(self):
        content = bytearray(1 << 20)
        content[510:512] = b"\x55\xaa"
        content[82:87] = b"FAT32"
        self.give(bytes(content))
        self.assertEqual(self.daemon().wait_ready().stop(), DONE)

    def test_data_disks_may_be_anything(self):
        data = self.world.state_dir / "data.img"
        data.write_bytes(bytes(1 << 20))
        self.give(FAKE_IMAGE, Disk=[self.world.image(), data])
        self.assertEqual(self.daemon().wait_ready().stop(), DONE)


class Owners(TestCase):
    def start(self, disk):
        self.world.guest(fake="boot", Guest={"Disk": disk}, Supervise=ONCE)
        return self.daemon()

    def refused(self, disk, *words):
        self.world.guest(fake="boot", Guest={"Disk": disk}, Supervise=ONCE)
        before = self.world.snapshot()
        umld = self.daemon()
        self.assertEqual(umld.wait(), FAILED)
        for word in words:
            self.assertIn(word, umld.log)
        self.assert_same_host(before)

    def test_outside(self):
        """A file like /etc/shadow stays what it is; with the administrator's word an image may lie anywhere."""
        secret = self.world.dir / "secret"
        secret.write_bytes(FAKE_IMAGE)
        self.refused(secret, "outside", ",adopt")
        self.assertEqual(secret.stat().st_uid, 0)
        umld = self.start(f"{secret},adopt").wait_ready()
        self.assertEqual(secret.stat().st_uid, int((self.world.state_dir / "web/uid").read_text()))
        self.assertIn(f"{secret}: owner changed", umld.log)
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(secret.stat().st_uid, 0)

    def test_links(self):
        secret = self.world.dir / "secret"
        secret.write_bytes(FAKE_IMAGE)
        disk = self.world.state_dir / "disk.img"
        for make, why in ((os.symlink, "symbolic link"), (os.link, "hard links")):
            for suffix in ("", ",adopt"):
                with self.subTest(make=make.__name__, suffix=suffix):
                    make(secret, disk)
                    self.refused(f"{disk}{suffix}", why)
                    self.assertEqual(secret.stat().st_uid, 0)
                    disk.unlink()

    def test_link_on_the_way(self):
        """A directory below the state directory that leads out of it does not count as below it."""
        (self.world.dir / "elsewhere").mkdir()
        (self.world.dir / "elsewhere/disk.img").write_bytes(FAKE_IMAGE)
        (self.world.state_dir / "link").symlink_to(self.world.dir / "elsewhere")
        self.refused(self.world.state_dir / "link/disk.img", "outside")

    def test_read_only(self):
        """What is only read keeps its owner, so that the guest's user cannot open it for writing by itself."""
        base = self.world.state_dir / "base.img"
        base.write_bytes(FAKE_IMAGE)
        base.chmod(0o644)
        umld = self.start(f"{base},ro").wait_ready()
        self.assertEqual(base.stat().st_uid, 0)
        self.assertEqual(umld.stop(), DONE)
        base.chmod(0o600)
        self.refused(f"{base},ro", "cannot read it", "chmod o+r")


class CopyOnWrite(TestCase):
    """With each real kernel: changes go into the file that umld made, the base stays as it is."""

    shm = "256M"

    def setUp(self):
        super().setUp()
        self.base = self.world.state_dir / "base.img"
        subprocess.run([MAKE_GUEST, self.base], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60)
        os.utime(self.base, (1700000000, 1700000000))

    def configure(self, name, kernel, n=0):
        (self.world.state_dir / name).mkdir(exist_ok=True)
        cow = self.world.state_dir / name / "root.cow"
        self.world.guest(name, kernel=kernel, Guest={"Disk": f"{self.base},cow={cow}", "Memory": "32M"},
                         Network={"Tap": f"tap{n}", "HostAddress": f"10.0.{n}.1/24", "GuestAddress": f"10.0.{n}.2"})
        return cow

    def test_kept_across_deaths(self):
        for kernel in kernels_for(0):
            with self.subTest(kernel=kernel.name):
                before = self.base.read_bytes()
                cow = self.configure("web", kernel)
                cow.unlink(missing_ok=True)
                umld = self.daemon().wait_ready()
                self.assertEqual(cow.stat().st_mode & 0o777, 0o600)
                size = cow.stat().st_size
                os.kill(umld.guest_pid(), signal.SIGKILL)
                umld.wait_state("running", 30, len(umld.messages))
                self.assertEqual(umld.stop(), DONE)
                self.assertEqual(self.base.read_bytes(), before)
                self.assertEqual(cow.stat().st_size, size)
                self.assertGreater(cow.stat().st_blocks, 0)
                self.assertEqual(self.daemon().wait_ready().stop(), DONE)
                self.assertEqual(cow.stat().st_uid, 0)

    def test_like_the_kernels_own(self):
        """The file that umld makes is the one that a kernel makes, in each field and in size."""
        made = self.world.dir / "cow"
        made.mkdir()
        made.chmod(0o777)
        for kernel in kernels_for(1):
            with self.subTest(kernel=kernel.name):
                own = made / f"{kernel.name}.cow"
                p = subprocess.run(["setarch", "-R", kernel, "mem=32m", f"ubda={own},{self.base}", "root=/dev/ubda", "init=/none", "con=null", "con0=null",
                                f"uml_dir={made}", "umid=cow", "hostfs=/dev/null"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                               check=False, start_new_session=True, env={"TMPDIR": "/dev/shm", "LD_PRELOAD": str(self.world.program("lib/preload/umld-cpu-fix.so"))})
                self.assertTrue(own.exists(), p.stdout)
                cow = self.configure("web", kernel)
                cow.unlink(missing_ok=True)
                umld = self.daemon().wait_ready()
                self.assertEqual(umld.stop(), DONE)
                with open(own, "rb") as a, open(cow, "rb") as b:
                    # Behind the path's end kernels leave what was in their memory.
                    self.assertEqual(*(f.read(32) + f.read(4096).split(b"\0")[0] for f in (a, b)))
                self.assertEqual(own.stat().st_size, cow.stat().st_size)

    def test_two_guests_on_one_base(self):
        kernel = test_kernels()[-1]
        first, second = self.configure("web", kernel), self.configure("mail", kernel, 1)
        a, b = self.daemon("web"), self.daemon("mail")
        a.wait_ready()
        b.wait_ready()
        self.assertNotEqual(first.stat().st_ino, second.stat().st_ino)
        self.assertEqual(a.stop(), DONE)
        self.assertEqual(b.stop(), DONE)

    def refused(self, *words):
        p = self.world.check("web")
        self.assertEqual(p.returncode, FAILED)
        umld = self.daemon()
        self.assertEqual(umld.wait(), FAILED)
        for word in words:
            self.assertIn(word, p.stderr)
            self.assertIn(word, umld.log)

    def test_what_does_not_fit(self):
        cow = self.configure("web", test_kernels()[0])
        self.world.write_config("web", {"Guest": {"Disk": f"{self.base},cow={cow}", "Memory": "32M"}, "Supervise": ONCE})
        self.assertIn(f"{self.base}, changes in {cow}", self.world.check("web").stdout)
        self.assertEqual(self.daemon().wait_ready().stop(), DONE)
        kept = cow.read_bytes()
        os.utime(self.base, (1700000001, 1700000001))
        line = r"touch -d @1700000000 \S+base\.img"
        self.refused("has been modified since", "or delete")
        self.assertRegex(self.world.check("web").stderr, line)
        subprocess.run(re.search(line, self.world.check("web").stderr).group().split(), check=True)
        self.assertEqual(self.daemon().wait_ready().stop(), DONE)
        other = self.world.state_dir / "other.img"
        shutil.copy2(self.base, other)
        self.world.write_config("web", {"Guest": {"Disk": f"{other},cow={cow}", "Memory": "32M"}, "Supervise": ONCE})
        self.refused("the backing file of the copy-on-write file is", str(self.base))
        self.assertEqual(cow.read_bytes()[:4128], kept[:4128])
        cow.write_bytes(FAKE_IMAGE)
        self.refused("not a copy-on-write file", "cow=")
        self.assertEqual(cow.read_bytes(), FAKE_IMAGE)
        cow.write_bytes(b"")  # made by hand, as people do
        self.assertEqual(self.daemon().wait_ready().stop(), DONE)
        wait_until(lambda: cow.stat().st_size > len(FAKE_IMAGE), 1, "a file that umld made")


if __name__ == "__main__":
    main()
