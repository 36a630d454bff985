#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl create by https, and from mirrors of Alpine and Arch: copies of their layout, served with TLS in a namespace."""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from ext4 import Image, fsck
from tlsserver import Served
from umlctltest import Case, reachable
from umldtest import BUILD, DONE, FAILED, SOURCE, USAGE, main

HTTPS, HTTP = "https://127.0.0.1", "http://127.0.0.1"
REAL = SOURCE.parent / "shared/images/alpine-minirootfs-3.20.3-x86_64.tar.gz"
INDEX = """---
-
  arch: x86_64
  flavor: alpine-standard
  file: alpine-standard-3.20.3-x86_64.iso
  sha256: 0000000000000000000000000000000000000000000000000000000000000000
-
  title: "Mini root filesystem"
  desc: |
    Minimal root filesystem.
  arch: x86_64
  version: 3.20.3
  flavor: alpine-minirootfs
  file: {name}
  iso: {name}
  size: 1
  sha256: {sum}
  sha512: 00
"""


def tree(top=""):
    """A small archive, maybe with its tree in a directory as Arch has it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name in (["pkglist.x86_64.txt", "version"] if top else []) + [top + "etc/os-release", top + "sbin/init"]:
            info = tarfile.TarInfo(name)
            info.size = 8
            tar.addfile(info, io.BytesIO(b"ID=test\n"))
    return out.getvalue()


class MirrorCase(Case):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("only root can make a network namespace")
        fetch = BUILD / "imager/umld-fetch"
        if not fetch.exists():
            self.skipTest("built without libcurl")
        os.chmod(self.top, 0o755)
        self.env["UMLD_IMAGE"] = reachable(str(BUILD / "imager/umld-image"))
        self.env["UMLD_FETCH"] = reachable(str(fetch))
        self.site = Path(self.top, "site")
        self.site.mkdir()
        self.served = None

    def serve(self, **options):
        self.served = Served(self.site, self.top, **options)
        self.addCleanup(lambda: self.served and self.served.close())
        self.env["CURL_CA_BUNDLE"] = str(self.served.certificate)

    def put(self, path, data):
        path = self.site / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def requests(self):
        served, self.served = self.served, None
        return served.close()

    def create(self, *words, code=DONE, **more):
        command, self.command = self.command, self.served.inside + self.command
        try:
            return self.expect(code, "create", "web", "--size=32M", "--set=FastNetwork=no", *words, **more)
        finally:
            self.command = command

    def image(self):
        path = Path(self.top, "state/web/root.img")
        self.assertIsNone(fsck(path))
        return Image(path)

    def refused(self, why, *words, code=FAILED, **more):
        p = self.create(*words, code=code, **more)
        self.assertRegex(p.stderr.splitlines()[-1], why)
        for kind in ("config", "state"):
            self.assertEqual([p for p in Path(self.top, kind).iterdir() if p.name != "keyrings"], [])
        return p


class Tls(MirrorCase):
    def test_https(self):
        self.put("tree.tar", tree())
        self.serve()
        self.create("--from", HTTPS + "/tree.tar")
        self.assertEqual(self.image().text("/etc/os-release"), "ID=test\n")

    def test_resumed(self):
        data = tree() + bytes(500000)
        self.put("tree.tar", data)
        self.serve(breaks=2)
        p = self.create("--from", HTTPS + "/tree.tar", "--sha256", hashlib.sha256(data).hexdigest())
        self.assertIn("interrupted, continuing", p.stderr)
        self.assertEqual(self.requests(), ["/tree.tar"] * 3)

    def test_unknown_authority(self):
        self.put("tree.tar", tree())
        self.serve()
        self.refused("certificate|SSL", "--from", HTTPS + "/tree.tar", env={"CURL_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt"})

    def test_other_name(self):
        self.put("tree.tar", tree())
        self.serve()
        self.refused("certificate|SSL|match", "--from", "https://localhost/tree.tar")


class Alpine(MirrorCase):
    def publish(self, data, version="latest-stable", wrong=False):
        name = "alpine-minirootfs-3.20.3-x86_64.tar.gz"
        self.put(f"alpine/{version}/releases/x86_64/latest-releases.yaml", INDEX.format(
            name=name, sum="1" * 64 if wrong else hashlib.sha256(data).hexdigest()).encode())
        self.put(f"alpine/{version}/releases/x86_64/{name}", data)

    def test_real(self):
        if not REAL.exists():
            self.skipTest(f"no {REAL.name} beside the sources (shared/images)")
        self.publish(REAL.read_bytes())
        self.serve()
        p = self.create("--from=alpine", f"--mirror={HTTPS}/alpine/")
        self.assertEqual(self.image().text("/etc/alpine-release"), "3.20.3\n")
        self.assertIn("has the checksum that its mirror says; no keyring of alpine is installed", p.stderr)
        self.assertIn("created from alpine, ", p.stdout)

    def test_versions(self):
        self.publish(tree(), "v3.20")
        self.publish(tree(), "edge")
        self.serve()
        self.create("--from=alpine:3.20", f"--mirror={HTTPS}/alpine")
        self.create("--from=alpine:edge", f"--mirror={HTTPS}/alpine", "--force")
        for version in ("..", "x", "3/..", "", "3..20", "edge/.."):
            p = self.create(f"--from=alpine:{version}", f"--mirror={HTTPS}/alpine", "--force", code=USAGE)
            self.assertIn("a version is a number or edge", p.stderr)

    def test_not_there(self):
        self.publish(tree(), "v3.20")
        self.serve()
        self.refused("latest-stable/releases/x86_64/latest-releases.yaml: .*404", "--from=alpine", f"--mirror={HTTPS}/alpine")

    def test_wrong_sum(self):
        self.publish(tree(), wrong=True)
        self.serve()
        self.refused("checksum is [0-9a-f]{64}, which is not the expected one", "--from=alpine", f"--mirror={HTTPS}/alpine")

    def test_by_http(self):
        """Nobody vouches for what is downloaded, unless the user does."""
        data = tree()
        self.publish(data, wrong=True)
        self.serve()
        self.refused("can be tampered with", "--from=alpine", f"--mirror={HTTP}/alpine", code=USAGE)
        self.create("--from=alpine", f"--mirror={HTTP}/alpine", "--sha256", hashlib.sha256(data).hexdigest())

    def test_long_index(self):
        self.put("alpine/latest-stable/releases/x86_64/latest-releases.yaml", b"#" * (2 << 20))
        self.serve()
        self.refused("has more than 1048576 bytes", "--from=alpine", f"--mirror={HTTPS}/alpine")

    def test_index_of_something_else(self):
        self.put("alpine/latest-stable/releases/x86_64/latest-releases.yaml", b"<html>login</html>\n")
        self.serve()
        self.refused("does not name such a file", "--from=alpine", f"--mirror={HTTPS}/alpine")

    def test_mirror_of_others(self):
        self.serve()
        self.refused("only debian, alpine and arch have mirrors", "--from=/x", f"--mirror={HTTPS}", code=USAGE)
        self.refused("only debian, alpine and arch have mirrors", f"--mirror={HTTPS}", code=USAGE)
        self.refused("must begin with https", "--from=alpine", "--mirror=ftp://x", code=USAGE)


class Arch(MirrorCase):
    """With the signature of a key that is made for it."""

    NAME = "archlinux-bootstrap-2026.11.01-x86_64.tar.zst"

    def setUp(self):
        super().setUp()
        if not shutil.which("gpg") or not shutil.which("gpgv") or not shutil.which("zstd"):
            self.skipTest("no gpg, gpgv or zstd")
        self.data = subprocess.run(["zstd", "-q"], input=subprocess.run(["gzip", "-d"], input=tree("root.x86_64/"), check=True,
                                   stdout=subprocess.PIPE).stdout, check=True, stdout=subprocess.PIPE).stdout
        self.put("iso/latest/sha256sums.txt", f"{'0' * 64}  archlinux-x86_64.iso\n{hashlib.sha256(self.data).hexdigest()}  {self.NAME}\n"
                 .encode())
        self.file = self.put("iso/latest/" + self.NAME, self.data)

    def gpg(self, *words):
        home = Path(self.top, "gpg")
        home.mkdir(mode=0o700, exist_ok=True)
        subprocess.run(["gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode=loopback", "--passphrase=", *words],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(subprocess.run, ["gpgconf", "--homedir", home, "--kill", "all"], check=False)

    def sign(self, key="arch"):
        self.gpg("--quick-gen-key", key, "ed25519", "sign", "never")
        self.gpg("--local-user", key, "--output", str(self.file) + ".sig", "--detach-sign", str(self.file))

    def install_keyring(self, key="arch"):
        keyring = Path(self.top, "config/keyrings/arch.gpg")
        keyring.parent.mkdir()
        self.gpg("--output", str(keyring), "--export", key)
        keyring.chmod(0o644)

    def test_signed(self):
        """The tree is in a directory of the archive, with files beside it."""
        self.sign()
        self.install_keyring()
        self.serve()
        p = self.create("--from=arch", f"--mirror={HTTP}")  # the signature is enough
        self.assertIn("has a valid signature by a key of", p.stderr)
        self.assertEqual(self.image().text("/etc/os-release"), "ID=test\n")
        self.assertFalse(self.image().exists("/root.x86_64"))

    def test_not_signed(self):
        self.sign()
        Path(str(self.file) + ".sig").unlink()
        self.install_keyring()
        self.serve()
        self.refused(r"\.sig: .*404", "--from=arch", f"--mirror={HTTPS}")

    def test_changed(self):
        """The mirror says a checksum that fits, but it has not the key."""
        self.sign()
        self.install_keyring()
        data = self.data + b"x"
        self.put("iso/latest/sha256sums.txt", f"{hashlib.sha256(data).hexdigest()}  {self.NAME}\n".encode())
        self.file.write_bytes(data)
        self.serve()
        self.refused("does not have a valid signature by a key of .*arch.gpg", "--from=arch", f"--mirror={HTTPS}")

    def test_signed_by_somebody_else(self):
        self.sign("somebody")
        self.gpg("--quick-gen-key", "arch", "ed25519", "sign", "never")
        self.install_keyring()
        self.serve()
        self.refused("does not have a valid signature", "--from=arch", f"--mirror={HTTPS}")

    def test_without_keyring(self):
        self.serve()
        p = self.create("--from=arch", f"--mirror={HTTPS}/")
        self.assertIn("no keyring of arch is installed", p.stderr)
        self.assertEqual(self.image().text("/etc/os-release"), "ID=test\n")


if __name__ == "__main__":
    sys.exit(main())
