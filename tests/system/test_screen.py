#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl on a terminal: top, the pager, the colours of trouble; and on another host."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import umldtest  # noqa: E402
from sshpipe import make_other_host  # noqa: E402
from terminal import Terminal  # noqa: E402
from umlctltest import UMLCTL, Case  # noqa: E402
from umldtest import DONE, FAILED, NO_GUEST, NOT_RUNNING, USAGE, wait_until  # noqa: E402

ON, OFF = "\033[?1049h\033[?25l", "\033[m\033[?25h\033[?1049l"
SSH_FAILED = 255


class OnTerminal(Case):
    def terminal(self, *words, program=UMLCTL, env=None, **size):
        t = Terminal(None, program, *words, env={**self.env, **(env or {})}, **size)

        def end():
            if t.process.poll() is None:
                t.process.kill()
                t.process.wait()
        self.addCleanup(end)
        return t

    def process(self, script):
        p = subprocess.Popen(["sh", "-c", script])
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        return p.pid


class Top(OnTerminal):
    def setUp(self):
        super().setUp()
        self.configure("web", "db")

    def two(self):
        self.running("web", Pid=self.process("while :; do :; done"), Tap="lo", MemorySize=64 << 20, MemoryUsed=1 << 20)
        self.running("db", Pid=self.process("exec sleep 1000"), MemorySize=64 << 20, MemoryUsed=2 << 20)

    def looks(self, *words):
        return [json.loads(line) for line in self.expect(DONE, "top", "--json", *words).stdout.splitlines()]

    def test_rates(self):
        """What is counted is read from the host's kernel: here of a process of the test and its loopback."""
        self.two()
        self.assertEqual(len(self.looks("--interval=100ms", "--count=2")), 2)

        def busiest():
            web, db = self.looks("--interval=300ms")[0]
            return (web, db) if web["name"] == "web" else None
        found = []
        wait_until(lambda: found.append(busiest()) or found[-1], 10, "the busy process to get some CPU time")
        web, db = found[-1]
        self.assertGreater(web["cpu"], 0)
        self.assertLess(web["cpu"], 1.5)
        self.assertEqual(db["cpu"], 0)
        self.assertIsInstance(web["sent"], int)
        self.assertIsNone(db["sent"], "it has no tap")
        self.assertEqual(web["memory"], {"used": 1 << 20, "size": 64 << 20})
        self.assertEqual([guest["name"] for guest in self.looks("-i100ms", "--sort=memory")[0]], ["db", "web"])
        self.assertEqual([guest["name"] for guest in self.looks("-i100ms", "w*")[0]], ["web"])

    def test_pipe(self):
        """One table, without any sequence."""
        self.two()
        p = self.expect(DONE, "top", "-i", "200ms")
        self.assertNotIn("\033", p.stdout)
        head, *lines = p.stdout.splitlines()
        self.assertEqual(head.split(), ["NAME", "STATE", "UPTIME", "CPU", "MEMORY", "SENT", "RECEIVED", "TCP", "LOAD", "STATUS"])
        self.assertEqual(len(lines), 2)
        self.assertRegex(p.stdout, r"(?m)^web +running +\d+s +\d+\.\d% +1M/64M +\S+/s +\S+/s ")
        self.assertEqual(len(self.expect(DONE, "top", "-i", "100ms", "-c", "3", "--no-headings").stdout.splitlines()), 3 * 2 + 2)

    def test_dumb_terminal(self):
        """Table after table, until it is interrupted."""
        self.two()
        t = self.terminal("top", "-i", "100ms", env={"TERM": "dumb"})
        for _ in range(3):
            shown = t.wait_for("NAME ")
        self.assertNotIn("\033", shown)
        self.assertIn("\r\n\r\n", shown)
        t.type("\x03")
        self.assertEqual(t.end(), -signal.SIGINT)

    def test_usage(self):
        self.assertIn("must be one of cpu, memory, traffic, start, name", self.expect_line(USAGE, "top", "--sort=pid"))
        self.assertIn("--interval=10ms: must be a time span from 100ms", self.expect_line(USAGE, "top", "--interval=10ms"))
        self.assertIn("--count=0: must be a number from 1", self.expect_line(USAGE, "top", "--count=0"))
        self.assertIn("no such guest", self.expect_line(NO_GUEST, "top", "nobody"))

    def start(self, *words, env=None, **size):
        t = self.terminal("top", *words, env=env, **size)
        self.assertEqual(t.wait_for(ON), "")
        return t

    def end(self, t, code):
        self.assertEqual(t.end(), code)
        self.assertTrue(t.text.endswith(OFF) or OFF in t.text[-200:], repr(t.text[-200:]))
        self.assertEqual(t.text.count(OFF), 1)

    def names(self, t):
        """The guests in the next picture, from above."""
        t.wait_for("NAME ")
        return re.findall(r"\n(web|db) ", t.wait_for("\033[J"))

    def test_keys(self):
        self.two()
        t = self.start("-i", "200ms", env={"NO_COLOR": "1"})
        self.assertIn("2 guests, 2 running; CPU 0.0%, memory 3M", t.wait_for("\033[J"))
        wait_until(lambda: self.names(t) == ["web", "db"], 10, "rates")
        t.type("m")
        wait_until(lambda: self.names(t) == ["db", "web"], 10, "the order by memory")
        t.type("r")
        wait_until(lambda: self.names(t) == ["web", "db"], 10, "the reverse")
        t.type("n")
        t.wait_for("[n name]")
        t.type("rx ")  # the x means nothing
        wait_until(lambda: self.names(t) == ["db", "web"], 10, "the order by name")
        t.type("q")
        self.end(t, DONE)

    def test_fits(self):
        """No more lines and columns than the terminal has, and all of it again when its size changes."""
        self.configure(*[f"guest{i}" for i in range(30)])
        t = self.start("-i", "1h", rows=8, columns=40)
        picture = t.wait_for("\033[J")
        self.assertEqual(picture.count("\r\n"), 7)
        lines = [re.sub(r"\033\[[0-9;?]*[a-zA-Z]", "", line) for line in picture.split("\r\n")]
        self.assertLessEqual(max(map(len, lines)), 40)
        t.resize(12, 100)
        self.assertEqual(t.wait_for("\033[J").count("\r\n"), 11)
        t.type("q")
        self.end(t, DONE)

    def test_guests_come_and_go(self):
        t = self.start("-i", "200ms")
        t.wait_for("db ")
        self.configure("late")
        t.wait_for("late ")
        self.two()
        t.wait_for("3 guests, 2 running")
        t.type("q")
        self.end(t, DONE)

    def test_restores_the_terminal(self):
        """However it ends."""
        for how, code in (("\x03", 128 + signal.SIGINT), ("\x1c", 128 + signal.SIGQUIT), (signal.SIGTERM, 128 + signal.SIGTERM),
                          (signal.SIGHUP, 128 + signal.SIGHUP), (signal.SIGINT, 128 + signal.SIGINT), ("Q", DONE)):
            with self.subTest(how=how):
                t = self.start("-i", "1h")
                t.wait_for("\033[J")
                if isinstance(how, str):
                    t.type(how)
                else:
                    t.process.send_signal(how)
                self.end(t, code)
        t = self.start("-i", "100ms", "--count=2")
        self.end(t, DONE)

    def test_suspend(self):
        """The shell has its terminal back meanwhile."""
        t = self.start("-i", "1h")
        t.wait_for("\033[J")
        t.type("\x1a")
        t.wait_for(OFF)

        def stopped():
            return Path(f"/proc/{t.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "T"
        wait_until(stopped, 10, "the stop")
        t.process.send_signal(signal.SIGCONT)
        t.wait_for(ON)
        t.wait_for("\033[J")
        t.type("q")
        self.end(t, DONE)

    def test_terminal_gone(self):
        t = self.start("-i", "1h")
        t.wait_for("\033[J")
        os.close(t.slave)
        os.close(t.master)
        t.process.wait(10)


class Pager(OnTerminal):
    def setUp(self):
        super().setUp()
        self.configure(*[f"guest{i:02}" for i in range(40)])
        self.pager = os.path.join(self.top, "pager")
        with open(self.pager, "w", encoding="ascii") as f:
            f.write('#!/bin/sh\necho "<$1>"\ncat\necho "</pager $LESS $LESSSECURE>"\n')
        os.chmod(self.pager, 0o755)
        for name in ("PAGER", "UMLD_PAGER", "LESS", "SUDO_UID", "DOAS_USER", "LESSSECURE"):
            self.env.pop(name, None)

    def paged(self, *words, code=DONE, **env):
        t = self.terminal(*words, env={"UMLD_PAGER": f"{self.pager} one", **env})
        self.assertEqual(t.end(), code)
        return t.text if "</pager" in t.text else None

    def test_which_output(self):
        for words, code in ((("list",), DONE), (("status", "guest00"), NOT_RUNNING), (("cat", "guest00"), DONE), (("help",), DONE),
                            (("--help",), DONE), (("help", "log"), DONE), (("crashes", "guest00"), DONE)):
            with self.subTest(words=words):
                self.assertTrue(self.paged(*words, code=code).startswith("<one>\r\n"))
                self.assertIsNone(self.paged(*words, "--no-pager", code=code))
        self.assertIsNone(self.paged("stop", "guest00"))
        self.assertIsNone(self.paged("list", TERM="dumb"))
        self.assertNotIn("pager", self.expect(DONE, "list", env={"UMLD_PAGER": self.pager}).stdout)

    def test_output(self):
        """It is what it would be without a pager: colours, width, exit code, and messages in their place."""
        text = self.paged("list")
        self.assertIn("guest39 \033[90mstopped\033[0m", text)
        self.assertIn("</pager FRX >", text)
        self.assertNotIn("\033", self.paged("list", NO_COLOR="1"))
        text = self.paged("log", "guest00", code=FAILED)
        self.assertLess(text.index("guest00 has no console log"), text.index("</pager"))

    def test_choice(self):
        self.assertIn("<two>", self.paged("list", UMLD_PAGER=f"{self.pager} two", PAGER="false"))
        for value in ("", "cat", "cat -v"):
            self.assertIsNone(self.paged("list", UMLD_PAGER=value, PAGER=self.pager))
        t = self.terminal("list", env={"PAGER": self.pager})
        self.assertEqual(t.end(), DONE)
        self.assertIn("</pager", t.text)
        t = self.terminal("list", env={"PAGER": "/no/such thing"})
        self.assertEqual(t.end(), DONE)
        self.assertIn("PAGER=/no/such thing: no such program", t.text)
        self.assertIn("guest39", t.text)
        self.assertIn("</pager -R 1>", self.paged("list", LESS="-R", SUDO_UID="1000"))

    def test_no_shell_by_sudo(self):
        """Where there is no less: more starts shells, so it is not for those with rights that were lent to them."""
        programs = os.path.join(self.top, "programs")
        os.mkdir(programs)
        with open(os.path.join(programs, "more"), "w", encoding="ascii") as f:
            f.write('#!/bin/sh\nwhile read -r line; do echo "$line"; done\necho "</more>"\n')
        os.chmod(os.path.join(programs, "more"), 0o755)
        for lent in {}, {"SUDO_UID": "1000"}, {"DOAS_USER": "someone"}:
            t = self.terminal("list", env={"PATH": programs, **lent})
            self.assertEqual(t.end(), DONE)
            self.assertIn("guest39", t.text)
            self.assertEqual("</more>" in t.text, not lent)

    def test_less(self):
        """The one of the distribution: it ends by itself if all fits, and with q before all was shown."""
        t = self.terminal("list", "guest0*")
        self.assertEqual(t.end(), DONE)
        self.assertIn("guest09", t.text)
        t = self.terminal("list", rows=10)
        t.wait_for("guest05")
        t.read()
        self.assertNotIn("guest39", t.text)
        t.text = ""
        t.type("\x03")  # an interrupt is for less
        t.wait_for(":")
        t.type("q")
        self.assertEqual(t.end(), DONE)

    def test_quit_early(self):
        """Whoever has seen enough is not told of a broken pipe."""
        with open(os.path.join(self.top, "config", "guest00.conf"), "w", encoding="ascii") as f:
            f.write("# comment\n" * 20000)
        t = self.terminal("cat", "guest00", env={"UMLD_PAGER": "head -n 1"})
        self.assertEqual(t.end(), DONE)
        self.assertEqual(t.text.count("\n"), 1, t.text[-500:])


class Trouble(OnTerminal):
    def shown(self, *words):
        t = self.terminal("status", "--no-pager", "web", *words, columns=200)
        self.assertIn(t.end(), (DONE, NOT_RUNNING))
        return t.text

    def test_colours(self):
        self.configure("web")
        self.running(LastVerdict="panic", LastDetail="no init", Health="good")
        text = self.shown()
        self.assertIn("Last exit: \033[1;33mpanic: no init", text)
        self.assertIn(" Health: good", text)

    def test_last_lines(self):
        """After a failure the guest's last words, and only then."""
        self.configure("web")
        log = Path(self.top, "log/web/console.log")
        log.parent.mkdir()

        def line(text, kind=" "):
            return f"2026-11-21T23:02:09.123Z{kind}{text}\n"
        log.write_text(line("boot 6.1", "=") + line("of the boot before") * 20 + line("boot 6.1", "=") +
                       "".join(line(f"line {i}") for i in range(20)) + line("\033[31mKernel panic\033]0;x\a") + line("end panic", "="),
                       encoding="utf-8")
        self.last_exit(text="STATE=failed\nVERDICT=panic\nDETAIL=no init\nWHEN=1700000000000000\n")
        text = self.shown()
        self.assertIn("Last exit: \033[1;31mpanic: no init", text)
        self.assertEqual([line.strip() for line in text.splitlines()[-8:]],
                         [f"| line {i}" for i in range(13, 20)] + ["| Kernel panic"])
        self.assertNotIn("\033]", text)
        self.last_exit()
        self.assertNotIn("line 19", self.shown())
        self.last_exit(text="STATE=failed\nVERDICT=panic\nWHEN=1700000000000000\n")
        self.assertEqual(json.loads(self.expect(NOT_RUNNING, "status", "web", "--json").stdout)["last_exit"]["verdict"], "panic")
        log.write_text(line("boot 6.1", "="), encoding="utf-8")  # it did not say anything
        self.assertNotIn("|", self.shown())
        log.unlink()
        self.assertNotIn("|", self.shown())


class OtherHost(OnTerminal):
    def fake(self):
        """A directory with an ssh that says how it was called."""
        directory = Path(self.top, "bin")
        directory.mkdir()
        ssh = directory / "ssh"
        ssh.write_text('#!/bin/sh\nprintf "<%s>" "$@"\n', encoding="ascii")
        ssh.chmod(0o755)
        self.env["PATH"] = f"{directory}:{self.env['PATH']}"

    def test_command(self):
        self.fake()
        for words, right in (
                (("--host", "root@vps", "list"), "<-T><--><root@vps><umlctl 'list'>"),
                (("-H", "vps", "list", "-j", "a*", "--", "b c"), "<-T><--><vps><umlctl 'list' '--json' '--' 'a*' 'b c'>"),
                (("sta", "-qH", "vps", "web", "--timeout=5min"), None),
                (("star", "-qH", "vps", "web", "--timeout=5min"), "<-T><--><vps><umlctl 'start' '--quiet' '--timeout=5min' '--' 'web'>"),
                (("--host=vps", "ssh", "web", "--", "echo", "it's"), "<-T><--><vps><umlctl 'ssh' '--' 'web' '--' 'echo' 'it'\\''s'>"),
                (("--host=vps", "--version"), "<-T><--><vps><umlctl '--version'>")):
            with self.subTest(words=words):
                p = self.run_umlctl(*words)
                self.assertEqual((p.returncode, p.stdout), (DONE, right) if right else (USAGE, ""))
        self.assertIn("env NO_COLOR=1 umlctl 'list'", self.expect(DONE, "-H", "vps", "list", env={"NO_COLOR": "1"}).stdout)
        self.assertIn("umlctl [OPTION...] VERB", self.expect(DONE, "-H", "vps", "--help").stdout)
        for host in ("", "-oProxyCommand=x"):
            self.assertIn("must be [USER@]HOST", self.expect_line(USAGE, "--host=" + host, "list"))
        self.assertIn("cannot run ssh: ", self.expect_line(FAILED, "-H", "vps", "list", env={"PATH": "/nowhere"}))

    def test_terminal(self):
        self.fake()
        t = self.terminal("-H", "vps", "console", "web")
        self.assertEqual(t.end(), DONE)
        self.assertEqual(t.text, "<-t><--><vps><umlctl 'console' '--' 'web'>")

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to log in")
    def test_real_sshd(self):
        """Behind a pipe instead of a network: exit codes, standard input, and a terminal for top."""
        files = Path(tempfile.mkdtemp(prefix="umlctl-host-", dir="/root"))  # nobody else may write to a directory above
        self.addCleanup(shutil.rmtree, files)
        programs = make_other_host(files, UMLCTL, {name: value for name, value in self.env.items()
                                                   if name.startswith("UMLD_") and name.endswith("_DIR")})
        self.env["PATH"] = f"{programs}:{self.env.get('PATH') or os.environ['PATH']}"
        self.configure("web", "db")
        self.running("web")
        host = ("--host", "root@vps")
        self.assertEqual(self.expect(DONE, *host, "list", "-o", "name,state", "--no-headings").stdout.split(),
                         ["db", "stopped", "web", "running"])
        self.assertEqual(self.expect(NOT_RUNNING, *host, "status", "db").stderr, "")
        self.assertIn("no such guest: nobody", self.expect_line(NO_GUEST, *host, "status", "nobody"))
        t = self.terminal(*host, "top", "-i", "200ms", rows=20, columns=90)
        t.wait_for(ON)
        t.wait_for("2 guests, 1 running", 30)
        t.type("q")
        self.assertEqual(t.end(), DONE)
        (files / "key").unlink()
        self.assertIn("Permission denied", self.expect(SSH_FAILED, *host, "list").stderr)


if __name__ == "__main__":
    umldtest.main()
