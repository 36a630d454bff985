#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""iptables or nftables: the choice between them, its change, and what a host lacks for it."""

import os
import re
import shlex
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import DEBIAN_KERNEL, DONE, FAILED, GUEST_ADDRESS, IMAGE_PLAIN, TestCase, main, preloaded, wait_until

# The host's own rules, and what auto makes of them.
LEGACY = "iptables-legacy -A INPUT -p tcp --dport 2222 -j ACCEPT"
NFT = "nft 'add table inet own; add chain inet own c { type filter hook input priority 0; }; " \
      "add rule inet own c tcp dport 2222 accept'"
CHOICES = [
    ([], "iptables", "the host has legacy tables"),
    ([LEGACY], "iptables", "the host's own rules are in legacy tables"),
    ([NFT], "nftables", "the host's own rules are in nftables"),
    ([LEGACY, NFT], "iptables", "the host's own rules are in legacy tables"),
]


class BackendTest(TestCase):
    def guest(self, backend=None, name="web", **network):
        if backend:
            network["Backend"] = backend
        self.world.guest(name, fake="boot,ready", Network={"Forward": "tcp/8080:80", **network})

    def made_by(self, name="web"):
        """Which of the two have rules of that guest."""
        found = {"iptables"} if f"UMLD-FWD-{name}" in self.world.host("iptables-legacy-save") else set()
        tables = self.world.host("nft", "list", "tables").splitlines()
        return found | ({"nftables"} if f"table inet umld-{name}" in tables else set())

    def network(self, umld):
        status = umld.status()["network"]
        return status["backend"], status["backend_reason"]


class Choice(BackendTest):
    def test_auto(self):
        for commands, backend, reason in CHOICES:
            with self.subTest(commands=commands):
                self.world.host("sh", "-c", "iptables-legacy -F; nft flush ruleset;" + "; ".join(commands))
                self.guest("auto")
                self.assertIn(f"rules         by {backend} ({reason})\n", self.world.check("web").stdout)
                self.assertEqual(self.made_by(), set())
                before = self.world.snapshot()
                umld = self.daemon().wait_ready()
                self.assertEqual(self.network(umld), (backend, reason))
                self.assertEqual(self.made_by(), {backend})
                self.assertIn(f"by {backend} ({reason})", self.world.umlctl("status", "web").stdout)
                self.assertEqual(umld.stop(), DONE)
                self.assert_same_host(before)

    def test_set(self):
        """Whatever the host has; and two guests may differ."""
        self.world.host("sh", "-c", NFT)
        self.guest("iptables")
        umld = self.daemon().wait_ready()
        self.assertEqual(self.network(umld), ("iptables", "Backend="))
        self.guest("nftables", "other", Tap="tap1", HostAddress="10.0.1.1/24", GuestAddress="10.0.1.2",
                   Forward="tcp/8081:80")
        other = self.daemon("other").wait_ready()
        self.assertEqual((self.made_by(), self.made_by("other")), ({"iptables"}, {"nftables"}))
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(other.stop(), DONE)
        self.assertEqual((self.made_by(), self.made_by("other")), (set(), set()))


class Change(BackendTest):
    def test_reload(self):
        """From one to the other and back under a running guest."""
        self.guest("iptables")
        before = self.world.snapshot()
        umld = self.daemon().wait_ready()
        pid = umld.guest_pid()
        for backend in ("nftables", "iptables", "nftables"):
            self.guest(backend)
            self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
            self.assertEqual(self.made_by(), {backend})
            self.assertEqual(self.network(umld), (backend, "Backend="))
        self.assertEqual(umld.guest_pid(), pid)
        self.assertEqual(umld.status()["network"]["repairs"], 0)
        self.assertEqual(umld.stop(), DONE)
        self.assert_same_host(before)

    def test_crash_between(self):
        """What a killed umld left is swept, whichever it used."""
        for left, after in (("nftables", "iptables"), ("iptables", "nftables")):
            with self.subTest(left=left):
                self.guest(left)
                before = self.world.snapshot()
                self.daemon().wait_ready().kill()
                self.assertEqual(self.made_by(), {left})
                self.guest(after)
                umld = self.daemon().wait_ready()
                self.assertEqual(self.made_by(), {after})
                self.assertEqual(umld.stop(), DONE)
                self.assertEqual(self.made_by(), set())
                self.guest(left)
                self.assert_same_host(before)


