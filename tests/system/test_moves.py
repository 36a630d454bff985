#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl export, import and resize: what arrives is what left, or nothing does."""

import fcntl
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from ext4 import Image, fsck
from umlctltest import Case, UMLCTL
from umldtest import BUILD, DONE, FAILED, NO_GUEST, USAGE, main

MIB = 1 << 20


class MoveCase(Case):
    def setUp(self):
        super().setUp()
        self.env["UMLD_IMAGE"] = str(BUILD / "imager/umld-image")
        tree = Path(self.top, "tree")
        (tree / "etc").mkdir(parents=True)
        (tree / "etc/os-release").write_text("ID=test\n", encoding="utf-8")
        self.expect(DONE, "create", "web", "--from", str(tree), "--size=64M", "--set=FastNetwork=no", "--forward=tcp/8080:80")
        self.file = self.path("web.export")

    def path(self, *rest):
        return Path(self.top, *rest)

    def config(self, name="web"):
        return self.path("config", name + ".conf").read_text(encoding="utf-8")

    def set_config(self, text):
        self.path("config/web.conf").write_text(text, encoding="utf-8")

    def export(self, *options, code=DONE):
        with open(self.file, "wb") as out:
            return self.expect(code, "export", "web", *options, stdout=out)

    def import_it(self, *options, code=DONE):
        return self.expect(code, "import", str(self.file), *options)

    def left(self):
        return sorted(str(p.relative_to(self.top)) for kind in ("config", "state") for p in self.path(kind).rglob("*"))


