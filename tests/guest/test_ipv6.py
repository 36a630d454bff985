#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""IPv6 of the guest: there and back through the host, what the host must not lose by it, and hosts without it."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import (BACKEND, DEBIAN_KERNEL, DONE, FAILED, MAKE_GUEST, PATIENCE, SOURCE, TestCase, each_kernel, main, test_kernels,
                      wait_until)

PORT = 8080
INET6, HOST6 = "2001:db8::1", "2001:db8::10"
TAP6, GUEST6 = "fd00::1", "fd00::2"
ADDRESSES = {"HostAddress6": f"{TAP6}/64", "GuestAddress6": GUEST6}


class Ipv6Test(TestCase):
    def setUp(self):
        super().setUp()
        self.world.host("sh", "-c", f"ip -6 address add {HOST6}/64 dev venet0 nodad && "
                        "ip -6 route add default dev venet0")
        self.world.run("inet", "ip", "-6", "address", "add", f"{INET6}/64", "dev", "isp0", "nodad", check=True)

    def sysctl(self, name):
        return self.world.host("cat", f"/proc/sys/net/ipv6/conf/{name}").strip()

    def rules(self, table):
        return self.world.tables(table, ipv6=True)


class RealGuest(Ipv6Test):
    """Debian's kernel has IPv6 as a module."""

    kernel = None
    images = None

    @classmethod
    def setUpClass(cls):
        cls.images = Path(tempfile.mkdtemp(prefix="umld-ipv6.", dir="/var/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.images)
        modules = cls.images / "modules"
        cls.copy_modules(modules)
        subprocess.run([MAKE_GUEST, "--overlay", SOURCE / "tests/guest/overlay", "--overlay", modules,
                        cls.images / "guest.img"], check=True, timeout=60)

    @classmethod
    def copy_modules(cls, target):
        target.mkdir()
        if cls.kernel != DEBIAN_KERNEL:
            return
        release = subprocess.run([cls.kernel, "--version"], stdout=subprocess.PIPE, encoding="utf-8",
                                 check=True).stdout.strip()
        source, target = Path("/usr/lib/uml/modules") / release, target / "lib/modules" / release
        target.mkdir(parents=True)
        for module in ("kernel/lib/crc-ccitt.ko", "kernel/net/ipv6/ipv6.ko"):
            shutil.copy(source / module, target)
        (target / "modules.dep").write_text("crc-ccitt.ko:\nipv6.ko: crc-ccitt.ko\n")

    def order(self, command):
        with contextlib.suppress(OSError):
            return self.world.fetch(PORT, "/cgi-bin/do?" + command.replace(" ", "+"), timeout=10 * PATIENCE)
        return ""

    def listen(self, part, address, port):
        s = self.world.socket(part, socket.AF_INET6)
        self.addCleanup(s.close)
        s.setsockopt(1, 2, 1)  # SO_REUSEADDR
        s.bind((address, port))
        s.listen()
        s.settimeout(20 * PATIENCE)
        return s

    def assert_calls_as(self, port, expected, server=INET6):
        """The guest calls a server on the Internet, which sees that address."""
        listener = self.listen("inet", server, port)
        caller = threading.Thread(target=self.order, args=(f"nc -w 5 {server} {port}",))
        caller.start()
        connection, address = listener.accept()
        connection.close()
        listener.close()
        caller.join()
        self.assertEqual(address[0], expected)


class Kernels(RealGuest):
    def test_there_and_back(self):
        self.world.guest(kernel=self.kernel, image=self.images / "guest.img", Supervise={"Ready": "guest"},
                         Network={"Forward": [f"tcp/{PORT}:80", "tcp6/8081:80", "tcp4/8082:80",
                                              f"tcp/[{HOST6}]:8083:80", "tcp/8100-8110:70-80"], "Proxy": "tcp/8084:80",
                                  "Reach": "internet link", **ADDRESSES})
        before = self.world.snapshot()
        umld = self.daemon().wait_ready(60)
        network = umld.status()["network"]
        self.assertEqual((network["host6"], network["guest6"], network["lacking"]), (f"{TAP6}/64", GUEST6, []))
        page = self.world.fetch(PORT)
        # By its own address, then by the host's from everywhere.
        self.assertEqual(self.world.fetch(80, address=GUEST6, part="host"), page)
        self.assertEqual(self.world.fetch(8110), page)
        for port in (PORT, 8081, 8083, 8110):
            for part in ("inet", "host"):
                self.assertEqual(self.world.fetch(port, address=HOST6, part=part), page, (port, part))
        self.assertEqual(self.order(f"wget -q -O - http://[{HOST6}]:{PORT}/"), page)
        self.assertEqual(self.world.fetch(8082), page)
        for address, port in ((HOST6, 8082), ("203.0.113.10", 8081)):
            with self.assertRaises(ConnectionRefusedError):
                self.world.fetch(port, address=address)
        self.assert_calls_as(4000, HOST6)
        # The host itself: what goes for IPv4 goes here too.
        self.listen("host", "::", 2222)
        self.assertIn("1 packets received", self.order(f"ping -6 -c 1 -W 5 {TAP6}"))
        self.assertIn("timed out", self.order(f"nc -w 1 {TAP6} 2222"))
        self.assertEqual(self.order(f"wget -q -O - http://[{HOST6}]:8084/"), page)  # its own relay
        self.assertIn("PERMANENT", self.world.host("ip", "-6", "neighbour", "show", GUEST6, "dev", "tap0"))
        self.assertEqual((self.sysctl("all/forwarding"), self.sysctl("tap0/accept_ra")), ("1", "0"))
        self.assertEqual(umld.stop(40), DONE)
        self.assert_same_host(before)

    def bound(self):
        """Is umld bound to its queue?"""
        queue = (self.world.runtime_dir / "web/queue").read_text().strip()
        table = self.world.host("cat", "/proc/net/netfilter/nfnetlink_queue")
        return queue in (line.split()[0] for line in table.splitlines())

    def test_held(self):
        """Whoever connects to a guest that has just died is served as soon as it is back: through DNAT, and by its own address
        where it is not behind NAT."""
        self.world.guest(kernel=self.kernel, image=self.images / "guest.img", Supervise={"Ready": "guest"},
                         Network={"Forward": f"tcp/{PORT}:80", "Masquerade6": "no", **ADDRESSES})
        self.world.run("inet", "ip", "-6", "route", "add", f"{GUEST6}/128", "via", HOST6, check=True)
        umld = self.daemon().wait_ready(60)
        for address, port in ((HOST6, PORT), (GUEST6, 80)):
            with self.subTest(address=address):
                self.world.fetch_when_served(port, address=address)
                wait_until(lambda: not self.bound(), 20, what="the queue to be left")
                os.kill(umld.guest_pid(), signal.SIGKILL)
                wait_until(self.bound, what="the queue to be bound")
                self.assertIn("<h1>web</h1>", self.world.fetch(port, address=address, timeout=20 * PATIENCE))
        self.assertEqual(umld.stop(40), DONE)

    def test_moved(self):
        """The same through a restart that changes its tap, and one that changes its address."""
        self.world.guest(kernel=self.kernel, image=self.images / "guest.img", Supervise={"Ready": "guest"},
                         Network={"Forward": f"tcp/{PORT}:80", "Masquerade6": "no", "Tap": "tap3", "Backend": "iptables",
                                  **ADDRESSES})
        self.world.run("inet", "ip", "-6", "route", "add", f"{GUEST6}/128", "via", HOST6, check=True)
        umld, file = self.daemon().wait_ready(60), self.world.config_dir / "web.conf"
        ends = [(HOST6, PORT), (GUEST6, 80)]
        for change in (("tap3", "tap4"), (f"GuestAddress6={GUEST6}", "GuestAddress6=fd00::7")):
            self.world.fetch_when_served(PORT, address=HOST6)
            wait_until(lambda: not self.bound(), 20, what="the queue to be left")
            file.write_text(file.read_text().replace(*change))
            self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
            pages = []
            ask = lambda address, port: pages.append(self.world.fetch(port, address=address, timeout=20 * PATIENCE))
            threads = [threading.Thread(target=ask, args=end) for end in ends]
            restart = threading.Thread(target=self.world.umlctl, args=("restart", "web"), kwargs={"timeout": 100})
            restart.start()
            wait_until(self.bound, what="the queue to be bound")
            for thread in threads:
                thread.start()
            for thread in (*threads, restart):
                thread.join()
            self.assertEqual(len(pages), len(ends))
            self.assertIn("<h1>web</h1>", pages[0])
            self.assertEqual(umld.status()["held"]["dropped"], 0)
            ends = ends[:1]  # its own address is another one then
        self.assertEqual(umld.stop(40), DONE)

    def test_port(self):
        """umlctl port about IPv6: what is forwarded, by which address, and who listens in the guest."""
        self.world.guest(kernel=self.kernel, image=self.images / "guest.img", Supervise={"Ready": "guest"},
                         Network={"Forward": [f"tcp/{PORT}:80", "tcp6/8081:81", "tcp4/8082:80"], "Proxy": "tcp/8084:80",
                                  **ADDRESSES})
        umld = self.daemon().wait_ready(60)

        def explain(port):
            p = self.world.umlctl("port", "web", port, "--json")
            self.assertEqual(p.returncode, DONE if p.json["works"] else FAILED)
            return p.json["verdict"], {c["check"]: (c["ok"], c["text"]) for c in p.json["checks"]}

        verdict, checks = explain(f"tcp6/{PORT}")
        self.assertEqual(verdict, f"tcp6/{PORT} should work: Forward=tcp/{PORT}:80 sends connections to {GUEST6} tcp/80, which answers; "
                         "not tried from outside, but judged by the rules and a connection of the host's own")
        self.assertEqual({name for name, (ok, _) in checks.items() if not ok}, {"from outside"})
        self.assertRegex(checks["from the host"][1], f"^{HOST6} tcp6/{PORT} answered")
        self.assertIn("0 connections so far, and the test connection was counted", checks["rules"][1])
        self.world.fetch(PORT)  # by IPv4
        self.assertIn("1 connections so far", explain(f"tcp6/{PORT}")[1]["rules"][1])
        self.assertIsNone(explain(f"tcp6/{PORT}")[1]["from outside"][0])
        self.world.fetch(PORT, address=HOST6)
        self.assertTrue(explain(f"tcp6/{PORT}")[0].endswith(f"which answers; {INET6} was served from outside"))
        self.assertIn("sends connections to 10.0.0.2 tcp/80, which answers", explain(f"tcp/{PORT}")[0])
        self.assertEqual(explain("tcp6/8081")[0], "tcp6/8081 does not work: nothing in the guest listens on tcp/81")
        self.assertIn("it is not in Forward=", explain("tcp/8081")[0])
        self.assertIn("it is not in Forward=", explain("tcp6/8082")[0])
        self.assertIn("Proxy=tcp/8084:80 sends connections to 10.0.0.2 tcp/80, which answers", explain("tcp6/8084")[0])
        if BACKEND != "nftables":
            self.world.host("ip6tables-legacy", "-I", "FORWARD", "-p", "udp", "-j", "DROP")
            self.assertIn(f"tcp6/{PORT} works", explain(f"tcp6/{PORT}")[0])
            self.world.host("ip6tables-legacy", "-I", "FORWARD", "-p", "tcp", "-j", "DROP")
            self.assertIn("another firewall drops IPv6 connections to the guest: a rule in chain FORWARD of the legacy "
                          "ip6tables table filter; ip6tables-legacy -I FORWARD -i tap0", explain(f"tcp6/{PORT}")[0])
            self.assertIn(f"tcp/{PORT} works", explain(f"tcp/{PORT}")[0])
        self.assertEqual(umld.stop(40), DONE)

    def test_uplink_of_its_own(self):
        """The way out by IPv6 is another interface than that of IPv4: its rules go by that, and follow when it moves."""
        inet, own, far = "2001:db8:6::1", "2001:db8:6::10", "2001:db8:ffff::1"
        self.world.host("ip", "link", "add", "six0", "mtu", "1480", "type", "veth", "peer", "name", "isp6", "netns",
                        f"{self.world.name}-inet")
        self.world.host("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/six0/accept_dad; ip link set six0 up; "
                        f"ip -6 address add {own}/64 dev six0 nodad; "
                        f"ip -6 route delete default dev venet0; ip -6 route add default via {inet} dev six0")
        self.world.run("inet", "sh", "-c", f"ip link set isp6 up; ip -6 address add {inet}/64 dev isp6 nodad; "
                       f"ip -6 address add {far}/128 dev lo nodad", check=True)
        self.world.guest(kernel=self.kernel, image=self.images / "guest.img", Supervise={"Ready": "guest"},
                         Network={"Forward": f"tcp/{PORT}:80", **ADDRESSES})
        self.assertRegex(self.world.check("web").stdout, r"uplink +venet0, masquerade\n +of IPv6 +six0\n")
        before = self.world.snapshot()
        umld = self.daemon().wait_ready(60)

        def uplinks():
            network = umld.status()["network"]
            return network["uplink"], network["uplink6"]

        def assert_works(address, other, interface):
            """By the one way and not by the other one, in and out."""
            self.assertEqual(uplinks(), ("venet0", interface))
            page = self.world.fetch(PORT)
            self.assertEqual(self.world.fetch(PORT, address=address), page)
            self.assertEqual(self.world.fetch(PORT, address=address, part="host"), page)
            with self.assertRaises(ConnectionRefusedError):
                self.world.fetch(PORT, address=other)
            self.assertEqual([r for r in self.rules("nat") if "-j MASQUERADE" in r],
                             [f"-A UMLD-POST-web -s {GUEST6}/128 -o {interface} -j MASQUERADE"])
            self.assert_calls_as(4000, address, far)

        assert_works(own, HOST6, "six0")
        self.assertIn("uplink venet0, IPv6 uplink six0", self.world.umlctl("status", "web").stdout)
        self.assertEqual((self.sysctl("six0/accept_ra"), self.sysctl("venet0/accept_ra")), ("2", "1"))
        self.world.host("sh", "-c", f"ip -6 route add default via {INET6} dev venet0 metric 100")  # the better one
        wait_until(lambda: uplinks() == ("venet0", "venet0"), 1, "the rules to follow")
        assert_works(HOST6, own, "venet0")
        self.assertEqual((self.sysctl("six0/accept_ra"), self.sysctl("venet0/accept_ra")), ("1", "2"))
        self.world.host("sh", "-c", f"ip -6 route delete default via {INET6} dev venet0")
        wait_until(lambda: uplinks() == ("venet0", "six0"), 1, "the rules to follow back")
        assert_works(own, HOST6, "six0")
        self.assertEqual(umld.status()["network"]["repairs"], 0)
        self.assertEqual(umld.stop(40), DONE)
        self.assert_same_host(before)


globals().update(each_kernel(Kernels, "Kernel_", whole=True))
del Kernels


class Link(Ipv6Test):
    """A link on which neighbours are looked for, unlike on venet0, as the way out by IPv6."""

    FAR6 = "2001:db8:ffff::1"
    ON_LINK = {"HostAddress6": "2001:db8:6::1:1/112", "GuestAddress6": "2001:db8:6::1:2", "Masquerade6": "no"}

    def setUp(self):
        super().setUp()
        inet, own = "2001:db8:6::1", "2001:db8:6::10"
        self.world.host("ip", "link", "add", "six0", "type", "veth", "peer", "name", "isp6", "netns", f"{self.world.name}-inet")
        self.world.host("sh", "-ec", f"echo 0 >/proc/sys/net/ipv6/conf/six0/accept_dad; ip link set six0 up; "
                        f"ip -6 address add {own}/64 dev six0 nodad; ip -6 route delete default dev venet0; "
                        f"ip -6 route add default via {inet} dev six0")
        self.world.run("inet", "sh", "-ec", f"echo 0 >/proc/sys/net/ipv6/conf/isp6/accept_dad; ip link set isp6 up; "
                       f"ip -6 address add {inet}/64 dev isp6 nodad; ip -6 address add {self.FAR6}/128 dev lo nodad", check=True)

    def proxied(self):
        """The neighbour proxy table, and whether it is used."""
        return self.world.host("ip", "-6", "neighbour", "show", "proxy").replace(" \n", "\n"), self.sysctl("all/proxy_ndp")

    ANSWERS = f"{ON_LINK['GuestAddress6']} dev six0 proxy\n", "1"
    NOBODY = "", "0"


class OwnAddress(Link, RealGuest):
    """Connections to and from the own address of a guest."""

    kernel = test_kernels()[-1]

    def start(self, **network):
        """It, and the host as it was before."""
        self.world.guest(kernel=self.kernel, image=self.images / "guest.img", Supervise={"Ready": "guest"},
                         Network={"Forward": f"tcp/{PORT}:80", **network})
        before = self.world.snapshot()
        return self.daemon().wait_ready(60), before

    def close(self):
        """The host's own policy lets nothing pass: rules in the same chain do, those of nft in another one cannot."""
        if BACKEND != "nftables":
            self.world.host("ip6tables-legacy", "-P", "FORWARD", "DROP")

    def assert_own(self, address):
        """There and back without any translation."""
        page = self.world.fetch(PORT)
        self.assertEqual(self.world.fetch(80, address=address, timeout=10 * PATIENCE), page)
        with self.assertRaises(OSError):
            self.world.fetch(81, address=address)
        self.assert_calls_as(4000, address, self.FAR6)
        self.assertEqual([r for r in self.rules("nat") if r.startswith("-A UMLD-POST-web") and "MASQ" in r], [])

    def test_routed_prefix(self):
        """The provider sends all of a network to the host."""
        self.world.run("inet", "ip", "-6", "route", "add", "2001:db8:5::/64", "via", "2001:db8:6::10", check=True)
        self.close()
        umld, before = self.start(HostAddress6="2001:db8:5::1/64", GuestAddress6="2001:db8:5::2", Masquerade6="no")
        self.assert_own("2001:db8:5::2")
        self.assertEqual(self.proxied(), self.NOBODY)
        self.assertEqual(umld.stop(40), DONE)
        self.assert_same_host(before)

    def test_prefix_on_the_link(self):
        """The provider's router looks for each address."""
        self.close()
        umld, before = self.start(**self.ON_LINK)
        self.assertEqual(self.proxied(), self.ANSWERS)
        self.assert_own(self.ON_LINK["GuestAddress6"])
        self.assertEqual(umld.stop(40), DONE)
        self.assert_same_host(before)


class Answers(Link):
    """For whom the host answers, and until when."""

    def configure(self, name="web", **network):
        self.world.guest(name, fake="boot,ready", Network={**self.ON_LINK, **network})

    def start(self, name="web", **network):
        self.configure(name, **network)
        return self.daemon(name).wait_ready()

    def condition(self, umld):
        return next((c["state"], c["text"]) for c in umld.status()["conditions"] if c["name"] == "proxy-ndp")

    def test_kept(self):
        self.configure()
        before = self.world.snapshot()
        umld = self.start()
        self.assertEqual((self.proxied(), self.condition(umld)), (self.ANSWERS, ("ok", "")))
        self.world.host("sh", "-c", "ip link set six0 down; ip link set six0 up; ip -6 address add 2001:db8:6::10/64 dev six0 nodad; "
                        "ip -6 route replace default via 2001:db8:6::1 dev six0")
        wait_until(lambda: self.proxied() == self.ANSWERS, 10, "an answer after the link was down")
        self.world.host("ip", "-6", "neighbour", "delete", "proxy", self.ON_LINK["GuestAddress6"], "dev", "six0")
        self.world.host("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/all/proxy_ndp")
        wait_until(lambda: self.proxied() == self.ANSWERS, 40, "an answer after both were taken away", 0.05)
        self.assertIn("the host answers neighbour solicitations for the guest again", umld.log)
        # By an umld that takes over; with another address, or none, the old one is answered for no more.
        umld.kill()
        self.assertEqual(self.proxied(), self.ANSWERS)
        umld = self.start(GuestAddress6="2001:db8:6::1:3")
        self.assertEqual(self.proxied(), ("2001:db8:6::1:3 dev six0 proxy\n", "1"))
        umld.kill()
        umld = self.start(Masquerade6="auto")
        self.assertEqual((self.proxied(), self.condition(umld)), (self.NOBODY, ("unused", "")))
        self.assertEqual(umld.stop(), DONE)
        self.assert_same_host(before)

    def test_somebody_elses(self):
        """What the administrator set up stays; two guests share the setting."""
        self.world.host("ip", "-6", "neighbour", "add", "proxy", self.ON_LINK["GuestAddress6"], "dev", "six0")
        self.configure()
        self.configure("db")
        before = self.world.snapshot()
        entry = self.proxied()[0]
        umld, other = self.start(), self.start("db", HostAddress6="2001:db8:6::2:1/112", GuestAddress6="2001:db8:6::2:2")
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(sorted(self.proxied()[0].splitlines(True)), [entry, "2001:db8:6::2:2 dev six0 proxy\n"])
        self.assertEqual(self.proxied()[1], "1")
        self.assertEqual(other.stop(), DONE)
        self.assertEqual(self.proxied(), (entry, "0"))
        self.assert_same_host(before)

    def test_the_links_own_network(self):
        """A tap with all of that would take the host's own neighbours away from it; with a part of it, it does not."""
        for network, refused in (("2001:db8:6::1:1/64", True), ("2001:db8:6::1:1/56", True), ("2001:db8:6::1:1/65", False),
                                 ("2001:db8:7::1/64", False)):
            self.configure(HostAddress6=network, GuestAddress6=network.partition("/")[0][:-1] + "2")
            p = self.world.check("web")
            self.assertEqual(p.returncode, FAILED if refused else DONE, p.stderr)
            if refused:
                self.assertIn(f"HostAddress6={network}: overlaps 2001:db8:6::/64 of six0; use a part of it, such as "
                              "2001:db8:6::1:1/112, or another network", p.stderr)

    def test_refused(self):
        self.world.host("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
                        "net.ipv6.conf.default.accept_ra=0")
        self.configure()
        umld = self.daemon(wrapper=[
            "unshare", "-m", "sh", "-ec", "f=/proc/sys/net/ipv6/conf/all/proxy_ndp; mount --bind $f $f;"
            ' mount -o remount,bind,ro $f; exec "$@"', "sh"]).wait_ready()
        text = (f"the host does not answer on six0 for the guest's address {self.ON_LINK['GuestAddress6']} (Read-only file system), "
                "so nobody there can reach it")
        self.assertEqual(self.condition(umld), ("broken", text))
        self.assertEqual(umld.log.count(text), 1)
        self.assertEqual(umld.stop(), DONE)


class Host(Ipv6Test):
    """What happens to the host, with a guest that is none."""

    def guest(self, name="web", **network):
        self.world.guest(name, fake="boot,ready", Network={**ADDRESSES, **network}, Supervise={"StopTimeout": "4s"})

    def test_routers_are_still_heard(self):
        """A host that got its route from a router goes on listening to it, until the last guest is gone."""
        self.guest()
        self.guest("db", Tap="tap1", HostAddress="10.0.1.1/24", GuestAddress="10.0.1.2", HostAddress6="fd00:1::1/64",
                   GuestAddress6="fd00:1::2")
        self.assertEqual((self.sysctl("venet0/accept_ra"), self.sysctl("all/forwarding")), ("1", "0"))
        before = self.world.snapshot()
        first, second = self.daemon().wait_ready(), self.daemon("db").wait_ready()
        self.assertEqual((self.sysctl("venet0/accept_ra"), self.sysctl("all/forwarding")), ("2", "1"))
        first.kill()
        third = self.daemon().wait_ready()
        self.assertEqual(second.stop(), DONE)
        self.assertEqual((self.sysctl("venet0/accept_ra"), self.sysctl("all/forwarding")), ("2", "1"))
        self.assertEqual(third.stop(), DONE)
        self.assert_same_host(before)

    def test_a_router_stays_one(self):
        self.world.host("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
        self.guest()
        before = self.world.snapshot()
        umld = self.daemon().wait_ready()
        self.assertEqual((self.sysctl("venet0/accept_ra"), self.sysctl("all/forwarding")), ("1", "1"))
        self.assertEqual(umld.stop(), DONE)
        self.assert_same_host(before)

    def test_guard_and_addresses(self):
        """A login service that IPv6 alone reaches is guarded; forwards follow the uplink's addresses."""
        listener = self.world.socket("host", socket.AF_INET6)
        self.addCleanup(listener.close)
        listener.bind((HOST6, 22))
        listener.listen()
        self.guest(Forward="all", Reserve="tcp/22")
        umld = self.daemon().wait_ready()
        self.assertEqual([r for r in self.rules("nat") if r.startswith("-A UMLD-PRE-web")], [
            "-A UMLD-PRE-web -p udp -m udp --dport 546 -j RETURN",
            "-A UMLD-PRE-web -p tcp -m tcp --dport 22 -j RETURN",
            f"-A UMLD-PRE-web -p tcp -m tcp --dport 1:65535 -j DNAT --to-destination {GUEST6}",
            f"-A UMLD-PRE-web -p udp -m udp --dport 1:65535 -j DNAT --to-destination {GUEST6}"])
        self.assertIn(f"-A UMLD-POST-web -s {GUEST6}/128 -o venet0 -j MASQUERADE", self.rules("nat"))
        self.world.host("ip", "-6", "address", "add", "2001:db8::11/64", "dev", "venet0", "nodad")
        wait_until(lambda: "-A UMLD-LOC-web -d 2001:db8::11/128 -j UMLD-PRE-web" in self.rules("nat"), 5,
                   "a rule for the new address")
        for address in ("::10", "::11"):
            self.world.host("ip", "-6", "address", "del", f"2001:db8{address}/64", "dev", "venet0")
        wait_until(lambda: not [r for r in self.rules("nat") if "UMLD-PRE" in r], 5, "an end of forwards")
        self.assertEqual(umld.stop(), DONE)

    def test_clash_on_one_of_the_uplinks(self):
        """Two guests may forward one port on different uplinks; but each family has an uplink of its own."""
        self.world.host("sh", "-c", "ip link add six0 type veth peer name other; ip link set six0 up; ip -6 route delete default dev venet0; "
                        "ip -6 address add 2001:db8:6::10/64 dev six0 nodad; ip -6 route add default dev six0")
        self.guest(Forward="tcp/8080:80")
        umld = self.daemon().wait_ready()
        other = {"Tap": "tap1", "HostAddress": "10.0.1.1/24", "GuestAddress": "10.0.1.2", "Uplink": "six0"}
        six = {"HostAddress6": "fd00:1::1/64", "GuestAddress6": "fd00:1::2"}
        for forward, clash in (("tcp/8080:80", "tcp6/8080"), ("tcp6/8080", "tcp6/8080"), ("tcp4/8080:80", None)):
            with self.subTest(forward=forward):
                self.guest("db", Forward=forward, **other, **six)
                p = self.world.check("db")
                self.assertEqual(p.returncode, FAILED if clash else DONE)
                if clash:
                    self.assertIn(f"Forward={forward} of db and Forward=tcp/8080:80 of web both want {clash};", p.stderr)
        self.world.guest("db", fake="boot,ready", Network={"Forward": "tcp/8080:80", **other})
        self.assertEqual(self.world.check("db").returncode, DONE)
        self.assertEqual(umld.stop(), DONE)

    def test_snat(self):
        self.guest(Masquerade="snat", Forward="tcp/80", OneArm="yes")
        umld = self.daemon().wait_ready()
        self.assertIn(f"-A UMLD-POST-web -s {GUEST6}/128 -o venet0 -j SNAT --to-source {HOST6}", self.rules("nat"))
        self.assertIn(f"-A UMLD-POST-web -d {GUEST6}/128 -o tap0 -m conntrack --ctstate DNAT -j SNAT --to-source "
                      f"{TAP6}", self.rules("nat"))
        self.assertEqual(umld.stop(), DONE)

    def test_repair(self):
        self.guest(Forward="tcp/80")
        umld = self.daemon().wait_ready()
        tables = ("filter", "nat", "mangle")
        right = [self.rules(t) for t in tables]
        self.assertNotIn([], right)
        if BACKEND == "nftables":
            self.world.host("nft", "flush", "table", "inet", "umld-web")
        else:
            for table in tables:
                self.world.host("ip6tables-legacy", "-t", table, "-F")
        wait_until(lambda: [self.rules(t) for t in tables] == right, 10, "the repair")
        self.assertEqual(umld.stop(), DONE)

    def test_refused(self):
        """No tables of IPv6: said once, and the guest lives by IPv4."""
        self.guest(Forward="tcp/80", Backend="iptables")
        before = self.world.snapshot()
        umld = self.daemon(wrapper=[self.world.program("tests/lib/refuse"), "ip6tables", "--"]).wait_ready()
        reason = "no IPv6 for the guest: the host has no ip6tables table filter (Operation not permitted)"
        self.assertEqual(umld.log.count(reason), 1)
        network = umld.status()["network"]
        self.assertEqual((network["lacking"], network["host6"]), ([reason], None))
        self.assertIn(f"Lacking: {reason}", self.world.umlctl("status", "web").stdout)
        self.assertNotIn("inet6", self.world.host("ip", "-o", "address", "show", "dev", "tap0"))
        self.assertEqual(self.sysctl("all/forwarding"), "0")
        self.assertNotIn("umld_address6", Path(f"/proc/{umld.guest_pid()}/cmdline").read_text())
        self.assertIn("-A UMLD-PRE-web", self.world.host("iptables-legacy", "-t", "nat", "-S"))
        os.kill(umld.guest_pid(), 9)
        wait_until(lambda: umld.status()["restarts"] == 1 and umld.status()["state"] == "running", what="the next one")
        self.assertEqual(umld.log.count(reason), 1)
        self.assertEqual(umld.stop(), DONE)
        self.assert_same_host(before)

    def test_switched_off(self):
        """New interfaces of the host have no IPv6; ours is told to have it. And the plan says what there is."""
        self.world.host("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6")
        self.guest(Forward="tcp/80")
        out = self.world.check("web").stdout
        self.assertIn(f"IPv6        host {TAP6}/64, guest {GUEST6}, masquerade", out)
        self.assertIn(f"umld_address6={GUEST6}/64", out)
        umld = self.daemon().wait_ready()
        self.assertIn(f"{TAP6}/64", self.world.host("ip", "-6", "-o", "address", "show", "dev", "tap0"))
        self.assertEqual(umld.stop(), DONE)


if __name__ == "__main__":
    main()