class Lacks(BackendTest):
    def hide_library(self):
        """For the host alone, whose mounts are its own."""
        library = re.search(r"libnftables\.so\.1 .*=> (\S+)", self.world.host("ldconfig", "-p"))[1]
        self.world.host("mount", "--bind", "/dev/null", Path(library).resolve())

    def test_no_library(self):
        self.world.host("sh", "-c", NFT)
        self.hide_library()
        self.guest("auto")
        why = "the host's own rules are in nftables, but libnftables is not installed"
        self.assertIn(f"by iptables ({why})\n", self.world.check("web").stdout)
        umld = self.daemon().wait_ready()
        self.assertEqual(self.network(umld), ("iptables", why))
        self.guest("nftables")
        p = self.world.umlctl("reload", "web")
        self.assertIn("libnftables; install it (Debian: libnftables1), or set Backend=iptables", p.stderr)
        self.assertEqual(self.network(umld), ("iptables", why))  # what there was stays
        self.assertEqual(umld.stop(), DONE)

    def assert_barrier(self, backend, close, chain, opened):
        """A chain of the host's own that drops is named once, with what helps; that is tried."""
        self.world.host("sh", "-c", close)
        self.guest(backend)
        warning = f"drops IPv4 connections to and of the guest: the policy of chain {chain}"
        self.assertIn(warning, self.world.check("web").stdout)
        umld = self.daemon().wait_ready()
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        self.assertEqual(umld.log.count(warning), 1)
        for command in re.search(rf"{warning}; (.*)", umld.log)[1].split(" && "):
            self.world.host(*shlex.split(command))
        text = self.world.host("sh", "-c", "iptables-legacy -S FORWARD; nft list ruleset")
        self.assertEqual(len(re.findall(opened, text)), 2)
        self.assertEqual(umld.stop(), DONE)
        self.assertNotIn(warning, self.world.check("web").stdout)

    def test_barrier(self):
        self.assert_barrier("auto", "nft 'add table inet own; add chain inet own passing { type filter hook forward "
                            "priority 0; policy drop; }'", "passing of the nftables table inet own",
                            "ifname \"tap0\" accept")

    def test_legacy_barrier(self):
        self.assert_barrier("nftables", "iptables-legacy -P FORWARD DROP", "FORWARD of the legacy iptables table filter",
                            "-[io] tap0 -j ACCEPT")

    def test_flushed(self):
        """Who throws away all tables throws away ours for a moment only."""
        self.guest("nftables")
        umld = self.daemon().wait_ready()
        self.world.host("nft", "flush", "ruleset")
        wait_until(lambda: self.made_by() == {"nftables"}, 3, "the repair")
        wait_until(lambda: umld.status()["network"]["repairs"] == 1, what="the count")
        # What others do to theirs is no damage.
        self.world.host("sh", "-c", NFT)
        self.world.host("nft", "delete", "table", "inet", "own")
        self.assertEqual(umld.stop(), DONE)
        self.assertEqual(umld.log.count("the guest's firewall rules were changed or removed"), 1)


class RealGuest(BackendTest):
    """Hosts that lack something, with a real guest: what there is must do."""

    image_of = IMAGE_PLAIN

    def guest(self, backend=None, name="web", **network):
        if backend:
            network["Backend"] = backend
        self.world.guest(name, kernel=DEBIAN_KERNEL, image=self.images / "guest.img", Guest={"Memory": "48M"},
                         Network={"Forward": "tcp/8080:80", **network}, Supervise={"Ready": "guest"})

    def without(self, *words):
        """What to run umld with, on a kernel that does not have these (tests/lib/refuse.c)."""
        return [self.world.program("tests/lib/refuse"), *words, "--"]

    def checked(self, *words):
        return self.world.run("host", *self.without(*words), self.world.program("daemon/umld"), "--check", "web")

    def assert_served(self):
        """From the Internet and from the host, through DNAT, and to the guest itself."""
        page = self.world.fetch(8080, timeout=10)
        self.assertIn("<h1>web</h1>", page)
        self.assertEqual(self.world.fetch(8080, part="host", timeout=10), page)
        self.assertEqual(self.world.fetch(80, address=GUEST_ADDRESS, part="host", timeout=10), page)


