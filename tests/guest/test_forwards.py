#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Forwards, and the guard that keeps the administrator's own ports out of them."""

import ctypes
import fcntl
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import BACKEND, DONE, FAILED, HOST, PACE, PATIENCE, TestCase, libc, main, wait_until

PR_SET_NAME, PR_SET_PDEATHSIG = 15, 1
LOOK = 5  # seconds within which the guard has followed


class ForwardsTest(TestCase):
    def service(self, port, name="sshd"):
        """A process of that name that listens on the host and echoes; its pid."""
        listener = self.world.socket("host")
        listener.setsockopt(1, 2, 1)  # SO_REUSEADDR
        listener.bind(("0.0.0.0", port))
        parent, (done, begun) = os.getpid(), os.pipe()
        pid = os.fork()
        if pid == 0:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            libc.prctl(PR_SET_NAME, ctypes.c_char_p(name.encode()))
            listener.listen()  # who sees the port must find the name
            os.write(begun, b"1")
            if os.getppid() == parent:
                self.echo(listener)
            os._exit(0)
        listener.close()
        os.close(begun)
        self.addCleanup(self.end, pid)
        self.assertEqual(os.read(done, 1), b"1")
        os.close(done)
        return pid

    @staticmethod
    def echo(listener):
        open_sockets = [listener]
        while True:
            for s in select.select(open_sockets, [], [])[0]:
                if s is listener:
                    open_sockets.append(s.accept()[0])
                    continue
                data = s.recv(1000)
                if data:
                    s.sendall(data)
                else:
                    open_sockets.remove(s)
                    s.close()

    def end(self, pid):
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass

    def session(self, port):
        s = self.world.socket("inet")
        self.addCleanup(s.close)
        s.settimeout(2 * PATIENCE)
        s.connect((HOST, port))
        self.assert_alive(s)
        return s

    def assert_alive(self, session):
        session.sendall(b"hello")
        self.assertEqual(session.recv(100), b"hello")

    def guest(self, forward, name="web", fake="boot,ready", **network):
        self.world.guest(name, fake=fake, Network={"Forward": forward, **network},
                         Supervise={"StopTimeout": "4s"})

    def rules(self, name="web"):
        start = f"-A UMLD-PRE-{name} "
        return [line[len(start):] for line in self.world.tables("nat") if line.startswith(start)]

    def guarded(self, umld):
        return umld.status()["network"]["guarded"]


