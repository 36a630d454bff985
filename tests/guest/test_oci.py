#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests of container images, with each kernel: umld-guest-init brings up what a container's runtime would, and runs
what the image says."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import sshserver
from oci import Layout
from umldtest import ALL_SOURCES, DONE, HOST, SOURCE, TestCase, clean_file_system, each_kernel, main, wait_until

PORT, SSH = 8080, 2200
OPENRC = SOURCE.parent / "shared/images/alpine-3.2.3-openrc-alpine-base.tar.xz"
# Its own process is what serves; what it is like is in a page.
SERVICE = """#!/bin/busybox sh
set -f
/bin/busybox mkdir -p /tmp/www
{
        /bin/busybox id
        echo "dir $(/bin/busybox pwd)"
        /bin/busybox env
        /bin/busybox hostname
        /bin/busybox cat /etc/hosts /etc/resolv.conf /proc/swaps /proc/sys/net/ipv4/tcp_congestion_control
        [ -w /dev/shm ] && [ -c /dev/null ] && [ -c /dev/pts/ptmx ] && echo devices
        echo "args $*"
} >/tmp/www/index.html
echo to-the-console >/dev/stdout
[ -e /tmp/fail ] || [ "$1" != fails ] || { : >/tmp/fail; exit 3; }
trap '/bin/busybox kill $pid; echo stopped-well; exit 0' QUIT
/bin/busybox sleep 0.5 # ready is more than started
/bin/busybox httpd -f -p 8000 -h /tmp/www &
pid=$!
wait
"""
PASSWD = "root:x:0:0::/root:/bin/sh\nweb:x:1234:2345::/home/web:/bin/sh\n"
GROUP = "root:x:0:\nweb:x:2345:\nextra:x:3456:root,web\n"


