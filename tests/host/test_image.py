#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umld-image write: archives of every kind become images that hold the same, and what is no archive becomes an error."""

import gzip
import io
import os
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest
import uuid
from pathlib import Path

import tap
from ext4 import Image, fsck

BUILD = Path(os.environ["UMLD_BUILD_ROOT"])
PROGRAM = str(BUILD / "imager/umld-image")
MIB = 1 << 20
SOMEBODY = 54321  # a user that nobody is

CAPABILITY = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0"  # cap_net_bind_service+ep


class Case(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="umld-image-")
        self.addCleanup(shutil.rmtree, self.work)
        os.chmod(self.work, 0o755)
        self.path = f"{self.work}/root.img"

    def write(self, feed, *options, size="64M", user=None, extra=()):
        """Runs it with feed (bytes, a path, or a function that is given the pipe) as input; code, messages, peak KiB."""
        with open(self.path, "w+b") as image:
            if user is not None:
                os.chown(self.path, user, user)
            fds = [image.fileno(), *extra]

            def place():
                for number, fd in enumerate(fds, 3):
                    os.dup2(fd, 100 + number)
                for number in range(3, 3 + len(fds)):
                    os.dup2(100 + number, number)
                    os.close(100 + number)
                if user is not None:
                    os.setgroups([])
                    os.setgid(user)
                    os.setuid(user)

            child = subprocess.Popen([PROGRAM, "write", "--size", size, *options], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, pass_fds=range(3, 3 + len(fds)), preexec_fn=place)
        thread = threading.Thread(target=self.feed, args=(child.stdin, feed))
        thread.start()
        said = child.stdout.read().decode(errors="backslashreplace").splitlines()
        child.stdout.close()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        thread.join()
        return child.returncode, said, usage.ru_maxrss

    @staticmethod
    def feed(pipe, feed):
        try:
            if callable(feed):
                feed(pipe)
            elif isinstance(feed, bytes):
                pipe.write(feed)
            else:
                with open(feed, "rb") as file:
                    shutil.copyfileobj(file, pipe)
            pipe.close()
        except BrokenPipeError:
            pass

    def make(self, feed, *options, **more):
        """The image that it makes."""
        code, said, _ = self.write(feed, *options, **more)
        self.assertEqual(code, 0, said)
        self.assertIsNone(fsck(self.path))
        return Image(self.path)

    def refused(self, feed, why, *options, size="16M", peak=100):
        """It says why, with no more MiB of memory than peak and of the host's disk than the image may have."""
        code, said, kib = self.write(feed, *options, size=size)
        self.assertEqual(code, 1, said)
        self.assertRegex(said[-1], "^error .*" + why)
        self.assertRegex(said[-1], r"^[\x20-\x7e…]*$")
        self.assertLess(len(said[-1]), 700)
        if not os.environ.get("UMLD_TEST_SANITIZED"):
            self.assertLess(kib, peak * 1024)
        self.assertLess(os.stat(self.path).st_blocks * 512, 20 * MIB)


class Archive:
    """A tar archive in memory."""

    def __init__(self, **options):
        self.file = io.BytesIO()
        options.setdefault("format", tarfile.PAX_FORMAT)
        self.tar = tarfile.open(fileobj=self.file, mode="w", **options)

    def add(self, name, content=b"", **fields):
        info = tarfile.TarInfo()
        info.name = name  # as it is: the constructor would strip slashes
        info.size = len(content)
        for key, value in fields.items():
            setattr(info, key, value)
        self.tar.addfile(info, io.BytesIO(content))
        return self

    def directory(self, name, **fields):
        return self.add(name, type=tarfile.DIRTYPE, **{"mode": 0o755, **fields})

    def symlink(self, name, target, **fields):
        return self.add(name, type=tarfile.SYMTYPE, linkname=target, **fields)

    def link(self, name, target):
        return self.add(name, type=tarfile.LNKTYPE, linkname=target)

    def bytes(self):
        self.tar.close()
        return self.file.getvalue()


def xattrs(**values):
    """The headers of a pax archive for attributes; the first underscore of a name is its dot."""
    return {"pax_headers": {"SCHILY.xattr." + name.replace("_", ".", 1): value.decode("utf-8", "surrogateescape")
                            for name, value in values.items()}}


