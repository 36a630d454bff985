#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts with more than one way out, with another one for IPv6, by a table of its own, or with IPv6 only."""

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import (BUILD, DEBIAN_KERNEL, DONE, FAR, HOST, MAKE_GUEST, PATIENCE, SOURCE, TestCase, main,  # noqa: E402
                      wait_until)

SECOND = "203.0.113.130"  # the host's address by its second way out
IPV6 = {"HostAddress6": "fd00:0:0:1::1/64", "GuestAddress6": "fd00:0:0:1::2"}


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
        self.ip("route", "replace", "default", "dev", "venet0")
        wait_until(lambda: self.uplinks(umld)[0] == "venet0", 20, "one uplink")
        wait_until(lambda: "eth1" not in str(self.world.tables("nat")), 20, "its rules to be gone")
        self.assertEqual(umld.stop(), DONE)

    def test_named(self):
        self.second_way()
        umld = self.start(Uplink="eth1 venet0", Uplink6="six0", **IPV6)
        self.assertEqual(self.uplinks(umld), ("eth1 venet0", "six0"))
        self.assertEqual(umld.stop(), DONE)

    def test_policy_table(self):
        """The default route in a table of its own, as wg-quick makes it, and none in the main table."""
        self.second_way()
        self.ip("route", "del", "default")
        self.ip("route", "add", "default", "via", "203.0.113.129", "dev", "eth1", "table", "51820")
        self.ip("rule", "add", "from", "all", "lookup", "51820")
        umld = self.start()
        self.assertEqual(self.uplinks(umld)[0], "eth1")
        self.assertEqual(umld.stop(), DONE)

    def test_vpn_beside_the_default_route(self):
        """Both halves of the Internet by a VPN, as OpenVPN makes it: what goes there is masqueraded, too."""
        self.second_way()
        for half in ("0.0.0.0/1", "128.0.0.0/1"):
            self.ip("route", "add", half, "via", "203.0.113.129", "dev", "eth1")
        umld = self.start()
        self.assertEqual(self.uplinks(umld)[0], "venet0 eth1")
        self.assertEqual(umld.stop(), DONE)

    def test_ipv6_only(self):
        self.ip("route", "del", "default")
        self.ip("-6", "route", "add", "default", "dev", "venet0")
        self.world.guest(fake="boot,ready", Network=IPV6)
        self.assertIn("none: the host has no IPv4 default route", self.world.check("web").stdout)
        umld = self.daemon().wait_ready()
        self.assertEqual(self.uplinks(umld), ("", "venet0"))
        # IPv4 that comes later is followed.
        self.ip("route", "add", "default", "dev", "venet0")
        wait_until(lambda: self.uplinks(umld)[0] == "venet0", 20, "the uplink of IPv4")
        self.assertEqual(umld.stop(), DONE)
        # A guest without IPv6 starts there, too: its ports may be relayed.
        self.ip("route", "del", "default")
        umld = self.start()
        self.assertEqual(self.uplinks(umld), ("", ""))
        self.assertEqual(umld.stop(), DONE)


class Real(WaysTest):
    shm = "256M"

    @classmethod
    def setUpClass(cls):
        cls.images = Path(tempfile.mkdtemp(prefix="umld-ways.", dir="/var/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.images)
        overlay = cls.images / "overlay"
        (overlay / "bin").mkdir(parents=True)
        shutil.copy(BUILD / "tests/guest/udp-echo", overlay / "bin")
        subprocess.run([MAKE_GUEST, "--overlay", SOURCE / "tests/guest/overlay", "--overlay", overlay,
                        cls.images / "guest.img"], check=True, timeout=60)

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
