#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl port: one verdict about one port, for what really is so, with a real guest."""

import contextlib
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import (BACKEND, DEBIAN_KERNEL, DONE, FAILED, HOST, IMAGE_SERVER, INET, NOT_RUNNING, PACE, USAGE, TestCase, main,
                      wait_until)


NOT_TRIED = "not tried from outside, but judged by the rules and a connection of the host's own"


class PortTest(TestCase):
    image_of = IMAGE_SERVER

    def start(self, **network):
        self.world.guest("web", kernel=DEBIAN_KERNEL, image=self.images / "guest.img", Guest={"Memory": "48M"},
                         Network=network, Supervise={"Ready": "guest"})
        self.umld = self.daemon().wait_ready(60)
        return self.umld

    def explain(self, port, code):
        """The verdict, and {check: (as it has to be, sentence)}."""
        p = self.world.umlctl("port", "web", port, "--json")
        self.assertEqual(p.returncode, code, p.stdout + p.stderr)
        self.assertEqual((p.json["port"], p.json["works"]), (port, {DONE: True, FAILED: False}[code]), p.json["verdict"])
        return p.json["verdict"], {c["check"]: (c["ok"], c["text"]) for c in p.json["checks"]}

    def order(self, command):
        with contextlib.suppress(OSError):
            self.world.fetch(8080, "/cgi-bin/do?" + command.replace(" ", "+"), timeout=2)

    def shell(self, command):
        self.world.host("sh", "-c", command)

    def is_served(self):
        """Does a stranger get the page?"""
        with contextlib.suppress(OSError):
            return bool(self.world.fetch(8080, timeout=0.7 * PACE))
        return False

    def listener(self, port):
        s = self.world.socket("host")
        self.addCleanup(s.close)
        s.bind(("0.0.0.0", port))
        s.listen()


class Verdicts(PortTest):
    def test_works(self):
        self.start(Forward="tcp/8080:80 tcp/9000-9010:80-90")
        verdict, checks = self.explain("tcp/8080", DONE)
        leads = "Forward=tcp/8080:80 sends connections to 10.0.0.2 tcp/80, which answers"
        self.assertEqual(verdict, f"tcp/8080 should work: {leads}; {NOT_TRIED}")
        self.assertEqual({name for name, (ok, _) in checks.items() if not ok}, {"from outside"})
        self.assertEqual(checks["from outside"], (None, "not tried: no connection from outside is tracked now"))
        self.assertIn("1 connections so far, and the test connection was counted", self.explain("tcp/8080", DONE)[1]["rules"][1])
        self.world.fetch(8080, part="host")  # nobody from outside
        self.assertIsNone(self.explain("tcp/8080", DONE)[1]["from outside"][0])
        self.world.fetch(8080)
        verdict, checks = self.explain("tcp/8080", DONE)
        self.assertIn("5 connections so far", checks["rules"][1])
        self.assertEqual(verdict, f"tcp/8080 works: {leads}; {INET} was served from outside")
        self.assertEqual(checks["from outside"], (True, f"{INET} was served"))
        self.assertIn("sends connections to 10.0.0.2 tcp/80,", self.explain("tcp/9000", DONE)[0])
        self.assertEqual(self.world.umlctl("port", "web", "8080", "--json").json["checks"][0]["ok"], True)
        p = self.world.umlctl("port", "web", "tcp/8080")
        lines = p.stdout.splitlines()
        self.assertEqual(lines[0], f"web: {verdict}")
        self.assertRegex(lines[1], r"^  ok  guest          running$")
        self.assertEqual(len(lines), 16)

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
        self.assertEqual({name for name, (ok, _) in checks.items() if not ok}, {"from outside"})
        self.shell("iptables-legacy -A INPUT -m conntrack --ctstate INVALID -j DROP")  # else a relay's are not tracked
        wait_until(self.is_served, 20, "the page")
        self.assertEqual(self.explain("tcp/8080", DONE)[1]["from outside"], (True, f"{INET} was served"))
        self.assertIn("nothing in the guest listens on tcp/81", self.explain("tcp/8081", FAILED)[0])

    # A rule of somebody else's before ours in FORWARD, and one that takes calls of the host itself.
    OTHERS = {
        "iptables": ("iptables-legacy -I FORWARD -p tcp -j DROP", "iptables-legacy -D FORWARD -p tcp -j DROP",
                     f"iptables-legacy -t nat -I OUTPUT -p tcp -d {HOST} --dport 8080 -j ACCEPT"),
        "nftables": ("nft 'add table ip own; add chain ip own f { type filter hook forward priority -2; }; "
                     "add rule ip own f meta l4proto tcp drop'", "nft delete chain ip own f",
                     "nft 'add chain ip own o { type nat hook output priority -101; }; "
                     "add rule ip own o tcp dport 8080 dnat to 192.0.2.1'"),
    }

    def test_rules_of_others(self):
        self.start(Forward="tcp/8080:80")
        before, away, instead = self.OTHERS[BACKEND or "iptables"]
        self.world.host("sh", "-c", before)
        verdict, checks = self.explain("tcp/8080", FAILED)
        self.assertIn("does not work: another firewall drops IPv4 connections to the guest: a rule in chain ", verdict)
        self.assertFalse(checks["firewall"][0])
        self.assertFalse(self.is_served())
        self.world.host("sh", "-c", away)
        wait_until(self.is_served, 20, "the page")
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


