# SPDX-License-Identifier: GPL-2.0-or-later
"""Another host for ssh(1): a real sshd of this one, behind a pipe instead of a network."""

import os
import subprocess
from pathlib import Path


def make_other_host(files, umlctl, variables):
    """files: a directory in which nobody else may write, nor in one above. variables: the environment of whoever logs in, with
    umlctl in their PATH. Returns the directory of an `ssh` that gets there as root@vps by the key in files/key."""
    files, programs = Path(files), Path(files, "bin")
    programs.mkdir()
    for key in ("key", "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", files / key], check=True,
                       stdin=subprocess.DEVNULL, timeout=60)
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    sent = " ".join(f"{name}={value}" for name, value in variables.items())
    (files / "sshd.conf").write_text(f"HostKey {files}/host\nPidFile none\nUsePAM no\nAuthorizedKeysFile {files}/key.pub\n"
                                     "PermitRootLogin yes\nPasswordAuthentication no\nStrictModes no\n"
                                     f"SetEnv PATH={os.path.dirname(umlctl)}:/usr/bin:/bin {sent}\n", encoding="utf-8")
    (files / "ssh.conf").write_text(f"Host *\nProxyCommand /usr/sbin/sshd -i -f {files}/sshd.conf\nIdentityFile {files}/key\n"
                                    f"IdentitiesOnly yes\nUserKnownHostsFile {files}/known\nStrictHostKeyChecking accept-new\n"
                                    "LogLevel ERROR\n", encoding="utf-8")
    ssh = programs / "ssh"
    ssh.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {files}/ssh.conf "$@"\n', encoding="utf-8")
    ssh.chmod(0o755)
    return programs
