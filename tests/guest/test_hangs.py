#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who does not answer any more is ended; who cannot help it is not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from spin import make_spin  # noqa: E402
from umldtest import (DONE, MAKE_GUEST, PACE, PATIENCE, TestCase, main, mconsole, test_kernels,  # noqa: E402
                      wait_until)

CHECK, TIMEOUT = 0.2, 1.5
QUICK = {"HangCheck": f"{CHECK * 1000:.0f}ms", "HangTimeout": f"{TIMEOUT * 1000 * PACE:.0f}ms",
         "RestartDelayMax": "5s", "StopTimeout": "4s"}


class HangTest(TestCase):
    def start(self, fake, **supervise):
        self.world.guest(fake=fake, Supervise={**QUICK, **supervise})
        return self.daemon()

    def scratch(self):
        directory = self.world.dir / "scratch"
        directory.mkdir()
        directory.chmod(0o777)
        return directory / "count"

    def wait_health(self, umld, *states, timeout=10):
        return wait_until(lambda: umld.status()["health"]["state"] in states, timeout, f"health {states}", 0.05)

    def silence(self, umld, seconds):
        """Lets a fake guest answer nothing for so long."""
        mconsole(self.world, umld.mconsole_path(), f"do sleep:{seconds * 1000:.0f}", timeout=0)

    def check_survives(self, umld, seconds):
        pid, restarts = umld.guest_pid(), umld.status()["restarts"]
        time.sleep(seconds)
        status = umld.status()
        self.assertEqual((status["pid"], status["restarts"], status["state"]), (pid, restarts, "running"))


