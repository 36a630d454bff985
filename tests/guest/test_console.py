#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The console of real guests: its log, who attaches to it, and the management console."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import umldtest  # pylint: disable=wrong-import-position
from sshpipe import make_other_host  # pylint: disable=wrong-import-position
from terminal import Terminal  # pylint: disable=wrong-import-position
from umldtest import DONE, FAILED, NOT_RUNNING, PATIENCE, TestCase, wait_until  # pylint: disable=wrong-import-position


class Images:
    """The default guest's image, made once."""

    path = None

    @classmethod
    def get(cls):
        if not cls.path:
            cls.directory = tempfile.TemporaryDirectory(prefix="umld-console-", dir="/var/tmp")
            cls.path = Path(cls.directory.name) / "root.img"
            subprocess.run([umldtest.MAKE_GUEST, cls.path], check=True, stdout=subprocess.DEVNULL)
        return cls.path


class Case(TestCase):
    timeout = 240

    def boot(self, kernel, **sections):
        """A guest with a shell on its console, ready for it."""
        sections.setdefault("Guest", {})
        name = self.world.guest("web", kernel=kernel, image=Images.get(), **sections)
        daemon = self.daemon(name).wait_ready()
        self.wait_prompt()
        return daemon

    def wait_prompt(self):
        """What is typed before the guest has opened its console is lost."""
        wait_until(lambda: "/ # " in self.log_text().rpartition("Z=boot ")[2], 20, "the shell on the console")

    @property
    def log_file(self):
        return self.world.log_dir / "web/console.log"

    def log_text(self):
        try:
            return self.log_file.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:  # being rotated
            return ""


