#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Many deaths of a guest and of its umld, of every kind, in an order drawn by chance: as many recoveries, and
nothing left behind.

usage: soak.py [--deaths N] [--seed N] [--kernel PATH]

Without --kernel the guest is a fake one, whose boots take milliseconds. Run with meson for a short one, by hand
for a long one:

    meson devenv -C build ../tests/soak/soak.py --deaths 1000 --kernel /usr/bin/linux.uml
"""

import argparse
import collections
import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import umldtest  # noqa: E402
from umldtest import DONE, MAKE_GUEST, PATIENCE, World, clean_file_system, wait_until  # noqa: E402

SUPERVISE = {"Restart": "always", "RestartReset": "0", "StopTimeout": "8s", "StartTimeout": "60s",
             "HangCheck": "200ms", "HangTimeout": "1s"}
RSS_GROWTH_MAX = 1024  # KiB that one umld may take more at its end than when it began


class Soak:
    def __init__(self, world, options):
        self.world, self.options = world, options
        self.random = random.Random(options.seed)
        self.counts = collections.Counter()
        self.recovery = collections.defaultdict(list)
        self.configure()
        self.before = world.snapshot()
        self.start()

    def configure(self):
        sections = {"Supervise": SUPERVISE, "Network": {"Forward": "tcp/8080:80"}, "Console": {"LogMax": "1M"}}
        if self.options.kernel:
            image = self.world.dir / "guest.img"
            subprocess.run([MAKE_GUEST, image], check=True, timeout=60)
            self.world.guest(kernel=self.options.kernel, image=image, **sections)
        else:
            self.world.guest(fake="lock,tap,memory:2,helpers:2,boot,ready", **sections)

    # ---- the one umld that runs ----

    def start(self):
        self.umld = umldtest.Daemon(self.world, "web").wait_ready(60)
        self.wait_running(None)
        time.sleep(0.1)  # for umlctl's connection to be closed
        self.at_first = self.resources()

    def resources(self):
        directory = Path(f"/proc/{self.umld.pid}")
        rss = int(re.search(r"VmRSS:\s*(\d+)", (directory / "status").read_text())[1])
        return len(list((directory / "fd").iterdir())), rss

    def wait_running(self, old):
        """Until another kernel than that with pid `old` runs, and is well."""
        def well():
            s = self.umld.status()
            return s if s["state"] == "running" and s["pid"] != old and s["health"]["state"] == "good" else None
        return wait_until(well, 60, f"another guest than {old}", interval=0.02)

    def check_umld(self):
        """Before its end: it holds what it held when it began."""
        wait_until(lambda: self.resources()[0] <= self.at_first[0], 10,
                   f"no more descriptors than the {self.at_first[0]} at first")
        grown = self.resources()[1] - self.at_first[1]
        if grown > RSS_GROWTH_MAX and "asan" not in Path(f"/proc/{self.umld.pid}/maps").read_text():
            raise AssertionError(f"umld has grown by {grown} KiB")

    # ---- ways to die ----

    def signal(self, number):
        os.kill(self.pid, number)

    def order(self, command):
        with contextlib.suppress(OSError):
            umldtest.mconsole(self.world, self.world.runtime_dir / "web/uml/web/mconsole", command, timeout=0.1)

    def sigkill(self):
        self.signal(signal.SIGKILL)

    def sigsegv(self):
        self.signal(signal.SIGSEGV)

    def panic(self):
        self.order("sysrq c")

    def poweroff(self):
        self.order("sysrq o")

    def reboot(self):
        self.order("sysrq b")

    def tap_deleted(self):
        self.world.run("host", "ip", "link", "del", "tap0")
        self.sigkill()

    def rules_flushed(self):
        self.world.host("sh", "-c", "iptables-legacy -F; iptables-legacy -t nat -F")
        self.sigkill()

    def init_killed(self):
        """The kernel's keeper, and with it the kernel."""
        parent = int(re.search(r"PPid:\s*(\d+)", Path(f"/proc/{self.pid}/status").read_text())[1])
        os.kill(parent, signal.SIGKILL)

    def restart_ordered(self):
        p = self.world.umlctl("restart", "web")
        if p.returncode != DONE:
            raise AssertionError(f"umlctl restart: {p.stderr}")

    # ---- ways of umld to die; another one follows at once ----

    def umld_killed(self):
        self.umld.kill()

    def umld_killed_in_stop(self):
        self.umld.signal(signal.SIGTERM)
        time.sleep(self.random.uniform(0, 0.05))
        self.umld.kill()

    def umld_killed_in_start(self):
        self.umld.kill()
        umld = umldtest.Daemon(self.world, "web")
        time.sleep(self.random.uniform(0, 0.15))
        umld.kill()

    def umld_stopped(self):
        if self.umld.stop(40) != DONE:
            raise AssertionError("umld did not end well")

    GUEST = (sigkill, sigsegv, panic, poweroff, reboot, tap_deleted, rules_flushed, init_killed, restart_ordered)
    UMLD = (umld_killed, umld_killed_in_stop, umld_killed_in_start, umld_stopped)

    # ---- the run ----

    def die(self):
        kind = self.random.choice(self.GUEST + self.UMLD)
        self.pid = self.umld.guest_pid()
        self.check_umld()
        began = time.monotonic()
        kind(self)
        if kind in self.UMLD:
            self.start()
        else:
            self.wait_running(self.pid)
        self.check_host()
        self.counts[kind.__name__] += 1
        self.recovery[kind.__name__].append(time.monotonic() - began)

    def check_host(self):
        """What the host has to have for a guest that runs."""
        wait_until(lambda: "8080" in self.world.host("iptables-legacy-save", "-t", "nat"), 10, "the guest's rules")
        self.world.host("ip", "link", "show", "tap0")

    def finish(self):
        self.check_umld()
        if self.umld.stop(40) != DONE:
            raise AssertionError("umld did not end well")
        difference = self.before.difference(self.world.snapshot())
        if difference:
            raise AssertionError(f"the host is not as it was before:\n{difference}")
        if self.options.kernel and clean_file_system(self.world.image()):
            raise AssertionError(f"the file system is not clean:\n{clean_file_system(self.world.image())}")

    def report(self):
        for kind, times in sorted(self.recovery.items()):
            times.sort()
            print(f"# {kind:22} {len(times):5} recoveries, median {times[len(times) // 2]:.3f} s, most {times[-1]:.3f} s")


def main():
    parser = argparse.ArgumentParser(description="Many deaths, as many recoveries, nothing left behind.")
    parser.add_argument("--deaths", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    parser.add_argument("--kernel", type=Path)
    options = parser.parse_args()
    print(f"# seed {options.seed}, {options.kernel or 'a fake guest'}, patience {PATIENCE:g}")
    print("1..1", flush=True)
    with World(shm="256M") as world:
        try:
            soak = Soak(world, options)
            for _ in range(options.deaths):
                soak.die()
            soak.finish()
        except Exception as e:  # pylint: disable=broad-except # whatever it is, the logs tell more
            print("\n".join("# " + line for line in f"{e!r}\n{world.logs()}".splitlines()))
            print("not ok 1 - soak")
            return 1
        soak.report()
    print(f"ok 1 - {sum(soak.counts.values())} deaths, as many recoveries")
    return 0


if __name__ == "__main__":
    sys.exit(main())
