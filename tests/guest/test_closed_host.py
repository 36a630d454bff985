#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A host whose firewall lets nothing out: umld still reaches its guest, or says that it cannot ask it, and does not
take that for the guest's fault."""

import os
import signal
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import BACKEND, DEBIAN_KERNEL, DONE, FAILED, IMAGE_SERVER, PACE, TestCase, main, wait_until  # noqa: E402

# As csf and the CIS benchmarks do: lo, what is established, and new connections by the uplink.
CLOSED = ("for t in iptables-legacy ip6tables-legacy; do $t -P OUTPUT DROP; $t -P INPUT DROP; "
          "for c in 'OUTPUT -o' 'INPUT -i'; do $t -A $c lo -j ACCEPT; $t -A $c venet0 -j ACCEPT; done; "
          "$t -A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT; done")
CLOSED_NFT = """nft '
table inet filter {
        chain output { type filter hook output priority 0; policy drop;
                oifname { lo, venet0 } accept; ct state established accept; }
        chain input { type filter hook input priority 0; policy drop;
                iifname { lo, venet0 } accept; ct state established accept; }
}'"""
# Rules that drop what ours have accepted, or precede them; and how each is taken away again.
FOREIGN = {
    "legacy drop": ("iptables-legacy -I OUTPUT -d 10.0.0.2 -j DROP", "iptables-legacy -D OUTPUT -d 10.0.0.2 -j DROP"),
    "legacy reject": ("iptables-legacy -I OUTPUT -d 10.0.0.2 -p tcp -j REJECT --reject-with tcp-reset",
                      "iptables-legacy -D OUTPUT -d 10.0.0.2 -p tcp -j REJECT --reject-with tcp-reset"),
    "nft drop": ("nft 'add table inet own; add chain inet own o { type filter hook output priority 5; policy drop; }; "
                 "add rule inet own o oifname != tap0 accept'", "nft delete table inet own"),
    "nft reject": ("nft 'add table inet own; add chain inet own o { type filter hook output priority -50; }; "
                   "add rule inet own o ip daddr 10.0.0.2 reject'", "nft delete table inet own"),
    "answers": ("nft 'add table inet own; add chain inet own i { type filter hook input priority 5; }; "
                "add rule inet own i iifname tap0 drop'", "nft delete table inet own"),
    "route": ("ip route add unreachable 10.0.0.2/32", "ip route del unreachable 10.0.0.2/32"),
}
REASONS = {"route": "the host has no route to the guest",
           "answers": "the host's own firewall does not let the guest's answer in"}
FIREWALL = "the host's own firewall does not let it out"
TIMEOUT = 2 * PACE


