#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a real guest reaches and by what it is reached, beside its forwards: the host's own services."""

import contextlib
import os
import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import (BACKEND, DONE, GUEST_ADDRESS, HOST, HOST_TAP, IMAGE_SERVER, PATIENCE, TestCase, main, test_kernels,
                      wait_until)

PORT = 8080


class NetworkTest(TestCase):
    """With the newest kernel that there is."""

    kernel = test_kernels()[-1]
    image_of = IMAGE_SERVER

    def configure(self, **network):
        self.world.guest(kernel=self.kernel, image=self.images / "guest.img", Supervise={"Ready": "guest"},
                         Network={"Forward": f"tcp/{PORT}:80", **network})

    def reconfigure(self, **network):
        """The same guest, running, with other rules."""
        settings = {"Guest": {"Kernel": self.world.kernel(self.kernel)}, "Supervise": {"Ready": "guest"},
                    "Network": {"Forward": f"tcp/{PORT}:80", **network}}
        self.world.write_config("web", settings)
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)

    def order(self, command):
        """What a command in the guest prints."""
        with contextlib.suppress(OSError):
            return self.world.fetch(PORT, "/cgi-bin/do?" + command.replace(" ", "+"), timeout=10 * PATIENCE)
        return ""

    def service(self, port, part="host"):
        """A service that greets whoever connects."""
        listener = self.world.socket(part)
        self.addCleanup(listener.close)
        listener.setsockopt(1, 2, 1)  # SO_REUSEADDR
        listener.bind(("0.0.0.0", port))
        listener.listen()

        def greet():
            with contextlib.suppress(OSError):
                while True:
                    connection = listener.accept()[0]
                    connection.sendall(b"hello\n")
                    connection.close()

        threading.Thread(target=greet, daemon=True).start()


class Mtu(NetworkTest):
    def mtu(self, interface):
        return int(self.world.host("cat", f"/sys/class/net/{interface}/mtu"))

    def set_uplink(self, mtu):
        self.world.host("ip", "link", "set", "venet0", "mtu", str(mtu))

    def segment(self):
        """The largest that a new connection from the Internet to the guest agrees on."""
        with self.world.socket("inet") as s:
            s.settimeout(10 * PATIENCE)
            s.connect((HOST, PORT))
            return s.getsockopt(6, 2)  # IPPROTO_TCP, TCP_MAXSEG

    def test_guest(self):
        """Told to the guest at its start; segments fit also when the uplink takes less later."""
        self.set_uplink(1400)
        self.configure()
        before = self.world.snapshot()
        umld = self.daemon().wait_ready(60)
        self.assertEqual(self.mtu("tap0"), 1400)
        self.assertEqual(umld.status()["network"]["mtu"], 1400)
        self.assertEqual(umld.status()["network"]["lacking"], [])
        self.assertIn("1400", self.order("sh -c cat$IFS/sys/class/net/*0/mtu").split())
        self.assertLessEqual(self.segment(), 1360)
        self.assertGreater(self.segment(), 1300)
        self.set_uplink(1300)
        wait_until(lambda: self.mtu("tap0") == 1300, 5, "the tap to follow")
        self.assertLessEqual(self.segment(), 1260)
        self.assertIn("tap0: MTU changed from 1400 to 1300", umld.log)
        self.set_uplink(1400)
        wait_until(lambda: self.mtu("tap0") == 1400, 5, "the tap to follow")
        self.assertEqual(umld.stop(40), DONE)
        self.assert_same_host(before)

    def test_number(self):
        """As it is set, whatever the uplink has; changed while the guest runs, and kept by a new tap."""
        self.world.guest(fake="boot,ready", Network={"MTU": "1280"})
        umld = self.daemon().wait_ready()
        self.assertEqual(self.mtu("tap0"), 1280)
        self.world.guest(fake="boot,ready", Network={"MTU": "1290"})
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        self.assertEqual(self.mtu("tap0"), 1290)
        for rule in ("-i", "-o"):
            self.assertIn(f"-A UMLD-MSS-web {rule} tap0 -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS "
                          "--clamp-mss-to-pmtu", self.world.tables("mangle"))
        since = len(umld.messages)
        self.world.host("ip", "link", "set", "tap0", "mtu", "1500")
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("running", since=since)
        wait_until(lambda: self.mtu("tap0") == 1290, what="the tap as it was")
        self.assertEqual(umld.stop(), DONE)


class DefaultRoute(NetworkTest):
    def test_ends_the_wait(self):
        """A host that gets its route later has its guest then, and not when the back-off is over."""
        self.wait_ends_by("ip route add default dev venet0")

    def test_ends_the_wait_by_a_policy(self):
        self.wait_ends_by("ip route add default dev venet0 table 51820; ip rule add lookup 51820")

    def test_ends_the_wait_by_ipv6(self):
        self.wait_ends_by("ip -6 route add default dev venet0")

    def wait_ends_by(self, command):
        self.world.host("ip", "route", "del", "default")
        self.world.guest(fake="boot,ready", Network={"Forward": f"tcp/{PORT}:80"},
                         Supervise={"RestartDelay": "4min", "RestartDelayMax": "5min"})
        umld = self.daemon()
        umld.wait_state("backoff")
        self.assertIn("the host has no default route", umld.log)
        # Another interface is none of the guest's business.
        self.world.host("sh", "-c", "ip link add other type veth peer name others && ip link set other up && ip link del other")
        self.world.host("sh", "-c", command)
        umld.wait_state("running", timeout=30)
        self.assertIn("the host has a default route now", umld.log)
        self.assertEqual(umld.stop(), DONE)


