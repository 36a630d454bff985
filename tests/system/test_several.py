#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs that show something of one guest, for several: names, patterns, --all; and those that are for one at a time."""

import json
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import umldtest  # noqa: E402
from umlctltest import Case  # noqa: E402
from umldtest import DONE, FAILED, NO_GUEST, NOT_RUNNING, USAGE  # noqa: E402

MIB = 1 << 20


class Several(Case):
    def setUp(self):
        super().setUp()
        self.configure("web1", "web2", "db")

    def json(self, code, *args):
        return json.loads(self.expect(code, *args, "--json").stdout)

    def titles(self, text):
        return re.findall(r"(?m)^(\w+):$", text)


class Memory(Several):
    def setUp(self):
        super().setUp()
        self.umlds = {name: self.running(name, MemorySize=64 * MIB, MemoryUsed=used * MIB)
                      for name, used in (("web1", 10), ("web2", 20))}

    def test_text(self):
        out = self.expect(DONE, "memory", "web*").stdout
        self.assertEqual(self.titles(out), ["web1", "web2"])
        self.assertLess(out.index("10M"), out.index("\n\nweb2:\n"))
        self.assertEqual(self.titles(self.expect(DONE, "memory", "web1").stdout), [])

    def test_json(self):
        """Its form does not depend on how many guests there are, but on how they are named."""
        self.assertEqual({name: m["used"] for name, m in self.json(DONE, "memory", "web2", "web1").items()},
                         {"web2": 20 * MIB, "web1": 10 * MIB})
        self.assertEqual(list(self.json(DONE, "memory", "web1*")), ["web1"])
        self.assertEqual(self.json(DONE, "memory", "web1")["used"], 10 * MIB)

    def test_one_is_down(self):
        """The others are shown all the same."""
        p = self.expect(NOT_RUNNING, "memory", "--all")
        self.assertEqual(self.titles(p.stdout), ["web1", "web2"])
        self.assertEqual(p.stderr, "umlctl: db is not running, so it uses no memory\n")
        self.assertEqual(list(self.json(NOT_RUNNING, "memory", "--all")), ["web1", "web2"])
        self.assertEqual(self.expect(NOT_RUNNING, "memory", "db", "--json").stdout, "")

    def test_balloons(self):
        for umld in self.umlds.values():
            umld.say("answer", "Balloon", "ttt", 3 * ("%d " % MIB))
        out = self.expect(DONE, "memory", "web*", "--shrink=1M").stdout
        self.assertEqual(re.findall(r"(?m)^(\w+): 1M of the host's memory used", out), ["web1", "web2"])
        self.assertEqual({name: umld.calls.count("Balloon") for name, umld in self.umlds.items()}, {"web1": 1, "web2": 1})
        self.assertEqual(self.json(DONE, "memory", "--grow=1M", "web*")["web2"], {"before": MIB, "after": MIB, "balloon": MIB})
        self.assertEqual(self.json(DONE, "memory", "--grow=1M", "web2")["after"], MIB)
        self.expect_line(USAGE, "memory", "web*", "--shrink=1M", "--grow=1M")


class History(Several):
    def test_both_forms(self):
        for name, samples in (("web1", 2), ("web2", 0), ("db", 1)):
            self.running(name).say("answer", "History", "h", str(samples))
        p = self.expect(DONE, "history", "--all")
        self.assertEqual(self.titles(p.stdout), ["db", "web1"])
        self.assertEqual(p.stdout.count("1M"), 3)
        self.assertIn("web2 has not run for long enough yet", p.stderr)
        self.assertEqual({name: len(samples) for name, samples in self.json(DONE, "history", "--all").items()},
                         {"db": 1, "web1": 2, "web2": 0})
        self.assertEqual(len(self.json(DONE, "history", "web1")), 2)


