#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""IPv4 addresses in those of IPv6, by which a router leads to where the guest must not go."""

import ipaddress
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from test_bars import FAR6, INET6, METADATA, OTHER, BarsTest, Rogue
from umldtest import FAR, INET, main

NAT64, SIX_TO_FOUR, LOCAL = "64:ff9b::/96", "2002::/16", "64:ff9b:1::/48"
EVERYTHING = "internet link metadata neighbours"
WRITTEN = ("::ffff:0:0", "::", "::ffff:0:0:0")  # with the address behind


def embedded(network, address):
    """The IPv6 address with that of IPv4 right behind the network's bits."""
    n, a = ipaddress.ip_network(network), int(ipaddress.ip_address(address))
    return str(n[(a << (96 - n.prefixlen)) + (n.prefixlen < 96)])


class Translated(BarsTest):
    TARGETS = {"internet": [FAR], "link": [INET], "metadata": [METADATA[4], "100.100.100.200", "168.63.129.16", "192.0.0.192"],
               "neighbours": [OTHER[4], "127.0.0.1", "192.168.0.1"]}

    def setUp(self):
        super().setUp()
        self.world.host("ip", "-6", "route", "replace", "default", "via", INET6, "dev", "venet0")  # who would translate

    def assert_reaches(self, rogue, reached, target):
        if reached:
            self.assert_leaves(rogue, target)
        else:
            self.assert_held(rogue, target)

    def test_levels(self):
        """As the IPv4 address itself."""
        self.start()
        rogue = Rogue(self)
        self.sniff()
        for reach in ("internet", "internet link", "internet metadata", "internet neighbours", EVERYTHING, "no"):
            with self.subTest(reach=reach):
                self.reload(Reach=reach)
                for network in (NAT64, SIX_TO_FOUR):
                    for word, addresses in self.TARGETS.items():
                        for address in addresses:
                            self.assert_reaches(rogue, word in reach.split(), embedded(network, address))
                self.assert_reaches(rogue, reach == EVERYTHING, embedded(LOCAL, FAR))

    def test_networks(self):
        """Those that the configuration names."""
        self.start()
        rogue = Rogue(self)
        self.sniff()
        for reach, reached in ((f"internet {METADATA[4]}", {embedded(n, METADATA[4]) for n in (NAT64, SIX_TO_FOUR)}),
                               (f"internet {NAT64}", {embedded(NAT64, a) for a in (METADATA[4], INET)}),
                               (f"internet {LOCAL}", {embedded(LOCAL, FAR)})):
            with self.subTest(reach=reach):
                self.reload(Reach=reach)
                for target in {embedded(n, a) for n in (NAT64, SIX_TO_FOUR) for a in (METADATA[4], INET)} | {embedded(LOCAL, FAR)}:
                    self.assert_reaches(rogue, target in reached, target)

    def test_written(self):
        """What only sockets say never leaves, whatever Reach= has."""
        self.start()
        rogue = Rogue(self)
        self.sniff()
        for reach in ("internet", EVERYTHING, f"internet ::ffff:{FAR}"):
            self.reload(Reach=reach)
            for first in WRITTEN:
                for address in (FAR, INET, METADATA[4]):
                    target = str(ipaddress.ip_address(first) + int(ipaddress.ip_address(address)))
                    self.assert_held(rogue, target)
            self.assert_leaves(rogue, FAR6)

    def test_services(self):
        """Where clouds tell each machine its secrets, by either family."""
        self.start()
        rogue = Rogue(self)
        self.sniff()
        self.world.host("ip", "route", "replace", "default", "via", INET, "dev", "venet0")
        services = (*self.TARGETS["metadata"], METADATA[6], "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42", "fd00:a9fe:a9fe::1",
                    "fd00:100::100:200")
        for reach in ("internet", "internet metadata"):
            self.reload(Reach=reach)
            for target in services:
                with self.subTest(reach=reach, target=target):
                    self.assert_reaches(rogue, "metadata" in reach, target)


if __name__ == "__main__":
    main()
