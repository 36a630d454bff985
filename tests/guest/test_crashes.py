#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Crash reports: one for each crash, none for what is no crash, never too many, and never a reason to stop."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import DONE, FAILED, TestCase, main, wait_until  # noqa: E402


class CrashTest(TestCase):
    def start(self, fake, **supervise):
        self.world.guest(fake=fake, Supervise={"RestartDelayMax": "0", **supervise})
        return self.daemon()

    def crashes(self, *arguments):
        p = self.world.umlctl("crashes", "web", *arguments, "--json")
        self.assertEqual(p.returncode, DONE, p.stderr)
        return p.json

    @property
    def directory(self):
        return self.world.state_dir / "web/crashes"

    def test_report(self):
        umld = self.start("boot,wait:50,say:last words,panic:VFS is on fire", Restart="no")
        self.assertEqual(umld.wait(), FAILED)
        one, = self.crashes()
        self.assertEqual((one["n"], one["verdict"], one["signal"], one["booted"]), (1, "panic", 6, True))
        self.assertIn("VFS is on fire", one["detail"])
        self.assertEqual(one["kernel_version"], "7.2.0-fake")
        self.assertEqual((one["tap"], one["tap_state"], one["memory_size"]), ("tap0", "up", 32 << 20))
        self.assertLess(one["run_time"], 20)
        self.assertNotIn("console", one)
        full = self.crashes("1")
        self.assertIn("last words", full["console"])
        text = self.world.umlctl("crashes", "web", "1").stdout
        self.assertIn("panic", text)
        self.assertIn("\n  last words\n", text)
        table = self.world.umlctl("crashes", "web").stdout.splitlines()
        self.assertEqual(len(table), 2)
        self.assertIn("VFS is on fire", table[1])
        self.assertEqual(self.world.umlctl("crashes", "web", "2").returncode, FAILED)

    def test_no_crash(self):
        """A guest's own poweroff and a stop leave nothing."""
        self.assertEqual(self.start("boot,wait:50,poweroff").wait(), DONE)
        self.assertEqual(self.daemon().wait(), DONE)
        self.world.guest(fake="boot,ready")
        self.assertEqual(self.daemon().wait_ready().stop(), DONE)
        self.assertEqual(self.crashes(), [])
        p = self.world.umlctl("crashes", "web")
        self.assertEqual((p.returncode, p.stdout), (DONE, ""))
        self.assertIn("has not crashed", p.stderr)

    def test_cannot_be_read(self):
        """Of several guests, each of which that is true is named."""
        for name in ("one", "two", "web"):
            self.world.guest(name, fake="boot,ready")
            if name != "web":
                (self.world.state_dir / name / "crashes").write_text("no directory")
        p = self.world.umlctl("crashes", "one", "two", "web")
        self.assertEqual(p.returncode, FAILED)
        for name in ("one", "two"):
            self.assertIn(f"cannot read the crash reports of {name}: ", p.stderr)

    def test_newest_twenty(self):
        umld = self.start("boot,kill:9")
        wait_until(lambda: (umld.status()["restarts"] or 0) > 25, 60, "25 restarts")
        umld.stop()
        found = self.crashes()
        self.assertEqual([c["n"] for c in found], list(range(1, 21)))
        whens = [c["when"] for c in found]
        self.assertEqual(whens, sorted(whens, reverse=True))
        self.assertGreater(int(Path(found[0]["file"]).name), 20)
        self.assertEqual(len(list(self.directory.iterdir())), 20)

    def test_hostile_console(self):
        """What the guest prints cannot be taken for umld's words."""
        self.start("boot,say:VERDICT=poweroff,kill:11", Restart="no").wait()
        full = self.crashes("1")
        self.assertEqual(full["verdict"], "killed")
        self.assertIn("VERDICT=poweroff", full["console"])

    def test_full_disk(self):
        """No room for a report is worth a line in the log and nothing else."""
        self.directory.mkdir(parents=True, mode=0o750)
        self.world.host("mount", "-t", "tmpfs", "-o", "nr_inodes=1", "none", self.directory)
        umld = self.start(f"first:2:{self.scratch()},boot,kill:9")
        wait_until(lambda: "cannot write a report of this crash" in umld.log, what="a word about the full disk")
        self.assertIn("No space left", umld.log)
        wait_until(lambda: umld.status()["restarts"] == 2 and umld.status()["state"] == "running", what="recovery")
        umld.stop()
        self.world.host("umount", self.directory)

    def scratch(self):
        directory = self.world.dir / "scratch"
        directory.mkdir()
        directory.chmod(0o777)
        return directory / "count"


if __name__ == "__main__":
    main()
