#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Bans hold: an administrator's, from before umld came and in UMLD-USER, and those of the real fail2ban."""

import contextlib
import re
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import BACKEND, DONE, IMAGE_SERVER, INET, PATIENCE, SOURCE, TestCase, main, test_kernels, wait_until

PORT = 8080
INET6 = "2001:db8:9::66"
IPTABLES = BACKEND != "nftables"


class Bans(TestCase):
    kernel = test_kernels()[-1]
    image_of = IMAGE_SERVER

    def configure(self):
        self.world.guest(kernel=self.kernel, image=self.images / "guest.img", Supervise={"Ready": "guest"},
                         Network={"Forward": f"tcp/{PORT}:80", "Backend": BACKEND or "iptables"})

    def start(self):
        self.configure()
        return self.daemon().wait_ready(60)

    def assert_served(self):
        self.assertIn("<h1>web</h1>", self.world.fetch(PORT, timeout=10 * PATIENCE))

    def assert_banned(self):
        """Dropped, and so nothing but silence."""
        with self.assertRaises(TimeoutError):
            self.world.fetch(PORT, timeout=0.5)

    def shell(self, command):
        return self.world.host("sh", "-e", "-c", command)

    def test_from_before(self):
        """A DROP that was in FORWARD first, with a firewall that lets nothing else through."""
        if IPTABLES:
            self.shell(f"iptables-legacy -A FORWARD -s {INET} -j DROP; iptables-legacy -A FORWARD -j REJECT")
            undo = f"iptables-legacy -D FORWARD -s {INET} -j DROP"
        else:
            self.shell("nft 'add table inet own; add chain inet own c { type filter hook forward priority 0; }; "
                       f"add rule inet own c ip saddr {INET} drop'")
            undo = "nft flush chain inet own c"
        self.configure()
        before = self.world.snapshot()
        umld = self.start()
        self.assert_banned()
        # What comes later is in nobody's way, and neither is a repair.
        self.shell("iptables-legacy -D FORWARD -j UMLD-FWD-web" if IPTABLES else "nft delete table inet umld-web")
        wait_until(lambda: umld.status()["network"]["repairs"] == 1, 20, "the repair")
        self.assert_banned()
        self.assertEqual(umld.stop(40), DONE)
        self.assert_same_host(before)
        self.shell(undo)
        self.assertEqual(self.start().stop(40), DONE)

    def test_by_hand(self):
        """UMLD-USER holds for whoever is in it, through repairs and restarts, and stays with its rules."""
        ban, unban, there = (
            (f"iptables-legacy -A UMLD-USER -s {INET} -j DROP", "iptables-legacy -F UMLD-USER",
             f"iptables-legacy -C UMLD-USER -s {INET} -j DROP") if IPTABLES else
            (f"nft add rule inet umld UMLD-USER ip saddr {INET} drop", "nft flush chain inet umld UMLD-USER",
             f"nft list chain inet umld UMLD-USER | grep -q 'saddr {INET}'"))
        self.configure()
        before = self.world.snapshot()
        umld = self.start()
        self.assert_served()
        self.shell(ban)
        self.assert_banned()
        self.shell("iptables-legacy -F FORWARD" if IPTABLES else "nft delete table inet umld-web")
        wait_until(lambda: umld.status()["network"]["repairs"] == 1, 20, "the repair")
        self.assert_banned()
        self.assertEqual(umld.stop(40), DONE)
        self.shell(there)
        umld = self.start()
        self.assert_banned()
        self.shell(unban)
        self.assert_served()
        self.assertEqual(umld.stop(40), DONE)
        self.assert_same_host(before)


    def test_sets(self):
        """Bans by the real ipset and by sets of nftables, from before umld came and in UMLD-USER."""
        self.shell("ipset create before hash:ip; ipset create user hash:ip")
        if IPTABLES:
            self.shell("iptables-legacy -A FORWARD -m set --match-set before src -j DROP; iptables-legacy -A FORWARD -j REJECT")
            user = ("iptables-legacy -A UMLD-USER -m set --match-set user src -j DROP", "ipset add user {0}", "ipset del user {0}")
        else:
            self.shell("iptables-nft -A FORWARD -m set --match-set before src -j DROP")
            user = ("nft add set inet umld bans '{ type ipv4_addr; }'; nft add rule inet umld UMLD-USER ip saddr @bans drop",
                    "nft add element inet umld bans '{{ {0} }}'", "nft delete element inet umld bans '{{ {0} }}'")
        umld = self.start()
        self.shell(user[0])
        for number, (ban, unban) in enumerate((("ipset add before {0}", "ipset del before {0}"), user[1:])):
            with self.subTest(ban=ban):
                self.assert_served()
                self.shell(ban.format(INET))
                self.assert_banned()
                self.assert_works_for_others()
                self.shell("iptables-legacy -D FORWARD -j UMLD-FWD-web" if IPTABLES else "nft delete table inet umld-web")
                wait_until(lambda n=number: umld.status()["network"]["repairs"] > n, 20, "the repair")
                self.assert_banned()
                self.shell(unban.format(INET))
                self.assert_served()
        self.assertEqual(umld.stop(40), DONE)

    def assert_works_for_others(self):
        """Who is banned is nobody's proof but of the past, and no rule is said to let everybody in."""
        p = self.world.umlctl("port", "web", f"tcp/{PORT}", "--json")
        self.assertTrue(p.json["works"], p.json["verdict"])
        self.assertTrue(p.json["verdict"].endswith(f"; {INET} was served from outside"), p.json["verdict"])
        firewall, = (c["text"] for c in p.json["checks"] if c["check"] == "firewall")
        self.assertEqual(firewall, "no rule of the host drops it, bans of some addresses aside")


