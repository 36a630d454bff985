#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl create --from oci: layouts as umoci and as nobody makes them, and a real registry."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from ext4 import Image, fsck
from oci import CONFIG, INDEX, LAYER, MANIFEST, Layout, tar_of
from umlctltest import Case, reachable
from umldtest import BUILD, DONE, FAILED, USAGE, main

RUN = {"Cmd": ["/bin/sh"]}


def file(text):
    return ("file", text.encode(), 0o644)


def tar_entry(name, kind=tarfile.GNU_FORMAT, **fields):
    """One empty file, or link."""
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info.tobuf(kind)


class OciCase(Case):
    def setUp(self):
        super().setUp()
        self.env["UMLD_IMAGE"] = reachable(str(BUILD / "imager/umld-image"))
        self.env["UMLD_GUEST_INIT"] = str(BUILD / "guest/umld-guest-init")
        self.layout = Layout(Path(self.top, "layout"))

    def path(self, kind, *rest):
        return Path(self.top, kind, *rest)

    def create(self, source=None, *options, code=DONE, **more):
        return self.expect(code, "create", "web", "--size=32M", "--set=FastNetwork=no",
                           "--from", source or f"oci:{self.layout.path}", *options, **more)

    def image(self):
        path = self.path("state/web/root.img")
        self.assertIsNone(fsck(path))
        return Image(path)

    def refused(self, why, source=None, *options, code=FAILED, **more):
        p = self.create(source, *options, code=code, **more)
        self.assertRegex(p.stderr, why)
        self.assertEqual(p.stderr.count("\n"), 1, p.stderr)
        for kind in ("config", "state"):
            self.assertEqual(list(self.path(kind).iterdir()), [])


