#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl and a real umld together, with a fake guest: what each order comes to."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import umldtest  # noqa: E402
from umldtest import DONE, FAILED, NO_GUEST, NOT_PERMITTED, NOT_RUNNING, PATIENCE, USAGE, wait_until  # noqa: E402


class Case(umldtest.TestCase):
    def expect(self, code, *arguments, **options):
        begin = time.monotonic()
        p = self.world.umlctl(*arguments, **options)
        self.took = time.monotonic() - begin
        self.assertEqual(p.returncode, code, f"umlctl {arguments}: {p.stdout}{p.stderr}")
        return p

    def expect_line(self, code, *arguments, **options):
        p = self.expect(code, *arguments, **options)
        self.assertEqual(p.stderr.count("\n"), 1, p.stderr)
        self.assertTrue(p.stderr.startswith("umlctl: "), p.stderr)
        return p.stderr

    def status(self, code=DONE):
        return self.expect(code, "status", "web", "--json").json

    def umlds(self):
        return [pid for pid, line in self.world.processes().items() if re.match(r"(\S*/)?umld ", line)]

    def keepers(self):
        return [pid for pid, line in self.world.processes().items() if re.match(r"(\S*/)?umld-keeper ", line)]


class Life(Case):
    def test_start_and_stop(self):
        self.world.guest(fake="boot,ready", Network={"Forward": ["tcp/8080:80", "udp/5000-5010"]})
        before = self.world.snapshot()
        p = self.expect(DONE, "start", "web")
        self.assertEqual((p.stdout, p.stderr), ("web is running\n", ""))
        d = self.status()
        self.assertEqual((d["name"], d["state"], d["wanted"], d["restarts"]), ("web", "running", "up", 0))
        self.assertIn("fake-guest", Path(f"/proc/{d['pid']}/cmdline").read_text())
        self.assertEqual(self.umlds(), [d["daemon"]["pid"]])
        self.assertAlmostEqual(d["since"], time.time(), delta=5 * PATIENCE)
        self.assertLess(d["uptime"], 5 * PATIENCE)
        self.assertEqual(d["last_exit"]["verdict"], "none")
        self.assertIn(d["kernel"].pop("cpu"), [None, *map(str, os.sched_getaffinity(0))])
        self.assertEqual(d["kernel"], {"path": str(self.world.program("tests/guest/fake-guest")),
                                       "version": "7.2.0-fake", "transport": "vector", "cpu_fix": "not-needed"})
        self.assertEqual((d["memory"]["size"], d["memory"]["backing"], d["memory"]["path"]),
                         (32 << 20, "shm", "/dev/shm"))
        self.assertIsInstance(d["memory"]["used"], int)
        self.assertEqual({k: d["network"][k] for k in ("tap", "host", "guest", "uplink", "masquerade", "backend",
                                                          "host_access", "mtu", "lacking")},
                         {"tap": "tap0", "host": "10.0.0.1/24", "guest": "10.0.0.2", "uplink": "venet0",
                          "masquerade": "masquerade", "backend": "iptables", "host_access": "icmp",
                          "mtu": 1500, "lacking": []})
        self.assertEqual(d["network"]["forwards"], ["tcp/8080:80", "udp/5000-5010"])
        self.assertRegex(d["confinement"]["user"], r"^on, uid \d+$")
        self.assertTrue(Path(d["console"]["log"]).exists())
        self.assertRegex(self.expect(DONE, "list").stdout, r"(?m)^web +running +\d+s +0 +\S+/32M +\S+ +- +10.0.0.2 +tcp/8080:80 udp/5000-5010 +-$")

        self.assertEqual(self.expect_line(DONE, "start", "web"), "umlctl: web is already running\n")
        self.assertEqual(self.status()["pid"], d["pid"])

        p = self.expect(DONE, "stop", "web")
        self.assertEqual((p.stdout, p.stderr), ("web is stopped\n", ""))
        self.assertEqual(self.world.processes(), {})
        self.assert_same_host(before)
        self.assertEqual(self.expect_line(DONE, "stop", "web"), "umlctl: web is not running\n")
        d = self.status(NOT_RUNNING)
        self.assertEqual((d["state"], d["wanted"], d["pid"], d["last_exit"]["verdict"]),
                         ("stopped", "down", None, "stopped"))
        self.assertAlmostEqual(d["last_exit"]["when"], time.time(), delta=5 * PATIENCE)

    def test_kill(self):
        self.world.guest(fake="boot,ready,ignore:all")
        self.expect(DONE, "start", "web")
        self.expect(DONE, "kill", "web")
        self.assertLess(self.took, 2 * PATIENCE)
        self.assertEqual(self.world.processes(), {})
        self.assertIn("killed on request", self.status(NOT_RUNNING)["last_exit"]["detail"])

    def test_restart(self):
        self.world.guest(fake="boot,ready")
        self.expect(DONE, "restart", "web")  # starts what is not running
        for _ in range(5):
            before = self.status()
            self.expect(DONE, "restart", "web")
            after = self.status()
            self.assertNotEqual(after["pid"], before["pid"])
            self.assertEqual(after["daemon"]["pid"], before["daemon"]["pid"])
            self.assertGreater(after["since"], before["since"])
        self.expect(DONE, "restart", "web", "--no-wait")
        self.expect(DONE, "wait", "web", "--timeout=10")

    def test_reload(self):
        self.world.guest(fake="boot,ready", Network={"Forward": "tcp/8080:80"})
        self.assertIn("not running", self.expect_line(NOT_RUNNING, "reload", "web"))
        self.expect(DONE, "start", "web")
        before = self.status()
        self.world.guest(fake="boot,ready", Network={"Forward": "tcp/9090:80"})
        self.expect(DONE, "reload", "web")
        self.assertEqual(self.status()["network"]["forwards"], ["tcp/9090:80"])
        self.world.guest(fake="boot,ready", Network={"Forwrad": "tcp/1:80"})
        line = self.expect_line(USAGE, "reload", "web")
        self.assertIn("web.conf:", line)
        self.assertIn("Forwrad", line)
        after = self.status()
        self.assertEqual(after["network"]["forwards"], ["tcp/9090:80"])
        self.assertEqual(after["pid"], before["pid"])

    def assert_plan(self, text, plan):
        """Both say the same, in the same order."""
        self.assertTrue(plan["works"])
        rest = text
        self.assertNotIn("\t", text)
        for row in plan["plan"]:
            title, line, rest = row["part"] or row["item"], *rest.partition("\n")[::2]
            self.assertRegex(line, rf"^( *{re.escape(title)}|              ) *{re.escape(row['text'])}$")
        self.assertEqual(rest.strip(), "")
        self.assertLessEqual({"guest", "kernel", "command line", "disk", "memory", "tap", "uplink", "rules", "confinement"},
                             {row["item"] for row in plan["plan"]})

    def test_check(self):
        self.world.guest(fake="boot,ready")
        before = self.world.snapshot()
        self.assertIn("fake=boot,ready", self.expect(DONE, "check", "web").stdout)
        self.assert_plan(self.expect(DONE, "check", "web").stdout, self.expect(DONE, "check", "web", "--json").json)
        self.world.guest(fake="boot,ready", Guest={"Kernel": "/nowhere"})
        plan = self.expect(FAILED, "check", "web", "--json").json
        self.assertEqual((plan["works"], [row["item"] for row in plan["plan"]]), (False, ["error"]))
        self.assertIn("/nowhere", plan["plan"][0]["text"])
        self.world.guest(fake="boot,ready", Guest={"Memroy": "1"})
        self.expect(USAGE, "check", "web")
        self.assertIn("no such guest: db", self.expect_line(NO_GUEST, "check", "db"))
        self.assert_same_host(before)

    def test_two_guests(self):
        self.world.guest("web", fake="boot,ready")
        self.world.guest("db", fake="boot,ready",
                         Network={"Tap": "tap1", "HostAddress": "10.0.1.1/24", "GuestAddress": "10.0.1.2"})
        self.assertIn("db, web", self.expect_line(USAGE, "start"))
        self.expect(DONE, "start", "web")
        self.expect(DONE, "start", "db")
        states = {g["name"]: g["network"]["guest"] for g in self.expect(DONE, "list", "--json").json}
        self.assertEqual(states, {"web": "10.0.0.2", "db": "10.0.1.2"})
        self.expect(DONE, "stop", "web")
        self.expect(DONE, "status", "db")
        self.expect(NOT_RUNNING, "status")


