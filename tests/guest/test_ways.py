#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts with more than one way out, with another one for IPv6, by a table of its own, or with IPv6 only."""

import contextlib
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import DEBIAN_KERNEL, DONE, FAR, HOST, IMAGE_ECHO, PATIENCE, TestCase, main, wait_until  # noqa: E402

SECOND = "203.0.113.130"  # the host's address by its second way out
IPV6 = {"HostAddress6": "fd00:0:0:1::1/64", "GuestAddress6": "fd00:0:0:1::2"}

NO_ROUTE6 = [("warning", "the host has no default route for IPv6: the guest reaches nothing on the Internet over IPv6; "
              "ip -6 route add default …")]


class WaysTest(TestCase):
    def ip(self, *arguments):
        self.world.host("ip", *arguments)

    def second_way(self):
        """eth1, to the same Internet."""
        pids = {part: self.world.run(part, "sh", "-c", "readlink /proc/self/ns/net").stdout.strip() for part in ("host", "inet")}
        self.assertNotEqual(pids["host"], pids["inet"])
        name = f"w{abs(hash(str(self.world.dir))) % 10**8}"
        self.ip("link", "add", "eth1", "type", "veth", "peer", "name", name)
        keeper = (self.world.dir / "inet.keeper").read_text(encoding="utf-8").split()[0]
        self.ip("link", "set", name, "netns", keeper)
        inet = lambda *a: self.world.run("inet", *a, check=True)
        inet("ip", "link", "set", name, "name", "isp1")
        inet("ip", "address", "add", "203.0.113.129/25", "dev", "isp1")
        inet("ip", "link", "set", "isp1", "up")
        self.ip("address", "add", f"{SECOND}/25", "dev", "eth1")
        self.ip("link", "set", "eth1", "up")


