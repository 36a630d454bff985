#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""HoldConnections=: whoever connects while the guest is not ready waits for it. The guests are real ones."""

import contextlib
import os
import pwd
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from spin import make_spin  # noqa: E402
from umldtest import (BUILD, DEBIAN_KERNEL, DONE, HOST, IMAGE_SERVER, MAKE_GUEST, PATIENCE, SANITIZED, SOURCE, TestCase, main,
                      wait_until)

LONG = 20 * PATIENCE  # much longer than a restart, and than what a client waits that was not held
# Programs on these queues, or log groups; the one whose number is read from standard input lets go.
BINDER = """
import socket, struct, sys
kind = {"queue": 3 << 8 | 2, "log": 4 << 8 | 1}[sys.argv[1]]
sockets, command = {}, struct.pack("=HHBBH", 8 if sys.argv[1] == "queue" else 5, 1, 1, 0, 0)
for number in map(int, sys.argv[2:]):
    s = sockets[number] = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    s.bind((0, 0))
    body = struct.pack("=BBH", 0, 0, socket.htons(number)) + command
    s.send(struct.pack("=IHHII", 16 + len(body), kind, 1 | 4, 1, 0) + body)
    error = struct.unpack_from("=i", s.recv(1000), 16)[0]
    if error:
        sys.exit(f"{number}: {error}")
print("bound", flush=True)
for line in sys.stdin:
    sockets[int(line)].close()
"""

# TCP's first packets without a connection: address, port and number.
FLOOD = """
import socket, struct, sys
host, port, packets = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
source = socket.inet_aton("203.0.113.1")
def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
for n in range(packets):
    head = lambda c: struct.pack("!HHIIBBHHH", 10000 + n, port, n, 0, 5 << 4, 2, 65535, c, 0)
    pseudo = source + socket.inet_aton(host) + struct.pack("!BBH", 0, 6, 20)
    s.sendto(head(checksum(pseudo + head(0))), (host, 0))
"""

# One first packet, which nobody sends again, from port 4321, and its answer: address and port.
ONCE = """
import socket, struct, sys
host, port = sys.argv[1], int(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
s.settimeout(120)
def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
head = lambda c: struct.pack("!HHIIBBHHH", 4321, port, 1, 0, 5 << 4, 2, 65535, c, 0)
pseudo = socket.inet_aton("203.0.113.1") + socket.inet_aton(host) + struct.pack("!BBH", 0, 6, 20)
s.sendto(head(checksum(pseudo + head(0))), (host, 0))
print("sent", flush=True)
while True:
    data = s.recv(2000)
    source, target, _, _, _, flags = struct.unpack_from("!HHIIBB", data, 20)
    if (source, target) == (port, 4321):
        print("answered" if flags & 0x12 == 0x12 else "refused", flush=True)
        break
"""


# What a guest starts with: its page "late" comes a second after its server, and only then it is ready.
LATE = """
(sleep 1; echo late >/run/late; [ ! -e /proc/mconsole ] || echo READY=1 >/proc/mconsole) &
"""


