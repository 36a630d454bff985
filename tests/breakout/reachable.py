# SPDX-License-Identifier: GPL-2.0-or-later
"""What has to stay reachable whatever a guest tries: the pages of guests, and the host by ssh."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from umldtest import HOST, PATIENCE, wait_until

SSH_PORT = 22
SESSION = b"session %d\n"


class Reachable:
    """Asks all the time, one round after the other: for each page, for a login at the host, and for an answer in the session
    that has been open since the beginning."""

    def __init__(self, test, *ports):
        self.world, self.ports = test.world, ports
        self.failures, self.rounds, self.done = [], [], threading.Event()
        # sshd wants its keys where nobody else may write.
        self.files = Path(tempfile.mkdtemp(prefix="umld-reachable.", dir="/root"))
        test.addCleanup(shutil.rmtree, self.files)
        self.sshd = self.start_sshd()
        test.addCleanup(self.end)
        wait_until(lambda: self.login("true").returncode == 0, 20, "an ssh server on the host")
        self.session = subprocess.Popen(self.ssh("cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.thread = threading.Thread(target=self.ask)
        self.thread.start()

    @property
    def count(self):
        return len(self.rounds)

    def start_sshd(self):
        for name in ("key", "host"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.files / name], check=True,
                           stdin=subprocess.DEVNULL, timeout=60)
        public = " ".join((self.files / "host.pub").read_text(encoding="ascii").split()[:2])
        (self.files / "known").write_text(f"{HOST} {public}\n", encoding="ascii")
        config = self.files / "sshd.conf"
        config.write_text(f"ListenAddress {HOST}:{SSH_PORT}\nHostKey {self.files}/host\nAuthorizedKeysFile {self.files}/key.pub\n"
                          "PermitRootLogin prohibit-password\nPasswordAuthentication no\nStrictModes no\nUsePAM no\nPidFile none\n",
                          encoding="ascii")
        self.world.host("mkdir", "-p", "/run/sshd")
        return subprocess.Popen(self.world.command("host", "/usr/sbin/sshd", "-D", "-f", config), stdin=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)

    def ssh(self, command):
        return self.world.command("inet", "ssh", "-F", "none", "-i", self.files / "key", "-p", SSH_PORT, "-o", "BatchMode=yes",
                                  "-o", f"UserKnownHostsFile={self.files}/known", "-o", "StrictHostKeyChecking=yes",
                                  "-o", "LogLevel=ERROR", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=4",
                                  f"root@{HOST}", command)

    def login(self, command):
        return subprocess.run(self.ssh(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=20 * PATIENCE)

    def ask_once(self):
        for port in self.ports:
            if "<h1>" not in self.world.fetch(port, timeout=5 * PATIENCE):
                yield f"the page at port {port}"
        p = self.login("echo logged in")
        if p.stdout != b"logged in\n":
            yield f"a login by ssh: status {p.returncode}: {p.stderr}"
        line = SESSION % len(self.rounds)
        self.session.stdin.write(line)
        self.session.stdin.flush()
        answer = self.session.stdout.readline()
        if answer != line:
            yield f"the open session: {answer}"

    def ask(self):
        while not self.done.wait(0.5):
            begin = time.monotonic()
            try:
                self.failures += self.ask_once()
            except (OSError, subprocess.TimeoutExpired) as e:
                self.failures.append(repr(e))
            self.rounds.append((begin, time.monotonic()))

    def throughout(self, act):
        """Does it again and again until a whole round of answers has come meanwhile; the results."""
        begin, results = time.monotonic(), []
        while not any(first >= begin for first, _ in self.rounds):
            results.append(act())
            if self.failures:
                break
        return results

    def wait_for_round(self, begin):
        """Until one is over that has been going on since then, or has begun since then."""
        now = time.monotonic()
        wait_until(lambda: any(first < now and last > begin for first, last in self.rounds), 60, "all to be asked meanwhile")

    def end(self):
        """May be called again."""
        self.done.set()
        if self.sshd.returncode is not None:
            return
        if hasattr(self, "thread"):
            self.thread.join()
            self.session.stdin.close()
            self.session.stdout.close()
            self.session.kill()
            self.session.wait()
        self.sshd.terminate()
        self.sshd.wait()
