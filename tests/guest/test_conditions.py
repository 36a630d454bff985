#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guest's network relies on: looked at again while the host changes, repaired where that is umld's, else told
with the remedy, which helps."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import DONE, TestCase, main, wait_until  # noqa: E402


class Conditions(TestCase):
    def start(self, name="web", **network):
        network.setdefault("Forward", "tcp/8080:80")
        self.world.guest(name, fake="boot,ready", Supervise={"Restart": "no"}, Network=network)
        return self.daemon().wait_ready()

    def conditions(self, umld):
        """{name: (state, sentence, remedy)}, of each name the worst."""
        found = {}
        for c in umld.status()["conditions"]:
            rank = ["ok", "unused", "unknown", "warning", "broken"].index
            if c["name"] not in found or rank(c["state"]) > rank(found[c["name"]][0]):
                found[c["name"]] = (c["state"], c["text"], c["remedy"])
        return found

    def wait_for(self, umld, name, state, within=15):
        return wait_until(lambda: (c := self.conditions(umld)[name])[0] == state and c, within,
                          f"{name} to be {state}: {self.conditions(umld)[name]}", 0.05)

    def sysctl(self, name, value=None):
        path = "/proc/sys/" + name
        if value is not None:
            self.world.host("sh", "-c", f"echo {value} >{path}")
        return self.world.host("cat", path).strip()


