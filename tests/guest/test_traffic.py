#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests on the network as their users have it: real ssh sessions, TCP and UDP from everywhere, several guests at
once, and a firewall of the administrator's own among all that."""

import contextlib
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import nft_tables
from umldtest import BACKEND, DEBIAN_KERNEL, DONE, HOST, IMAGE_ECHO, INET, PATIENCE, TestCase, main, wait_until

FIRST = {"Tap": "tap1", "HostAddress": "10.0.1.1/24", "GuestAddress": "10.0.1.2"}
SECOND = {"Tap": "tap2", "HostAddress": "10.0.2.1/24", "GuestAddress": "10.0.2.2"}


class Ssh(TestCase):
    """With the real sshd, and its real client on the Internet."""

    def setUp(self):
        super().setUp()
        self.key = self.world.dir / "id"
        for file in (self.key, self.world.dir / "host-key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True, timeout=60)

    def sshd(self, port, program="/usr/sbin/sshd"):
        config = self.world.dir / "sshd_config"
        config.write_text(f"Port {port}\nHostKey {self.world.dir}/host-key\nPidFile none\nUsePAM no\n"
                          f"StrictModes no\nPermitRootLogin yes\nAuthorizedKeysFile {self.key}.pub\n")
        # It insists on a directory in /run, which is the machine's.
        script = f"mount -t tmpfs none /run && mkdir /run/sshd && exec {program} -D -f {config}"
        process = subprocess.Popen(self.world.command("host", "unshare", "-m", "sh", "-c", script),
                                   stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def listens():
            with self.world.socket() as s:
                return s.connect_ex((HOST, port)) == 0
        wait_until(listens, 20, "sshd to listen")

    def ssh(self, port, *command):
        options = ["-p", str(port), "-i", str(self.key), "-F", "none", "-o", "StrictHostKeyChecking=no",
                   "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]
        return self.world.command("inet", "ssh", *options, f"root@{HOST}", *command)

    def session(self, port):
        """A session that says back what it hears."""
        p = subprocess.Popen(self.ssh(port, "cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

        def end():
            p.kill()
            p.communicate()
        self.addCleanup(end)
        self.assert_alive(p)
        return p

    def assert_alive(self, session):
        session.stdin.write(b"hello\n")
        self.assertTrue(select.select([session.stdout], [], [], 15 * PATIENCE)[0], "the session does not answer")
        self.assertEqual(os.read(session.stdout.fileno(), 100), b"hello\n")

    def over_ssh(self, port, *arguments):
        """umlctl, run by somebody who is logged in so."""
        variables = [f"{k}={v}" for k, v in self.world.variables.items()]
        command = ["env", *variables, f"UMLD_DAEMON={self.world.program('daemon/umld')}",
                   str(self.world.program("umlctl/umlctl")), *arguments]
        p = subprocess.run(self.ssh(port, shlex.join(command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, encoding="utf-8", timeout=60 * PATIENCE)
        self.assertEqual(p.returncode, DONE, p.stdout + p.stderr)
        return p.stdout

    def configure(self, *forwards):
        self.world.guest(fake="boot,ready", Network={"Forward": list(forwards)}, Supervise={"StopTimeout": "4s"})

    def test_session_survives(self):
        """Start, reload, a reload that is reverted, and stop, of a guest that wants all ports."""
        self.sshd(22)
        old = self.session(22)
        self.configure("all")
        umld = self.daemon().wait_ready()
        self.assertRegex(umld.status()["network"]["guarded"][0], r"^tcp/22 \(sshd, pid \d+\)$")
        sessions = [old, self.session(22)]
        for forwards, confirm in ((["tcp/1-1000", "udp/1-65535"], []), (["tcp/20-30:1020-1030"], ["--confirm=1"]),
                                  (["all"], ["--confirm=10min"])):
            self.configure(*forwards)
            p = self.world.umlctl("reload", "web", *confirm)
            self.assertEqual(p.returncode, DONE, p.stderr)
            for s in sessions:
                self.assert_alive(s)
            if confirm == ["--confirm=1"]:
                wait_until(lambda: umld.status()["unconfirmed"]["state"] == "taken-back", 20, "the take-back")
            sessions.append(self.session(22))
        self.assertEqual(umld.stop(), DONE)
        for s in sessions + [self.session(22)]:
            self.assert_alive(s)

    def test_unknown_server(self):
        """A login service that goes by another name, on another port: the session itself is the proof."""
        program = self.world.install(Path("/usr/sbin/sshd"), self.world.dir / "own-login")
        self.sshd(2200, program)
        old = self.session(2200)
        self.configure("all")
        self.over_ssh(2200, "start", "web")
        self.assertIn(f"tcp/2200 (ssh session from {INET})", self.over_ssh(2200, "status", "web"))
        self.assert_alive(old)
        self.over_ssh(2200, "reload", "web", "--confirm=60")
        self.over_ssh(2200, "confirm", "web")
        self.assert_alive(old)
        self.over_ssh(2200, "stop", "web")
        self.assert_alive(self.session(2200))


class Rounds(TestCase):
    """Guests come, change and go, and nothing of anybody else's rules moves."""

    timeout = 300
    COUNT = 100 if PATIENCE == 1 else 20
    HOOKS = (("filter", "INPUT"), ("filter", "FORWARD"), ("nat", "PREROUTING"), ("nat", "OUTPUT"),
             ("nat", "POSTROUTING"))

    def foreign(self, number):
        """A rule of somebody else at the end of each chain that we jump from, or of each hook that we use."""
        if BACKEND == "nftables":
            self.world.host("nft", "add table inet other;" + "".join(
                f"add chain inet other {table}-{chain} {{ type {table} hook {chain.lower()} priority 0; }};"
                f"add rule inet other {table}-{chain} tcp dport {number} return;" for table, chain in self.HOOKS))
            return
        self.world.host("sh", "-e", "-c", "".join(
            f"iptables-legacy -t {table} -A {chain} -p tcp --dport {number} -m comment --comment 'not umld {number}' "
            "-j RETURN\n" for table, chain in self.HOOKS))

    def saved(self):
        """All rules, one per line, each with the chain it is in."""
        if BACKEND == "nftables":
            return list(nft_tables.flatten(self.world.host("nft", "-s", "list", "ruleset")))
        text = self.world.host("iptables-legacy-save")
        return [line for line in text.splitlines() if not line.startswith(("#", ":", "*", "COMMIT"))]

    def guest(self, name, forward, **network):
        self.world.guest(name, fake="boot,ready", Network={"Forward": forward, **network},
                         Supervise={"StopTimeout": "4s"})

    def test_foreign_rules(self):
        self.foreign(1)
        self.guest("first", "tcp/8000-8100 udp/53", **FIRST)
        first = self.daemon("first").wait_ready()
        self.foreign(2)
        before = self.saved()
        for number in range(self.COUNT):
            self.guest("second", f"tcp/{9000 + number}:80 udp/{9000 + number}", **SECOND)
            second = self.daemon("second").wait_ready()
            if number == 0:
                self.foreign(3)  # behind all of ours
                before = [line for line in self.saved() if "second" not in line]
            self.guest("second", f"tcp/{9000 + number}-9500 udp/7", **SECOND)
            since = len(second.messages)
            second.signal(signal.SIGHUP)
            second.wait_message(lambda f: f.get("READY") == "1", since=since, what="the reload")
            during = self.saved()
            self.assertTrue([line for line in during if re.search(f"dport {9000 + number}[:-]9500 ", line)])
            self.assertEqual([line for line in during if "second" not in line], before)
            self.assertEqual(second.stop(), DONE)
            self.assertEqual(self.saved(), before)
        self.assertEqual(first.status()["network"]["repairs"], 0)
        self.assertEqual(first.stop(), DONE)
        left = self.saved()
        self.assertEqual(left, [line for line in before if "umld-" not in line.lower()])
        self.assertEqual(len(left), 3 * len(self.HOOKS))


class Real(TestCase):
    """Real guests: a page on port 80, an echo of TCP on 7, and of UDP on 6000 to 6003."""

    image_of = IMAGE_ECHO

    def configure(self, name="web", **network):
        self.world.guest(name, kernel=DEBIAN_KERNEL, image=self.images / "guest.img", Guest={"Memory": "48M"},
                         Network=network, Supervise={"Ready": "guest"})

    def order(self, command, port=8080):
        return self.world.fetch(port, "/cgi-bin/do?" + command.replace(" ", "+"), timeout=20 * PATIENCE)

    def udp(self, part):
        s = self.world.socket(part, kind=socket.SOCK_DGRAM)
        self.addCleanup(s.close)
        s.settimeout(0.5 * PATIENCE)
        return s

    def echo(self, s, port, text=b"hello"):
        """A datagram to the host's public address and back; one may get lost."""
        def attempt():
            s.sendto(text, (HOST, port))
            with contextlib.suppress(OSError):
                return s.recvfrom(100) == (text, (HOST, port))
        wait_until(attempt, 20, f"an answer from udp/{port}")

    def tcp_echoes(self, part, port):
        with contextlib.suppress(OSError), self.world.socket(part) as s:
            s.settimeout(5 * PATIENCE)
            s.connect((HOST, port))
            s.sendall(b"hello")
            return s.recv(100) == b"hello"
        return False

    def test_from_everywhere(self):
        """From outside, from the host, and from the guest to its own public address."""
        self.configure(Forward="tcp/8080:80 tcp/2000-2010:1-11 udp/6000-6001 udp/5000-5003:6000-6003")
        umld = self.daemon().wait_ready(60)
        self.order("udp-echo 6000 6003")
        for part in ("inet", "host"):
            for port in (6000, 6001, 5000, 5003):
                self.echo(self.udp(part), port)
            self.assertIn("<h1>web</h1>", self.world.fetch(8080, part=part, timeout=5 * PATIENCE))
            wait_until(lambda p=part: self.tcp_echoes(p, 2006), 20, "the echo, which begins after READY=1")
        for port in (6001, 5003):
            self.assertEqual(self.order(f"udp-echo {HOST} {port} itself"), "itself\n")
        self.assertIn("<h1>web</h1>", self.order(f"wget -q -O - http://{HOST}:8080/"))
        # A flow, too, lives through a reload.
        flow = self.udp("inet")
        self.echo(flow, 5001)
        self.configure(Forward="tcp/8080:80 udp/5000-5003:6000-6003 udp/7000:6000", Reserve="udp/1")
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        self.echo(flow, 5001)
        self.echo(flow, 7000)
        p = self.world.umlctl("port", "web", "udp/7000")
        self.assertEqual(p.returncode, DONE, p.stdout)
        self.assertEqual(umld.stop(40), DONE)

    def test_two_guests(self):
        """Each has its own, until the end of the last."""
        self.configure("one", Forward="tcp/8081:80 udp/6001:6000", **FIRST)
        self.configure("two", Forward="tcp/8082:80 udp/6002:6000", **SECOND)
        before = self.world.snapshot()
        one, two = self.daemon("one"), self.daemon("two")
        for umld, name, number in ((one, "one", 1), (two, "two", 2)):
            umld.wait_ready(60)
            self.assertIn(f"<h1>{name}</h1>", self.world.fetch(8080 + number, timeout=5 * PATIENCE))
            self.order("udp-echo 6000 6000", 8080 + number)
            self.echo(self.udp("inet"), 6000 + number)
        # To each other by way of the host's public address.
        self.assertIn("<h1>two</h1>", self.order(f"wget -q -O - http://{HOST}:8082/", 8081))
        self.assertEqual(self.order(f"udp-echo {HOST} 6001 neighbour", 8082), "neighbour\n")
        self.assertEqual(one.stop(40), DONE)
        self.assertIn("<h1>two</h1>", self.world.fetch(8082, timeout=5 * PATIENCE))
        self.echo(self.udp("inet"), 6002)
        with self.assertRaises(OSError):
            self.world.fetch(8081)
        self.assertEqual(two.stop(40), DONE)
        self.assert_same_host(before)


if __name__ == "__main__":
    main()
