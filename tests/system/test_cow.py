#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl disk, and export of guests with copy-on-write files. With real guests: tests/guest/test_cow_guests.py."""

import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import cow
from umlctltest import Case, UMLCTL
from umldtest import BUILD, DONE, FAILED, NOT_RUNNING, USAGE, main

MIB = 1 << 20
OLD = 1700000000


class Disks(Case):
    def setUp(self):
        super().setUp()
        self.env["UMLD_IMAGE"] = str(BUILD / "imager/umld-image")
        self.random = random.Random(1)
        self.state = Path(self.top, "state/web")
        self.state.mkdir()
        self.base, self.cow = Path(self.top, "base.img"), self.state / "root.cow"
        self.make_base(8 * MIB)
        self.configure_cow("web", self.cow)

    def make_base(self, size):
        """Sparse: its first half is data."""
        with open(self.base, "wb") as f:
            f.write(self.random.randbytes(size // 2))
            f.truncate(size)
        os.utime(self.base, (OLD, OLD))
        cow.make(self.cow, self.base)

    def configure_cow(self, name, file, base=None):
        Path(self.top, "config", f"{name}.conf").write_text(f"[Guest]\nDisk={base or self.base},cow={file},sync\n", encoding="utf-8")

    def change(self, *places):
        for offset in places:
            cow.write(self.cow, offset, self.random.randbytes(4096))

    def view(self):
        return cow.view(self.cow, self.base)

    def test_commit(self):
        """Over data, over holes, across blocks, at the end; zeros become holes."""
        size = self.base.stat().st_size
        self.change(0, 4096 + 512, MIB, size // 2 - 512, size - 4096)
        cow.write(self.cow, 2 * MIB, bytes(MIB))
        blocks, expected = self.base.stat().st_blocks, self.view()
        p = self.expect(DONE, "disk", "web", "commit")
        self.assertIn("its changes are in the backing file", p.stdout)
        self.assertEqual(self.base.read_bytes(), expected)
        self.assertEqual(self.view(), expected)
        self.assertLess(self.base.stat().st_blocks, blocks - 1500)
        self.assertLess(self.cow.stat().st_blocks, 64)
        self.assertGreater(self.base.stat().st_mtime, OLD)  # which other files on top of it must not miss
        self.assertEqual(self.expect(DONE, "disk", "web", "list").stdout.split("\n")[0],
                         f"{self.cow}: 0B of changes to {self.base}")
        self.assertEqual(os.listdir(self.state), ["root.cow"])

    def test_reset(self):
        before = self.base.read_bytes()
        self.change(0, MIB)
        os.chown(self.cow, 54321, 54322)
        p = self.expect(USAGE, "disk", "web", "reset")
        self.assertIn("use --force", p.stderr)
        self.assertNotEqual(self.view(), before)
        self.expect(DONE, "disk", "web", "reset", "--force")
        self.assertEqual(self.view(), before)
        self.assertEqual(self.base.read_bytes(), before)
        self.assertEqual((self.cow.stat().st_uid, self.cow.stat().st_gid), (54321, 54322))
        os.utime(self.base)  # a changed backing file leaves nothing else to do
        self.assertIsNone(self.view())
        self.assertIn("has been modified since", self.expect(FAILED, "disk", "web", "commit").stderr)
        self.expect(DONE, "disk", "web", "reset", "--force")
        self.assertEqual(self.view(), before)

    def test_snapshots(self):
        self.change(0)
        first = self.view()
        self.expect(DONE, "disk", "web", "snapshot", "first")
        self.change(4096, MIB)
        second = self.view()
        p = self.expect(DONE, "disk", "web", "snapshot")
        self.assertRegex(p.stdout, r"made the snapshot \d{8}-\d{6}")
        stamp = p.stdout.split()[-1]
        listed = self.expect(DONE, "disk", "web", "list").stdout
        self.assertIn("snapshot first, ", listed)
        self.assertIn(f"snapshot {stamp}, ", listed)
        disk, = json.loads(self.expect(DONE, "disk", "web", "list", "--json").stdout)
        self.assertEqual((disk["path"], disk["cow"]), (str(self.base), str(self.cow)))
        self.assertEqual([one["name"] for one in disk["snapshots"]], sorted(["first", stamp]))
        self.assertTrue(all(0 < one["size"] <= disk["changes"] + (1 << 20) for one in disk["snapshots"]), disk)
        self.assertIn("for the list only", self.expect(USAGE, "disk", "web", "commit", "--json").stderr)
        self.change(0)
        self.expect(DONE, "disk", "web", "reset", "first", "--force")
        self.assertEqual(self.view(), first)
        self.expect(DONE, "disk", "web", "reset", stamp, "--force")
        self.assertEqual(self.view(), second)
        self.assertLess((self.state / "root.cow.snapshot-first").stat().st_blocks, 200)  # sparse
        self.assertIn("has a snapshot first already", self.expect(FAILED, "disk", "web", "snapshot", "first").stderr)
        self.assertIn("invalid name", self.expect(USAGE, "disk", "web", "snapshot", "../x").stderr)
        self.assertIn("has no snapshot none", self.expect(FAILED, "disk", "web", "reset", "none", "--force").stderr)
        p = self.expect(FAILED, "disk", "web", "commit")
        self.assertIn("root.cow.snapshot-", p.stderr)
        for name in ("first", stamp):
            (self.state / f"root.cow.snapshot-{name}").unlink()
        self.expect(DONE, "disk", "web", "commit")
        self.assertEqual(self.base.read_bytes(), second)

    def test_old_snapshot(self):
        """It is of no use after its backing file has changed."""
        self.change(0)
        self.expect(DONE, "disk", "web", "snapshot", "old")
        kept = self.state / "root.cow.snapshot-old"
        shutil.move(kept, self.top)
        self.expect(DONE, "disk", "web", "commit")
        shutil.move(os.path.join(self.top, kept.name), kept)
        self.assertIn("has been modified since the snapshot old", self.expect(FAILED, "disk", "web", "reset", "old", "--force").stderr)

    def test_shared_base(self):
        """What another guest has on top of it would be lost."""
        self.configure_cow("mail", os.path.join(self.top, "mail.cow"))
        self.change(0)
        before = self.base.read_bytes()
        self.assertIn("is also a disk of mail", self.expect(FAILED, "disk", "web", "commit").stderr)
        self.assertEqual(self.base.read_bytes(), before)
        self.expect(DONE, "disk", "web", "snapshot", "one")
        self.expect(DONE, "disk", "web", "reset", "--force")
        os.unlink(os.path.join(self.top, "config/mail.conf"))
        (self.state / "root.cow.snapshot-one").unlink()
        self.expect(DONE, "disk", "web", "commit")

    def test_in_use(self):
        self.change(0)
        for file, action in (self.cow, "snapshot"), (self.cow, "reset"), (self.cow, "commit"), (self.base, "commit"):
            with self.subTest(file=file.name, action=action), open(file, "rb") as f:
                fcntl.flock(f, fcntl.LOCK_SH)
                self.assertIn(f"{file} is in use", self.expect(FAILED, "disk", "web", action, "--force").stderr)
        with open(self.base, "rb") as f:
            fcntl.flock(f, fcntl.LOCK_SH)  # other guests may read it
            self.expect(DONE, "disk", "web", "snapshot", "one")
        self.assertIn("--live is for snapshots", self.expect(USAGE, "disk", "web", "commit", "--live").stderr)
        self.expect(NOT_RUNNING, "disk", "web", "snapshot", "--live")
        self.running()
        for action in "reset", "commit", "snapshot":
            self.assertIn("is running", self.expect(FAILED, "disk", "web", action, "--force").stderr)

    def test_words(self):
        self.assertIn("use list, reset, commit or snapshot", self.expect(USAGE, "disk", "web", "rebase").stderr)
        self.assertIn("takes no snapshot", self.expect(USAGE, "disk", "web", "commit", "one").stderr)
        self.configure("mail")
        self.assertIn("has no disk with a copy-on-write file", self.expect(FAILED, "disk", "mail", "list").stderr)

    def test_hostile(self):
        """The guest's kernel process can write anything into its copy-on-write file."""
        expected = self.base.read_bytes()
        original = self.cow.read_bytes()
        for what, at, data in (("magic", 0, b"QFI\xfb"), ("path", 32, b"/etc/shadow\0"), ("size", 12, b"\xff" * 8), ("time", 8, b"\0" * 4),
                               ("bits", cow.BITMAP, b"\xff" * 2048)):
            with self.subTest(what=what):
                self.cow.write_bytes(original[:at] + data + original[at + len(data):])
                if what == "bits":
                    os.truncate(self.cow, 8 * 4096)
                p = self.run_umlctl("disk", "web", "commit")
                self.assertEqual(p.returncode, FAILED, p.stdout)
                self.assertEqual(self.base.read_bytes(), expected)
                self.assertEqual(int(self.base.stat().st_mtime), OLD)

    def cut(self, size):
        """The end of the copy-on-write file is lost, as on a disk that was full or damaged."""
        os.truncate(self.cow, size)

    def test_cut_off(self):
        """Nothing is written into the backing file, nothing exported, and reset is the way out. Without a change in
        what is missing nothing is lost."""
        data, before = cow.data_at(8 * MIB), self.base.read_bytes()
        for what, size in (("data", data + MIB + 512), ("all data", data), ("bits", cow.BITMAP + 10), ("header", 100)):
            with self.subTest(missing=what):
                self.change(0, MIB)
                self.cut(size)
                p = self.expect_line(FAILED, "disk", "web", "commit")
                self.assertIn(f"{self.cow} is not a copy-on" if what == "header" else f"the end of {self.cow} is missing", p)
                with open(os.path.join(self.top, "web.export"), "wb") as out:
                    self.expect(FAILED, "export", "web", stdout=out)
                self.assertEqual((self.base.read_bytes(), int(self.base.stat().st_mtime)), (before, OLD))
                self.assertEqual(os.listdir(self.state), ["root.cow"])
                self.expect(DONE, "disk", "web", "reset", "--force")
                self.assertEqual(self.view(), before)
        self.change(0, MIB)
        expected = self.view()
        self.cut(data + MIB + 4096)
        self.expect(DONE, "disk", "web", "commit")
        self.assertEqual(self.base.read_bytes(), expected)

    def killed_commit(self, *options):
        """A commit that strace kills when it first makes this call."""
        p = subprocess.run(["strace", "-qq", "-o", "/dev/null", *options, UMLCTL, "disk", "web", "commit"], env=self.env,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=60)
        self.assertEqual(p.returncode, -signal.SIGKILL)
        self.assertEqual(sorted(os.listdir(self.state)), ["root.cow", "root.cow.commit"])

    def test_cut_off_in_commit(self):
        """What was lost after an interruption cannot be committed any more, and the rest is given up."""
        for cut in lambda: self.cut(cow.data_at(8 * MIB) + MIB), lambda: self.cut(100), self.cow.unlink:
            cow.make(self.cow, self.base)
            self.change(0, MIB)
            self.killed_commit("-e", "trace=fsync", "-P", self.base, "-e", "inject=fsync:error=EIO:signal=KILL")
            self.assertIn("complete it first", self.expect_line(FAILED, "disk", "web", "reset", "--force"))
            shutil.copy(self.cow, f"{self.cow}.snapshot-old")
            cut()
            if self.cow.exists():
                self.expect_line(FAILED, "disk", "web", "commit")
            self.assertRegex(self.expect_line(FAILED, "disk", "web", "reset", "old", "--force"), "of no use|has been modified")
            os.unlink(f"{self.cow}.snapshot-old")
            then = int(self.base.stat().st_mtime)
            self.assertIn(f"e2fsck -f {self.base}", self.expect(DONE, "disk", "web", "reset", "--force").stderr)
            self.assertGreater(int(self.base.stat().st_mtime), then)  # no other file on top of it fits
            if self.cow.exists():
                self.assertEqual(self.view(), self.base.read_bytes())
            self.assertIn(os.listdir(self.state), ([], ["root.cow"]))
            self.expect(DONE, "disk", "web", "reset", "--force")

    def test_killed_in_the_last_step(self):
        """All is in the backing file, and only the note is left: a reset loses nothing but what came later."""
        for action in ("reset", "--force"), ("reset", "later", "--force"), ("commit",):
            self.change(0, MIB)
            expected = self.view()
            self.killed_commit("-e", "trace=unlink", "-P", f"{self.cow}.commit", "-e", "inject=unlink:error=EIO:signal=KILL")
            self.assertEqual((self.view(), self.base.read_bytes()), (expected, expected))
            if "commit" not in action:
                self.expect(DONE, "disk", "web", "snapshot", "later")
                self.change(2 * MIB)
            self.expect(DONE, "disk", "web", *action)
            self.assertEqual(self.view(), expected)
            Path(f"{self.cow}.snapshot-later").unlink(missing_ok=True)
            self.assertEqual(os.listdir(self.state), ["root.cow"])

    def test_not_yet(self):
        """Before the first start there is no copy-on-write file."""
        self.cow.unlink()
        self.expect(DONE, "disk", "web", "commit")
        self.expect(DONE, "disk", "web", "reset", "--force")
        self.assertIn("nothing has been written", self.expect(FAILED, "disk", "web", "snapshot").stderr)

    def test_full_disk(self):
        """Without space for all of it nothing is changed."""
        small = Path(self.top, "small")
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24M", "none", small], check=True)
        self.addCleanup(subprocess.run, ["umount", small], check=True)
        self.base = small / "base.img"
        self.make_base(32 * MIB)
        self.configure_cow("web", self.cow)
        cow.write(self.cow, 16 * MIB, self.random.randbytes(MIB))
        before = self.view()
        p = self.expect(FAILED, "disk", "web", "commit")
        self.assertIn("nothing was changed", p.stderr)
        self.assertEqual(self.view(), before)
        self.assertEqual(os.listdir(self.state), ["root.cow"])

    def test_killed(self):
        """Whenever it is killed, the guest sees the same disk, reset is refused until commit is done, and then it is."""
        self.make_base(32 * MIB)
        for offset in range(0, 32 * MIB, 1 * MIB):
            cow.write(self.cow, offset, self.random.randbytes(MIB // 2))
        expected = self.view()
        note, torn = Path(f"{self.cow}.commit"), 0
        for delay in (0, 0.001, 0.003, 0.006, 0.01, 0.02):
            p = subprocess.Popen([UMLCTL, "disk", "web", "commit"], env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while not note.exists() and p.poll() is None:
                pass
            time.sleep(delay)
            p.send_signal(signal.SIGKILL)
            p.wait()
            if not note.exists():
                break
            p = self.run_umlctl("disk", "web", "reset", "--force")
            if p.returncode == FAILED:
                self.assertIn("complete it first", p.stderr)
                torn += 1
            if self.view() is None:  # as umld does before a start, and the next commit
                mtime = int(note.read_text(encoding="utf-8").split()[0])
                os.utime(self.base, (mtime, mtime))
            self.assertEqual(self.view(), expected)
        self.assertGreater(torn, 0)
        self.expect(DONE, "disk", "web", "commit")
        self.assertEqual(self.base.read_bytes(), expected)
        self.assertEqual(self.view(), expected)
        self.assertEqual(os.listdir(self.state), ["root.cow"])

    def test_interrupted(self):
        """Ctrl-C in the middle of a large one."""
        self.make_base(64 * MIB)
        for offset in range(0, 64 * MIB, MIB):
            cow.write(self.cow, offset, self.random.randbytes(MIB // 2))
        expected = self.view()
        p = self.start_umlctl("disk", "web", "commit")
        note = Path(f"{self.cow}.commit")
        while not note.exists() and p.poll() is None:
            pass
        p.send_signal(signal.SIGINT)
        p.wait(20)
        self.assertEqual(self.view(), expected)
        self.expect(DONE, "disk", "web", "commit")
        self.assertEqual(self.base.read_bytes(), expected)

    def test_swept(self):
        """What a killed snapshot left is removed, but not what one is writing."""
        self.change(0)
        left, busy = (self.state / f"root.cow.snapshot-{name}.new" for name in ("left", "busy"))
        left.touch()
        with open(busy, "wb") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            self.expect(DONE, "disk", "web", "snapshot", "one")
            self.assertFalse(left.exists())
            self.assertTrue(busy.exists())

    def test_export(self):
        """As one image, with the configuration of a guest that has one."""
        self.change(0, 5 * MIB)
        expected = self.view()
        file = os.path.join(self.top, "web.export")
        with open(file, "wb") as out:
            self.expect(DONE, "export", "web", stdout=out)
        self.expect(DONE, "import", file, "--name=two")
        image = Path(self.top, "state/two/root.img")
        self.assertEqual(image.read_bytes(), expected)
        self.assertLess(image.stat().st_blocks * 512, 6 * MIB)
        self.assertEqual(Path(self.top, "config/two.conf").read_text(encoding="utf-8"), f"[Guest]\nDisk={image},sync\n")
        self.assertEqual(self.view(), expected)
        self.cow.unlink()  # before the first start
        with open(file, "wb") as out:
            self.expect(DONE, "export", "web", stdout=out)
        self.expect(DONE, "import", file, "--name=three")
        self.assertEqual(Path(self.top, "state/three/root.img").read_bytes(), self.base.read_bytes())


if __name__ == "__main__":
    sys.exit(main())
