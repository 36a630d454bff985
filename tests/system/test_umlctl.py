#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl against control sockets that do as the test says: bus-fixture plays umld.

Nothing here needs a guest, a network or systemd."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import umldtest  # noqa: E402
from umlctltest import ANSWER, Case  # noqa: E402
from umldtest import DONE, FAILED, NO_GUEST, NOT_PERMITTED, NOT_RUNNING, PATIENCE, USAGE  # noqa: E402


class CommandLine(Case):
    def test_help_and_version(self):
        p = self.expect(DONE, "--help")
        self.assertEqual(p.stderr, "")
        for verb in ("list", "status", "start", "stop", "restart", "reload", "kill", "check", "wait",
                     "enable", "disable", "crashes", "help"):
            self.assertIn("\n  %s " % verb, p.stdout)
        self.assertEqual(self.expect(DONE, "help").stdout, p.stdout)
        self.assertIn("--timeout", self.expect(DONE, "help", "stop").stdout)
        self.assertEqual(self.expect(DONE, "stop", "--help").stdout, self.expect(DONE, "help", "stop").stdout)
        self.assertNotIn("--json", self.expect(DONE, "help", "stop").stdout)
        self.assertRegex(self.expect(DONE, "--version").stdout, r"^umlctl \d+\.\d+\.\d+\n")

    def test_version_shows_what_is_there(self):
        """What is compiled in, and of the rest what this host has."""
        self.env["UMLD_IMAGE"] = str(umldtest.BUILD / "imager/umld-image")
        rows = self.features("--version")
        self.assertEqual(rows["umld-image"], "found: " + self.env["UMLD_IMAGE"])
        self.assertEqual(rows["skopeo"], f"{'found' if shutil.which('skopeo') else 'missing'}: for create --from oci:IMAGE")
        self.env["UMLD_IMAGE"] = "/nowhere/umld-image"
        self.env["PATH"] = "/nowhere"
        rows = self.features("--version")
        self.assertEqual(rows["umld-image"], "missing: /nowhere/umld-image")
        self.assertEqual(rows["skopeo"], "missing: for create --from oci:IMAGE")

    def features(self, *words):
        return dict(re.split(r" +", line, 1) for line in self.expect(DONE, *words).stdout.splitlines()[1:])

    def test_wrong_words(self):
        self.configure("web")
        for args, words in (((), "no verb"), (("frob",), "'frob'"), (("",), "'': unknown verb"),
                            (("doctor", "web", "db"), "at most [NAME]"), (("lst",), "'lst': unknown verb; did you mean list?"),
                            (("--jsn", "list"), "--jsn: unknown option; did you mean --json?"),
                            (("list", "--output=nme"), "unknown column 'nme'; did you mean name?"),
                            (("list", "-o", "x"), "there are name, state, since"), (("stop", "-a", "web"), "--all"),
                            (("--frob", "list"), "--frob"), (("-x", "list"), "-x"),
                            (("wait", "--for"), "--for requires"), (("wait", "--for=booting"), "stopped"),
                            (("stop", "--timeout=soon"), "30s"), (("stop", "--json"), "cannot be used with"),
                            (("list", "--no-wait"), "cannot be used with"), (("status", "Web"), "'Web'"),
                            (("status", "../web"), "invalid guest name"),
                            (("status", "a" * 16), "invalid guest name")):
            self.assertIn(words, self.expect_line(USAGE, *args))

    def test_foreign_words(self):
        """What users of docker, systemctl and machinectl type: what it is here."""
        self.configure("web")
        for args, words in ((("ps",), "use list"), (("rm", "web"), "use remove"), (("exec", "web", "ls"), "use ssh NAME COMMAND"),
                            (("poweroff", "web"), "use stop"), (("daemon-reload",), "umld needs no other"),
                            (("log", "--tail=5"), "--tail: unknown option; use --lines"),
                            (("list", "--format", "json"), "--format: unknown option; use --json"),
                            (("list", "-o", "json"), "unknown column 'json'; use --json"),
                            (("start", "umld@web.service"), "invalid guest name; did you mean web?"),
                            (("start", "umld@wbe"), "did you mean web?"), (("cat", "web.conf"), "did you mean web?"),
                            (("start", "WEB"), "did you mean web?"), (("start", "x.conf"), "use 1 to 15 characters"),
                            (("kill", "-s", "TERM", "web"), "-s cannot be used with kill"),
                            (("top", "-n", "1"), "-n cannot be used with top")):
            self.assertIn(words, self.expect_line(USAGE, *args))

    def test_foreign_words_are_not_ours(self):
        """And what is named in their place is there."""
        verbs = re.findall(r"(?m)^verb\t(\S+)", self.expect(DONE, "--print-tables").stdout)
        source = (umldtest.SOURCE / "umlctl/foreign-words.c").read_text(encoding="utf-8")
        table = re.search(r"(?s)Word verbs\[\] = \{\n(.*?)\n\};", source)[1]
        words = re.findall(r'\{ "([^"]+)",\s*"([^" ]+)', table)
        self.assertGreater(len(words), 30)
        for theirs, ours in words:
            self.assertNotIn(theirs, verbs)
            self.assertIn(ours.rstrip(","), [*verbs, "--version"])

    def test_prefixes(self):
        self.configure("web")
        self.expect(NOT_RUNNING, "statu", "web")
        self.expect(DONE, "li")
        line = self.expect_line(USAGE, "st", "web")
        self.assertIn("status, start, stop", line)

    def test_relative_directory(self):
        line = self.expect_line(USAGE, "list", env={"UMLD_RUNTIME_DIR": "run/umld"})
        self.assertIn("UMLD_RUNTIME_DIR=run/umld", line)

    def test_no_such_guest(self):
        self.configure("web")
        for verb in ("status", "start", "stop", "restart", "reload", "kill", "check", "wait", "enable"):
            self.assertIn("no such guest: db", self.expect_line(NO_GUEST, verb, "db"))

    def test_the_only_guest(self):
        for verb in ("status", "stop", "start"):
            self.assertIn(".conf", self.expect_line(NO_GUEST, verb))
        self.configure("web")
        self.assertIn("using the only configured guest, web", self.expect(DONE, "stop").stderr)
        self.assertEqual(self.expect(DONE, "stop", "--quiet").stderr, "")
        self.assertIn("web - stopped", self.expect(NOT_RUNNING, "status").stdout)
        self.configure("db")
        line = self.expect_line(USAGE, "stop")
        self.assertIn("db, web", line)
        self.assertIn("status requires a NAME or --all", self.expect_line(USAGE, "status", "--json"))
        p = self.expect(NOT_RUNNING, "status")
        self.assertLess(p.stdout.index("db - stopped"), p.stdout.index("web - stopped"))

    def test_full_output(self):
        with open("/dev/full", "w") as full:
            p = self.run_umlctl("--help", stdout=full)
        self.assertEqual(p.returncode, FAILED)
        self.assertIn("No space left", p.stderr)


