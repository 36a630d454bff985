#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest whose root is hostile may send, and to whom; and what may be sent to it.

Nothing of a guest is needed for that but its tap: the frames are made here, and whatever arrives is read here."""

import contextlib
import ctypes
import fcntl
import ipaddress
import os
import re
import select
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import BACKEND, CLONE_NEWNET, DONE, FAR, GUEST_ADDRESS, HOST, INET, PATIENCE, TestCase, libc, main, preloaded, wait_until

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
ETH_P_ALL, SO_RCVBUFFORCE = 3, 33
QUIET = 0.4  # within this time nothing has come, so nothing comes

INET6, HOST6, FAR6 = "2001:db8::1", "2001:db8::10", "2001:db8:ffff::1"
TAP6, GUEST6 = "fd00::1", "fd00::2"
ELSEWHERE = {4: "192.0.2.7", 6: "2001:db8:7::7"}  # far away, too
SECOND = {"Tap": "tap1", "HostAddress": "10.0.1.1/24", "GuestAddress": "10.0.1.2",
          "HostAddress6": "fd00:0:0:1::1/64", "GuestAddress6": "fd00:0:0:1::2"}
OWN = {4: GUEST_ADDRESS, 6: GUEST6}
PUBLIC = {4: HOST, 6: HOST6}
INTERNET = {4: FAR, 6: FAR6}
LINK = {4: INET, 6: INET6}
METADATA = {4: "169.254.169.254", 6: "fd00:ec2::254"}
OTHER = {4: "10.0.1.2", 6: "fd00:0:0:1::2"}


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(source, target, sport, dport, text):
    """A UDP datagram with its IP head."""
    a, b = ipaddress.ip_address(source), ipaddress.ip_address(target)
    udp = struct.pack("!HHHH", sport, dport, 8 + len(text), 0) + text
    if a.version == 6:
        pseudo = a.packed + b.packed + struct.pack("!II", len(udp), 17)
        udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp) or 0xFFFF) + udp[8:]
        return struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + a.packed + b.packed + udp
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, a.packed, b.packed)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp


FIN, SYN, RST, ACK = 1, 2, 4, 16
BEYOND = {4: "198.51.100.77", 6: "2001:db8:77::7"}  # an accomplice that has no kernel's help


def segment(source, target, sport, dport, flags, seq, ack, text=b""):
    """A TCP segment with its IP head."""
    a, b = ipaddress.ip_address(source), ipaddress.ip_address(target)
    tcp = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 0xFFFF, 0, 0) + text
    pseudo = a.packed + b.packed + struct.pack("!II", len(tcp), 6)
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    if a.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64) + a.packed + b.packed + tcp
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, a.packed, b.packed)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + tcp


def parse_syn(frame):
    """Source, destination and ports of a frame that begins a TCP connection; None: it does not."""
    six = frame[12:14] == b"\x86\xdd"
    at, protocol, size = (54, 20, 16) if six else (34, 23, 4)
    if len(frame) < at + 20 or frame[protocol] != 6 or frame[at + 13] != SYN or (not six and frame[12:15] != b"\x08\x00\x45"):
        return None
    ends = [str(ipaddress.ip_address(frame[i:i + size])) for i in (at - 2 * size, at - size)]
    return (*ends, *struct.unpack("!HH", frame[at:at + 4]))


def extended(data, kind, header):
    """The IPv6 packet with an extension header of that kind, which begins with what follows it."""
    head = data[:4] + struct.pack("!HB", len(data) - 40 + len(header) + 1, kind) + data[7:40]
    return head + data[6:7] + header + data[40:]


PADDING = struct.pack("!BBBI", 0, 1, 4, 0)  # eight bytes with the first one, and an option that says nothing
EXTENSIONS = {"hop-by-hop options": lambda data: [extended(data, 0, PADDING)],
              "destination options": lambda data: [extended(data, 60, PADDING)],
              "two headers": lambda data: [extended(extended(data, 60, PADDING), 60, PADDING)],
              "one fragment": lambda data: [extended(data, 44, struct.pack("!BHI", 0, 0, 77))],
              "fragments": lambda data: [extended(data[:48], 44, struct.pack("!BHI", 0, 1, 78)),
                                         extended(data[:40] + data[48:], 44, struct.pack("!BHI", 0, 8, 78))]}


class Rogue:
    """Whoever holds a guest's tap."""

    def __init__(self, test, tap="tap0", name="web", own=None):
        self.world, self.own = test.world, own or OWN
        made = []

        def attach():
            with open(f"/run/netns/{self.world.name}-host", "rb") as ns:
                if libc.setns(ns.fileno(), CLONE_NEWNET) < 0:
                    made.append(OSError(ctypes.get_errno(), "setns"))
                    return
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
            fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", tap.encode(), IFF_TAP | IFF_NO_PI))
            made.append(fd)

        thread = threading.Thread(target=attach)
        thread.start()
        thread.join()
        self.fd = made[0]
        test.addCleanup(self.close)
        self.tap_mac = self.mac(test.world.host("ip", "link", "show", tap), "ether")
        self.own_mac = self.mac(test.world.host("ip", "neighbour", "show", "dev", tap), "lladdr")

    @staticmethod
    def mac(text, word):
        return bytes.fromhex(re.search(rf"{word} (\S+)", text)[1].replace(":", ""))

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def send(self, target, text=b"hello", source=None, mac=None, sport=7000, dport=7000):
        version = ipaddress.ip_address(target).version
        ethertype = b"\x86\xdd" if version == 6 else b"\x08\x00"
        os.write(self.fd, self.tap_mac + (mac or self.own_mac) + ethertype
                 + packet(source or self.own[version], target, sport, dport, text))

    def send_packet(self, data, version):
        os.write(self.fd, self.tap_mac + self.own_mac + (b"\x86\xdd" if version == 6 else b"\x08\x00") + data)

    def receives(self, text, within=QUIET):
        """Does a frame with that text come?"""
        end = time.monotonic() + within
        while select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
            if text in os.read(self.fd, 65536):
                return True
        return False


