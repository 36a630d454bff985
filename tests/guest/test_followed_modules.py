#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umld puts the modules of another kernel into the image of a guest before it starts that guest: by itself, whoever
started umld."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from law import WATCHDOG, LawTest  # noqa: E402
from umldtest import (DEBIAN_KERNEL, DONE, TestCase, clean_file_system, main, process_alive, wait_until)  # noqa: E402
from undofile import write_undo  # noqa: E402

OLD = "5.10.1-old\ntun\n"


class Fake(LawTest):
    """With another umld-modules: when it is run, with what, and what becomes of it."""

    def configure_for(self, script, record=OLD, suffix=""):
        """The record is what umlctl has written when it made the image; None: it did not make it."""
        self.world.guest(fake="boot,ready", Supervise={"StartTimeout": "20s", "StopTimeout": "4s"})
        self.record = self.world.state_dir / "web/modules"
        if record is not None:
            self.record.write_text(record)
        if suffix:
            self.world.guest(fake="boot,ready", Guest={"Disk": f"{self.world.image()}{suffix}"})
        program = self.world.program("umlctl/umld-modules")
        program.write_text(f"#!/bin/sh\n{script}\n")

    def test_when(self):
        """Once, with the image open, and not if the modules are those of this kernel."""
        release = fake_release(self.world)
        self.configure_for(f"echo got $*; stat -Lc 'image of %u' /proc/self/fd/3; echo {release} >{self.world.state_dir}/web/modules")
        umld = self.daemon().wait_ready()
        self.assertIn(f"got web {self.world.program('tests/guest/fake-guest')} fast-network", umld.log)
        self.assertIn(f"image of {(self.world.state_dir / 'web/uid').read_text().strip()}", umld.log)
        since = len(umld.messages)
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("running", since=since)
        self.assertEqual(umld.log.count("got web"), 1)
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(self.record.read_text(), f"{release}\n")

    def test_foreign_image(self):
        """What umlctl did not make is left alone."""
        self.configure_for("echo got $*", record=None)
        umld = self.daemon().wait_ready()
        self.assertNotIn("got", umld.log)
        self.assertEqual(umld.stop(), DONE)

    def test_shared_image(self):
        for suffix, why in (",ro", "is read-only"), (f",cow={self.world.state_dir}/web/root.cow", "is a backing file"):
            with self.subTest(suffix=suffix):
                self.configure_for("echo got $*", suffix=suffix)
                self.world.image().chmod(0o644)
                umld = self.daemon().wait_ready()
                self.assertNotIn("got web", umld.log)
                self.assertIn(f"{why}, so the modules of Linux", umld.log)
                self.assertEqual(umld.stop(), DONE)

    def test_failure(self):
        """A guest without its modules is one all the same; the next start tries again."""
        self.configure_for("echo there are none here; exit 1")
        umld = self.daemon().wait_ready()
        self.assertIn("there are none here", umld.log)
        self.assertIn("starting without them", umld.log)
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(self.record.read_text(), OLD)

    def test_killed(self):
        """What it has changed by then is undone before the guest starts."""
        self.configure_for("cp IMAGE.left IMAGE.undo; echo changed | dd of=IMAGE bs=1 seek=8192 conv=notrunc status=none; kill -s KILL $$")
        image, program = self.world.image(), self.world.program("umlctl/umld-modules")
        program.write_text(program.read_text().replace("IMAGE", str(image)))
        os.truncate(image, 4 << 20)
        subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", image], check=True, stdin=subprocess.DEVNULL, timeout=30)
        before = image.read_bytes()
        write_undo(image, [(8192, before[8192:12288])], 0).rename(f"{image}.left")
        umld = self.daemon().wait_ready()
        self.assertIn("starting without them", umld.log)
        self.assertIn("has been undone", umld.log)
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(image.read_bytes(), before)

    def test_slow(self):
        """The event loop does not wait for it, and a stop ends it with all that it has started."""
        self.configure_for("sleep 600 & echo is $! and $$; wait")
        before = self.world.snapshot()
        umld = self.daemon(watchdog=WATCHDOG)
        pids = list(map(int, wait_until(lambda: re.search(r"is (\d+) and (\d+)", umld.log), 20, "it runs").groups()))
        umld.wait_state("preparing")
        self.assertIn("modules of its kernel are being put into its image", umld.status()["status"])
        self.assert_responds(umld)
        self.assert_fed(umld)
        self.assertEqual(umld.stop(), DONE)
        for pid in pids:
            wait_until(lambda p=pid: not process_alive(p), 10, "its processes have ended")
        self.assert_same_host(before)