class Status(Case):
    def test_json(self):
        self.configure("web")
        u = self.running(Restarts=2, StatusText="serving", LastVerdict="panic", LastDetail="no init",
                         LastWhen=1700000000500000, KernelPath="/usr/bin/linux.uml",
                         KernelVersion="6.1.176", KernelTransport="tuntap", KernelCpu="1", KernelCpuFix="preloaded",
                         MemorySize=64 << 20, MemoryBacking="shm", MemoryPath="/dev/shm",
                         MemoryUsed=12345678, Tap="tap0", HostAddress="10.0.0.1/24",
                         GuestAddress="10.0.0.2", Uplink="venet0", Uplink6="he-ipv6", Masquerade="masquerade",
                         Backend="iptables", Forwards="tcp/8000-10000 udp/53", RuleRepairs="3", Guarded="22",
                         HostAccess="icmp", Reach="internet link", Connections="16384",
                         ReversePathFilter="strict", MTU=1400, HostAddress6="fd00::1/64", GuestAddress6="fd00::2",
                         BackendReason="Backend=",
                         Confinement="user=60001 seccomp=off", ConsoleLog="/var/log/umld/web/console.log",
                         DaemonPid=4700, DaemonVersion="0.1.0")
        del u
        d = json.loads(self.expect(DONE, "status", "web", "--json").stdout)
        self.assertEqual((d["name"], d["state"], d["wanted"], d["pid"], d["restarts"]),
                         ("web", "running", "up", 4711, 2))
        self.assertAlmostEqual(d["since"], time.time() - 5, delta=3)
        self.assertAlmostEqual(d["uptime"], 6, delta=3)
        self.assertEqual(d["last_exit"], {"verdict": "panic", "detail": "no init", "when": 1700000000.5})
        self.assertEqual(d["kernel"], {"path": "/usr/bin/linux.uml", "version": "6.1.176",
                                       "transport": "tuntap", "cpu": "1", "cpu_fix": "preloaded"})
        self.assertEqual(d["memory"], {"size": 64 << 20, "backing": "shm", "path": "/dev/shm",
                                       "used": 12345678, "peak": None, "balloon": None, "pressure": None,
                                       "refused": None})
        self.assertEqual({k: v for k, v in d["network"].items() if k not in ("sent", "received")}, {"tap": "tap0", "host": "10.0.0.1/24", "guest": "10.0.0.2",
                                        "host6": "fd00::1/64", "guest6": "fd00::2", "uplink": "venet0",
                                        "uplink6": "he-ipv6",
                                        "masquerade": "masquerade", "backend": "iptables",
                                        "backend_reason": "Backend=", "mtu": 1400, "warnings": [], "lacking": [],
                                        "host_access": "icmp", "reach": "internet link", "connections": "16384",
                                        "reverse_path_filter": "strict", "repairs": 3, "forwards": ["tcp/8000-10000", "udp/53"],
                                        "proxies": [], "guarded": ["22"]})
        self.assertEqual(d["held"], {"now": 0, "total": 0, "dropped": 0})
        self.assertEqual(d["confinement"], {"user": "60001", "seccomp": "off"})
        self.assertEqual(d["console"], {"log": "/var/log/umld/web/console.log"})
        self.assertEqual(d["daemon"], {"pid": 4700, "version": "0.1.0"})
        self.assertIsNone(d["next_start"])
        self.assertIsNone(d["error"])
        self.assertEqual(json.loads(self.expect(DONE, "list", "--json").stdout)[0]["name"], "web")

    def test_text(self):
        self.configure("web")
        self.running(Restarts=2, LastVerdict="panic", LastDetail="no init", LastWhen=1700000000000000,
                     KernelPath="/usr/bin/linux.uml", KernelVersion="6.1.176", KernelTransport="tuntap",
                     KernelCpu="0", KernelCpuFix="preloaded", MemorySize=64 << 20, MemoryBacking="shm",
                     MemoryPath="/dev/shm", MemoryUsed=1536 << 10, Tap="tap0", HostAddress="10.0.0.1/24",
                     GuestAddress="10.0.0.2", Uplink="venet0", Uplink6="he-ipv6", Masquerade="masquerade",
                     Backend="iptables", HostAccess="icmp", Reach="internet link", Connections="16384",
                     ReversePathFilter="strict", MTU=1400, HostAddress6="fd00::1/64",
                     GuestAddress6="fd00::2", Forwards="tcp/8000-10000 udp/53", Guarded="22",
                     ConsoleLog="/var/log/umld/web/console.log")
        out = self.expect(DONE, "status", "web").stdout
        self.assertRegex(out, r"(?m)^● web - running since \w+ \d+-\d+-\d+ .*; \ds ago$")
        for line in ("Wanted: up", "Process: 4711", "Restarts: 2", "Last exit: panic: no init; ",
                     "Kernel: /usr/bin/linux.uml, 6.1.176, tuntap, on CPU 0, CPU-state workaround preloaded",
                     "Memory: 64M, shm /dev/shm, 1.5M used",
                     "Network: tap0 10.0.0.1/24, guest 10.0.0.2, IPv6 fd00::1/64, guest fd00::2, uplink venet0, "
                     "IPv6 uplink he-ipv6, masquerade by iptables, "
                     "MTU 1400, host access icmp, reach internet link, connections 16384, reverse path filter strict",
                     "Forwards: tcp/8000-10000 udp/53", "Guarded: 22",
                     "Console log: /var/log/umld/web/console.log (raw, with control sequences; read it by umlctl log web)"):
            self.assertIn(line, out)
        self.assertNotIn("\033", out)
        self.assertIn("* web", self.expect(DONE, "status", "web", env={"LC_ALL": "C"}).stdout)

    def test_back_off(self):
        self.configure("web")
        self.running(State="backoff", Pid=0, NextStart=int((time.time() + 60) * 1e6))
        out = self.expect(NOT_RUNNING, "status", "web").stdout
        self.assertRegex(out, r"Next start: in (59|60)s|Next start: in 1min")
        d = json.loads(self.expect(NOT_RUNNING, "status", "web", "--json").stdout)
        self.assertAlmostEqual(d["next_start"], time.time() + 60, delta=5)
        self.assertIsNone(d["pid"])
        self.assertIsNone(d["uptime"])

    def test_without_umld(self):
        self.configure("web")
        d = json.loads(self.expect(NOT_RUNNING, "status", "web", "--json").stdout)
        self.assertEqual((d["state"], d["wanted"], d["last_exit"]["verdict"]), ("stopped", "down", "none"))
        self.last_exit(text="STATE=failed\nVERDICT=disk\nDETAIL=no image\nFUTURE=1\nWHEN=1700000000000000\n")
        d = json.loads(self.expect(NOT_RUNNING, "status", "web", "--json").stdout)
        self.assertEqual(d["state"], "failed")
        self.assertEqual(d["last_exit"], {"verdict": "disk", "detail": "no image", "when": 1700000000.0})
        self.assertIn("Last exit: disk: no image; ", self.expect(NOT_RUNNING, "status", "web").stdout)
        self.assertRegex(self.expect(DONE, "list").stdout, r"(?m)^web +failed .* disk: no image; ")

    def test_broken_last_exit(self):
        self.configure("web")
        for text in (b"", b"STATE=failed", b"\xff\xfe\x00\n", b"VERDICT=\xff\nDETAIL=\x1b[2J\xff\nWHEN=-1\n",
                     b"DETAIL=" + b"x" * 1000000):
            self.last_exit(text=text)
            json.loads(self.expect(NOT_RUNNING, "status", "web", "--json").stdout)
            self.assertNotIn("\033", self.expect(NOT_RUNNING, "status", "web").stdout)

    def test_killed_umld(self):
        self.configure("web")
        u = self.running()
        u.process.kill()
        u.process.wait()
        self.assertTrue(os.path.exists(self.socket()))
        self.assertIn("umld was killed", self.expect(NOT_RUNNING, "status", "web").stdout)
        self.assertLess(self.took, ANSWER)

    def test_guest_without_configuration(self):
        self.running()
        self.expect(DONE, "status", "web")
        self.assertIn("web", self.expect(DONE, "list").stdout)

    def test_list(self):
        self.configure("web", "db", "old")
        self.running("web", GuestAddress="10.0.0.2", MemorySize=64 << 20)
        self.umld("db", State="backoff", LastVerdict="panic", LastDetail="no init")
        lines = self.expect(DONE, "list").stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines], ["NAME", "db", "old", "web"])
        self.assertEqual([line.split()[1] for line in lines], ["STATE", "backoff", "stopped", "running"])
        self.assertIn("panic: no init", lines[1])
        self.assertEqual(len(json.loads(self.expect(DONE, "list", "--json").stdout)), 3)
        self.assertEqual(self.expect(DONE, "list", "-o", "state,name", "--no-headings").stdout.split(),
                         ["backoff", "db", "stopped", "old", "running", "web"])
        self.assertEqual(self.expect(DONE, "list", "--output=name,state", "w*", "old").stdout.split(),
                         ["NAME", "STATE", "web", "running", "old", "stopped"])

    def test_older_umld(self):
        """One that cannot be asked for some properties is asked for all."""
        self.configure("web")
        umld = self.running("web", GuestAddress="10.0.0.2")
        umld.say("refuse", "Read", "org.freedesktop.DBus.Error.UnknownMethod", "unknown")
        line = self.expect(DONE, "list", "--no-headings", "-o", "name,state,address").stdout.split()
        self.assertEqual(line, ["web", "running", "10.0.0.2"])
        self.assertEqual(umld.calls, ["Read"])
        umld.say("refuse", "Read", "org.freedesktop.DBus.Error.Failed", "broken")
        self.assertIn("unknown", self.run_umlctl("list", "--no-headings").stdout)

    def test_hundred(self):
        """The list of a hundred guests takes less than 50 ms: always of CPU time, and in time when nothing is in its way."""
        names = [f"g{i}" for i in range(100)]
        self.configure(*names)
        for name in names:
            self.running(name)
        spent, took = [], []
        for _ in range(60):
            begin = time.monotonic()
            p = subprocess.Popen([*self.command, "list"], env=self.env, stdout=subprocess.PIPE)
            listed = p.stdout.read()
            p.stdout.close()
            usage = os.wait4(p.pid, 0)[2]
            p.returncode = 0
            took.append(time.monotonic() - begin)
            spent.append(usage.ru_utime + usage.ru_stime)
            self.assertEqual(listed.count(b" running "), len(names))
            if len(took) >= 5 and min(took) < 0.05 * PATIENCE:
                break
        self.assertLess(sorted(spent)[len(spent) // 2], 0.05 * PATIENCE)
        self.assertLess(min(took), 0.05 * PATIENCE)

    def test_columns(self):
        """What a running guest uses is read from the host's kernel: here of the test's own processes."""
        self.configure("web")
        busy = subprocess.Popen(["sh", "-c", "sh -c 'while :; do :; done' & wait"])
        self.addCleanup(busy.wait)
        self.addCleanup(busy.kill)
        self.wait_for(lambda: self.children(busy.pid))
        child = self.children(busy.pid)[0]
        self.addCleanup(os.kill, child, signal.SIGKILL)
        self.running(Pid=busy.pid, Tap="lo", Restarts=3, MemorySize=64 << 20, MemoryUsed=1536 << 10,
                     GuestCongestionControl="bbr", GuestAddress="10.0.0.2", Forwards="tcp/80 udp/53")
        self.wait_for(lambda: json.loads(self.expect(DONE, "status", "web", "--json").stdout)["cpu"]["time"])
        d = json.loads(self.expect(DONE, "status", "web", "--json").stdout)
        self.assertIsInstance(d["network"]["sent"], int)
        cells = self.expect(DONE, "list", "--no-headings", "-o",
                            "name,state,uptime,restarts,memory,cpu,address,forwards,tcp,pid").stdout.split()
        self.assertEqual(cells[:2] + cells[3:5], ["web", "running", "3", "1.5M/64M"])
        self.assertRegex(cells[2], r"^\d+s$")
        self.assertRegex(cells[5], r"^\d+\.\d%$")
        self.assertEqual(cells[6:], ["10.0.0.2", "tcp/80", "udp/53", "bbr", str(busy.pid)])
        usual = self.expect(DONE, "list").stdout.splitlines()[0]
        for title in ("NAME", "STATE", "UPTIME", "RESTARTS", "MEMORY", "CPU", "TCP", "ADDRESS", "FORWARDS"):
            self.assertIn(title, usual)

    @staticmethod
    def children(pid):
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]

    def test_narrow_terminal(self):
        """The table fits: long lists are cut."""
        self.configure("web")
        self.running(Forwards=" ".join(f"tcp/{port}" for port in range(1000, 1100)), LastVerdict="panic", LastDetail="x" * 300)
        for width in (80, 120):
            code, out = self.on_terminal("list", columns=width)
            self.assertEqual(code, DONE)
            for line in out.replace("\r", "").splitlines():
                self.assertLessEqual(len(re.sub("\033\\[[0-9;]*m", "", line)), width, line)
        self.assertIn("tcp/1099", self.expect(DONE, "list").stdout)

    def test_no_guest_at_all(self):
        self.assertEqual(json.loads(self.expect(DONE, "list", "--json").stdout), [])
        self.assertIn("no guest", self.expect(DONE, "list").stderr)
        os.rmdir(os.path.join(self.top, "config"))
        self.assertIn("no guest", self.expect(DONE, "list").stderr)

    def test_foreign_text(self):
        """What a guest wrote cannot reach the terminal as a control sequence."""
        self.configure("web")
        evil = "\\x1b[2J\\x07\\xc2\\x9b31m\\x0aFake: line"
        self.running(StatusText=evil, LastVerdict="panic", LastDetail=evil, KernelVersion=evil, Tap=evil,
                     Confinement="'seccomp=%s'" % evil)
        for verb in ("status", "list"):
            out = self.expect(DONE, verb).stdout
            self.assertNotRegex(out, "[\x00-\x09\x0b-\x1f\x7f\x80-\x9f]")
            self.assertNotIn("\nFake", out)
            self.assertIn("\\x1b[2J\\x07\\xc2\\x9b31m", out)
            out = self.expect(DONE, verb, "--json").stdout
            self.assertNotRegex(out, "[\x00-\x09\x0b-\x1f\x7f-\xff]")
            d = json.loads(out)
            d = d[0] if verb == "list" else d
            self.assertEqual(d["last_exit"]["detail"], "\x1b[2J\x07\x9b31m\nFake: line")

    def test_huge_text(self):
        self.configure("web")
        u = self.running()
        u.say("set", "StatusText", "x" * 3000000)
        out = self.expect(DONE, "status", "web").stdout
        self.assertLess(len(out), 5000)
        self.assertIn("xxx…", out)
        self.assertEqual(len(json.loads(self.expect(DONE, "status", "web", "--json").stdout)["status"]), 3000000)

    def test_long_runtime_directory(self):
        """A path that no socket's address holds, reached all the same."""
        self.configure("web")
        self.running()
        deep = os.path.join(self.top, *["directory-%d" % i for i in range(12)])
        os.makedirs(deep)
        os.symlink(os.path.join(self.top, "runtime"), os.path.join(deep, "run"))
        self.expect(DONE, "status", "web", env={"UMLD_RUNTIME_DIR": os.path.join(deep, "run")})

    def test_colours(self):
        self.configure("web")
        self.running()
        code, out = self.on_terminal("status", "web")
        self.assertEqual(code, DONE)
        self.assertIn("\033[1;32m●\033[0m web", out)
        self.assertNotIn("\033", self.on_terminal("status", "web", NO_COLOR="1")[1])
        self.assertNotIn("\033", self.on_terminal("status", "web", TERM="dumb")[1])
        self.assertIn("\033[1;32mrunning\033[0m", self.on_terminal("list")[1])
        self.assertNotIn("\033", self.on_terminal("list", NO_COLOR="1")[1])


class Several(Case):
    """A verb for several guests: names, patterns, all of them."""

    def setUp(self):
        super().setUp()
        self.configure("web1", "web2", "db")

    def three(self):
        return {name: self.running(name) for name in ("web1", "web2", "db")}

    def test_names_and_patterns(self):
        umlds = self.three()
        self.expect(DONE, "reload", "web*")
        self.assertEqual({name: u.calls.count("Reload") for name, u in umlds.items()}, {"web1": 1, "web2": 1, "db": 0})
        self.expect(DONE, "reload", "db", "web[2-9]", "web2")
        self.assertEqual({name: u.calls.count("Reload") for name, u in umlds.items()}, {"web1": 1, "web2": 2, "db": 1})
        self.expect(DONE, "reload", "--all")
        self.assertEqual({name: u.calls.count("Reload") for name, u in umlds.items()}, {"web1": 2, "web2": 3, "db": 2})
        self.assertIn("no guest matches 'x*'", self.expect_line(NO_GUEST, "reload", "db", "x*"))
        self.assertEqual(umlds["db"].calls.count("Reload"), 2)  # one wrong name, and nothing is done
        self.assertIn("no such guest: web3; did you mean web1?", self.expect_line(NO_GUEST, "reload", "web3"))

    def test_at_the_same_time(self):
        """All are told to stop before the first has ended."""
        umlds = self.three()
        p = self.start_umlctl("stop", "-a")
        self.wait_for(lambda: all("Stop" in u.calls for u in umlds.values()))
        for u in umlds.values():
            u.set(LastVerdict="stopped", LastDetail="on request")
            u.state("stopped")
            u.end()
        out, error = p.communicate(timeout=30)
        self.assertEqual(p.returncode, DONE, error)
        self.assertEqual(sorted(line.split()[0].rstrip(":") for line in out.splitlines()), ["db", "web1", "web2"])

    def test_one_fails(self):
        """The others are done all the same, and the exit code is that of the one that failed."""
        umlds = self.three()
        umlds["web1"].say("refuse", "Reload", "org.freedesktop.DBus.Error.Failed", "no")
        self.expect(NOT_PERMITTED, "reload", "web1", "web2")
        self.assertEqual(umlds["web2"].calls.count("Reload"), 1)

    def test_status(self):
        self.running("web1")
        self.assertEqual([d["name"] for d in json.loads(self.expect(NOT_RUNNING, "status", "--json", "--all").stdout)],
                         ["db", "web1", "web2"])
        self.assertEqual([d["name"] for d in json.loads(self.expect(DONE, "status", "--json", "web1*").stdout)], ["web1"])
        self.assertEqual(json.loads(self.expect(DONE, "status", "--json", "web1").stdout)["name"], "web1")
        out = self.expect(NOT_RUNNING, "status", "web1", "db").stdout
        self.assertLess(out.index("web1 - running"), out.index("db - stopped"))
        self.assertEqual([d["name"] for d in json.loads(self.expect(DONE, "list", "--json", "web*").stdout)], ["web1", "web2"])

    def test_none_at_all(self):
        shutil.rmtree(os.path.join(self.top, "config"))
        self.assertIn("no guest is configured", self.expect_line(NO_GUEST, "start", "--all"))


class Systemctl(Case):
    """Questions of scripts, answered as systemctl does."""

    def test_is_active(self):
        self.configure("web", "db", "mail")
        self.last_exit("db", "STATE=failed\nVERDICT=kernel\nWHEN=1700000000000000\n")
        web = self.running("web")
        self.running("mail", State="booting")
        self.assertEqual(self.expect(DONE, "is-active", "web").stdout, "active\n")
        self.assertEqual(self.expect(NOT_RUNNING, "is-active", "db", "mail").stdout, "failed\nactivating\n")
        self.assertEqual(self.expect(DONE, "is-active", "mail", "web").stdout, "activating\nactive\n")
        self.assertEqual(self.expect(DONE, "is-active", "-q", "web").stdout, "")
        web.set(State="stopping")
        self.assertEqual(self.expect(NOT_RUNNING, "is-active", "web").stdout, "deactivating\n")
        web.close()
        os.unlink(self.socket())
        self.assertEqual(self.expect(NOT_RUNNING, "is-active", "w*").stdout, "inactive\n")
        self.expect_line(NO_GUEST, "is-active", "nobody")

    def test_without_its_umld(self):
        """The guest runs, but nobody watches it: its umld-init holds the lock that the dead umld's pid is in."""
        self.configure("web")
        dead = subprocess.Popen(["true"])
        dead.wait()
        os.mkdir(os.path.dirname(self.socket()))
        with open(os.path.join(os.path.dirname(self.socket()), "lock"), "w", encoding="ascii") as lock:
            lock.write(f"{dead.pid}\n")
            lock.flush()
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertEqual(self.expect(NOT_RUNNING, "is-active", "web").stdout, "failed\n")
        self.assertEqual(self.expect(NOT_RUNNING, "is-active", "web").stdout, "inactive\n")

    def test_is_enabled(self):
        """Without systemd."""
        self.configure("web", "db")
        self.expect(DONE, "enable", "web")
        self.assertEqual(self.expect(DONE, "is-enabled", "db", "web").stdout, "disabled\nenabled\n")
        self.assertEqual(self.expect(FAILED, "is-enabled", "db").stdout, "disabled\n")
        self.assertEqual(self.expect(DONE, "is-enabled", "--all", "--quiet").stdout, "")
        self.expect(DONE, "disable", "web")
        self.assertEqual(self.expect(FAILED, "is-enabled", "web").stdout, "disabled\n")
        self.expect_line(NO_GUEST, "is-enabled", "nobody")


class Logs(Case):
    """Of several guests."""

    def write(self, guest, *lines, mode="w"):
        path = os.path.join(self.top, "log", guest, "console.log")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, mode, encoding="ascii") as f:
            f.write("".join(f"2026-11-21T23:02:09.{i:03}Z {line}\n" for i, line in enumerate(lines)))

    def setUp(self):
        super().setUp()
        self.configure("web", "db", "mail")
        self.env["TZ"] = "UTC"
        self.write("web", "one", "two")
        self.write("db", "three")

    def test_text(self):
        self.assertEqual(self.expect(DONE, "log", "web", "-n1").stdout, "2026-11-21 23:02:09.001 two\n")
        right = "web: 2026-11-21 23:02:09.001 two\ndb: 2026-11-21 23:02:09.000 three\n"
        self.assertEqual(self.expect(DONE, "log", "-n1", "web", "db").stdout, right)
        self.assertEqual(self.expect(DONE, "log", "-n1", "d*").stdout, right.splitlines(True)[1])
        p = self.expect(FAILED, "log", "--all")
        self.assertEqual(p.stdout.count("\n"), 3)
        self.assertIn("mail has no console log", p.stderr)

    def test_json(self):
        lines = [json.loads(line) for line in self.expect(DONE, "log", "--json", "web", "db").stdout.splitlines()]
        self.assertEqual([(line["guest"], line["text"]) for line in lines], [("web", "one"), ("web", "two"), ("db", "three")])

    def test_follow(self):
        """Of more guests at once than other verbs take, and whole lines only."""
        names = [f"g{i:02}" for i in range(20)]
        self.configure(*names)
        for name in names:
            self.write(name, "begin")
        p = self.start_umlctl("log", "--follow", *names)
        os.set_blocking(p.stdout.fileno(), False)
        seen = []

        def read():
            with contextlib.suppress(BlockingIOError):
                seen.append(os.read(p.stdout.fileno(), 1 << 20).decode())
            return "".join(seen)
        self.wait_for(lambda: read().count("begin\n") == len(names))
        for name in names:
            self.write(name, "x" * 3000 + name, mode="a")
        self.wait_for(lambda: read().count("\n") == 2 * len(names))
        for line in "".join(seen).splitlines():
            name, _, rest = line.partition(": ")
            self.assertRegex(rest, f"^2026-11-21 23:02:09.000 (begin|x{{3000}}{name})$")


