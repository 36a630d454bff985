#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl cat, set and edit: the configuration is shown as it is in force, and changed only to a valid one."""

import json
import os
import pty
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import umldtest  # noqa: E402
from umlctltest import UMLCTL, Case  # noqa: E402
from umldtest import DONE, FAILED, NO_GUEST, NOT_PERMITTED, USAGE  # noqa: E402

TEXT = "# mine\n[Guest]\nMemory=64M\n\n[Network]\n; ports\nForward=tcp/80 tcp/443\nForward=tcp/1\n"


class ConfigCase(Case):
    def setUp(self):
        super().setUp()
        self.file = Path(self.top, "config/web.conf")
        self.write(TEXT)

    def write(self, text, dropin=None):
        path = self.dropin(dropin) if dropin else self.file
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def dropin(self, name):
        return Path(f"{self.file}.d", name)

    def text(self, path=None):
        return (path or self.file).read_text(encoding="utf-8")

    def assert_left_alone(self):
        self.assertEqual(self.text(), TEXT)
        self.assertEqual([p.name for p in self.file.parent.iterdir() if not p.is_dir()], ["web.conf"])


class Cat(ConfigCase):
    def test_text(self):
        ten, twenty = self.write("\n[Guest]\nMemory=96M\n", "10.conf"), self.write("[Network]\nForward=\nForward=udp/53\n", "20.conf")
        lines = self.expect(DONE, "cat", "web").stdout.splitlines()
        self.assertEqual(lines[:3], [f"# {path}" for path in (self.file, ten, twenty)])
        self.assertIn("Memory=96M", lines)
        self.assertEqual(lines[lines.index("Memory=96M") - 1], f"# {ten}:3")
        self.assertEqual(lines[lines.index("Forward=udp/53") - 1], f"# {twenty}:3")
        self.assertIn("#Kernel=/usr/bin/linux.uml", lines)
        self.assertIn(f"#Disk={self.top}/state/web/root.img", lines)
        self.assertNotIn("Forward=tcp/1", lines)
        self.assertFalse([line for line in lines if "SNATAddress" in line])

    def test_says_the_same(self):
        """What it prints is a configuration that means the same, also with the defaults written out."""
        self.write("[Guest]\nAppend=a b\nAppend=c='\"d e\"'\n[Supervise]\nProbe=tcp/1\nProbe=http/80/\n", "10.conf")
        before = json.loads(self.expect(DONE, "cat", "web", "--json").stdout)
        shown = self.expect(DONE, "cat", "web").stdout
        self.dropin("10.conf").unlink()
        for text in (shown, "\n".join(line.lstrip("#") if not line.startswith("# ") else line for line in shown.splitlines())):
            self.write(text)
            after = json.loads(self.expect(DONE, "cat", "web", "--json").stdout)
            self.assertEqual([(e["section"], e["key"], e["value"]) for e in after],
                             [(e["section"], e["key"], e["value"]) for e in before])

    def test_json(self):
        ten = self.write("[Guest]\nMemory=96M\n", "10.conf")
        entries = json.loads(self.expect(DONE, "cat", "web", "--json").stdout)
        self.assertIn({"section": "Guest", "key": "Memory", "value": "96M", "default": False, "file": str(ten), "line": 2}, entries)
        self.assertIn({"section": "Guest", "key": "CPUs", "value": "1", "default": True, "file": None, "line": None}, entries)
        self.assertIn({"section": "Network", "key": "Forward", "value": "tcp/1", "default": False, "file": str(self.file),
                       "line": 8}, entries)

    def test_several(self):
        self.configure("db")
        self.write("[Guest]\nMemory=96M\n", "10.conf")
        one = {name: json.loads(self.expect(DONE, "cat", name, "--json").stdout) for name in ("db", "web")}
        for words in (["db", "web"], ["--all"]):
            self.assertEqual(json.loads(self.expect(DONE, "cat", "--json", *words).stdout), one)
        self.assertEqual(json.loads(self.expect(DONE, "cat", "--json", "w*").stdout), {"web": one["web"]})
        self.assertEqual(self.expect(DONE, "cat", "db", "web").stdout,
                         self.expect(DONE, "cat", "db").stdout + "\n" + self.expect(DONE, "cat", "web").stdout)
        self.write("[Guest]\nMemory=much\n", "10.conf")
        self.assertIn("# ", self.expect(USAGE, "cat", "web", "db").stdout)
        self.assertEqual(json.loads(self.expect(USAGE, "cat", "--json", "web", "db").stdout), {"db": one["db"]})

    def test_invalid(self):
        ten = self.write("[Guest]\nMemroy=96M\n", "10.conf")
        self.assertEqual(self.expect_line(USAGE, "cat", "web"),
                         f"umlctl: {ten}:2: Memroy: unknown key; did you mean Memory=?\n")
        self.assertIn("no such guest", self.expect_line(NO_GUEST, "cat", "db"))


