#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Proxy=: ports that a program relays. The guests are real ones, for somebody must answer."""

import contextlib
import os
import re
import signal
import socket
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import (DEBIAN_KERNEL, DONE, FAILED, HOST, HOST_TAP, IMAGE_SERVER, PATIENCE, USAGE, TestCase, main, parent,
                      process_alive, wait_until)


class ProxyTest(TestCase):
    def configure(self, name="web", **network):
        self.world.guest(name, fake="boot,ready", Network=network, Supervise={"StopTimeout": "4s"})

    def listener(self, port):
        """A socket of ours that listens on the host."""
        s = self.world.socket("host")
        self.addCleanup(s.close)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("0.0.0.0", port))
        s.listen()
        return s

    def relayed(self, umld):
        """{port: state}"""
        return dict(re.fullmatch(r"(\S+) \((.*)\)", text).groups() for text in umld.status()["network"]["proxies"])

    def relays(self):
        """The pids of all relays."""
        return [pid for pid, line in self.world.processes().items() if line.startswith("/") and "umld-init" not in line
                and "systemd-socket-proxyd" in line]

    def connect(self, port, part="inet", address=HOST, family=socket.AF_INET):
        s = self.world.socket(part, family)
        self.addCleanup(s.close)
        s.settimeout(10 * PATIENCE)
        s.connect((address, port))
        return s


class Ports(ProxyTest):
    """Who may have which port, with a fake guest."""

    def test_life(self):
        self.configure(Proxy=["tcp/8080:80", "tcp/2200-2202:22-24"])
        before = self.world.snapshot()
        self.assertIn("relay         tcp/8080:80", self.world.check("web").stdout)
        umld = self.daemon().wait_ready()
        self.assertEqual(self.relayed(umld), {p: "waiting for a connection" for p in
                                              ("tcp/8080:80", "tcp/2200:22", "tcp/2201:23", "tcp/2202:24")})
        self.assertEqual(self.relays(), [])  # an idle port costs nothing
        self.assertEqual(umld.stop(), DONE)
        self.assert_same_host(before)

    def test_taken(self):
        """Another program has the port: both who looks and who starts are told which."""
        taken = self.listener(8080)
        self.configure(Proxy="tcp/8080:80")
        wanted = f"Proxy=: tcp/8080 is already used on this host by pid {os.getpid()} (python3"
        p = self.world.check("web")
        self.assertEqual(p.returncode, FAILED)
        self.assertIn(wanted, p.stderr + p.stdout)
        umld = self.daemon()
        umld.wait_state("backoff")
        self.assertIn(wanted, umld.log)
        taken.close()
        umld.wait_ready()
        self.assertEqual(umld.stop(), DONE)

    def test_taken_at_reload(self):
        self.listener(8080)
        self.configure(Proxy="tcp/9090:80", Forward="tcp/7000")
        umld = self.daemon().wait_ready()
        self.configure(Proxy=["tcp/9091:80", "tcp/8080:80"], Forward="tcp/7001")
        p = self.world.umlctl("reload", "web")
        self.assertEqual(p.returncode, FAILED)
        self.assertIn("tcp/8080 is already used on this host", p.stderr)
        self.assertEqual(list(self.relayed(umld)), ["tcp/9090:80"])
        rules = "\n".join(self.world.tables("nat"))
        self.assertIn("--dport 7000 ", rules)
        self.assertNotIn("7001", rules)
        self.assertEqual(umld.status()["network"]["forwards"], ["tcp/7000"])
        self.assertEqual(umld.stop(), DONE)

    def test_no_program(self):
        self.configure(Proxy="tcp/8080:80")
        self.world.host("mount", "--bind", "/dev/null", "/lib/systemd/systemd-socket-proxyd")
        p = self.world.check("web")
        self.assertEqual(p.returncode, FAILED)
        self.assertIn("/lib/systemd/systemd-socket-proxyd, which relays the ports, is missing; install the package systemd",
                      p.stderr + p.stdout)

    def test_refused(self):
        for network, why in (
                ({"Proxy": "udp/53"}, 'Proxy: "udp/53": invalid relay: only TCP can be relayed'),
                ({"Proxy": "all"}, "only TCP can be relayed"),
                ({"Proxy": "tcp/80", "Forward": "tcp/79-81"}, "tcp/80 overlaps Forward=tcp/79-81"),
                ({"Proxy": "tcp/80", "Reserve": "tcp/80"}, "tcp/80 overlaps Reserve=tcp/80"),
                ({"Proxy": ["tcp/80", "tcp/80:81"]}, "tcp/80:81 overlaps Proxy=tcp/80"),
                ({"Proxy": "tcp/1000-1064"}, "more than 64 ports to relay")):
            with self.subTest(network=network):
                self.configure(**network)
                p = self.world.check("web")
                self.assertEqual(p.returncode, USAGE)
                self.assertIn(why, p.stderr + p.stdout)

    def test_guarded(self):
        self.configure(Proxy="tcp/2200:22")
        p = self.world.run("host", self.world.program("daemon/umld"), "--check", "web",
                           env={"SSH_CONNECTION": "198.51.100.7 50000 203.0.113.10 2200"})
        self.assertEqual(p.returncode, FAILED)
        self.assertIn("Proxy=tcp/2200:22: tcp/2200 cannot be relayed, because you reach the host through it (ssh session from "
                      "198.51.100.7)", p.stderr + p.stdout)

    def test_all_leaves_it(self):
        """Forward=all takes what the relays leave."""
        self.configure(Proxy="tcp/8080:80", Forward="all", Reserve="tcp/22")
        umld = self.daemon().wait_ready()
        rules = [r for r in self.world.tables("nat") if r.startswith("-A UMLD-PRE-web ")]
        self.assertIn("-A UMLD-PRE-web -p tcp -m tcp --dport 8080 -j RETURN", rules[:2])
        self.assertEqual(umld.stop(), DONE)

    def test_trial(self):
        """A reload that is reverted reverts the relays, too."""
        self.configure(Proxy="tcp/8080:80")
        umld = self.daemon().wait_ready()
        self.configure(Proxy="tcp/9090:80", Forward="tcp/8080:80")
        for confirm in ("10min", "1"):
            p = self.world.umlctl("reload", "web", f"--confirm={confirm}")
            self.assertEqual(p.returncode, DONE, p.stderr)
            if confirm == "10min":
                self.assertEqual(list(self.relayed(umld)), ["tcp/9090:80"])
        wait_until(lambda: list(self.relayed(umld)) == ["tcp/8080:80"], 20, "the take-back")
        self.assertEqual(umld.status()["network"]["forwards"], [])
        self.assertEqual(umld.stop(), DONE)

    def test_two_guests(self):
        first = {"Tap": "tap1", "HostAddress": "10.0.1.1/24", "GuestAddress": "10.0.1.2"}
        self.configure("first", Proxy="tcp/8080:80", **first)
        umld = self.daemon("first").wait_ready()
        for network in ({"Forward": "tcp/8000-9000"}, {"Proxy": "tcp/8080:81"}):
            self.configure("second", **network)
            second = self.daemon("second")
            self.assertEqual(second.wait(), FAILED)
            self.assertIn("Proxy=tcp/8080:80 of first both want tcp/8080", second.log)
        self.assertEqual(umld.stop(), DONE)


