#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test-cgroup-limit under Debian's UML kernel, whose root is that of this host, read-only, by hostfs: few hosts of tests
have the controllers of version 2."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

KERNEL = "/usr/bin/linux.uml"

INIT = """#!/bin/sh
mount -t proc proc /proc && mount -t cgroup2 cgroup2 /sys/fs/cgroup && mount -t tmpfs tmpfs /tmp
PATH=/usr/sbin:/usr/bin:/sbin:/bin
echo begin
{program}
echo "status $?"
sync
echo o >/proc/sysrq-trigger
sleep 60
"""


def run(directory):
    init = directory / "init"
    init.write_text(INIT.format(program=os.environ["PROGRAM"]), encoding="ascii")
    init.chmod(0o755)
    kernel = subprocess.run(
        [KERNEL, "mem=128m", "rootfstype=hostfs", "rootflags=/", "ro", f"init={init}", "con=null", "con0=fd:0,fd:1",
         f"uml_dir={directory}", "initcall_blacklist=raid6_select_algo", "lpj=20000000", "quiet", "loglevel=1"],
        env={"LD_PRELOAD": os.environ["CPU_FIX"], "TMPDIR": "/dev/shm"}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100, check=False)
    return kernel.stdout.decode(errors="replace").replace("\r", "")


def main():
    with tempfile.TemporaryDirectory(prefix="cgroup2-") as directory:
        os.chmod(directory, 0o755)
        text = run(Path(directory))
    begin, _, rest = text.partition("begin\n")
    tap, _, status = rest.partition("status ")
    sys.stdout.write(tap)
    if not status.startswith("0"):
        sys.stdout.write("".join(f"# {line}\n" for line in (begin + status).splitlines()))
        sys.exit(1)


if __name__ == "__main__":
    main()
