#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reload on trial: what is confirmed stays, what is not is reverted automatically, whoever dies meanwhile."""

import contextlib
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from law import held
from umldtest import (DEBIAN_KERNEL, DONE, FAILED, HOST, IMAGE_PLAIN, NOT_RUNNING, PATIENCE, USAGE, TestCase, main, resting_descriptors,
                      wait_until)

OLD, NEW, THIRD = "tcp/8080:80", "tcp/9090:80", "tcp/7070:80"
SOON, LATE = "1", "10min"  # reverted in the test, and long after it


class ReloadTest(TestCase):
    def configure(self, *forwards, name="web", guest=None, **network):
        self.world.guest(name, fake="boot,ready", Guest=guest or {}, Network={"Forward": list(forwards), **network},
                         Supervise={"StopTimeout": "4s"})

    def start(self, *forwards, **options):
        self.configure(*forwards, **options)
        return self.daemon().wait_ready()

    def umlctl(self, code, *arguments):
        p = self.world.umlctl(*arguments)
        self.assertEqual(p.returncode, code, f"umlctl {arguments}: {p.stdout}{p.stderr}")
        return p.stdout + p.stderr

    def on_trial(self, confirm, *forwards, **options):
        self.configure(*forwards, **options)
        return self.umlctl(DONE, "reload", "web", "--confirm", confirm)

    def rules(self):
        """The ports of the host that the guest's rules forward."""
        return [line.split("--dport ")[1].split()[0] for line in self.world.tables("nat")
                if line.startswith("-A UMLD-PRE-web ") and " DNAT " in line]

    def unconfirmed(self, umld):
        return umld.status()["unconfirmed"]

    def wait_taken_back(self, umld):
        wait_until(lambda: self.unconfirmed(umld)["state"] != "pending", 20, "the reload to be reverted")