class Relay(ProxyTest):
    """With a guest whose port 80 serves a page, and whose port 7 echoes."""

    image_of = IMAGE_SERVER

    def configure(self, name="web", **network):
        self.world.guest(name, kernel=DEBIAN_KERNEL, image=self.images / "guest.img", Guest={"Memory": "48M"},
                         Network=network, Supervise={"Ready": "guest", "AdoptTimeout": "60s"})

    def rewrite(self, **network):
        """Another [Network] for the guest that runs."""
        file = self.world.config_dir / "web.conf"
        head, _, rest = file.read_text().partition("[Network]\n")
        file.write_text(head + "[Network]\n" + "".join(f"{key}={value}\n" for key, value in network.items())
                        + "[Supervise]" + rest.partition("[Supervise]")[2])
        p = self.world.umlctl("reload", "web")
        self.assertEqual(p.returncode, DONE, p.stderr)

    def order(self, command):
        """What a command in the guest prints."""
        with contextlib.suppress(OSError):
            return self.world.fetch(8090, "/cgi-bin/do?" + command.replace(" ", "+"), timeout=10 * PATIENCE)
        return ""

    def greet(self, listener):
        """Whoever connects."""
        def serve():
            with contextlib.suppress(OSError):
                while True:
                    with listener.accept()[0] as connection:
                        connection.sendall(b"hello\n")
        threading.Thread(target=serve, daemon=True).start()

    def echo(self, s, text=b"hello"):
        s.sendall(text)
        got = b""
        while len(got) < len(text):
            data = s.recv(1000)
            self.assertNotEqual(data, b"", "the connection has ended")
            got += data
        self.assertEqual(got, text)
        return s

    def session(self, port, **options):
        """A connection to the guest's echo, which may be a moment behind its readiness."""
        def attempt():
            s = self.connect(port, **options)
            with contextlib.suppress(OSError):
                s.sendall(b"hello")
                if s.recv(100) == b"hello":
                    return s
            s.close()
            return None
        return wait_until(attempt, 20, f"an echo on port {port}", interval=0.05)

    def test_relays(self):
        """From outside, from the host, over IPv6; the relay has no rights, and ends with the guest."""
        self.configure(Proxy="tcp/8080:80,tcp/2007:7")
        # No rule of ours can help here.
        self.world.host("ip", "address", "add", "fd00::10/64", "dev", "venet0", "nodad")
        umld = self.daemon().wait_ready(60)
        self.assertIn("<h1>web</h1>", self.world.fetch(8080))
        self.assertIn("<h1>web</h1>", self.world.fetch(8080, part="host", address="127.0.0.1"))
        self.assertNotIn("UMLD-PRE-web", "".join(self.world.tables("nat")))
        self.echo(self.session(2007, part="host", address="fd00::10", family=socket.AF_INET6))
        relays = self.relays()
        self.assertEqual(len(relays), 2)
        self.assertEqual({f"running, pid {pid}" for pid in relays}, set(self.relayed(umld).values()))
        for pid in relays:
            self.assertEqual(os.stat(f"/proc/{pid}").st_uid, 60799)  # no guest's
            status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
                          if ":\t" in line)
            self.assertEqual(set(status["Uid"].split()), {status["Uid"].split()[0]})
            self.assertNotEqual(status["Uid"].split()[0], "0")
            self.assertEqual({status[c].strip("0") for c in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}, {""})
            self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
            self.assertNotEqual(os.readlink(f"/proc/{pid}/ns/pid"), os.readlink("/proc/self/ns/pid"))
            mounts = [line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]
            # What was mounted later on the host, as each test world is, comes as it is there.
            writable = [m[4] for m in mounts if "ro" not in m[5].split(",") and not m[4].startswith("/run/netns/")]
            self.assertIn(writable, ([], ["/proc"]))
        init = parent(umld.guest_pid())
        umld.kill()
        self.assertTrue(all(process_alive(pid) for pid in relays))
        os.kill(init, signal.SIGKILL)
        wait_until(lambda: not any(process_alive(pid) for pid in relays), what="the relays to end with the guest")

    @contextlib.contextmanager
    def pumping(self, port):
        """While this lasts, a connection to the guest's echo sends and gets back; yields how much it has got."""
        s, got, stop = self.session(port), [0], threading.Event()

        def pump():
            with contextlib.suppress(OSError, AssertionError):
                while not stop.is_set():
                    self.echo(s, bytes(4096))
                    got[0] += 4096
        thread = threading.Thread(target=pump)
        thread.start()
        try:
            yield lambda: got[0]
            self.assertTrue(thread.is_alive(), "the connection has ended")
        finally:
            stop.set()
            thread.join(60)
        self.echo(s)

    def wait_for_more(self, got):
        before = got()
        wait_until(lambda: got() > before + 64 * 1024, 20, "more of the transfer")

    def test_without_umld(self):
        """A transfer goes on while umld is replaced and while there is none; who connects to another port then is served by the
        next umld, which also learns how relays have ended meanwhile."""
        self.configure(Proxy="tcp/2007:7,tcp/3007:7,tcp/8080:80")
        before = self.world.snapshot()
        umld = self.daemon().wait_ready(60)
        with self.pumping(2007) as got:
            relays = self.relayed(umld)
            for _ in range(3):
                p = self.world.umlctl("reexec", "web", timeout=100)
                self.assertEqual(p.returncode, DONE, p.stderr)
                self.wait_for_more(got)
            self.assertEqual(self.relayed(umld), relays)
            umld.kill()
            self.wait_for_more(got)
            idle = self.connect(3007)
            idle.sendall(b"hello")
            umld = self.daemon().wait_ready(60)
            self.assertEqual(idle.recv(100), b"hello")
            self.assertEqual(self.relayed(umld)["tcp/2007:7"], relays["tcp/2007:7"])
            other = int(self.relayed(umld)["tcp/3007:7"].rpartition(" ")[2])
            umld.kill()
            os.kill(other, signal.SIGKILL)
            wait_until(lambda: not process_alive(other), what="the end of a relay")
            umld = self.daemon().wait_ready(60)
            wait_until(lambda: "Proxy=tcp/3007:7: systemd-socket-proxyd was killed by signal 9" in umld.log, what="its end to be known")
            self.session(3007)
            self.assertIn("<h1>web</h1>", self.world.fetch(8080, timeout=10 * PATIENCE))
            self.wait_for_more(got)
        self.assertEqual(umld.stop(40), DONE)
        self.assertEqual(self.relays(), [])
        self.assert_same_host(before)

    def test_before_and_between(self):
        """Who connects before the guest is ready, or while it restarts, waits; its end ends connections."""
        self.configure(Proxy="tcp/8080:80")
        umld = self.daemon()
        umld.wait_state("booting", 30)
        early = self.connect(8080)
        early.sendall(b"GET / HTTP/1.0\r\n\r\n")
        self.assertIn(b"200 OK", early.recv(4096))
        umld.wait_ready(60)
        late = self.connect(8080)
        late.sendall(b"GET / HT")
        relay = wait_until(self.relays, what="a relay")[0]
        wait_until(lambda: self.relayed(umld) == {"tcp/8080:80": f"running, pid {relay}"}, what="its state")
        since = len(umld.messages)
        os.kill(umld.guest_pid(), signal.SIGKILL)
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(late.recv(100), b"")
        umld.wait_state("backoff", since=since)
        between = self.connect(8080)
        between.sendall(b"GET / HTTP/1.0\r\n\r\n")
        self.assertIn(b"200 OK", between.recv(4096))
        self.assertFalse(process_alive(relay))
        self.assertEqual(umld.stop(40), DONE)

    def test_relay_killed(self):
        """It is started again, at once and then with pauses, and says so."""
        self.configure(Proxy="tcp/8080:80")
        umld = self.daemon().wait_ready(60)
        for _ in range(3):
            self.assertIn("<h1>web</h1>", self.world.fetch(8080, timeout=10 * PATIENCE))
            os.kill(self.relays()[0], signal.SIGKILL)
            wait_until(lambda: not self.relays(), what="its end to be seen")
        wait_until(lambda: "was killed by signal 9; retrying in 1s" in umld.log, what="a pause")
        self.assertIn("was killed by signal 9; retrying on the next connection", umld.log)
        self.assertEqual(umld.stop(40), DONE)
        self.assertEqual(self.world.processes(), {})

    def test_from_the_guest(self):
        """It calls its own relay by the host's addresses, but no other port of the host; a firewall of the host's own
        decides about that port, too."""
        self.greet(self.listener(2222))
        self.configure(Proxy="tcp/8080:80", HostAccess="all", Forward="tcp/8090:80")
        umld = self.daemon().wait_ready(60)
        page = self.world.fetch(8080, timeout=10 * PATIENCE)
        self.assertIn("<h1>web</h1>", page)
        self.assertIn("hello", self.order(f"nc -w 5 {HOST} 2222"))
        for access in ("no", "icmp"):
            with self.subTest(access=access):
                self.rewrite(Proxy="tcp/8080:80", HostAccess=access, Forward="tcp/8090:80")
                for address in (HOST, HOST_TAP):
                    self.assertEqual(self.order(f"wget -q -O - http://{address}:8080/"), page)
                    for port in (2222, 8079, 8081):
                        said = self.order(f"nc -w 1 {address} {port}")
                        self.assertTrue("timed out" in said and "hello" not in said, (address, port, said))
        self.world.host("iptables-legacy", "-I", "INPUT", "-p", "tcp", "--dport", "8080", "-j", "REJECT")
        self.assertIn("refused", self.order(f"nc -w 5 {HOST} 8080"))
        self.world.host("iptables-legacy", "-D", "INPUT", "1")
        # Relayed no longer, it is a port of the host's like others.
        self.rewrite(HostAccess="no", Forward="tcp/8090:80")
        self.greet(self.listener(8080))
        said = self.order(f"nc -w 1 {HOST} 8080")
        self.assertTrue("timed out" in said and "hello" not in said, said)
        self.assertEqual(umld.stop(40), DONE)

    def test_reload(self):
        """Ports come and go; connections through those that stay go on."""
        self.configure(Proxy="tcp/2007:7")
        umld = self.daemon().wait_ready(60)
        stays = self.session(2007)
        self.rewrite(Proxy="tcp/2007:7 tcp/3007:7")
        goes = self.echo(self.session(3007))
        self.echo(stays)
        self.rewrite(Proxy="tcp/2007:7 tcp/3007:80")
        self.echo(stays)
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(goes.recv(100), b"")
        self.assertIn("<h1>web</h1>", self.world.fetch(3007, timeout=10 * PATIENCE))
        self.rewrite(Forward="tcp/3007:80")
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(stays.recv(100), b"")
        with self.assertRaises(OSError):
            self.connect(2007)
        self.assertIn("<h1>web</h1>", self.world.fetch(3007, timeout=10 * PATIENCE))
        self.assertEqual((self.relays(), self.relayed(umld)), ([], {}))
        self.assertEqual(umld.stop(40), DONE)


if __name__ == "__main__":
    main()