class Content(Case):
    """All that an archive can say of a file is so in the image."""

    def test_kinds(self):
        a = (Archive().directory("./", mode=0o751, uid=3)
             .directory("dev").add("dev/null", type=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666)
             .add("dev/ubdb", type=tarfile.BLKTYPE, devmajor=98, devminor=16, mode=0o660, gid=6)
             .add("dev/far", type=tarfile.CHRTYPE, devmajor=259, devminor=70000, mode=0o600)
             .add("dev/fifo", type=tarfile.FIFOTYPE, mode=0o600)
             .add("bin/su", b"#!\n", mode=0o4755).add("etc/shadow", b"root:*\n", mode=0o640, gid=42)
             .directory("tmp", mode=0o1777).symlink("sh", "bin/su").symlink("long", "x/" * 300)
             .symlink("out", "../../../etc/passwd").symlink("absolute", "/etc/passwd").add("empty"))
        image = self.make(a.bytes())
        self.assertEqual(image.stat("/")["mode"], 0o751)
        self.assertEqual(image.stat("/")["uid"], 3)
        for path, kind, mode, owner, device in (
                ("/dev/null", "character", 0o666, (0, 0), (1, 3)), ("/dev/ubdb", "block", 0o660, (0, 6), (98, 16)),
                ("/dev/far", "character", 0o600, (0, 0), (259, 70000)), ("/dev/fifo", "FIFO", 0o600, (0, 0), None),
                ("/bin/su", "regular", 0o4755, (0, 0), None), ("/etc/shadow", "regular", 0o640, (0, 42), None),
                ("/tmp", "directory", 0o1777, (0, 0), None), ("/empty", "regular", 0o644, (0, 0), None)):
            with self.subTest(path=path):
                st = image.stat(path)
                self.assertEqual((st["type"], st["mode"], (st["uid"], st["gid"])), (kind, mode, owner))
                self.assertEqual(st["device"], device)
        self.assertEqual(image.text("/bin/su"), "#!\n")
        self.assertEqual(image.stat("/sh")["target"], "bin/su")
        self.assertEqual(image.stat("/out")["target"], "../../../etc/passwd")
        self.assertEqual(image.stat("/absolute")["target"], "/etc/passwd")
        self.assertEqual(image.stat("/long")["size"], 600)
        self.assertEqual(image.names("/"), {"lost+found", "dev", "bin", "etc", "tmp", "sh", "long", "out", "absolute",
                                            "empty"})

    def test_times(self):
        """Before 1970, after 2038, and between two seconds."""
        times = {"plain": (1700000000, "1700000000"), "fraction": ((1700000000, 123456789), "1700000000.123456789"),
                 "late": ((5000000000, 500000000), "5000000000.5"), "early": (-86400, "-86400"),
                 "first": (0, "0")}
        a = Archive()
        for name, (_, text) in times.items():
            a.add(name, mtime=float(text), pax_headers={"mtime": text, "atime": "1600000000.25", "ctime": "1650000000"})
        image = self.make(a.bytes())
        for name, (right, _) in times.items():
            st = image.stat("/" + name)
            self.assertEqual(st["mtime"], right if isinstance(right, tuple) else (right, 0), name)
            self.assertEqual(st["atime"], (1600000000, 250000000))
            self.assertEqual(st["ctime"], (1650000000, 0))

    def test_owners(self):
        a = Archive()
        owners = [(0, 0), (1000, 100), (65534, 65534), (70000, 3000000000), (4294967294, 1)]
        for number, (uid, gid) in enumerate(owners):
            a.add(f"f{number}", uid=uid, gid=gid, uname="daemon", gname="daemon")
        image = self.make(a.bytes())
        for number, owner in enumerate(owners):
            st = image.stat(f"/f{number}")
            self.assertEqual((st["uid"], st["gid"]), owner)

    def test_hard_links(self):
        a = Archive().add("a", b"same").link("d/b", "a").link("c", "./d/b").symlink("s", "a").link("t", "s")
        image = self.make(a.bytes())
        self.assertEqual({image.stat(p)["inode"] for p in ("/a", "/d/b", "/c")}, {image.stat("/a")["inode"]})
        self.assertEqual(image.stat("/c")["links"], 3)
        self.assertEqual(image.stat("/t")["type"], "symlink")
        self.assertEqual(image.stat("/t")["links"], 2)

    def test_xattrs(self):
        many = {f"user_n{n}": b"value %d" % n * 10 for n in range(20)}
        a = (Archive().add("ping", b"x", mode=0o755, **xattrs(security_capability=CAPABILITY))
             .add("many", b"x", **xattrs(**many)).directory("dir", **xattrs(user_note=b"\0\xff\xfe"))
             .symlink("link", "ping", **xattrs(security_note=b"1")).add("trusted", **xattrs(trusted_x=b"t")))
        image = self.make(a.bytes())
        self.assertEqual(image.xattr("/ping", "security.capability"), CAPABILITY)
        self.assertEqual(image.xattr("/dir", "user.note"), b"\0\xff\xfe")
        self.assertEqual(image.xattr("/link", "security.note"), b"1")
        self.assertEqual(image.xattr("/trusted", "trusted.x"), b"t")
        for name, value in many.items():
            self.assertEqual(image.xattr("/many", name.replace("_", ".", 1)), value)

    def test_acls(self):
        text = "user::rw-,user:1000:r--,group::r--,mask::r--,other::---"
        a = Archive().add("f", b"x", mode=0o640, pax_headers={"SCHILY.acl.access": text})
        a.directory("d", pax_headers={"SCHILY.acl.default": "user::rwx,group::r-x,group:7:rwx,mask::rwx,other::r-x"})
        image = self.make(a.bytes())
        listed = image.debugfs("ea_list /f").decode(errors="backslashreplace")
        self.assertIn("system.posix_acl_access", listed)
        self.assertIn("system.posix_acl_default", image.debugfs("ea_list /d").decode(errors="backslashreplace"))

    def test_names(self):
        """Any bytes, in each format; lengths up to what Linux has."""
        deep = "/".join(["d" * 200] * 15)
        names = ["caf\u00e9", "caf\udce9", "a b", "new\nline", "-rf", "*", "\\", "\u65e5\u672c", "x" * 255, deep]
        for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            with self.subTest(format=form):
                a = Archive(format=form, encoding="utf-8", errors="surrogateescape")
                for name in names:
                    a.add("n/" + name, os.fsencode(name))
                image = self.make(a.bytes())
                right = {name.split("/")[0] for name in names if "\n" not in name and "/" not in name}
                self.assertGreaterEqual(image.names("/n"), right)
                self.assertEqual(image.read("/n/" + deep), os.fsencode(deep))
                self.assertEqual(image.read("/n/caf\udce9"), b"caf\xe9")

    def test_order(self):
        """A child before its directory, whose own entry comes later, and again."""
        a = (Archive().add("a/b/c", b"1").directory("a/b", mode=0o700, uid=5, mtime=1000).directory("a", mode=0o711)
             .add("a/b/d", b"2").directory("a/b", mode=0o750, mtime=2000))
        image = self.make(a.bytes())
        st = image.stat("/a/b")
        self.assertEqual((st["mode"], st["uid"], st["mtime"][0]), (0o750, 0, 2000))
        self.assertEqual(image.text("/a/b/c") + image.text("/a/b/d"), "12")

    def test_later_wins(self):
        a = (Archive().add("f", b"old").add("f", b"new").add("d/x", b"1").add("d", b"a file now")
             .symlink("s", "elsewhere").directory("s").add("s/y", b"2").add("k", b"1").link("l", "k").add("k", b"2"))
        image = self.make(a.bytes())
        self.assertEqual([image.text(p) for p in ("/f", "/d", "/s/y", "/l", "/k")],
                         ["new", "a file now", "2", "1", "2"])

    def test_through_links(self):
        """An entry with symbolic links in its path stays in the tree, wherever they lead."""
        a = (Archive().directory("usr/lib").symlink("lib", "usr/lib").add("lib/so", b"1")
             .symlink("out", "../../../../..").add("out/x", b"2").symlink("abs", "/nowhere/yet").add("abs/y", b"3"))
        image = self.make(a.bytes())
        self.assertEqual([image.text(p) for p in ("/usr/lib/so", "/x", "/nowhere/yet/y")], ["1", "2", "3"])

    def test_strip(self):
        a = (Archive().add("version", b"1").add("pkglist.x86_64.txt", b"p").directory("root.x86_64", mode=0o755)
             .add("root.x86_64/etc/os-release", b"ID=arch\n").link("root.x86_64/etc/same", "root.x86_64/etc/os-release")
             .symlink("root.x86_64/bin", "usr/bin"))
        image = self.make(a.bytes())
        self.assertEqual(image.names("/"), {"lost+found", "etc", "bin"})
        self.assertEqual(image.text("/etc/same"), "ID=arch\n")
        kept = self.make(a.bytes(), "--keep-top")
        self.assertEqual(kept.names("/"), {"lost+found", "version", "pkglist.x86_64.txt", "root.x86_64"})

    def test_overlay(self):
        over = Archive().add("etc/motd", b"welcome").add("etc/old", b"new").bytes()
        with tempfile.TemporaryFile() as file:
            file.write(over)
            file.seek(0)
            image = self.make(Archive().add("etc/old", b"old").add("bin/x", b"x").bytes(), "--overlay", extra=[file.fileno()])
        self.assertEqual(image.text("/etc/motd") + image.text("/etc/old"), "welcomenew")

    def test_large_file(self):
        data = os.urandom(5 * MIB + 12345)
        image = self.make(Archive().add("a", data).add("b", data[::-1]).bytes())
        self.assertEqual(image.read("/a"), data)
        self.assertEqual(image.read("/b"), data[::-1])

    def test_many_files(self):
        a = Archive()
        for number in range(5000):
            a.add(f"d/name with some length {number}", b"%d" % number)
        image = self.make(a.bytes())
        self.assertEqual(len(image.names("/d")), 5000)
        for number in (0, 2500, 4999):
            self.assertEqual(image.text(f"/d/name with some length {number}"), str(number))

    def test_features(self):
        """What kernels since 4.4 mount, and what newer e2fsprogs would add is not there."""
        features = self.make(Archive().add("etc/x").bytes()).features()
        self.assertLessEqual({"has_journal", "extent", "metadata_csum", "dir_index", "resize_inode"}, features)
        self.assertFalse({"metadata_csum_seed", "orphan_file", "inline_data", "encrypt", "casefold"} & features)

    def test_reproducible(self):
        os.environ["SOURCE_DATE_EPOCH"] = "1700000000"
        self.addCleanup(os.environ.pop, "SOURCE_DATE_EPOCH")
        data = Archive().add("etc/x", b"1").directory("d").symlink("l" * 100, "m" * 100).bytes()
        self.make(data)
        first = Path(self.path).read_bytes()
        self.make(data)
        self.assertEqual(Path(self.path).read_bytes(), first)