class ClosedHost(TestCase):
    shm = "256M"
    image_of = IMAGE_SERVER

    def start(self, **network):
        self.world.guest("web", kernel=DEBIAN_KERNEL, image=self.images / "guest.img",
                         Network={"Forward": "tcp/8080:80", "Proxy": "tcp/8081:80", **network},
                         Supervise={"Ready": "guest", "Probe": "http/80/", "HangCheck": "200ms",
                                    "HangTimeout": f"{TIMEOUT * 1000:.0f}ms"})
        return self.daemon().wait_ready(60)

    def shell(self, command):
        self.world.host("sh", "-ec", command)

    def wait_probe(self, umld, state):
        wait_until(lambda: umld.status()["probe"]["state"] == state, 20 + 2 * TIMEOUT, f"a probe that is {state}", 0.05)

    def assert_served(self):
        for port in (8080, 8081):
            self.assertTrue(self.world.fetch_when_served(port))

    @unittest.skipIf(BACKEND == "nftables", "no table of nftables accepts for those of others")
    def test_lets_nothing_out(self):
        """… but what umld sends to its guest, and the guest's answers, whoever may use the host itself."""
        self.shell(CLOSED)
        for access in ("icmp", "all"):
            with self.subTest(HostAccess=access):
                umld = self.start(HostAccess=access)
                self.wait_probe(umld, "good")
                self.assert_served()
                for port in ("tcp/8080", "tcp/8081"):
                    p = self.world.umlctl("port", "web", port)
                    self.assertEqual(p.returncode, DONE, p.stdout)
                time.sleep(TIMEOUT + 1)
                self.assertEqual((umld.status()["probe"]["state"], umld.status()["restarts"]), ("good", 0))
                self.assertEqual(umld.stop(40), DONE)

    @unittest.skipIf(BACKEND == "nftables", "no table of nftables accepts for those of others")
    def test_release(self):
        """… and what tells umld that a service is back: a held connection does not wait for HoldTimeout=."""
        self.shell(CLOSED)
        self.world.guest("web", kernel=DEBIAN_KERNEL, image=self.images / "guest.img",
                         Network={"Forward": "tcp/8080:80", "HoldTimeout": "5min"})
        umld = self.daemon().wait_ready(60)
        self.world.fetch_when_served()
        before = umld.status()["held"]["total"]
        os.kill(umld.guest_pid(), signal.SIGKILL)
        wait_until(lambda: umld.status()["state"] != "running", what="the end of the guest")
        self.assertTrue(self.world.fetch(8080, timeout=60 * PACE))
        self.assertEqual(umld.status()["held"]["total"], before + 1)
        self.assertEqual(umld.stop(40), DONE)

    def test_closed_by_nftables(self):
        """Other tables cannot be overruled: the page is served, umld cannot ask, and its remedy works."""
        self.shell(CLOSED_NFT)
        umld = self.start()
        self.wait_probe(umld, "cannot be asked")
        self.assertTrue(self.world.fetch_when_served(8080))
        self.assertIn("cannot be asked: the host's own firewall does not let it out; accept what goes out by tap0 there", umld.log)
        time.sleep(1.5 * TIMEOUT)
        self.assertEqual((umld.status()["state"], umld.status()["restarts"]), ("running", 0))
        self.shell("nft insert rule inet filter output oifname tap0 accept")
        self.wait_probe(umld, "good")
        self.assert_served()
        self.assertEqual(self.world.umlctl("port", "web", "tcp/8080").returncode, DONE)
        self.assertEqual(umld.stop(40), DONE)

    def test_cannot_be_asked(self):
        """A rule or a route of others' is in the way: said once, shown, and the guest stays up."""
        umld = self.start()
        self.wait_probe(umld, "good")
        for name, (close, reopen) in FOREIGN.items():
            with self.subTest(name):
                said = umld.log.count("cannot be asked")
                why = REASONS.get(name, FIREWALL)
                self.shell(close)
                self.wait_probe(umld, "cannot be asked")
                self.assertEqual(umld.status()["probe"]["services"]["http/80/"], f"cannot be asked: {why}")
                if name != "route":
                    p = self.world.umlctl("port", "web", "tcp/8080")
                    self.assertEqual(p.returncode, FAILED)
                    self.assertIn(f"whether tcp/8080 works cannot be told: umld cannot connect to the guest: {why}", p.stdout)
                time.sleep(1.5 * TIMEOUT)
                self.assertEqual((umld.status()["state"], umld.status()["restarts"]), ("running", 0))
                self.assertEqual(umld.log.count("cannot be asked"), said + 1, umld.log)
                self.shell(reopen)
                self.wait_probe(umld, "good")
        self.assertEqual(umld.stop(40), DONE)

    def test_guest_is_still_to_blame(self):
        """… for what it does not answer itself."""
        umld = self.start()
        self.wait_probe(umld, "good")
        self.shell("iptables-legacy -I OUTPUT -d 10.0.0.2 -j DROP")
        self.wait_probe(umld, "cannot be asked")
        try:
            self.world.fetch(8080, "/cgi-bin/do?killall+httpd", timeout=2)
        except OSError:
            pass
        time.sleep(TIMEOUT)
        self.assertEqual(umld.status()["state"], "running")
        self.shell("iptables-legacy -D OUTPUT -d 10.0.0.2 -j DROP")
        wait_until(lambda: umld.status()["restarts"] > 0, 40, "a restart")
        self.assertEqual(umld.status()["last_exit"]["verdict"], "hung")
        umld.stop(40)


if __name__ == "__main__":
    main()