class Set(ConfigCase):
    def test_values(self):
        self.file.chmod(0o640)
        p = self.expect(DONE, "set", "web", "Memory=96M", "Restart=no", "Forward+=udp/53", "Forward-=tcp/80")
        self.assertEqual(p.stderr, f"umlctl: web: changed {self.file}\n")
        self.assertEqual(self.text(), "# mine\n[Guest]\nMemory=96M\n\n[Network]\n; ports\nForward=tcp/443\nForward=tcp/1\n"
                                      "Forward=udp/53\n\n[Supervise]\nRestart=no\n")
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o640)
        self.assertIn("says so already", self.expect(DONE, "set", "web", "Memory=96M").stderr)
        self.expect(DONE, "set", "--quiet", "web", "Memory=", "Forward=tcp/5", "Forward=tcp/6", "Restart=")
        self.assertEqual(self.text(), "# mine\n[Guest]\n\n[Network]\n; ports\nForward=tcp/5\nForward=tcp/6\n\n[Supervise]\n")
        self.expect(DONE, "set", "web", "Fallback.Kernel=/boot/old", "Kernel=/boot/new")
        self.assertIn("[Fallback]\nKernel=/boot/old\n", self.text())
        self.assertIn("[Guest]\nKernel=/boot/new\n", self.text())

    def test_refused(self):
        for words, message in ((["Memory=1M"], f"{self.file}:3: Memory: \"1M\": too small"),
                               (["Memroy=96M"], "Memroy=96M: unknown setting, did you mean Memory; see umld.conf(5)"),
                               (["Guest.Memroy=96M"], "did you mean Memory"),
                               (["Memory"], "'Memory': must be KEY=VALUE"),
                               (["Memory+=96M"], "Memory takes only one value; use Memory=96M"),
                               (["Memory=96M", "Memory=98M"], "Memory is given twice"),
                               (["Forward-="], "missing value"),
                               (["Forward-=tcp/7"], "there is no Forward=tcp/7"),
                               (["Forward+=tcp/80"], "overlaps tcp/80"),
                               (["Hostname=a\n[Confine]\nUser=root"], "must be a single line"),
                               (["Memory=96M", "Restart=maybe"], "Restart: \"maybe\"")):
            with self.subTest(words):
                self.assertIn(message, self.expect_line(FAILED if "there is no" in message else USAGE, "set", "web", *words))
                self.assert_left_alone()

    def test_dropins(self):
        """A value is changed where it is in force."""
        ten = self.write("# ten\n[Guest]\nMemory=96M\nCPUs=2\n", "10.conf")
        self.expect(DONE, "set", "web", "Memory=128M")
        self.assertEqual(self.text(ten), "# ten\n[Guest]\nMemory=128M\nCPUs=2\n")
        self.assertEqual(self.text(), TEXT)
        self.write("[Network]\nForward=udp/5\n", "20.conf")
        self.assertIn("is set in several files", self.expect_line(FAILED, "set", "web", "Forward=tcp/5"))
        self.assertIn("is set in several files", self.expect_line(FAILED, "set", "web", "Memory="))
        self.assertIn("are in different files", self.expect_line(FAILED, "set", "web", "CPUs=1", "Forward-=udp/5"))
        self.expect(DONE, "set", "web", "Forward-=udp/5")
        self.assertEqual(self.text(self.dropin("20.conf")), "[Network]\n")
        self.write("[Guest]\nbad\n", "30.conf")
        self.assertIn("30.conf:2:", self.expect_line(USAGE, "set", "web", "Memory=64M"))

    def test_link(self):
        """What a symbolic link leads to is changed, and the link stays."""
        real = Path(self.top, "real.conf")
        self.file.rename(real)
        self.file.symlink_to(real)
        self.expect(DONE, "set", "web", "Memory=96M")
        self.assertTrue(self.file.is_symlink())
        self.assertIn("Memory=96M", self.text(real))

    def test_running(self):
        self.running()
        self.assertIn("; to apply it, run umlctl reload web\n", self.expect(DONE, "set", "web", "Memory=96M").stderr)

    def test_many_at_once(self):
        """Each of several at the same time either makes its change or says that it has not."""
        children = [self.start_umlctl("set", "web", f"Forward+=tcp/{port}") for port in range(1000, 1010)]
        done = 0
        for port, p in enumerate(children, 1000):
            error = p.communicate(timeout=30)[1]
            self.assertEqual(p.returncode == DONE, f"Forward=tcp/{port}\n" in self.text(), error)
            self.assertTrue(p.returncode == DONE or "was changed by somebody else meanwhile" in error, error)
            done += p.returncode == DONE
        self.assertGreater(done, 0)
        self.expect(DONE, "cat", "web")

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to be somebody else")
    def test_not_permitted(self):
        self.command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", UMLCTL]
        self.assertIn("cannot be written", self.expect_line(NOT_PERMITTED, "set", "web", "Memory=96M"))
        self.assertIn("cannot be changed", self.expect_line(NOT_PERMITTED, "edit", "web", env={"EDITOR": "true"}))
        self.assert_left_alone()