class Fake(WaysTest):
    def start(self, **network):
        self.world.guest(fake="boot,ready", Network=network)
        return self.daemon().wait_ready()

    def uplinks(self, umld):
        network = umld.status()["network"]
        return network["uplink"] or "", network["uplink6"] or ""

    def conditions(self, umld):
        """{name: [(state, sentence and remedy)]} of those that are not ok, in their order."""
        found = {}
        for c in umld.status()["conditions"]:
            if c["state"] in ("warning", "broken"):
                found.setdefault(c["name"], []).append((c["state"], f"{c['text']}; {c['remedy']}"))
        return found

    def wait_for(self, umld, **wanted):
        """Exactly these conditions are not ok."""
        with contextlib.suppress(TimeoutError, AssertionError):
            wait_until(lambda: self.conditions(umld) == wanted, 20, interval=0.05)
        self.assertEqual(self.conditions(umld), wanted)

    def filter(self, name, value):
        self.world.host("sh", "-c", f"echo {value} >/proc/sys/net/ipv4/conf/{name}/rp_filter")

    def test_multipath(self):
        """All next hops of the default route are uplinks; one that goes is one no more."""
        self.second_way()
        self.ip("route", "replace", "default", "nexthop", "dev", "venet0", "nexthop", "via", "203.0.113.129", "dev", "eth1")
        self.world.guest(fake="boot,ready", Network={"Forward": "tcp/8080:80"})
        self.assertIn("uplink        venet0 eth1", self.world.check("web").stdout)
        umld = self.daemon().wait_ready()
        self.assertEqual(self.uplinks(umld)[0], "venet0 eth1")
        text = str(self.world.tables("nat"))
        for name in ("venet0", "eth1"):
            self.assertIn(name, text)
        self.wait_for(umld)
        self.ip("route", "replace", "default", "dev", "venet0")
        wait_until(lambda: self.uplinks(umld)[0] == "venet0", 20, "one uplink")
        wait_until(lambda: "eth1" not in str(self.world.tables("nat")), 20, "its rules to be gone")
        self.assertEqual(umld.stop(), DONE)

    def test_named(self):
        self.second_way()
        umld = self.start(Uplink="eth1 venet0", Uplink6="six0", **IPV6)
        self.assertEqual(self.uplinks(umld), ("eth1 venet0", "six0"))
        self.wait_for(umld, uplink6=[("broken", "Uplink6=six0: the host has no such interface; "
                                      "set Uplink6= to an interface that ip link shows")] + NO_ROUTE6)
        self.assertEqual(umld.stop(), DONE)

    def test_one_is_down(self):
        """It is named; the guest goes on with the other one, whose filter does not mind."""
        self.second_way()
        self.ip("route", "replace", "default", "nexthop", "dev", "venet0", "nexthop", "via", "203.0.113.129", "dev", "eth1")
        for name in ("venet0", "eth1"):
            self.filter(name, 1)
        umld = self.start(Uplink="venet0 eth1")
        self.wait_for(umld)
        self.ip("link", "set", "eth1", "down")
        self.wait_for(umld, uplink=[("warning", "the uplink eth1 is down; ip link set eth1 up")])
        self.assertEqual(umld.status()["state"], "running")
        self.ip("link", "set", "eth1", "up")
        self.wait_for(umld)
        self.ip("address", "flush", "dev", "eth1")
        self.wait_for(umld, address=[("warning", "the uplink eth1 has no public IPv4 address; "
                                      "give it one, or set another Uplink=")])
        self.assertEqual(umld.stop(), DONE)

    def strict(self, name, way):
        return {"reverse-path": [("warning", f"rp_filter drops what arrives from the Internet on {name}, because the host's "
                                  f"route there goes through {way}; sysctl -w net.ipv4.conf.{name}.rp_filter=2")]}

    def test_one_is_not_named(self):
        self.second_way()
        self.ip("route", "replace", "default", "nexthop", "dev", "venet0", "nexthop", "via", "203.0.113.129", "dev", "eth1")
        umld = self.start(Uplink="venet0")
        self.wait_for(umld, route=[("warning", "Uplink=venet0, but the host's route to the Internet goes through eth1, too: what "
                                    "the guest sends there is not masqueraded, and nothing that comes in there is "
                                    "forwarded; add eth1 to Uplink=, or set Uplink=auto")])
        self.assertEqual(umld.stop(), DONE)

    def test_address_that_is_not_there(self):
        sentence = ("SNATAddress=203.0.113.77 is not an address of the host, so answers to the guest arrive only if they are "
                    "routed here; ip address add 203.0.113.77/32 dev venet0, or set another SNATAddress=")
        self.world.guest(fake="boot,ready", Network={"SNATAddress": "203.0.113.77"})
        self.assertIn(sentence, self.world.umlctl("check", "web").stdout)
        start = self.world.umlctl("start", "web")
        self.addCleanup(self.world.umlctl, "kill", "web")
        self.assertEqual(start.returncode, DONE, start.stderr)
        self.assertIn(f"umlctl: web: warning: {sentence}\n", start.stderr)
        self.ip("address", "add", "203.0.113.77/32", "dev", "venet0")
        wait_until(lambda: sentence not in self.world.umlctl("status", "web").stdout, 20, "the address to be found", 0.2)
        self.assertEqual(self.world.umlctl("stop", "web").returncode, DONE)

    def test_policy_table(self):
        """The default route in a table of its own, as wg-quick makes it, and none in the main table."""
        self.second_way()
        self.ip("route", "del", "default")
        self.ip("route", "add", "default", "via", "203.0.113.129", "dev", "eth1", "table", "51820")
        self.ip("rule", "add", "from", "all", "lookup", "51820")
        umld = self.start()
        self.assertEqual(self.uplinks(umld)[0], "eth1")
        self.wait_for(umld)
        self.assertEqual(umld.stop(), DONE)
        umld = self.start(Uplink="venet0")
        self.assertEqual(set(self.conditions(umld)), {"route"})
        self.assertIn("the host's route to the Internet goes through eth1:", str(self.conditions(umld)))
        self.assertEqual(umld.stop(), DONE)

    def test_policy_of_the_guest(self):
        """Its packets alone go by that table, so that the host itself has no way out."""
        self.second_way()
        self.ip("route", "del", "default")
        self.ip("route", "add", "default", "via", "203.0.113.129", "dev", "eth1", "table", "100")
        self.ip("rule", "add", "from", "10.0.0.2", "lookup", "100")
        umld = self.start(Uplink="eth1")
        self.wait_for(umld)
        self.ip("rule", "del", "from", "10.0.0.2")
        self.wait_for(umld, route=[("warning", "the host has no default route for IPv4: the guest reaches nothing on the "
                                    "Internet; ip route add default …")])
        self.assertEqual(umld.stop(), DONE)

    def test_vpn_beside_the_default_route(self):
        """Both halves of the Internet by a VPN that comes later, as OpenVPN makes it: what goes there is masqueraded, too."""
        self.second_way()
        umld = self.start()
        self.assertEqual(self.uplinks(umld)[0], "venet0")
        for half in ("0.0.0.0/1", "128.0.0.0/1"):
            self.ip("route", "add", half, "via", "203.0.113.129", "dev", "eth1")
        wait_until(lambda: self.uplinks(umld)[0] == "venet0 eth1", 20, "the VPN to be an uplink")
        self.wait_for(umld)
        self.filter("venet0", 1)
        self.wait_for(umld, **self.strict("venet0", "eth1"))
        self.assertEqual(umld.stop(), DONE)

    def test_ipv6_only(self):
        self.ip("route", "del", "default")
        self.ip("address", "add", "2001:db8::10/64", "dev", "venet0", "nodad")
        self.ip("-6", "route", "add", "default", "dev", "venet0")
        self.world.guest(fake="boot,ready", Network=IPV6)
        self.assertIn("none: the host has no IPv4 default route", self.world.check("web").stdout)
        umld = self.daemon().wait_ready()
        self.assertEqual(self.uplinks(umld), ("", "venet0"))
        self.wait_for(umld, route=[("warning", "the host has no default route for IPv4: the guest reaches nothing on the "
                                    "Internet over IPv4; ip route add default …")])
        # IPv4 that comes later is followed.
        self.ip("route", "add", "default", "dev", "venet0")
        wait_until(lambda: self.uplinks(umld)[0] == "venet0", 20, "the uplink of IPv4")
        self.assertEqual(umld.stop(), DONE)
        # A guest without IPv6 starts there, too: its ports may be relayed.
        self.ip("route", "del", "default")
        umld = self.start()
        self.assertEqual(self.uplinks(umld), ("", ""))
        self.assertEqual(set(self.conditions(umld)), {"uplink", "route"})
        self.assertEqual(umld.stop(), DONE)


