#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What each call on the control socket does in each state of the guest: a table, and umld held against it."""

import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import DONE, TestCase, main, wait_until  # noqa: E402

# How a guest comes into the state, and stays there.
STATES = {
    "preparing": {"fake": "boot,ready", "broken": True},  # e2fsck takes its time
    "booting": {"fake": "wait:600000,boot"},
    "running": {"fake": "boot,ready"},
    "stopping": {"fake": "ignore:cad,ignore:sysrq,ignore:term,boot,ready", "stop": True},
    "backoff": {"fake": "panic:oh"},
}

BUSY, FAILED_CALL = "Busy", "Failed"

# Calls that change nothing: what they come to in each state, "" for success.
LOOKS = {
    "Reload": ("", "", "", "", "", ""),
    "Guard s": ("'10.1.1.1 999 10.0.0.9 22'", "", "", "", "", ""),
    "OpenConsole bbqq": ("true false 24 80", "", "", "", "", ""),
    "Mconsole sb": ("version false", BUSY, BUSY, "", "", BUSY),
    "Balloon x": ("4194304", BUSY, BUSY, FAILED_CALL, FAILED_CALL, BUSY),  # this guest has no balloon
}

# Orders: what they come to, and the state behind them; None: umld has ended.
ORDERS = {
    ("Start", "preparing"): (BUSY, "preparing"),
    ("Start", "booting"): (BUSY, "booting"),
    ("Start", "running"): (BUSY, "running"),
    ("Start", "stopping"): (BUSY, "stopping"),
    ("Start", "backoff"): ("", "backoff"),  # by way of another boot, which ends like the first
    ("Stop", "preparing"): ("", None),
    ("Stop", "booting"): ("", None),
    ("Stop", "running"): ("", None),
    ("Stop", "stopping"): (BUSY, "stopping"),
    ("Stop", "backoff"): ("", None),
    ("Restart", "preparing"): (BUSY, "preparing"),
    ("Restart", "booting"): ("", "booting"),
    ("Restart", "running"): ("", "running"),
    ("Restart", "stopping"): (BUSY, "stopping"),
    ("Restart", "backoff"): ("", "backoff"),
    ("Kill", "preparing"): ("", None),
    ("Kill", "booting"): ("", None),
    ("Kill", "running"): ("", None),
    ("Kill", "stopping"): ("", None),
    ("Kill", "backoff"): ("", None),
}


class Calls(TestCase):
    def bring_to(self, state):
        how = STATES[state]
        self.world.guest(fake=how["fake"], Supervise={"StopTimeout": "60s" if state == "stopping" else "2s",
                                                      "RestartDelay": "60s", "StartTimeout": "60s"})
        env = {}
        if how.get("broken"):
            image, directory = self.world.image(), self.world.dir / "bin"
            if not directory.exists():
                directory.mkdir()
                directory.chmod(0o755)
                (directory / "e2fsck").write_text("#!/bin/sh\nexec sleep 600\n")
                (directory / "e2fsck").chmod(0o755)
            with open(image, "wb") as f:
                f.truncate(4 << 20)
            subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", image], check=True, stdin=subprocess.DEVNULL, timeout=30)
            subprocess.run(["/sbin/debugfs", "-w", "-R", "ssv state 2", image], check=True, timeout=30,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            env["PATH"] = f"{directory}:/usr/sbin:/usr/bin:/sbin:/bin"
        umld = self.daemon(env=env)
        if how.get("stop"):
            umld.wait_ready()
            self.assertEqual(self.call("Stop"), "")
        umld.wait_state(state)
        wait_until(lambda: umld.status()["state"] == state, 10, f"state {state}")
        return umld

    def call(self, member, *arguments):
        """The error's last name, "" for none."""
        bus = f"--address=unix:path={self.world.runtime_dir}/web/bus"
        p = self.world.run("host", "busctl", bus, "call", "io.umld", "/io/umld/guest", "io.umld.Guest1", *member.split(),
                           *arguments, timeout=10)
        if p.returncode == 0:
            return ""
        if re.search("nothing to do while|is not listening while", p.stderr):
            return BUSY
        if re.search("Unknown|Invalid", p.stderr):
            return p.stderr
        print(f"# {member}: {p.stderr.strip()}", flush=True)
        return FAILED_CALL

    def leave(self):
        for umld in self.world.daemons:
            if umld.process.poll() is None:
                umld.kill()
        super().leave()

    def check_looks(self, state):
        umld = self.bring_to(state)
        for member, (arguments, *expected) in LOOKS.items():
            with self.subTest(member=member):
                words = re.findall(r"'([^']*)'|(\S+)", arguments)
                self.assertEqual(self.call(member, *(a or b for a, b in words)), expected[list(STATES).index(state)])
        self.assertEqual(umld.status()["state"], state)
        self.assertEqual(self.call("Kill"), "")
        self.assertEqual(umld.wait(), DONE)

    def check_order(self, order, state):
        result, behind = ORDERS[order, state]
        umld = self.bring_to(state)
        self.assertEqual(self.call(order), result)
        if behind is None:
            self.assertEqual(umld.wait(), DONE)
            return
        wait_until(lambda: umld.status()["state"] == behind, 10, f"state {behind}")
        self.assertEqual(self.call("Kill"), "")
        self.assertEqual(umld.wait(), DONE)


def add_tests():
    for state in STATES:
        setattr(Calls, f"test_looks_{state}", lambda self, s=state: self.check_looks(s))

        def check_orders(self, state=state):
            before = None
            for order, of in ORDERS:
                if of == state:
                    with self.subTest(order=order):
                        self.check_order(order, state)
                        before = before or self.world.snapshot()
            self.assert_same_host(before)
        setattr(Calls, f"test_orders_{state}", check_orders)
    assert set(ORDERS) == {(order, state) for order in ("Start", "Stop", "Restart", "Kill") for state in STATES}


add_tests()


if __name__ == "__main__":
    main()