class PublicAddresses(NetworkTest):
    OTHER = "203.0.113.77"

    def test_one_of_two(self):
        """A forward of one address is found there from everywhere, and at the other one nobody answers."""
        self.world.host("ip", "address", "add", f"{self.OTHER}/32", "dev", "venet0")
        self.configure(Forward=[f"tcp/{PORT}:80", f"tcp/{self.OTHER}:8081:80"])
        umld = self.daemon().wait_ready(60)
        page = self.world.fetch(PORT)
        for part in ("inet", "host"):
            self.assertEqual(self.world.fetch(8081, address=self.OTHER, part=part), page)
            with self.assertRaises(ConnectionRefusedError):
                self.world.fetch(8081, address=HOST, part=part)
        self.assertEqual(self.order(f"wget -q -O - http://{self.OTHER}:8081/"), page)
        self.assertIn("timed out", self.order(f"nc -w 1 {HOST} 8081"))
        self.assertEqual(umld.stop(40), DONE)


class HostAccess(NetworkTest):
    def reached(self, address):
        return "hello" in self.order(f"nc -w 1 {address} 2222")

    def echoed(self, address):
        return "1 packets received" in self.order(f"ping -c 1 -W 1 {address}")

    def test_levels(self):
        """By default echo requests alone; changed while the guest runs. The host calls the guest all the time."""
        self.configure()
        before = self.world.snapshot()
        self.service(2222)
        umld = self.daemon().wait_ready(60)
        page = self.world.fetch(PORT)
        self.assertEqual(umld.status()["network"]["host_access"], "icmp")
        for level, ping, call in (("icmp", True, False), ("all", True, True), ("no", False, False)):
            with self.subTest(level=level):
                self.reconfigure(HostAccess=level)
                self.assertEqual(umld.status()["network"]["host_access"], level)
                for allowed, attempt, address in ((ping, self.echoed, HOST_TAP), (call, self.reached, HOST_TAP),
                                                  (call, self.reached, HOST)):
                    if allowed:
                        wait_until(lambda a=address, attempt=attempt: attempt(a), what=f"{level}: {address}")
                    else:
                        self.assertFalse(attempt(address), f"{level}: {address}")
                self.assertEqual(self.world.fetch(80, address=GUEST_ADDRESS, part="host"), page)
                self.assertIn(page, self.order(f"wget -q -O - http://{HOST}:{PORT}/"))  # is forwarded
        self.assertEqual(umld.stop(40), DONE)
        self.assert_same_host(before)

    def test_before_the_hosts_own_rules(self):
        """What the host opens to everybody is not open to the guest, and what it closes stays closed."""
        self.world.host("iptables-legacy", "-A", "INPUT", "-p", "tcp", "--dport", "2222", "-j", "ACCEPT")
        self.world.host("iptables-legacy", "-A", "INPUT", "-p", "icmp", "-j", "DROP")
        self.service(2222)
        self.configure()
        umld = self.daemon().wait_ready(60)
        self.assertFalse(self.reached(HOST_TAP))
        self.assertFalse(self.echoed(HOST_TAP))
        if BACKEND != "nftables":  # where the place is a priority
            rules = self.world.host("iptables-legacy", "-S", "INPUT").splitlines()
            self.assertEqual(rules[1], "-A INPUT -i tap0 -j UMLD-IN-web")
        self.assertEqual(umld.stop(40), DONE)

    def test_read_only_settings(self):
        """Where the tap's IPv6 cannot be switched off, nor its filter on, that is said once and shown."""
        self.world.host("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.world.guest(fake="boot,ready")
        umld = self.daemon(wrapper=[
            "unshare", "-m", "sh", "-ec", "mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys;"
            ' exec "$@"', "sh"]).wait_ready()
        reasons = ["the reverse path filter cannot be enabled on the tap (Read-only file system): only the firewall rules drop "
                   "what the guest sends from addresses of others",
                   "HostAccess= applies to IPv4 only: IPv6 cannot be disabled on the tap (Read-only file system)"]
        self.assertEqual([umld.log.count(reason) for reason in reasons], [1, 1])
        network = umld.status()["network"]
        self.assertEqual((network["lacking"], network["reverse_path_filter"]), (reasons, "off"))
        self.assertEqual(umld.stop(), DONE)

    def test_no_way_around_by_ipv6(self):
        """A tap without an IPv6 address has not even one of its own."""
        self.world.guest(fake="boot,ready")
        umld = self.daemon().wait_ready()
        self.assertIn("10.0.0.1", self.world.host("ip", "-o", "address", "show", "dev", "tap0"))
        self.assertNotIn("inet6", self.world.host("ip", "-o", "address", "show", "dev", "tap0"))
        self.assertIn("inet6", self.world.host("ip", "-o", "address", "show", "dev", "venet0"))
        self.assertEqual(umld.stop(), DONE)


if __name__ == "__main__":
    main()
