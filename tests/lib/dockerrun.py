# SPDX-License-Identifier: GPL-2.0-or-later
"""`docker run` without Docker: its options, of which unknown ones are errors, and a container that has what they give
besides what every container of Docker has. Its files are the machine's, and its network that of its caller."""

import argparse
import shlex

# Docker's own list.
CAPABILITIES = ("chown", "dac_override", "fsetid", "fowner", "mknod", "net_raw", "setgid", "setuid", "setfcap", "setpcap",
                "net_bind_service", "sys_chroot", "kill", "audit_write")

# The options of a tmpfs are added to these.
TMPFS = "nosuid,nodev,noexec"

CONTAINER = r"""
mount -t proc proc /proc
mount -t tmpfs -o mode=755 run /run
mkdir /run/dev && mount -t tmpfs -o nosuid,mode=755 dev /run/dev
for device in null zero full random urandom tty; do cp -a /dev/$device /run/dev/; done
ln -s /proc/self/fd /run/dev/fd && ln -s fd/0 /run/dev/stdin && ln -s fd/1 /run/dev/stdout && ln -s fd/2 /run/dev/stderr
mkdir /run/dev/shm && mount -t tmpfs -o nosuid,nodev,noexec,size=64m shm /run/dev/shm
mkdir /run/dev/pts && mount -t devpts -o newinstance,ptmxmode=0666 devpts /run/dev/pts && ln -s pts/ptmx /run/dev/ptmx
sysctl -qw net.ipv4.ip_forward=0
{given}
mount --move /run/dev /dev
mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys
mount -o remount,bind,ro /sys
exec setpriv --bounding-set {capabilities} bash -e -o pipefail -c {script}
"""


class DockerRun:
    def __init__(self, words):
        parser = argparse.ArgumentParser(prog="docker run", add_help=False, allow_abbrev=False, exit_on_error=False)
        for short, long in (("-i", "--interactive"), ("-t", "--tty")):
            parser.add_argument(short, long, action="store_true")
        for long in ("--device", "--cap-add", "--tmpfs", "--sysctl"):
            parser.add_argument(long, action="append", default=[])
        parser.add_argument("-p", "--publish", action="append", default=[])
        parser.add_argument("image")
        said = parser.parse_args(words)
        self.devices, self.capabilities, self.sysctls = said.device, said.cap_add, said.sysctl
        self.publish, self.image = said.publish, said.image
        self.tmpfs = dict(tmpfs.partition(":")[::2] for tmpfs in said.tmpfs)

    def script(self, script):
        """For a shell: runs one in the container, which ends with it."""
        given = [f"mkdir -p /run{path.rpartition('/')[0]} && cp -a {path} /run{path}" for path in map(shlex.quote, self.devices)]
        given += [f"mkdir -p {path} && mount -t tmpfs -o {TMPFS},{options} tmpfs {path}" for path, options in self.tmpfs.items()]
        given += [f"sysctl -qw {shlex.quote(sysctl)}" for sysctl in self.sysctls]
        capabilities = ",".join(["-all", *(f"+{name.lower()}" for name in (*CAPABILITIES, *self.capabilities))])
        inner = CONTAINER.format(given="\n".join(given), capabilities=capabilities, script=shlex.quote(script))
        return "unshare --mount --pid --ipc --fork --kill-child --propagation private bash -e -c " + shlex.quote(inner)
