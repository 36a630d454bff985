#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Many deaths of a guest and of its umld, of every kind, in an order drawn by chance: as many recoveries, each
with the right verdict, and nothing left behind.

usage: soak.py [DEATHS] [--seed N] [--fake | --kernel PATH]

By hand, with Debian's kernel: meson devenv -C build ../tests/soak/soak.py 1000. The tests' short run has a fake
guest (--fake), whose boots take milliseconds.
"""

import argparse
import collections
import contextlib
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import umldtest  # noqa: E402
from spin import make_spin  # noqa: E402
from umldtest import BUILTIN, DONE, MAKE_GUEST, PATIENCE, World, clean_file_system, process_alive, wait_until  # noqa: E402

SUPERVISE = {"Restart": "always", "RestartReset": "0", "StopTimeout": "8s", "StartTimeout": "60s",
             "HangCheck": "200ms", "HangTimeout": f"{PATIENCE:g}s", "AdoptTimeout": "60s"}
SHM = "256M"
RSS_GROWTH_MAX = 1024  # KiB that one umld may take more at its end than when it began
ORDERS = 9             # the port on which a real guest takes commands for its shell

# What guests do when they are told so: a real one's shell, and the steps of a fake one.
DEATHS = {
    # Its text becomes zeros, which no processor can run.
    "init": ("set -- $(grep -m1 r-xp /proc/1/maps | tr -- - ' '); "
             "dd if=/dev/zero of=/proc/1/mem bs=4096 seek=$((0x$1 / 4096)) count=$(((0x$2 - 0x$1) / 4096)) conv=notrunc; "
             "kill -CHLD 1", "panic:Attempted_to_kill_init!"),
    "oom": ("echo 1 >/proc/sys/vm/panic_on_oom; mount -o remount,size=1G /tmp; dd if=/dev/zero of=/tmp/fill bs=64k",
            "panic:Out_of_memory"),
    "eat": ("dd if=/dev/zero of=/tmp/fill bs=64k", "memory:64"),
}

# Keeps /dev/shm as small as it can be while that process lives, whatever umld does about it. A size of 0 would be
# no limit.
SHRINK = """\
while [ -d /proc/$1/fd ]; do
        set -- $1 $(stat -f -c '%b %f' /dev/shm)
        mount -o remount,size=$((($2 > $3 ? $2 - $3 : 1) * 4))k /dev/shm 2>/dev/null
