#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl ssh against a real sshd in a network namespace, which plays the guest: its address, key and host key."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import umldtest  # noqa: E402
from ext4 import Image  # noqa: E402
from umlctltest import UMLCTL, Case  # noqa: E402
from umldtest import BUILD, DONE, NOT_RUNNING, SOURCE  # noqa: E402

ADDRESS = "127.0.0.2"
SSH_FAILED = 255


@unittest.skipUnless(os.geteuid() == 0, "needs root, for a network namespace")
class Ssh(Case):
    def setUp(self):
        super().setUp()
        # sshd wants its files in a directory that nobody else may write to.
        self.files = Path(tempfile.mkdtemp(prefix="umlctl-ssh-", dir="/root"))
        self.addCleanup(shutil.rmtree, self.files)
        self.keygen("key")
        tree = Path(self.top, "tree")
        (tree / "etc/ssh").mkdir(parents=True)
        (tree / "etc/os-release").write_text("ID=test\n", encoding="utf-8")
        self.env.update(UMLD_IMAGE=str(BUILD / "imager/umld-image"), UMLD_RECIPES=str(SOURCE / "recipes"))
        self.create()
        # A namespace that lives as long as this process, with its loopback up.
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.end_holder)
        self.assertEqual(self.holder.stdout.readline(), b"ready\n")
        self.command = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", UMLCTL]

    def end_holder(self):
        self.holder.stdin.close()
        self.holder.wait(10)
        self.holder.stdout.close()

    def create(self, *more):
        self.expect(DONE, "create", "web", "--from", os.path.join(self.top, "tree"), "--size=64M", "--set=FastNetwork=no",
                    f"--ssh-key={self.files}/key.pub", "--recipe=bare", *more)

    def keygen(self, name):
        (self.files / name).unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.files / name], check=True,
                       stdin=subprocess.DEVNULL, timeout=60)

    def sshd(self, host_key, made=False):
        """A server with a new key of this name, or with one that is there."""
        if not made:
            self.keygen(host_key)
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        config = self.files / f"{host_key}.conf"
        config.write_text(f"ListenAddress {ADDRESS}\nHostKey {self.files}/{host_key}\nPidFile none\nUsePAM no\n"
                          f"AuthorizedKeysFile {self.files}/key.pub\nPermitRootLogin yes\nPasswordAuthentication no\n"
                          "StrictModes no\n", encoding="utf-8")
        p = subprocess.Popen(self.command[:2] + ["/usr/sbin/sshd", "-D", "-f", str(config)], stderr=subprocess.DEVNULL)

        def end():
            if p.poll() is None:
                p.kill()
            p.wait(10)
        self.addCleanup(end)
        self.wait_for(lambda: subprocess.run(self.command[:2] + ["ss", "-Hltn", "sport = 22"], check=True,
                                             stdout=subprocess.PIPE).stdout)
        return end

    def test_commands(self):
        self.assertIn("web is not running", self.expect_line(NOT_RUNNING, "ssh", "web", "true"))
        u = self.running("web", GuestAddress=ADDRESS)
        end = self.sshd("host1")
        p = self.expect(DONE, "ssh", "web", "echo", "-n", "$SSH_CONNECTION")
        self.assertEqual(p.stdout.split()[2], ADDRESS)
        self.expect(7, "ssh", "web", "exit 7")
        known = Path(self.top, "state/web/known_hosts")
        self.assertRegex(known.read_text(encoding="ascii"), r"^umld-web ssh-ed25519 ")
        self.assertEqual(Path(self.top, "state/web/ssh-key").read_text(encoding="utf-8"), f"{self.files}/key\n")
        end()
        self.sshd("host2")  # somebody else at the same address
        self.assertIn("Host key verification failed", self.expect(SSH_FAILED, "ssh", "web", "true").stderr)
        u.close()
        os.unlink(self.socket())
        self.create("--force")  # a new guest of that name has a new host key
        self.assertFalse(known.exists())
        self.running("web", GuestAddress=ADDRESS)
        self.expect(DONE, "ssh", "web", "true")

    def add_server(self):
        server = Path(self.top, "tree/usr/sbin/sshd")
        server.parent.mkdir(parents=True, exist_ok=True)
        server.touch(mode=0o755)

    def make_server(self):
        """A guest with an SSH server, of which create makes the host key. Returns what is known of it."""
        self.add_server()
        self.create("--force")
        image = Image(Path(self.top, "state/web/root.img"))
        (self.files / "made").write_text(image.text("/etc/ssh/ssh_host_ed25519_key"), encoding="ascii")
        (self.files / "made").chmod(0o600)
        self.assertEqual([image.stat("/etc/ssh/ssh_host_ed25519_key")[what] for what in ("uid", "mode")], [0, 0o600])
        public = image.text("/etc/ssh/ssh_host_ed25519_key.pub").split()
        self.assertEqual(subprocess.run(["ssh-keygen", "-y", "-f", self.files / "made"], stdout=subprocess.PIPE, encoding="ascii",
                                        check=True, timeout=60).stdout.split()[:2], public[:2])
        known = Path(self.top, "state/web/known_hosts")
        self.assertEqual(known.read_text(encoding="ascii").split(), ["umld-web", *public])
        self.assertEqual(known.stat().st_mode & 0o777, 0o644)
        self.assertEqual(sorted(os.listdir(known.parent)), ["known_hosts", "modules", "root.img", "ssh-key"])
        return known.read_bytes()

    def test_known_from_creation(self):
        """No host key is taken on trust: not even the first one that is shown."""
        known = self.make_server()
        self.assertNotEqual(self.make_server(), known)  # a new guest has a new one
        self.running("web", GuestAddress=ADDRESS)
        end = self.sshd("other")
        self.assertIn("Host key verification failed", self.expect(SSH_FAILED, "ssh", "web", "true").stderr)
        end()
        self.sshd("made", made=True)
        p = self.expect(DONE, "ssh", "web", "true")
        self.assertEqual(p.stderr, "")  # nor is anything added to what is known

    def test_without_keygen(self):
        """The guest makes its key itself, and that is accepted at the first login."""
        Path(self.top, "bin").mkdir()
        path = self.env.get("PATH") or os.environ["PATH"]
        self.command[0] = shutil.which(self.command[0])
        self.env["PATH"] = os.path.join(self.top, "bin")
        for program in ("setpriv", "mke2fs", "e2fsck", "busybox"):
            found = shutil.which(program, path=path + ":/sbin:/usr/sbin")
            if found:
                os.symlink(found, Path(self.top, "bin", program))
        self.add_server()
        self.create("--force")
        self.assertFalse(Path(self.top, "state/web/known_hosts").exists())
        fake = Path(self.top, "bin/ssh-keygen")
        fake.write_text("#!/bin/sh\necho 'no entropy' >&2\nexit 1\n", encoding="utf-8")
        fake.chmod(0o755)
        p = self.expect(DONE, "create", "web", "--from", os.path.join(self.top, "tree"), "--size=64M", "--set=FastNetwork=no",
                        "--recipe=bare", "--force")
        self.assertRegex(p.stderr, r"(?m)^umlctl: web: cannot make an SSH host key: .*no entropy.*; the guest makes its own$")
        self.assertFalse(Path(self.top, "state/web/known_hosts").exists())

    def test_key_forgotten(self):
        """A guest that is made again, without a key, is not logged in to with that of the one before."""
        self.expect(DONE, "create", "web", "--from", os.path.join(self.top, "tree"), "--size=64M", "--set=FastNetwork=no", "--force")
        self.assertFalse(Path(self.top, "state/web/ssh-key").exists())


if __name__ == "__main__":
    umldtest.main()
