# SPDX-License-Identifier: GPL-2.0-or-later
"""A real Cockpit in a test world: its web server on the loopback interface of the host, and a user of that host who may use
sudo. What of it is in /etc is mounted in the world alone."""

import os
import shutil
import subprocess
from pathlib import Path

from umldtest import SOURCE, wait_until

WS, BRIDGE = Path("/usr/lib/cockpit/cockpit-ws"), Path("/usr/bin/cockpit-bridge")
TERMINAL = Path("/usr/share/javascript/term.js/term.js")
USER, PASSWORD, UID = "keeper", "Correct-Horse-5", 64990
PORT = 9090

PAM = """auth required pam_unix.so
account required pam_unix.so
session required pam_unix.so
session required pam_env.so
"""
SUDOERS = """Defaults secure_path="/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
%sudo ALL=(ALL:ALL) ALL
"""


# Directories where a session leaves something, and their modes: logins, sockets of agents, what sudo remembers.
LEFT = {"/var/log": 0o755, "/tmp": 0o1777, "/run/sudo": 0o711, "/var/lib/sudo": 0o700}


class WebConsole:
    def __init__(self, world):
        self.world = world
        self.dir = world.dir / "cockpit"
        self.home = self.dir / "home"
        self.dir.mkdir()
        self.dir.chmod(0o755)
        self.make_user()
        self.make_umlctl()
        self.install()
        self.mount("pam.d-cockpit", "/etc/pam.d/cockpit", PAM)
        self.mount("pam.d-sudo", "/etc/pam.d/sudo", PAM)
        self.mount("sudoers", "/etc/sudoers", SUDOERS, 0o440)
        for target, mode in LEFT.items():
            if Path(target).is_dir():
                self.cover(target, mode)
        self.process = None

    def mount(self, name, target, text, mode=0o644):
        path = self.dir / name
        path.write_text(text)
        path.chmod(mode)
        self.world.host("mount", "--bind", path, target)

    def cover(self, target, mode):
        """By an empty directory."""
        path = self.dir / target.strip("/").replace("/", "-")
        path.mkdir()
        path.chmod(mode)
        self.world.host("mount", "--bind", path, target)

    def make_user(self):
        """In the groups sudo and umld."""
        self.home.mkdir()
        os.chown(self.home, UID, UID)
        hashed = subprocess.run(["openssl", "passwd", "-6", PASSWORD], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout.strip()
        groups = [line for line in Path("/etc/group").read_text().splitlines() if line.split(":")[0] not in ("sudo", "umld", USER)]
        groups += [f"sudo:x:27:{USER}", f"umld:x:{UID + 1}:{USER}", f"{USER}:x:{UID}:"]
        self.mount("passwd", "/etc/passwd", Path("/etc/passwd").read_text() + f"{USER}:x:{UID}:{UID}::{self.home}:/bin/bash\n")
        self.mount("group", "/etc/group", "\n".join(groups) + "\n")
        self.mount("shadow", "/etc/shadow", Path("/etc/shadow").read_text() + f"{USER}:{hashed}:20000:0:99999:7:::\n", 0o600)

    def make_umlctl(self):
        """That of the build, of this world, where every session finds it."""
        programs = self.dir / "bin"
        programs.mkdir()
        variables = "".join(f"export {name}='{value}'\n" for name, value in self.world.variables.items())
        script = programs / "umlctl"
        script.write_text(f"#!/bin/sh\n{variables}export UMLD_DAEMON='{self.world.program('daemon/umld')}'\n"
                          f"exec '{self.world.program('umlctl/umlctl')}' \"$@\"\n")
        script.chmod(0o755)
        self.world.host("mount", "--bind", programs, "/usr/local/bin")

    def install(self):
        """The page, as one of this user's own."""
        target = self.home / ".local/share/cockpit/umld"
        shutil.copytree(SOURCE / "cockpit", target, ignore=shutil.ignore_patterns("meson.build"))
        (target / "term.js").symlink_to(TERMINAL)
        for path in (self.home / ".local").rglob("*"):
            os.lchown(path, UID, UID)

    def start(self):
        log = open(self.world.dir / "cockpit-ws.stderr", "wb")
        with log:
            self.process = subprocess.Popen(
                self.world.command("host", "env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", WS, "--no-tls",
                                   "--address=127.0.0.1", f"--port={PORT}"),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: self.world.run("host", "curl", "-fsS", "-o/dev/null", f"http://127.0.0.1:{PORT}/").returncode == 0, 20,
                   "Cockpit's web server", 0.1)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
