#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The event loop waits for no file server. This one is real: a FUSE file system (bindfs), whose process is stopped."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from law import WATCHDOG, LawTest  # noqa: E402
from umldtest import DONE, FAILED, USAGE, main, wait_until  # noqa: E402

GONE = 30 if os.environ.get("UMLD_TEST_LONG") else 4  # seconds without the server


class WithServer(LawTest):
    def setUp(self):
        super().setUp()
        self.near, self.far = self.world.dir / "near", self.world.dir / "far"
        for directory in self.near, self.far, self.near / "shown":
            directory.mkdir(mode=0o755)
        self.world.dir.chmod(0o755)
        process = subprocess.Popen(self.world.command("host", "bindfs", "-f", self.near, self.far), stdin=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.server = wait_until(self.find_server, what="the file server")
        self.addCleanup(self.end_server)

    def find_server(self):
        """Once it is mounted."""
        if " fuse" not in self.world.host("cat", "/proc/self/mountinfo"):
            return None
        return next((pid for pid, line in self.world.processes().items() if line.startswith("bindfs ")), None)

    def end_server(self):
        """Then everything that waits for it gets an error."""
        os.kill(self.server, signal.SIGCONT)
        os.kill(self.server, signal.SIGKILL)

    def stop_server(self):
        """What the kernel remembers of its files is too old after a second."""
        os.kill(self.server, signal.SIGSTOP)
        time.sleep(1.2)

    def put(self, source, name):
        shutil.copy(source, self.near / name)
        return self.far / name

    def own_far(self):
        """The environment in which the log directory is the server's."""
        return {"UMLD_LOG_DIR": str(self.far)}

    def configure_far(self, **more):
        """The kernel, the image, a directory of Share= and a command, all of the server."""
        kernel = self.put(self.world.program("tests/guest/fake-guest"), "kernel")
        image = self.near / "root.img"
        with open(image, "wb") as f:
            f.truncate(4 << 20)
        subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", image], check=True, stdin=subprocess.DEVNULL, timeout=30)
        command = self.near / "command"
        command.write_text("#!/bin/sh\nexit 0\n")
        command.chmod(0o755)
        self.configure(Guest={"Kernel": str(kernel), "Disk": f"{self.far / 'root.img'},adopt", "Share": str(self.far / "shown"),
                              "DiskSync": "1s"},
                       Confine={"PrivateRoot": "yes"},
                       Notify={"Command": str(self.far / "command")}, **more)

    def assert_held(self, umld, seconds, waiting_for=None):
        """All that time."""
        end = time.monotonic() + seconds
        self.assert_responds(umld, waiting_for)
        while time.monotonic() < end:
            self.assert_fed(umld)
            self.assert_responds(umld)
            self.assertEqual(self.world.umlctl("metrics").returncode, 0)


class Server(WithServer):
    def test_start(self):
        """It waits, and says for what; it goes on by itself, and a stop does not wait."""
        self.configure_far()
        self.stop_server()
        for stop in True, False:
            umld = self.daemon(watchdog=WATCHDOG)
            umld.wait_state("preparing")
            self.assert_held(umld, 1, f"the file system of {self.far}/root.img")
            if stop:
                self.assertEqual(umld.stop(), DONE)
        os.kill(self.server, signal.SIGCONT)
        umld.wait_ready()
        self.assertEqual(umld.stop(), DONE)

    def test_running(self):
        """Whatever falls into that time, a guest that dies included; then it is as before."""
        self.configure_far()
        umld = self.daemon(watchdog=WATCHDOG).wait_ready()
        self.assertNotEqual((self.near / "root.img").stat().st_uid, 0)
        self.stop_server()
        self.assert_held(umld, GONE)
        since = len(umld.messages)
        os.kill(umld.guest_pid(), signal.SIGKILL)
        self.assert_held(umld, GONE)
        os.kill(self.server, signal.SIGCONT)
        umld.wait_state("running", since=since)
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual((self.near / "root.img").stat().st_uid, 0)

    def test_adoption(self):
        """An umld takes over a guest whose server is gone, and leaves it alone."""
        self.configure_far(Supervise={"AdoptTimeout": "1min"})
        umld = self.daemon(watchdog=WATCHDOG).wait_ready()
        guest = umld.guest_pid()
        self.stop_server()
        umld.kill()
        umld = self.daemon(watchdog=WATCHDOG)
        umld.wait_state("running", 30)
        self.assertIn("not checked, since its file system does not respond", umld.log)
        self.assertEqual(umld.guest_pid(), guest)
        self.assert_held(umld, 1)
        os.kill(self.server, signal.SIGCONT)
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual((self.near / "root.img").stat().st_uid, 0)


class Own(WithServer):
    """What umld itself needs has to be local."""

    def test_directories(self):
        """umld says which of them are on such a file system, and does not begin if that does not respond."""
        self.configure()
        umld = self.daemon(env=self.own_far()).wait_ready()
        self.assertIn(f"{self.far}/web: is on a network file system or FUSE", umld.log)
        wait_until(lambda: [c["state"] for c in umld.status()["conditions"] if c["name"] == "directories"] == ["warning"],
                   what="the condition")
        self.assertEqual(umld.stop(), DONE)
        self.stop_server()
        umld = self.daemon(env=self.own_far())
        self.assertEqual(umld.wait(30), FAILED)
        self.assertIn(f"{self.far}/web: its file system does not respond", umld.log)

    def test_adoption(self):
        """If the guest runs and waits for an umld, it waits for the server, as without it the guest would be ended."""
        self.configure(Supervise={"AdoptTimeout": "5min"})
        umld = self.daemon(env=self.own_far()).wait_ready()
        guest = umld.guest_pid()
        umld.kill()
        self.stop_server()
        umld = self.daemon(env=self.own_far())
        time.sleep(12)  # more than it waits without a guest
        os.kill(self.server, signal.SIGCONT)
        umld.wait_ready()
        self.assertEqual(umld.guest_pid(), guest)
        self.assertEqual(umld.stop(), DONE)

    def test_memory(self):
        self.configure(Memory={"Backing": f"dir:{self.far}"})
        umld = self.daemon()
        self.assertEqual(umld.wait(30), USAGE)
        self.assertIn(f"Backing=dir:{self.far}: is on a network file system or FUSE", umld.log)


if __name__ == "__main__":
    main()
