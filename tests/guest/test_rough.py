#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Rough treatment: hostile guests, careless starters, and a root user who does strange things."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import DONE, FAILED, FAKE_IMAGE, PATIENCE, TestCase, children, libc, main, wait_until

QUICK = {"StartTimeout": "20s", "StopTimeout": "4s", "RestartDelayMax": "5s"}


class RoughTest(TestCase):
    def start(self, fake="boot,ready", name="web", **sections):
        self.world.guest(name, fake=fake, **{"Supervise": QUICK, **sections})
        return self.daemon(name)

    def restart_by_kill(self, umld):
        since = len(umld.messages)
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("running", since=since)

    def wait_logged(self, umld, text):
        wait_until(lambda: text in umld.log, 10, f"{text!r} in the log")


class Starters(RoughTest):
    """What umld was started with must not reach the guest, nor lead umld astray."""

    def spawn(self, shell):
        """umld by way of a shell that opens and closes what the test wants."""
        command = self.world.command("host", "bash", "-c", f"exec \"$0\" web {shell}",
                                     self.world.program("daemon/umld"))
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_until(lambda: self.world.umlctl("status", "web", "--json").json["state"] == "running", 10, "a guest")
        return process

    def test_closed_descriptors(self):
        """A message must not go to whatever file got number 2."""
        self.world.guest(fake="user:hello,boot,ready", Supervise=QUICK)
        before = self.world.image().read_bytes()
        process = self.spawn("<&- >&- 2>&-")
        process.terminate()
        self.assertEqual(process.wait(15 * PATIENCE), DONE)
        self.assertEqual(self.world.image().read_bytes(), before)

    def test_foreign_descriptors(self):
        self.world.guest(fake="boot,ready", Supervise=QUICK)
        secret = self.world.dir / "secret"
        secret.write_text("x")
        process = self.spawn(f"7<{secret}")
        for pid in children(process.pid):
            links = [os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()]
            self.assertNotIn(str(secret), links)
        process.terminate()
        self.assertEqual(process.wait(15 * PATIENCE), DONE)

    def test_ignored_sigchld(self):
        self.world.guest(fake="boot,ready", Supervise=QUICK)
        old = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # inherited by exec
        try:
            umld = self.daemon()
        finally:
            signal.signal(signal.SIGCHLD, old)
        umld.wait_ready()
        self.restart_by_kill(umld)
        self.assertEqual(umld.status()["last_exit"]["verdict"], "killed")
        umld.stop()

    def test_few_descriptors(self):
        """A limit that is too low ends in a clear error or a guest, and a host as it was."""
        self.world.guest(fake="boot,ready", Supervise={**QUICK, "Restart": "no"})
        before = self.world.snapshot()
        for limit in (8, 12, 14, 16, 18, 20, 24):
            with self.subTest(limit=limit):
                umld = self.daemon(wrapper=("sh", "-c", f'ulimit -n {limit}; exec "$0" "$@"'))
                wait_until(lambda: umld.process.poll() is not None or umld.said("READY"), 20)
                self.assertIn(umld.stop(), (DONE, FAILED))
                if not umld.said("READY"):
                    self.assertIn("error: ", umld.log)
                self.assert_same_host(before)


class HostileGuests(RoughTest):
    def send_notification(self, kind, text):
        """As the guest's user, who may write to that socket."""
        uid = int((self.world.state_dir / "web/uid").read_text())
        data = text.encode()
        notify = self.world.runtime_dir / "web/sockets/notify"
        wait_until(lambda: notify.exists() and notify.stat().st_uid == uid, what="the socket")
        pid = os.fork()
        if pid == 0:
            try:
                os.setresuid(uid, uid, uid)
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
                    s.sendto(struct.pack("=IIII", 0xcafebabe, 2, kind, len(data)) + data, str(notify))
                os._exit(0)
            finally:
                os._exit(1)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)

    def test_console_of_another_guest(self):
        """A link in its own directory does not lead umld to a neighbour's management console."""
        second = {"Tap": "tap1", "HostAddress": "10.0.1.1/24", "GuestAddress": "10.0.1.2"}
        victim = self.start("boot,ready", "mail", Network=second).wait_ready()
        umld = self.start("wait:600000", Supervise={**QUICK, "StopTimeout": "2s"})
        umld.wait_state("booting")
        uml = self.world.runtime_dir / "web/uml"
        wait_until(uml.exists)
        (uml / "web").symlink_to(self.world.runtime_dir / "mail/uml/mail")
        self.send_notification(0, f"{uml}/web/mconsole")
        self.wait_logged(umld, "not the guest's management console")
        umld.stop()
        self.assertEqual(victim.status()["state"], "running")
        victim.stop()

    def test_console_outside(self):
        umld = self.start("wait:600000")
        umld.wait_state("booting")
        for path in ("/run/systemd/notify", f"{self.world.runtime_dir}/web/uml/../bus", "", "x" * 400):
            self.send_notification(0, path)
        self.send_notification(0, f"{self.world.runtime_dir}/web/uml/\x1b[31m\nREADY=1")
        self.wait_logged(umld, "\\x0aREADY")
        self.assertNotIn("\x1b", umld.log)
        self.assertEqual(umld.said("READY"), [])
        umld.stop()

    def test_flood_of_notifications(self):
        """It cannot fill the host's log, nor keep umld from its other work."""
        umld = self.start("wait:600000")
        umld.wait_state("booting")
        for _ in range(60):
            self.send_notification(0, "/nowhere")
        self.wait_logged(umld, "not the guest's")
        self.assertEqual(umld.stop(), DONE)
        self.assertLessEqual(umld.log.count("not the guest's"), 20)

    def test_full_directory(self):
        """What a guest leaves in its directory is gone at its next start, links not followed."""
        umld = self.start().wait_ready()
        keep = self.world.dir / "keep"
        keep.mkdir()
        (keep / "file").write_text("x")
        uml = self.world.runtime_dir / "web/uml"
        (uml / "link").symlink_to(keep)
        (uml / "a/b/c").mkdir(parents=True)
        for i in range(100):
            (uml / f"a/b/{i}").write_text("")
        self.restart_by_kill(umld)
        self.assertEqual([p.name for p in uml.iterdir()], ["web"])
        self.assertTrue((keep / "file").exists())
        umld.stop()