class Failures(Case):
    def test_configuration(self):
        self.world.guest(fake="boot,ready", Guest={"Memroy": "64M"})
        before = self.world.snapshot()
        line = self.expect_line(USAGE, "start", "web")
        self.assertIn("Memroy", line)
        self.assertIn("umld.log", line)
        self.assertEqual(self.world.processes(), {})
        self.assert_same_host(before)

    def test_kernel(self):
        self.world.guest(fake="boot,ready", Guest={"Kernel": "/nonexistent/linux"})
        self.assertIn("/nonexistent/linux", self.expect_line(FAILED, "start", "web"))
        d = self.status(NOT_RUNNING)
        self.assertEqual((d["state"], d["last_exit"]["verdict"]), ("failed", "kernel"))
        self.assertEqual(self.world.processes(), {})

    def test_disk(self):
        self.world.guest(fake="boot,ready")
        self.world.image().unlink()
        self.assertIn("root.img", self.expect_line(FAILED, "start", "web"))

    def test_crash_at_boot(self):
        self.world.guest(fake="say:hello,panic:no_init_found")
        line = self.expect_line(FAILED, "start", "web", timeout=20)
        self.assertIn("panic: no init found", line)
        self.assertIn("umld will retry in ", line)
        umldtest.wait_until(lambda: len(self.umlds()) == 1, 5, "one umld only")
        d = self.status(NOT_RUNNING)
        self.assertEqual(d["wanted"], "up")
        self.assertGreater(d["restarts"], 0)
        self.assertEqual(d["last_exit"]["verdict"], "panic")
        self.expect(DONE, "stop", "web")
        self.assertEqual(self.world.processes(), {})

    def test_crash_later(self):
        self.world.guest(fake="wait:100,boot,ready")
        self.expect(DONE, "start", "web")
        os.kill(self.status()["pid"], signal.SIGKILL)
        wait_until(lambda: self.world.umlctl("status", "web", "--json").json["restarts"] == 1)
        self.expect(DONE, "wait", "web", "--timeout=10")
        self.assertEqual(self.status()["last_exit"]["verdict"], "killed")

    def test_start_in_back_off(self):
        """The next start is at once, and is not mistaken for the end before it."""
        self.world.guest(fake="panic:no_init", Supervise={"RestartDelay": "60s"})
        self.expect(FAILED, "start", "web", timeout=20)
        d = self.status(NOT_RUNNING)
        self.assertEqual(d["state"], "backoff")
        self.assertGreater(d["next_start"], time.time() + 10)
        p = self.expect(FAILED, "start", "web", timeout=20)
        self.assertIn("panic: no init", p.stderr)
        self.assertGreater(self.status(NOT_RUNNING)["restarts"], d["restarts"])
        self.assertRegex(self.expect(NOT_RUNNING, "status", "web").stdout, "Next start: in ")

    def test_killed_umld(self):
        self.world.guest(fake="boot,ready")
        self.expect(DONE, "start", "web")
        guest = self.status()["pid"]
        # With its keeper, which would start it again.
        umld, keepers = self.status()["daemon"]["pid"], self.keepers()
        self.assertEqual(len(keepers), 1)
        os.kill(keepers[0], signal.SIGKILL)
        os.kill(umld, signal.SIGKILL)
        wait_until(lambda: not umldtest.process_alive(guest), what="the guest ends with its umld")
        self.assertIn("umld was killed", self.expect(NOT_RUNNING, "status", "web").stdout)
        self.expect(DONE, "start", "web")
        self.expect(DONE, "status", "web")

    def test_slow_keeper(self):
        """When the guest is said to be stopped, nothing of it is left: not its umld's keeper, either."""
        self.world.guest(fake="boot,ready")
        self.expect(DONE, "start", "web")
        umld, (keeper,) = self.umlds()[0], self.keepers()
        os.kill(keeper, signal.SIGSTOP)
        try:
            timer = threading.Timer(0.3, lambda: umldtest.wait_until(lambda: not umldtest.process_alive(umld), 20)
                                    and os.kill(keeper, signal.SIGCONT))
            timer.start()
            self.expect(DONE, "stop", "web")
        finally:
            timer.join()
        self.assertEqual(self.world.processes(), {})

    def test_stopped_umld(self):
        self.world.guest(fake="boot,ready")
        self.expect(DONE, "start", "web")
        umld = self.status()["daemon"]["pid"]
        os.kill(umld, signal.SIGSTOP)
        try:
            for verb in ("status", "start", "stop", "restart", "reload", "kill"):
                p = self.expect(FAILED, verb, "web")
                self.assertLess(self.took, 3 * PATIENCE)  # umlctl's limit for an answer, and not sd-bus' 25 s
                self.assertIn(f"to replace it: kill -KILL {umld} (under systemd", p.stdout + p.stderr)
        finally:
            os.kill(umld, signal.SIGCONT)
        self.expect(DONE, "stop", "web")

    def test_two_starts(self):
        self.world.guest(fake="wait:300,boot,ready")
        self.world.program("umlctl/umlctl")
        starts = [subprocess.Popen(
            self.world.command("host", self.world.program("umlctl/umlctl"), "start", "web"),
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, encoding="utf-8",
            env={**os.environ, "UMLD_DAEMON": str(self.world.program("daemon/umld"))}) for _ in range(2)]
        ends = [(p.communicate(timeout=20)[1], p.returncode) for p in starts]
        # Who comes second finds an umld that is at it, or loses the race for its lock.
        self.assertIn(("", DONE), ends)
        umldtest.wait_until(lambda: len(self.umlds()) == 1, 5, "one umld only")
        self.expect(DONE, "status", "web")