class Trial(ReloadTest):
    def test_taken_back(self):
        umld = self.start(OLD)
        pid = umld.guest_pid()
        said = self.on_trial(LATE, NEW)
        self.assertEqual(said, "web reloaded; the changes will be reverted in 10min unless confirmed: umlctl confirm web\n")
        status = self.unconfirmed(umld)
        self.assertEqual(status["state"], "pending")
        self.assertAlmostEqual(status["until"], time.time() + 600, delta=20)
        self.assertRegex(self.umlctl(DONE, "status", "web"), r"Unconfirmed: the last reload; will be reverted in (9|10)min")
        self.assertEqual(self.rules(), ["9090"])
        self.on_trial(SOON, NEW)
        self.wait_taken_back(umld)
        self.assertEqual(self.rules(), ["8080"])
        self.assertEqual(self.unconfirmed(umld), {"state": "taken-back", "until": None})
        self.assertIn("not confirmed in time and has been reverted", umld.log)
        self.assertIn("it was reverted and is not in effect", self.umlctl(DONE, "status", "web"))
        self.assertEqual((umld.guest_pid(), umld.status()["network"]["forwards"]), (pid, [OLD]))
        self.assertIn("the last change was reverted", self.umlctl(FAILED, "confirm", "web"))
        # An order without a net is one for good.
        self.umlctl(DONE, "reload", "web")
        self.assertEqual((self.rules(), self.unconfirmed(umld)["state"]), (["9090"], None))
        self.assertEqual(umld.stop(), DONE)

    def test_confirmed(self):
        umld = self.start(OLD)
        self.assertIn("nothing to confirm", self.umlctl(FAILED, "confirm", "web"))
        soon = int(3 * PATIENCE)
        self.on_trial(str(soon), NEW)
        self.assertEqual(self.umlctl(DONE, "confirm", "web"), "web: reload confirmed\n")
        self.assertEqual(self.unconfirmed(umld), {"state": None, "until": None})
        time.sleep(soon + 0.5)
        self.assertEqual(self.rules(), ["9090"])
        self.assertIn("nothing to confirm", self.umlctl(FAILED, "confirm", "web"))
        self.assertEqual(umld.stop(), DONE)
        umld = self.daemon().wait_ready()
        self.assertEqual(self.rules(), ["9090"])
        self.assertEqual(umld.stop(), DONE)
        self.assertIn("not running", self.umlctl(NOT_RUNNING, "confirm", "web"))

    def test_second_trial(self):
        """It goes back to what was confirmed last, not to what was tried in between."""
        umld = self.start(OLD)
        self.on_trial(LATE, NEW)
        self.on_trial(SOON, THIRD)
        self.wait_taken_back(umld)
        self.assertEqual(self.rules(), ["8080"])
        self.assertEqual(umld.stop(), DONE)

    def test_plain_reload_meanwhile(self):
        umld = self.start(OLD)
        self.on_trial(LATE, NEW)
        self.configure(THIRD)
        said = self.umlctl(FAILED, "reload", "web")
        self.assertRegex(said, r"is unconfirmed and will be reverted in (9min \d+s|10min); keep it with umlctl confirm web")
        self.assertEqual((self.rules(), self.unconfirmed(umld)["state"]), (["9090"], "pending"))
        # The file as it was is an order that can only be meant in one way.
        self.configure(OLD)
        self.umlctl(DONE, "reload", "web")
        self.assertEqual((self.rules(), self.unconfirmed(umld)["state"]), (["8080"], None))
        self.assertEqual(umld.stop(), DONE)

    def test_plain_reload_that_waits(self):
        """Back to the file as it was: that is said when the rules are there, and not before."""
        umld = self.start(OLD)
        self.on_trial(LATE, NEW)
        self.configure(OLD)
        command = self.world.command("host", self.world.program("umlctl/umlctl"), "reload", "web")
        lock = contextlib.ExitStack()
        self.addCleanup(lock.close)
        lock.enter_context(held(self.world.dir / "xtables.lock"))
        with subprocess.Popen(command, stdout=subprocess.PIPE) as p:
            wait_until(lambda: "the xtables lock" in (umld.status()["waiting_for"] or ""), what="a reload that waits")
            self.assertEqual((p.poll(), self.rules(), self.unconfirmed(umld)["state"]), (None, ["9090"], "pending"))
            lock.close()
        self.assertEqual((p.returncode, self.rules(), self.unconfirmed(umld)["state"]), (DONE, ["8080"], None))
        self.assertEqual(umld.stop(), DONE)

    def test_killed_while_a_plain_reload_waits(self):
        """The next umld has the file as it is; nothing is left of the trial."""
        umld = self.start(OLD)
        self.on_trial(LATE, NEW)
        self.configure(OLD)
        command = self.world.command("host", self.world.program("umlctl/umlctl"), "reload", "web")
        with held(self.world.dir / "xtables.lock"), subprocess.Popen(command, stderr=subprocess.PIPE) as p:
            wait_until(lambda: "the xtables lock" in (umld.status()["waiting_for"] or ""), what="a reload that waits")
            umld.kill()
        self.assertNotEqual(p.returncode, DONE)
        heir = self.daemon().wait_ready()
        self.assertEqual((self.rules(), self.unconfirmed(heir)["state"]), (["8080"], None))
        self.assertEqual(list((self.world.state_dir / "web").glob("unconfirmed*")), [])
        self.assertEqual(heir.stop(), DONE)

    def test_dropins(self):
        """A drop-in is as good as the file: for a reload, for a trial, and for what umld recovers after one."""
        umld = self.start(OLD)
        dropin = self.world.config_dir / "web.conf.d/50-ports.conf"
        dropin.parent.mkdir()
        dropin.write_text(f"[Network]\nForward=\nForward={NEW}\n")
        self.umlctl(DONE, "reload", "web")
        self.assertEqual(self.rules(), ["9090"])
        dropin.write_text("[Network]\nForwards=tcp/1\n")
        self.assertIn(f"{dropin}:2: Forwards: unknown key; did you mean Forward=?", self.umlctl(USAGE, "reload", "web"))
        self.assertEqual(self.rules(), ["9090"])
        dropin.write_text(f"[Network]\nForward={THIRD}\n")
        self.umlctl(DONE, "reload", "web", "--confirm", LATE)
        self.assertEqual(self.rules(), ["8080", "7070"])
        self.assertEqual(umld.stop(), DONE)  # which takes it back
        umld = self.daemon().wait_ready()
        self.assertIn("was tried by reload --confirm and not confirmed", umld.log)
        self.assertEqual((self.rules(), self.unconfirmed(umld)["state"]), (["9090"], "taken-back"))
        self.assertEqual(umld.stop(), DONE)
        dropin.write_text(f"[Network]\nForward={THIRD}\n\n")  # edited: that is in effect
        umld = self.daemon().wait_ready()
        self.assertEqual(self.rules(), ["8080", "7070"])
        self.assertIn(f"drop-in       {dropin}\n", self.umlctl(DONE, "check", "web"))
        self.assertEqual(umld.stop(), DONE)

    def test_refused(self):
        """What cannot be tried changes nothing, and leaves an earlier trial to itself."""
        umld = self.start(OLD)
        self.configure("tcp/8080:80", Forwrad="tcp/1")
        self.assertIn("Forwrad", self.umlctl(USAGE, "reload", "web", "--confirm=10min"))
        self.configure("all")  # and no sshd anywhere
        self.assertIn("no port through which to reach", self.umlctl(FAILED, "reload", "web", "--confirm=10min"))
        self.assertEqual((self.rules(), self.unconfirmed(umld)["state"]), (["8080"], None))
        for bad in ("0", "25h", "soon"):
            self.assertIn("from 1s to 24h", self.umlctl(USAGE, "reload", "web", f"--confirm={bad}"))
        self.on_trial(LATE, NEW)
        self.configure("all")
        self.umlctl(FAILED, "reload", "web", "--confirm=10min")
        self.assertEqual((self.rules(), self.unconfirmed(umld)["state"]), (["9090"], "pending"))
        self.on_trial(SOON, NEW)
        self.wait_taken_back(umld)
        self.assertEqual(self.rules(), ["8080"])
        self.assertEqual(umld.stop(), DONE)

    def test_next_start_waits(self):
        """What only a start can change is reverted as well; the guest's own restarts do not bring it in."""
        umld = self.start(OLD)
        self.on_trial(LATE, NEW, guest={"Memory": "48M"})
        self.assertIn("to be confirmed; at the guest's next start: Memory", umld.log)
        self.umlctl(DONE, "restart", "web")
        status = umld.status()
        self.assertEqual((status["memory"]["size"], self.rules()), (32 << 20, ["9090"]))
        self.umlctl(DONE, "confirm", "web")
        self.umlctl(DONE, "restart", "web")
        self.assertEqual((umld.status()["memory"]["size"], self.rules()), (48 << 20, ["9090"]))
        self.assertEqual(umld.stop(), DONE)

    def test_umld_killed(self):
        """Neither a trial nor what was reverted comes in by a start, until somebody says or edits so."""
        umld = self.start(OLD)
        self.on_trial(LATE, NEW)
        umld.kill()
        for _ in range(2):
            umld = self.daemon().wait_ready()
            self.assertEqual(self.rules(), ["8080"])
            self.assertEqual(self.unconfirmed(umld), {"state": "taken-back", "until": None})
            self.assertIn("was tried by reload --confirm and not confirmed", umld.log)
            self.assertEqual(umld.stop(), DONE)
        p = self.world.check("web")
        self.assertIn("forward       tcp/8080:80", p.stdout)
        self.assertIn("was tried by reload --confirm and not confirmed", p.stderr)
        # An edit is a new text.
        self.configure(NEW, THIRD)
        umld = self.daemon().wait_ready()
        self.assertEqual((self.rules(), self.unconfirmed(umld)["state"]), (["9090", "7070"], None))
        self.on_trial(SOON, THIRD)
        self.wait_taken_back(umld)
        self.assertEqual(umld.stop(), DONE)
        umld = self.daemon().wait_ready()
        self.assertEqual(self.rules(), ["9090", "7070"])
        self.umlctl(DONE, "reload", "web")
        self.assertEqual(umld.stop(), DONE)
        umld = self.daemon().wait_ready()
        self.assertEqual((self.rules(), self.unconfirmed(umld)["state"]), (["7070"], None))
        self.assertEqual(umld.stop(), DONE)
        self.assertFalse((self.world.state_dir / "web/unconfirmed").exists())

    def test_put_back_by_hand(self):
        """Who gives the file its old text back has nothing left that is not in force."""
        umld = self.start(OLD)
        self.on_trial(LATE, NEW)
        self.assertEqual(umld.stop(), DONE)
        self.configure(OLD)
        umld = self.daemon().wait_ready()
        self.assertEqual((self.rules(), self.unconfirmed(umld)["state"]), (["8080"], None))
        self.assertFalse((self.world.state_dir / "web/unconfirmed").exists())
        self.assertEqual(umld.stop(), DONE)

    def test_stopped_meanwhile(self):
        umld = self.start(OLD)
        resting_descriptors(umld.pid)
        before = self.world.snapshot()
        self.on_trial(LATE, NEW)
        self.configure(OLD)  # for the comparison
        self.umlctl(DONE, "reload", "web")
        self.assert_same_host(before)
        self.on_trial(LATE, NEW)
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(self.world.processes(), {})
        umld = self.daemon().wait_ready()
        self.assertEqual(self.rules(), ["8080"])
        self.assertEqual(umld.stop(), DONE)

    def test_ports_are_kept(self):
        """Nobody takes meanwhile what the guest may get back."""
        umld = self.start(OLD)
        self.on_trial(LATE, NEW)
        other = {"Tap": "tap1", "HostAddress": "10.0.1.1/24", "GuestAddress": "10.0.1.2"}
        self.configure("tcp/8080:80", name="second", **other)
        second = self.daemon("second")
        self.assertEqual(second.wait(), FAILED)
        self.assertIn("both want tcp/8080", second.log)
        self.on_trial(SOON, NEW)
        self.wait_taken_back(umld)
        self.assertEqual(self.rules(), ["8080"])
        self.configure("tcp/9090:80", name="second", **other)
        second = self.daemon("second").wait_ready()
        self.assertEqual((second.stop(), umld.stop()), (DONE, DONE))


