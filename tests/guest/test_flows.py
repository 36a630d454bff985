#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Flows that are older than the rules: what contradicts the rules is forgotten, and nothing else."""

import contextlib
import signal
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import (BACKEND, DEBIAN_KERNEL, DONE, FAR, GUEST_ADDRESS, HOST, IMAGE_ECHO, PATIENCE, TestCase, main,  # noqa: E402
                      wait_until)

FLUSH = {"iptables": "iptables-legacy -t nat -F",
         # Without any rule nothing would be tracked.
         "nftables": "nft 'flush chain inet umld-web prerouting; flush chain inet umld-web postrouting'"}[BACKEND or "iptables"]


class Flows(TestCase):
    """A page on port 80, an echo of TCP on 7, and of UDP on 6000 to 6003; a client that keeps its port."""
    shm = "256M"
    image_of = IMAGE_ECHO

    def configure(self, *forwards, **network):
        self.world.guest("web", kernel=DEBIAN_KERNEL, image=self.images / "guest.img", Guest={"Memory": "48M"},
                         Network={"Forward": ["tcp/8080:80", "tcp/2007:7", *forwards], **network},
                         Supervise={"Ready": "guest"})

    def reload(self, *forwards, **network):
        self.configure(*forwards, **network)
        p = self.world.umlctl("reload", "web")
        self.assertEqual(p.returncode, DONE, p.stderr)

    def start(self, *forwards, **network):
        self.configure(*forwards, **network)
        umld = self.daemon().wait_ready(60)
        self.order("udp-echo 6000 6003")
        return umld

    def order(self, command):
        return self.world.fetch(8080, "/cgi-bin/do?" + command.replace(" ", "+"), timeout=20 * PATIENCE)

    def client(self):
        s = self.world.socket(kind=socket.SOCK_DGRAM)
        self.addCleanup(s.close)
        s.settimeout(0.2 * PATIENCE)
        return s

    @staticmethod
    def answered(s, port=6000):
        s.sendto(b"hello", (HOST, port))
        with contextlib.suppress(OSError):
            return s.recvfrom(100) == (b"hello", (HOST, port))
        return False

    def wait_answer(self, s, port=6000):
        """The client sends all the time, as WireGuard does: its flow never gets old."""
        wait_until(lambda: self.answered(s, port), 20, f"an answer to the same client on udp/{port}")

    def tracked(self, *options):
        return self.world.run("host", "conntrack", "-L", *options).stdout.splitlines()

    def session(self, port=2007):
        def connect():
            s = self.world.socket()
            s.settimeout(5 * PATIENCE)
            with contextlib.suppress(ConnectionRefusedError):  # its inetd begins as it likes
                s.connect((HOST, port))
                return s
            return s.close()
        s = wait_until(connect, 10, f"a session by tcp/{port}")
        self.addCleanup(s.close)
        self.assert_alive(s)
        return s

    def assert_alive(self, s):
        s.sendall(b"hello")
        self.assertEqual(s.recv(100), b"hello")

    def test_older_than_the_forward(self):
        """… by a start, and by a reload. TCP connections through the guest live on."""
        s = self.client()
        for _ in range(3):
            self.assertFalse(self.answered(s))
        umld = self.start("udp/6000")
        self.wait_answer(s)
        session, other = self.session(), self.client()
        for _ in range(3):
            self.assertFalse(self.answered(other, 6001))
        self.reload("udp/6000-6001")
        self.wait_answer(other, 6001)
        self.assert_alive(session)
        self.assertTrue(self.answered(s))
        self.assertIn("contradicted the guest's firewall rules and were deleted", umld.log)

    def test_born_without_rules(self):
        """While somebody flushes nat, a client's flow to the host and one of the guest's to the Internet begin."""
        umld = self.start("udp/6000")
        session = self.session()
        s = self.client()

        def bare():
            return any("dport=5353" in line for line in self.tracked("-p", "udp", "-s", GUEST_ADDRESS))
        umld.signal(signal.SIGSTOP)  # the flush is not repaired until both flows are there
        try:
            self.world.host("sh", "-ec", FLUSH)
            self.assertFalse(self.answered(s))
            with contextlib.suppress(OSError):
                self.world.fetch(80, f"/cgi-bin/do?udp-echo+{FAR}+5353+hello", GUEST_ADDRESS, "host", 0.5)
            wait_until(bare, 10, "a flow of the guest's own")
        finally:
            umld.signal(signal.SIGCONT)
        self.wait_answer(s)
        wait_until(lambda: not bare(), 10, "the guest's flow to be forgotten")
        self.assert_alive(session)
        self.assertIn("have been restored", umld.log)

    def test_forward_taken_away(self):
        """Nothing of it passes any more, of UDP and TCP; the other forward's connections go on."""
        umld = self.start("udp/6000-6001", "tcp/2008:7")
        s, other, session = self.client(), self.client(), self.session()
        self.wait_answer(s)
        self.wait_answer(other, 6001)
        lost = self.session(2008)
        self.reload("udp/6001")
        # An answer that the guest sends just then would open a flow of its own, which is allowed.
        wait_until(lambda: "contradicted the guest's firewall" in umld.log, 20, "the flows to be deleted")
        self.assertFalse(any(self.answered(s) for _ in range(5)))
        with self.assertRaises(OSError):
            for _ in range(20):
                self.assert_alive(lost)
                time.sleep(0.1)
        self.assert_alive(session)
        self.assertTrue(self.answered(other, 6001))
        self.assertEqual(umld.stop(40), DONE)
        wait_until(lambda: not any("src=10.0.0.2" in line for line in self.tracked()), 10, "nothing of the guest's")

    def test_foreign_forward(self):
        """What an administrator's own rule leads to the guest is nobody's business."""
        umld = self.start("udp/6001")
        s = self.client()
        self.world.host("sh", "-ec", "iptables-legacy -t nat -I PREROUTING -p udp --dport 6000 -j DNAT --to 10.0.0.2; "
                                     "iptables-legacy -I FORWARD -p udp -d 10.0.0.2 -j ACCEPT")
        self.wait_answer(s)
        before = [line for line in self.tracked("-p", "udp", "-o", "id") if "dport=6000" in line]
        self.reload("udp/6001-6002")
        wait_until(lambda: "udp/6001-6002" in str(umld.status()["network"]["forwards"]), 10)
        time.sleep(1)
        self.wait_answer(s)

        def number(lines):
            return [word for line in lines for word in line.split() if word.startswith("id=")]
        self.assertEqual(number(line for line in self.tracked("-p", "udp", "-o", "id") if "dport=6000" in line), number(before))

    def test_address_lost(self):
        """A flow of the guest's that has an address of the host's which is no more: with SNAT nobody else ends it."""
        self.world.host("ip", "address", "add", "203.0.113.77/32", "dev", "venet0")
        umld = self.start(Masquerade="snat")
        far = self.world.socket(kind=socket.SOCK_DGRAM)
        self.addCleanup(far.close)
        far.bind((FAR, 5353))
        far.settimeout(0.3 * PATIENCE)

        def source():
            """Of a datagram from a port of the guest's that stays the same."""
            try:
                self.order(f"udp-echo {FAR} 5353 hello")
            except OSError:
                pass
            with contextlib.suppress(OSError):
                return far.recvfrom(100)[1][0]
            return None
        self.assertEqual(source(), HOST)
        self.assertTrue(any(f"dst={HOST}" in line and "dport=5353" in line for line in self.tracked("-p", "udp")))
        self.world.host("ip", "address", "del", f"{HOST}/32", "dev", "venet0")
        wait_until(lambda: not any("dport=5353" in line for line in self.tracked("-p", "udp")), 20, "the flow to be forgotten")
        umld.stop(40)


if __name__ == "__main__":
    main()