class Guard(ForwardsTest):
    def test_session_survives(self):
        """An ssh session, and new ones, through the start, reload and stop of a guest that wants all."""
        sshd = self.service(22)
        self.guest("all")
        before = self.world.snapshot()
        session = self.session(22)
        umld = self.daemon().wait_ready()
        self.assert_alive(session)
        self.assert_alive(self.session(22))
        self.assertEqual(self.rules()[0], "-p tcp -m tcp --dport 22 -j RETURN")
        self.assertIn(f"tcp/22 (sshd, pid {sshd})", self.guarded(umld))
        self.assertEqual(umld.status()["network"]["forwards"], ["all"])
        self.guest(["tcp/22:2222", "tcp/8000-9000"])
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        self.assertIn("Forward=tcp/22:2222: tcp/22 is not forwarded", umld.log)
        self.assert_alive(session)
        self.assert_alive(self.session(22))
        self.assertEqual(umld.stop(), DONE)
        self.assert_alive(session)
        self.assert_alive(self.session(22))
        session.close()
        self.assert_same_host(before)

    def test_follows(self):
        """sshd moves while umld runs."""
        old = self.service(22)
        self.guest("all")
        umld = self.daemon().wait_ready()
        self.end(old)
        new = self.service(2022)
        wait_until(lambda: self.guarded(umld) == [f"tcp/2022 (sshd, pid {new})"], LOOK, "the guard to follow")
        wait_until(lambda: "the set of guarded ports has changed: firewall rules replaced" in umld.log, what="the rules to follow")
        self.assert_alive(self.session(2022))
        self.assertEqual(umld.stop(), DONE)

    def test_restarted_service(self):
        """While sshd is away its port waits for it."""
        old = self.service(22)
        self.guest("all")
        umld = self.daemon().wait_ready()
        self.end(old)
        time.sleep(LOOK * PACE)
        self.service(22)
        self.assert_alive(self.session(22))
        self.assertEqual(umld.stop(), DONE)

    def test_nothing_to_guard(self):
        """Forwards that take every port are refused until there is a way in."""
        self.guest("all")
        umld = self.daemon()
        umld.wait_state("backoff")
        self.assertIn("Forward=all would leave no port through which to reach this host", umld.log)
        self.assertEqual(self.rules(), [])
        self.service(22)
        umld.wait_ready()
        self.assertEqual(umld.stop(), DONE)
        self.guest("tcp/1-30000 tcp/30001-65535")
        p = self.world.check("web")
        self.assertEqual(p.returncode, DONE)  # the service is still there
        self.assertRegex(p.stdout, r"(?m)^guarded +tcp/22 \(sshd, pid \d+\)$")

    def test_reserve(self):
        self.guest("all", Reserve=["tcp/2222 udp/500", "tcp+udp/9000-9010"])
        umld = self.daemon().wait_ready()
        self.assertEqual(self.guarded(umld), ["tcp/2222 (Reserve=)", "udp/500 (Reserve=)",
                                              "tcp+udp/9000-9010 (Reserve=)"])
        self.assertEqual([r for r in self.rules() if r.endswith("RETURN")],
                         ["-p tcp -m tcp --dport 2222 -j RETURN", "-p udp -m udp --dport 500 -j RETURN",
                          "-p tcp -m tcp --dport 9000:9010 -j RETURN",
                          "-p udp -m udp --dport 9000:9010 -j RETURN"])
        self.service(2222, "own-login")
        self.assert_alive(self.session(2222))
        self.guest("tcp/80")
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        self.assertEqual(self.rules(), ["-p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.2"])
        self.assertEqual(umld.stop(), DONE)

    def test_session_of_umlctl(self):
        """The ssh session that gives the order, whatever its server is called."""
        self.service(2200, "own-login")
        self.guest("tcp/80")
        umld = self.daemon().wait_ready()
        self.guest("all")
        p = self.world.umlctl("reload", "web", env={"SSH_CONNECTION": "198.51.100.7 50000 203.0.113.10 2200"})
        self.assertEqual(p.returncode, DONE, p.stderr)
        self.assertIn("tcp/2200 (ssh session from 198.51.100.7)", umld.status()["network"]["guarded"])
        self.assert_alive(self.session(2200))
        self.assertEqual(umld.stop(), DONE)

    def test_session_behind_sudo(self):
        """Where the environment was cleaned, that of an ancestor has it."""
        self.guest("tcp/80")
        umld = self.daemon().wait_ready()
        variables = " ".join(f"{k}='{v}'" for k, v in os.environ.items() if k.startswith("UMLD"))
        p = self.world.run("host", "bash", "-c",
                           f"env -u SSH_CONNECTION {variables} {self.world.program('umlctl/umlctl')} reload web; "
                           "exit $?", env={"SSH_CONNECTION": "198.51.100.8 50000 203.0.113.10 2201"})
        self.assertEqual(p.returncode, DONE, p.stderr)
        self.assertIn("tcp/2201 (ssh session from 198.51.100.8)", umld.status()["network"]["guarded"])
        self.assertEqual(umld.stop(), DONE)


