#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the host uses already is not taken: networks, gateways and taps, by choice and by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import DONE, FAILED, TestCase, main, wait_until  # noqa: E402


class Addresses(TestCase):
    def lan(self, address="10.0.0.55/24"):
        """Another network of the host's, behind its interface lan0."""
        self.world.host("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1")
        for link in ("lan0", "lan1"):
            # Duplicate address detection would end in the middle of a test.
            self.world.host("sysctl", "-qw", f"net.ipv6.conf.{link}.accept_dad=0")
            self.world.host("ip", "link", "set", link, "up")
        self.world.host("ip", "address", "add", address, "dev", "lan0")

    def route(self, *route):
        self.world.host("ip", "route", "add", *route)

    def fake(self, name="web", **network):
        return self.world.guest(name, fake="boot,ready", Supervise={"Restart": "no"}, Network=network)

    def network(self, umld):
        n = umld.status()["network"]
        return n["tap"], n["host"], n["guest"]

    def refusal(self, **network):
        """Why it is refused, by the check and by the start, which leave the host as it is."""
        self.fake(**network)
        before = self.world.snapshot()
        start = self.world.run("host", self.world.program("daemon/umld"), "web")
        check = self.world.umlctl("check", "web")
        self.assertEqual((start.returncode, check.returncode), (FAILED, FAILED), start.stderr + check.stderr)
        self.assert_same_host(before)
        why = check.stderr.strip().removeprefix("umld: ").removeprefix("umlctl: ")
        self.assertIn(why.split(": ", 1)[-1], start.stderr)
        return why

    def assert_chosen(self, host):
        """What the check says, and what the guest gets."""
        self.fake()
        guest = host.replace(".1/24", ".2")
        self.assertIn(f"tap0, host {host}, guest {guest},", self.world.umlctl("check", "web").stdout)
        umld = self.daemon().wait_ready()
        self.assertEqual(self.network(umld), ("tap0", host, guest))
        self.assertEqual(umld.stop(), DONE)