class BarsTest(TestCase):
    def setUp(self):
        super().setUp()
        # With a network around it, as on Ethernet; venet0's address stands alone.
        self.world.host("sh", "-e", "-c", f"ip address add {HOST}/24 dev venet0; ip address del {HOST}/32 dev venet0; "
                        "ip route replace default dev venet0")
        self.world.host("sh", "-e", "-c", f"ip -6 address add {HOST6}/64 dev venet0 nodad; ip -6 route add default dev venet0; "
                        "echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter")
        self.inet("sh", "-e", "-c", f"ip -6 address add {INET6}/64 dev isp0 nodad; ip -6 address add {FAR6}/128 dev lo nodad; "
                  f"for a in {ELSEWHERE[4]}/32 {METADATA[4]}/32; do ip address add $a dev lo; done; "
                  f"for a in {ELSEWHERE[6]} {METADATA[6]}; do ip -6 address add $a/128 dev lo nodad; done")
        self.serial = 0
        self.wire = None

    def inet(self, *command):
        self.world.run("inet", *command, check=True)

    def configure(self, name="web", **network):
        self.world.guest(name, fake="boot,ready",
                         Network={"Forward": "udp/5000", "HostAddress6": f"{TAP6}/64", "GuestAddress6": GUEST6, **network})

    def start(self, name="web", **network):
        self.configure(name, **network)
        return self.daemon(name).wait_ready()

    def reload(self, name="web", **network):
        self.configure(name, **network)
        self.assertEqual(self.world.umlctl("reload", name).returncode, DONE)

    def text(self):
        """One that is in no other packet."""
        self.serial += 1
        return f"packet {self.serial} of {os.getpid()}".encode()

    def sniff(self):
        """Begins to read all that leaves the host."""
        s = self.world.socket("inet", socket.AF_PACKET, socket.SOCK_RAW)
        s.bind(("isp0", ETH_P_ALL))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.addCleanup(s.close)
        self.wire = s

    def leaves(self, text, within=QUIET):
        """The addresses that a packet with that text had on the wire, as bytes; None if none came."""
        end = time.monotonic() + within
        while select.select([self.wire], [], [], max(0, end - time.monotonic()))[0]:
            frame = self.wire.recv(65536)
            if text in frame:
                return frame
        return None

    def assert_leaves(self, rogue, target, **options):
        """It does, and by the host's own address."""
        text = self.text()
        rogue.send(target, text, **options)
        frame = self.leaves(text, 5)
        self.assertIsNotNone(frame, target)
        self.assertIn(ipaddress.ip_address(PUBLIC[ipaddress.ip_address(target).version]).packed, frame)

    def assert_held(self, rogue, target, **options):
        text = self.text()
        rogue.send(target, text, **options)
        self.assertIsNone(self.leaves(text), (target, options))