class DeadSockets(Case):
    """An umld that cannot answer is told within a second, whatever it is that it does not do."""

    VERBS = ("status", "start", "stop", "restart", "reload", "kill")

    def test_silence(self):
        self.configure("web")
        for mode in ("deaf", "mute", "login"):
            u = self.umld(mode=mode)
            for verb in self.VERBS:
                p = self.expect(FAILED, verb, "web")
                self.assertLess(self.took, ANSWER, (mode, verb))
                self.assertIn("umld does not respond", p.stdout + p.stderr, (mode, verb))
                if mode != "deaf":
                    self.assertIn("to replace it: kill -KILL %d (under systemd" % u.process.pid, p.stdout + p.stderr)
            u.close()
            os.unlink(self.socket())

    def test_stopped_process(self):
        self.configure("web")
        u = self.running()
        u.process.send_signal(signal.SIGSTOP)
        for verb in self.VERBS:
            p = self.expect(FAILED, verb, "web")
            self.assertLess(self.took, ANSWER, verb)
            self.assertIn("does not respond", p.stdout + p.stderr)

    def test_hangup(self):
        self.configure("web")
        self.umld(mode="hangup")
        for verb in self.VERBS:
            p = self.expect(FAILED, verb, "web")
            self.assertLess(self.took, ANSWER, verb)
            self.assertIn("closed the connection", p.stdout + p.stderr)

    def test_nobody(self):
        self.configure("web")
        self.umld(mode="mute").close()
        self.expect(NOT_RUNNING, "status", "web")
        self.expect_line(DONE, "stop", "web")
        self.expect_line(DONE, "kill", "web")
        self.expect_line(NOT_RUNNING, "reload", "web")
        os.unlink(self.socket())
        with open(self.socket(), "w"):
            pass # a plain file in its place
        self.expect(NOT_RUNNING, "status", "web")

    def test_many_at_once(self):
        """The limit holds for all together, and those who answer are shown."""
        self.configure("a", "b", "c", "d", "web")
        for name in "abcd":
            self.umld(name, mode="mute")
        self.running()
        p = self.expect(FAILED, "list")
        self.assertLess(self.took, ANSWER)
        self.assertEqual(p.stdout.count("does not respond"), 4)
        self.assertRegex(p.stdout, r"(?m)^web +running")
        d = {g["name"]: g for g in json.loads(self.expect(FAILED, "list", "--json").stdout)}
        self.assertEqual((d["a"]["state"], d["web"]["state"]), ("unknown", "running"))
        self.assertIn("does not respond", d["a"]["error"])

    def test_full_queue(self):
        """One whose queue is full does not delay the answers of the others."""
        self.configure("a", "b", "web")
        for name in "ab":
            self.umld(name, mode="deaf")
        self.running()
        p = self.expect(FAILED, "list")
        self.assertLess(self.took, ANSWER)
        self.assertEqual(p.stdout.count("does not respond"), 2)
        self.assertRegex(p.stdout, r"(?m)^web +running")


