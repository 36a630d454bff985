#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl start and stop: the line of progress, an umld of its own, and the way through systemd.

A script plays umld, bus-fixture plays systemd's manager."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import umlctltest  # noqa: E402
import umldtest  # noqa: E402
from umlctltest import ANSWER, Case, Umld  # noqa: E402
from umldtest import DONE, FAILED, NOT_PERMITTED, NOT_RUNNING, USAGE  # noqa: E402


class ProgressLine(Case):
    def test_on_terminal(self):
        self.configure("web")
        self.running(State="booting", StatusText="waiting for the kernel\\x1b[2J")
        code, out = self.on_terminal("start", "web", "--timeout=2")
        self.assertEqual(code, FAILED)
        self.assertIn("\r\033[Kweb: waiting for the kernel\\x1b[2J (1s)", out)
        self.assertTrue(out.split("\r\033[K")[-1].startswith("umlctl: "), out)

    def test_silent_in_pipe(self):
        self.configure("web")
        self.running(State="booting")
        p = self.expect(FAILED, "start", "web", "--timeout=1500ms")
        self.assertNotIn("\r", p.stderr)
        self.assertNotIn("\r", self.on_terminal("start", "web", "--timeout=1500ms", TERM="dumb")[1].replace("\r\n", "\n"))
        self.assertNotIn("\033", self.on_terminal("start", "web", "-q", "--timeout=1500ms")[1])

    def test_nothing_for_quick_things(self):
        self.configure("web")
        u = self.running(State="booting")
        threading.Timer(0.5, lambda: u.state("running")).start()
        self.assertEqual(self.on_terminal("start", "web")[1], "web is running\r\n")


