#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A test program, and the modules that it needs, under Debian's UML kernel, whose root is that of this host, read-only, by
hostfs: for features that few hosts of tests have, such as the controllers of control groups of version 2.

usage: under_uml.py PROGRAM CPU-FIX MODULE..."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

KERNEL = "/usr/bin/linux.uml"
MODULES = Path("/usr/lib/uml/modules")

INIT = """#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /tmp && mount -t tmpfs tmpfs /run
for module in {modules}; do insmod $module; done
ip link set lo up
echo begin
UNDER_UML=1 {program}
echo "status $?"
sync
echo o >/proc/sysrq-trigger
sleep 60
"""


def run(directory, program, cpu_fix, modules):
    init = directory / "init"
    paths = [next(MODULES.rglob(f"{name}.ko*")) for name in modules]
    init.write_text(INIT.format(program=program, modules=" ".join(map(str, paths))), encoding="ascii")
    init.chmod(0o755)
    kernel = subprocess.run(
        [KERNEL, "mem=128m", "rootfstype=hostfs", "rootflags=/", "ro", f"init={init}", "con=null", "con0=fd:0,fd:1",
         f"uml_dir={directory}", "initcall_blacklist=raid6_select_algo", "lpj=20000000", "quiet", "loglevel=1"],
        env={"LD_PRELOAD": cpu_fix, "TMPDIR": "/dev/shm"}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100, check=False)
    return kernel.stdout.decode(errors="replace").replace("\r", "")


def main():
    with tempfile.TemporaryDirectory(prefix="under-uml-") as directory:
        os.chmod(directory, 0o755)
        text = run(Path(directory), *map(os.path.abspath, sys.argv[1:3]), sys.argv[3:])
    begin, _, rest = text.partition("begin\n")
    tap, _, status = rest.partition("status ")
    sys.stdout.write(tap)
    if not status.startswith("0"):
        sys.stdout.write("".join(f"# {line}\n" for line in (begin + status).splitlines()))
        sys.exit(1)


if __name__ == "__main__":
    main()