class Waiting(Case):
    def spawn(self, *arguments):
        p = subprocess.Popen(self.world.command("host", self.world.program("umlctl/umlctl"), *arguments),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             encoding="utf-8",
                             env={**os.environ, "UMLD_DAEMON": str(self.world.program("daemon/umld"))})
        self.addCleanup(p.communicate)
        self.addCleanup(lambda: p.poll() is None and p.kill())
        return p

    def test_wait(self):
        self.world.guest(fake="wait:500,boot,ready")
        waiting = self.spawn("wait", "web", "--timeout=20")
        self.expect(DONE, "start", "web", "--no-wait")
        self.assertLess(self.took, 0.45 * PATIENCE)
        self.expect_line(FAILED, "wait", "web", "--timeout=50ms")
        self.assertEqual(waiting.wait(20 * PATIENCE), DONE)
        self.expect(DONE, "status", "web")
        waiting = self.spawn("wait", "web", "--for=stopped")
        self.expect(DONE, "stop", "web")
        self.assertEqual(waiting.wait(5 * PATIENCE), DONE)

    def test_impossible(self):
        self.world.guest(fake="wait:300,exit:0", Supervise={"Restart": "no"})
        waiting = self.spawn("wait", "web", "--timeout=20")
        self.expect(FAILED, "start", "web")
        self.assertIn(waiting.wait(20 * PATIENCE + 5), (FAILED, ))

    def test_interrupted_start(self):
        self.world.guest(fake="wait:1000,boot,ready")
        start = self.spawn("start", "web")
        wait_until(lambda: self.umlds())
        time.sleep(0.2)
        start.send_signal(signal.SIGINT)
        self.assertEqual(start.wait(5 * PATIENCE), 130)
        self.expect(DONE, "wait", "web", "--timeout=10")
        os.kill(self.status()["pid"], signal.SIGKILL)  # and it is supervised as any other
        self.expect(DONE, "wait", "web", "--timeout=10")