@unittest.skipUnless(os.getuid() == 0, "has to be root to become somebody else")
class Unprivileged(Case):
    def as_nobody(self, *args):
        return dict(preexec_fn=lambda: (os.setgroups([]), os.setgid(65534), os.setuid(65534)))

    def test_closed_socket(self):
        self.configure("web")
        self.running()
        os.chmod(self.socket(), 0o660)
        for verb in ("status", "list", "start", "stop", "kill", "reload", "wait"):
            p = self.expect(NOT_PERMITTED, verb, *([] if verb == "list" else ["web"]), **self.as_nobody())
            self.assertIn("permission denied", p.stdout + p.stderr)
            self.assertEqual(p.stderr.count("\n"), 0 if verb in ("list", "status") else 1)

    def test_closed_directory(self):
        self.configure("web")
        self.running()
        os.chmod(os.path.dirname(self.socket()), 0o750)
        self.expect(NOT_PERMITTED, "status", "web", **self.as_nobody())

    def test_start_without_rights(self):
        self.configure("web")
        self.expect_line(NOT_PERMITTED, "start", "web", **self.as_nobody())

    def test_refused_order(self):
        self.configure("web")
        u = self.running()
        os.chmod(self.socket(), 0o666)
        u.say("refuse", "Stop", "io.umld.Error.Busy", "it is stopping") # so it is waited for
        self.assertIn("not stopped yet", self.expect_line(FAILED, "stop", "web", "--timeout=200ms"))
        u.say("refuse", "Stop", "org.freedesktop.DBus.Error.AccessDenied", "only root may")
        self.expect(DONE, "status", "web", **self.as_nobody())
        self.assertIn("only root may", self.expect_line(NOT_PERMITTED, "stop", "web", **self.as_nobody()))


