#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Other firewalls on the host, the real ones: what they drop is seen, is told with the remedy, and the remedy helps;
tried by a stranger's connections to a real guest, and by the guest's to a stranger."""

import contextlib
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from firewalls import DOCKER, Firewalld, Ufw  # noqa: E402
from umldtest import DEBIAN_KERNEL, DONE, FAILED, IMAGE_SERVER, INET, PACE, TestCase, main, wait_until  # noqa: E402


class Firewalls(TestCase):
    image_of = IMAGE_SERVER

    def start(self, **network):
        self.world.guest("web", kernel=DEBIAN_KERNEL, image=self.images / "guest.img", Guest={"Memory": "48M"},
                         Network={"Forward": "tcp/8080:80", **network}, Supervise={"Ready": "guest", "Restart": "no"})
        self.umld = self.daemon().wait_ready(60)

    def firewall(self):
        """Those of the conditions about other firewalls that are not met."""
        return [c for c in self.umld.status()["conditions"] if c["name"] == "firewall" and c["state"] != "ok"]

    def served(self):
        with contextlib.suppress(OSError):
            return bool(self.world.fetch(8080, timeout=1.5 * PACE))
        return False

    def gets_out(self):
        """Does a connection of the guest reach somebody? It is made from the inside, past all forwards."""
        with self.world.socket("inet") as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((INET, 7000))
            s.listen()
            s.settimeout(3 * PACE)
            with self.world.socket("host") as order:
                order.settimeout(2 * PACE)
                order.connect(("10.0.0.2", 80))
                order.sendall(f"GET /cgi-bin/do?nc+-w+2+{INET}+7000 HTTP/1.0\r\n\r\n".encode())
                with contextlib.suppress(OSError):
                    s.accept()[0].close()
                    return True
        return False

    def assert_told_and_repaired(self, who, repair):
        """What is told of is so, by everybody who tells it; what it says to do is done, and helps."""
        told = wait_until(self.firewall, 10, "the condition", 0.05)
        self.assertEqual({c["state"] for c in told}, {"broken"})
        self.assertTrue(told[0]["text"].startswith(f"{who} drops IPv4 connections to and of the guest: "), told)
        self.assertFalse(self.served())
        self.assertFalse(self.gets_out())
        self.assertIn(f"{told[0]['text']}; {told[0]['remedy']}", self.umld.log)
        self.assertIn(told[0]["remedy"], self.world.umlctl("status", "web").stdout)
        p = self.world.umlctl("port", "web", "tcp/8080", "--json")
        self.assertEqual((p.returncode, p.json["works"]), (FAILED, False), p.json)
        self.assertTrue(p.json["verdict"].startswith(f"tcp/8080 does not work: {who} drops IPv4 connections to the guest: "),
                        p.json)
        self.assertIn(told[0]["remedy"], p.json["verdict"])
        for each in told:
            repair(each["remedy"])
        self.assert_open()

    def assert_open(self):
        wait_until(lambda: not self.firewall(), 10, f"no condition: {self.firewall()}", 0.05)
        wait_until(self.served, 10, "the page", 0.05)
        self.assertTrue(self.gets_out())
        p = self.world.umlctl("port", "web", "tcp/8080", "--json")
        self.assertEqual((p.returncode, p.json["works"]), (DONE, True), p.json)

    def shell(self, command):
        self.world.host("sh", "-c", command)


class RealUfw(Firewalls):
    def test_before(self):
        """As Debian's users have it: ufw is there when the guest is started by hand."""
        ufw = Ufw(self.world)
        self.start()
        self.assert_told_and_repaired("ufw", ufw.run)
        ufw.reload()
        self.assert_open()

    def test_afterwards(self):
        self.start(Backend="iptables")
        self.assert_open()
        ufw = Ufw(self.world)
        self.assert_told_and_repaired("ufw", ufw.run)
        ufw.end()
        self.assert_open()


class RealFirewalld(Firewalls):
    def test_reload(self):
        firewalld = Firewalld(self.world)
        self.addCleanup(firewalld.end)
        self.start()
        told = wait_until(self.firewall, 10, "the condition", 0.05)
        # It lets pass what is forwarded, but nothing of the guest.
        self.assertEqual({c["state"] for c in told}, {"broken"})
        self.assertTrue(told[0]["text"].startswith("firewalld drops IPv4 connections of the guest: "), told)
        self.assertTrue(self.served())
        self.assertFalse(self.gets_out())
        firewalld.run(told[0]["remedy"])
        self.assert_open()
        firewalld.reload()
        time.sleep(0.5)
        self.assert_open()
        firewalld.run("firewall-cmd --zone=trusted --remove-interface=tap0")
        wait_until(self.firewall, 10, "the condition", 0.05)
        firewalld.reload()
        self.assert_open()


class Docker(Firewalls):
    def test_afterwards(self):
        self.start()
        self.assert_open()
        time.sleep(1)
        self.shell(DOCKER)
        self.assert_told_and_repaired("Docker's firewall", self.shell)

    def test_legacy(self):
        self.start(Backend="nftables")
        self.shell(DOCKER.replace("iptables", "iptables-legacy"))
        wait_until(self.firewall, 45, "the condition", 0.1)
        self.assert_told_and_repaired("Docker's firewall", self.shell)


class Plain(Firewalls):
    def test_policy(self):
        """Not in the tables where ours are."""
        self.shell("nft 'add table inet own; add chain inet own f { type filter hook forward priority 0; policy drop; }'")
        self.start(Backend="iptables")
        self.assert_told_and_repaired("another firewall", self.shell)


if __name__ == "__main__":
    main()
