#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What root in a real guest tries by its network: frames in the name of others, hosts that it must not reach, floods.

    UMLD_WRITE_TABLE=1 test_guest_root.py    writes its part of docs/confinement.md again; else it is compared."""

import collections
import concurrent.futures
import contextlib
import ipaddress
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "guest"))
import umldtest
from test_bars import ETH_P_ALL, FAR6, HOST6, INET6, QUIET, checksum, packet
from test_translated import NAT64, SIX_TO_FOUR, embedded
from reachable import Reachable
from test_breakout import GUEST_GROUP, OTHER, Row, Table
from umldtest import DONE, FAR, GUEST_ADDRESS, HOST, HOST_TAP, INET, MAKE_GUEST, PATIENCE, TestCase, main, test_kernels

INSIDE = umldtest.BUILD / "tests/breakout/inside"
PORT = 8080
TAP6, GUEST6, STRANGER6 = "fd00::1", "fd00::2", "2001:db8:dead::1"
STRANGER, METADATA, OTHER_GUEST, SERVER = "8.8.4.4", "169.254.169.254", OTHER["GuestAddress"], "192.0.2.7"
OTHER_MAC = bytes.fromhex("020000000001")
BROADCAST = b"\xff" * 6
CONNECTIONS = 64
FLOOD = 2000
TRACKED, USUAL = 16384, 8192  # the host's table, and the guest's part of it
BEYOND = "198.51.100.77"  # an accomplice that has no kernel's help

SHELL = """#!/bin/sh
echo "Content-Type: text/plain"
echo
exec sh -c "$(httpd -d "$QUERY_STRING")" 2>&1
"""


def fragments(frame):
    """The head of the datagram alone, and its text."""
    head, body = frame[14:34], frame[34:]

    def part(flags, data):
        new = head[:2] + struct.pack("!HHH", 20 + len(data), 77, flags) + head[8:10] + b"\0\0" + head[12:]
        return frame[:14] + new[:10] + struct.pack("!H", checksum(new)) + new[12:] + data
    return [part(0x2000, body[:8]), part(1, body[8:])]


def tagged(frame, tag):
    return frame[:12] + struct.pack("!HH", 0x8100, tag) + frame[12:]


def routed(frame, target):
    """By way of where it is sent to."""
    options = struct.pack("!BBB4sB", 131, 7, 4, ipaddress.ip_address(target).packed, 0)
    head = b"\x47" + frame[15:16] + struct.pack("!H", len(frame) - 14 + len(options)) + frame[18:24] + b"\0\0" + frame[26:34] + options
    return frame[:14] + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + frame[34:40] + b"\0\0" + frame[42:]


class GuestRoot(TestCase):
    timeout = 360  # on a machine with a load of 35, for one kernel

    @classmethod
    def setUpClass(cls):
        cls.images = Path(tempfile.mkdtemp(prefix="umld-guest-root.", dir="/var/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.images)
        shell = cls.images / "overlay/srv/www/cgi-bin/sh"
        shell.parent.mkdir(parents=True)
        shell.write_text(SHELL)
        shell.chmod(0o755)
        (cls.images / "overlay/bin").mkdir()
        shutil.copy(INSIDE, cls.images / "overlay/bin/inside")
        subprocess.run([MAKE_GUEST, "--overlay", cls.images / "overlay", cls.images / "guest.img"], check=True, timeout=60)

    def setUp(self):
        super().setUp()
        self.world.host("sh", "-e", "-c", f"ip address add {HOST}/24 dev venet0; ip address del {HOST}/32 dev venet0; "
                        f"ip route replace default via {INET} dev venet0; echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter")
        self.world.run("inet", "sh", "-e", "-c", f"for a in {METADATA} {SERVER}; do ip address add $a/32 dev lo; done", check=True)
        self.world.host("sh", "-e", "-c", f"ip -6 address add {HOST6}/64 dev venet0 nodad; ip -6 route add default via {INET6} dev venet0")
        self.world.run("inet", "sh", "-e", "-c", f"ip -6 address add {INET6}/64 dev isp0 nodad; "
                       f"ip -6 address add {FAR6}/128 dev lo nodad", check=True)
        most = self.world.dir / "conntrack-max"
        most.write_text(f"{TRACKED}\n")
        self.world.host("mount", "--bind", most, "/proc/sys/net/netfilter/nf_conntrack_max")
        self.table = self.world.within("host", lambda: os.open("/proc/sys/net/netfilter/nf_conntrack_count", os.O_RDONLY | os.O_CLOEXEC))
        self.addCleanup(os.close, self.table)
        self.world.guest("other", kernel=test_kernels()[-1], image=self.images / "guest.img", Network=OTHER,
                         Supervise={"Ready": "guest"})
        self.other = self.daemon("other").wait_ready(60)
        self.world.fetch_when_served(8081)
        self.serial, self.sniffers = 0, {}

    def sniff(self, where, interface):
        s = self.world.socket(where, socket.AF_PACKET, socket.SOCK_RAW)
        s.bind((interface, ETH_P_ALL))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.addCleanup(s.close)
        return s

    def service(self):
        """One of the host's."""
        s = self.world.socket("host", kind=socket.SOCK_DGRAM)
        s.bind(("0.0.0.0", 0))
        return s

    def inside(self, command, port=PORT):
        return self.world.fetch(port, "/cgi-bin/sh?" + urllib.parse.quote(command), timeout=60 * PATIENCE)

    def macs(self, interface="tap0"):
        tap = re.search(r"ether (\S+)", self.world.host("ip", "link", "show", interface))[1]
        own = re.search(r"lladdr (\S+)", self.world.host("ip", "neighbour", "show", "dev", interface))[1]
        return tuple(bytes.fromhex(text.replace(":", "")) for text in (tap, own))

    def frame(self, target, source=None, mac=None, sport=7000, dport=7000, text=b"hello"):
        six = ipaddress.ip_address(target).version == 6
        tap, own = self.macs()
        source = source or (GUEST6 if six else GUEST_ADDRESS)
        return tap + (mac or own) + (b"\x86\xdd" if six else b"\x08\x00") + packet(source, target, sport, dport, text)

    def send(self, frame):
        self.assertEqual(self.inside(f"inside frame {frame.hex()}"), "sent 1\n")

    def arrives(self, where, target, within=QUIET, dress=lambda frame: [frame], **options):
        """Does a datagram that nobody else sends arrive there? dress: the frames that are made of it."""
        self.serial += 1
        text = f"datagram {self.serial} of {os.getpid()}".encode()
        s = self.sniffers.get(where) or where
        for frame in dress(self.frame(target, text=text, **options)):
            self.send(frame)
        end = time.monotonic() + within * PATIENCE
        while select.select([s], [], [], max(0, end - time.monotonic()))[0]:
            if text in s.recv(65536):
                return True
        return False

    # ---- attempts: what happened, for the table ----

    def addresses(self):
        """In the name of others, and to where it must not go."""
        self.assertTrue(self.arrives("wire", FAR, 5), "the guest's own packets leave")
        spoofed = [("an address of the Internet", STRANGER), ("another address of its own network", "10.0.0.77"),
                   ("the address of another guest", OTHER_GUEST), ("the address of the host on its tap", HOST_TAP),
                   ("the public address of the host", HOST), ("the address of the uplink's router", INET)]
        for name, source in spoofed:
            yield f"send from {name}", not self.arrives("wire", FAR, source=source)
        yield "send from another MAC address", not self.arrives("wire", FAR, mac=OTHER_MAC)
        yield "send to another guest in the name of the Internet", not self.arrives("tap1", OTHER_GUEST, source=STRANGER)
        yield "send to another guest", not self.arrives("tap1", OTHER_GUEST)
        yield "send to a cloud's metadata service", not self.arrives("wire", METADATA)
        yield "send to a machine on the uplink's link", not self.arrives("wire", INET)
        self.assertTrue(self.arrives("wire", FAR6, 5), "the guest's own packets leave by IPv6")
        for name, source in (("an IPv6 address of the Internet", STRANGER6), ("another IPv6 address of its own network", "fd00::77"),
                             ("the IPv6 address of the host on its tap", TAP6), ("the public IPv6 address of the host", HOST6)):
            yield f"send from {name}", not self.arrives("wire", FAR6, source=source)
        for way, network in (("NAT64", NAT64), ("6to4", SIX_TO_FOUR)):
            self.assertTrue(self.arrives("wire", embedded(network, FAR), 5), f"the guest's own packets leave by {way}")
            for name, address in (("a cloud's metadata service", METADATA), ("a machine on the uplink's link", INET), ("another guest", OTHER_GUEST)):
                yield f"send to {name} by {way}", not self.arrives("wire", embedded(network, address))
        yield "send to an IPv4 address written as IPv6", not any(self.arrives("wire", first + FAR) for first in ("::ffff:", "::", "::ffff:0:"))

    def dressed(self):
        """The same in other clothes."""
        self.assertTrue(self.arrives("wire", FAR, 5, dress=fragments), "the guest's own fragments leave")
        for name, dress in (("fragments", fragments), ("frames with a priority", lambda frame: [tagged(frame, 7 << 13)])):
            yield f"send {name} from an address of the Internet", not self.arrives("wire", FAR, source=STRANGER, dress=dress)
            yield f"send {name} to another guest", not self.arrives("tap1", OTHER_GUEST, dress=dress)

    def detours(self):
        for name, where, target in (("another guest", "tap1", OTHER_GUEST), ("the Internet", "wire", FAR)):
            yield f"send to {name} by a VLAN", not self.arrives(where, target, dress=lambda frame: [tagged(frame, 5)])
        # As an old host may have it.
        self.world.host("sh", "-c", "echo 1 >/proc/sys/net/ipv4/conf/all/accept_source_route")
        for name, where, target in (("another guest", "tap1", OTHER_GUEST), ("a cloud's metadata service", "wire", METADATA)):
            yield f"send to {name} by a source route through the host", not self.arrives(
                where, HOST_TAP, dress=lambda frame, target=target: [routed(frame, target)])

    def host(self):
        with self.world.socket("host", kind=socket.SOCK_DGRAM) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            client.bind(("0.0.0.0", 68))
            yield "answer the host as a DHCP server", not self.arrives(client, "255.255.255.255", sport=67, dport=68)
        with self.service() as s:
            port = s.getsockname()[1]
            yield "send to a port of the host on its tap", not self.arrives(s, HOST_TAP, dport=port)
            yield "send to a port of the host's public address", not self.arrives(s, HOST, dport=port)
            s.sendto(b"question", (SERVER, 53))
            answer = {"source": SERVER, "sport": 53, "dport": port}
            yield "answer the host in the name of a name server that it has asked", not self.arrives(s, HOST, **answer)

    def claims(self):
        """What it says of addresses on its own link."""
        tap, own = self.macs()

        def arp(address):
            return (BROADCAST + OTHER_MAC + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x800, 6, 4, 2) + OTHER_MAC
                    + ipaddress.ip_address(address).packed + tap + ipaddress.ip_address(HOST_TAP).packed)
        for name, address in (("its own address", GUEST_ADDRESS), ("the address of another guest", OTHER_GUEST),
                              ("the address of the uplink's router", INET)):
            before = self.world.host("ip", "neighbour", "show", "nud", "permanent")
            self.send(arp(address))
            after = self.world.host("ip", "neighbour", "show")
            yield f"claim {name} for another MAC address by ARP", (
                "02:00:00:00:00:01" not in after and before == self.world.host("ip", "neighbour", "show", "nud", "permanent"))
        # That the way to a server leads through the guest: of the host's own route, and to its own neighbour.
        route = self.world.host("ip", "route", "get", SERVER)
        inner = packet(HOST, SERVER, 7000, 7000, b"")
        body = struct.pack("!BBH4s", 5, 1, 0, ipaddress.ip_address(GUEST_ADDRESS).packed) + inner
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
        head = packet(INET, HOST, 0, 0, b"")[:20]
        head = head[:2] + struct.pack("!H", 20 + len(body)) + head[4:9] + b"\x01" + b"\0\0" + head[12:]
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        self.send(tap + own + b"\x08\x00" + head + body)
        yield "redirect what the host sends to a server, in the name of its router", route == self.world.host("ip", "route", "get", SERVER)
        claim = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + ipaddress.ip_address(INET6).packed + b"\x02\x01" + OTHER_MAC
        source, target = ipaddress.ip_address(GUEST6).packed, ipaddress.ip_address(TAP6).packed
        claim = claim[:2] + struct.pack("!H", checksum(source + target + struct.pack("!II", len(claim), 58) + claim)) + claim[4:]
        self.send(tap + own + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(claim), 58, 255) + source + target + claim)
        yield "claim the address of the uplink's router by IPv6", (
            "02:00:00:00:00:01" not in self.world.host("ip", "-6", "neighbour", "show"))
        # An advertisement of a router, with a prefix for addresses
        prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 3600, 0) + ipaddress.ip_address("2001:db8:bad::").packed
        body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix
        link = ipaddress.ip_address("fe80::bad").packed
        nodes = ipaddress.ip_address("ff02::1").packed
        body = body[:2] + struct.pack("!H", checksum(link + nodes + struct.pack("!II", len(body), 58) + body)) + body[4:]
        self.send(bytes.fromhex("333300000001") + own + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + link + nodes + body)
        time.sleep(QUIET)
        routes = self.world.host("sh", "-c", "ip -6 route show table all; ip -6 address")
        yield "be the host's router by IPv6", "bad" not in routes

    def tracked(self, *options):
        """Such connections in the host's table."""
        return len(self.world.run("host", "conntrack", "-L", *options).stdout.splitlines())

    def floods(self):
        """An accomplice answers, so that the host believes in the connections. Each goes on until all others have been asked."""
        for what, frame in (("send datagrams to the Internet without end, each from another port", self.frame(FAR)),
                            ("flood the host's own address", self.frame(HOST, dport=22)),
                            ("flood the Internet in the name of others", self.frame(FAR, source=STRANGER))):
            self.reachable.throughout(lambda frame=frame: self.inside(f"inside udp-flood {frame.hex()} {FLOOD}"))
            yield what, True
        made = self.reachable.throughout(lambda: int(self.inside(f"inside tcp-flood {FAR} 9000 {FLOOD}").split()[-1]))
        yield "open and close connections without end", made[0] > FLOOD / 2

    def syn(self, interface="tap0", source=GUEST_ADDRESS):
        """The first segment of a connection to the accomplice."""
        tap, own = self.macs(interface)
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, *(ipaddress.ip_address(a).packed for a in (source, BEYOND)))
        return tap + own + b"\x08\x00" + head + struct.pack("!HH16x", 10000, 9)

    def peak(self, flood):
        """The most entries of the host's table during a flood of connections to an accomplice."""
        peak, done = [0], threading.Event()

        def watch():
            while not done.wait(0.02):
                peak[0] = max(peak[0], int(os.pread(self.table, 32, 0)))
        thread = threading.Thread(target=watch)
        thread.start()
        try:
            with subprocess.Popen(self.world.command("inet", INSIDE, "answer", "isp0"), stdout=subprocess.PIPE) as accomplice:
                try:
                    self.assertEqual(accomplice.stdout.readline(), b"ready\n")
                    flood()
                finally:
                    accomplice.kill()
        finally:
            done.set()
            thread.join()
        self.assertGreater(peak[0], CONNECTIONS)
        return peak[0]

    def closed(self):
        """Connections that are over at once stay in the table, where the limit of connections does not count them."""
        def one():
            self.inside(f"inside syn-flood {self.syn().hex()} {TRACKED * 3 // 2}")

        def other():
            self.inside(f"inside syn-flood {self.syn('tap1', OTHER_GUEST).hex()} {TRACKED * 3 // 2}", 8081)

        def both():
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                for done in [pool.submit(one), pool.submit(other)]:
                    done.result()
        yield "make connections that are over at once, without end", max(self.reachable.throughout(lambda: self.peak(one))) < TRACKED * 3 / 4
        yield ("make connections that are over at once, together with another guest",
               max(self.reachable.throughout(lambda: self.peak(both))) < TRACKED * 3 / 4)

    def limits(self):
        """That it begins no more of them than half of Connections=."""
        most = CONNECTIONS // 2
        made = int(self.inside(f"inside tcp-hold {FAR} 9000 {3 * CONNECTIONS}").split()[-1])
        yield "hold more TCP connections than it may", most / 2 < made <= most + 4

        def flood():
            self.held.clear()  # only when they are closed on both sides they are no longer counted
            self.inside(f"inside udp-flood {self.frame(FAR, dport=7001).hex()} {FLOOD}")
            return self.tracked("-p", "udp", "--dport", "7001") >= most / 2
        umldtest.wait_until(flood, 30, "as many UDP connections as it may hold")
        yield "hold more UDP connections than it may", self.tracked("-p", "udp", "--dport", "7001") <= most + 4

    def limit_connections(self):
        config = self.world.config_dir / "web.conf"
        config.write_text(config.read_text().replace(f"Connections={USUAL}\n", f"Connections={CONNECTIONS}\n"))
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)

    def accomplice(self):
        self.held = collections.deque(maxlen=4 * CONNECTIONS)  # the oldest are closed
        server = self.world.socket("inet")
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((FAR, 9000))
        server.listen(1024)

        def answer():
            with contextlib.suppress(OSError):
                while True:
                    self.held.append(server.accept()[0])
        thread = threading.Thread(target=answer)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown, socket.SHUT_RDWR)

    def attempts(self, kernel):
        self.world.guest("web", kernel=kernel, image=self.images / "guest.img", Supervise={"Ready": "guest"},
                         Network={"Forward": f"tcp/{PORT}:80", "Connections": str(USUAL), "HostAddress6": f"{TAP6}/64", "GuestAddress6": GUEST6})
        umld = self.daemon("web").wait_ready(60)
        self.world.fetch_when_served(PORT)
        self.sniffers = {"wire": self.sniff("inet", "isp0"), "tap1": self.sniff("host", "tap1")}
        self.reachable = Reachable(self, 8081, PORT)
        rows = []
        for kind, happened, layer in ((self.addresses, "dropped", "rules"), (self.dressed, "dropped", "rules"),
                                      (self.detours, "ignored", "tap"),
                                      (self.host, "dropped", "rules"),
                                      (self.claims, "ignored", "tap"), (self.floods, "others stay reachable", "-"),
                                      (self.closed, "a quarter of the table stays free", "umld"),
                                      (self.limits, "ends at the limit", "rules")):
            if kind == self.limits:
                self.limit_connections()
            for what, stopped in kind():
                self.assertTrue(stopped, what)
                rows.append(Row(GUEST_GROUP, what, happened, [layer] if layer != "-" else []))
                self.assertIn("<h1>", self.world.fetch(PORT, timeout=10 * PATIENCE), "the page of the first")
        self.reachable.end()
        self.assertEqual(self.reachable.failures, [])
        self.assertGreater(self.reachable.count, 5)
        self.assertEqual(umld.status()["restarts"], 0)
        self.assertEqual(umld.stop(40), DONE)
        return rows

    def try_kernel(self, kernel):
        self.accomplice()
        rows = self.attempts(kernel)
        table = Table.read()
        if os.environ.get("UMLD_WRITE_TABLE"):
            table.rows = [row for row in table.rows if row.group != GUEST_GROUP] + rows
            table.write()
        self.assertEqual([str(row) for row in rows], [str(row) for row in Table.read().rows if row.group == GUEST_GROUP])

    def test_kernel_of_debian(self):
        self.try_kernel(test_kernels()[0])

    def test_other_kernels(self):
        for kernel in test_kernels()[1:]:
            with self.subTest(kernel=kernel.name):
                self.try_kernel(kernel)


if __name__ == "__main__":
    main()