class Fail2ban(Bans):
    """With the real server, which reads a log that we write, and asks no DNS, which a world has not."""

    test_from_before = test_by_hand = test_sets = None

    def setUp(self):
        super().setUp()
        self.etc = self.world.dir / "fail2ban"
        for directory in ("action.d", "filter.d", "jail.d", "fail2ban.d"):
            (self.etc / directory).mkdir(parents=True)
        for action in (SOURCE / "etc/fail2ban").glob("*.conf"):
            shutil.copy(action, self.etc / "action.d")
        self.log = self.world.dir / "logins"
        self.log.touch()
        action = "umld" if IPTABLES else "umld-nft"
        (self.etc / "fail2ban.conf").write_text(
            f"[Definition]\nloglevel = INFO\nlogtarget = {self.etc}/log\nsyslogsocket = auto\nsocket = {self.etc}/socket\n"
            f"pidfile = {self.etc}/pid\ndbfile = None\ndbpurgeage = 1d\nallowipv6 = yes\n")
        (self.etc / "filter.d/web.conf").write_text("[Definition]\nfailregex = ^ refused <HOST>$\n")
        (self.etc / "jail.conf").write_text(
            f"[web]\nenabled = true\nfilter = web\nlogpath = {self.log}\nbackend = polling\nmaxretry = 3\n"
            f"findtime = 10m\nbantime = 10m\nusedns = no\nignoreself = no\naction = {action}[name=web]\n")

    def client(self, *words, check=True):
        p = self.world.run("host", "fail2ban-client", "-c", self.etc, "-s", self.etc / "socket", "-p", self.etc / "pid",
                           *words)
        if check:
            self.assertEqual(p.returncode, 0, p.stdout + p.stderr + self.text())
        return p.stdout

    def text(self):
        with contextlib.suppress(FileNotFoundError):
            return (self.etc / "log").read_text()
        return ""

    def start_server(self):
        self.client("start")
        self.addCleanup(self.client, "stop", check=False)

    def refuse_logins(self, address):
        with open(self.log, "a", encoding="utf-8") as log:
            for _ in range(3):
                log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} refused {address}\n")

    def wait_banned(self):
        try:
            wait_until(lambda: self.is_banned(INET), 20, "the ban")
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.text()}\n{self.client('status', 'web', check=False)}") from e

    def rules(self):
        if IPTABLES:
            return self.shell("iptables-legacy-save; ip6tables-legacy-save")
        return self.shell("nft list table inet umld 2>/dev/null || true")

    def is_banned(self, address):
        return re.search(rf"(?<![0-9.]){re.escape(address)}(?![0-9])", self.rules())

    def ban(self):
        """By logins that were refused."""
        self.refuse_logins(INET)
        self.wait_banned()
        self.assert_banned()
        self.refuse_logins(INET6)
        wait_until(lambda: self.is_banned(INET6), 20, "the ban of an IPv6 address")

    def test_after_umld(self):
        umld = self.start()
        self.start_server()
        self.assert_served()
        self.ban()
        self.client("set", "web", "unbanip", INET)
        wait_until(lambda: not self.is_banned(INET), 20, "the end of the ban")
        self.assert_served()
        self.client("set", "web", "banip", INET)
        self.wait_banned()
        self.assert_banned()
        # Whose chain it is remains through our end; his end leaves nothing of his.
        self.assertEqual(umld.stop(40), DONE)
        umld = self.start()
        self.assert_banned()
        self.client("stop")
        self.assertNotIn("f2b", self.rules())
        self.assertNotIn("ERROR", self.text())
        self.assert_served()
        self.assertEqual(umld.stop(40), DONE)

    def test_before_umld(self):
        """It makes the chain, with its first ban; umld comes to it."""
        self.start_server()
        self.refuse_logins(INET)
        self.wait_banned()
        umld = self.start()
        self.assert_banned()
        self.client("set", "web", "unbanip", INET)
        wait_until(lambda: not self.is_banned(INET), 20, "the end of the ban")
        self.assert_served()
        self.ban()
        self.assertEqual(umld.stop(40), DONE)
        self.client("stop")
        self.assertNotIn("ERROR", self.text())


if __name__ == "__main__":
    main()
