#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What umlctl makes of a disk that is full or fails, and what is left of it when it is killed, at each call by which it and
its helpers create, write, sync or rename files.

A call fails: the command fails with one line that says why, leaves nothing behind and changes no file that was there, or it
does not need what failed, and has made all it had to. It is killed: the next command cleans up. UMLD_TEST_ALL=1 tries every
call; else it is some of them, spread evenly."""

import contextlib
import functools
import hashlib
import http.server
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import cow
from ext4 import Image, fsck
from oci import Layout
from umlctltest import Case, reachable
from umldtest import BUILD, DONE, SOURCE, USAGE, main

MIB = 1 << 20
NOBODY = 65534
PRELOAD = BUILD / "tests/lib/fail-files.so"
HOWS = ("full", "error", "short", "kill")
CALLS = 6  # that are tried of each program in each way
OPTIONS = ("--size=8M", "--set=FastNetwork=no", "--recipe=bare", "--quiet")
KINDS = ("config", "state", "log", "runtime", "base")
IN_PLACE = ("state/web/root.cow", "base/base.img", "state/web/root.cow.commit")


def spread(count, number):
    """Some of 1…count: the first and the last, and what lies between them evenly."""
    if os.environ.get("UMLD_TEST_ALL") or count <= number:
        return range(1, count + 1)
    return sorted({1 + round(i * (count - 1) / (number - 1)) for i in range(number)})


class Served(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):  # pylint: disable=arguments-differ
        pass


class Files(Case):
    def setUp(self):
        super().setUp()
        self.tree = Path(self.top, "tree")
        for directory in ("etc", "sbin"):
            (self.tree / directory).mkdir(parents=True)
        (self.tree / "etc/os-release").write_text("ID=test\n", encoding="utf-8")
        (self.tree / "etc/data").write_bytes(os.urandom(200000))
        (self.tree / "sbin/init").write_text("#!/bin/sh\n", encoding="utf-8")
        self.tar = Path(self.top, "tree.tar")
        subprocess.run(["tar", "-C", self.tree, "-cf", self.tar, "."], check=True, timeout=60)
        self.env.update(UMLD_IMAGE=str(BUILD / "imager/umld-image"), UMLD_RECIPES=str(SOURCE / "recipes"),
                        UMLD_FETCH=str(BUILD / "imager/umld-fetch"))
        self.count = Path(self.top, "count")
        self.owner, self.user = None, {}  # root

    def state(self):
        """All files with their contents, below the directories of umld and those of the sources."""
        found = {}
        for path in sorted(Path(self.top).rglob("*")):
            if path != self.count:
                found[str(path.relative_to(self.top))] = (hashlib.sha256(path.read_bytes()).hexdigest()
                                                          if path.is_file() and not path.is_symlink() else "")
        return found

    def run_failing(self, program, how, at, words, preload=PRELOAD, **more):
        """Runs it, and lets that call fail. Returns how it went, how many such calls there were, and which one it met."""
        self.count.write_bytes(bytes(4096))
        self.count.chmod(0o666)
        p = self.run_umlctl(*words, env={"LD_PRELOAD": str(preload), "FAIL_FILES_IN": program, "FAIL_FILES_COUNT": str(self.count),
                                         "FAIL_FILES_HOW": how, "FAIL_FILES_AT": str(at)}, **more)
        data = self.count.read_bytes()
        return p, struct.unpack_from("Q", data)[0], data[8:72].rstrip(b"\0").decode()

    def restore(self, saved):
        for kind in KINDS:
            shutil.rmtree(Path(self.top, kind), ignore_errors=True)
            with contextlib.suppress(FileNotFoundError):
                shutil.copytree(Path(saved, kind), Path(self.top, kind), symlinks=True)
        for path in Path(saved, "base").glob("*"):  # a backing file is known by its time
            st = path.stat()
            os.utime(Path(self.top, "base", path.name), ns=(st.st_atime_ns, st.st_mtime_ns))
        for path in (Path(self.top), *Path(self.top).rglob("*")) if self.owner else ():
            os.chown(path, self.owner, self.owner, follow_symlinks=False)

    def check_words(self, p):
        self.assertGreater(p.returncode, 0, p.stderr)
        self.assertRegex(p.stderr, r"\Aumlctl: [^\n]+\n\Z")
        self.assertRegex(p.stderr, "No space left on device|Input/output error|disk is full|short write|checksum does not match")

    def check(self, whole, *words, programs=("umlctl", "umld-image"), untouched=None, **more):
        """whole() checks that the command has made what it is to make, and untouched() whether files that it changes where
        they are can still be used; these are compared by that, and all others byte by byte."""
        with tempfile.TemporaryDirectory(prefix="umlctl-saved-", dir="/var/tmp") as saved:
            for kind in KINDS:
                with contextlib.suppress(FileNotFoundError):
                    shutil.copytree(Path(self.top, kind), Path(saved, kind), symlinks=True)
            self.restore(saved)
            before = self.state()
            for program in programs:
                p, count, _ = self.run_failing(program, "none", 0, words, **more)
                self.assertEqual(p.returncode, DONE, p.stderr)
                whole()
                made = set(self.state())
                self.restore(saved)
                self.assertGreater(count, 0, f"{program} has no file to write")
                print(f"# {' '.join(words[:2])}: {count} calls of {program}", flush=True)
                for how in HOWS:
                    for at in spread(count, CALLS):
                        with self.subTest(words[0], program=program, how=how, at=at):
                            outcome = self.run_failing(program, how, at, words, **more)
                            self.check_one(words, how, outcome, before, made, whole, untouched)
                        self.restore(saved)

    def check_one(self, words, how, outcome, before, made, whole, untouched):
        p, _, met = outcome
        if not met:  # there were fewer calls this time
            self.assertEqual(p.returncode, DONE, p.stderr)
        elif how == "kill":
            if p.returncode > 0:  # it was a program that umlctl has started
                self.assertRegex(p.stderr, r"\Aumlctl: [^\n]+\n\Z")
            self.sweep(words[0])
            if set(self.state()) == made != set(before) or not self.is_as_before(before, untouched):
                whole()
        elif p.returncode == DONE:
            if met == "renameat":  # by which deep directories are removed, here that of temporary files
                self.sweep(words[0])
            whole()
            self.assertEqual(set(self.state()), made, met)
        else:
            self.check_words(p)
            if "state/web/root.img.undo" in self.state():
                self.assertRegex(p.stderr, r"the change cannot be (undone|completed) now \(.*\), but will be before its next start or change")
                self.sweep(words[0])
            if set(self.state()) == made and "cannot be completed now" in p.stderr:
                whole()
            elif words[0] == "modules" and met in ("open", "write", "fchmod", "fsync", "rename") and not self.is_as_before(before, untouched):
                whole()  # all but the record of which modules it has: umld puts them there again
            elif not self.is_as_before(before, untouched):
                self.assertEqual((words[0], met, set(self.state())), ("disk", "fsync", made), p.stderr)  # of the directory, as the last step
                whole()

    def is_as_before(self, before, untouched):
        usable = untouched and untouched()
        left = self.state()
        if usable:
            left.update({name: before[name] for name in IN_PLACE if name in before and name in left})
        return left == before

    def sweep(self, command):
        """Whoever comes next cleans up."""
        if command in ("resize", "modules"):
            p = self.expect(USAGE, "resize", "web", "1M", **self.user)  # which opens the image, and cannot be done
            self.assertRegex(p.stderr, r"\A(umlctl: web: a change of its image was interrupted, and was undone\n)?"
                                       r"umlctl: web: its image has (8|12)M, and can only be made larger.*\n\Z")
        elif command == "disk":
            self.run_umlctl("disk", "web", "snapshot", "next")  # which may be refused
            Path(self.top, "state/web/root.cow.snapshot-next").unlink(missing_ok=True)
        if command in ("resize", "disk"):
            return
        for words in (("create", "next", "--from", str(self.tar), *OPTIONS), ("remove", "next", "--force")):
            p = self.run_umlctl(*words, **self.user)
            self.assertEqual(p.returncode, DONE, p.stderr)

    # ---- making guests ----

    def made(self, name="web"):
        image = Path(self.top, f"state/{name}/root.img")
        wrong = fsck(image)
        self.assertIsNone(wrong, wrong)
        self.assertEqual(Image(image).read("/etc/data"), (self.tree / "etc/data").read_bytes())
        self.assertIn("Memory=128M\n", Path(self.top, f"config/{name}.conf").read_text(encoding="utf-8"))

    def create(self, source, *words, **more):
        self.check(self.made, "create", "web", "--from", str(source), *OPTIONS, *words, **more)

    def old_guest(self):
        self.expect(DONE, "create", "web", "--from", str(self.tree), *OPTIONS)

    def test_archive(self):
        self.create(self.tar)

    def test_directory(self):
        self.create(self.tree, f"--copy={self.tar}:/srv/copy", programs=("umlctl",))

    def test_container_image(self):
        layout = Layout(Path(self.top, "oci"))
        data = (self.tree / "etc/data").read_bytes()
        layout.image([{"bin/serve": ("file", b"#!/bin/sh\n", 0o755), "etc": ("dir", 0o755), "etc/data": ("file", data, 0o644)}],
                     {"Entrypoint": ["/bin/serve"]})
        self.env["UMLD_GUEST_INIT"] = str(BUILD / "guest/umld-guest-init")
        self.create(f"oci:{layout.path}", programs=("umlctl",))

    def test_download(self):
        if not os.path.exists(self.env["UMLD_FETCH"]):
            self.skipTest("built without libcurl")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Served, directory=self.top))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.create(f"http://127.0.0.1:{server.server_address[1]}/tree.tar", f"--sha256={hashlib.sha256(self.tar.read_bytes()).hexdigest()}",
                    programs=("umld-fetch", "umlctl"))

    def test_replacing(self):
        """The guest that is there stays whole, or the new one takes its place."""
        self.old_guest()
        Path(self.top, "state/web/uid").write_text("60001\n", encoding="utf-8")

        def new():
            self.made()
            self.assertTrue(Image(Path(self.top, "state/web/root.img")).exists("/etc/new"))
            self.assertIn("Hostname=new\n", Path(self.top, "config/web.conf").read_text(encoding="utf-8"))

        self.check(new, "create", "web", "--from", str(self.tree), f"--copy={self.tar}:/etc/new", "--hostname=new", "--force", *OPTIONS,
                   programs=("umlctl",))

    def test_import(self):
        self.old_guest()
        export = Path(self.top, "web.export")
        with open(export, "wb") as out:
            self.expect(DONE, "export", "web", stdout=out)
        self.check(functools.partial(self.made, "two"), "import", str(export), "--name=two", "--quiet")

    def test_export(self):
        """A file that is not whole is refused by import; here its writing fails, and that is told."""
        self.old_guest()
        export = Path(self.top, "web.export")

        def whole():
            self.expect(DONE, "import", str(export), "--name=two", "--quiet")
            self.made("two")
            self.expect(DONE, "remove", "two", "--force")

        for how in ("full", "error", "short"):
            with open(export, "wb") as out:
                _, count, _ = self.run_failing("umld-image", "none", 0, ("export", "web"), stdout=out)
            for at in spread(count, CALLS):
                with self.subTest(how=how, at=at):
                    with open(export, "wb") as out:
                        p, _, _ = self.run_failing("umld-image", how, at, ("export", "web"), stdout=out)
                    if p.returncode == DONE:
                        whole()
                    else:
                        self.check_words(p)

    # ---- changing guests ----

    def changed(self, size=8 * MIB):
        image = Path(self.top, "state/web/root.img")
        self.made()
        self.assertEqual(image.stat().st_size, size)
        self.assertFalse(Path(f"{image}.undo").exists())

    def guest_with_modules(self):
        self.old_guest()
        path = Path(self.top, "config/web.conf")
        path.write_text(path.read_text(encoding="utf-8").replace("FastNetwork=no\n", ""), encoding="utf-8")

    def test_resize(self):
        """What was killed is undone by the next command, to the last byte."""
        self.old_guest()
        self.check(functools.partial(self.changed, 12 * MIB), "resize", "web", "12M")

    def test_modules(self):
        self.guest_with_modules()
        self.check(self.changed, "modules", "web", programs=("umlctl", "umld-image", "depmod"))

    # ---- programs of e2fsprogs ----

    def unprivileged(self):
        """As root umlctl has a sandbox for them, in which nothing can count."""
        preload = shutil.copy(PRELOAD, self.top)
        self.env.update(UMLD_IMAGE=reachable(self.env["UMLD_IMAGE"]), UMLD_RECIPES=shutil.copytree(SOURCE / "recipes", Path(self.top, "recipes")))
        self.owner, self.user = NOBODY, {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        return {"preload": preload, **self.user}

    def test_mke2fs(self):
        who = self.unprivileged()
        self.check(self.made, "create", "web", "--from", str(self.tar), *OPTIONS, programs=("mke2fs",), **who)

    def test_resize2fs(self):
        self.old_guest()
        who = self.unprivileged()
        self.check(functools.partial(self.changed, 12 * MIB), "resize", "web", "12M", programs=("e2fsck", "resize2fs"), **who)

    def test_killed_with_umlctl(self):
        """All processes are killed in the midst of a change, so the next command has to undo it, to the last byte."""
        self.old_guest()
        self.unprivileged()
        program = self.env["UMLD_IMAGE"]
        self.env["UMLD_IMAGE"] = str(Path(self.top, "kills-umlctl"))
        Path(self.env["UMLD_IMAGE"]).write_text(f'#!/bin/sh\n{program} "$@"\nkill -s KILL $PPID\n', encoding="utf-8")
        Path(self.env["UMLD_IMAGE"]).chmod(0o755)
        preload, half = shutil.copy(PRELOAD, self.top), 0
        with tempfile.TemporaryDirectory(prefix="umlctl-saved-", dir="/var/tmp") as saved:
            for kind in KINDS:
                with contextlib.suppress(FileNotFoundError):
                    shutil.copytree(Path(self.top, kind), Path(saved, kind), symlinks=True)
            self.restore(saved)
            before = self.state()
            for name, count in (("umld-image", 16), ("e2fsck", 16), ("resize2fs", 26)):
                for at in spread(count, CALLS):
                    with self.subTest(program=name, at=at):
                        p, _, _ = self.run_failing(name, "kill", at, ("resize", "web", "12M"), preload=preload, **self.user)
                        self.assertEqual(p.returncode, -signal.SIGKILL, p.stderr)
                        left = self.state()
                        self.assertIn("state/web/root.img.undo", left)
                        half += left["state/web/root.img"] != before["state/web/root.img"]
                        p = self.run_umlctl("export", "web", **self.user)
                        self.assertIn("was interrupted; start it first, which undoes it", p.stderr)
                        self.sweep("resize")
                        self.assertEqual(self.state(), before)
                    self.restore(saved)
        self.assertGreater(half, CALLS)

    # ---- copy-on-write files ----

    def with_changes(self):
        base, file = Path(self.top, "base/base.img"), Path(self.top, "state/web/root.cow")
        base.parent.mkdir()
        file.parent.mkdir()
        base.write_bytes(os.urandom(MIB))
        os.utime(base, (1700000000, 1700000000))
        cow.make(file, base)
        for place in range(0, MIB, MIB // 8):
            cow.write(file, place, os.urandom(4096))
        Path(self.top, "config/web.conf").write_text(f"[Guest]\nDisk={base},cow={file}\n", encoding="utf-8")
        return base, file

    def test_commit(self):
        """The guest sees the same all the time."""
        base, file = self.with_changes()
        seen = cow.view(file, base)

        def committed():
            self.assertEqual(base.read_bytes(), seen)
            self.assertEqual(cow.view(file, base), seen)

        def same():
            if cow.view(file, base) is None:  # the daemon refuses to start it as well
                self.assertTrue(Path(f"{file}.commit").exists())
            else:
                self.assertEqual(cow.view(file, base), seen)
            self.expect(DONE, "disk", "web", "commit")
            committed()
            return True

        self.check(committed, "disk", "web", "commit", untouched=same, programs=("umlctl",))

    def test_reset(self):
        base, file = self.with_changes()
        before = base.read_bytes()

        def reset():
            self.assertEqual(base.read_bytes(), before)
            self.assertEqual(cow.view(file, base), before)

        self.check(reset, "disk", "web", "reset", "--force", programs=("umlctl",))

    def test_snapshot(self):
        base, file = self.with_changes()
        seen = cow.view(file, base)

        def made():
            self.assertEqual(cow.view(Path(f"{file}.snapshot-one"), base), seen)
            self.assertEqual(cow.view(file, base), seen)

        self.check(made, "disk", "web", "snapshot", "one", programs=("umlctl", "cp"))


if __name__ == "__main__":
    sys.exit(main())