class Source(BarsTest):
    """Only as itself."""

    SPOOFED = {4: ["8.8.4.4", "203.0.113.77", "10.0.1.2", "10.0.0.77", "10.0.0.1", HOST, INET],
               6: ["2001:db8:dead::1", "2001:db8::77", "fd00:0:0:1::2", "fd00::77", HOST6, INET6, "fe80::1"]}

    def start(self, *arguments, **options):
        """The rules are what is tried, not the kernel's check besides."""
        umld = super().start(*arguments, **options)
        self.world.host("sh", "-c", "echo 0 >/proc/sys/net/ipv4/conf/tap0/rp_filter")
        return umld

    def test_forwarded(self):
        self.start()
        rogue = Rogue(self)
        self.sniff()
        for version in (4, 6):
            target = INTERNET[version]
            self.assert_leaves(rogue, target)
            for source in self.SPOOFED[version]:
                self.assert_held(rogue, target, source=source)
            self.assert_held(rogue, target, mac=bytes.fromhex("020000000001"))
            # To the public port of a guest, too, nobody comes in another one's name.
            self.assert_held(rogue, PUBLIC[version], source=self.SPOOFED[version][0], dport=5000)
            self.assert_leaves(rogue, target)

    def test_host(self):
        """A server's answer in that server's name is that server's, whatever connection it seems to belong to."""
        self.start(HostAccess="all")
        rogue = Rogue(self)
        for version, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
            server, public = ELSEWHERE[version], PUBLIC[version]
            with self.world.socket("host", family, socket.SOCK_DGRAM) as client, \
                 self.world.socket("inet", family, socket.SOCK_DGRAM) as real:
                client.bind((public, 0))
                client.settimeout(5 * PATIENCE)
                real.settimeout(5 * PATIENCE)
                real.bind((server, 53))
                port = client.getsockname()[1]
                client.sendto(b"question", (server, 53))
                self.assertEqual(real.recvfrom(100)[0], b"question")
                rogue.send(public, b"false", source=server, sport=53, dport=port)
                time.sleep(QUIET)
                real.sendto(b"true", (public, port))
                self.assertEqual(client.recvfrom(100)[0], b"true")
                # What comes from the guest itself is for the host's own rules.
                rogue.send(public, b"own", dport=port)
                self.assertEqual(client.recvfrom(100)[0], b"own")
                rogue.send(public, b"wrong", dport=port, mac=bytes.fromhex("020000000001"))
                rogue.send(public, b"again", dport=port)
                self.assertEqual(client.recvfrom(100)[0], b"again")

    def test_reverse_path(self):
        """The kernel's own check besides, whatever the host has for its other interfaces."""
        umld = super().start()
        self.assertEqual(self.world.host("cat", "/proc/sys/net/ipv4/conf/tap0/rp_filter"), "1\n")
        for everybodys, inforce in (("0", "strict"), ("2", "loose"), ("1", "strict")):
            self.world.host("sh", "-c", f"echo {everybodys} >/proc/sys/net/ipv4/conf/all/rp_filter")
            self.assertEqual(umld.status()["network"]["reverse_path_filter"], inforce)