class Edit(ConfigCase):
    def editor(self, script):
        """An editor that is a script with its file in $1, and keeps count of its calls."""
        path = Path(self.top, "editor")
        path.write_text(f"#!/bin/sh\necho >>{self.top}/calls\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
        return {"EDITOR": f"{path} ", "TMPDIR": self.top}

    def calls(self):
        return Path(self.top, "calls").read_text(encoding="utf-8").count("\n")

    def assert_tidy(self):
        self.assertFalse([name for name in os.listdir(self.top) if name.startswith("umlctl-edit-")])

    def test_saved(self):
        env = self.editor("sed -i s/64M/96M/ \"$1\"; basename \"$1\"")
        p = self.expect(DONE, "edit", "web", env=env)
        self.assertEqual((p.stdout, p.stderr), ("web.conf\n", f"umlctl: web: changed {self.file}\n"))
        self.assertEqual(self.text(), TEXT.replace("64M", "96M"))
        self.assertIn("was not changed", self.expect(DONE, "edit", "web", env=env).stderr)
        self.assert_tidy()

    def test_dropin(self):
        env = self.editor("echo '[Guest]' >\"$1\"; echo Memory=96M >>\"$1\"")
        self.expect(DONE, "edit", "web", "50-memory", env=env)
        self.assertEqual(self.text(self.dropin("50-memory.conf")), "[Guest]\nMemory=96M\n")
        self.expect(DONE, "edit", "web", "50-memory.conf", env=self.editor("sed -i s/96M/98M/ \"$1\""))
        self.assertEqual(self.text(self.dropin("50-memory.conf")), "[Guest]\nMemory=98M\n")
        self.expect(DONE, "edit", "web", "60-none", env=self.editor("true"))
        self.assertFalse(self.dropin("60-none.conf").exists())
        self.assertIn("invalid name", self.expect_line(USAGE, "edit", "web", "../x", env=env))
        self.write("[Guest]\nCPUs=2\n", "90.conf")
        out = self.expect(USAGE, "edit", "web", "70", env=self.editor("echo '[Guest]\nMemory=1M' >\"$1\"")).stderr
        self.assertIn("70.conf:2: Memory:", out)
        self.assertFalse(self.dropin("70.conf").exists())

    def test_invalid(self):
        p = self.expect(USAGE, "edit", "web", env=self.editor("sed -i s/64M/1M/ \"$1\""))
        self.assertIn(f"{self.file}:3: Memory: \"1M\": too small", p.stderr)
        self.assert_left_alone()
        self.assert_tidy()

    def on_terminal_with(self, keys, env):
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(UMLCTL, [UMLCTL, "edit", "web"], dict(self.env, **env))
        os.write(fd, keys)
        shown = b""
        while True:
            try:
                data = os.read(fd, 65536)
            except OSError:
                break
            if not data:
                break
            shown += data
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()

    def test_again(self):
        env = self.editor("sed -i -e s/1M/70M/ -e s/64M/1M/ \"$1\"")
        code, shown = self.on_terminal_with(b"\n", env)
        self.assertEqual(code, DONE, shown)
        self.assertIn("Edit it again?", shown)
        self.assertEqual((self.calls(), self.text()), (2, TEXT.replace("64M", "70M")))

    def test_given_up(self):
        code, shown = self.on_terminal_with(b"n\n", self.editor("sed -i s/64M/1M/ \"$1\""))
        self.assertEqual(code, USAGE, shown)
        self.assertIn("was not changed", shown)
        self.assert_left_alone()
        self.assert_tidy()

    def test_changed_meanwhile(self):
        env = self.editor(f"sed -i s/64M/96M/ \"$1\"; echo '# theirs' >>{self.file}")
        p = self.expect(FAILED, "edit", "web", env=env)
        self.assertIn("changed by somebody else meanwhile", p.stderr)
        self.assertEqual(self.text(), TEXT + "# theirs\n")
        copy = p.stderr.split("what you have written is in ")[1].strip()
        self.assertEqual(self.text(Path(copy)), TEXT.replace("64M", "96M"))

    def test_editor_fails(self):
        self.assertIn("the editor failed", self.expect(FAILED, "edit", "web", env=self.editor("echo >\"$1\"; exit 1")).stderr)
        self.assertIn("cannot run the editor /none", self.expect(FAILED, "edit", "web", env={"EDITOR": "/none"}).stderr)
        self.assertIn("no editor", self.expect(FAILED, "edit", "web", env={"EDITOR": "", "PATH": "/none"}).stderr)
        self.assert_left_alone()


if __name__ == "__main__":
    umldtest.main()