done
"""


class Soak:
    def __init__(self, world, options):
        self.world, self.options = world, options
        self.random = random.Random(options.seed)
        self.recovery = collections.defaultdict(list)
        self.deaths_of_umld, self.longest = 0, (0, "")
        self.configure()
        self.before = world.snapshot()
        self.start()

    def configure(self):
        sections = {"Supervise": SUPERVISE, "Console": {"LogMax": "1M"},
                    "Network": {"Forward": ["tcp/8080:80", f"tcp/8{ORDERS}:{ORDERS}"]}}
        if self.options.fake:
            self.world.guest(fake="lock,tap,memory:2,helpers:2,boot,ready", **sections)
            return
        overlay = self.world.dir / "overlay/etc"
        overlay.mkdir(parents=True)
        inittab = (BUILTIN / "etc/inittab").read_text()
        (overlay / "inittab").write_text(f"{inittab}::respawn:/bin/busybox nc -ll -p {ORDERS} -e /bin/sh\n")
        image = self.world.dir / "guest.img"
        subprocess.run([MAKE_GUEST, "--overlay", overlay.parent, image], check=True, timeout=60)
        self.world.guest(kernel=self.options.kernel, image=image, **sections)

    # ---- the one umld that runs ----

    def start(self):
        self.umld = umldtest.Daemon(self.world, "web").wait_ready(60)
        self.wait_running(None)
        umldtest.resting_descriptors(self.umld.pid)
        descriptors, rss = self.resources()
        # The watch of the lock of xtables comes with the first change of rules, which one that adopts has not made yet.
        self.at_first = descriptors + (self.umld.status()["adopted"] > 0), rss
        self.deaths_of_umld = 0

    def resources(self):
        directory = Path(f"/proc/{self.umld.pid}")
        # What is mapped from files comes and goes with the host's page cache and is not ours.
        rss = int(re.search(r"RssAnon:\s*(\d+)", (directory / "status").read_text())[1])
        return len(list((directory / "fd").iterdir())), rss

    def wait_running(self, old):
        """Until another kernel than that with pid `old` runs, and is well."""
        def well():
            s = self.umld.status()  # one that has just died has no pid
            new = s["state"] == "running" and s["pid"] not in (old, None)
            return s if new and s["health"]["state"] in ("good", "busy") else None
        return wait_until(well, 60, f"another guest than {old}", interval=0.02)

    def check_umld(self):
        """Before its end: it holds what it held when it began."""
        wait_until(lambda: self.resources()[0] <= self.at_first[0], 10,
                   f"no more descriptors than the {self.at_first[0]} at first")
        descriptors, rss = self.resources()
        if self.deaths_of_umld > self.longest[0]:
            self.longest = (self.deaths_of_umld, f"{self.at_first[0]} descriptors and {self.at_first[1]} KiB at first, "
                                                 f"{descriptors} and {rss} at its end")
        if rss - self.at_first[1] > RSS_GROWTH_MAX and "asan" not in Path(f"/proc/{self.umld.pid}/maps").read_text():
            raise AssertionError(f"umld has grown from {self.at_first[1]} to {rss} KiB in {self.deaths_of_umld} deaths")

    # ---- ways to die ----

    def signal(self, number):
        os.kill(self.pid, number)

    def order(self, command):
        with contextlib.suppress(OSError):
            umldtest.mconsole(self.world, self.world.uml_dir() / "web/mconsole", command, timeout=0.1)

    def tell(self, death):
        """Has it die by itself."""
        shell, step = DEATHS[death]
        if self.options.fake:
            self.order(f"do {step}")
            return

        def told():
            if not process_alive(self.pid):
                return True
            with contextlib.suppress(OSError), self.world.socket("host") as s:
                s.settimeout(1)
                s.connect((umldtest.GUEST_ADDRESS, ORDERS))
                s.sendall(f"echo well; ({shell}) >/dev/null 2>&1 &\n".encode())
                return s.recv(100).startswith(b"well")
            return False
        wait_until(told, 30, "the guest's shell", 0.05)

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

    def init_death(self):
        self.tell("init")

    def guest_oom(self):
        self.tell("oom")

    def memory_full(self):
        shrink = subprocess.Popen(self.world.command("host", "sh", "-c", SHRINK, "shrink", self.pid), stdin=subprocess.DEVNULL)
        try:
            wait_until(lambda: shrink.poll() is not None or
                       int(self.world.host("stat", "-f", "-c", "%f", "/dev/shm")) == 0, 20, "a full /dev/shm")
            self.tell("eat")
            wait_until(lambda: shrink.poll() is not None, 60, "the guest's end")
        finally:
            shrink.kill()
            shrink.wait()
        self.wait_running(self.pid)
        self.world.host("mount", "-o", f"remount,size={SHM}", "/dev/shm")

    def hang(self):
        make_spin(self.pid)

    def stopped(self):
        """By SIGSTOP, which umld tells and lets be; then for good."""
        self.signal(signal.SIGSTOP)
        wait_until(lambda: self.umld.status()["health"]["state"] == "stopped", 20, "health stopped", 0.05)
        self.sigkill()

    def tap_deleted(self):
        self.world.run("host", "ip", "link", "del", "tap0")
        self.sigkill()

    def rules_flushed(self):
        self.world.host("sh", "-c", "iptables-legacy -F; iptables-legacy -t nat -F; nft flush ruleset")
        self.sigkill()

    def keeper_killed(self):
        """The kernel's parent, and with it the kernel."""
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
        """The next one ends the stop."""
        self.umld.signal(signal.SIGTERM)
        time.sleep(self.random.uniform(0, 0.05))
        self.umld.kill()
        stop = self.world.run("host", self.world.program("daemon/umld"), "--stop", "web")
        if stop.returncode != DONE:
            raise AssertionError(f"umld --stop: {stop.stderr}")

    def umld_killed_in_adoption(self):
        self.umld.kill()
        umld = umldtest.Daemon(self.world, "web")
        time.sleep(self.random.uniform(0, 0.15))
        umld.kill()

    def umld_killed_in_start(self):
        self.umld.stop(40)
        umld = umldtest.Daemon(self.world, "web")
        time.sleep(self.random.uniform(0, 0.15))
        umld.kill()

    def umld_stopped(self):
        if self.umld.stop(40) != DONE:
            raise AssertionError("umld did not end well")

    # Each with the verdicts that are right; an aborting kernel may have been killed before it could.
    GUEST = {sigkill: "killed", sigsegv: "killed panic", panic: "panic", init_death: "panic", guest_oom: "panic",
             memory_full: "memory killed", hang: "hung", stopped: "killed", poweroff: "poweroff", reboot: "reboot",
             tap_deleted: "killed", rules_flushed: "killed", keeper_killed: "killed", restart_ordered: None}
    UMLD = (umld_killed, umld_killed_in_stop, umld_killed_in_adoption, umld_killed_in_start, umld_stopped)
    ADOPTED = (umld_killed, umld_killed_in_adoption)  # by the next one: its guest is the one before

    # ---- the run ----

    def deaths(self):
        """All kinds in turns, shuffled; but the first half comes to guests of one and the same umld."""
        done = 0
        while done < self.options.deaths:
            kinds = list(self.GUEST) + (list(self.UMLD) if 2 * done >= self.options.deaths else [])
            self.random.shuffle(kinds)
            for kind in kinds[:self.options.deaths - done]:
                yield kind
                done += 1

    def die(self, kind):
        self.pid = self.umld.guest_pid()
        self.check_umld()
        began = time.monotonic()
        kind(self)
        if kind in self.UMLD:
            self.start()
            if kind in self.ADOPTED and self.umld.guest_pid() != self.pid:
                raise AssertionError(f"{kind.__name__} was the end of guest {self.pid}")
        else:
            self.deaths_of_umld += 1
            end = self.wait_running(self.pid)["last_exit"]
            if self.GUEST[kind] and end["verdict"] not in self.GUEST[kind].split():
                raise AssertionError(f"not {self.GUEST[kind]}: {end}")
            if end["verdict"] == "memory" and "memory file system full: /dev/shm " not in end["detail"]:
                raise AssertionError(f"no figures of the memory: {end}")
        self.check_host()
        self.recovery[kind.__name__].append(time.monotonic() - began)

    def check_host(self):
        """What the host has to have for a guest that runs."""
        wait_until(lambda: "8080" in "".join(self.world.tables("nat")), 10, "the guest's rules")
        self.world.host("ip", "link", "show", "tap0")

    def run(self):
        for kind in self.deaths():
            try:
                self.die(kind)
            except Exception as e:
                raise AssertionError(f"death {self.count() + 1}, {kind.__name__}: {e!r}") from e
            if self.count() % 100 == 0:
                print(f"# {self.count()} deaths", flush=True)

    def finish(self):
        self.check_umld()
        if self.umld.stop(40) != DONE:
            raise AssertionError("umld did not end well")
        difference = self.before.difference(self.world.snapshot())
        if difference:
            raise AssertionError(f"the host is not as it was before:\n{difference}")
        if not self.options.fake and clean_file_system(self.world.image()):
            raise AssertionError(f"the file system is not clean:\n{clean_file_system(self.world.image())}")

    def count(self):
        return sum(len(times) for times in self.recovery.values())

    def report(self):
        for kind, times in sorted(self.recovery.items()):
            print(f"# {kind:22} {len(times):5} recoveries, median {statistics.median(times):.3f} s, most {max(times):.3f} s")
        print(f"# the umld that met the most, {self.longest[0]} deaths, had {self.longest[1]}")


def main():
    parser = argparse.ArgumentParser(description="Many deaths, as many recoveries, nothing left behind.")
    parser.add_argument("deaths", nargs="?", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    parser.add_argument("--fake", action="store_true", help="no real kernel")
    parser.add_argument("--kernel", type=Path, default=umldtest.DEBIAN_KERNEL)
    options = parser.parse_args()
    print(f"# seed {options.seed}, {'a fake guest' if options.fake else options.kernel}, patience {PATIENCE:g}")
    print("1..1", flush=True)
    with World(shm=SHM) as world:
        try:
            soak = Soak(world, options)
            soak.run()
            soak.finish()
        except Exception as e:  # pylint: disable=broad-except # whatever it is, the logs tell more
            print("\n".join("# " + line for line in f"{e}\n{world.logs()}".splitlines()))
            print("not ok 1 - soak")
            return 1
        soak.report()
    print(f"ok 1 - {soak.count()} deaths, as many recoveries; nothing left behind")
    return 0


if __name__ == "__main__":
    sys.exit(main())
