#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A file system that has recorded errors is repaired before a start, or the guest is not started."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import (DEBIAN_KERNEL, DONE, FAILED, MAKE_GUEST, TRY_CALLS, TestCase, clean_file_system, main,  # noqa: E402
                      process_alive, wait_until)
from undofile import write_undo  # noqa: E402

QUICK = {"StartTimeout": "20s", "StopTimeout": "4s", "RestartDelayMax": "5s"}
ERRORS = 2  # of the superblock's state
DISK_CHECK_UID = 60798


def processes_of(uid, name):
    """The pids of a user's processes whose program has this name."""
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            if proc.stat().st_uid == uid and os.path.basename((proc / "cmdline").read_bytes().split(b"\0")[0]) == name:
                yield int(proc.name)
        except OSError:
            pass


def running(*command):
    """The pid of the process with this command line, or None."""
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            if (proc / "cmdline").read_bytes().split(b"\0")[:-1] == list(command):
                return int(proc.name)
        except OSError:
            pass
    return None


def debugfs(image, *commands):
    for command in commands:
        subprocess.run(["/sbin/debugfs", "-w", "-R", command, image], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)


def superblock(image):
    text = subprocess.run(["/sbin/dumpe2fs", "-h", image], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, encoding="utf-8", timeout=30).stdout
    return dict((key.strip(), value.strip()) for key, _, value in (line.partition(":") for line in text.splitlines()))


class CheckTest(TestCase):
    def mkfs(self, name="ext4.img"):
        image = self.world.state_dir / name
        with open(image, "wb") as f:
            f.truncate(4 << 20)
        subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", image], check=True, stdin=subprocess.DEVNULL, timeout=30)
        return image

    def configure(self, image, fake="lock,boot,ready", **options):
        self.world.guest(fake=fake, image=image, Supervise=QUICK, **options)

    def fake_e2fsck(self, script):
        """umld's PATH with another e2fsck first."""
        directory = self.world.dir / "bin"
        directory.mkdir(mode=0o755)
        directory.chmod(0o755)
        (directory / "e2fsck").write_text(f"#!/bin/sh\n{script}\n")
        (directory / "e2fsck").chmod(0o755)
        return {"PATH": f"{directory}:{os.environ['PATH']}"}