class Holes(Case):
    def sparse(self):
        """A file of 40 MiB, 3 bytes to 100 KB of data in each tenth of it."""
        path = f"{self.work}/sparse"
        with open(path, "wb") as file:
            for part in range(10):
                file.seek(part * 4 * MIB + part * 1000)
                file.write(b"abc" + os.urandom(part * 10000))
            file.truncate(40 * MIB)
        return Path(path).read_bytes()

    def check(self, feed, right):
        image = self.make(feed, size="128M")
        self.assertEqual(image.read("/sparse"), right)
        self.assertLess(image.stat("/sparse")["blocks"] * 512, 2 * MIB)

    def test_gnu_and_pax(self):
        right = self.sparse()
        for form in ("gnu", "posix --pax-option=delete=atime", "oldgnu"):
            with self.subTest(format=form):
                subprocess.run(["tar", "-S", "-H", *form.split(), "-C", self.work, "-cf", f"{self.work}/t.tar", "sparse"],
                               check=True)
                self.assertLess(os.path.getsize(f"{self.work}/t.tar"), 2 * MIB)
                self.check(f"{self.work}/t.tar", right)

    def test_packed_directory(self):
        right = self.sparse()
        os.mkdir(f"{self.work}/tree")
        os.rename(f"{self.work}/sparse", f"{self.work}/tree/sparse")
        packed = subprocess.run([PROGRAM, "pack", f"{self.work}/tree"], check=True, stdout=subprocess.PIPE).stdout
        self.assertLess(len(packed), 2 * MIB)
        self.check(packed, right)

    def test_zeros_take_no_room(self):
        image = self.make(Archive().add("zeros", bytes(30 * MIB)).bytes())
        self.assertGreaterEqual(image.stat("/zeros")["blocks"] * 512, 30 * MIB)
        self.assertLess(os.stat(self.path).st_blocks * 512, 3 * MIB)