class Connections(ReloadTest):
    """With a real guest, whose port 7 echoes."""

    image_of = IMAGE_PLAIN

    def configure(self, *forwards, **_):
        self.world.guest("web", kernel=DEBIAN_KERNEL, image=self.images / "guest.img", Guest={"Memory": "48M"},
                         Network={"Forward": list(forwards)}, Supervise={"Ready": "guest"})

    def reload(self, *forwards, confirm=None):
        file = self.world.config_dir / "web.conf"
        text = [line for line in file.read_text().splitlines() if not line.startswith("Forward=")]
        at = text.index("[Network]") + 1
        file.write_text("\n".join(text[:at] + [f"Forward={f}" for f in forwards] + text[at:]) + "\n")
        self.umlctl(DONE, "reload", "web", *(["--confirm", confirm] if confirm else []))

    def connect(self, port):
        """A connection to the guest's echo, which may be a moment behind its readiness."""
        def attempt():
            s = self.world.socket("inet")
            s.settimeout(2 * PATIENCE)
            try:
                s.connect((HOST, port))
                s.sendall(b"hello")
                if s.recv(100) == b"hello":
                    self.addCleanup(s.close)
                    return s
            except OSError:
                pass
            s.close()
            return None
        return wait_until(attempt, 20, f"an echo on port {port}")

    def assert_alive(self, *sessions):
        for s in sessions:
            s.sendall(b"still there?")
            self.assertEqual(s.recv(100), b"still there?")

    def test_connections_live(self):
        """What both rule sets allow goes on through reload, take-back and confirmation."""
        self.configure("tcp/2007:7", "tcp/8080:80")
        umld = self.daemon().wait_ready(60)
        pid = umld.guest_pid()
        session = self.connect(2007)
        self.reload("tcp/2007:7", "tcp/3007:7", confirm=LATE)
        second = self.connect(3007)
        self.assert_alive(session, second)
        self.reload("tcp/2007:7", "udp/53", confirm=SOON)
        self.wait_taken_back(umld)
        self.assert_alive(session)
        self.reload("tcp/2007:7", "tcp/9090:80", confirm=LATE)
        self.assert_alive(session)
        self.umlctl(DONE, "confirm", "web")
        self.assert_alive(session)
        self.assertEqual(umld.guest_pid(), pid)

    def test_many(self):
        self.configure("tcp/2007:7")
        umld = self.daemon().wait_ready(60)
        sessions = [self.connect(2007) for _ in range(3)]
        for number in range(10):
            self.reload("tcp/2007:7", f"udp/{5000 + number}")
            self.assert_alive(*sessions)
        self.assertEqual(umld.status()["restarts"], 0)


if __name__ == "__main__":
    main()