class Layouts(OciCase):
    def test_layers(self):
        """Each over those below it; what it removes is gone, and what it puts in the place of that is there."""
        self.layout.image([{"etc/a": file("1"), "etc/b": file("1"), "dir/old": file("1"), "dir/sub/x": file("1"),
                            "op/old": file("1"), "back": file("1")},
                           {"etc/.wh.b": file(""), ".wh.back": file(""), "op/new": file("2"), "op/.wh..wh..opq": file(""),
                            ".wh.dir": file("")},
                           {"back": file("3"), "etc/a": file("3"), "dir": ("link", "etc")}], RUN)
        self.create()
        image = self.image()
        self.assertEqual((image.text("/etc/a"), image.text("/back"), image.text("/op/new")), ("3", "3", "2"))
        for gone in ("/etc/b", "/op/old", "/etc/.wh.b", "/op/.wh..wh..opq", "/.wh.dir"):
            self.assertFalse(image.exists(gone), gone)
        self.assertEqual(image.stat("/dir")["target"], "etc")

    def test_service(self):
        self.layout.image([{"bin/sh": file("")}],
                          {"Entrypoint": ["/bin/a b", "x\ny"], "Cmd": ["c\\d"], "Env": ["A=1", "B=2\n3"], "User": "7:8",
                           "WorkingDir": "/srv", "StopSignal": "SIGINT",
                           "ExposedPorts": {"80/tcp": {}, "53/udp": {}, "99999/tcp": {}, "x": {}, "443": {}}})
        p = self.create(None, "--forward=tcp/8080:80")
        lines = [line for line in self.image().text("/etc/umld/service").splitlines() if not line.startswith("#")]
        self.assertEqual(lines[:8], ["user=7:8", "directory=/srv", "env=A=1", "env=B=2\\n3", "arg=/bin/a b", "arg=x\\ny",
                                     "arg=c\\\\d", "stop-signal=2"])
        self.assertEqual(sorted(lines[8:]), ["port=443", "port=80"])
        self.assertEqual(self.image().read("/sbin/init"), (BUILD / "guest/umld-guest-init").read_bytes())
        self.assertEqual(self.image().stat("/sbin/modprobe")["target"], "/sbin/init")
        self.assertIn("serves         tcp/80\n", p.stdout)
        self.assertIn("serves         udp/53 (not forwarded; see --forward)\n", p.stdout)
        config = self.path("config/web.conf").read_text(encoding="utf-8")
        self.assertIn("Ready=guest\n", config)
        self.assertIn("ConfigureBy=init\n", config)

    def test_own_init(self):
        for program in ("/sbin/init", "/lib/systemd/systemd"):
            self.layout.image([{"x": file("")}], {"Entrypoint": [program]}, tag=program[-1])
        self.create(f"oci:{self.layout.path}:d", "--force")
        self.assertEqual(self.image().stat("/sbin/init")["target"], "/lib/systemd/systemd")
        self.assertNotIn("Ready=guest", self.path("config/web.conf").read_text(encoding="utf-8"))
        self.assertFalse(self.image().exists("/etc/umld/service"))

    def test_tags(self):
        self.layout.image([{"a": file("1")}], RUN, tag="one")
        self.create(f"oci:{self.layout.path}:one", "--force")
        self.create(None, "--force")
        self.layout.image([{"a": file("2")}], RUN, tag="two")
        self.create(f"oci:{self.layout.path}:two", "--force")
        self.assertEqual(self.image().text("/a"), "2")
        self.expect(DONE, "remove", "web", "--force")
        self.refused("has several tags; name one")
        self.refused("has no tag 'three'", f"oci:{self.layout.path}:three")

    def test_platforms(self):
        arm = self.layout.manifest([{"a": file("arm")}], RUN, architecture="arm64")
        amd = self.layout.manifest([{"a": file("amd")}], RUN)
        index = self.layout.json({"schemaVersion": 2, "manifests": [
            {**arm, "platform": {"architecture": "arm64", "os": "linux"}},
            {**amd, "platform": {"architecture": "amd64", "os": "linux"}}]}, INDEX)
        self.layout.add(index, "multi")
        self.create()
        self.assertEqual(self.image().text("/a"), "amd")

    def test_other_machine(self):
        self.layout.image([{"a": file("")}], RUN, architecture="arm64")
        self.refused("is for arm64, not for amd64")

    def test_umoci(self):
        """Layers and whiteouts as a real program makes them."""
        if not shutil.which("umoci"):
            self.skipTest("no umoci")
        lay = str(self.path("lay"))

        def umoci(*words):
            subprocess.run(["umoci", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        umoci("init", "--layout", lay)
        umoci("new", "--image", lay + ":x")
        rootfs = self.path("b1/rootfs")
        umoci("unpack", "--image", lay + ":x", str(self.path("b1")))
        (rootfs / "etc").mkdir()
        (rootfs / "etc/keep").write_text("1", encoding="utf-8")
        (rootfs / "etc/drop").write_text("1", encoding="utf-8")
        os.chown(rootfs / "etc/keep", 5, 6)
        umoci("repack", "--image", lay + ":x", str(self.path("b1")))
        umoci("unpack", "--image", lay + ":x", str(self.path("b2")))
        self.path("b2/rootfs/etc/drop").unlink()
        self.path("b2/rootfs/etc/added").write_text("2", encoding="utf-8")
        umoci("repack", "--image", lay + ":x", str(self.path("b2")))
        umoci("config", "--image", lay + ":x", "--config.entrypoint", "/serve", "--config.cmd", "now",
              "--config.exposedports", "80/tcp", "--config.user", "5")
        self.create(f"oci:{lay}:x")
        image = self.image()
        self.assertEqual(image.names("/etc"), {"keep", "added", "umld"})
        self.assertEqual((image.stat("/etc/keep")["uid"], image.stat("/etc/keep")["gid"]), (5, 6))
        self.assertIn("user=5\narg=/serve\narg=now\nport=80\n", image.text("/etc/umld/service"))


class Refused(OciCase):
    """What no honest registry has."""

    def manifest(self, **changes):
        value = {"schemaVersion": 2, "config": self.layout.json({"architecture": "amd64", "config": RUN}, CONFIG), "layers": []}
        value.update(changes)
        self.layout.add(self.layout.json(value, MANIFEST))

    def spoil(self, change):
        for blob in (self.layout.path / "blobs/sha256").iterdir():
            data = blob.read_bytes()
            if not data.startswith(b"{"):
                blob.write_bytes(change(data))

    def test_changed_layer(self):
        self.layout.image([{"a": file("x" * 1000)}], RUN)
        self.spoil(lambda data: data[:-9] + b"x" + data[-8:])
        self.refused("has another checksum")

    def test_cut_layer(self):
        self.layout.image([{"a": file("x" * 1000)}], RUN)
        self.spoil(lambda data: data[:-1])
        self.refused("is not the file of [0-9]+ bytes that it should be")

    def test_missing_layer(self):
        self.manifest(layers=[{"mediaType": LAYER, "digest": "sha256:" + "0" * 64, "size": 1}])
        self.refused("has no file sha256:0000")

    def test_link_in_place_of_a_layer(self):
        self.layout.image([{"a": file("")}], RUN)
        for blob in (self.layout.path / "blobs/sha256").iterdir():
            if not blob.read_bytes().startswith(b"{"):
                shutil.move(blob, self.path("elsewhere"))
                blob.symlink_to(self.path("elsewhere"))
        self.refused("has no file")

    def test_names_that_lead_out(self):
        for digest in ("sha256:../../../../etc/passwd", "../x", "sha512:" + "0" * 128, "sha256:" + "A" * 64, "", None, 7):
            with self.subTest(digest=digest):
                self.layout.manifests = []
                self.manifest(layers=[{"mediaType": LAYER, "digest": digest, "size": 1}])
                self.refused("is no SHA-256 digest")

    def test_layer_that_is_no_archive(self):
        self.layout.image([b"x" * 5000], RUN)
        self.refused("a layer of the container image is not a tar archive")

    def test_entries_that_lead_out(self):
        self.layout.image([{"../x": file("")}], RUN)
        self.refused("'..' in its name")
        self.layout.manifests = []
        self.layout.image([{"dir/.wh...": file("")}], RUN)
        self.refused("is a whiteout without the name of a file")

    def test_hostile_entries(self):
        """As in an archive (tests/host/test_image.py), in the second layer as well as in the first."""
        entry = {"absolute name": [tar_entry("/etc/passwd")],
                 r"hard link to a file that has '\.\.'": [tar_entry("l", type=tarfile.LNKTYPE, linkname="../../etc/passwd")],
                 "has a symbolic link in its path": [tar_entry("s", type=tarfile.SYMTYPE, linkname="/"),
                                                     tar_entry("l", type=tarfile.LNKTYPE, linkname="s/etc/passwd")],
                 "extended attribute": [tar_entry("x", tarfile.PAX_FORMAT, pax_headers={"SCHILY.xattr.user." + "n" * 300: "v"})],
                 "has no more than 4096 inodes": [tar_entry(f"f{n}") for n in range(20000)]}
        for why, entries in entry.items():
            for layers in ([b"".join(entries)], [{"etc": ("dir", 0o755)}, b"".join(entries)]):
                with self.subTest(why=why, layers=len(layers)):
                    self.layout.manifests = []
                    self.layout.image(layers, RUN)
                    begin = time.monotonic()
                    self.refused(why)
                    self.assertLess(time.monotonic() - begin, 30)
        self.layout.manifests = []
        self.layout.image([b"".join([tar_entry("s", type=tarfile.SYMTYPE, linkname="../../../../.."), tar_entry("s/x")])], RUN)
        self.create()
        self.assertTrue(self.image().exists("/x"))  # within the image, as the guest would see it

    def test_zeros(self):
        """10 GiB of them, in 10 MB."""
        size = 10 << 30
        info = tarfile.TarInfo("zeros")
        info.size = size
        head = info.tobuf(tarfile.GNU_FORMAT)
        part = gzip.compress(bytes(64 << 20), 1)
        self.layout.image([gzip.compress(head) + part * (size // (64 << 20))], RUN, compress=False)
        begin = time.monotonic()
        self.refused("far more than the image can|image of 32 MiB is full")
        self.assertLess(time.monotonic() - begin, 60)

    def test_broken_json(self):
        for text in ("", "{", "[]", "null", '{"manifests": {}}', '{"manifests": []}', '{"manifests": [7, null, []]}', "[" * 100000,
                     '{"layers": []}', '{"layers": [], "config": {"digest": 1}}', '{"manifests": [], "manifests": []}'):
            with self.subTest(text=text[:40]):
                (self.layout.path / "index.json").write_text(text, encoding="utf-8")
                self.refused("container image")

    def test_long_json(self):
        (self.layout.path / "index.json").write_text(" " * (5 << 20), encoding="utf-8")
        self.refused("more than 4 MiB")

    def test_index_in_itself(self):
        value = {"schemaVersion": 2, "manifests": []}
        for _ in range(5):
            value = {"schemaVersion": 2, "manifests": [self.layout.json(value, INDEX)]}
        self.layout.write_index(value)
        self.refused("container image")

    def test_too_many_layers(self):
        layer = {"mediaType": LAYER, **self.layout.blob(tar_of({}))}
        self.manifest(layers=[layer] * 513)
        self.refused("more than 512 layers")

    def test_negative_size(self):
        self.manifest(layers=[{"mediaType": LAYER, "digest": "sha256:" + "0" * 64, "size": -1}])
        self.refused("has no valid size")

    def test_no_program(self):
        self.layout.image([{"a": file("")}], {})
        self.refused("does not say what it runs")

    def test_no_layout(self):
        self.refused("has no index.json", f"oci:{self.top}")
        self.refused("No such file", f"oci:{self.top}/none")
        self.refused("name the image", "oci:", code=USAGE)
        self.refused("named by its own digest", None, "--sha256=" + "0" * 64, code=USAGE)

    def test_no_guest_init(self):
        self.layout.image([{"a": file("")}], RUN)
        self.refused("umld-guest-init is not installed", env={"UMLD_GUEST_INIT": "/none"})


class Registry(OciCase):
    """Debian's docker-registry, by TLS on the loopback interface of a namespace of its own."""

    def setUp(self):
        super().setUp()
        for program in ("skopeo", "docker-registry", "openssl"):
            if not shutil.which(program):
                self.skipTest("no " + program)
        if os.geteuid() != 0:
            self.skipTest("only root can make a network namespace")
        os.chmod(self.top, 0o755)
        self.make_certificate()
        (self.path("registry.yml")).write_text(
            f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {self.top}/registry}}}}\n"
            f"http: {{addr: '127.0.0.1:5000', tls: {{certificate: {self.top}/cert.pem, key: {self.top}/key.pem}}}}\n", encoding="utf-8")
        self.namespace = subprocess.Popen(["unshare", "-n", "sh", "-c", "ip link set lo up; echo; exec sleep 600"],
                                          stdout=subprocess.PIPE)
        self.addCleanup(self.end, self.namespace)
        self.namespace.stdout.readline()
        self.inside = ["nsenter", "-t", str(self.namespace.pid), "-n"]
        registry = subprocess.Popen([*self.inside, "docker-registry", "serve", self.path("registry.yml")],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, registry)
        self.wait_for(self.connects)
        self.env["SSL_CERT_FILE"] = f"{self.top}/cert.pem"

    def connects(self):
        return subprocess.run([*self.inside, "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/5000"], check=False,
                              stderr=subprocess.DEVNULL).returncode == 0

    def end(self, process):
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()

    def make_certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=registry", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.path("key.pem"),
                        "-out", self.path("cert.pem")], check=True, stderr=subprocess.DEVNULL)

    def push(self, name):
        subprocess.run([*self.inside, "skopeo", "copy", "--quiet", f"oci:{self.layout.path}", f"docker://127.0.0.1:5000/{name}"],
                       check=True, env=self.env, stdout=subprocess.DEVNULL)

    def create_inside(self, source, code=DONE, **more):
        self.command = self.inside + self.command
        try:
            return self.create(source, code=code, **more)
        finally:
            self.command = self.command[len(self.inside):]

    def test_pull(self):
        self.layout.image([{"a": file("1")}, {"b": file("2"), ".wh.a": file("")}], RUN)
        self.push("some/image:v1")
        self.create_inside("oci:127.0.0.1:5000/some/image:v1")
        image = self.image()
        self.assertEqual(image.text("/b"), "2")
        self.assertFalse(image.exists("/a"))
        self.assertEqual(sorted(p.name for p in self.path("state").iterdir()), ["web"])

    def test_by_digest(self):
        self.layout.image([{"a": file("1")}], RUN)
        self.push("image:latest")
        shown = subprocess.run([*self.inside, "skopeo", "inspect", "--raw", "docker://127.0.0.1:5000/image"], env=self.env,
                               stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual(json.loads(shown)["schemaVersion"], 2)
        self.create_inside("oci:127.0.0.1:5000/image@sha256:" + hashlib.sha256(shown).hexdigest())
        self.assertEqual(self.image().text("/a"), "1")

    def test_too_large(self):
        """A pull ends before it fills the host's disk."""
        self.layout.image([{"a": ("file", os.urandom(24 << 20), 0o644)}, {"b": ("file", os.urandom(24 << 20), 0o644)}], RUN)
        self.push("large:latest")
        p = self.create_inside("oci:127.0.0.1:5000/large", code=FAILED)
        self.assertIn("its layers are larger than the guest's image; use a larger --size", p.stderr)
        self.assertEqual(list(self.path("state").iterdir()), [])

    def test_not_there(self):
        p = self.create_inside("oci:127.0.0.1:5000/none", code=FAILED)
        self.assertRegex(p.stderr, "skopeo: .*(manifest unknown|name unknown)")
        self.assertNotIn("level=fatal", p.stderr)
        self.assertEqual(list(self.path("state").iterdir()), [])

    def test_not_trusted(self):
        self.layout.image([{"a": file("1")}], RUN)
        self.push("image:latest")
        p = self.create_inside("oci:127.0.0.1:5000/image", code=FAILED, env={"SSL_CERT_FILE": "/dev/null"})
        self.assertRegex(p.stderr, "x509|certificate")

    def test_unprivileged(self):
        """skopeo has no rights where umlctl is run by root."""
        where = self.path("bin")
        where.mkdir()
        (where / "skopeo").write_text("#!/bin/sh\nid -u >&2\ngrep CapEff /proc/self/status >&2\nexit 1\n", encoding="utf-8")
        (where / "skopeo").chmod(0o755)
        p = self.create("oci:x", code=FAILED, env={"PATH": f"{where}:{os.environ['PATH']}"})
        self.assertIn("skopeo: CapEff:\\x090000000000000000", p.stderr.replace("\t", "\\x09"))

    def test_no_skopeo(self):
        self.refused("install the package skopeo", "oci:x", env={"PATH": self.top})


if __name__ == "__main__":
    sys.exit(main())