class Dress(BarsTest):
    """Frames that hide what they are."""

    def setUp(self):
        super().setUp()
        self.start()
        self.start("other", **{**SECOND, "Forward": "udp/5001"})
        for tap in ("tap0", "tap1"):
            self.world.host("sh", "-c", f"echo 0 >/proc/sys/net/ipv4/conf/{tap}/rp_filter")
        self.rogue, self.other = Rogue(self), Rogue(self, "tap1", "other", OTHER)
        self.sniff()

    def send(self, dress, source, target, text, dport=7000):
        for part in dress(packet(source, target, 7000, dport, text)):
            self.rogue.send_packet(part, 6)

    def service(self, family, address):
        s = self.world.socket("host", family, socket.SOCK_DGRAM)
        self.addCleanup(s.close)
        s.bind((address, 0))
        s.settimeout(QUIET)
        return s

    def assert_unheard(self, s):
        with self.assertRaises(TimeoutError):
            s.recv(100)

    def test_extension_headers(self):
        with self.service(socket.AF_INET6, "::") as service:
            port = service.getsockname()[1]
            for name, dress in EXTENSIONS.items():
                with self.subTest(name):
                    text = self.text()
                    self.send(dress, GUEST6, FAR6, text)
                    self.assertIsNotNone(self.leaves(text, 5 * PATIENCE), "the guest's own")
                    for source, target in (("2001:db8:dead::1", FAR6), ("fd00:0:0:1::2", FAR6), (HOST6, FAR6),
                                           (GUEST6, METADATA[6]), (GUEST6, INET6)):
                        text = self.text()
                        self.send(dress, source, target, text)
                        self.assertIsNone(self.leaves(text), (source, target))
                    text = self.text()
                    self.send(dress, GUEST6, OTHER[6], text)
                    self.assertFalse(self.other.receives(text))
                    for target in (TAP6, HOST6):
                        self.send(dress, GUEST6, target, text, dport=port)
                    self.assert_unheard(service)

    def test_mapped(self):
        """IPv4 addresses in IPv6 packets are not the guest's, and lead to nobody who has them by IPv4."""
        with self.service(socket.AF_INET6, "::") as service:
            port = service.getsockname()[1]
            for source, target in (("::ffff:8.8.4.4", FAR6), (f"::ffff:{GUEST_ADDRESS}", FAR6),
                                   (f"::ffff:{GUEST_ADDRESS}", f"::ffff:{FAR}"), ("::", FAR6), ("::1", FAR6), (f"::{GUEST_ADDRESS}", FAR6)):
                text = self.text()
                self.rogue.send(target, text, source=source)
                self.assertIsNone(self.leaves(text), (source, target))
            for source in (GUEST6, f"::ffff:{GUEST_ADDRESS}"):
                for address in (HOST, "10.0.0.1", "127.0.0.1"):
                    self.rogue.send(f"::ffff:{address}", b"mapped", source=source, dport=port)
            self.rogue.send(f"::ffff:{OTHER[4]}", b"mapped to the other")
            self.assertFalse(self.other.receives(b"mapped to the other"))
            self.assert_unheard(service)

    def test_multicast(self):
        """Neither services of the host that have joined a group, nor anybody beyond."""
        index = int(self.world.host("ip", "-o", "link", "show", "tap0").split(":")[0])
        with self.service(socket.AF_INET, "0.0.0.0") as four, self.service(socket.AF_INET6, "::") as six:
            four.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                            struct.pack("4s4si", socket.inet_aton("224.0.0.251"), socket.inet_aton("0.0.0.0"), index))
            six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                           struct.pack("16si", ipaddress.ip_address("ff02::fb").packed, index))
            for s, version, group, mac in ((four, 4, "224.0.0.251", "01005e0000fb"), (six, 6, "ff02::fb", "3333000000fb"),
                                           (four, 4, "255.255.255.255", "ffffffffffff"), (four, 4, "10.0.0.255", "ffffffffffff")):
                for source in (OWN[version], INTERNET[version]):
                    text = self.text()
                    data = packet(source, group, 7000, s.getsockname()[1], text)
                    os.write(self.rogue.fd, bytes.fromhex(mac) + self.rogue.own_mac + (b"\x08\x00", b"\x86\xdd")[version == 6] + data)
                    self.assertIsNone(self.leaves(text))
                    self.assertFalse(self.other.receives(text))
                    self.assert_unheard(s)

    def test_neighbour_discovery(self):
        """The host believes the guest nothing about addresses, its own or others'."""
        def neighbours():
            return [self.world.host("ip", "neighbour", "show", "dev", tap) for tap in ("tap0", "tap1", "venet0")]
        before, foreign = neighbours(), bytes.fromhex("020000000001")
        for address in (GUEST6, "fd00::77", OTHER[6], INET6, HOST6, TAP6):
            claimed = ipaddress.ip_address(address).packed
            for kind, target, option in ((136, TAP6, 2), (136, "ff02::1", 2), (135, TAP6, 1)):
                message = struct.pack("!BBHI", kind, 0, 0, 0xE0000000 if kind == 136 else 0) + claimed + bytes([option, 1]) + foreign
                for source in (GUEST6, address):
                    a, b = (ipaddress.ip_address(x).packed for x in (source, target))
                    pseudo = a + b + struct.pack("!II", len(message), 58)
                    body = message[:2] + struct.pack("!H", checksum(pseudo + message)) + message[4:]
                    self.rogue.send_packet(struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + a + b + body, 6)
        for address in (GUEST_ADDRESS, "10.0.0.77", OTHER[4], INET, HOST):
            for operation in (1, 2):
                os.write(self.rogue.fd, b"\xff" * 6 + foreign + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x800, 6, 4, operation)
                         + foreign + ipaddress.ip_address(address).packed + b"\0" * 6 + ipaddress.ip_address("10.0.0.1").packed)
        time.sleep(QUIET)
        after = neighbours()
        self.assertNotIn("02:00:00:00:00:01", after[1] + after[2])
        for address in (GUEST_ADDRESS, GUEST6):
            line = next(line for line in before[0].splitlines() if line.startswith(address + " "))
            self.assertIn(line, after[0].splitlines())
        for address in (OTHER[4], OTHER[6], INET, INET6, HOST, HOST6):
            self.assertNotIn("dev tap0", self.world.host("ip", "route", "get", address))