class Fake(HangTest):
    def check_hung(self, script):
        umld = self.start(f"first:1:{self.scratch()},{script}")
        umld.wait_ready()
        began = time.monotonic()
        umld.wait_state("backoff", 20)
        self.assertGreater(time.monotonic() - began, TIMEOUT - CHECK)
        end = umld.status()["last_exit"]
        self.assertEqual(end["verdict"], "hung")
        self.assertRegex(end["detail"], r"^no response from the kernel for \d")
        self.assertIn("at 1s 500ms it counts as hung" if PATIENCE == 1 else "it counts as hung", umld.log)
        self.wait_health(umld, "good")
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(self.world.umlctl("crashes", "web", "1", "--json").json["verdict"], "hung")

    def test_deaf(self):
        self.check_hung("boot,ready,ignore:mconsole")

    def test_spinning(self):
        self.check_hung("boot,ready,spin")

    def test_good(self):
        umld = self.start("boot,ready").wait_ready()
        self.wait_health(umld, "good")
        self.assertLess(umld.status()["health"]["latency"], 0.5 * PATIENCE)
        self.check_survives(umld, 2 * TIMEOUT)
        self.assertIn("good", self.world.umlctl("status", "web").stdout)
        umld.stop()

    def test_booting(self):
        """Before it can answer, StartTimeout is what counts."""
        umld = self.start("wait:4000,boot,ready")
        umld.wait_state("booting")
        self.assertEqual(umld.status()["health"]["state"], "booting")
        umld.wait_ready()
        self.assertEqual(umld.status()["restarts"], 0)
        umld.stop()

    def test_off(self):
        umld = self.start("boot,ready,ignore:mconsole", HangCheck="0").wait_ready()
        self.check_survives(umld, 2 * TIMEOUT)
        self.assertEqual(umld.status()["health"], {"state": "unknown", "latency": None})
        # and on again, without a restart
        self.world.guest(fake="boot,ready,ignore:mconsole", Supervise=QUICK)
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        umld.wait_state("backoff")
        umld.stop()

    def test_stopped_from_outside(self):
        umld = self.start("boot,ready").wait_ready()
        self.wait_health(umld, "good")
        pid = umld.guest_pid()
        os.kill(pid, signal.SIGSTOP)
        self.wait_health(umld, "stopped")
        self.check_survives(umld, 2 * TIMEOUT * PACE)
        self.assertIn(f"kill -CONT {pid}", umld.log)
        os.kill(pid, signal.SIGCONT)
        self.wait_health(umld, "good")
        self.check_survives(umld, 3 * CHECK)
        self.assertIn("responds again", umld.log)
        umld.stop()

    def test_stalled(self):
        """Silent, but not for long enough."""
        umld = self.start("boot,ready", HangTimeout="60s").wait_ready()
        self.wait_health(umld, "good")
        self.silence(umld, 2.5 * PACE)
        self.wait_health(umld, "stalled")
        self.wait_health(umld, "good")
        self.check_survives(umld, 2 * CHECK)
        umld.stop()

    def test_busy(self):
        """It answers, but late."""
        check = 1 * PACE
        umld = self.start("boot,ready", HangTimeout="60s", HangCheck=f"{check * 1000:.0f}ms").wait_ready()
        self.wait_health(umld, "good")

        def seen():
            """It is busy until the next question, which on a loaded machine may come before we have looked."""
            self.silence(umld, 1.6 * check)  # its answer comes between two questions
            end = time.monotonic() + 3 * check
            while time.monotonic() < end:
                health = umld.status()["health"]
                if health["state"] == "busy":
                    return health
            return None
        self.assertGreater(wait_until(seen, 60, "health busy")["latency"], 0.5)
        self.wait_health(umld, "good")
        umld.stop()

    def test_umld_late(self):
        """As a host that was suspended: umld finds itself far behind its time."""
        umld = self.start(f"first:1:{self.scratch()},boot,ready,wait:700,ignore:mconsole").wait_ready()
        time.sleep(1 * PACE)
        umld.signal(signal.SIGSTOP)
        time.sleep(TIMEOUT * PACE + 1.2)
        umld.signal(signal.SIGCONT)
        self.assertEqual(umld.status()["restarts"], 0)
        umld.wait_state("backoff")  # silent all the same, and in fair time
        umld.stop()

    def test_stop_of_a_deaf_guest(self):
        """Questions without an answer leave room for a stop's commands."""
        umld = self.start("boot,ready", HangTimeout="60s").wait_ready()
        self.wait_health(umld, "good")
        pid = umld.guest_pid()
        os.kill(pid, signal.SIGSTOP)
        time.sleep(15 * CHECK)
        umld.signal(signal.SIGTERM)
        umld.wait_state("stopping")
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(umld.wait(), DONE)
        self.assertIn("cleanly", umld.said("STATUS")[-1])


class Real(HangTest):
    shm = "256M"

    def check_kernel(self, kernel):
        image = self.world.dir / "guest.img"
        subprocess.run([MAKE_GUEST, image], check=True, timeout=60)
        self.world.guest(kernel=kernel, image=image, Supervise=QUICK)
        umld = self.daemon().wait_ready(60)
        self.wait_health(umld, "good", "busy")
        pid = umld.guest_pid()
        os.kill(pid, signal.SIGSTOP)
        self.wait_health(umld, "stopped")
        self.check_survives(umld, 1.5 * TIMEOUT * PACE)
        os.kill(pid, signal.SIGCONT)
        self.wait_health(umld, "good", "busy")
        since = len(umld.messages)
        make_spin(pid)
        umld.wait_state("backoff", 30, since)
        umld.wait_state("running", 60, since)
        status = umld.status()
        self.assertEqual((status["last_exit"]["verdict"], status["restarts"]), ("hung", 1))
        self.wait_health(umld, "good", "busy")
        self.assertEqual(umld.stop(), DONE)


def add_kernels():
    for kernel in test_kernels():
        name = "".join(c if c.isalnum() else "_" for c in kernel.name)
        setattr(Real, f"test_{name}", lambda self, k=kernel: self.check_kernel(k))


add_kernels()


if __name__ == "__main__":
    main()