class Moves(MoveCase):
    def test_whole(self):
        before = self.path("state/web/root.img").read_bytes()
        self.export()
        self.assertLess(self.file.stat().st_size, 4 * MIB)
        p = self.import_it("--name=two")
        self.assertIn("two: imported from ", p.stdout)
        image = self.path("state/two/root.img")
        self.assertEqual(image.read_bytes(), before)
        self.assertLessEqual(image.stat().st_blocks, self.path("state/web/root.img").stat().st_blocks + 64)
        self.assertEqual(image.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.config("two"), self.config())
        self.expect(DONE, "remove", "web", "--force")
        self.import_it()  # by its own name
        self.assertEqual(self.path("state/web/root.img").read_bytes(), before)

    def test_pipe(self):
        """As between two hosts."""
        done = subprocess.run(["sh", "-c", f"{UMLCTL} export web | {UMLCTL} import - --name two"], env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False)
        self.assertEqual(done.returncode, DONE, done.stdout)
        self.assertEqual(self.path("state/two/root.img").read_bytes(), self.path("state/web/root.img").read_bytes())

    def test_broken_pipe(self):
        self.path("state/web/root.img").write_bytes(os.urandom(2 * MIB))
        done = subprocess.run(["bash", "-c", f"set -o pipefail; {UMLCTL} export web | head -c 1000 >/dev/null"], env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("cannot be exported", done.stdout)
        self.assertFalse([name for name in self.left() if ".new-" in name])

    def test_disks(self):
        """Wherever they lie, with holes, and with one that is all holes; the configuration names their new places."""
        data, swap = self.path("data.img"), self.path("swap.img")
        with open(data, "wb") as file:
            file.write(os.urandom(10000))
            file.seek(5 * MIB)
            file.write(os.urandom(300000))
            file.truncate(2048 * MIB)
        with open(swap, "wb") as file:
            file.truncate(300 * MIB)
        root = self.path("state/web/root.img")
        self.set_config(f"# mine\n[Guest]\nDisk = {root}\n  Disk={data},ro\nDisk={swap},sync\nMemory=64M\n[Network]\nDNS=1.1.1.1\n")
        self.export()
        self.import_it("--name=two")
        two = self.path("state/two")
        self.assertEqual(self.config("two"), f"# mine\n[Guest]\nDisk = {two}/root.img\n  Disk={two}/disk1.img,ro\n"
                                             f"Disk={two}/disk2.img,sync\nMemory=64M\n[Network]\nDNS=1.1.1.1\n")
        subprocess.run(["cmp", data, two / "disk1.img"], check=True)
        self.assertEqual((two / "disk1.img").stat().st_size, 2048 * MIB)
        self.assertLess((two / "disk1.img").stat().st_blocks * 512, MIB)
        self.assertEqual((two / "disk2.img").stat().st_size, 300 * MIB)
        self.assertLess((two / "disk2.img").stat().st_blocks * 512, MIB)

    def test_swap(self):
        """Swap space that umld makes is made again: it need not be there, and what is in it stays here."""
        root, swap = self.path("state/web/root.img"), self.path("swap.img")
        self.set_config(f"[Guest]\nDisk={root}\nDisk={swap},swap=64M\nDisk={swap}2,ro\n")
        self.path("swap.img2").write_bytes(b"data")
        for name in ("two", "three"):
            with self.subTest(there=swap.exists()):
                self.export()
                self.import_it(f"--name={name}")
                own = self.path("state", name)
                self.assertEqual(self.config(name),
                                 f"[Guest]\nDisk={own}/root.img\nDisk={own}/disk1.img,swap=64M\nDisk={own}/disk2.img,ro\n")
                self.assertFalse((own / "disk1.img").exists())
                self.assertEqual((own / "disk2.img").read_bytes(), b"data")
                swap.write_bytes(b"secret")

    def test_dropins(self):
        """They move, too, and what they say of disks is changed as in the file itself."""
        dropins, root = self.path("config/web.conf.d"), self.path("state/web/root.img")
        dropins.mkdir()
        self.set_config(f"[Guest]\nDisk={root}\nMemory=64M\n")
        (dropins / "10-memory.conf").write_text("# more\n[Guest]\nMemory=96M\n", encoding="utf-8")
        (dropins / "20-disk.conf").write_text(f"[Guest]\nDisk=\nDisk={root},sync\n", encoding="utf-8")
        (dropins / "README").write_text("not one\n", encoding="utf-8")
        self.export()
        self.import_it("--name=two")
        self.assertEqual(self.config("two"), f"[Guest]\n#Disk={root}\nMemory=64M\n")
        two = self.path("config/two.conf.d")
        self.assertEqual({p.name: p.read_text(encoding="utf-8") for p in two.iterdir()},
                         {"10-memory.conf": "# more\n[Guest]\nMemory=96M\n",
                          "20-disk.conf": f"[Guest]\n#Disk=\nDisk={self.top}/state/two/root.img,sync\n"})
        self.assertEqual(two.stat().st_mode & 0o777, 0o755)
        self.expect(DONE, "remove", "two", "--force")
        self.assertFalse(two.exists())
        two.mkdir()
        (two / "x.conf").touch()  # somebody else's, which is not overwritten
        before = self.left()
        self.assertIn("created by another process", self.import_it("--name=two", code=FAILED).stderr)
        self.assertEqual(self.left(), before)
        (two / "x.conf").unlink()
        self.import_it("--name=two")
        self.assertEqual(sorted(p.name for p in two.iterdir()), ["10-memory.conf", "20-disk.conf"])
        three = self.path("config/three.conf.d")
        three.mkdir()
        (three / "mine.conf").write_text("[Guest]\nMemory=80M\n", encoding="utf-8")
        self.assertIn(f"the drop-ins in {three} apply to it", self.expect(DONE, "create", "three", "--from", str(self.path("tree")),
                                                                         "--size=64M", "--set=FastNetwork=no").stderr)

    def test_kernel(self):
        kernel = self.path("linux")
        kernel.write_bytes(Path("/bin/true").read_bytes())
        kernel.chmod(0o755)
        self.set_config(f"[Guest]\nKernel={kernel}\n[Fallback]\nKernel=/usr/bin/other\n")
        self.export("--with-kernel")
        kernel.unlink()
        self.import_it("--name=two")
        self.assertEqual(self.config("two"), f"[Guest]\nKernel={self.top}/state/two/kernel\n[Fallback]\nKernel=/usr/bin/other\n")
        self.assertTrue(os.access(self.path("state/two/kernel"), os.X_OK))

    def test_kernel_missing(self):
        self.set_config("[Guest]\nKernel=/none/linux\n")
        self.export()
        p = self.import_it("--name=two")
        self.assertIn("its kernel, /none/linux, is not here", p.stderr)

    def test_resize(self):
        p = self.expect(USAGE, "resize", "web", "32M")
        self.assertIn("can only be made larger", p.stderr)
        self.expect(USAGE, "resize", "web", "x")
        self.expect(USAGE, "resize", "web")
        self.expect(NO_GUEST, "resize", "none", "1G")
        p = self.expect(DONE, "resize", "web", "3G")
        self.assertIn("web: its image has 3G\n", p.stdout)
        image = self.path("state/web/root.img")
        self.assertEqual(image.stat().st_size, 3 << 30)
        self.assertLess(image.stat().st_blocks * 512, 64 * MIB)
        self.assertIsNone(fsck(image))
        self.assertEqual(Image(image).text("/etc/os-release"), "ID=test\n")
        self.assertIn(b"786432", Image(image).debugfs("stats -h"))  # blocks
        self.expect(DONE, "resize", "web", "3G")

    def test_resize_owner(self):
        """The image stays whose it is: umld-image, another user, works on it through a descriptor."""
        image = self.path("state/web/root.img")
        os.chown(image, 1234, 4321)
        os.chmod(image, 0o600)
        for size in ("128M", "256M"):
            self.expect(DONE, "resize", "web", size)
            self.assertEqual((image.stat().st_uid, image.stat().st_gid), (1234, 4321))
        self.assertEqual(image.stat().st_size, 256 * MIB)
        self.assertIsNone(fsck(image))


class Refused(MoveCase):
    def refused(self, why, *options, code=FAILED):
        before = self.left()
        p = self.import_it("--name=two", *options, code=code)
        self.assertRegex(p.stderr, why)
        self.assertEqual(p.stderr.count("\n"), 1, p.stderr)
        self.assertEqual(self.left(), before)

    def export_dense(self):
        """Of an image without holes, which Python's tar leaves as it is."""
        self.path("state/web/root.img").write_bytes(os.urandom(100000))
        self.export()

    def members(self):
        """The export as (name, content) in order."""
        data = subprocess.run(["zstd", "-dc", self.file], check=True, stdout=subprocess.PIPE).stdout
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return [(m.name, tar.extractfile(m).read()) for m in tar.getmembers()]

    def write(self, members):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            for name, content in members:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        self.file.write_bytes(subprocess.run(["zstd", "-q"], input=out.getvalue(), check=True, stdout=subprocess.PIPE).stdout)

    def test_cut(self):
        self.export()
        data = self.file.read_bytes()
        for n in (0, 1, 100, len(data) // 2, len(data) - 1):
            with self.subTest(n=n):
                self.file.write_bytes(data[:n])
                self.refused("damaged|is not an export of a guest")

    def test_changed(self):
        self.export()
        data = bytearray(self.file.read_bytes())
        for at in range(50, len(data), len(data) // 12):
            with self.subTest(at=at):
                spoiled = bytearray(data)
                spoiled[at] ^= 0x55
                self.file.write_bytes(spoiled)
                if self.run_umlctl("import", str(self.file), "--name=two").returncode == DONE:
                    self.assert_same()  # some bytes say nothing: the times of members, what fills the last block
                else:
                    self.refused("damaged|is not an export of a guest|configuration|newer umlctl")

    def assert_same(self):
        """What was imported is what was exported; removes it."""
        one, two = self.path("state/web"), self.path("state/two")
        self.assertEqual((two / "root.img").read_bytes(), (one / "root.img").read_bytes())
        self.assertEqual(self.config("two").replace(str(two), str(one)), self.config("web"))
        self.expect(DONE, "remove", "--force", "two")

    def test_changed_within(self):
        """Only the checksums tell."""
        self.export_dense()
        members = self.members()
        for i, (name, content) in enumerate(members[:-1]):
            with self.subTest(name=name):
                spoiled = content[:-1] + bytes([content[-1] ^ 1])
                self.write([*members[:i], (name, spoiled), *members[i + 1:]])
                self.refused(f"damaged: {name} has another checksum")

    def test_moved_data(self):
        """The same data elsewhere in its file is another file."""
        self.export_dense()
        self.write([(n, c) if n != "root.img" else (n, c[1000:] + c[:1000]) for n, c in self.members()])
        self.refused("root.img has another checksum")

    def test_members(self):
        self.export_dense()
        m = self.members()
        for members, why in ((m[1:], "is not an export"), (m[:-1], "its end is missing"), ([m[0], *m], "not known here, or twice"),
                             ([m[0], ("passwd", b"x"), *m[1:]], "not known here"), ([*m, m[0]], "something after its end"),
                             ([m[0], ("../x", b"x"), *m[1:]], "is not an export"), ([m[0], ("/etc/x", b"x"), *m[1:]], "is not an export"),
                             ([m[0], ("disk1.img", b"x"), *m[1:]], "disk1.img has no checksum"),
                             ([*m[:-1], ("checksums", b"")], "has no checksum"), ([*m[:-1], ("checksums", b"x\n")], "does not fit")):
            with self.subTest(why=why):
                self.write(members)
                self.refused(why)

    def test_foreign_disk(self):
        """A configuration does not get at files of this host by being imported."""
        self.set_config("[Guest]\nMemory=64M\n")
        self.export()
        data = self.file.read_bytes()
        self.assertTrue(data)
        self.path("etc-shadow").write_text("x", encoding="utf-8")
        self.set_config(f"[Guest]\nDisk={self.path('state/web/root.img')}\nDisk={self.path('etc-shadow')},adopt\n")
        with open(self.file, "wb") as out:
            self.expect(DONE, "export", "web", stdout=out)
        self.import_it("--name=two")
        self.assertIn(f"Disk={self.top}/state/two/disk1.img,adopt\n", self.config("two"))  # a copy of its own

    def test_harmful(self):
        """A stranger's export does not choose who its guest is on this host."""
        for text, key in (("[Confine]\nUser=root\n", r"\[Confine\] User=root"), ("[Confine]\nUser=1000\n", r"\[Confine\] User=1000"),
                          ("[Notify]\nCommand=/bin/sh -c id\n", r"\[Notify\] Command="),
                          (f"[Guest]\nShare={self.top}\n", r"\[Guest\] Share= of a directory of the host"),
                          (f"[Memory]\nBacking=dir:{self.top}\n", r"\[Memory\] Backing=dir:" + self.top)):
            with self.subTest(text=text):
                self.set_config(text)
                self.export()
                self.refused(f"web.export: config: {key} is not imported; export the guest without it")
        self.set_config("[Confine]\nUser=auto\n[Memory]\nBacking=shm\n")
        self.export()
        self.import_it("--name=two")

    def test_disks_of_others(self):
        """What no export says."""
        self.export_dense()
        members = self.members()
        at = [name for name, _ in members].index("config")
        for text in ("[Guest]\nDisk=/etc/shadow\n", "[Guest]\nDisk=/umld-export/root.img,cow=/etc/shadow\n",
                     "[Guest]\nDisk=/umld-export/../../../etc/shadow\n"):
            with self.subTest(text=text):
                changed = [*members[:at], ("config", text.encode()), *members[at + 1:-1]]
                self.write([*changed, ("checksums", self.sums(members, text.encode()))])
                self.refused("names a disk that is not in the export")

    def sums(self, members, config):
        """Those of an export with another configuration: of the data, where it begins and ends, and the size."""
        numbers = b"".join(n.to_bytes(8, "little") for n in (0, len(config), len(config)))
        new = hashlib.sha256(config + numbers).hexdigest()
        lines = members[-1][1].decode().splitlines()
        return "".join(f"{new}  config\n" if line.endswith("  config") else line + "\n" for line in lines).encode()

    def test_there_already(self):
        self.export()
        self.import_it("--name=two")
        self.refused("there is a guest of this name already")

    def test_names(self):
        self.export()
        p = self.import_it("--name=X", code=USAGE)
        self.assertIn("invalid guest name", p.stderr)
        p = self.expect(FAILED, "import", self.top + "/none")
        self.assertIn("No such file", p.stderr)
        self.file.write_bytes(b"hello\n" * 100)
        self.refused("is not an export of a guest")

    def test_in_use(self):
        with open(self.path("state/web/root.img"), "rb") as image:
            fcntl.flock(image, fcntl.LOCK_SH)
            p = self.export(code=FAILED)
        self.assertIn("in use by another process", p.stderr)

    def test_in_use_without_umld(self):
        """A kernel that is run by hand locks its images in another way."""
        with open(self.path("state/web/root.img"), "r+b") as image:
            fcntl.lockf(image, fcntl.LOCK_EX)
            p = self.export(code=FAILED)
            self.assertIn("in use by another process", p.stderr)
            p = self.expect(FAILED, "resize", "web", "1G")
            self.assertIn("in use by another process", p.stderr)
        self.export()

    def test_running(self):
        self.running()
        p = self.export(code=FAILED)
        self.assertIn("is running; stop it first, or export it with --live", p.stderr)
        p = self.expect(FAILED, "resize", "web", "1G")
        self.assertIn("is running; stop it first", p.stderr)


if __name__ == "__main__":
    sys.exit(main())