class HoldTest(TestCase):
    image_of = IMAGE_SERVER

    def configure(self, name="web", **sections):
        network = {"Forward": "tcp/8080:80", **sections.pop("Network", {})}
        self.world.guest(name, kernel=DEBIAN_KERNEL, image=self.images / "guest.img", Guest={"Memory": "48M"},
                         Network=network, **sections)

    def begin(self, *others, **daemon):
        """A guest whose ports are served, and nothing waits any more."""
        umld = self.daemon(**daemon).wait_ready(60)
        self.world.fetch_when_served()
        for call in others:
            wait_until(call, LONG, "an answer")
        wait_until(lambda: self.queue() is None, what="the queue to be left")
        return umld

    def queue_number(self):
        return int((self.world.runtime_dir / "web/queue").read_text())

    def queue(self):
        """The line of the guest's queue in the kernel's table, as numbers; None: nobody is bound to it."""
        table = self.world.host("cat", "/proc/net/netfilter/nfnetlink_queue")
        lines = [[int(n) for n in line.split()] for line in table.splitlines()]
        return next((line for line in lines if line[0] == self.queue_number()), None)

    def waiting(self):
        """How many packets wait in the kernel."""
        line = self.queue()
        return line[2] if line else 0

    def rules(self):
        """Of both backends: a rule of nftables may have to be in a legacy table."""
        return self.world.host("sh", "-c", "iptables-legacy-save -t mangle; nft list ruleset")

    def held(self, umld):
        return umld.status()["held"]

    def session(self, port=0):
        """A connection that lasts, to the guest's echo service, from that port; None: there is none."""
        s = self.world.socket()
        self.addCleanup(s.close)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("", port))
        s.settimeout(LONG)
        with contextlib.suppress(OSError):
            s.connect((HOST, 8007))
            if self.echo(s):
                return s
        return None

    def echoes(self):
        s = self.session()
        if s:
            s.close()
        return s

    def echo(self, s):
        s.sendall(b"hello")
        return s.recv(10) == b"hello"

    def reload(self, before, after):
        file = self.world.config_dir / "web.conf"
        self.assertIn(before, file.read_text())
        file.write_text(file.read_text().replace(before, after))
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)

    def order(self, command):
        """Runs that in the guest."""
        with contextlib.suppress(OSError):
            self.world.fetch(8080, "/cgi-bin/do?sh+-c+" + command.replace(" ", "${IFS}"), timeout=LONG)

    def be_reset(self):
        """A connection from port 4321 that the guest resets: its service ends with much that it has not read."""
        s = self.session(4321)
        s.setblocking(False)
        end = time.monotonic() + LONG
        while select.select([], [s], [], 0.5 * PATIENCE)[1]:
            self.assertLess(time.monotonic(), end)
            s.send(65536 * b"x")
        self.order("killall cat")
        s.settimeout(LONG)
        with self.assertRaises(ConnectionResetError):
            while s.recv(1 << 20):
                pass
        s.close()

    def call(self, port=8080):
        """A client that is still connecting."""
        s = self.world.socket()
        self.addCleanup(s.close)
        s.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            s.connect((HOST, port))
        return s

    def call_once(self, port=8080):
        """A client that sends its first packet once: what it prints."""
        p = subprocess.Popen(self.world.command("inet", "python3", "-c", ONCE, HOST, str(port)),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.addCleanup(p.communicate)
        self.addCleanup(p.kill)
        self.assertEqual(p.stdout.readline(), "sent\n")
        return p.stdout

    def kill_guest(self, umld):
        """The guest's end is known when nothing answers for it any more."""
        os.kill(umld.guest_pid(), signal.SIGKILL)
        wait_until(self.queue, what="the queue to be bound")


class Kills(HoldTest):
    def test_kill(self):
        """A client that calls as soon as the guest is dead is served as soon as it is back, and neither refused nor one
        second late; the log has one line, and status the sums."""
        self.configure()
        umld = self.begin()
        before = self.held(umld)
        since = len(umld.log)
        self.kill_guest(umld)
        self.assertIn("<h1>web</h1>", self.world.fetch(8080, timeout=LONG))
        wait_until(lambda: self.queue() is None, what="the queue to be left")
        self.assertEqual(len(re.findall(r"held 1 connection for up to \d+", umld.log[since:])), 1, umld.log)
        self.assertEqual(self.held(umld), {"now": 0, "total": before["total"] + 1, "dropped": 0})
        self.assertIn(f"0 now, {before['total'] + 1} in all, 0 dropped", self.world.umlctl("status", "web").stdout)
        metrics = self.world.umlctl("metrics", "web").stdout
        for name, value in ("waiting", 0), ("held_total", before["total"] + 1), ("dropped_total", 0):
            self.assertRegex(metrics, rf'(?m)^umld_guest_connections_{name}{{guest="web"}} {value}$')
        self.assertEqual(umld.stop(40), DONE)

    def test_restart_and_stop(self):
        """Those who call during a requested restart wait; after a stop they are refused at once."""
        self.configure()
        before = self.world.snapshot()
        umld = self.begin()
        restart = threading.Thread(target=self.world.umlctl, args=("restart", "web"))
        restart.start()
        wait_until(self.queue, what="the queue to be bound")
        self.assertIn("<h1>web</h1>", self.world.fetch(8080, timeout=LONG))
        restart.join()
        self.assertEqual(umld.stop(40), DONE)
        self.assertFalse((self.world.runtime_dir / "web/queue").exists())
        with self.assertRaises(ConnectionRefusedError):
            self.world.fetch(8080, timeout=LONG)
        self.assert_same_host(before)

    def test_established(self):
        """A connection that the guest had is forgotten by the host at once, gets no answer while the guest is down, and
        is reset by the next boot, which gets what the client sent meanwhile: it need not send it again. Whoever
        connects from the port of a connection that the guest had reset is held, though the host still tracks that
        one, and the next boot's answer gets through."""
        self.configure(Network={"Forward": "tcp/8080:80 tcp/8007:7"}, Supervise={"RestartDelay": "3s"})
        umld = self.begin(self.echoes)
        tracked = lambda state="ESTABLISHED": re.findall(rf"{state} .*dport=8007 .*",
                                                         self.world.host("cat", "/proc/net/nf_conntrack"))
        before = self.held(umld)["total"]
        self.be_reset()
        self.assertEqual(len(tracked("CLOSE .*sport=4321")), 1)
        s = self.session()
        self.assertEqual(len(tracked()), 1)
        self.kill_guest(umld)
        again = self.call_once(8007)
        wait_until(lambda: self.held(umld)["total"] == before + 1, what="a held connection")
        wait_until(lambda: not tracked(), what="the connection to be forgotten")
        s.sendall(b"more")
        wait_until(lambda: self.queue()[2] == 2, what="a packet of the connection in the queue")
        self.world.run("inet", "iptables-legacy", "-A", "OUTPUT", "-p", "tcp", "--sport", s.getsockname()[1], "-j", "DROP",
                       check=True)
        s.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            s.recv(10)
        umld.wait_state("running", 30)
        s.settimeout(LONG)
        with self.assertRaises(ConnectionResetError):
            s.recv(10)
        self.assertEqual(again.readline(), "answered\n")
        self.assertEqual(umld.stop(40), DONE)

    def test_order(self):
        """Who came first is let go first."""
        self.configure(Supervise={"RestartDelay": "1s"})
        umld = self.begin()
        self.kill_guest(umld)
        clients = {}
        for _ in range(30):
            s = self.world.socket()
            self.addCleanup(s.close)
            s.setblocking(False)
            s.connect_ex((HOST, 8080))
            clients[s] = len(clients)
            wait_until(lambda: self.queue()[2] == len(clients), what="the client's first packet in the queue")
        accepted = []
        while clients:
            ready = select.select([], list(clients), [], LONG)[1]
            self.assertTrue(ready, f"{len(clients)} clients still wait")
            accepted += sorted(clients.pop(s) for s in ready)
        self.assertEqual(accepted, sorted(accepted))
        self.assertEqual(umld.stop(40), DONE)

    def test_no(self):
        """HoldConnections=no makes no rule, takes no queue, and a reload makes the difference."""
        self.configure(Network={"HoldConnections": "no"})
        umld = self.daemon().wait_ready(60)
        self.world.fetch_when_served()
        self.assertNotIn("UMLD-HOLD-web", self.rules())
        self.assertFalse((self.world.runtime_dir / "web/queue").exists())
        file = self.world.config_dir / "web.conf"
        file.write_text(file.read_text().replace("HoldConnections=no", "HoldConnections=yes"))
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        self.assertIn("UMLD-HOLD-web", self.rules())
        self.kill_guest(umld)
        self.assertIn("<h1>web</h1>", self.world.fetch(8080, timeout=LONG))
        self.assertEqual(umld.stop(40), DONE)


class Hangs(HoldTest):
    def test_hang(self):
        """Connections wait from the moment in which the guest is found to be hung; and whoever connected before, when
        nothing answered any longer, does not have to connect again."""
        self.configure(Supervise={"HangCheck": f"{500 * PATIENCE:.0f}ms", "HangTimeout": f"{2000 * PATIENCE:.0f}ms"})
        umld = self.begin()
        before = self.held(umld)
        make_spin(umld.guest_pid())
        early = self.call_once()
        self.assertIsNone(self.queue())
        wait_until(self.queue, LONG, "the queue to be bound")
        self.assertIn("hung", umld.log)
        self.assertIn("<h1>web</h1>", self.world.fetch(8080, timeout=LONG))
        self.assertEqual(early.readline(), "answered\n")
        self.assertGreater(self.held(umld)["total"], before["total"])
        self.assertEqual(umld.stop(40), DONE)


class Reloads(HoldTest):
    def test_reload(self):
        """Settings that need another start: whoever connects from the order to restart on is served by it, and the tap, the
        rules and the addresses stay while all else is made again."""
        self.configure(Network={"Bandwidth": "in:800M"}, Confine={"User": "auto"})
        before = self.world.snapshot()
        umld = self.begin()
        boot = umld.guest_pid()
        tap = umld.status()["network"]["tap"]
        link = self.world.host("ip", "-o", "link", "show", tap).split(":")[0]
        shaped = lambda: self.world.host("tc", "qdisc", "show", "dev", tap)
        self.assertIn("rate 800Mbit", shaped())
        self.reload("Memory=48M", "Memory=56M")
        self.reload("Bandwidth=in:800M", "Bandwidth=in:400M")
        self.reload("User=auto", "User=games")
        restart = threading.Thread(target=self.world.umlctl, args=("restart", "web"))
        restart.start()
        wait_until(self.queue, what="the queue to be bound")
        since = len(umld.log)
        client = self.call_once()
        restart.join()
        self.assertEqual(client.readline(), "answered\n")
        self.assertNotEqual(umld.guest_pid(), boot)
        status = umld.status()
        self.assertEqual((status["memory"]["size"], status["network"]["tap"]), (56 << 20, tap))
        self.assertEqual(self.world.host("ip", "-o", "link", "show", tap).split(":")[0], link)
        self.assertIn("rate 400Mbit", shaped())
        self.assertEqual(os.stat(f"/proc/{umld.guest_pid()}").st_uid, pwd.getpwnam("games").pw_uid)
        self.assertEqual(self.held(umld)["dropped"], 0)
        self.assertRegex(umld.log[since:], r"held \d+ connections? for up to")
        self.assertEqual(umld.stop(40), DONE)
        self.assert_same_host(before)


class Moves(HoldTest):
    """A restart that changes the tap, or its addresses."""

    def clients(self, stop, failed, asked):
        """Opens one connection after the other, without waiting for the one before, until it is told to stop."""
        def ask():
            try:
                page = self.world.fetch(8080, timeout=LONG)
            except OSError as e:
                page = repr(e)
            if "<h1>web</h1>" not in page:
                failed.append(page)

        threads = []
        while not stop.is_set():
            threads.append(threading.Thread(target=ask))
            threads[-1].start()
            asked.append(1)
            time.sleep(0.03)
        for thread in threads:
            thread.join()

    def move(self, umld, old, new):
        """Reloads and restarts while clients come: none is refused, and each is held once."""
        stop, failed, asked = threading.Event(), [], []
        before, boot = self.held(umld), umld.guest_pid()
        self.reload(old, new)
        self.assertIn("UMLD-GATE-web", self.rules())
        clients = threading.Thread(target=self.clients, args=(stop, failed, asked))
        clients.start()
        self.assertEqual(self.world.umlctl("restart", "web", timeout=100).returncode, DONE)
        self.assertNotEqual(umld.guest_pid(), boot)
        stop.set()
        clients.join()
        self.assertEqual(failed, [], f"of {len(asked)}")
        wait_until(lambda: self.queue() is None, LONG, "the queue to be left")
        self.assertNotIn("UMLD-GATE-web", self.rules())
        held, kept = self.held(umld), "iptables" in umld.status()["network"]["backend"]
        self.assertEqual(held["now"], 0)
        # Linux drops what is queued in the whole namespace when a chain of nftables is replaced.
        if kept:
            self.assertEqual(held["dropped"], before["dropped"])
        self.assertLessEqual(held["total"] - held["dropped"], before["total"] - before["dropped"] + len(asked))

    def check_moves(self, **network):
        self.configure(Network={"HoldTimeout": "5min", "Drain": "5min", "Tap": "tap3", "HostAddress": "10.9.0.1/24",
                                "GuestAddress": "10.9.0.2", **network})
        before = self.world.snapshot()
        umld = self.begin()
        for old, new in (("GuestAddress=10.9.0.2", "GuestAddress=10.9.0.7"), ("Tap=tap3", "Tap=tap4"),
                         ("HostAddress=10.9.0.1/24", "HostAddress=10.9.0.3/16")):
            with self.subTest(new=new):
                self.move(umld, old, new)
        self.assertNotIn("tap3", self.world.host("ip", "-o", "link"))
        self.assertEqual(umld.status()["network"]["tap"], "tap4")
        self.assertEqual(umld.stop(40), DONE)
        self.assert_same_host(before)

    def test_iptables(self):
        self.check_moves(Backend="iptables")

    def test_nftables(self):
        """Whose queues may be in a legacy table."""
        self.check_moves(Backend="nftables")

    def test_taken_back(self):
        """From a change on trial that is not confirmed nothing is left."""
        self.configure(Network={"Tap": "tap3"})
        umld = self.begin()
        file = self.world.config_dir / "web.conf"
        file.write_text(file.read_text().replace("tap3", "tap4"))
        self.assertEqual(self.world.umlctl("reload", "web", f"--confirm={5 * PATIENCE:.0f}").returncode, DONE)
        self.assertIn("UMLD-GATE-web", self.rules())
        wait_until(lambda: "has been reverted" in umld.log, LONG, "the end of the trial")
        wait_until(lambda: "UMLD-GATE-web" not in self.rules(), LONG, "the rules to be as before")
        self.assertEqual(umld.status()["network"]["repairs"], 0)
        self.assertEqual(umld.stop(40), DONE)

    def test_wait(self):
        """Who was held before the change is answered after it, without connecting again, whoever is umld by then; and a
        change that cannot be made holds nobody."""
        self.configure(Network={"HoldTimeout": "5min", "Tap": "tap3", "Drain": "5min", "Backend": "iptables",
                                "Forward": "tcp/8080:80 tcp/8007:7"})
        umld = self.begin(self.echoes)
        before = self.held(umld)["total"]
        s = self.session()
        self.reload("Tap=tap3", "Tap=tap4")
        restart = threading.Thread(target=self.world.umlctl, args=("restart", "web"), kwargs={"timeout": 100})
        restart.start()
        wait_until(self.queue, what="the queue to be bound")
        client = self.call_once()
        wait_until(lambda: self.held(umld)["now"] == 1, what="a held connection")
        self.assertEqual(self.world.umlctl("reexec", "web", timeout=100).returncode, DONE)
        self.assertEqual(self.held(umld)["now"], 1)
        s.close()
        self.assertEqual(client.readline(), "answered\n")
        restart.join()
        self.assertEqual(self.held(umld), {"now": 0, "total": before + 1, "dropped": 0})
        self.world.host("ip", "tuntap", "add", "tap5", "mode", "tap")
        self.reload("Tap=tap4", "Tap=tap5")
        self.world.umlctl("restart", "web", timeout=100)
        self.assertNotEqual(umld.wait(40), DONE)
        with self.assertRaises(ConnectionRefusedError):
            self.world.fetch(8080, timeout=LONG)


class Drains(HoldTest):
    def restart(self, umld):
        """Ordered, and connections are let finish: whom to wait for at the end."""
        since = len(umld.log)
        order = threading.Thread(target=self.world.umlctl, args=("restart", "web"))
        order.start()
        wait_until(lambda: "established connections may finish within" in umld.log[since:], what="the wait")
        self.assertTrue(self.queue())
        return order

    def test_drain(self):
        """A restart lets an established connection finish and holds new ones meanwhile, whoever is umld; it cuts off what
        takes longer than Drain=, and a stop waits for nobody."""
        self.configure(Network={"Forward": "tcp/8080:80 tcp/8007:7", "Drain": "5min"})
        umld = self.begin(self.echoes)
        s, boot = self.session(), umld.guest_pid()
        order = self.restart(umld)
        pages = []
        client = threading.Thread(target=lambda: pages.append(self.world.fetch(8080, timeout=LONG)))
        client.start()
        wait_until(lambda: self.held(umld)["now"] == 1, what="a held connection")
        self.assertEqual(self.world.umlctl("reexec", "web", timeout=100).returncode, DONE)
        self.assertTrue(self.echo(s))
        self.assertEqual((umld.status()["state"], umld.guest_pid()), ("stopping", boot))
        s.close()
        client.join()
        order.join()
        self.assertIn("<h1>web</h1>", pages[0])
        self.assertNotIn("cut off", umld.log)
        self.reload("Drain=5min", "Drain=500ms")
        wait_until(self.echoes, LONG, "an answer")
        s = self.session()
        self.restart(umld).join()
        self.assertRegex(umld.log, r"stop: \d connections? (is|are) cut off")
        with contextlib.suppress(ConnectionError):  # closed by the service's end, or reset by the next boot
            self.assertFalse(self.echo(s))
        self.reload("Drain=500ms", "Drain=5min")
        wait_until(self.echoes, LONG, "an answer")
        s = self.session()
        order = self.restart(umld)
        self.assertEqual(self.world.umlctl("stop", "web").returncode, DONE)
        order.join()
        self.assertEqual(umld.wait(40), DONE)


class Leaves(HoldTest):
    def test_reboot(self):
        """A guest that reboots itself says so before its services end: whoever connects from then on waits for the next boot.
        That word is about one boot only."""
        self.configure(Network={"HoldTimeout": "5min"})
        umld = self.begin()
        boot = umld.guest_pid()
        wait_until(lambda: max(self.niceness()) == 0, LONG, "the end of rcS, which lets the page go first")
        self.order("reboot")
        wait_until(self.queue, what="the queue to be bound")
        self.assertIn("message from the guest: STOPPING=1", umld.log)
        self.assertEqual((umld.status()["state"], umld.guest_pid()), ("running", boot))
        self.assertIn("<h1>web</h1>", self.world.fetch(8080, timeout=LONG))
        self.assertNotEqual(umld.guest_pid(), boot)
        self.assertIn("reboot:", umld.log)
        self.check_program(umld, "reboot")
        self.check_program(umld, "poweroff")

    def niceness(self):
        """Of each process in the guest."""
        stats = self.world.fetch(8080, "/cgi-bin/do?sh+-c+cat${IFS}/proc/[0-9]*/stat", timeout=LONG)
        return [int(line.rpartition(") ")[2].split()[16]) for line in stats.splitlines() if re.match(r"\d+ \(.*\) \w ", line)]

    def check_program(self, umld, word):
        """The guest's own program of that name says which of them it is, and its init does not get to its sleeps."""
        since, boot = len(umld.log), umld.guest_pid()
        console = (self.world.log_dir / "web/console.log").read_text(errors="replace").count("going down NOW")
        self.assertEqual(console, 1)  # of the applet, above
        self.order(f"/sbin/{word}")
        if word == "reboot":
            wait_until(lambda: umld.status()["state"] == "running" and umld.guest_pid() != boot, LONG, "the next boot")
            self.world.fetch_when_served()
        else:
            self.assertEqual(umld.wait(40), DONE)
        self.assertIn(f"message from the guest: STOPPING={word}", umld.log[since:])
        self.assertRegex(umld.log[since:], rf"-> \w+: {word}: ")
        self.assertEqual((self.world.log_dir / "web/console.log").read_text(errors="replace").count("going down NOW"), console)

    def test_words(self):
        """Nobody waits for a guest that powers itself off and stays off, and nobody longer than HoldTimeout= for one
        that only says that it leaves."""
        self.configure(Network={"HoldTimeout": "6s"})
        umld = self.begin()
        before = self.held(umld)["dropped"]
        for word in ("1", "reboot"):
            self.order(f"echo STOPPING={word} >/proc/mconsole")
            wait_until(self.queue, what="the queue to be bound")
            client = self.call()
            wait_until(lambda: self.queue() is None, LONG, "the queue to be left")
            self.assertGreater(self.held(umld)["dropped"], before)
            before = self.held(umld)["dropped"]
            client.close()
        self.assertIn("<h1>web</h1>", self.world.fetch(8080, timeout=LONG))
        since = len(umld.log)
        self.order("echo STOPPING=poweroff >/proc/mconsole; poweroff -f")
        self.assertEqual(umld.wait(40), DONE)
        self.assertNotRegex(umld.log[since:], r"held \d+ connection")


    def test_flood(self):
        """A guest that says all the time that it leaves does not make umld bind its queue and leave it all the time,
        nor write about it; and its true end is still noticed."""
        self.configure(Network={"HoldTimeout": "5min"})
        umld = self.begin(arguments=["--debug"])
        since = len(umld.log)
        self.assertIn("said", self.world.fetch(8080, "/cgi-bin/leave", timeout=LONG))
        self.assertEqual(umld.status()["state"], "running")
        said = umld.log[since:]
        self.assertIn("message from the guest: STOPPING=poweroff", said)
        self.assertIn(said.count("new connections wait in netfilter queue"), (1, 2))
        self.assertLess(said.count("STOPPING="), 50)
        self.kill_guest(umld)
        self.assertIn("<h1>web</h1>", self.world.fetch(8080, timeout=LONG))
        self.assertEqual(umld.stop(40), DONE)


class Lost(HoldTest):
    def test_unread(self):
        """A first packet that the dead kernel had not read yet is sent to the next one: the client does not have to
        send it again. It counts as held."""
        self.check_unread("log group|NFLOG", Backend="nftables")  # nftables may be without queues

    def test_unread_iptables(self):
        """The same, and the guest sees the host's address as the client's."""
        self.check_unread("NFLOG", Backend="iptables", OneArm="yes")

    def senders(self):
        """The packet sockets of umld, as the kernel lists them."""
        return self.world.host("cat", "/proc/net/packet").splitlines()[1:]

    def check_unread(self, rule, **network):
        self.configure(Network=network)
        umld = self.begin()
        before, senders = self.held(umld), self.senders()
        self.assertEqual(len(senders), 1)
        os.kill(umld.guest_pid(), signal.SIGSTOP)
        client = self.call_once()
        wait_until(lambda: re.search(r"SYN_SENT .*sport=4321 dport=8080", self.world.host("cat", "/proc/net/nf_conntrack")),
                   what="the packet on the tap")
        self.assertIsNone(self.queue())
        self.assertRegex(self.rules(), rule)
        self.kill_guest(umld)
        self.assertEqual(client.readline(), "answered\n")
        wait_until(lambda: self.queue() is None, LONG, "the queue to be left")
        self.assertEqual(self.held(umld), {"now": 0, "total": before["total"] + 1, "dropped": 0})
        # It was not opened for that packet: the kernel takes 10 ms to close one, and umld would wait.
        self.assertEqual(self.senders(), senders)
        self.assertEqual(umld.stop(40), DONE)

    def test_no_record(self):
        """A host that does not let umld send packets: said once, nothing is logged, and the queue holds as ever."""
        self.configure()
        umld = self.begin(wrapper=[self.world.program("tests/lib/refuse"), "packet", "--"])
        lacking = [text for text in umld.status()["network"]["lacking"] if "at the moment the guest dies" in text]
        self.assertEqual(len(lacking), 1)
        self.assertEqual(umld.log.count(lacking[0]), 1)
        self.assertNotRegex(self.rules(), "NFLOG|log group")
        self.kill_guest(umld)
        self.assertIn("<h1>web</h1>", self.world.fetch(8080, timeout=LONG))
        self.assertEqual(umld.log.count(lacking[0]), 1)
        self.assertEqual(umld.stop(40), DONE)


class Kinds(HoldTest):
    def make_image(self, name, first, rest=None, programs=(), links=()):
        """The default guest, whose /etc/init.d/rcS begins with these lines."""
        overlay = self.images / f"overlay-{name}"
        rcs = overlay / "etc/init.d/rcS"
        rcs.parent.mkdir(parents=True)
        lines = (SOURCE / "imager/builtin/etc/init.d/rcS").read_text().split("\n")
        rcs.write_text("\n".join([lines[0], first, *(rest if rest is not None else lines[1:])]))
        rcs.chmod(0o755)
        for program in programs:
            (overlay / "bin").mkdir(exist_ok=True)
            shutil.copy(program, overlay / "bin")
        for path, target in links:
            (overlay / path).parent.mkdir(parents=True, exist_ok=True)
            (overlay / path).symlink_to(target)
        image = self.images / f"{name}.img"
        subprocess.run([MAKE_GUEST, "--overlay", overlay, image], check=True, timeout=60 * PATIENCE)
        return image

    def late(self):
        """What a client gets that has called while the guest was down."""
        try:
            return self.world.fetch(8080, "/late", timeout=LONG)
        except OSError as e:
            return str(e)

    def test_ready(self):
        """With Ready=guest connections are released when the guest says so, and not when the port accepts; with Probe=
        when its page is there; else when the port accepts."""
        image = self.make_image("late", LATE, rest=["ifconfig lo up"], links=[("srv/www/late", "/run/late")])
        for settings, page in (({"Ready": "guest"}, "late\n"), ({"Probe": "http/80/late"}, "late\n"),
                               ({"Probe": "tcp/80"}, "status 404")):
            with self.subTest(settings=settings):
                self.world.guest("web", kernel=DEBIAN_KERNEL, image=image, Guest={"Memory": "48M"},
                                 Network={"Forward": "tcp/8080:80"}, Supervise=settings)
                umld = self.begin()
                self.kill_guest(umld)
                self.assertEqual(self.late(), page)
                self.assertEqual(umld.stop(40), DONE)

    def test_udp(self):
        """A datagram of a new flow waits until the guest is ready, and is answered."""
        image = self.make_image("udp", "/bin/udp-echo 6000 6000", programs=[BUILD / "tests/guest/udp-echo"])
        self.world.guest("web", kernel=DEBIAN_KERNEL, image=image, Guest={"Memory": "48M"},
                         Network={"Forward": "tcp/8080:80 udp/6000"},
                         # An outage that is long enough to be seen: it is over as soon as the guest says so.
                         Supervise={"Ready": "guest", "RestartDelay": "3s"})
        umld = self.begin()
        self.kill_guest(umld)
        with self.world.socket(kind=socket.SOCK_DGRAM) as s:
            s.settimeout(LONG)
            s.sendto(b"hello", (HOST, 6000))
            self.assertEqual(s.recv(100), b"hello")
        self.assertEqual(umld.stop(40), DONE)


class Paces(HoldTest):
    CALLERS = 200

    def serve(self, clients):
        """Clients that ask for the page once they are connected: how many got it."""
        waiting = select.epoll()
        self.addCleanup(waiting.close)
        by_fd = {s.fileno(): s for s in clients}
        for s in clients:
            waiting.register(s, select.EPOLLOUT)
        served, end = 0, time.monotonic() + LONG
        while by_fd and time.monotonic() < end:
            for fd, events in waiting.poll(1):
                s = by_fd[fd]
                if events & select.EPOLLOUT:
                    s.send(b"GET / HTTP/1.0\r\n\r\n")
                    waiting.modify(fd, select.EPOLLIN)
                elif s.recv(4096):
                    served += 1
                    waiting.unregister(fd)
                    del by_fd[fd]
        return served

    def test_backlog(self):
        """Many who were held are let go as fast as a service with a backlog of 9 takes them: none has to connect again."""
        self.configure(Network={"HoldTimeout": "5min"}, Supervise={"RestartDelay": "3s"})
        umld = self.begin()
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("backoff")
        clients = [self.call() for _ in range(self.CALLERS)]
        wait_until(lambda: self.held(umld)["now"] == self.CALLERS, what="all to be held")
        self.world.host("iptables-legacy", "-t", "mangle", "-I", "PREROUTING", "-p", "tcp", "--syn", "--dport", "8080",
                        "-j", "DROP")
        self.assertEqual(self.serve(clients), self.CALLERS)
        self.assertEqual(umld.stop(40), DONE)


class Bounds(HoldTest):
    def flood(self, port, packets):
        """First packets of connections that nobody wants, each from another port or address."""
        p = self.world.run("inet", "python3", "-c", FLOOD, HOST, str(port), str(packets))
        self.assertEqual(p.returncode, 0, p.stderr)

    def test_flood(self):
        """10000 of them take neither umld's memory nor its time, nor the host's or the other guest's; and are over with
        the outage."""
        self.configure("other", Network={"Forward": "tcp/9080:80"})
        self.configure(Supervise={"RestartDelay": "6s"})
        other = self.daemon("other").wait_ready(60)
        umld = self.begin()
        memory = self.memory(umld)
        self.kill_guest(umld)
        umld.wait_state("backoff")
        self.flood(8080, 10000)
        wait_until(lambda: self.held(umld)["dropped"] > 5000, LONG, "most of them dropped")
        self.assertLessEqual(self.held(umld)["now"], 1024)
        # A sanitizer keeps what was freed for a while.
        self.assertLess(self.memory(umld) - memory, 16384 if SANITIZED else 2048)
        with self.world.socket("host") as listener, self.world.socket() as client:
            listener.bind(("0.0.0.0", 2222))
            listener.listen()
            client.settimeout(LONG)
            client.connect((HOST, 2222))
        self.assertIn("<h1>other</h1>", self.world.fetch(9080, timeout=LONG))
        umld.wait_state("running", 40)
        wait_until(lambda: self.queue() is None, LONG, "the queue to be left")
        self.assertEqual(self.held(umld)["now"], 0)
        self.assertIn("<h1>web</h1>", self.world.fetch_when_served())
        self.assertEqual((umld.stop(40), other.stop(40)), (DONE, DONE))

    def memory(self, umld):
        """KiB of umld's own."""
        pid = umld.status()["daemon"]["pid"]
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return sum(int(n) for n in re.findall(r"Private_\w+:\s+(\d+) kB", text))

    def test_timeout(self):
        """Who has waited for HoldTimeout= is dropped and counted, here because nobody serves that port, which keeps
        nobody from the one that is served."""
        self.configure(Network={"Forward": "tcp/8080:80 tcp/8081:81", "HoldTimeout": "2s"})
        umld = self.begin()
        since = len(umld.log)
        before = self.held(umld)
        self.kill_guest(umld)
        client = self.call(8081)
        self.assertIn("<h1>web</h1>", self.world.fetch(8080, timeout=LONG))
        wait_until(lambda: self.held(umld)["dropped"] > before["dropped"], LONG, "its end")
        wait_until(lambda: self.queue() is None, LONG, "the queue to be left")
        self.assertRegex(umld.log[since:], r"held \d connections? for up to [\ds ]+ms, and dropped \d\n")
        client.setblocking(True)
        self.assertEqual(umld.stop(40), DONE)

    def test_again(self):
        """A first packet that its client sends again takes no further place."""
        self.configure(Supervise={"RestartDelay": "6s"})
        umld = self.begin()
        before = self.held(umld)
        self.kill_guest(umld)
        self.call()
        wait_until(lambda: self.queue()[7] >= 2, 20 * PATIENCE, "the packet again")
        self.assertEqual(self.held(umld), {"now": 1, "total": before["total"] + 1, "dropped": before["dropped"]})
        self.assertEqual(umld.stop(40), DONE)

    def test_flushed(self):
        """A first packet that the kernel has dropped, because somebody's table of nftables was deleted, is held when its
        client sends it again."""
        self.configure(Supervise={"RestartDelay": "6s"})
        umld = self.begin()
        before = self.held(umld)
        self.kill_guest(umld)
        self.call_once()
        wait_until(lambda: self.waiting() == 1, what="a held packet")
        self.world.host("nft", "add table ip x; add chain ip x c { type filter hook input priority 0; }; delete table ip x")
        self.assertEqual(self.waiting(), 0)
        client = self.call_once()
        wait_until(lambda: self.waiting() == 1, what="the packet to be held again")
        self.assertEqual(client.readline(), "answered\n")
        self.assertEqual(self.held(umld), {"now": 0, "total": before["total"] + 1, "dropped": before["dropped"]})
        self.assertEqual(umld.stop(40), DONE)

    def test_bytes(self):
        """Of large packets fewer are held: together at most 4 MiB."""
        self.configure(Network={"Forward": "tcp/8080:80 udp/6000"}, Supervise={"Ready": "guest", "RestartDelay": "10s"})
        umld = self.begin()
        before = self.held(umld)
        self.kill_guest(umld)

        def dropped():
            """On a busy machine some fragments are lost."""
            for _ in range(100):
                with self.world.socket(kind=socket.SOCK_DGRAM) as s:
                    s.sendto(60000 * b"x", (HOST, 6000))
            return self.held(umld)["dropped"] > before["dropped"]
        wait_until(dropped, LONG, "a drop")
        self.assertLessEqual(self.held(umld)["now"], (4 << 20) // 60028)
        self.assertGreater(self.held(umld)["now"], 50)
        self.assertEqual(umld.stop(40), DONE)

    def test_pause(self):
        """Nothing is held for a start that is further away than HoldTimeout=, and all if that is raised."""
        self.configure(Network={"HoldTimeout": "2s"}, Supervise={"RestartDelay": "8s"})
        umld = self.begin()
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("backoff")
        wait_until(lambda: self.queue() is None, what="the queue to be left")
        file = self.world.config_dir / "web.conf"
        file.write_text(file.read_text().replace("HoldTimeout=2s", "HoldTimeout=60s"))
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        early = self.call_once()
        wait_until(lambda: self.held(umld)["now"] == 1, what="a held connection")
        self.check_reexec(umld)
        self.assertIn("<h1>web</h1>", self.world.fetch(8080, timeout=LONG))
        self.assertEqual(early.readline(), "answered\n")
        self.assertEqual(umld.stop(40), DONE)


    def check_reexec(self, umld):
        """What is held stays held while umld is replaced, and who connects meanwhile is held, too."""
        queue, was = self.queue(), self.held(umld)
        p = subprocess.Popen(self.world.command("host", self.world.program("umlctl/umlctl"), "reexec", "web"),
                             stdout=subprocess.DEVNULL)
        calls = 0
        while p.poll() is None:
            if calls < 10:
                self.call()
                calls += 1
            time.sleep(0.02)
        self.assertEqual(p.wait(), DONE)
        self.assertEqual(self.queue()[:2], queue[:2])  # of the same socket
        wait_until(lambda: self.held(umld)["now"] >= was["now"] + calls, what="what came meanwhile")
        now = self.held(umld)
        self.assertEqual((now["dropped"], umld.status()["reexecs"]), (was["dropped"], 1))


class Foreign(HoldTest):
    def bind(self, *numbers, kind="queue"):
        """Somebody else's programs on these queues, or log groups."""
        p = subprocess.Popen(self.world.command("host", "python3", "-c", BINDER, kind, *map(str, numbers)),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(p.communicate)
        self.assertEqual(p.stdout.readline(), "bound\n")
        return p

    def test_taken(self):
        """Another program binds to the queue while the guest is running: umld moves to another one, and says so."""
        self.configure()
        umld = self.begin()
        first = self.queue_number()
        self.bind(first)
        wait_until(lambda: self.queue_number() != first, 20 * PATIENCE, "another queue")
        wait_until(lambda: re.search(rf"(--queue-num|queue .*to|queue num) {self.queue_number()}\b", self.rules()),
                   what="its rule")
        self.assertIn(f"another program uses netfilter queue {first}: connections wait in queue", umld.log)
        self.kill_guest(umld)
        self.assertIn("<h1>web</h1>", self.world.fetch(8080, timeout=LONG))
        self.assertEqual(umld.stop(40), DONE)

    def test_group_taken(self):
        """Another program has the log group of the queue's number: umld takes a number of which it has both."""
        self.configure()
        umld = self.begin()
        first = self.queue_number()
        self.assertEqual(umld.stop(40), DONE)
        self.bind(first, kind="log")
        umld = self.daemon().wait_ready(60)
        number = self.queue_number()
        self.assertNotEqual(number, first)
        wait_until(lambda: re.search(rf"(--nflog-group|log group) {number}\b", self.rules()), what="its rule")
        self.assertEqual(umld.stop(40), DONE)

    def test_all_taken(self):
        """Other programs have all queues that umld tries: it says so, and takes one as soon as it can."""
        self.configure()
        umld = self.begin()
        first = self.queue_number() - 32768
        numbers = [32768 + (first + i) % 16384 for i in range(64)]
        programs = self.bind(*numbers)
        wait_until(lambda: "retrying" in umld.log, 20 * PATIENCE, "a message")
        self.assertNotIn("UMLD-HOLD-web", self.rules())
        print(numbers[10], file=programs.stdin, flush=True)
        wait_until(lambda: f"guest is not ready: netfilter queue {numbers[10]}" in umld.log, 40 * PATIENCE, "a queue")
        wait_until(lambda: "UMLD-HOLD-web" in self.rules(), what="its rule")
        self.kill_guest(umld)
        self.assertIn("<h1>web</h1>", self.world.fetch(8080, timeout=LONG))
        self.assertEqual(umld.stop(40), DONE)

    def test_umld_killed(self):
        """While it holds: the kernel drops what waits, and who connects then passes."""
        self.configure(Supervise={"RestartDelay": "10s"})
        umld = self.begin()
        self.kill_guest(umld)
        umld.wait_state("backoff")
        with self.world.socket() as s:
            s.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                s.connect((HOST, 8080))
            wait_until(lambda: self.held(umld)["now"] == 1, what="a held connection")
            umld.kill()
            wait_until(lambda: self.queue() is None, what="the queue to be left")
            again = self.daemon().wait_ready(60)
            s.settimeout(LONG)
            wait_until(lambda: s.connect_ex((HOST, 8080)) in (0, 106), LONG, "the same client's connection", 0.1)
        self.assertEqual(again.stop(40), DONE)


if __name__ == "__main__":
    main()