class Compression(Case):
    def test_all(self):
        plain = Archive().add("etc/x", b"content" * 1000).bytes()
        Path(self.work, "t.tar").write_bytes(plain)
        for program in ("gzip", "bzip2", "xz", "zstd", "xz --format=lzma", "none"):
            with self.subTest(program=program):
                packed = plain
                if program != "none":
                    packed = subprocess.run([*program.split(), "-c", f"{self.work}/t.tar"], check=True,
                                            stdout=subprocess.PIPE).stdout
                    self.assertLess(len(packed), len(plain))
                self.assertEqual(self.make(packed).text("/etc/x"), "content" * 1000)

    def test_in_parts(self):
        """Files of gzip one behind the other, as pigz and others write them."""
        plain = Archive().add("etc/x", b"1" * 50000).bytes()
        image = self.make(gzip.compress(plain[:10000]) + gzip.compress(plain[10000:]))
        self.assertEqual(image.read("/etc/x"), b"1" * 50000)


def endless(head, piece):
    def feed(pipe):
        pipe.write(head)
        while True:
            pipe.write(piece)
    return feed


def header(name, **fields):
    info = tarfile.TarInfo()
    info.name = name
    for key, value in fields.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.GNU_FORMAT)


class Hostile(Case):
    """A clear error, in bounded time, memory and room."""

    def test_names(self):
        for name, why in (("../x", r"'\.\.' in its name"), ("a/../../x", r"'\.\.' in its name"), ("/etc/passwd", "absolute name"),
                          ("..", r"'\.\.'"), ("x" * 256, "255 bytes"), ("/".join(["y" * 200] * 25), "4095 bytes")):
            with self.subTest(name=name[:20]):
                self.refused(Archive().add(name, b"x").bytes(), why)

    def test_links_that_leave(self):
        for target, why in (("../../etc/passwd", r"hard link to a file that has '\.\.'"), ("/etc/passwd", "absolute name"),
                            ("later", "'later', which does not exist"), ("d", "hard link to a directory"),
                            ("s/f", "has a symbolic link in its path"), (".", "hard link to a directory")):
            with self.subTest(target=target):
                a = Archive().directory("d").add("d/f", b"1").symlink("s", "d").link("l", target).add("later")
                self.refused(a.bytes(), why)

    def test_file_as_directory(self):
        self.refused(Archive().add("f", b"1").add("f/x", b"2").bytes(), "'f' in the path is not a directory")
        self.refused(Archive().add(".", b"1").bytes(), "is the root")

    def test_symlink_loops(self):
        self.refused(Archive().symlink("a", "b").symlink("b", "a").add("a/x").bytes(), "too many symbolic links")
        self.refused(Archive().symlink("e", "").bytes(), "symbolic link whose target has 0 bytes")

    def test_deep(self):
        """Directories below directories, deeper by symbolic links than any path could say."""
        a = Archive()
        path = "/".join(["d"] * 1000)
        a.directory(path).symlink("s1", path)
        for step in range(1, 10):
            a.directory(f"s{step}/{path}").symlink(f"s{step + 1}", f"s{step}/{path}")
        self.refused(a.bytes(), "nest deeper than|too long|4095|full")

    def test_zeros_without_end(self):
        self.refused(endless(header("zeros", size=10 << 30), bytes(MIB)), "image of 16 MiB is full; use a larger --size")

    def test_compressed_zeros(self):
        raw = io.BytesIO()
        with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1) as file:
            file.write(header("zeros", size=10 << 30))
            for _ in range(100):
                file.write(bytes(MIB))
        self.refused(raw.getvalue(), "image of 16 MiB is full")

    def test_the_same_again_and_again(self):
        self.refused(endless(b"", header("f", size=4 * MIB) + bytes(4 * MIB)), "much larger than the image: more than 128 MiB")

    def test_files_without_end(self):
        def feed(pipe):
            number = 0
            while True:
                pipe.write(b"".join(header(f"f{number + n}") for n in range(100)))
                number += 100
        self.refused(feed, "has no more than 2048 inodes; use a larger --size")

    def test_names_without_end(self):
        def feed(pipe):
            pipe.write(header("f"))
            number = 0
            while True:
                pipe.write(b"".join(header(f"l{number + n}", type=tarfile.LNKTYPE, linkname="f") for n in range(100)))
                number += 100
        self.refused(feed, "more entries than the image has inodes")

    def test_links_without_end(self):
        def feed(pipe):
            pipe.write(header("f"))
            for number in range(70000):
                pipe.write(header(f"l{number}", type=tarfile.LNKTYPE, linkname="f"))
        self.refused(feed, "has more than 65000 names", size="80M")

    def test_bad_xattrs(self):
        for values, why in ((xattrs(user_x=b"v" * 70000), "extended attribute user.x that is too large"),
                            (xattrs(strange_x=b"v"), "with an invalid name"),
                            ({"pax_headers": {"SCHILY.xattr.user.": "v"}}, "with an invalid name"),
                            ({"pax_headers": {"SCHILY.xattr.user." + "n" * 300: "v"}}, "with an invalid name"),
                            (xattrs(**{f"user_n{n}": b"v" * 500 for n in range(20)}), "extended attribute user.n.* that is too large")):
            with self.subTest(why=why):
                self.refused(Archive().add("f", b"x", **values).bytes(), why)

    def test_numbers(self):
        self.refused(Archive().add("d", type=tarfile.CHRTYPE, devmajor=70000, devminor=1).bytes(), "whose number is too large")
        self.refused(Archive().add("f", pax_headers={"uid": "-5"}).bytes(), "out of range|broken")
        self.refused(Archive().add("f", pax_headers={"uid": "99999999999"}).bytes(), "out of range")
        self.refused(Archive(format=tarfile.GNU_FORMAT).bytes()[:0] + header("f", size=(1 << 62)) + bytes(MIB),
                     "too large a file|full|damaged")

    def test_no_archive(self):
        for feed, why in ((b"", "is empty"), (b"x", "neither a tar"), (os.urandom(MIB), "neither a tar"),
                          (b"<html>404</html>" * 100, "neither a tar"), (bytes(MIB), "neither a tar"),
                          (gzip.compress(b""), "empty"), (gzip.compress(b"hello"), "neither a tar")):
            with self.subTest(why=why, feed=feed[:10]):
                self.refused(feed, why)

    def test_cut(self):
        whole = Archive().add("a", os.urandom(100000)).add("b", os.urandom(100000)).bytes()
        for feed in (whole[:50000], whole[:100700], gzip.compress(whole)[:80000]):
            self.refused(feed, "damaged|truncated")

    def test_damaged(self):
        """Whatever bit is wrong: it is an error or an image in order, never a crash."""
        whole = bytearray(Archive().add("a", b"x" * 3000, **xattrs(user_x=b"1")).directory("d").symlink("l", "a")
                          .link("h", "a").bytes())
        for at in range(0, 4000, 37):
            damaged = whole.copy()
            damaged[at] ^= 1 << at % 8
            with self.subTest(at=at):
                code, said, _ = self.write(bytes(damaged), size="16M")
                self.assertIn(code, (0, 1), said)
                if code == 0:
                    self.assertIsNone(fsck(self.path))

    def test_terminal_sequences(self):
        self.refused(Archive().add("\x1b[31m\x07/../x").bytes(), r"\\x1b\[31m\\x07")