class Kernels(RealGuest):
    """Kernels with one of the two only, or with neither: umld asks the kernel, and it answers as those do."""

    NFT_ONLY = "the host has no legacy tables"
    LEGACY_ONLY = "the host has no nf_tables"

    def assert_auto(self, lacks, backend, reason):
        self.guest("auto")
        self.assertIn(f"rules         by {backend} ({reason})\n", self.checked(lacks).stdout)
        before = self.world.snapshot()
        umld = self.daemon(wrapper=self.without(lacks)).wait_ready(60)
        self.assertEqual(self.network(umld), (backend, reason))
        self.assertIn(f"by {backend} ({reason})", self.world.umlctl("status", "web").stdout)
        # Connections cannot wait: nf_tables may be without queues, and where netfilter's netlink is missing, so are they,
        # and nobody can list connections.
        for text in umld.status()["network"]["lacking"]:
            self.assertRegex(text, "new connections do not wait|has no list of connections")
        self.assertEqual(self.made_by(), {backend})
        self.assert_served()
        self.assertEqual(umld.stop(40), DONE)
        self.assert_same_host(before)
        self.assertNotRegex(umld.log.replace("warning: the host has no list of connections", ""), "warning|error|cannot")

    def test_no_legacy_tables(self):
        self.assert_auto("legacy-tables", "nftables", self.NFT_ONLY)

    def test_no_nf_tables(self):
        self.assert_auto("nf_tables", "iptables", self.LEGACY_ONLY)

    def assert_fails(self, lacks, backend, line):
        """At once, by one line, and without a trace."""
        self.guest(backend)
        before = self.world.snapshot()
        umld = self.daemon(wrapper=self.without(*lacks))
        self.assertEqual(umld.wait(30), FAILED)
        errors = [e for e in umld.log.splitlines() if "error: " in e]
        self.assertEqual(len(errors), 1, umld.log)
        self.assertIn(line, errors[0])
        self.assert_same_host(before)

    def test_set_but_not_there(self):
        """Backend= names what this kernel lacks."""
        self.assert_fails(["legacy-tables"], "iptables", "this host's kernel has no iptables table filter; set Backend=auto, "
                          "which uses its nftables, or ask the provider for iptables with NAT (OpenVZ: --netfilter full)")
        self.assert_fails(["nf_tables"], "nftables", "this host's kernel has no nftables tables; set Backend=auto, which uses "
                          "its iptables, or ask the provider for nftables with NAT (OpenVZ: --netfilter full)")

    def test_neither(self):
        for backend in ("auto", "iptables", "nftables"):
            with self.subTest(backend=backend):
                self.assert_fails(["legacy-tables", "nf_tables"], backend, "this host's kernel has neither iptables nor "
                                  "nftables; ask the provider for iptables with NAT (OpenVZ: --netfilter full)")


class NoClamp(RealGuest):
    """Kernels that cannot make TCP segments fit the path (tests/lib/no-feature.c): said once, and all else works."""

    def assert_said_once(self, backend, lack):
        self.guest(backend)
        before = self.world.snapshot()
        umld = self.daemon(env=preloaded("no-clamp.so")).wait_ready(60)
        reason = f"MSS clamping is not available: the host has no {lack}; set a lower MTU= if large transfers hang"
        self.assertEqual(umld.log.count(reason), 1)
        network = umld.status()["network"]
        # Where the whole table is missing, so is the queue for connections that wait.
        first, *others = network["lacking"]
        self.assertEqual((first, network["backend"], network["repairs"]), (reason, backend, 0))
        self.assertTrue(all("new connections do not wait" in other for other in others), others)
        self.assertIn(f"Lacking: {reason}", self.world.umlctl("status", "web").stdout)
        self.assertEqual(self.made_by(), {backend})
        self.assertNotRegex(self.world.host("sh", "-c", "iptables-legacy-save; nft list ruleset"), "TCPMSS|maxseg")
        self.assert_served()
        # Nor is it said again where the rules are checked or replaced, or the guest is restarted.
        self.guest(backend, MTU="1400")
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        self.world.host(*{"iptables": ["iptables-legacy", "-t", "nat", "-F"], "nftables": ["nft", "flush", "ruleset"]}[backend])
        wait_until(lambda: umld.status()["network"]["repairs"] == 1, 10, "a repair")
        since = len(umld.messages)
        os.kill(umld.guest_pid(), signal.SIGKILL)
        umld.wait_state("running", 60, since=since)
        self.assert_served()
        self.assertEqual(umld.log.count("MSS clamping"), 1)
        self.assertEqual(umld.stop(40), DONE)
        self.guest(backend)
        self.assert_same_host(before)

    def test_iptables(self):
        self.assert_said_once("iptables", "iptables table mangle (Protocol not available)")

    def test_nftables(self):
        self.assert_said_once("nftables", "nftables statement tcp option (Operation not supported)")


if __name__ == "__main__":
    main()