class Detached(Case):
    """`start` where systemd is not PID 1, with a script in the place of umld."""

    def script(self, text):
        path = os.path.join(self.top, "umld")
        with open(path, "w") as f:
            f.write("#!/usr/bin/env python3\n"
                    "import os, socket, sys, time\n"
                    "def notify(text):\n"
                    "    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                    "    s.sendto(text.encode(), '\\0' + os.environ['NOTIFY_SOCKET'][1:])\n"
                    "top = %r\n%s" % (self.top, text))
        os.chmod(path, 0o755)
        self.env["UMLD_DAEMON"] = path
        self.env["UMLD_KEEPER"] = str(umldtest.BUILD / "daemon/umld-keeper")
        self.configure("web")

    def log(self):
        with open(os.path.join(self.top, "log", "web", "umld.log")) as f:
            return f.read()

    def has_pid(self):
        path = os.path.join(self.top, "pid")
        return os.path.exists(path) and os.path.getsize(path) > 0

    def pid(self):
        with open(os.path.join(self.top, "pid")) as f:
            pid = int(f.read())

        def end():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.addCleanup(end)
        return pid

    WRITE_PID = "open(top + '/pid', 'w').write(str(os.getpid()))\n"

    def test_ready(self):
        self.script(self.WRITE_PID +
                    "print('args', sys.argv[1:], os.getcwd(), os.getsid(0) == os.getpid(), "
                    "os.readlink('/proc/self/fd/0'), sorted(os.listdir('/proc/self/fd')), "
                    "open('/proc/self/status').read().split('SigBlk:')[1].split()[0], "
                    "os.environ.get('WATCHDOG_USEC'), flush=True)\n"
                    "notify('STATUS=booting\\n')\ntime.sleep(0.3)\nnotify('READY=1\\nSTATUS=up')\ntime.sleep(60)\n")
        inherited = os.open("/dev/null", os.O_RDONLY)
        self.addCleanup(os.close, inherited)
        p = self.expect(DONE, "start", "web", env={"WATCHDOG_USEC": "1"}, pass_fds=[inherited])
        self.assertEqual((p.stdout, p.stderr), ("web is running\n", ""))
        os.kill(self.pid(), 0) # it lives on
        self.assertIn("args ['web'] / True /dev/null ['0', '1', '2', '3'] 0000000000000000 30000000", self.log())
        self.assertEqual(os.stat(os.path.join(self.top, "log", "web")).st_mode & 0o7777, 0o750)

    def test_failure(self):
        self.script("sys.stderr.write('2026-01-01T00:00:00.000 error: /etc/x.conf:3: Memroy: unknown key\\n')\n"
                    "sys.exit(2)\n")
        line = self.expect_line(USAGE, "start", "web")
        self.assertIn("Memroy: unknown key (log: ", line)
        self.assertIn("log/web/umld.log", line)
        self.script("sys.exit(1)\n")
        line = self.expect_line(FAILED, "start", "web") # not the error of the last time
        self.assertNotIn("Memroy", line)
        self.assertIn("status 1", line)
        self.script("notify('STATUS=no kernel there')\nsys.exit(1)\n")
        self.assertIn("no kernel there", self.expect_line(FAILED, "start", "web"))
        self.script("os.kill(os.getpid(), 11)\n")
        self.assertIn("signal 11 (Segmentation fault), the last of 10 deaths", self.expect_line(FAILED, "start", "web"))
        self.script("sys.exit(77)\n")
        self.expect_line(NOT_PERMITTED, "start", "web")
        self.script("sys.exit(0)\n")
        self.expect_line(FAILED, "start", "web")

    def test_no_program(self):
        self.script("")
        for variable in "UMLD_DAEMON", "UMLD_KEEPER":
            self.assertIn("/nonexistent/umld", self.expect_line(FAILED, "start", "web", env={variable: "/nonexistent/umld"}))

    def test_stranger(self):
        """Only what umld itself says counts."""
        self.script(self.WRITE_PID + "pid = os.fork()\nif pid == 0:\n    notify('READY=1')\n    os._exit(0)\n"
                    "os.waitpid(pid, 0)\ntime.sleep(60)\n")
        self.expect_line(FAILED, "start", "web", "--timeout=1")
        os.kill(self.pid(), 0)

    def test_stranger_of_another_namespace(self):
        """It has no number here, as umld has none before its keeper has named it."""
        told = Path(self.top, "told")
        self.script("with open(top + '/new', 'w') as f:\n    f.write(os.environ['NOTIFY_SOCKET'])\n"
                    "os.rename(top + '/new', top + '/told')\ntime.sleep(60)\n")
        p = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", umlctltest.UMLCTL, "start", "web", "--timeout=3"],
                             env=dict(self.env, UMLD_KEEPER=self.env["UMLD_DAEMON"]), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(p.communicate)
        self.addCleanup(p.kill)
        self.wait_for(told.exists)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"READY=1", "\0" + told.read_text(encoding="ascii")[1:])
        _, err = p.communicate(timeout=20)
        self.assertEqual(p.returncode, FAILED, err)

    def test_interrupt(self):
        self.script(self.WRITE_PID + "notify('STATUS=booting')\ntime.sleep(60)\n")
        p = self.start_umlctl("start", "web")
        self.wait_for(self.has_pid)
        time.sleep(0.2)
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=10)
        self.assertEqual(p.returncode, 130)
        self.assertIn("umld continues", err)
        os.kill(self.pid(), 0)

    def test_no_wait(self):
        self.script(self.WRITE_PID + "time.sleep(60)\n")
        self.expect(DONE, "start", "web", "--no-wait")
        self.assertLess(self.took, ANSWER)
        self.wait_for(self.has_pid)
        os.kill(self.pid(), 0)

    def test_unwritable_log(self):
        self.script("")
        with open(os.path.join(self.top, "log", "web"), "w"):
            pass
        self.expect_line(FAILED, "start", "web")

    def test_enable(self):
        """For the boot script, a link beside the configurations."""
        link = os.path.join(self.top, "config", "autostart", "web")
        self.script(self.WRITE_PID + "time.sleep(60)\n")
        self.assertIn("is enabled", self.expect(DONE, "enable", "web").stdout)
        self.assertEqual(os.readlink(link), "../web.conf")
        self.assertIn("already enabled", self.expect(DONE, "enable", "web").stdout)
        self.assertIn("is disabled", self.expect(DONE, "disable", "web").stdout)
        self.assertFalse(os.path.lexists(link))
        self.assertIn("already disabled", self.expect(DONE, "disable", "web").stdout)
        self.assertIn("is enabled", self.expect(DONE, "start", "web", "--enable", "--no-wait").stdout)
        self.wait_for(self.has_pid)
        self.pid()
        self.assertTrue(os.path.exists(link))
        self.assertEqual(self.expect(DONE, "list").stdout.count("web"), 1)
        os.rename(os.path.dirname(link), os.path.join(self.top, "kept"))
        Path(os.path.dirname(link)).touch()
        self.assertIn("cannot change", self.expect_line(FAILED, "enable", "web"))

    def test_enable_now(self):
        link = os.path.join(self.top, "config", "autostart", "web")
        self.script(self.WRITE_PID + "notify('READY=1')\ntime.sleep(60)\n")
        self.assertIn("web is running", self.expect(DONE, "enable", "--now", "web").stdout)
        self.pid()
        self.assertTrue(os.path.lexists(link))
        umld = self.running()
        p = self.start_umlctl("disable", "--now", "web")
        self.wait_for(lambda: "Stop" in umld.calls)
        umld.state("stopped")
        umld.end()
        out, error = p.communicate(timeout=30)
        self.assertEqual((p.returncode, error), (DONE, ""))
        self.assertIn("web is stopped", out)
        self.assertFalse(os.path.lexists(link))
        self.assertIn("--now cannot be used with start", self.expect_line(USAGE, "start", "--now", "web"))

    def test_check(self):
        self.script("print('plan for', sys.argv[1:])\nsys.exit(2)\n")
        self.assertEqual(self.expect(USAGE, "check", "web").stdout, "plan for ['--check', 'web']\n")
        self.configure("db")
        self.assertEqual(self.expect(USAGE, "check", "--all").stdout, "plan for ['--check', 'db']\n\nplan for ['--check', 'web']\n")

    def test_check_json(self):
        self.script("print('kernel\\t\\t/k', 'kernel\\tcan\\tsmp\\tx', sep='\\n')\nsys.exit(sys.argv[2] == 'db')\n")
        web = {"guest": "web", "works": True, "plan": [{"item": "kernel", "part": None, "text": "/k"},
                                                       {"item": "kernel", "part": "can", "text": r"smp\x09x"}]}
        self.assertEqual(json.loads(self.expect(DONE, "check", "--json").stdout), web)
        self.configure("db")
        self.assertEqual(json.loads(self.expect(DONE, "check", "--json", "we*").stdout), [web])
        self.assertEqual(json.loads(self.expect(FAILED, "check", "--json", "--all").stdout), [dict(web, guest="db", works=False), web])
        self.script("sys.exit('no')\n")
        self.assertEqual(json.loads(self.expect(FAILED, "check", "--json", "web").stdout), {"guest": "web", "works": False, "plan": []})