class Orders(Case):
    def test_stop(self):
        self.configure("web")
        for verb, method in (("stop", "Stop"), ("kill", "Kill")):
            u = self.running()

            def down(u=u):
                u.state("stopping")
                time.sleep(0.3)
                u.end()
            u.on_call[method] = down
            self.assertEqual(self.expect(DONE, verb, "web").stdout, "web is stopped\n")
            self.assertGreater(self.took, 0.3)
            self.assertEqual(u.calls, [method])
            self.assertEqual(self.expect_line(DONE, verb, "web"), "umlctl: web is not running\n")

    def test_stop_waits_for_the_process(self):
        """A closed connection is not the end: the lock is free when the process is gone."""
        self.configure("web")
        u = self.running()
        u.on_call["Stop"] = lambda: (u.say("linger", "500"), u.end())
        self.expect(DONE, "stop", "web")
        self.assertGreater(self.took, 0.5)

    def test_stop_timeout(self):
        self.configure("web")
        self.running()
        line = self.expect_line(FAILED, "stop", "web", "--timeout", "300ms")
        self.assertIn("not stopped yet", line)
        self.assertLess(self.took, ANSWER + 0.3)

    def test_no_wait(self):
        self.configure("web")
        u = self.running()
        for verb, method in (("stop", "Stop"), ("kill", "Kill"), ("restart", "Restart")):
            self.assertEqual(self.expect(DONE, verb, "web", "--no-wait").stdout, "")
            self.assertEqual(u.calls[-1], method)

    def test_refusals(self):
        self.configure("web")
        u = self.running()
        u.say("refuse", "Reload", "io.umld.Error.BadConfiguration", "web.conf:3: Memroy: unknown\\x1b[2J")
        line = self.expect_line(USAGE, "reload", "web")
        self.assertIn("web.conf:3: Memroy: unknown\\x1b[2J", line)
        u.say("refuse", "Reload", "io.umld.Error.Busy", "it is stopping")
        self.assertIn("it is stopping", self.expect_line(FAILED, "reload", "web"))
        u.say("refuse", "Stop", "io.umld.Error.Busy", "it is stopping") # so it is waited for
        self.assertIn("not stopped yet", self.expect_line(FAILED, "stop", "web", "--timeout=200ms"))
        u.say("refuse", "Stop", "org.freedesktop.DBus.Error.UnknownMethod", "no Stop here")
        self.assertIn("no Stop here", self.expect_line(FAILED, "stop", "web"))

    def test_reload(self):
        self.configure("web")
        u = self.running()
        p = self.expect(DONE, "reload", "web")
        self.assertEqual((p.stdout, p.stderr, u.calls), ("", "", ["Reload"]))

    def test_reload_on_trial(self):
        self.configure("web")
        u = self.running()
        p = self.expect(DONE, "reload", "web", "--confirm", "90")
        self.assertEqual((p.stdout, p.stderr, u.calls),
                         ("web reloaded; the changes will be reverted in 1min 30s unless confirmed: umlctl confirm web\n", "",
                          ["ReloadConfirm"]))
        u.say("refuse", "ReloadConfirm", "io.umld.Error.BadConfiguration", "web.conf:3: Memroy: unknown\\x1b[2J")
        line = self.expect_line(USAGE, "reload", "web", "-c5min", "--quiet")
        self.assertIn("web.conf:3: Memroy", line)
        self.assertNotIn("\x1b", line)
        self.assertEqual(self.expect(DONE, "confirm", "web", "-q").stdout, "")
        u.say("refuse", "Confirm", "io.umld.Error.Busy", "nothing waits")
        self.assertEqual(self.expect_line(FAILED, "confirm", "web"), "umlctl: web: nothing waits\n")
        self.assertIn("cannot be used with", self.expect_line(USAGE, "stop", "web", "--confirm=60"))

    def test_restart(self):
        self.configure("web")
        u = self.running()

        def again():
            # The old kernel is still "running" when the order is confirmed.
            time.sleep(0.4)
            u.state("stopping")
            u.set(LastVerdict="stopped", NextStart=int(time.time() * 1e6))
            for state in ("backoff", "preparing", "booting", "running"):
                u.state(state)
                time.sleep(0.05)
        u.on_call["Restart"] = again
        self.assertEqual(self.expect(DONE, "restart", "web").stdout, "web is running\n")
        self.assertGreater(self.took, 0.4)

    def test_restart_that_fails(self):
        self.configure("web")
        u = self.running()

        def fail():
            u.state("stopping")
            u.set(LastVerdict="disk", LastDetail="no disk")
            u.state("failed")
        u.on_call["Restart"] = fail
        self.assertIn("disk: no disk", self.expect_line(FAILED, "restart", "web"))
        u.state("running")

        def end():
            self.last_exit(text="STATE=failed\nVERDICT=disk\nDETAIL=no image\nWHEN=1\n")
            u.end()
        u.on_call["Restart"] = end
        self.assertIn("disk: no image", self.expect_line(FAILED, "restart", "web"))

    def test_start_of_what_runs(self):
        self.configure("web")
        self.running()
        self.assertEqual(self.expect_line(DONE, "start", "web"), "umlctl: web is already running\n")

    def test_start_while_booting(self):
        self.configure("web")
        u = self.running(State="booting")
        threading.Timer(0.3, lambda: u.state("running")).start()
        self.assertEqual(self.expect(DONE, "start", "web").stdout, "web is running\n")
        self.assertEqual(u.calls, [])

    def test_start_in_back_off(self):
        self.configure("web")
        u = self.running(State="backoff", LastVerdict="panic", LastDetail="no init")
        u.on_call["Start"] = lambda: (u.state("preparing"), u.set(Started=int(time.time() * 1e6)),
                                      u.state("running"))
        self.expect(DONE, "start", "web")
        self.assertEqual(u.calls, ["Start"])
        u.state("backoff")
        u.on_call["Start"] = lambda: (u.state("booting"), u.set(NextStart=int((time.time() + 5) * 1e6)),
                                      u.state("backoff"))
        line = self.expect_line(FAILED, "start", "web")
        self.assertIn("panic: no init", line)
        self.assertIn("umld will retry", line)

    def test_interrupt(self):
        self.configure("web")
        u = self.running(State="booting")
        p = self.start_umlctl("start", "web")
        time.sleep(0.5)
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=10)
        self.assertEqual(p.returncode, 130)
        self.assertIn("umld continues", err)
        self.assertIsNone(u.process.poll())