class Real(TestCase):
    """With Debian's kernel, which has BBR and fq as modules, and the image of umlctl create."""

    def setUp(self):
        super().setUp()
        self.release = subprocess.run([DEBIAN_KERNEL, "--version"], stdout=subprocess.PIPE, encoding="utf-8",
                                      check=True).stdout.strip()
        p = self.world.umlctl("create", "web", f"--kernel={self.world.kernel(DEBIAN_KERNEL)}", "--size=64M")
        self.assertEqual(p.returncode, DONE, p.stderr)
        self.directory = f"/lib/modules/{self.release}"
        self.image = self.world.state_dir / "web/root.img"
        self.record = self.world.state_dir / "web/modules"

    def debugfs(self, *commands):
        for command in commands:
            subprocess.run(["/sbin/debugfs", "-w", "-R", command, self.image], check=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)

    def take_away(self):
        """The image has what another kernel needed, but not what this one does."""
        listed = subprocess.run(["/sbin/debugfs", "-R", f"ls -p {self.directory}", self.image], check=True, encoding="utf-8",
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30).stdout
        for name in re.findall(r"/\d+/10\d+/\d+/\d+/([^/]+)/", listed):
            self.debugfs(f"rm {self.directory}/{name}")
        for directory, file in (("kernel/net/ipv4", "tcp_bbr.ko"), ("kernel/net/sched", "sch_fq.ko")):
            self.debugfs(f"rm {self.directory}/{directory}/{file}")
        self.record.write_text(OLD)

    def in_image(self, path):
        done = subprocess.run(["/sbin/debugfs", "-R", f"stat {path}", self.image], check=False, encoding="utf-8",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
        return "Inode:" in done.stdout

    def test_followed(self):
        self.take_away()
        self.assertFalse(self.in_image(f"{self.directory}/modules.dep"))
        owner = os.stat(self.image).st_uid
        umld = self.daemon().wait_ready(60)
        self.assertIn(f"has the modules of Linux {self.release}: tcp_bbr sch_fq tun", umld.log)
        wait_until(lambda: umld.status()["guest"].get("congestion_control") == "bbr", 30, "BBR in the guest")
        self.assertEqual(umld.stop(60), DONE)
        self.assertEqual(self.record.read_text(), f"{self.release}\ntun\n")
        self.assertEqual(clean_file_system(self.image), "")
        self.assertEqual(os.stat(self.image).st_uid, owner)

    def test_killed(self):
        """umld dies in the middle of it: the next one makes it whole."""
        program = self.world.program("imager/umld-image")
        real = program.with_name("umld-image.real")
        program.rename(real)
        mark = self.world.dir / "half"
        program.write_text(f"#!/bin/sh\n[ $1 != change ] || [ -e {mark} ] || {{ {real} \"$@\"; exec 3>&- 7>&-; : >{mark}; exec sleep 600; }}\n"
                                f"exec {real} \"$@\"\n")
        program.chmod(0o755)
        self.take_away()
        umld = self.daemon()
        wait_until(mark.exists, 20, "the image is being changed")
        umld.kill()
        umld = self.daemon().wait_ready(60)
        self.assertTrue(self.in_image(f"{self.directory}/kernel/net/ipv4/tcp_bbr.ko"))
        self.assertEqual(umld.stop(60), DONE)
        self.assertEqual(self.record.read_text(), f"{self.release}\ntun\n")
        self.assertEqual(clean_file_system(self.image), "")
        self.assertEqual([p.name for p in self.world.state_dir.iterdir() if p.name.startswith(".web")], [])


def fake_release(world):
    return subprocess.run([world.program("tests/guest/fake-guest"), "--version"], stdout=subprocess.PIPE, encoding="utf-8",
                          check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