class StrangeRoot(RoughTest):
    def test_image_replaced(self):
        """A backup put in the image's place is locked and given to the guest as the first one was."""
        umld = self.start("lock,boot,ready").wait_ready()
        image = self.world.image()
        new = image.with_suffix(".new")
        new.write_bytes(FAKE_IMAGE)
        os.chown(new, 0, 7)
        new.replace(image)
        self.restart_by_kill(umld)
        self.assertEqual(umld.status()["last_exit"]["verdict"], "killed")
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual((image.stat().st_uid, image.stat().st_gid), (0, 7))

    def test_image_deleted(self):
        umld = self.start("lock,boot,ready").wait_ready()
        self.world.image().unlink()
        os.kill(umld.guest_pid(), signal.SIGKILL)
        self.assertEqual(umld.wait(), FAILED)
        self.assertTrue([s for s in umld.said("STATUS") if "no such image" in s])

    def test_runtime_directory_removed(self):
        umld = self.start().wait_ready()
        pid = umld.guest_pid()
        subprocess.run(["rm", "-rf", self.world.runtime_dir / "web"], check=True)
        since = len(umld.messages)
        os.kill(pid, signal.SIGKILL)
        umld.wait_state("running", since=since)
        self.assertEqual(umld.stop(), DONE)

    def test_tap_deleted(self):
        umld = self.start().wait_ready()
        self.world.host("ip", "link", "delete", "tap0")
        self.restart_by_kill(umld)
        wait_until(lambda: "10.0.0.1/24" in self.world.host("ip", "-o", "address"), 5, "the tap's address")
        umld.stop()

    def test_default_route_away_during_a_restart(self):
        """The guest does not end for it, and its rules follow the way out when it is back."""
        umld = self.start(Network={"Forward": "tcp/8080:80"}).wait_ready()
        route = self.world.host("ip", "route", "show", "default").split()
        self.world.host("ip", "route", "delete", *route)
        self.restart_by_kill(umld)
        time.sleep(0.5)
        self.assertEqual((umld.status()["state"], umld.status()["restarts"]), ("running", 1))
        self.world.host("ip", "route", "add", *route)
        self.restart_by_kill(umld)
        self.assertEqual(umld.status()["restarts"], 2)
        self.assertNotIn("backoff: network", umld.log)
        self.assertEqual(umld.stop(), DONE)

    def test_guest_holds_its_tap_already(self):
        """The guest may be quicker than the look at the host behind its start."""
        umld = self.start("tap,boot,wait:200,kill:9", Supervise={**QUICK, "RestartDelayMax": "0"})
        for _ in range(5):
            umld.wait_state("backoff", since=len(umld.messages))
        self.assertNotIn("busy", umld.log)
        umld.stop()

    def test_nobody_else_holds_its_tap(self):
        """The look at the host behind a start leaves the tap alone: while umld is attached, the guest cannot be."""
        umld = self.start("tap,boot,ready").wait_ready()
        node = f"/proc/{umld.pid}/root/dev/net/tun"
        events = libc.inotify_init1(os.O_NONBLOCK)
        self.addCleanup(os.close, events)
        self.assertGreater(libc.inotify_add_watch(events, node.encode(), 0x20), 0)  # IN_OPEN
        os.close(os.open(node, os.O_RDWR))
        self.assertTrue(os.read(events, 4096), "else this test shows nothing")
        for _ in range(3):
            self.restart_by_kill(umld)
        with self.assertRaises(BlockingIOError):
            os.read(events, 4096)
        self.assertEqual(umld.stop(), DONE)

    def test_rules_of_a_stop_that_failed(self):
        """What could not be undone is undone by the next umld."""
        self.world.guest(fake="boot,ready", Network={"Forward": "tcp/8080:80"}, Supervise=QUICK)
        before = self.world.snapshot()
        umld = self.daemon().wait_ready()
        holder = subprocess.Popen(self.world.command("host", "flock", self.world.variables["XTABLES_LOCKFILE"], "sleep", "60"))
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        time.sleep(0.3)
        self.assertEqual(umld.stop(), DONE)
        self.assertIn("8080", "".join(self.world.tables("nat", locked=False)))
        for pid in children(holder.pid) + [holder.pid]:
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.daemon().wait_ready().stop(), DONE)
        self.assert_same_host(before)

    def test_user_changed_after_a_crash(self):
        """The image's owner comes back whoever the guest's user is now."""
        self.world.guest(fake="boot,ready", Supervise=QUICK)
        image = self.world.image()
        self.daemon().wait_ready().kill()
        self.assertNotEqual(image.stat().st_uid, 0)
        uid = self.world.state_dir / "web/uid"
        uid.write_text(f"{int(uid.read_text()) + 1}\n")
        umld = self.daemon().wait_ready()
        self.assertEqual(image.stat().st_uid, int(uid.read_text()))
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(image.stat().st_uid, 0)

    def test_reload_while_booting(self):
        """READY=1 of a reload must not pass for the guest's."""
        umld = self.start("wait:1500,boot")
        umld.wait_state("booting")
        umld.signal(signal.SIGHUP)
        self.wait_logged(umld, "configuration reloaded")
        self.assertEqual(umld.said("READY"), [])
        umld.wait_ready()
        self.assertEqual(umld.said("RELOADING"), [])
        umld.stop()

    def test_reload_while_stopping(self):
        umld = self.start("boot,ignore:cad").wait_ready()
        umld.signal(signal.SIGTERM)
        umld.wait_state("stopping")
        since = len(umld.messages)
        umld.signal(signal.SIGHUP)
        self.assertEqual(umld.wait(), DONE)
        self.assertNotIn("READY", [k for m in umld.messages[since:] for k in m.fields])

    def test_start_while_going_down(self):
        """A stop that was ordered stays one."""
        umld = self.start("boot,ignore:cad").wait_ready()
        umld.signal(signal.SIGTERM)
        umld.wait_state("stopping")
        self.world.umlctl("restart", "web")
        self.assertEqual(umld.wait(), DONE)

    def test_two_at_once(self):
        """Starts and looks at the same moment: the look does not pass for a second umld."""
        self.world.guest(fake="boot,ready", Supervise=QUICK)
        lock = self.world.runtime_dir / "web/lock"
        lock.parent.mkdir(mode=0o711)
        lock.write_text("")
        prober = subprocess.Popen([sys.executable, "-c",
                                   "import fcntl,sys,time\n"
                                   "while True:\n"
                                   "  f=open(sys.argv[1]); fcntl.flock(f,fcntl.LOCK_SH); time.sleep(.004); f.close()\n"
                                   "  time.sleep(.002)\n", str(lock)])
        self.addCleanup(prober.wait)
        self.addCleanup(prober.kill)
        time.sleep(0.2)
        umld = self.daemon().wait_ready()
        prober.kill()
        umld.stop()

    def test_quick_change_of_daemons(self):
        """The next umld may begin while the last one tidies up."""
        self.world.guest(fake="boot,ready", Supervise=QUICK)
        before = self.world.snapshot()
        for _ in range(10):
            umld = self.daemon().wait_ready()
            umld.signal(signal.SIGTERM)
            while self.world.umlctl("status", "web").returncode == 0:
                pass
            umld.wait()
        self.assert_same_host(before)

    def test_many_clients(self):
        """Connections that nobody uses neither spin umld nor keep it from ending."""
        umld = self.start().wait_ready()
        clients = []
        for _ in range(80):
            s = socket.socket(socket.AF_UNIX)
            s.connect(str(self.world.runtime_dir / "web/bus"))
            clients.append(s)
        wait_until(lambda: "closing those that are not authenticated" in umld.log, 5)
        self.assertEqual(self.world.umlctl("status", "web").returncode, 0)  # there is room for who has a question
        for s in clients:
            s.close()
        wait_until(lambda: self.world.umlctl("status", "web").returncode == 0, 5)
        self.assertEqual(umld.stop(), DONE)


class Endurance(RoughTest):
    timeout = 300

    def resources(self, umld):
        status = Path(f"/proc/{umld.pid}/status").read_text()
        rss = int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1])
        return len(os.listdir(f"/proc/{umld.pid}/fd")), rss

    def test_restarts_leak_nothing(self):
        umld = self.start("boot,reboot", Supervise={**QUICK, "RestartDelayMax": "0"})
        self.world_restarts(umld, 30)
        before = self.resources(umld)
        self.world_restarts(umld, 230)
        after = self.resources(umld)
        self.assertLessEqual(abs(after[0] - before[0]), 8)  # one boot's worth
        if "asan" not in Path(f"/proc/{umld.pid}/maps").read_text():
            self.assertLess(after[1] - before[1], 400)  # KiB
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(self.world.processes(), {})

    def world_restarts(self, umld, count):
        wait_until(lambda: umld.statuses().count("booting") >= count, 120, f"{count} starts")


if __name__ == "__main__":
    main()