class Strangers(PortTest):
    """In each of these states nobody gets in, and the verdict says so, and why."""

    def assert_closed(self, why, port="tcp/8080", remedy=None):
        """To a stranger and by the verdict; with the remedy to both open again."""
        self.assertFalse(self.is_served())
        verdict, _ = self.explain(port, FAILED)
        self.assertIn(f"{port} does not work: {why}", verdict)
        if remedy:
            self.shell(remedy)
            wait_until(self.is_served, 10, "the page", 0.05)
            self.explain(port, DONE)

    def test_policy_of_nft(self):
        self.shell("nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'")
        self.start(Forward="tcp/8080:80", Backend="iptables")
        self.assert_closed("another firewall drops IPv4 connections to the guest: the policy of chain FORWARD of the nftables "
                           "table ip filter; nft insert rule ip filter FORWARD iifname tap0 accept && nft insert rule ip filter "
                           "FORWARD oifname tap0 accept", remedy="nft delete table ip filter")

    def test_policy_of_legacy(self):
        self.shell("iptables-legacy -P FORWARD DROP")
        self.start(Forward="tcp/8080:80", Backend="nftables")
        self.assert_closed("another firewall drops IPv4 connections to the guest: the policy of chain FORWARD of the legacy "
                           "iptables table filter; iptables-legacy -I FORWARD -i tap0 -j ACCEPT",
                           remedy="iptables-legacy -I FORWARD -i tap0 -j ACCEPT && iptables-legacy -I FORWARD -o tap0 -j ACCEPT")

    def test_before_it_is_forwarded(self):
        """A table that nobody expects, and a rule about the port as strangers know it."""
        self.start(Forward="tcp/8080:80")
        self.shell("iptables-legacy -t raw -A PREROUTING -i venet0 -p tcp --dport 8080 -j DROP")
        self.assert_closed("another firewall drops IPv4 connections to the guest: a rule in chain PREROUTING of the legacy "
                           "iptables table raw", remedy="iptables-legacy -t raw -F")

    def test_taken_elsewhere(self):
        self.start(Forward="tcp/8080:80", Backend="iptables")
        self.shell("iptables-legacy -t nat -I PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 192.0.2.1:80")
        self.assert_closed("a rule in chain PREROUTING of the legacy table nat takes the connection elsewhere",
                           remedy="iptables-legacy -t nat -D PREROUTING 1")

    def test_unknown_match(self):
        """What cannot be judged is no promise."""
        self.start(Forward="tcp/8080:80", Backend="iptables")
        self.shell("iptables-legacy -I FORWARD -m length --length 1000: -j DROP")
        p = self.world.umlctl("port", "web", "tcp/8080", "--json")
        self.assertEqual((p.returncode, p.json["works"]), (FAILED, None))
        self.assertIn("whether tcp/8080 works cannot be told: firewall: another firewall may drop IPv4 connections to the guest",
                      p.json["verdict"])

    def test_no_uplink(self):
        self.start(Forward="tcp/8080:80", Uplink="eth0")
        self.assert_closed("Uplink=eth0: the host has no such interface; set Uplink=venet0, or Uplink=auto")

    def test_uplink_down(self):
        self.start(Forward="tcp/8080:80", Uplink="venet0")
        self.shell("ip link set venet0 down")
        self.assert_closed("the uplink venet0 is down; ip link set venet0 up",
                           remedy="ip link set venet0 up; ip route add default dev venet0")

    def test_other_uplink(self):
        self.shell("ip link add lan0 type veth peer name lan1; ip link set lan0 up; ip link set lan1 up; "
                   "ip address add 192.0.2.1/24 dev lan0")
        self.start(Forward="tcp/8080:80", Uplink="lan0")
        self.assertIn("Uplink=lan0, but the host's route to the Internet goes through venet0", self.explain("tcp/8080", FAILED)[0])

    def test_no_address(self):
        """Somebody may route one to the host all the same, as here."""
        self.start(Forward="tcp/8080:80", Uplink="venet0")
        self.shell("ip address flush dev venet0; ip route add default dev venet0")
        wait_until(lambda: "has no public IPv4 address" in str(self.umld.status()["conditions"]), 10, "it to be seen")
        wait_until(self.is_served, 20, "the page")
        p = self.world.umlctl("port", "web", "tcp/8080", "--json")
        self.assertEqual((p.returncode, p.json["works"]), (FAILED, None))
        self.assertIn("whether tcp/8080 works cannot be told: address: the uplink has no public IPv4", p.json["verdict"])

    def test_ip_forward(self):
        """Asked before umld has set it again, which it does at once: so where it cannot."""
        self.start(Forward="tcp/8080:80")
        self.umld.signal(signal.SIGSTOP)
        self.shell("echo 0 >/proc/sys/net/ipv4/ip_forward; mount --bind /proc/sys/net/ipv4/ip_forward "
                   "/proc/sys/net/ipv4/ip_forward; mount -o remount,bind,ro /proc/sys/net/ipv4/ip_forward")
        self.umld.signal(signal.SIGCONT)
        self.assert_closed("net.ipv4.ip_forward is 0, so nothing passes between the guest and the uplink; sysctl -w "
                           "net.ipv4.ip_forward=1")

    def test_ipv6_without(self):
        self.start(Forward="tcp/8080:80", HostAddress6="fd00:1::1/64", GuestAddress6="fd00:1::2")
        self.explain("tcp/8080", DONE)
        self.assertEqual(self.explain("tcp6/8080", FAILED)[0], "tcp6/8080 does not work: the uplink venet0 has no global IPv6 "
                         "address, so the guest has no IPv6 beyond this host; give it one, or remove HostAddress6=")

    def test_relay(self):
        """Strangers meet the host's own firewall."""
        self.start(Proxy="tcp/8080:80")
        wait_until(self.is_served, 20, "the page")
        self.shell("iptables-legacy -P INPUT DROP; iptables-legacy -A INPUT -i lo -j ACCEPT; "
                   "iptables-legacy -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT")
        self.assert_closed("another firewall drops IPv4 connections to relayed ports: the policy of chain INPUT of the legacy "
                           "iptables table filter; iptables-legacy -I INPUT -p tcp --dport 8080 -j ACCEPT",
                           remedy="iptables-legacy -I INPUT -p tcp --dport 8080 -j ACCEPT")

    def with_stale_flow(self):
        """The checks of udp/5000 with such a connection, unless umld forgets it at once, as it does for a moment after it
        has changed its rules."""
        self.shell("conntrack -I -p udp -s 203.0.113.1 -d 203.0.113.10 --sport 4000 --dport 5000 -r 203.0.113.10 "
                   "-q 203.0.113.1 --reply-port-src 5000 --reply-port-dst 4000 -t 100 2>&1 || :")
        checks = self.explain("udp/5000", FAILED)[1]
        return None if checks["conntrack"][0] else checks

    def test_stale_flow(self):
        """One stranger talks on by a connection of the host's own that was there before the forward."""
        self.start(Forward="udp/5000 tcp/8080:80")
        checks = wait_until(self.with_stale_flow, what="a connection that umld does not find in its own search after the start")
        self.assertIn("packets of 203.0.113.1 do not reach the guest, because the host still tracks a connection from before "
                      "the forward; conntrack -D -p udp --orig-port-dst 5000", checks["conntrack"][1])
        self.shell("conntrack -D -p udp --orig-port-dst 5000 || :")  # umld may have found it by now
        self.assertTrue(self.explain("udp/5000", FAILED)[1]["conntrack"][0])


if __name__ == "__main__":
    main()