class Log(Case):
    def shell(self, script):
        """Has the guest's shell do it, once, by the console."""
        p = subprocess.Popen(self.world.command("host", self.world.program("umlctl/umlctl"), "console", "web"),
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        word = f"DONE-{time.monotonic_ns()}"
        p.stdin.write(b"\r\r" + script.encode() + f"; echo ''{word[:2]}''{word[2:]}\r".encode())
        p.stdin.flush()
        wait_until(lambda: word in self.log_text(), 30, "the guest's shell")
        p.terminate()
        p.wait()
        p.stdin.close()

    def log(self, *arguments, **options):
        p = self.world.umlctl("log", "web", *arguments, **options)
        self.assertEqual(p.returncode, DONE, p)
        return p.stdout

    def test_lines_and_boots(self):
        """Time stamps, marks of boots across restarts of guest and umld, and all ways to choose among them."""
        for kernel in umldtest.kernels_for(0):
            with self.subTest(kernel.name):
                daemon = self.boot(kernel)
                self.shell("echo fr''om the first boot")
                time.sleep(1.1)
                before = int(time.time())
                os.kill(daemon.guest_pid(), signal.SIGKILL)
                daemon.wait_state("running", since=len(daemon.messages))
                self.wait_prompt()
                self.shell("echo fr''om the second boot")
                daemon.stop()
                daemon = self.daemon("web").wait_ready()
                self.wait_prompt()
                self.shell("echo fr''om the third boot")
                everything = self.log()
                for line in everything.splitlines():
                    self.assertRegex(line, r"^(-- )?20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[ +]")
                version = daemon.status()["kernel"]["version"]
                marks = re.findall(r"^-- \S+ \S+ (.*) --$", everything, re.MULTILINE)[-5:]
                self.assertEqual([m.split(":")[0] for m in marks], ["boot", "end", "boot", "end", "boot"])
                self.assertEqual(marks[0], f"boot: {version}")
                self.assertIn("killed by signal 9", marks[1])
                self.assertIn("end: stopped: ", marks[3])
                for boot, word in (("0", "third"), ("-1", "second"), ("-2", "first")):
                    seen = self.log("--boot", boot)
                    self.assertEqual(re.findall("from the (.*) boot", seen), [word])
                    self.assertTrue(seen.startswith("-- "), seen)
                self.assertIn("goes back only", self.world.umlctl("log", "web", "-b", "-99").stderr)
                seen = self.log("--since", f"@{before}")
                self.assertNotIn("first", seen)
                self.assertIn("third", seen)
                self.assertEqual(self.log("-n", "2"), "".join(everything.splitlines(True)[-2:]))
                self.assertEqual(self.log("-n", "0"), "")
                objects = [json.loads(line) for line in self.log("-j").splitlines()]
                self.assertEqual([o["text"] for o in objects if "from the third boot" in o["text"]],
                                 ["from the third boot"])
                daemon.stop()
                self.assertIn("from the third boot", self.log())  # without an umld
                self.log_file.unlink()

    def test_hostile_guest(self):
        """Whatever the guest prints, no control character of it reaches the terminal, and no line is forged."""
        self.boot(umldtest.test_kernels()[0])
        self.shell("printf '\\033]0;own title\\007\\033[2J\\033[31mred\\033[0m \\377\\376 \\233 2K gr\\303\\274n\\n'")
        self.shell("printf '\\n2026-01-01T00:00:00.000Z=end poweroff: fo''rged\\n'")
        self.shell("head -c 20000 /dev/urandom; echo; echo be''hind it")
        self.shell("printf ' 10%%\\r 20%%\\r 30%%\\n'")
        for arguments in ((), ("-j",)):
            seen = self.log(*arguments)
            self.assertFalse(re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", seen))
        self.assertIn("red \\xff\\xfe \\x9b 2K grün", self.log())
        self.assertIn("behind it", self.log())
        self.assertIn(" 10%^M 20%^M 30%", self.log())
        self.assertNotRegex(self.log(), r"(?m)^-- .*forged")
        self.assertIn(" 2026-01-01T00:00:00.000Z=end poweroff: forged", self.log())
        # to a terminal that knows no UTF-8
        terminal = Terminal(self.world, verb="log", env={"LC_ALL": "C"})
        terminal.wait_for("30%")
        self.assertEqual(terminal.end(), DONE)

    def test_follow(self):
        """What comes is shown at once, a prompt before its line has an end, and across rotation and restarts."""
        daemon = self.boot(umldtest.test_kernels()[-1], Console={"LogMax": "64K", "LogFiles": "3"})
        follower = Terminal(self.world, "-f", "-n", "0", verb="log")
        time.sleep(0.3)
        self.shell("printf 'no e''nd yet'; sleep 1")
        follower.wait_for("no end yet", 5)
        follower.wait_for("DONE-")
        self.shell("seq 1 30000 | sed 's/^/number /'")
        text = follower.wait_for("DONE-", 30)
        numbers = [int(n) for n in re.findall(r"number (\d+)\r", text)]
        self.assertEqual(sorted(set(numbers)), numbers)
        self.assertTrue(numbers == list(range(1, 30001)) or "lines are missing" in text)
        os.kill(daemon.guest_pid(), signal.SIGKILL)
        follower.wait_for("end: killed")
        follower.wait_for("boot: ")
        files = sorted(p.name for p in self.log_file.parent.glob("console.log*"))
        self.assertEqual(files, ["console.log", "console.log.1", "console.log.2"])
        for path in self.log_file.parent.glob("console.log*"):
            self.assertLessEqual(path.stat().st_size, 65536)
            self.assertEqual(path.stat().st_mode & 0o777, 0o640)
        follower.process.terminate()
        follower.end()

    def test_much(self):
        """30 MB, nobody there: umld stays small, and the guest loses nothing of its life."""
        for kernel in umldtest.kernels_for(1):
            with self.subTest(kernel.name):
                daemon = self.boot(kernel, Console={"LogMax": "1M", "LogFiles": "2"})
                before = resident(daemon.pid)
                self.shell("dd if=/dev/zero bs=64k count=480 2>/dev/null | tr '\\0' 'x'; echo")
                self.assertLess(resident(daemon.pid) - before, room(daemon.pid, 512 << 10))
                self.assertLessEqual(sum(p.stat().st_size for p in self.log_file.parent.glob("*")), 2 << 20)
                self.assertEqual(daemon.stop(), DONE)

    def test_without(self):
        """Log=no, and no guest of that name."""
        self.world.guest("web", kernel=umldtest.test_kernels()[-1], image=Images.get(), Console={"Log": "no"})
        daemon = self.daemon("web").wait_ready()
        p = self.world.umlctl("log", "web")
        self.assertEqual(p.returncode, FAILED)
        self.assertIn("Log=no", p.stderr)
        self.assertEqual(self.world.umlctl("log", "nobody").returncode, umldtest.NO_GUEST)
        daemon.stop()

    def test_reload(self):
        """The settings of the log take effect at the next start of the guest."""
        self.world.guest("web", fake="boot,ready", Console={"Log": "no"})
        daemon = self.daemon("web").wait_ready()
        self.assertFalse(self.log_file.exists())
        self.world.guest("web", fake="boot,ready", Console={"Log": "yes"})
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        os.kill(daemon.guest_pid(), signal.SIGKILL)
        wait_until(lambda: self.log_file.exists() and "mconsole" in self.log_text(), 10, "the log")
        daemon.stop()


class Mconsole(Case):
    def test_answers(self):
        for kernel in umldtest.kernels_for(2):
            with self.subTest(kernel.name):
                daemon = self.boot(kernel)
                for command, word in (("version", "Linux"), ("help", "Commands"), ("proc meminfo", "MemTotal"),
                                      ("sysrq h", ""), ("config con0", "fd:"), ("sysrq m", "Mem-Info"),
                                      ("stack 1", "[<")):
                    p = self.mconsole(*command.split())
                    self.assertEqual(p.returncode, DONE, (command, p))
                    self.assertIn(word, p.stdout)
                self.assertIn("Unknown command", self.mconsole("frob").stderr)
                self.assertEqual(self.mconsole("frob").returncode, FAILED)
                self.assertIn("512 bytes", self.mconsole("log", "x" * 600).stderr)
                self.log_of_guest(daemon)
                self.assertEqual(daemon.stop(), DONE)
                p = self.mconsole("version")
                self.assertEqual((p.returncode, p.stderr), (NOT_RUNNING, "umlctl: web is not running\n"))

    def log_of_guest(self, daemon):
        """What is typed there cannot make a mess of umld's own log."""
        self.mconsole("log", "one\ntwo\x1b[31m")
        self.assertIn("management console: log one\\x0atwo\\x1b[31m", daemon.log)

    def mconsole(self, *words):
        return self.world.umlctl("mconsole", "web", *words)

    def test_what_kills_the_kernel(self):
        """sysrq t: refused for 6.x, a very long answer from others."""
        for kernel in umldtest.kernels_for(3):
            with self.subTest(kernel.name):
                daemon = self.boot(kernel, Supervise={"Restart": "no"})
                p = self.mconsole("sysrq", "t")
                if daemon.status()["kernel"]["version"].startswith("6."):
                    self.assertEqual(p.returncode, FAILED)
                    self.assertIn("panic; use --force", p.stderr)
                    self.assertEqual(daemon.status()["state"], "running")
                    self.mconsole("sysrq", "t", "--force")
                    self.assertEqual(daemon.wait(20), FAILED)
                else:
                    self.assertGreater(len(p.stdout), 10000)
                    self.assertEqual(daemon.status()["state"], "running")
                    daemon.stop()

    def test_silent_kernel(self):
        """A kernel that does not answer: umld says so in time, and goes on meanwhile."""
        daemon = self.boot(umldtest.test_kernels()[-1])
        pid = daemon.guest_pid()
        os.kill(pid, signal.SIGSTOP)
        results = []
        asker = threading.Thread(target=lambda: results.append(self.mconsole("version")))
        began = time.monotonic()
        asker.start()
        while asker.is_alive():
            asked = time.monotonic()
            daemon.status()
            self.assertLess(time.monotonic() - asked, 1 * PATIENCE)
            time.sleep(0.1)
        asker.join()
        self.assertLess(time.monotonic() - began, 8 * PATIENCE)
        self.assertEqual(results[0].returncode, FAILED)
        self.assertIn("does not respond", results[0].stderr)
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(self.mconsole("version").returncode, DONE)
        daemon.stop()


class Attached(Case):
    def attach(self, *arguments, **options):
        terminal = Terminal(self.world, *arguments, **options)
        terminal.wait_for("attached to the console")
        return terminal

    def test_shell(self):
        """The whole way, there and back."""
        for kernel in umldtest.kernels_for(4):
            with self.subTest(kernel.name):
                daemon = self.boot(kernel)
                terminal = self.attach(rows=51, columns=133)
                terminal.type("\r")
                terminal.wait_for("# ")
                wait_until(lambda: "51 133" in terminal.command("stty size"), 10, "the size")
                terminal.resize(40, 100)
                wait_until(lambda: "40 100" in terminal.command("stty size"), 10, "the new size")
                self.assertIn("~tilde", terminal.command("echo ~~tilde"))
                terminal.type("cat >/dev/null\r")
                time.sleep(0.2)
                terminal.type("x" * 3000 + "\r\x04")  # more than a line of the terminal takes
                terminal.command("echo")
                self.assertEqual(terminal.detach(), DONE)
                self.assertIn("detached; web continues to run", terminal.text)
                terminal = self.attach()  # the last screenful
                terminal.wait_for("DONE")
                self.assertEqual(terminal.detach("\r~."), DONE)
                self.assertEqual(daemon.stop(), DONE)

    def from_another_host(self, *words):
        """On a terminal whose size the other host is told, too."""
        files = Path(tempfile.mkdtemp(prefix="umld-console-", dir="/root"))
        self.addCleanup(shutil.rmtree, files)
        directories = {name: value for name, value in self.world.variables.items() if re.fullmatch("UMLD_(CONFIG|RUNTIME|STATE|LOG)_DIR", name)}
        umlctl = self.world.program("umlctl/umlctl")
        programs = make_other_host(files, umlctl, directories)
        return Terminal(None, *self.world.command("host", "env", f"PATH={programs}:/usr/bin:/bin", umlctl, "--host", "root@vps", *words),
                        rows=31, columns=97)

    def test_from_another_host(self):
        """umlctl --host, by a real ssh and sshd: the shell of the guest, its size, and the keys to leave."""
        daemon = self.boot(umldtest.test_kernels()[-1])
        terminal = self.from_another_host("console", "web")
        terminal.wait_for("attached", 30)
        terminal.type("\r")
        terminal.wait_for("/ # ", 30)
        wait_until(lambda: "31 97" in terminal.command("stty size"), 10, "the size")
        self.assertEqual(terminal.detach(), DONE)
        self.assertEqual(daemon.stop(), DONE)

    def test_several(self):
        daemon = self.boot(umldtest.test_kernels()[-1])
        first = self.attach()
        p = self.world.umlctl("console", "web")
        self.assertEqual(p.returncode, FAILED)
        self.assertRegex(p.stderr, r"process \d+ \(.*\) has the console; use --read-only to watch")
        second = self.attach("--read-only")
        second.type("echo fr''om second\r")
        first.command("echo fr''om first")
        second.wait_for("from first")
        self.assertNotIn("from second", first.read())
        third = self.attach("--force")
        first.wait_for("has taken over the console")
        third.command("echo fr''om third")
        first.type("echo fr''om the loser\r")
        first.wait_for("from third")
        second.wait_for("from third")
        self.assertNotIn("from the loser", third.read(0.3))
        self.assertEqual(third.detach(), DONE)
        fourth = self.attach()
        fourth.command("echo fr''om fourth")
        first.wait_for("from fourth")
        daemon.stop()
        for terminal in (first, second, fourth):
            self.assertEqual(terminal.end(), DONE)
            self.assertIn("web: stopped: ", terminal.text)

    def test_guest_restarts(self):
        for kernel in umldtest.kernels_for(5):
            with self.subTest(kernel.name):
                daemon = self.boot(kernel)
                terminal = self.attach(rows=33, columns=77)
                terminal.command("echo")
                os.kill(daemon.guest_pid(), signal.SIGKILL)
                terminal.wait_for("[web: backoff: killed: ")
                terminal.wait_for("[web: running: booted")
                self.wait_prompt()
                wait_until(lambda: "33 77" in terminal.command("stty size"), 10, "the size")
                daemon.stop()
                self.assertEqual(terminal.end(), DONE)

    def test_umld_dies(self):
        daemon = self.boot(umldtest.test_kernels()[-1])
        terminal = self.attach()
        terminal.command("printf '\\033[?1049h\\033[?25l'")
        daemon.kill()
        self.assertEqual(terminal.end(), FAILED)
        self.assertIn("lost the connection to umld", terminal.text)
        self.assertIn("\x1b[?25h", terminal.text)
        self.assertIn("\x1b[?1049l", terminal.text)

    def test_signals(self):
        self.boot(umldtest.test_kernels()[-1])
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            terminal = self.attach()
            terminal.process.send_signal(number)
            self.assertEqual(terminal.end(), 128 + number)

    def test_stopped_and_continued(self):
        self.boot(umldtest.test_kernels()[-1])
        terminal = self.attach()
        terminal.command("echo")
        terminal.process.send_signal(signal.SIGSTOP)
        termios.tcsetattr(terminal.slave, termios.TCSANOW, terminal.before)  # as a shell does
        terminal.process.send_signal(signal.SIGCONT)
        time.sleep(0.2)
        terminal.command("echo")
        self.assertNotEqual(termios.tcgetattr(terminal.slave), terminal.before)
        self.assertEqual(terminal.detach(), DONE)

    def test_pipe(self):
        """Neither side is a terminal: bytes go through as they are, and the end of the input is none of the rest."""
        self.boot(umldtest.test_kernels()[-1])
        p = subprocess.Popen(self.world.command("host", self.world.program("umlctl/umlctl"), "console", "web"),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        p.stdin.write(b"\r\recho fr''om a pipe ~. \r")
        p.stdin.close()
        seen = b""
        while b"from a pipe ~." not in seen:
            data = os.read(p.stdout.fileno(), 4096)
            self.assertTrue(data, seen)
            seen += data
        p.terminate()
        p.wait()
        p.stdout.close()

    def test_slow_client(self):
        """Somebody who does not read: the guest prints on, umld stays small, and the newest is not lost."""
        daemon = self.boot(umldtest.test_kernels()[-1])
        writer = self.attach()
        slow = self.attach("--read-only")
        slow.process.send_signal(signal.SIGSTOP)
        before = resident(daemon.pid)
        writer.command("dd if=/dev/zero bs=1000 count=20000 2>/dev/null | tr '\\0' x | fold -w 99", timeout=60)
        self.assertLess(resident(daemon.pid) - before, room(daemon.pid, 1 << 20))
        writer.command("echo fr''om the end")
        slow.process.send_signal(signal.SIGCONT)
        skipped = slow.wait_for("bytes skipped]")
        self.assertGreater(int(skipped.rsplit(" ", 2)[-2]), 10000000)
        slow.wait_for("from the end")
        self.assertEqual(slow.detach(), DONE)
        self.assertEqual(writer.detach(), DONE)

    def test_dead_input(self):
        """The guest takes nothing: whoever types can still detach."""
        daemon = self.boot(umldtest.test_kernels()[-1])
        terminal = self.attach()
        os.kill(daemon.guest_pid(), signal.SIGSTOP)
        for _ in range(200):
            terminal.type("x" * 2000)
        self.assertEqual(terminal.detach(), DONE)
        self.assertEqual(daemon.status()["state"], "running")

    def test_rights(self):
        """To take over the console, or to speak with the kernel, is root's; what the group may is seen in Interface."""
        daemon = self.boot(umldtest.test_kernels()[-1])
        self.world.runtime_dir.chmod(0o755)
        bus = self.world.runtime_dir / "web/bus"
        bus.chmod(0o666)
        for words in (("console", "web", "--force"), ("mconsole", "web", "version")):
            p = self.world.run("host", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                               self.world.program("umlctl/umlctl"), *words)
            self.assertEqual(p.returncode, umldtest.NOT_PERMITTED, p)
        daemon.stop()


def room(pid, size):
    """So much may a process grow; a sanitizer keeps what was freed for a while."""
    return size * 32 if "asan" in Path(f"/proc/{pid}/maps").read_text() else size


def resident(pid):
    """Bytes of a process' stack and heap."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return sum(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("Anonymous:"))


if __name__ == "__main__":
    umldtest.main()