def gpt(entries, sector=512):
    """The first 64 KiB of a disk with a GUID partition table of (type, first, last) in sectors."""
    head = bytearray(65536)
    head[446:462] = struct.pack("<B3xB3xII", 0, 0xee, 1, 0xffffffff)
    head[510:512] = b"\x55\xaa"
    head[sector:sector + 92] = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, 1, 0, 34, 0, bytes(16), 2,
                                           128, 128, 0)
    for number, (kind, first, last) in enumerate(entries):
        at = 2 * sector + number * 128
        head[at:at + 56] = struct.pack("<16s16sQQQ", uuid.UUID(kind).bytes_le, bytes(16), first, last, 0)
    return bytes(head)


def mbr(entries):
    head = bytearray(65536)
    for number, (kind, first, size) in enumerate(entries):
        head[446 + 16 * number:462 + 16 * number] = struct.pack("<B3xB3xII", 0, kind, first, size)
    head[510:512] = b"\x55\xaa"
    return bytes(head)


LINUX, ROOT, ESP = ("0fc63daf-8483-4772-8e79-3d69d8477de4", "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
                    "c12a7328-f81f-11d2-ba4b-00a0c93ec93b")


class Copies(Case):
    """Images are copied with their holes, checked, and grown."""

    def image(self, size="16M", *options):
        path = f"{self.work}/source.img"
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", *options, path, size], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        debugfs = subprocess.run(["debugfs", "-w", "-f", "-", path], input=b"mkdir etc\nwrite /dev/stdin etc/x\n", check=True,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertEqual(debugfs.returncode, 0)
        return path

    def copy(self, source, *options, **more):
        with open(source, "rb") as file:
            return self.write_from(file, *options, **more)

    def write_from(self, file, *options, code=0):
        Path(self.path).write_bytes(b"")
        words = " ".join(options)
        done = subprocess.run(["sh", "-c", f'exec "$0" write 3<>"{self.path}" {words}', PROGRAM], stdin=file,
                              stdout=subprocess.PIPE, encoding="utf-8", check=False)
        self.assertEqual(done.returncode, code, done.stdout)
        if code == 0:
            self.assertIsNone(fsck(self.path))
        return done.stdout

    def test_plain(self):
        source = self.image("64M")
        self.copy(source)
        self.assertEqual(os.path.getsize(self.path), 64 * MIB)
        self.assertIn("etc", Image(self.path).names())
        self.assertLess(os.stat(self.path).st_blocks, os.stat(source).st_blocks + 200)

    def test_compressed(self):
        source = self.image("64M")
        subprocess.run(["gzip", "-k1", source], check=True)
        self.copy(source + ".gz")
        self.assertEqual(os.path.getsize(self.path), 64 * MIB)
        self.assertIn("etc", Image(self.path).names())
        self.assertLess(os.stat(self.path).st_blocks * 512, 10 * MIB)

    def test_grown(self):
        source = self.image()
        self.copy(source, "--size=48M")
        self.assertEqual(os.path.getsize(self.path), 48 * MIB)
        self.assertIn("Block count:              49152", Image(self.path).debugfs("stats -h").decode())
        self.assertIn("cannot be shrunk", self.copy(source, "--size=8M", code=1))

    def test_overlay(self):
        source = self.image()
        over = Archive().add("etc/motd", b"welcome").bytes()
        Path(self.work, "over.tar").write_bytes(over)
        self.copy(source, f'--overlay 4<"{self.work}/over.tar"')
        self.assertEqual(Image(self.path).text("/etc/motd"), "welcome")

    def partitioned(self, head, at):
        disk = f"{self.work}/disk.img"
        with open(disk, "wb") as file, open(self.image(), "rb") as image:
            file.write(head)
            file.seek(at)
            shutil.copyfileobj(image, file)
            file.truncate(file.tell() + 5 * MIB)
        return disk

    def test_partitions(self):
        first, last = 4096, 4096 + 32768 - 1
        for what, head in {
                "gpt": gpt([(ESP, 2048, 4095), (LINUX, first, last)]),
                "gpt root": gpt([(LINUX, 100000, 900000), (ROOT, first, last)]),
                "mbr": mbr([(0x82, 2048, 100), (0x83, first, 32768)]),
                "mbr largest": mbr([(0x83, 2048, 100), (0x83, first, 32768), (7, 5000, 50000)]),
        }.items():
            for compressed in (False, True):
                with self.subTest(what=what, compressed=compressed):
                    disk = self.partitioned(head, first * 512)
                    if compressed:
                        subprocess.run(["gzip", "-f1", disk], check=True)
                        disk += ".gz"
                    self.copy(disk)
                    self.assertEqual(os.path.getsize(self.path), 16 * MIB)
                    self.assertIn("etc", Image(self.path).names())

    def test_partitions_of_large_sectors(self):
        disk = self.partitioned(gpt([(LINUX, 512, 512 + 4095)], 4096), 512 * 4096)
        self.copy(disk)
        self.assertEqual(os.path.getsize(self.path), 16 * MIB)

    def test_no_partition(self):
        disk = self.partitioned(mbr([(7, 2048, 1000)]), MIB)
        self.assertIn("no Linux partition", self.copy(disk, code=1))
        disk = self.partitioned(mbr([(0x83, 4096, 1 << 30)]), 4096 * 512)
        self.assertIn("ends before its end", self.copy(disk, code=1))

    def test_repaired(self):
        """What e2fsck repairs without a question is repaired, in the copy only."""
        source = self.image()
        subprocess.run(["debugfs", "-w", "-R", "ssv free_blocks_count 1", source], check=True, stderr=subprocess.DEVNULL)
        before = Path(source).read_bytes()
        self.assertIn("repaired", self.copy(source))
        self.assertEqual(Path(source).read_bytes(), before)

    def test_broken(self):
        source = self.image()
        with open(source, "r+b") as file:
            file.seek(4096 * 4)
            file.write(os.urandom(2 * MIB))
        self.assertIn("run e2fsck on it first", self.copy(source, code=1))

    def test_cut(self):
        source = self.image()
        os.truncate(source, 5 * MIB)
        self.assertIn("error ", self.copy(source, code=1))

    def test_features(self):
        """An image that cannot be changed here is used as it is."""
        source = self.image("16M", "-O", "inline_data")
        self.assertIn("inline_data", self.copy(source))

    def test_foreign(self):
        Path(self.work, "xfs.img").write_bytes(b"XFSB" + os.urandom(MIB))
        Path(self.path).write_bytes(b"")
        with open(f"{self.work}/xfs.img", "rb") as file:
            done = subprocess.run(["sh", "-c", f'exec "$0" write 3<>"{self.path}"', PROGRAM], stdin=file,
                                  stdout=subprocess.PIPE, encoding="utf-8", check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("used unchanged", done.stdout)
        self.assertEqual(Path(self.path).read_bytes(), Path(self.work, "xfs.img").read_bytes())

    def test_qcow(self):
        self.refused(b"QFI\xfb" + bytes(10000), "qemu-img")


class Rights(Case):
    """It needs none, and keeps none."""

    def test_ordinary_user(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become another user")
        a = Archive().add("f", uid=1, gid=2, mode=0o4755).add("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3)
        image = self.make(a.bytes(), user=SOMEBODY)
        self.assertEqual(image.stat("/f")["uid"], 1)
        self.assertEqual(image.stat("/null")["device"], (1, 3))
        self.assertEqual(os.stat(self.path).st_uid, SOMEBODY)

    def test_root_becomes_another(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become another user")
        seen = {}

        def feed(pipe):
            pipe.write(header("f", size=512))
            pipe.flush()
            child = next(int(p) for p in os.listdir("/proc") if p.isdigit() and self.is_ours(p))
            for _ in range(2000):
                seen["status"] = Path(f"/proc/{child}/status").read_text(encoding="utf-8")
                if "Seccomp:\t2" in seen["status"]:
                    break
            seen["net"] = os.readlink(f"/proc/{child}/ns/net")
            pipe.write(bytes(512 + 1024))

        self.make(feed)
        for line in ("Uid:\t60797\t60797\t60797\t60797", "Gid:\t60797\t60797\t60797\t60797", "CapBnd:\t0000000000000000", "CapEff:\t0000000000000000",
                     "CapPrm:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
            self.assertIn(line, seen["status"])
        self.assertNotEqual(seen["net"], os.readlink("/proc/self/ns/net"))

    def is_ours(self, pid):
        try:
            return os.readlink(f"/proc/{pid}/fd/3") == self.path and \
                os.readlink(f"/proc/{pid}/exe") == os.path.realpath(PROGRAM)
        except OSError:
            return False


class Pack(Case):
    """A directory of the host's as an archive, and that as an image."""

    def tree(self):
        top = Path(self.work, "tree")
        (top / "d").mkdir(parents=True)
        (top / "d/f").write_text("1")
        os.chmod(top / "d/f", 0o4750)
        os.utime(top / "d/f", ns=(1600000000_250000000, 1700000000_123456789))
        os.link(top / "d/f", top / "hard")
        os.symlink("d/f", top / "soft")
        os.mkfifo(top / "fifo")
        os.chmod(top, 0o711)
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(top / "socket"))
        return top

    def test_directory(self):
        top = self.tree()
        if os.geteuid() == 0:
            os.chown(top / "d/f", 1000, 2000)
            os.chmod(top / "d/f", 0o4750)
            os.mknod(top / "null", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        try:
            os.setxattr(top / "d/f", "user.note", b"\0x")
            has_xattrs = True
        except OSError:
            has_xattrs = False
        packed = subprocess.run([PROGRAM, "pack", str(top)], check=True, stdout=subprocess.PIPE).stdout
        image = self.make(packed)
        st = image.stat("/d/f")
        self.assertEqual((st["mode"], st["links"], st["mtime"], st["atime"]),
                         (0o4750, 2, (1700000000, 123456789), (1600000000, 250000000)))
        self.assertEqual(image.stat("/hard")["inode"], st["inode"])
        self.assertEqual(image.stat("/soft")["target"], "d/f")
        self.assertEqual(image.stat("/fifo")["type"], "FIFO")
        self.assertEqual(image.stat("/")["mode"], 0o711)
        self.assertFalse(image.exists("/socket"))
        if os.geteuid() == 0:
            self.assertEqual((st["uid"], st["gid"]), (1000, 2000))
            self.assertEqual(image.stat("/null")["device"], (1, 3))
        if has_xattrs:
            self.assertEqual(image.xattr("/d/f", "user.note"), b"\0x")

    def test_files(self):
        top = self.tree()
        packed = subprocess.run([PROGRAM, "pack", "--files", "--root-owns", f"{top}/d/f:/opt/x", f"{top}/d:/srv/copy"],
                                check=True, stdout=subprocess.PIPE).stdout
        image = self.make(packed, "--keep-top")
        self.assertEqual(image.text("/opt/x") + image.text("/srv/copy/f"), "11")
        self.assertEqual(image.stat("/opt/x")["uid"], 0)

    def test_not_there(self):
        done = subprocess.run([PROGRAM, "pack", f"{self.work}/none"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              encoding="utf-8", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("none", done.stderr)


if __name__ == "__main__":
    sys.exit(tap.main())
