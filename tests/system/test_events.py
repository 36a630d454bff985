#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl events: what happens to guests, of those that run and of those that come later."""

import json
import os
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import jsonschemas  # noqa: E402
import umldtest  # noqa: E402
from umlctltest import Case, Umld  # noqa: E402
from umldtest import DONE, NO_GUEST, NOT_PERMITTED  # noqa: E402


class Events(Case):
    def follow(self, *args):
        """Starts umlctl events --follow; returns a function that waits for the next events of a guest."""
        p = self.start_umlctl("events", "--follow", *args)
        seen, arrived = [], threading.Condition()

        def read():
            for line in p.stdout:
                jsonschemas.check(["events"], line)
                with arrived:
                    seen.append(json.loads(line))
                    arrived.notify_all()
        reader = threading.Thread(target=read, daemon=True)
        reader.start()

        def end():
            p.kill()  # its output ends, and so the reader
            reader.join(10)
        self.addCleanup(end)

        def next_of(guest, n=1):
            with arrived:
                self.assertTrue(arrived.wait_for(lambda: sum(e["guest"] == guest for e in seen) >= n, 30), seen)
                found = [e for e in seen if e["guest"] == guest][:n]
                for e in found:
                    seen.remove(e)
            return [(e["event"], e["name"], e["old"], e["new"], e["why"]) for e in found]
        self.seen = seen
        return next_of

    def test_once(self):
        self.configure("web", "db")
        self.running("web", StatusText="serving")
        events = [json.loads(line) for line in self.expect(DONE, "events", "--json").stdout.splitlines()]
        self.assertEqual([(e["guest"], e["event"], e["old"], e["new"], e["why"]) for e in events],
                         [("db", "state", None, "stopped", None), ("web", "state", None, "running", "serving")])
        self.assertIn("no such guest", self.expect_line(NO_GUEST, "events", "x"))

    def appear(self, name, state, text):
        """An umld that is in this state when its socket appears."""
        u = Umld(self.socket(name) + ".new")
        self.addCleanup(u.close)
        u.set(Name=name, State=state, StatusText=text)
        os.rename(self.socket(name) + ".new", self.socket(name))
        return u

    def test_changes(self):
        """Of an umld that is started later, of a guest that nobody knew, and of the next umld of a guest."""
        self.configure("web")
        of = self.follow()
        self.assertEqual(of("web"), [("state", None, None, "stopped", None)])
        u = self.appear("web", "running", "up")
        self.assertEqual(of("web"), [("state", None, "stopped", "running", "up")])
        self.configure("new")
        new = self.appear("new", "booting", "boots")
        self.assertEqual(of("new"), [("state", None, None, "booting", "boots")])
        new.state("running", "booted")
        self.assertEqual(of("new"), [("state", None, "booting", "running", "booted")])
        u.state("running", "the same")  # nothing to tell
        u.state("stopping", "stop requested")
        u.state("stopped", "gone")
        self.assertEqual(of("web", 2), [("state", None, "running", "stopping", "stop requested"),
                                        ("state", None, "stopping", "stopped", "gone")])
        u.end()
        new.close()
        os.unlink(self.socket("new"))
        new = self.appear("new", "running", "replaced by the same process")  # nothing to tell
        new.close()
        self.assertEqual(of("new"), [("lost", None, "running", None, "its umld has ended suddenly")])
        os.unlink(self.socket("new"))
        self.appear("new", "running", "back")
        self.assertEqual(of("new"), [("state", None, None, "running", "back")])
        self.appear("web", "preparing", "again")
        self.assertEqual(of("web"), [("state", None, "stopped", "preparing", "again")])

    def test_named(self):
        """Of those that are named only."""
        self.configure("web", "db")
        of = self.follow("web")
        of("web")
        self.appear("db", "running", "")
        self.appear("web", "running", "")
        of("web")
        self.assertFalse([e for e in self.seen if e["guest"] == "db"])

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to be somebody else")
    def test_not_permitted(self):
        self.configure("web")
        self.running("web")
        os.chmod(self.socket("web"), 0o600)
        self.command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] + self.command
        self.expect(NOT_PERMITTED, "events", "--follow")


if __name__ == "__main__":
    umldtest.main()
