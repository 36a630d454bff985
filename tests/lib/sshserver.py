# SPDX-License-Identifier: GPL-2.0-or-later
"""SSH servers of this host, with the libraries that they need, as packages for trees of other distributions, whose mirrors
are not here."""

import gzip
import lzma
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

OPENERS = {".gz": gzip.open, ".xz": lzma.open}
SSHD_USER = "sshd:x:22:22:sshd:/run/sshd:/bin/false\n"
SERVICE = """#!/sbin/openrc-run
command=/usr/sbin/sshd
pidfile=/run/sshd.pid
depend() {
        need net
}
start_pre() {
        mkdir -p /run/sshd
}
"""


def libraries(program):
    """The files that the loader opens, and the loader itself, by the names that it uses."""
    text = subprocess.run(["ldd", program], stdout=subprocess.PIPE, encoding="utf-8", check=True, timeout=60).stdout
    return re.findall(r"(?:=> |^\s*)(/\S+) \(0x", text, re.M)


def stage(directory, *programs):
    """Nothing in the directory leads out of it: its links are those of another root directory."""
    for program in programs:
        for path in (program, *libraries(program)):
            target = Path(directory, path.lstrip("/"))
            target.parent.mkdir(parents=True, exist_ok=True)
            assert Path(directory).resolve() in target.parent.resolve().parents, target
            target.unlink(missing_ok=True)
            shutil.copy(path, target)


def openssh(directory):
    stage(directory, "/usr/sbin/sshd", "/usr/bin/ssh-keygen")
    config = Path(directory, "etc/ssh/sshd_config")
    config.parent.mkdir(parents=True)
    config.write_text("UsePAM no\nPasswordAuthentication no\n", encoding="utf-8")


def openssh_of_openrc(directory):
    openssh(directory)
    service = Path(directory, "etc/init.d/sshd")
    service.parent.mkdir(parents=True)
    service.write_text(SERVICE, encoding="utf-8")
    service.chmod(0o755)


def dropbear(directory):
    stage(directory, "/usr/sbin/dropbear")


def add_to(archive, server, tar):
    """Makes tar of an archive and of what the function server puts into a directory."""
    with OPENERS.get(archive.suffix, open)(archive, "rb") as packed, open(tar, "wb") as out:
        shutil.copyfileobj(packed, out)
    with tempfile.TemporaryDirectory(prefix="umld-ssh.", dir="/var/tmp") as directory:
        server(directory)
        if server is not dropbear:
            users = Path(directory, "etc/passwd")
            subprocess.run(["tar", "-C", directory, "-xf", tar, "./etc/passwd"], check=True, timeout=60)
            users.write_text(users.read_text(encoding="utf-8") + SSHD_USER, encoding="utf-8")
        names = sorted(str(path.relative_to(directory)) for path in Path(directory).rglob("*") if not path.is_dir())
        subprocess.run(["tar", "-C", directory, "--transform", "s,^,./,", "--owner=0", "--group=0", "-rf", tar, *names], check=True, timeout=60)
    return tar