class Repairs(ForwardsTest):
    """What somebody else does to the tables or the network, and how soon it is put right."""

    WITHIN = 3

    # A rule of somebody else's, and what he does then.
    DAMAGES = {
        "iptables": ("iptables-legacy -A FORWARD -i eth7 -j REJECT",
                     ["iptables-legacy-save > $UMLD_WORLD_DIR/saved; iptables-legacy -F; "
                      "iptables-legacy -A FORWARD -i eth7 -j REJECT",
                      "iptables-legacy -t nat -F; iptables-legacy -t nat -X",
                      "iptables-legacy -t nat -D UMLD-PRE-web 1",
                      "iptables-legacy -I FORWARD -j UMLD-FWD-web",
                      "iptables-legacy-restore -n < $UMLD_WORLD_DIR/saved"]),
        "nftables": ("nft 'add table inet theirs; add chain inet theirs c { type filter hook forward priority 0; };"
                     " add rule inet theirs c iifname eth7 drop'",
                     ["nft list table inet theirs > $UMLD_WORLD_DIR/saved; nft flush ruleset; "
                      "nft -f $UMLD_WORLD_DIR/saved",
                      "nft delete table inet umld-web",
                      "nft flush chain inet umld-web UMLD-PRE-web",
                      "nft insert rule inet umld-web UMLD-FWD-web drop",
                      "nft flush chain inet umld-web forward"]),
    }

    def tables(self):
        return [line for line in self.world.tables("filter", "nat") if "UMLD" in line]

    def test_tables(self):
        self.guest("tcp/8080:80 tcp/9000-9010")
        umld = self.daemon().wait_ready()
        foreign, damages = self.DAMAGES[BACKEND or "iptables"]
        self.world.host("sh", "-c", foreign)
        right = self.tables()
        for count, damage in enumerate(damages, 1):
            with self.subTest(damage=damage):
                os.kill(umld.pid, signal.SIGSTOP)  # lest it repair what is not seen yet
                try:
                    self.world.host("sh", "-c", damage)
                    self.assertNotEqual(self.tables(), right)
                finally:
                    os.kill(umld.pid, signal.SIGCONT)
                wait_until(lambda: self.tables() == right, self.WITHIN, "the repair")
                wait_until(lambda n=count: umld.status()["network"]["repairs"] == n, what="the count")
        self.assertIn("eth7", self.world.host("sh", "-c", "iptables-legacy -S FORWARD; nft list ruleset"))
        self.assertEqual(umld.log.count("the guest's firewall rules were changed or removed"), 1)  # one burst
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(self.tables(), [])

    def flush_without_lock(self):
        if BACKEND == "nftables":
            self.world.host("nft", "flush", "ruleset")
        else:
            self.world.host("env", "XTABLES_LOCKFILE=/dev/shm/other", "iptables-legacy", "-F")

    def test_held_lock(self):
        """Somebody who keeps the lock of the tables is not waited for, and umld answers meanwhile."""
        self.guest("tcp/8080:80")
        umld = self.daemon().wait_ready()
        right = self.tables()
        with open(self.world.dir / "xtables.lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.flush_without_lock()
            end = time.monotonic() + 4
            while time.monotonic() < end:
                began = time.monotonic()
                umld.status()
                self.assertLess(time.monotonic() - began, 0.5 * PATIENCE)
                time.sleep(0.1)
            self.assertNotEqual(self.tables(), right)
        wait_until(lambda: self.tables() == right, self.WITHIN, "the repair")
        self.assertEqual(umld.stop(), DONE)

    def test_kept_lock(self):
        """Who keeps it for too long is named, those who had it before him do not count, and all goes on when he lets go."""
        self.guest("tcp/8080:80")
        holder = r"the xtables lock, held by pid %d \(.*\)"
        with open(self.world.dir / "xtables.lock", "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            umld = self.daemon()
            named = "preparing: waiting for " + holder % os.getpid()
            wait_until(lambda: re.match(named, (umld.said("STATUS") or [""])[-1]), 10, "a word of who")
            self.assertRegex(umld.status()["waiting_for"], holder % os.getpid())
            time.sleep(3)
            heir = subprocess.Popen(["sleep", "120"], pass_fds=[lock.fileno()])  # pylint: disable=consider-using-with
        self.addCleanup(heir.wait)
        self.addCleanup(heir.kill)
        since = time.monotonic()
        umld.wait_state("backoff", 40)
        self.assertGreater(time.monotonic() - since, 18.5)
        self.assertRegex(umld.log, r"timed out after 20s of waiting for " + holder % heir.pid)
        heir.kill()
        umld.wait_ready()
        holder %= os.getpid()
        # While the guest runs and its rules need to be repaired, the holder is named as well.
        with open(self.world.dir / "xtables.lock", "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.flush_without_lock()
            wait_until(lambda: f"by pid {os.getpid()} (" in umld.log.partition("cannot check the guest")[2], 30, "a warning")
            self.assertRegex(umld.status()["waiting_for"], holder)
        self.assertEqual(umld.stop(), DONE)

    def test_uplink(self):
        """Another default route and other addresses are followed within a second."""
        self.guest("tcp/8080:80")
        umld = self.daemon().wait_ready()
        self.world.host("ip", "address", "add", "203.0.113.77/32", "dev", "venet0")
        wait_until(lambda: any("-A UMLD-OUT-web -d 203.0.113.77/32 -j UMLD-PRE-web" in t for t in self.tables()),
                   1, "rules for the new address")
        self.world.host("sh", "-c", "ip link add up0 type veth peer name up1 && ip link set up0 up && ip link set "
                        "up1 up && ip address add 192.0.2.1/24 dev up0 && ip route replace default dev up0")
        wait_until(lambda: "-A PREROUTING -i up0 -j UMLD-PRE-web" in self.tables(), 1, "rules for the new uplink")
        self.assertIn("-A UMLD-POST-web -s 10.0.0.2/32 -o up0 -j MASQUERADE", self.tables())
        self.assertIn("-A UMLD-LOC-web -d 192.0.2.1/32 -j UMLD-PRE-web", self.tables())
        self.assertFalse([t for t in self.tables() if "venet0" in t or "203.0.113" in t])
        self.assertEqual(umld.status()["network"]["uplink"], "up0")
        self.assertEqual(umld.status()["network"]["repairs"], 0)
        # No way out at all for a while is no reason to change anything.
        right = self.tables()
        self.world.host("ip", "route", "del", "default")
        time.sleep(1)
        self.assertEqual(self.tables(), right)
        self.assertEqual(umld.status()["state"], "running")
        self.assertEqual(umld.stop(), DONE)

    def test_snat(self):
        self.guest("tcp/8080:80", Masquerade="snat")
        umld = self.daemon().wait_ready()
        self.assertIn(f"-A UMLD-POST-web -s 10.0.0.2/32 -o venet0 -j SNAT --to-source {HOST}", self.tables())
        self.assertEqual(umld.status()["network"]["masquerade"], "snat")
        self.guest("tcp/8080:80", OneArm="yes")
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        self.assertEqual(umld.status()["network"]["masquerade"], "masquerade")
        self.assertIn("-A UMLD-POST-web -d 10.0.0.2/32 -o tap0 -m conntrack --ctstate DNAT -j SNAT "
                      "--to-source 10.0.0.1", self.tables())
        self.assertEqual(umld.stop(), DONE)


class Addresses(ForwardsTest):
    """Forwards that name one of several public addresses."""

    OTHER = "203.0.113.77"

    def setUp(self):
        super().setUp()
        self.world.host("ip", "address", "add", f"{self.OTHER}/32", "dev", "venet0")

    def test_rules(self):
        self.guest([f"tcp/{self.OTHER}:80:8080 tcp/{HOST}:80:80", "udp/53"])
        umld = self.daemon().wait_ready()
        self.assertEqual(self.rules(), [
            f"-d {self.OTHER}/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.2:8080",
            f"-d {HOST}/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.2",
            "-p udp -m udp --dport 53 -j DNAT --to-destination 10.0.0.2"])
        self.assertEqual(umld.status()["network"]["forwards"],
                         [f"tcp/{self.OTHER}:80:8080", f"tcp/{HOST}:80", "udp/53"])
        self.assertEqual(umld.stop(), DONE)

    def test_address_to_come(self):
        self.guest(f"tcp/203.0.113.78:80 tcp/{HOST}:81")
        warning = "Forward=tcp/203.0.113.78:80: venet0 does not have this address at present; it has 203.0.113.10, " \
                  "203.0.113.77"
        self.assertIn(warning, self.world.check("web").stdout)
        umld = self.daemon().wait_ready()
        self.assertEqual(umld.log.count(warning), 1)
        self.assertNotIn(f"Forward=tcp/{HOST}:81", umld.log)
        self.world.host("ip", "address", "add", "203.0.113.78/32", "dev", "venet0")
        wait_until(lambda: "the uplink has changed: firewall rules replaced" in umld.log, what="rules for the new address")
        self.assertEqual(umld.log.count("does not have this address"), 1)
        self.assertEqual(umld.stop(), DONE)

    def test_clash(self):
        """Two guests may have one port of different addresses, but not of the same one."""
        first = {"Tap": "tap1", "HostAddress": "10.0.1.1/24", "GuestAddress": "10.0.1.2"}
        self.guest(f"tcp/{HOST}:80", name="first", **first)
        umld = self.daemon("first").wait_ready()
        self.guest("tcp/80", name="second")
        second = self.daemon("second")
        self.assertEqual(second.wait(), FAILED)
        self.assertIn(f"Forward=tcp/80 of second and Forward=tcp/{HOST}:80 of first both want tcp/{HOST}:80",
                      second.log)
        self.guest(f"tcp/{self.OTHER}:80 tcp6/80", name="second", HostAddress6="fd00::1/64", GuestAddress6="fd00::2")
        second = self.daemon("second").wait_ready()
        self.assertEqual(second.stop(), DONE)
        self.assertEqual(umld.stop(), DONE)

    def test_every_port_of_one(self):
        """Without a guarded port there must be an address left to come in by."""
        self.guest(f"tcp/{self.OTHER}:1-65535")
        umld = self.daemon().wait_ready()
        self.assertEqual(umld.stop(), DONE)
        self.guest(f"tcp/{self.OTHER}:1-65535 tcp/{HOST}:1-65535")
        umld = self.daemon()
        umld.wait_state("backoff")
        self.assertIn("would leave no port through which to reach this host", umld.log)
        self.assertEqual(umld.stop(), DONE)


class Clashes(ForwardsTest):
    def test_host_listens(self):
        self.service(8080, "nginx")
        self.guest("tcp/8080:80 tcp/8081")
        umld = self.daemon().wait_ready()
        warning = "Forward=tcp/8080:80 takes precedence over services of the host: tcp/8080 (nginx); " \
                  "Reserve= keeps a port"
        self.assertEqual(umld.log.count(warning), 1)
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        self.assertEqual(umld.log.count(warning), 1)
        self.assertEqual(umld.stop(), DONE)
        self.assertIn(warning, self.world.check("web").stdout)

    def test_two_guests(self):
        """One port, two guests: the second is refused, and both are named; what is reserved may be shared."""
        first = {"Tap": "tap1", "HostAddress": "10.0.1.1/24", "GuestAddress": "10.0.1.2"}
        self.guest("tcp/8000-9000", name="first", **first)
        umld = self.daemon("first").wait_ready()
        self.guest("tcp/80 tcp/8080:80", name="second")
        second = self.daemon("second")
        self.assertEqual(second.wait(), FAILED)
        self.assertIn("Forward=tcp/8080:80 of second and Forward=tcp/8000-9000 of first both want tcp/8080",
                      second.log)
        self.assertEqual(self.rules("second"), [])
        self.guest("tcp/80 tcp/8080:80", name="second", Reserve="tcp/8080")
        second = self.daemon("second").wait_ready()
        self.guest("tcp/80 tcp/8080:80", name="second")
        p = self.world.umlctl("reload", "second")
        self.assertEqual(p.returncode, FAILED)
        self.assertIn("both want tcp/8080", p.stderr)
        self.assertEqual(self.rules("second")[0], "-p tcp -m tcp --dport 8080 -j RETURN")
        self.assertEqual(umld.stop(), DONE)
        # Its umld is gone, and with it its claim.
        self.assertEqual(self.world.umlctl("reload", "second").returncode, DONE)
        self.assertEqual(second.stop(), DONE)

    def test_killed_umld_claims_nothing(self):
        first = {"Tap": "tap1", "HostAddress": "10.0.1.1/24", "GuestAddress": "10.0.1.2"}
        self.guest("tcp/80", name="first", **first)
        umld = self.daemon("first").wait_ready()
        umld.kill()
        self.guest("tcp/80", name="second")
        second = self.daemon("second").wait_ready()
        self.assertEqual(second.stop(), DONE)


if __name__ == "__main__":
    main()