class Chosen(Addresses):
    def test_as_ever(self):
        """A check makes nothing, not even what guests share."""
        self.fake()
        for check in (["check", "web"], ["doctor", "web"]):
            self.world.umlctl(*check)
            self.assertFalse((self.world.runtime_dir / ".shared").exists(), check)
        self.assert_chosen("10.0.0.1/24")

    def test_uplink_has_it(self):
        self.lan()
        self.route("198.18.0.0/15", "via", "10.0.0.1")
        self.assert_chosen("10.0.1.1/24")

    def test_wide_network(self):
        self.lan("10.0.3.4/16")
        self.assert_chosen("10.1.0.1/24")

    def test_route_of_another_table(self):
        self.lan("192.0.2.1/24")
        self.route("10.0.0.0/23", "via", "192.0.2.9", "table", "77")
        self.assert_chosen("10.0.2.1/24")

    def test_all_of_ten_is_elsewhere(self):
        self.lan("192.0.2.1/24")
        self.route("10.0.0.0/8", "via", "192.0.2.9")
        self.assert_chosen("172.16.0.1/24")

    def test_nothing_but_the_last_block(self):
        self.route("unreachable", "10.0.0.0/8")
        self.route("blackhole", "172.16.0.0/12")
        self.assert_chosen("192.168.0.1/24")

    def test_gateways(self):
        self.lan("192.0.2.1/24")
        self.route("198.18.0.0/16", "via", "10.0.0.1", "dev", "lan0", "onlink")
        self.route("198.19.0.0/16", "nexthop", "via", "10.0.1.1", "dev", "lan0", "onlink", "nexthop", "via",
                   "10.0.2.1", "dev", "lan0", "onlink")
        self.assert_chosen("10.0.3.1/24")

    def test_halves_of_the_world(self):
        """A VPN that is the way to everywhere says nothing about what is in use."""
        self.lan("192.0.2.1/24")
        self.route("0.0.0.0/1", "via", "192.0.2.9")
        self.route("128.0.0.0/1", "via", "192.0.2.9")
        self.assert_chosen("10.0.0.1/24")

    def test_nothing_left(self):
        for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"):
            self.route("unreachable", block)
        self.assertIn("the host uses all private networks; set HostAddress=", self.refusal())

    def test_foreign_taps(self):
        for tap in ("tap0", "tap1"):
            self.world.host("ip", "tuntap", "add", tap, "mode", "tap")
        self.fake()
        umld = self.daemon().wait_ready()
        self.assertEqual(self.network(umld)[0], "tap2")
        self.assertEqual(umld.stop(), DONE)
        self.assertIn("tap1", self.world.host("ip", "-o", "link"))

    def test_kept(self):
        """It is the same the next time, and another one once it is taken."""
        self.lan()
        self.fake()
        umld = self.daemon().wait_ready()
        self.assertEqual(umld.stop(), DONE)
        self.world.host("ip", "link", "delete", "lan0")
        umld = self.daemon().wait_ready()
        self.assertEqual(self.network(umld), ("tap0", "10.0.1.1/24", "10.0.1.2"))
        umld.kill()  # what it leaves is no reason to change
        umld = self.daemon().wait_ready()
        self.assertEqual(self.network(umld), ("tap0", "10.0.1.1/24", "10.0.1.2"))
        self.assertEqual(umld.stop(), DONE)
        self.lan("10.0.1.7/24")
        umld = self.daemon().wait_ready()
        self.assertEqual(self.network(umld), ("tap0", "10.0.0.1/24", "10.0.0.2"))
        self.assertIn("10.0.1.1/24, overlaps 10.0.1.0/24 of lan0 (address 10.0.1.7)", umld.log)
        self.assertEqual(umld.stop(), DONE)

    def test_guest_address_alone(self):
        self.fake(GuestAddress="192.168.5.1")
        umld = self.daemon().wait_ready()
        self.assertEqual(self.network(umld)[1:], ("192.168.5.2/24", "192.168.5.1"))
        self.assertEqual(umld.stop(), DONE)

    def test_reload_changes_nothing(self):
        self.fake()
        umld = self.daemon().wait_ready()
        self.fake(Forward="tcp/8080:80")
        p = self.world.umlctl("reload", "web")
        self.assertEqual(p.returncode, DONE)
        self.assertNotIn("Address", p.stdout + p.stderr)
        self.assertEqual(self.network(umld), ("tap0", "10.0.0.1/24", "10.0.0.2"))
        self.assertIn("--dport 8080 -j DNAT --to-destination 10.0.0.2:80", "".join(self.world.tables("nat")))
        self.assertEqual(umld.stop(), DONE)


class Named(Addresses):
    shm = "256M"  # enough for two

    def test_connected_network_and_gateway(self):
        self.lan()
        self.route("198.18.0.0/15", "via", "10.0.0.1")
        self.assertEqual(self.refusal(HostAddress="10.0.0.1/24"),
                         "HostAddress=10.0.0.1/24: overlaps 10.0.0.0/24 of lan0 (address 10.0.0.55, gateway 10.0.0.1); "
                         "use 10.0.1.1/24, or HostAddress=auto")

    def test_route(self):
        self.lan("192.0.2.1/24")
        self.route("10.0.0.0/24", "via", "192.0.2.9")
        self.assertIn("overlaps 10.0.0.0/24 of lan0 (route); use 10.0.1.1/24", self.refusal(HostAddress="10.0.0.1/24"))

    def test_route_of_another_table(self):
        self.lan("192.0.2.1/24")
        self.route("10.0.0.64/26", "dev", "lan0", "table", "77")
        self.assertIn("overlaps 10.0.0.64/26 of lan0 (route of table 77)", self.refusal(HostAddress="10.0.0.1/24"))

    def test_guest_address_alone(self):
        self.lan()
        self.assertEqual(self.refusal(GuestAddress="10.0.0.2"),
                         "GuestAddress=10.0.0.2: its network overlaps 10.0.0.0/24 of lan0 (address 10.0.0.55); use "
                         "10.0.1.2, or GuestAddress=auto")

    def test_part_of_a_network_far_away(self):
        """Who divides a network that a router has for him knows what he does."""
        self.lan("192.0.2.1/24")
        self.route("10.0.0.0/8", "via", "192.0.2.9")
        self.fake(HostAddress="10.0.0.1/24")
        umld = self.daemon().wait_ready()
        self.assertEqual(umld.status()["network"]["warnings"], [])
        self.assertEqual(umld.stop(), DONE)

    def test_taken_by_another_guest(self):
        self.fake("mail", HostAddress="10.0.7.1/24")
        mail = self.daemon("mail").wait_ready()
        self.assertEqual(self.refusal(Tap="tap5", HostAddress="10.0.7.129/25"),
                         "HostAddress=10.0.7.129/25: overlaps 10.0.7.0/24 of guest mail; use 10.0.0.1/24, or "
                         "HostAddress=auto")
        self.assertEqual(mail.stop(), DONE)