class Simple(Conditions):
    def test_all_well(self):
        umld = self.start()
        for stock in ("memory", "disk-space"):
            self.wait_for(umld, stock, "ok")
        states = {name: state for name, (state, _, _) in self.conditions(umld).items()}
        conntrack = states.pop("conntrack")
        self.assertIn(conntrack, ("ok", "unknown"))  # the machine's namespace decides
        self.assertEqual(states, {
            "uplink": "ok", "address": "ok", "route": "ok", "reverse-path": "ok", "forwarding": "ok", "firewall": "ok",
            "snat": "unused", "uplink6": "unused", "forwarding6": "unused", "firewall6": "unused", "proxy-ndp": "unused",
            "rules": "ok", "tap": "ok", "network": "ok", "forwards": "ok", "memory": "ok", "disk-space": "ok",
            "directories": "ok"})
        self.assertEqual(umld.status()["network"]["warnings"], [])
        self.assertEqual(umld.stop(), DONE)

    def test_ip_forward(self):
        umld = self.start()
        self.sysctl("net/ipv4/ip_forward", 0)
        wait_until(lambda: self.sysctl("net/ipv4/ip_forward") == "1", 5, "ip_forward to be set again")
        wait_until(lambda: "net.ipv4.ip_forward was set to 0 by another program, and has been enabled again" in umld.log)
        self.wait_for(umld, "forwarding", "ok")
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(self.sysctl("net/ipv4/ip_forward"), "0")

    def test_wrong_uplink(self):
        self.world.guest("web", fake="boot,ready", Network={"Uplink": "eth0", "Forward": "tcp/8080:80"})
        sentence = "Uplink=eth0: the host has no such interface; set Uplink=venet0, or Uplink=auto"
        self.assertIn(sentence, self.world.umlctl("check", "web").stdout)
        start = self.world.umlctl("start", "web")
        self.addCleanup(self.world.umlctl, "kill", "web")
        self.assertEqual(start.returncode, DONE, start.stderr)
        self.assertIn(f"umlctl: web: warning: {sentence}\n", start.stderr)
        self.assertIn(sentence, self.world.umlctl("status", "web").stdout)
        self.assertIn(sentence, self.world.umlctl("status", "web", "--json").json["network"]["warnings"])
        self.assertEqual(self.world.umlctl("stop", "web").returncode, DONE)

    def test_not_by_the_default_route(self):
        self.world.host("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1")
        self.world.host("sh", "-c", "ip link set lan0 up; ip link set lan1 up; ip address add 192.0.2.1/24 dev lan0")
        self.sysctl("net/ipv4/conf/lan0/rp_filter", 1)
        umld = self.start(Uplink="lan0")
        c = self.conditions(umld)
        self.assertEqual(c["route"][0::2], ("warning", "set Uplink=venet0, or Uplink=auto"))
        self.assertEqual(c["reverse-path"][0], "broken")
        self.sysctl("net/ipv4/conf/lan0/rp_filter", 2)
        self.wait_for(umld, "reverse-path", "ok")
        self.assertEqual(umld.stop(), DONE)

    def test_uplink_changes(self):
        umld = self.start(Uplink="venet0")
        self.world.host("ip", "link", "set", "venet0", "down")
        self.assertEqual(self.wait_for(umld, "uplink", "broken")[1:],
                         ("the uplink venet0 is down", "ip link set venet0 up"))
        self.assertEqual(self.conditions(umld)["route"][0], "warning")
        self.world.host("ip", "link", "set", "venet0", "up")
        self.wait_for(umld, "uplink", "ok")
        self.world.host("ip", "route", "add", "default", "dev", "venet0")
        self.wait_for(umld, "route", "ok")
        self.world.host("ip", "address", "flush", "dev", "venet0")
        self.wait_for(umld, "address", "broken")
        self.world.host("ip", "address", "add", "203.0.113.10/32", "dev", "venet0")
        self.wait_for(umld, "address", "ok")
        self.assertIn("uplink: ok again", umld.log)
        self.assertEqual(umld.stop(), DONE)

    def test_signal(self):
        umld = self.start(Uplink="venet0")
        bus = self.listen_to_signals()
        self.world.host("ip", "link", "set", "venet0", "down")
        self.wait_for(umld, "uplink", "broken")
        self.world.host("ip", "link", "set", "venet0", "up")
        self.wait_for(umld, "uplink", "ok")
        signals = self.signals_heard(bus)
        for state in (rb"broken\0.{4,8}the uplink venet0 is down", rb"ok\0"):
            self.assertRegex(signals, rb"(?s)ConditionChanged.*\0uplink\0.{1,8}" + state)
        self.assertEqual(umld.stop(), DONE)

    def test_tap_down(self):
        umld = self.start()
        self.world.host("ip", "link", "set", "tap0", "down")
        wait_until(lambda: "tap0 was set down by another program, and has been set up again" in umld.log)
        self.assertIn("10.0.0.2", self.world.host("ip", "neighbour", "show", "nud", "permanent"))
        self.wait_for(umld, "tap", "ok")
        self.assertEqual(umld.stop(), DONE)

    def test_bare_policy(self):
        """No rule changes by it, nor the size of a table, and the kernel tells nobody; but iptables takes the lock."""
        umld = self.start(Backend="nftables")  # whose rules do not keep a packet from that
        for policy, state in (("DROP", "broken"), ("ACCEPT", "ok")):
            self.world.host("iptables-legacy", "-P", "FORWARD", policy)
            wait_until(lambda state=state: self.conditions(umld)["firewall"][0] == state, 12, f"firewall {state}", 0.05)
        # Again after the lock's file was replaced.
        self.world.host("sh", "-c", 'rm "$XTABLES_LOCKFILE"; iptables-legacy -P FORWARD DROP')
        wait_until(lambda: self.conditions(umld)["firewall"][0] == "broken", 12, "firewall broken", 0.05)
        self.assertEqual(umld.stop(), DONE)

    def test_ipv6(self):
        umld = self.start(HostAddress6="fd00:1::1/64", GuestAddress6="fd00:1::2")
        self.assertEqual(self.wait_for(umld, "uplink6", "warning")[1],
                         "the uplink venet0 has no global IPv6 address, so the guest has no IPv6 beyond this host")
        self.world.host("ip", "address", "add", "2001:db8::10/64", "dev", "venet0", "nodad")
        self.world.host("ip", "-6", "route", "add", "default", "dev", "venet0")
        self.wait_for(umld, "uplink6", "ok")
        self.sysctl("net/ipv6/conf/all/forwarding", 0)
        wait_until(lambda: self.sysctl("net/ipv6/conf/all/forwarding") == "1", 5, "IPv6 forwarding to be set again")
        self.wait_for(umld, "forwarding6", "ok")
        self.assertEqual(umld.stop(), DONE)


if __name__ == "__main__":
    main()