class Interface(Case):
    def test_introspection(self):
        """The interface is the one of the header, to any D-Bus client."""
        self.world.guest(fake="boot,ready")
        self.expect(DONE, "start", "web")
        header = (umldtest.SOURCE / "lib/api/bus-names.h").read_text()
        properties = dict(re.findall(r'#define UMLD_PROP_\w+[ \\\n]+"(\w+)" +/\* ([a-z{}()]+)[ ,*]', header))
        methods = {name: ["-", "-"] for name in re.findall(r'#define UMLD_METHOD_\w+[ \\\n]+"(\w+)"', header)}
        # "Guard(s connection): …", "Mconsole(s command, b force) -> (i error, s text, b whole): …"
        for name, takes, gives in re.findall(r"(\w+)\(([^)]*)\)(?: -> ([^:]*))?:", header.replace("\n *", "")):
            if gives.startswith("("):
                gives = gives[1:-1]
            methods[name] = ["".join(word.split()[0] for word in words.split(",") if word) or "-" for words in (takes, gives)]
        self.assertGreater(len(properties), 25)
        bus = f"--address=unix:path={self.world.runtime_dir}/web/bus"
        lines = self.world.host("busctl", bus, "introspect", "io.umld", "/io/umld/guest", "io.umld.Guest1").splitlines()
        rows = {line.split()[0]: line.split() for line in lines[1:]}
        self.assertEqual({name[1:]: row[2] for name, row in rows.items() if row[1] == "property"}, properties)
        self.assertEqual({name[1:]: row[2:4] for name, row in rows.items() if row[1] == "method"},
                         methods)
        self.assertEqual(rows[".StateChanged"][1:3], ["signal", "sss"])
        self.assertIn('s "running"', self.world.host("busctl", bus, "get-property", "io.umld", "/io/umld/guest",
                                                     "io.umld.Guest1", "State"))

    def test_permissions(self):
        self.world.guest(fake="boot,ready")
        self.expect(DONE, "start", "web")
        bus = self.world.runtime_dir / "web/bus"
        self.assertEqual(bus.stat().st_mode & 0o7777, 0o660)

        def nobody(code, *arguments):
            p = self.world.run("host", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                               self.world.program("umlctl/umlctl"), *arguments)
            self.assertEqual(p.returncode, code, p.stdout + p.stderr)
            return p
        self.assertIn("permission denied", nobody(NOT_PERMITTED, "status", "web").stdout)
        nobody(NOT_PERMITTED, "stop", "web")
        # As a member of the group: looking and the console are allowed, orders are not.
        bus.chmod(0o666)
        with contextlib.suppress(FileNotFoundError):
            bus.parent.chmod(0o755)
        self.assertEqual(json.loads(nobody(DONE, "status", "web", "--json").stdout)["state"], "running")
        for verb in ("stop", "restart", "kill", "reload"):
            self.assertEqual(nobody(NOT_PERMITTED, verb, "web").stderr.count("\n"), 1)

        def console(force):
            return self.world.run("host", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                  "busctl", f"--address=unix:path={bus}", "call", "io.umld", "/io/umld/guest",
                                  "io.umld.Guest1", "OpenConsole", "bbqq", "false", force, "0", "0")
        p = console("false")
        self.assertRegex(p.stdout, "^h [0-9]", p.stderr)
        p = console("true")
        self.assertIn("Access denied", p.stdout + p.stderr)
        self.expect(DONE, "status", "web")


if __name__ == "__main__":
    umldtest.main()