class Real(WaysTest):
    shm = "256M"
    image_of = IMAGE_ECHO

    def start(self, **network):
        self.world.guest("web", kernel=DEBIAN_KERNEL, image=self.images / "guest.img", Guest={"Memory": "48M"},
                         Network={"Forward": "tcp/8080:80", **network}, Supervise={"Ready": "guest"})
        return self.daemon().wait_ready(60)

    def source(self, address):
        """Where a datagram of the guest's to that address comes from."""
        with self.world.socket(kind=socket.SOCK_DGRAM) as s:
            s.bind((address, 5353))
            s.settimeout(PATIENCE)
            with contextlib.suppress(OSError):
                self.world.fetch(8080, f"/cgi-bin/do?udp-echo+{address}+5353+hello", timeout=0.3 * PATIENCE)
            return s.recvfrom(100)[1][0]

    def test_two_ways(self):
        """What leaves by either has that one's address, and the page is served by both."""
        self.second_way()
        self.ip("route", "replace", "default", "nexthop", "dev", "venet0", "nexthop", "via", "203.0.113.129", "dev", "eth1")
        umld = self.start()
        self.world.fetch_when_served(8080)
        self.ip("route", "add", FAR, "via", "203.0.113.129", "dev", "eth1")
        self.assertEqual(self.source(FAR), SECOND)
        self.ip("route", "replace", FAR, "dev", "venet0")
        self.assertEqual(self.source(FAR), HOST)
        self.assertTrue(self.world.fetch(8080, address=SECOND))
        self.assertEqual(umld.stop(40), DONE)

    def test_protocol_without_ports(self):
        """GRE goes to the guest, as far as it is forwarded; what is answered there is the guest's."""
        def packet():
            with self.world.socket("host", socket.AF_PACKET, socket.SOCK_DGRAM) as s:
                s.bind(("tap0", 3))  # ETH_P_ALL
                s.settimeout(PATIENCE)
                self.world.run("inet", "python3", "-c", "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 47)"
                               f".sendto(bytes((0, 0, 8, 0)) + b'hello', ('{HOST}', 0))", check=True)
                with contextlib.suppress(OSError):
                    while True:
                        data = s.recv(2000)
                        if data[9] == 47:
                            return socket.inet_ntoa(data[16:20]), data[-5:]
            return None
        umld = self.start()
        self.world.fetch_when_served(8080)
        self.assertIsNone(packet())
        self.world.guest("web", kernel=DEBIAN_KERNEL, image=self.images / "guest.img", Guest={"Memory": "48M"},
                         Network={"Forward": ["tcp/8080:80", "proto/gre"]}, Supervise={"Ready": "guest"})
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        self.assertEqual(wait_until(packet, 10, "GRE at the guest's tap"), ("10.0.0.2", b"hello"))
        self.assertIn("proto/gre", umld.status()["network"]["forwards"])
        self.assertEqual(umld.stop(40), DONE)

    def test_chosen_address(self):
        other = "203.0.113.77"
        self.ip("address", "add", f"{other}/32", "dev", "venet0")
        self.world.run("inet", "ip", "route", "add", other, "dev", "isp0", check=True)
        umld = self.start(SNATAddress=other)
        self.world.fetch_when_served(8080)
        self.assertEqual(umld.status()["network"]["masquerade"], "snat")
        self.assertEqual(self.source(FAR), other)
        self.assertEqual(umld.stop(40), DONE)


if __name__ == "__main__":
    main()