class Reach(BarsTest):
    def test_levels(self):
        umld = self.start()
        rogue = Rogue(self)
        self.sniff()
        cases = [("internet", {"internet"}, None), ("link internet", {"internet", "link"}, "internet link"),
                 ("internet metadata", {"internet", "metadata"}, None), ("link", {"link"}, None), ("no", set(), None),
                 (f"{FAR}/32 {FAR6}/127", {"internet"}, f"{FAR} {FAR6[:-1]}/127"),
                 (f"internet {INET} {INET6}/128", {"internet", "link"}, f"internet {INET} {INET6}")]
        targets = {"internet": INTERNET, "link": LINK, "metadata": METADATA}
        for reach, expected, shown in cases:
            with self.subTest(reach=reach):
                self.reload(Reach=reach)
                self.assertEqual(umld.status()["network"]["reach"], shown or reach)
                for version in (4, 6):
                    for word, target in targets.items():
                        if word in expected:
                            self.assert_leaves(rogue, target[version])
                        else:
                            self.assert_held(rogue, target[version])

    def test_resolver(self):
        """The servers that the guest was told to ask are asked, wherever they are, and nothing else of theirs."""
        self.start(DNS=f"{INET} {INET6}")
        rogue = Rogue(self)
        self.sniff()
        for version in (4, 6):
            self.assert_leaves(rogue, LINK[version], dport=53)
            self.assert_held(rogue, LINK[version], dport=80)

    def test_neighbours(self):
        """One guest reaches another only where both have it so."""
        self.start()
        self.start("other", **{**SECOND, "Forward": "udp/5001"})
        rogue, other = Rogue(self), Rogue(self, "tap1", "other", OTHER)
        for web, second, reached in (("internet", "internet", False), ("internet neighbours", "internet", False),
                                     ("internet", "internet neighbours", False), ("neighbours", "neighbours", True),
                                     ("no", "no", False)):
            with self.subTest(web=web, second=second):
                self.reload(Reach=web)
                self.reload("other", **{**SECOND, "Forward": "udp/5001", "Reach": second})
                for version in (4, 6):
                    text = self.text()
                    rogue.send(OTHER[version], text)
                    self.assertEqual(other.receives(text, 5 * PATIENCE if reached else QUIET), reached)
                    # What is forwarded is for everybody.
                    text = self.text()
                    rogue.send(PUBLIC[version], text, dport=5001)
                    self.assertTrue(other.receives(text, 5 * PATIENCE))

    def test_from_outside(self):
        """A machine beside the host, which sends the guest's addresses to it, meets the forwards alone."""
        self.inet("sh", "-e", "-c", f"ip route add 10.0.0.0/24 via {HOST}; ip -6 route add fd00::/64 via {HOST6}")
        self.start()
        rogue = Rogue(self)
        for reach in ("internet", "internet neighbours"):
            self.reload(Reach=reach)
            for version, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
                with self.world.socket("inet", family, socket.SOCK_DGRAM) as s:
                    for target, port, arrives in ((OWN, 9999, False), (PUBLIC, 5000, True), (OWN, 5000, False)):
                        text = self.text()
                        s.sendto(text, (target[version], port))
                        self.assertEqual(rogue.receives(text, 5 * PATIENCE if arrives else QUIET), arrives, (target[version], port))