class Port(Several):
    """Its last argument is the port."""

    def setUp(self):
        super().setUp()
        for name, works in (("web1", "yes"), ("web2", "no")):
            self.running(name).say("answer", "ExplainPort", "ssc", works, f'"as {name} says"', "1")

    def test_both_forms(self):
        out = self.expect(FAILED, "port", "web1", "web2", "tcp/8080").stdout
        self.assertEqual(re.findall(r"(?m)^\w.*", out), ["web1: as web1 says", "web2: as web2 says"])
        self.expect(DONE, "port", "web1*", "tcp/8080")
        self.assertEqual({name: p["works"] for name, p in self.json(FAILED, "port", "web*", "8080").items()},
                         {"web1": True, "web2": False})
        one = self.json(DONE, "port", "web1", "udp/53")
        self.assertEqual((one["port"], one["works"], len(one["checks"])), ("udp/53", True, 1))

    def test_all(self):
        p = self.expect(NOT_RUNNING, "port", "--all", "tcp/8080")
        self.assertEqual(re.findall(r"(?m)^\w.*", p.stdout), ["web1: as web1 says", "web2: as web2 says"])
        self.assertIn("db is not running (umlctl start db)", p.stderr)

    def test_wrong_words(self):
        for code, args, words in ((USAGE, ("port",), "port requires"), (USAGE, ("port", "--all"), "port requires"),
                                  (USAGE, ("port", "tcp/80"), "requires a NAME or --all"),
                                  (USAGE, ("port", "-a", "web1", "80"), "--all means all guests"),
                                  (NO_GUEST, ("port", "web3", "tcp/80"), "no such guest: web3")):
            self.assertIn(words, self.expect_line(code, *args))

    def test_the_only_guest(self):
        for name in ("web2", "db"):
            os.unlink(os.path.join(self.top, "config", name + ".conf"))
        self.assertIn("web1: as web1 says", self.expect(DONE, "port", "tcp/80").stdout)


class Crashes(Several):
    def crash(self, guest, *when):
        directory = os.path.join(self.top, "state", guest, "crashes")
        os.makedirs(directory)
        for number, second in enumerate(when, 1):
            with open(os.path.join(directory, f"{number:08}"), "w", encoding="ascii") as report:
                report.write(f"WHEN={second}000000\nVERDICT=panic\nDETAIL=of {guest} at {second}\nCONSOLE=last of {guest}\n")

    def setUp(self):
        super().setUp()
        self.crash("web1", 1700000000, 1700000300)
        self.crash("web2", 1700000200, 1700000400)

    def test_one_list(self):
        """The newest first, whosever it is."""
        out = self.expect(DONE, "crashes", "--all").stdout
        self.assertEqual(re.findall(r"of (\w+) at 1700000(\d)", out), [("web2", "4"), ("web1", "3"), ("web2", "2"), ("web1", "0")])
        self.assertEqual(re.findall(r"(?m)^(\w+) +(\w+)", out),
                         [("NAME", "N"), ("web2", "1"), ("web1", "1"), ("web2", "2"), ("web1", "2")])
        self.assertRegex(self.expect(DONE, "crashes", "web1").stdout, r"^N WHEN")
        self.assertIn("none of the guests has crashed", self.expect(DONE, "crashes", "d*").stderr)

    def test_json(self):
        self.assertEqual({name: [report["n"] for report in reports] for name, reports in self.json(DONE, "crashes", "--all").items()},
                         {"db": [], "web1": [1, 2], "web2": [1, 2]})
        self.assertEqual(len(self.json(DONE, "crashes", "web1")), 2)

    def test_newest_of_each(self):
        out = self.expect(DONE, "crashes", "web*", "1").stdout
        self.assertEqual(self.titles(out), ["web1", "web2"])
        self.assertLess(out.index("last of web1"), out.index("last of web2"))
        self.assertEqual(self.json(DONE, "crashes", "web1", "web2", "1")["web2"]["console"], ["last of web2"])
        self.assertEqual(self.json(DONE, "crashes", "web2", "2")["detail"], "of web2 at 1700000200")
        p = self.expect(FAILED, "crashes", "--all", "2")
        self.assertEqual((self.titles(p.stdout), p.stderr), (["web1", "web2"], "umlctl: there are only 0 crash reports of db\n"))

    def test_wrong_words(self):
        self.assertIn("invalid crash number", self.expect_line(USAGE, "crashes", "web*", "0"))
        self.assertIn("invalid guest name", self.expect_line(USAGE, "crashes", "web1", "x y"))
        self.assertIn("requires a NAME or --all", self.expect_line(USAGE, "crashes", "1"))


class OneAtATime(Several):
    """A terminal, an editor, an export have room for one guest."""

    def test_says_so(self):
        for verb in ("console", "export"):
            for args in ((verb, "web1", "web2"), (verb, "--all"), (verb, "-a", "web1")):
                self.assertIn(f"{verb} is for one guest at a time", self.expect_line(USAGE, *args))
        for args in (("console", "web*"), ("edit", "web*"), ("set", "web*", "Memory=64M"), ("ssh", "web*", "true"),
                     ("mconsole", "[w]eb1", "version"), ("resize", "w?b1", "2G"), ("modules", "web*"), ("disk", "web*", "list")):
            self.assertIn(f"{args[0]} is for one guest at a time", self.expect_line(USAGE, *args))


if __name__ == "__main__":
    umldtest.main()
