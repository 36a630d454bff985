#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl port: one verdict about one port, for what really is so, with a real guest."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import (BACKEND, DEBIAN_KERNEL, DONE, FAILED, HOST, MAKE_GUEST, NOT_RUNNING, SOURCE, USAGE, TestCase, main,
                      wait_until)


class PortTest(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.images = Path(tempfile.mkdtemp(prefix="umld-port.", dir="/var/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.images)
        subprocess.run([MAKE_GUEST, "--overlay", SOURCE / "tests/guest/overlay", cls.images / "guest.img"], check=True,
                       timeout=60)

    def start(self, **network):
        self.world.guest("web", kernel=DEBIAN_KERNEL, image=self.images / "guest.img", Guest={"Memory": "48M"},
                         Network=network, Supervise={"Ready": "guest"})
        return self.daemon().wait_ready(60)

    def explain(self, port, code):
        """The verdict, and {check: (as it has to be, sentence)}."""
        p = self.world.umlctl("port", "web", port, "--json")
        self.assertEqual(p.returncode, code, p.stdout + p.stderr)
        self.assertEqual((p.json["port"], p.json["works"]), (port, code == DONE))
        return p.json["verdict"], {c["check"]: (c["ok"], c["text"]) for c in p.json["checks"]}

    def order(self, command):
        with contextlib.suppress(OSError):
            self.world.fetch(8080, "/cgi-bin/do?" + command.replace(" ", "+"), timeout=2)

    def listener(self, port):
        s = self.world.socket("host")
        self.addCleanup(s.close)
        s.bind(("0.0.0.0", port))
        s.listen()

    def test_works(self):
        self.start(Forward="tcp/8080:80 tcp/9000-9010:80-90")
        verdict, checks = self.explain("tcp/8080", DONE)
        self.assertEqual(verdict, "tcp/8080 works: Forward=tcp/8080:80 sends connections to 10.0.0.2 tcp/80, which answers")
        self.assertEqual({name for name, (ok, _) in checks.items() if not ok}, set())
        self.assertIn("1 connections so far, and the test connection was counted", self.explain("tcp/8080", DONE)[1]["rules"][1])
        self.world.fetch(8080)
        self.assertIn("3 connections so far", self.explain("tcp/8080", DONE)[1]["rules"][1])
        self.assertIn("sends connections to 10.0.0.2 tcp/80,", self.explain("tcp/9000", DONE)[0])
        p = self.world.umlctl("port", "web", "tcp/8080")
        lines = p.stdout.splitlines()
        self.assertEqual(lines[0], f"web: {verdict}")
        self.assertRegex(lines[1], r"^  ok  guest          running$")
        self.assertEqual(len(lines), 9)

    def test_nobody_listens(self):
        self.start(Forward="tcp/8081:81 udp/5000")
        for port, there in (("tcp/8081", "tcp/81"), ("udp/5000", "udp/5000")):
            verdict, checks = self.explain(port, FAILED)
            self.assertEqual(verdict, f"{port} does not work: nothing in the guest listens on {there}")
            self.assertEqual(checks["guest listens"], (False, f"10.0.0.2 {there} refused"))
            self.assertTrue(checks["rules"][0])

    def test_not_forwarded(self):
        self.start(Forward="tcp/8080:80", Reserve="tcp/9000")
        verdict, checks = self.explain("tcp/81", FAILED)
        self.assertEqual(verdict, "tcp/81 does not work: it is not in Forward=")
        self.assertEqual(checks["guest listens"], (None, "not tested"))
        self.listener(81)
        self.assertIn("it is not in Forward=; the host's own service gets the connections (python3", self.explain("tcp/81", FAILED)[0])
        self.assertIn("it is guarded, because you reach the host through it (Reserve=)", self.explain("tcp/9000", FAILED)[0])
        # What is forwarded from under a service of the host still works, and says so.
        self.listener(8080)
        verdict, checks = self.explain("tcp/8080", DONE)
        self.assertRegex(checks["host listens"][1], r"it does \(python3.*\), but gets no connections from outside")

    def test_all(self):
        self.start(Forward="all", Reserve="tcp/22")
        self.assertIn("Forward=all sends connections to 10.0.0.2 tcp/80,", self.explain("tcp/80", DONE)[0])
        self.assertIn("nothing in the guest listens on tcp/4711", self.explain("tcp/4711", FAILED)[0])
        self.assertIn("(Reserve=)", self.explain("tcp/22", FAILED)[0])

    def test_relayed(self):
        self.start(Proxy="tcp/8080:80 tcp/8081:81")
        verdict, checks = self.explain("tcp/8080", DONE)
        self.assertIn("Proxy=tcp/8080:80 sends connections to", verdict)
        self.assertEqual({name for name, (ok, _) in checks.items() if not ok}, set())
        self.assertIn("nothing in the guest listens on tcp/81", self.explain("tcp/8081", FAILED)[0])

    # A rule of somebody else's before ours in FORWARD, and one that takes calls of the host itself.
    OTHERS = {
        "iptables": ("iptables-legacy -I FORWARD -p tcp -j DROP",
                     f"iptables-legacy -t nat -I OUTPUT -p tcp -d {HOST} --dport 8080 -j ACCEPT"),
        "nftables": ("nft 'add table ip own; add chain ip own f { type filter hook forward priority -2; }; "
                     "add rule ip own f meta l4proto tcp drop'",
                     "nft 'add chain ip own o { type nat hook output priority -101; }; "
                     "add rule ip own o tcp dport 8080 dnat to 192.0.2.1'"),
    }

    def test_rules_of_others(self):
        self.start(Forward="tcp/8080:80")
        before, instead = self.OTHERS[BACKEND or "iptables"]
        self.world.host("sh", "-c", before)
        verdict, checks = self.explain("tcp/8080", DONE)
        self.assertEqual(checks["FORWARD"], (None, "1 foreign rule precedes the one that accepts it, and may "
                                                   "drop connections from outside"))
        self.world.host("sh", "-c", instead)
        verdict, checks = self.explain("tcp/8080", FAILED)
        self.assertEqual(verdict, f"tcp/8080 does not work: the guest listens, but connections to {HOST} tcp/8080 do not "
                                  "reach it: another rule of the host takes them")
        self.assertIn("the test connection was not counted", checks["rules"][1])

    def test_network_down(self):
        self.start(Forward="tcp/8080:80")
        self.order("ifconfig eth0 down")
        wait_until(lambda: "does not answer at 10.0.0.2 at all; check its network configuration"
                   in self.world.umlctl("port", "web", "tcp/8080").stdout, 20, "the guest to be cut off")

    def test_usage(self):
        self.start(Forward="tcp/8080:80")
        for port, why in (("tcp/80-81", "one port at a time"), ("tcp+udp/53", "one port at a time"),
                          ("sctp/80", "invalid port: "), ("tcp/0", "ports must be from 1"), ("http", "invalid port: ")):
            p = self.world.umlctl("port", "web", port)
            self.assertEqual((p.returncode, p.stderr.count("\n")), (USAGE, 1), p.stderr)
            self.assertIn(why, p.stderr)
        p = self.world.umlctl("port", "web", "tcp6/8080")
        self.assertEqual((p.returncode, p.stderr), (FAILED, "umlctl: web: tcp6/8080: the guest has no IPv6; set HostAddress6= and "
                                                    "GuestAddress6=\n"))
        self.assertEqual(self.world.umlctl("port", "web").returncode, USAGE)

    def test_not_running(self):
        self.world.guest("web", fake="boot,wait:100000", Network={"Forward": "tcp/8080:80"},
                         Supervise={"Ready": "guest", "StopTimeout": "4s"})
        p = self.world.umlctl("port", "web", "tcp/8080")
        self.assertEqual(p.returncode, NOT_RUNNING)
        self.assertEqual(p.stderr, "umlctl: tcp/8080 does not work: web is not running (umlctl start web)\n")
        umld = self.daemon()
        umld.wait_state("booting")
        verdict, checks = self.explain("tcp/8080", FAILED)
        self.assertEqual(verdict, "tcp/8080 does not work: the guest is not running, but booting")
        self.assertEqual((checks["guest"], checks["guest listens"]), ((False, "booting"), (None, "not tested")))
        self.assertEqual(umld.stop(), DONE)


if __name__ == "__main__":
    main()
