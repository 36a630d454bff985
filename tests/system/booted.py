# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian tree booted with its own init as PID 1 (tools/container), on the network of a test world."""

import os
import signal
import subprocess

from umldtest import SOURCE, wait_until

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
REBOOTED = 133  # nspawn --keep-unit: the container asks to be started again


def process(pid):
    """What /proc/PID/status says, as a dictionary; empty where there is no such process."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as status:
            return dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
    except OSError:
        return {}


def inside(leader):
    """The beginning of a command that is run in the container of that process, as root, with nothing of our environment."""
    return ["nsenter", "-t", str(leader), "-m", "-u", "-i", "-n", "-p", "-C", "--",
            "env", "-i", f"PATH={PATH}", "HOME=/root", "TERM=dumb", "LC_ALL=C.UTF-8"]


class Booted:
    """tree: the Debian tree. netns: path of its network namespace. log: what nspawn says. init: the name of its first
    process. options: more of them for tools/container. before: a command that starts it, and what is run inside,
    with what they are to inherit."""

    def __init__(self, tree, netns, log, unified=True, init="systemd", options=()):
        self.tree, self.netns, self.log, self.unified, self.init = tree, netns, log, unified, init
        self.options, self.before = options, []
        self.wrapper = self.leader = None
        if init == "systemd":
            os.makedirs(f"{tree}/var/log/journal", exist_ok=True)  # keeps the journal over a reboot

    def start(self):
        """Starts it and returns at once; leader is the pid of its init."""
        environment = dict(
            os.environ,
            SYSTEMD_NSPAWN_API_VFS_WRITABLE="network",
            SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1" if self.unified else "0",
        )
        with open(self.log, "ab") as log:
            self.wrapper = subprocess.Popen(
                [*self.before, SOURCE / "tools/container", self.tree, f"--machine=umld-{os.path.basename(self.netns)}",
                 "--hostname=vps", "--console=pipe", f"--network-namespace-path={self.netns}", *self.options, "--boot"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
            )
        self.leader = wait_until(self._find_leader, 20, "a first process in the container", 0.05)

    def _find_leader(self):
        if self.wrapper.poll() is not None:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                raise AssertionError(f"nspawn ended with {self.wrapper.returncode}: {log.read()[-2000:]}")
        parents = {self.wrapper.pid}
        found = {pid: process(pid) for pid in os.listdir("/proc") if pid.isdigit()}
        # The wrapper's child is nspawn; nspawn's child that is pid 1 of its namespace is init.
        for _ in range(2):
            parents |= {int(pid) for pid, p in found.items() if int(p.get("PPid", 0)) in parents}
        for pid, p in found.items():
            if p.get("NSpid", "").split()[1:] == ["1"] and int(p["PPid"]) in parents and p["Name"] == self.init:
                return int(pid)
        return None

    def run(self, *command, timeout=30, check=False):
        """Runs a command inside."""
        done = subprocess.run(
            [*self.before, *inside(self.leader), *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
            encoding="utf-8", errors="replace", check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def out(self, *command, timeout=30):
        return self.run(*command, timeout=timeout, check=True).stdout.strip()

    def shell(self, script, timeout=30):
        return self.out("sh", "-ec", script, timeout=timeout)

    def journal(self, lines):
        """The last lines of the last boot, whether it still runs or not."""
        return subprocess.run(["journalctl", "--no-pager", "-D", f"{self.tree}/var/log/journal", "-b", "-n", str(lines)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, encoding="utf-8",
                              errors="replace").stdout

    def show(self, unit, name):
        return self.out("systemctl", "show", "--property", name, "--value", unit)

    def wait_running(self, seconds):
        """Until the boot is over; returns what systemd calls it: running or degraded."""
        wait_until(lambda: self.run("systemctl", "is-system-running").stdout.strip() not in ("", "offline", "unknown"),
                   seconds, "systemd answers", 0.05)
        return self.run("systemctl", "is-system-running", "--wait", timeout=seconds).stdout.strip()

    def _end(self, verb, seconds):
        self.run(verb)
        status = self.wrapper.wait(timeout=seconds)
        self.wrapper = self.leader = None
        return status

    def reboot(self, seconds=90):
        status = self._end("reboot", seconds)
        assert status == REBOOTED, f"the container ended with {status} instead of asking for a reboot"
        self.start()

    def poweroff(self, seconds=90):
        status = self._end("poweroff", seconds)
        assert status == 0, f"the container ended with {status}"

    def kill(self):
        """Ends it by force, if it still runs; tools/container clears up behind it."""
        if not self.wrapper:
            return
        if self.leader:
            try:
                os.kill(self.leader, signal.SIGKILL)
            except ProcessLookupError:
                pass
        else:
            self.wrapper.terminate()
        try:
            self.wrapper.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.wrapper.kill()
            self.wrapper.wait()
        self.wrapper = self.leader = None