class Container(TestCase):
    """The tests; add_kernels() makes one class of it for each kernel."""

    kernel = None

    def setUp(self):
        super().setUp()
        self.layout = Layout(tempfile.mkdtemp(prefix="umld-oci.", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.layout.path)
        self.base = {"bin/busybox": ("file", Path("/bin/busybox").read_bytes(), 0o755), "tmp": ("dir", 0o1777),
                     "etc/passwd": ("file", PASSWD.encode(), 0o644), "etc/group": ("file", GROUP.encode(), 0o644),
                     "home/web": ("dir", 0o755), "serve": ("file", SERVICE.encode(), 0o755)}

    def create(self, *options, layers=(), base=True, **config):
        self.layout.image([*([self.base] if base else []), *layers], config)
        p = self.world.umlctl("create", "web", f"--from=oci:{self.layout.path}", "--size=64M", "--memory=64M",
                              f"--kernel={self.world.kernel(self.kernel)}", f"--forward=tcp/{PORT}:8000", *options)
        self.assertEqual(p.returncode, DONE, p.stderr)
        self.assertEqual(clean_file_system(self.world.state_dir / "web/root.img"), "")
        return p

    def test_service(self):
        p = self.create("--swap=8M", Entrypoint=["/serve"], Cmd=["one", "two  three"], Env=["KEY=a b\nc", "PATH=/bin"], User="web",
                        WorkingDir="/home/web", ExposedPorts={"8000/tcp": {}}, StopSignal="SIGQUIT")
        self.assertIn("serves         tcp/8000\n", p.stdout)
        umld = self.daemon().wait_ready(60)
        page = self.world.fetch(PORT, "/")  # at once: READY=1 came when it listened
        for line in ("uid=1234(web) gid=2345(web) groups=2345(web),3456(extra)", "dir /home/web", "KEY=a b\nc", "PATH=/bin\n",
                     "HOME=/home/web", "\nweb\n", " web\n", "nameserver 8.8.8.8\nnameserver 8.8.4.4\n", "bbr\n", "devices\n", "/dev/ubdb",
                     "args one two  three"):
            self.assertIn(line, page)
        begin = time.monotonic()
        self.assertEqual(umld.stop(40), DONE)
        self.assertLess(time.monotonic() - begin, 5)
        log = (self.world.log_dir / "web/console.log").read_text(encoding="utf-8", errors="replace")
        self.assertIn("to-the-console", log)
        self.assertIn("stopped-well", log)
        self.assertNotIn("umld:", log)
        self.assertEqual(clean_file_system(self.world.state_dir / "web/root.img"), "")

    def test_failing(self):
        """It is started again."""
        self.create(Entrypoint=["/serve", "fails"], ExposedPorts={"8000/tcp": {}})
        umld = self.daemon().wait_ready(60)
        self.assertIn("uid=0(root)", self.world.fetch(PORT, "/"))
        log = (self.world.log_dir / "web/console.log").read_text(encoding="utf-8", errors="replace")
        self.assertIn("the service ended with exit status 3; restarting it in 1 s", log)
        self.assertEqual(umld.status()["restarts"], 0)
        self.assertEqual(umld.stop(40), DONE)

    def test_ending(self):
        """What has done its work ends the guest, without a fault."""
        self.create(Cmd=["/bin/busybox", "sh", "-c", "echo its-work"], Entrypoint=None)
        umld = self.daemon()
        self.assertEqual(umld.wait(60), DONE)
        self.assertIn("poweroff", umld.said("STATUS")[-1])
        self.assertEqual(clean_file_system(self.world.state_dir / "web/root.img"), "")

    def test_ssh(self):
        """An image that is an SSH server: root logs in with the key that the image has."""
        top = Path(tempfile.mkdtemp(prefix="umld-oci-ssh.", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, top)
        for name in ("key", "host"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", top / name], check=True, timeout=60)
        sshserver.openssh(top / "files")
        layer = {str(path.relative_to(top / "files")): ("file", path.read_bytes(), path.stat().st_mode & 0o777)
                 for path in (top / "files").rglob("*") if path.is_file()}
        layer.update({"etc/passwd": ("file", (PASSWD + sshserver.SSHD_USER).encode(), 0o644), "bin/sh": ("link", "busybox"),
                      "run/sshd": ("dir", 0o755), "root": ("dir", 0o700), "root/.ssh": ("dir", 0o700),
                      "root/.ssh/authorized_keys": ("file", (top / "key.pub").read_bytes(), 0o600),
                      "etc/ssh/ssh_host_ed25519_key": ("file", (top / "host").read_bytes(), 0o600)})
        self.create(f"--forward=tcp/{SSH}:22", layers=[layer], Entrypoint=["/usr/sbin/sshd", "-D", "-e"], ExposedPorts={"22/tcp": {}})
        umld = self.daemon().wait_ready(60)
        p = wait_until(lambda: self.log_in(top / "key", "busybox id; busybox hostname"), 30, "SSH")
        self.assertEqual((p.returncode, p.stdout), (0, "uid=0(root) gid=0(root) groups=0(root),3456(extra)\nweb\n"), p.stderr)
        self.assertEqual(umld.stop(40), DONE)
        self.assertEqual(clean_file_system(self.world.state_dir / "web/root.img"), "")

    def test_own_init(self):
        """An image that is a whole system is started as one, by its own init and with its own SSH server: Alpine's tree, of
        which the recipe for OpenRC makes a guest."""
        if not OPENRC.exists():
            if os.environ.get("CI"):
                self.fail(f"{OPENRC} is missing")
            self.skipTest(f"no {OPENRC.name} beside the sources (shared/images)")
        key = self.layout.path / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True, timeout=60)
        tree = sshserver.add_to(OPENRC, sshserver.openssh_of_openrc, self.layout.path / "tree.tar").read_bytes()
        p = self.create(f"--forward=tcp/{SSH}:22", f"--ssh-key={key}.pub", "--set=StartTimeout=4min", layers=[tree], base=False,
                        Cmd=["/sbin/init"])
        self.assertIn("an init of its own, /sbin/init", p.stderr)
        self.assertRegex(p.stdout, "recipe +openrc")
        umld = self.daemon().wait_ready(240)
        p = wait_until(lambda: self.log_in(key, "readlink /proc/1/exe; hostname; cat /proc/sys/net/ipv4/tcp_congestion_control"), 60, "SSH")
        self.assertEqual(p.stdout, "/bin/busybox\nweb\nbbr\n", p.stderr)
        self.assertEqual(umld.stop(90), DONE)
        self.assertEqual(clean_file_system(self.world.state_dir / "web/root.img"), "")

    def log_in(self, key, command):
        p = self.world.run("inet", "ssh", "-i", key, "-p", str(SSH), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
                           "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=10", f"root@{HOST}", command, timeout=60)
        return p if p.returncode == 0 else None


globals().update(each_kernel(Container, "Container_", whole=ALL_SOURCES))
del Container


if __name__ == "__main__":
    sys.exit(main())