class Flood(BarsTest):
    """The host's table of connections is not the guest's to fill."""

    MOST = 40

    def count(self):
        return int(self.world.host("cat", "/proc/sys/net/netfilter/nf_conntrack_count"))

    def echo(self, family, address):
        """An accomplice outside, who answers, so that the entries count as established."""
        s = self.world.socket("inet", family, socket.SOCK_DGRAM)
        self.addCleanup(s.close)
        s.bind((address, 7000))

        def run():
            with contextlib.suppress(OSError):
                while True:
                    text, sender = s.recvfrom(100)
                    s.sendto(text, sender)
        threading.Thread(target=run, daemon=True).start()

    def assert_host_is_reachable(self):
        with self.world.socket("host") as listener, self.world.socket() as client:
            listener.bind((HOST, 0))
            listener.listen()
            client.settimeout(5 * PATIENCE)
            client.connect((HOST, listener.getsockname()[1]))

    def assert_client_arrives(self, rogue, version, port):
        family, text = {4: socket.AF_INET, 6: socket.AF_INET6}[version], self.text()
        with self.world.socket("inet", family, socket.SOCK_DGRAM) as s:
            s.bind(("", port))
            s.sendto(text, (PUBLIC[version], 5000))
        self.assertTrue(rogue.receives(text, 5 * PATIENCE), f"client {port}")

    def test_out(self):
        umld = self.start(Connections=str(self.MOST))
        rogue = Rogue(self)
        self.echo(socket.AF_INET, FAR)
        self.echo(socket.AF_INET6, FAR6)
        for version in (4, 6):
            before = self.count()
            for n in range(20 * self.MOST):
                rogue.send(INTERNET[version], b"flood", sport=10000 + n)
            time.sleep(QUIET)
            more = self.count() - before
            self.assertGreater(more, self.MOST / 4)
            self.assertLessEqual(more, self.MOST / 2 + 2)
            self.assert_host_is_reachable()
            # What it drops of that keeps no client of its own out.
            for n in range(self.MOST // 4):
                self.assert_client_arrives(rogue, version, 30000 + n)
        # To the host itself the same.
        before = self.count()
        self.reload(Connections=str(self.MOST), HostAccess="all")
        with self.world.socket("host", kind=socket.SOCK_DGRAM) as s:
            s.bind((HOST, 7777))
            for n in range(20 * self.MOST):
                rogue.send(HOST, b"flood", sport=20000 + n, dport=7777)
            time.sleep(QUIET)
            self.assertLessEqual(self.count() - before, self.MOST / 2 + 2)
        # They go with the guest.
        rogue.close()
        self.assertEqual(umld.stop(), DONE)
        wait_until(lambda: self.count() < self.MOST / 2, 20, "the guest's connections to be forgotten")

    def test_in(self):
        """By way of a port that is forwarded."""
        self.start(Connections=str(self.MOST))
        rogue = Rogue(self)
        for family, address in ((socket.AF_INET, HOST), (socket.AF_INET6, HOST6)):
            before = self.count()
            for n in range(10 * self.MOST):
                with self.world.socket("inet", family, socket.SOCK_DGRAM) as s:
                    s.bind(("", 30000 + n))
                    s.sendto(b"flood", (address, 5000))
            time.sleep(QUIET)
            more = self.count() - before
            self.assertGreater(more, self.MOST / 2)
            self.assertLessEqual(more, self.MOST + 2)
            self.assertTrue(rogue.receives(b"flood", 5 * PATIENCE))
            self.assert_host_is_reachable()

    def test_host_keeps_a_quarter(self):
        """Two guests and their accomplice do what they can, as on a host that can track few connections."""
        self.restrict_table(8192)
        umld = self.start()
        self.start("other", **{**SECOND, "Forward": "udp/5001"})
        wait_until(lambda: self.shown(umld) == "1024", 40, "a share of two guests")
        rogue, other = Rogue(self), Rogue(self, "tap1", "other", OTHER)
        self.echo(socket.AF_INET, FAR)
        before = self.count()

        def flood(guest, port):
            """Twice what the host can track, in both directions."""
            accomplice = self.world.socket("inet", kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW)
            with accomplice:
                for n in range(8192):
                    guest.send(FAR, b"flood", sport=10000 + n)
                    guest.send(FAR6, b"flood", sport=10000 + n)
                    accomplice.sendto(packet(FAR, HOST, 10000 + n, port, b"flood"), (HOST, 0))
            wait_until(lambda: self.count() - before > 1200, 20, "a flood")
            self.assertLess(self.count(), 8192 * 3 / 4)
            self.assert_host_is_reachable()
            with self.world.socket("host") as ssh, self.world.socket() as client:
                ssh.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                ssh.bind((HOST, 22))
                ssh.listen()
                client.settimeout(5 * PATIENCE)
                client.connect((HOST, 22))

        flood(rogue, 5000)
        self.assertLess(self.count() - before, 2048 + 64)  # of both families
        text = self.text()
        with self.world.socket(kind=socket.SOCK_DGRAM) as client:
            client.sendto(text, (HOST, 5001))
            self.assertTrue(other.receives(text, 10), "the other guest is not reachable")
        flood(other, 5001)

    def segments(self, source, target, sport, dport):
        """A TCP connection that is refused at once by whoever gets it: the packets of the one side and of the other."""
        return (segment(source, target, sport, dport, SYN, 1, 0), segment(target, source, dport, sport, SYN | ACK, 9, 2),
                segment(target, source, dport, sport, RST, 10, 0))

    def refuse(self):
        """An accomplice outside: each connection to port 9 is accepted and over."""
        raw = self.world.socket("inet", socket.AF_PACKET, socket.SOCK_RAW)
        raw.bind(("isp0", ETH_P_ALL))
        raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.addCleanup(raw.close)

        def run():
            with contextlib.suppress(OSError):
                while True:
                    frame = raw.recv(2048)
                    parsed = parse_syn(frame)
                    if parsed and parsed[3] == 9:
                        for answer in self.segments(*parsed)[1:]:
                            raw.send(frame[6:12] + frame[:6] + frame[12:14] + answer)
        threading.Thread(target=run, daemon=True).start()

    def close_at_once(self, rogue, version, n):
        target = BEYOND[version]
        for port in range(10000, 10000 + n):
            rogue.send_packet(segment(rogue.own[version], target, port, 9, SYN, 1, 0), version)

    def restrict_table(self, most):
        path = self.world.dir / "conntrack-max"
        path.write_text(f"{most}\n")
        self.world.host("mount", "--bind", path, "/proc/sys/net/netfilter/nf_conntrack_max")

    def host_opens(self):
        """A connection of the host's own to the outside, each way."""
        self.assert_host_is_reachable()
        with self.world.socket("inet") as listener, self.world.socket("host") as client:
            listener.bind((FAR, 0))
            listener.listen()
            client.settimeout(5 * PATIENCE)
            client.connect((FAR, listener.getsockname()[1]))

    def watched(self, most, attack, other):
        """The attack, with a look at the table and at everybody else meanwhile; the fullest that it was."""
        peak, done = [0], threading.Event()

        def watch():
            while not done.wait(0.01):
                peak[0] = max(peak[0], self.count_now())
        thread = threading.Thread(target=watch)
        thread.start()
        try:
            for part in attack:
                part()
                self.host_opens()
                self.assert_other_is_reached(other)
        finally:
            done.set()
            thread.join()
        self.assertLess(peak[0], most * 3 / 4)
        return peak[0]

    def count_now(self):
        return int(os.pread(self.table, 32, 0))

    def assert_other_is_reached(self, other):
        other.receives(b"what nobody sends")  # what comes of its own flood fills the queue of its tap
        text = self.text()
        with self.world.socket(kind=socket.SOCK_DGRAM) as client:
            client.sendto(text, (HOST, 5001))
            self.assertTrue(other.receives(text, 10 * PATIENCE), "the other guest is not reachable")

    def two_guests(self, most, **network):
        self.table = self.world.within("host", lambda: os.open("/proc/sys/net/netfilter/nf_conntrack_count", os.O_RDONLY | os.O_CLOEXEC))
        self.addCleanup(os.close, self.table)
        self.restrict_table(most)
        self.inet("sh", "-e", "-c", "sysctl -qw net.ipv4.ip_forward=0")
        umld = self.start(**network)
        self.start("other", **{**SECOND, "Forward": "udp/5001"})
        wait_until(lambda: self.shown(umld) == str(most // 8), 40, "a share of two guests")
        return umld, Rogue(self), Rogue(self, "tap1", "other", OTHER)

    def test_closed_at_once(self):
        """Two guests at once, by both families, with connections that are over before they are counted."""
        most = 16384
        umld, rogue, other = self.two_guests(most)
        self.refuse()

        def both(version):
            threads = [threading.Thread(target=self.close_at_once, args=(r, version, most)) for r in (rogue, other)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertGreater(self.watched(most, [lambda: both(4), lambda: both(6)], other), most / 8)
        self.assertEqual(umld.status()["restarts"], 0)

    def test_without_umld(self):
        """A guest whose umld does not look has so many new TCP connections, and no more until it looks again."""
        most = 16384
        umld, rogue, other = self.two_guests(most, Backend="nftables")  # the legacy tables have no such number
        self.refuse()
        os.kill(umld.pid, signal.SIGSTOP)
        try:
            peak = self.watched(most, [lambda: self.close_at_once(rogue, 4, most)], other)
            self.assertGreater(peak, 512)
            self.assertLess(peak, 3 * 1024)
        finally:
            os.kill(umld.pid, signal.SIGCONT)

        def passes():
            text = self.text()
            rogue.send_packet(segment(GUEST_ADDRESS, FAR, 9999, 9, SYN, 1, 0, text), 4)
            return self.leaves(text)
        self.sniff()
        wait_until(passes, 20, "umld to allow new connections again")

    def test_from_outside(self):
        """Strangers who open and close connections to a forwarded port, and leave TIME_WAIT behind."""
        most = 16384
        umld, rogue, other = self.two_guests(most, Forward="udp/5000 tcp/5000:9")
        outside = self.world.socket("inet", kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW)
        self.addCleanup(outside.close)

        def strangers():
            for port in range(10000, 10000 + most):
                outside.sendto(segment(BEYOND[4], HOST, port, 5000, SYN, 1, 0), (HOST, 0))
                rogue.send_packet(segment(GUEST_ADDRESS, BEYOND[4], 9, port, SYN | ACK, 9, 2), 4)
                outside.sendto(segment(BEYOND[4], HOST, port, 5000, FIN | ACK, 2, 10), (HOST, 0))
                rogue.send_packet(segment(GUEST_ADDRESS, BEYOND[4], 9, port, FIN | ACK, 10, 3), 4)
                outside.sendto(segment(BEYOND[4], HOST, port, 5000, ACK, 3, 11), (HOST, 0))
        self.assertGreater(self.watched(most, [strangers], other), most / 8)
        self.assertEqual(umld.status()["restarts"], 0)

    def limit(self):
        if BACKEND == "nftables":
            limits = re.findall(r"ct count over (\d+)", self.world.host("nft", "list", "table", "inet", "umld-web"))
        else:
            limits = re.findall(r"CNT-web .*--connlimit-above (\d+)", self.world.host("iptables-legacy-save"))
        self.assertEqual(len(limits) % 2, 0)
        if limits:
            self.assertEqual(int(limits[0]), int(limits[1]) // 2, "what the guest begins itself")
        return int(limits[1]) if limits else 0

    @staticmethod
    def shown(umld):
        return umld.status()["network"]["connections"]

    def test_missing(self):
        """Where the host cannot count them that is said, and the guest has all else."""
        tool = "nftables" if BACKEND == "nftables" else "iptables"
        limit = "quota" if BACKEND == "nftables" else "match limit"
        self.sniff()
        for name, reason, limited in (
                ("no-connlimit.so", rf"the host has no {tool} match connlimit \(.*\): Connections= has no effect, and ", False),
                ("no-limit.so", rf"the host has no {tool} {limit} \(.*\): connections that the guest closes at once may fill ", True)):
            with self.subTest(name):
                self.configure()
                umld = self.daemon(env=preloaded(name)).wait_ready()
                self.assertEqual(len(re.findall(reason, umld.log)), 1)
                network = umld.status()["network"]
                self.assertEqual(len(network["lacking"]), 1)
                self.assertEqual((self.limit() > 0, network["connections"] != "no"), (limited, limited))
                self.assertRegex(network["lacking"][0], reason)
                self.assertIn(f"Lacking: {network['lacking'][0]}", self.world.umlctl("status", "web").stdout)
                rogue = Rogue(self)
                self.assert_leaves(rogue, FAR)
                rogue.close()
                self.assertEqual(umld.stop(), DONE)

    def test_list_comes_later(self):
        """A host whose list of connections is in a module that is loaded after umld was started."""
        self.configure()
        missing = self.world.dir / "no-list"
        missing.touch()
        umld = self.daemon(env={**preloaded("no-list.so"), "NO_LIST": str(missing)}).wait_ready()

        def lacking():
            return [text for text in umld.status()["network"]["lacking"] if "no list of connections" in text]
        wait_until(lacking, 20, "umld to find that the list is missing")
        missing.unlink()
        wait_until(lambda: not lacking(), 20, "umld to find the list")
        self.assertEqual(umld.log.count("the host has no list of connections"), 1)
        self.assertIn("the host has a list of connections now", umld.log)

    def held(self, state="ESTABLISHED"):
        shown = self.world.run("host", "conntrack", "-L", "-p", "tcp", "--state", state).stdout
        return len(re.findall("dport=5000 ", shown))

    def test_fewer(self):
        """Connections that a guest has when its number falls stay, until the host needs their entries."""
        most, held = 8192, 600
        self.restrict_table(most)
        self.start(Connections=str(2 * held), Forward="udp/5000 tcp/5000:9")
        rogue = Rogue(self)
        with self.world.socket("inet", kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW) as outside:
            def reach(state, send):
                """On a busy machine some packets are lost."""
                def try_all():
                    for port in range(10000, 10000 + held):
                        send(port)
                    return self.held(state) == held
                wait_until(try_all, 20, f"{held} connections in the state {state}")
            reach("SYN_SENT", lambda port: outside.sendto(segment(BEYOND[4], HOST, port, 5000, SYN, 1, 0), (HOST, 0)))
            reach("SYN_RECV", lambda port: rogue.send_packet(segment(GUEST_ADDRESS, BEYOND[4], 9, port, SYN | ACK, 8, 2), 4))
            reach("ESTABLISHED", lambda port: outside.sendto(segment(BEYOND[4], HOST, port, 5000, ACK, 2, 9), (HOST, 0)))
            self.reload(Connections="100", Forward="udp/5000 tcp/5000:9")

        def fill(number):
            with self.world.socket("host", kind=socket.SOCK_DGRAM) as s:
                for n in range(number - self.count()):
                    s.sendto(b"", (FAR, 1 + n))
        fill(most // 2 + most // 8)
        time.sleep(2 * QUIET)
        wait_until(lambda: self.count() > most / 2, 20, "a table that is half full")
        self.assertEqual(self.held(), held)
        fill(most // 8 * 7)
        wait_until(lambda: self.held() <= 100, 20, "those above the number to be deleted")

    def test_share(self):
        """Half of what the host can track, for all guests together, within bounds; the number as set; and none."""
        umld = self.start()
        tracked = int(self.world.host("cat", "/proc/sys/net/netfilter/nf_conntrack_max"))

        def share(guests):
            p = 2 * 2 ** (guests - 1).bit_length()  # one part for each family
            return min(max(tracked // 2 // p, min(1024, tracked * 5 // 8 // p)), 16384)
        self.assertEqual((self.limit(), self.shown(umld)), (share(1), str(share(1))))
        checked = self.world.check("web").stdout
        self.assertIn(f"connections   at most {share(1)}\n", checked)
        self.assertIn("reach         internet\n", checked)
        others = [self.world.runtime_dir / f"g{n}" for n in range(19)]
        for other in others:
            other.mkdir()  # as if it were up
        self.reload()
        self.assertEqual((self.limit(), self.shown(umld)), (share(20), str(share(20))))
        for other in others:
            other.rmdir()
        wait_until(lambda: self.limit() == share(1), 40, "the share to follow")
        wait_until(lambda: "the number of guests" in umld.log, what="word of it")
        self.reload(Connections="777")
        self.assertEqual((self.limit(), self.shown(umld)), (777, "777"))
        self.reload(Connections="no")
        self.assertEqual((self.limit(), self.shown(umld)), (0, "no"))
        self.assertEqual(umld.stop(), DONE)


if __name__ == "__main__":
    main()