@unittest.skipUnless(os.getuid() == 0, "has to be root to mount")
class Systemd(Case):
    """A host whose PID 1 is systemd, as far as umlctl can see; bus-fixture plays the manager."""

    UNIT = "umld@web.service"

    def setUp(self):
        super().setUp()
        for name in ("run/systemd/system", "etc/umld", "var/umld/web"):
            os.makedirs(os.path.join(self.top, name))
        with open(os.path.join(self.top, "etc/umld/web.conf"), "w"):
            pass
        os.mkdir(os.path.join(self.top, "run/systemd/generator"))
        self.overrides = {k: self.env.pop(k) for k in list(self.env) if k.startswith("UMLD_")}
        self.manager = Umld(os.path.join(self.top, "run/systemd/private"))
        self.addCleanup(self.manager.close)
        self.manager.set(ActiveState="inactive")
        self.manager.say("answer", "LoadUnit", "o", "/unit")
        for method in ("StartUnit", "StopUnit"):
            self.manager.say("answer", method, "o", "/job/7")

    def run_umlctl(self, *args, **more):
        mounts = " && ".join("mount --bind %s/%s %s" % (self.top, source, target)
                             for source, target in (("run", "/run"), ("etc", "/etc"), ("var", "/var/lib")))
        # The programs may lie below what is covered, so they are opened before.
        self.command = ["unshare", "-m", "--propagation", "private", "sh", "-c",
                        "exec 9<\"$0\" && " + mounts + " && exec /proc/self/fd/9 \"$@\"", umlctltest.UMLCTL]
        return super().run_umlctl(*args, **more)

    def socket(self, name="web"):
        return os.path.join(self.top, "run/umld", name, "bus")

    def last_exit(self, name="web", text=""):
        with open(os.path.join(self.top, "var/umld", name, "last-exit"), "w") as f:
            f.write(text)

    def job_ends(self, result, job="/job/7"):
        def end():
            self.manager.say("signal", "JobRemoved", "uoss", "6", "/job/6", "other.service", "failed")
            time.sleep(0.2)
            self.manager.say("signal", "JobRemoved", "uoss", "7", job, self.UNIT, result)
        return end

    def test_start(self):
        self.manager.on_call["StartUnit"] = self.job_ends("done")
        self.assertEqual(self.expect(DONE, "start", "web").stdout, "web is running\n")
        self.assertGreater(self.took, 0.2)
        self.assertEqual(self.manager.calls, ["Subscribe", "StartUnit"])

    def test_start_of_a_changed_configuration(self):
        """systemd reads its units again, for their sandboxes, unless it has done so since; but for one who may not ask for that."""
        config, made = os.path.join(self.top, "etc/umld/web.conf"), os.path.join(self.top, "run/systemd/generator")
        os.mkdir(config + ".d")

        def write(path, how="a"):
            with open(path, how) as f:
                f.write("#\n")

        def move():
            write(config + ".old")
            os.utime(config + ".old", (1, 1))
            os.rename(config + ".old", config)

        def start():
            before = len(self.manager.calls)
            self.expect(DONE, "start", "web")
            return "Reload" in self.manager.calls[before:]

        write(config + ".d/a.conf")
        self.manager.on_call["StartUnit"] = self.job_ends("done")
        self.manager.say("answer", "Reload")
        for change in (lambda: write(config), lambda: write(config + ".d/a.conf"), lambda: os.remove(config + ".d/a.conf"), move):
            os.rmdir(made)
            os.mkdir(made)
            self.assertFalse(start())
            change()
            self.assertTrue(start())
        self.manager.say("refuse", "Reload", "org.freedesktop.DBus.Error.AccessDenied", "not for you")
        self.assertTrue(start())

    def test_start_that_fails(self):
        self.manager.on_call["StartUnit"] = self.job_ends("failed")
        self.manager.set(StatusText="web.conf:3: Memroy: unknown key\\x1b", Result="exit-code", ExecMainStatus=2)
        line = self.expect_line(USAGE, "start", "web")
        self.assertIn("web.conf:3: Memroy: unknown key\\x1b (journalctl -u %s)" % self.UNIT, line)
        self.manager.set(StatusText="", ExecMainStatus=1)
        self.assertIn(": exit-code (", self.expect_line(FAILED, "start", "web"))
        self.last_exit(text="STATE=failed\nVERDICT=disk\nDETAIL=no image\nWHEN=1\n")
        self.assertIn(": disk: no image (", self.expect_line(FAILED, "start", "web"))
        self.manager.on_call["StartUnit"] = self.job_ends("canceled")
        self.expect_line(FAILED, "start", "web")

    def test_start_into_back_off(self):
        """systemd goes on waiting for a guest that keeps dying; umlctl says so."""
        def dies():
            u = self.umld(State="booting", Since=1)
            u.set(LastVerdict="panic", LastDetail="no init", NextStart=int((time.time() + 5) * 1e6))
            u.state("backoff")
        self.manager.on_call["StartUnit"] = dies
        line = self.expect_line(FAILED, "start", "web")
        self.assertIn("panic: no init; umld will retry in", line)

    def test_refused(self):
        self.manager.say("refuse", "StartUnit", "org.freedesktop.DBus.Error.AccessDenied", "not for you")
        self.assertIn("not for you", self.expect_line(NOT_PERMITTED, "start", "web"))
        self.manager.say("refuse", "StartUnit", "org.freedesktop.systemd1.NoSuchUnit", "Unit umld@web.service not found.")
        self.assertIn("not found", self.expect_line(FAILED, "start", "web"))

    def test_systemd_hangs_up(self):
        self.manager.on_call["StartUnit"] = self.manager.end
        self.assertIn("lost the connection to systemd", self.expect_line(FAILED, "start", "web"))

    def test_no_wait_and_timeout(self):
        self.assertEqual(self.expect(DONE, "start", "web", "--no-wait").stdout, "")
        self.assertEqual(self.manager.calls, ["StartUnit"])
        self.assertIn("not running yet", self.expect_line(FAILED, "start", "web", "--timeout=300ms"))

    def test_stop(self):
        self.manager.set(ActiveState="active")
        self.manager.on_call["StopUnit"] = self.job_ends("done")
        self.assertEqual(self.expect(DONE, "stop", "web").stdout, "web is stopped\n")
        self.assertIn("StopUnit", self.manager.calls)
        self.manager.on_call["StopUnit"] = self.job_ends("timeout")
        self.assertIn("timeout", self.expect_line(FAILED, "stop", "web"))
        self.manager.set(ActiveState="inactive")
        self.assertIn("not running", self.expect_line(DONE, "stop", "web"))

    def test_umld_of_somebody_else(self):
        """One that systemd did not start is asked itself; so is any for what systemd knows nothing of."""
        for verb, method in (("stop", "Stop"), ("kill", "Kill")):
            u = self.running()
            u.on_call[method] = u.end
            self.expect(DONE, verb, "web")
            self.assertEqual(u.calls, [method])
        self.assertNotIn("StopUnit", self.manager.calls)

    def test_enable(self):
        self.manager.say("answer", "EnableUnitFiles", "bc", "1", "1")
        self.assertIn("is enabled", self.expect(DONE, "enable", "web").stdout)
        self.assertEqual(self.manager.calls, ["EnableUnitFiles", "Reload"])
        self.manager.say("answer", "EnableUnitFiles", "bc", "1", "0")
        self.assertIn("already enabled", self.expect(DONE, "enable").stdout)
        self.manager.say("answer", "DisableUnitFiles", "c", "1")
        self.assertIn("is disabled", self.expect(DONE, "disable", "web").stdout)
        self.assertEqual(self.expect(DONE, "disable", "web", "-q").stdout, "")
        for state, enabled in (("enabled", True), ("enabled-runtime", True), ("disabled", False)):
            self.manager.say("answer", "GetUnitFileState", "s", state)
            self.assertEqual(self.expect(DONE if enabled else FAILED, "is-enabled", "web").stdout,
                             "enabled\n" if enabled else "disabled\n")
        self.check_what_shows_it()
        self.manager.say("refuse", "EnableUnitFiles", "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", "x")
        self.expect_line(NOT_PERMITTED, "enable", "web")
        self.expect_line(NOT_PERMITTED, "start", "web", "--enable")
        self.assertNotIn("StartUnit", self.manager.calls)

    def check_what_shows_it(self):
        """status and a list that is asked for it; no other asks systemd, which takes its time."""
        before = self.manager.calls.count("GetUnitFileState")
        self.expect(DONE, "list")
        self.assertEqual(self.manager.calls.count("GetUnitFileState"), before)
        for state, word, value in (("enabled", "yes", True), ("static", "no", False)):
            self.manager.say("answer", "GetUnitFileState", "s", state)
            self.assertIn(f" Enabled: {word}\n", self.expect(NOT_RUNNING, "status", "web").stdout)
            self.assertEqual(self.expect(DONE, "list", "-o", "name,enabled", "--no-headings").stdout.split(), ["web", word])
            self.assertIs(json.loads(self.expect(NOT_RUNNING, "status", "web", "--json").stdout)["enabled"], value)
        # A user who must not ask gets the rest of the status.
        self.manager.say("refuse", "GetUnitFileState", "org.freedesktop.DBus.Error.AccessDenied", "no")
        p = self.expect(NOT_RUNNING, "status", "web")
        self.assertEqual((p.stderr, "Enabled" in p.stdout), ("", False))
        self.assertEqual(self.expect(DONE, "list", "-o", "enabled", "--no-headings").stdout, "-\n")
        self.assertIsNone(json.loads(self.expect(NOT_RUNNING, "status", "web", "--json").stdout)["enabled"])
        self.assertIn("cannot ask systemd about web: no", self.expect_line(NOT_PERMITTED, "is-enabled", "web"))

    def test_overrides(self):
        """The units know nothing of directories from our environment."""
        self.env.update(self.overrides)
        self.configure("web")
        self.assertIn("UMLD_*_DIR", self.expect_line(FAILED, "enable", "web"))
        programs = {"UMLD_DAEMON": "/no such program", "UMLD_KEEPER": str(umldtest.BUILD / "daemon/umld-keeper")}
        self.assertIn("no such program", self.expect_line(FAILED, "start", "web", env=programs))
        self.assertEqual(self.manager.calls, [])


if __name__ == "__main__":
    umldtest.main()