class Wait(Case):
    def test_reached_already(self):
        self.configure("web")
        self.expect(DONE, "wait", "web", "--for", "stopped", "--timeout=0")
        self.running()
        self.expect(DONE, "wait", "web", "--timeout=0")

    def test_timeout(self):
        self.configure("web")
        self.assertIn("its umld is not running", self.expect_line(FAILED, "wait", "web", "--timeout=200ms"))
        self.running(State="booting")
        self.expect_line(FAILED, "wait", "web", "--timeout=200ms")
        self.expect_line(FAILED, "wait", "web", "--for=stopped", "--timeout=200ms")

    def test_umld_comes_and_goes(self):
        self.configure("web")
        p = self.start_umlctl("wait", "web", "--timeout=20")
        time.sleep(0.3)
        u = self.running(State="preparing")
        time.sleep(0.3)
        u.end() # stopped by somebody: there may be another
        time.sleep(0.3)
        u = self.running(State="booting")
        u.state("running")
        self.assertEqual(p.wait(10), DONE)
        p = self.start_umlctl("wait", "web", "--for=stopped", "--timeout=20")
        time.sleep(0.3)
        self.assertIsNone(p.poll())
        u.end()
        self.assertEqual(p.wait(10), DONE)

    def test_signal_wakes_at_once(self):
        self.configure("web")
        u = self.running(State="booting")
        p = self.start_umlctl("wait", "web")
        time.sleep(0.5)
        begin = time.monotonic()
        u.state("running")
        self.assertEqual(p.wait(10), DONE)
        self.assertLess(time.monotonic() - begin, 0.2)

    def test_impossible(self):
        self.configure("web")
        u = self.running(State="booting")
        p = self.start_umlctl("wait", "web", "--timeout=20")
        time.sleep(0.3)
        self.last_exit(text="STATE=failed\nVERDICT=kernel\nDETAIL=not for this CPU\nWHEN=1\n")
        u.end()
        _, err = p.communicate(timeout=10)
        self.assertEqual(p.returncode, FAILED)
        self.assertIn("kernel: not for this CPU", err)


if __name__ == "__main__":
    umldtest.main()