class Several(Addresses):
    """Guests that say nothing about their network."""

    shm = "256M"
    names = ("web", "mail", "db", "shop")

    def test_at_the_same_moment(self):
        for name in self.names:
            self.fake(name)
        before = self.world.snapshot()
        daemons = {name: self.daemon(name) for name in self.names}
        networks = {name: self.network(umld.wait_ready()) for name, umld in daemons.items()}
        self.assertEqual(sorted(networks.values()),
                         [(f"tap{i}", f"10.0.{i}.1/24", f"10.0.{i}.2") for i in range(len(self.names))])
        for umld in daemons.values():
            self.assertEqual(umld.stop(), DONE)
        self.assert_same_host(before)
        for name in reversed(self.names):  # another order
            daemons[name] = self.daemon(name).wait_ready()
            self.assertEqual(self.network(daemons[name]), networks[name])
        for umld in daemons.values():
            self.assertEqual(umld.stop(), DONE)

    def test_stopped_guest_keeps_its_network(self):
        self.fake("web")
        self.assertEqual(self.daemon("web").wait_ready().stop(), DONE)
        self.fake("mail")
        mail = self.daemon("mail").wait_ready()
        self.assertEqual(self.network(mail), ("tap1", "10.0.1.1/24", "10.0.1.2"))
        self.assertEqual(mail.stop(), DONE)

    def test_configured_guest_is_left_its_network(self):
        """Though it has never been started."""
        self.fake("web", Tap="tap0", HostAddress="10.0.1.9/16")
        (self.world.config_dir / "bad.conf").write_text("nonsense\n")
        self.fake("mail")
        mail = self.daemon("mail").wait_ready()
        self.assertEqual(self.network(mail), ("tap1", "10.1.0.1/24", "10.1.0.2"))
        self.assertEqual(mail.stop(), DONE)

    def test_removed_guest_does_not(self):
        self.fake("web")
        self.assertEqual(self.daemon("web").wait_ready().stop(), DONE)
        (self.world.config_dir / "web.conf").unlink()
        self.fake("mail")
        mail = self.daemon("mail").wait_ready()
        self.assertEqual(self.network(mail), ("tap0", "10.0.0.1/24", "10.0.0.2"))
        self.assertEqual(mail.stop(), DONE)


class Later(Addresses):
    """As by DHCP, while the guest runs: told once and shown, and the guest lives."""

    def collide(self, device, come, go):
        self.fake()
        umld = self.daemon().wait_ready()
        pid = umld.guest_pid()
        self.assertEqual(umld.status()["network"]["warnings"], [])
        come()
        wait_until(lambda: umld.status()["network"]["warnings"], 40, "a warning", 0.05)
        warning, = umld.status()["network"]["warnings"]
        self.assertIn(f"that of 10.0.0.1/24 on tap0, overlaps 10.0.0.0/24 of {device} (address 10.0.0.55) by now", warning)
        self.assertIn("Warnings: " + warning, self.world.umlctl("status", "web").stdout)
        self.world.host("ip", "link", "set", "venet0", "mtu", "1400")  # another look
        go()
        wait_until(lambda: not umld.status()["network"]["warnings"], 40, "no warning", 0.05)
        self.assertEqual(umld.log.count("overlaps"), 1)
        self.assertEqual(umld.guest_pid(), pid)
        self.assertEqual(umld.stop(), DONE)

    def test_uplink(self):
        address = "10.0.0.55/24", "dev", "venet0"
        self.collide("venet0", lambda: self.world.host("ip", "address", "add", *address),
                     lambda: self.world.host("ip", "address", "delete", *address))

    def test_another_interface(self):
        self.collide("lan0", self.lan, lambda: self.world.host("ip", "link", "delete", "lan0"))


if __name__ == "__main__":
    main()