class Fake(CheckTest):
    def test_mended(self):
        image = self.mkfs()
        debugfs(image, f"ssv state {ERRORS}", "ssv error_count 3", "ssv last_error_func ext4_lookup",
                "set_inode_field <11> links_count 7")
        self.configure(image)
        before = self.world.snapshot()
        umld = self.daemon().wait_ready()
        self.assertIn("has recorded errors; checking it", umld.log)
        self.assertIn("3 errors recorded", umld.log)
        self.assertIn("the last in ext4_lookup", umld.log)
        self.assertIn("the file system has been repaired", umld.log)
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(superblock(self.world.image())["Filesystem state"], "clean")
        self.assertNotIn("FS Error count", superblock(self.world.image()))
        self.assertEqual(clean_file_system(self.world.image()), "")
        self.assert_same_host(before)

    def test_before_a_restart(self):
        image = self.mkfs()
        self.configure(image)
        umld = self.daemon().wait_ready()
        self.assertNotIn("errors", umld.log)
        debugfs(self.world.image(), f"ssv state {ERRORS}")
        since = len(umld.messages)
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("running", since=since)
        self.assertIn("the file system has been repaired", umld.log)
        self.assertEqual(umld.said("STATUS")[-3:][0].partition(":")[0], "preparing")
        umld.stop()

    def test_past_mending(self):
        """The guest is not started, and not tried again; the remedy is named."""
        image = self.mkfs()
        debugfs(image, f"ssv state {ERRORS}", "clri <2>")
        self.configure(image)
        before = self.world.snapshot()
        umld = self.daemon()
        self.assertEqual(umld.wait(20), FAILED)
        self.assertNotIn("booting", umld.statuses())
        self.assertIn("run `e2fsck -f ", umld.said("STATUS", None)[-1])
        self.assertIn("Root inode is not a directory", umld.log)
        status = self.world.umlctl("status", "web", "--json").json
        self.assertEqual((status["state"], status["last_exit"]["verdict"]), ("failed", "disk"))
        self.assert_same_host(before)

    def test_interrupted_change(self):
        """It is undone before the start, even if nothing is wrong with the file system; without a whole undo file not."""
        for cut in (0, 1):
            with self.subTest(cut=cut):
                image = self.mkfs()
                self.configure(image)
                image = self.world.image()
                before = image.read_bytes()
                undo = write_undo(image, [(0, before[:4096]), (8192, bytes(4096)), (0, bytes(4096))], cut)
                with open(image, "r+b") as f:
                    for place in 0, 8192:
                        f.seek(place)
                        f.write(b"\xff" * 1024)  # before the superblock, and what was zeros
                changed = image.read_bytes()
                umld = self.daemon().wait_ready()
                self.assertIn("a change of it by umlctl was interrupted; undoing it before the start", umld.log)
                self.assertIn("has been undone", umld.log)
                self.assertNotIn("repaired", umld.log)
                self.assertEqual(umld.stop(), DONE)
                self.assertFalse(undo.exists())
                self.assertEqual(image.stat().st_size, len(before))
                self.assertNotEqual(image.read_bytes(), changed)
                if not cut:
                    self.assertEqual(image.read_bytes(), before)

    def test_replaced_meanwhile(self):
        """A backup that was copied over it is left as it is."""
        self.configure(self.mkfs())
        image = self.world.image()
        backup = image.read_bytes()
        write_undo(image, [(8192, backup[8192:12288])], 0)
        image.write_bytes(backup)
        umld = self.daemon().wait_ready()
        self.assertIn("has been replaced since, so nothing was undone", umld.log)
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(image.read_bytes(), backup)
        self.assertFalse(Path(f"{image}.undo").exists())

    def test_of_its_owner(self):
        """The image's owner may have been killed as well."""
        self.configure(self.mkfs())
        image = self.world.image()
        before, undo = image.read_bytes(), write_undo(image, [], 0)
        os.chown(undo, 65534, 65534)
        umld = self.daemon()
        self.assertEqual(umld.wait(20), FAILED)
        self.assertIn("its undo file may be written by others than its owner or root", umld.log)
        os.chown(image, 65534, 65534)
        umld = self.daemon().wait_ready()
        self.assertIn("has been undone", umld.log)
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(image.read_bytes(), before)

    def interrupt(self, image):
        """All but the last step of a change by umlctl, which is killed."""
        program, last = self.world.dir / "changes", f"600.{os.getpid()}"
        program.write_text(f'#!/bin/sh\n{self.world.program("imager/umld-image")} "$@"\nexec sleep {last}\n')
        program.chmod(0o755)
        # Times of file systems are in seconds: who writes after the change is told from mkfs by another one.
        time.sleep(1 - time.time() % 1)
        before = image.read_bytes(), image.stat().st_mtime_ns
        umlctl = subprocess.Popen(self.world.command("host", "env", f"UMLD_IMAGE={program}", self.world.program("umlctl/umlctl"), "resize",
                                                     "web", "6M"), stdin=subprocess.DEVNULL)
        self.addCleanup(umlctl.wait)
        self.addCleanup(umlctl.kill)
        pid = wait_until(lambda: running(b"sleep", last.encode()), 30, "the change")
        umlctl.kill()
        os.kill(pid, signal.SIGKILL)
        umlctl.wait()
        self.assertTrue(Path(f"{image}.undo").exists())
        self.assertNotEqual(image.read_bytes()[:len(before[0])], before[0])
        return before

    def assert_refused(self, message):
        umld = self.daemon()
        self.assertEqual(umld.wait(20), FAILED)
        self.assertIn(message, umld.log)
        self.assertNotIn("booting", umld.statuses())

    def test_read_only(self):
        """A change of an image is undone that this guest itself only reads; neither is it checked for errors."""
        image = self.mkfs()
        self.configure(image)
        image = self.world.image()
        debugfs(image, f"ssv state {ERRORS}")
        before = self.interrupt(image)
        self.configure(None, fake="boot,ready", Guest={"Disk": f"{image},ro"})
        umld = self.daemon().wait_ready()
        self.assertIn("has been undone", umld.log)
        self.assertNotIn("repaired", umld.log)
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual((image.read_bytes(), image.stat().st_mtime_ns), before)

    def test_backing_file(self):
        """Nobody makes a copy-on-write file on top of it, nor uses the one that is there, until it is undone."""
        self.configure(self.mkfs())
        image = self.world.image()
        guest = {"Disk": f"{image},cow={self.world.state_dir}/root.cow"}
        for existing in (False, True):
            with self.subTest(existing=existing):
                self.configure(None)
                self.interrupt(image)
                self.configure(None, fake="boot,ready", Guest=guest)
                self.assert_refused("was interrupted; start a guest that has it without cow=, which undoes the change")
                self.assertEqual(Path(self.world.state_dir, "root.cow").exists(), existing)
                self.configure(None)
                umld = self.daemon().wait_ready()
                self.assertIn("has been undone", umld.log)
                self.assertEqual(umld.stop(), DONE)
                self.configure(None, fake="boot,ready", Guest=guest)
                self.assertEqual(self.daemon().wait_ready().stop(), DONE)

    def test_written_since(self):
        """It is neither undone, which would mix what others have written with what was there, nor used."""
        self.configure(self.mkfs())
        image = self.world.image()
        self.interrupt(image)
        subprocess.run(["/sbin/e2fsck", "-fy", image], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)
        written = image.read_bytes()
        self.assert_refused("others have written to its file system since")
        p = self.world.umlctl("resize", "web", "8M")
        self.assertIn("others have written to its file system since", p.stderr)
        self.assertEqual(image.read_bytes(), written)
        Path(f"{image}.undo").unlink()
        umld = self.daemon().wait_ready()
        self.assertEqual(umld.stop(), DONE)

    def test_not_to_be_undone(self):
        self.configure(self.mkfs())
        Path(f"{self.world.image()}.undo").mkdir()
        umld = self.daemon()
        self.assertEqual(umld.wait(20), FAILED)
        self.assertIn("was interrupted and cannot be undone", umld.said("STATUS", None)[-1])

    def test_second_disk(self):
        image, second = self.mkfs(), self.mkfs("data.img")
        debugfs(image, f"ssv state {ERRORS}")
        debugfs(second, f"ssv state {ERRORS}")
        self.configure(image, Guest={"Disk": [self.world.state_dir / "web/root.img", second]})
        umld = self.daemon().wait_ready()
        self.assertEqual(umld.log.count("the file system has been repaired"), 2)
        umld.stop()
        self.assertEqual(superblock(second)["Filesystem state"], "clean")

    def test_left_alone(self):
        """What is only read, or under a copy-on-write file, or no such file system."""
        base, read_only = self.mkfs(), self.mkfs("ro.img")
        for image in (base, read_only):
            debugfs(image, f"ssv state {ERRORS}")
        self.configure(None, fake="boot,ready", Guest={
            "Disk": [f"{base},cow={self.world.state_dir}/root.cow", f"{read_only},ro", self.world.state_dir / "web/root.img"]})
        umld = self.daemon("web", ["--debug"]).wait_ready()
        self.assertNotIn("checking it", umld.log)
        self.assertIn("not checked for errors, because changes are in", umld.log)
        umld.stop()
        self.assertIn("with errors", superblock(base)["Filesystem state"])

    def test_stop_meanwhile(self):
        """umld stays awake while e2fsck works, and takes it along."""
        image = self.mkfs()
        debugfs(image, f"ssv state {ERRORS}")
        self.configure(image)
        before = self.world.snapshot()
        umld = self.daemon(env=self.fake_e2fsck("echo is $$ of `id -u`; exec sleep 600"))
        pid, uid = map(int, wait_until(lambda: re.search(r"is (\d+) of (\d+)", umld.log), 10, "e2fsck").groups())
        self.assertEqual((pid, uid), (1, DISK_CHECK_UID))  # in a PID namespace of its own, and not the guest's user
        pid = wait_until(lambda: next(processes_of(DISK_CHECK_UID, b"sleep"), None), 10, "e2fsck")
        self.confined(Path("/proc", str(pid)))
        wait_until(lambda: umld.status()["state"] == "preparing", 10)
        status = umld.status()
        self.assertIn("is being checked before the start", status["status"])
        self.assertEqual(self.world.umlctl("stop", "web").returncode, DONE)
        self.assertEqual(umld.wait(), DONE)
        self.assertFalse(process_alive(pid))
        self.assert_same_host(before)

    def confined(self, proc):
        status = (proc / "status").read_text()
        for line in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"):
            self.assertIn(line, status)
        for namespace in ("net", "ipc", "uts", "pid", "mnt"):
            self.assertNotEqual(os.readlink(proc / "ns" / namespace), os.readlink(f"/proc/self/ns/{namespace}"))
        root = next(line.split() for line in (proc / "mountinfo").read_text().splitlines() if line.split()[4] == "/")
        self.assertIn("ro", root[5].split(","))
        self.assertNotEqual((self.world.state_dir / "web/root.img").stat().st_uid, DISK_CHECK_UID)

    def test_too_slow(self):
        image = self.mkfs()
        debugfs(image, f"ssv state {ERRORS}")
        self.world.guest(fake="boot", image=image, Supervise={**QUICK, "StartTimeout": "100ms"})
        umld = self.daemon(env=self.fake_e2fsck("exec sleep 600"))
        self.assertEqual(umld.wait(20), FAILED)
        self.assertIn("did not repair them within 1s", umld.log)

    def test_calls(self):
        """What it executes makes no call that it does not need, and no connection."""
        image = self.mkfs()
        debugfs(image, f"ssv state {ERRORS}")
        calls = self.world.install(TRY_CALLS, self.world.dir / "try-calls")
        self.configure(image)
        umld = self.daemon(env=self.fake_e2fsck(f"{calls}; exit 1")).wait_ready()
        self.assert_helper_calls(umld.log, sockets=False)
        self.assertEqual(umld.stop(), DONE)

    def test_no_e2fsck(self):
        image = self.mkfs()
        debugfs(image, f"ssv state {ERRORS}")
        self.configure(image)
        umld = self.daemon(env=self.fake_e2fsck("exit 126")).wait_ready()
        self.assertIn("install e2fsprogs", umld.log)
        umld.stop()


class Real(CheckTest):
    shm = "256M"

    def test_guest(self):
        """An error that a guest's kernel has found; a plain SIGKILL needs no check."""
        image = self.world.dir / "guest.img"
        subprocess.run([MAKE_GUEST, image], check=True, timeout=60)
        self.world.guest(kernel=DEBIAN_KERNEL, image=image, Network={"Forward": "tcp/8080:80"},
                         Supervise={"RestartDelayMax": "5s"})
        umld = self.daemon().wait_ready(60)
        page = self.world.fetch_when_served()
        os.kill(umld.guest_pid(), signal.SIGKILL)
        page = self.world.fetch_when_served(unlike=page)
        self.assertNotIn("noted errors", umld.log)
        self.assertEqual(umld.stop(40), DONE)
        self.assertEqual(clean_file_system(self.world.image()), "")
        debugfs(self.world.image(), f"ssv state {ERRORS}", "ssv error_count 1")
        umld = self.daemon().wait_ready(60)
        self.assertIn("the file system has been repaired", umld.log)
        self.world.fetch_when_served(unlike=page)
        self.assertEqual(umld.stop(40), DONE)
        self.assertEqual(clean_file_system(self.world.image()), "")


if __name__ == "__main__":
    main()
