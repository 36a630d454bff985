#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An installation holds what it should, where it should, and its units please systemd."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import documents
import tap

SOURCE = os.environ["UMLD_SOURCE_ROOT"]
BUILD = os.environ["UMLD_BUILD_ROOT"]

# systemd-analyze security: 0 is safe, 10 is not; times ten. What is above this is a line of the sandbox lost.
EXPOSURE = 48

WANTED = [
    "bin/umlctl",
    "sbin/umld",
    "libexec/umld/umld-init",
    "libexec/umld/umld-keeper",
    "libexec/umld/umld-disk-check",
    "libexec/umld/umld-notify",
    "libexec/umld/umld-image",
    "libexec/umld/umld-modules",
    "libexec/umld/umld-fetch",
    r"lib/umld/umld-cpu-fix\.so",
    r"lib/umld/umld-console-fix\.so",
    r"lib/umld/umld-tun-fix\.so",
    r"lib/umld/umld-image-fix\.so",
    r"lib/systemd/system/umld@\.service",
    r"lib/systemd/system/umld\.target",
    r"lib/systemd/system-generators/umld-generator",
    r"lib/systemd/system/umld-metrics\.service",
    r"lib/systemd/system/umld-metrics\.timer",
    r"lib/systemd/system/multi-user\.target\.d/umld\.conf",
    r"lib/sysusers\.d/umld\.conf",
    r"lib/tmpfiles\.d/umld\.conf",
    r"share/umld/recipes/openrc\.recipe",
    "share/umld/recipes/network",
    r"share/umld/umlctl\.schema\.json",
    r"share/umld/prometheus/umld\.rules\.yml",
    r"share/umld/prometheus/umld-dashboard\.json",
    r"share/cockpit/umld/manifest\.json",
    r"share/cockpit/umld/umld\.css",
    "share/bash-completion/completions/umlctl",
    r"share/fish/vendor_completions\.d/umlctl\.fish",
]


def run(*words, **options):
    return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          encoding="utf-8", check=False, **options)


FAIL2BAN = ["fail2ban/action.d/umld.conf", "fail2ban/action.d/umld-nft.conf"]


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = tempfile.mkdtemp(prefix="umld-install-")
        cls.addClassCleanup(shutil.rmtree, cls.work)
        cls.root = f"{cls.work}/root"
        cls.build_as_told()
        options = json.loads(run("meson", "introspect", "--buildoptions", BUILD).stdout)
        cls.prefix = next(o["value"] for o in options if o["name"] == "prefix")
        cls.units = f"{cls.root}{cls.prefix}/lib/systemd/system"

    @classmethod
    def build_as_told(cls):
        """By the commands of README.md, with the build directory of this test, which others use now: it is not built again."""
        for line in documents.shown("README.md", "meson install").splitlines():
            words = [BUILD if word == "build" and i > 1 else word for i, word in enumerate(line.split())]
            words += {"ninja": ["-n"], "meson setup": [SOURCE], "meson install": ["--no-rebuild"]}.get(
                "ninja" if words[0] == "ninja" else " ".join(words[:2]), [])
            done = run(*words, cwd=SOURCE, env=dict(os.environ, DESTDIR=cls.root))
            if done.returncode != 0:
                raise AssertionError(f"{' '.join(words)}: {done.stdout}")

    def files(self):
        return [os.path.join(top, name)[len(self.root):]
                for top, _, names in os.walk(self.root) for name in names]

    def test_all_there(self):
        for wanted in WANTED:
            pattern = re.compile(re.escape(self.prefix) + "/" + wanted)
            self.assertTrue(any(pattern.fullmatch(f) for f in self.files()), f"{wanted} is not in {self.files()}")

    def test_actions_of_fail2ban(self):
        for wanted in FAIL2BAN:
            self.assertTrue(any(f.endswith(f"/etc/{wanted}") for f in self.files()), f"{wanted} is not in {self.files()}")

    def test_nothing_outside_the_prefix(self):
        self.assertEqual([f for f in self.files() if not f.startswith((self.prefix + "/", "/etc/"))], [])

    def test_programs_run_from_there(self):
        for program in ("sbin/umld", "bin/umlctl"):
            done = run(f"{self.root}{self.prefix}/{program}", "--version")
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertRegex(done.stdout, r"\d+\.\d+")
            # In a moved installation, too, each finds its companions there.
            for line in done.stdout.splitlines():
                if "umld-" in line:
                    self.assertIn(f"found: {self.root}{self.prefix}/", line)
            self.assertIn("umld-init" if program == "sbin/umld" else "umld-guest-init", done.stdout)

    def unit_for_analysis(self):
        """The unit with programs that exist, in a directory of its own."""
        directory = f"{self.work}/units"
        os.makedirs(directory, exist_ok=True)
        for name, order in (("umld@", "ExecStart={}/sbin/umld %i"), ("umld-orphan@", "ExecStop={}/sbin/umld --stop %i"),
                            ("umld-metrics", "ExecStart={}/bin/umlctl metrics --textfile=")):
            with open(f"{self.units}/{name}.service", encoding="utf-8") as unit:
                text = unit.read()
            self.assertNotIn("bindir@", text)
            self.assertIn(order.format(self.prefix), text)
            with open(f"{directory}/{name}.service", "w", encoding="utf-8") as unit:
                unit.write(text.replace(f"={self.prefix}/", f"={self.root}{self.prefix}/"))
        for each in ("umld.target", "umld-metrics.timer"):
            shutil.copy(f"{self.units}/{each}", directory)
        shutil.copytree(f"{self.units}/multi-user.target.d", f"{directory}/multi-user.target.d", dirs_exist_ok=True)
        return directory

    def test_systemd_has_no_complaint(self):
        directory = self.unit_for_analysis()
        done = run("systemd-analyze", "verify", "--man=no", "umld@web.service", "umld-orphan@web.service", "umld.target", "umld-metrics.timer",
                   "umld-metrics.service", "multi-user.target",
                   env=dict(os.environ, SYSTEMD_UNIT_PATH=f"{directory}:"))
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_sandbox_is_whole(self):
        done = run("systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={EXPOSURE}",
                   f"{self.unit_for_analysis()}/umld@.service")
        self.assertEqual(done.returncode, 0, done.stdout.splitlines()[-1])

    def test_each_line_of_the_sandbox_has_its_reason(self):
        with open(f"{self.units}/umld@.service", encoding="utf-8") as unit:
            sandbox = unit.read().split("sandbox.", 1)[1].split("[Install]")[0]
        lines = sandbox.splitlines()
        keys = [line.split("=")[0] for line in lines]
        bare = [line for i, line in enumerate(lines) if re.match(r"[A-Z]\w+=", line)
                and not lines[i - 1].startswith("#") and not re.match(r"[A-Z]\w+=", lines[i - 1])]
        self.assertEqual(bare, [])
        self.assertGreater(len(set(filter(None, keys))), 10)

    def generated(self, config, groups="0::/init.scope\n", release="6.1.0-13-amd64"):
        """What the generator makes of a guest's configuration, and the directories of what it makes for others."""
        with tempfile.TemporaryDirectory(dir=self.work) as top:
            os.makedirs(f"{top}/config/web.conf.d")
            os.mkdir(f"{top}/out")
            os.symlink("/home/web", f"{top}/link")
            os.symlink("/srv/home", f"{top}/home")
            for file, text in config.items():
                if text.startswith("->"):
                    os.symlink(text[2:], f"{top}/config/{file}")
                    continue
                with open(f"{top}/config/{file}", "w", encoding="utf-8") as part:
                    part.write(text.replace("TOP", top))
            with open(f"{top}/groups", "w", encoding="utf-8") as file:
                file.write(groups)
            Path(f"{top}/osrelease").write_text(f"{release}\n", encoding="ascii")
            done = run("sh", f"{SOURCE}/systemd/umld-generator", f"{top}/out",
                       env=dict(os.environ, UMLD_CONFIG_DIR=f"{top}/config", UMLD_INIT_CGROUPS=f"{top}/groups",
                                UMLD_OSRELEASE=f"{top}/osrelease",
                                UMLD_HOMES=f"/home /root /run/user {top}/home"))
            self.assertEqual((done.returncode, done.stdout), (0, ""))
            made, common, own = {}, set(), set()
            for path in Path(f"{top}/out").glob("*/*.conf"):
                made[path.parent.name] = path.read_text(encoding="utf-8").splitlines()[2:]
                (common if path.parent.name == "umld@.service.d" else own).add(path.name)
            self.assertFalse(common & own)  # of files with one name systemd reads that of the guest alone
            return made.get("umld@web.service.d", []), set(made) - {"umld@web.service.d"}

    def test_generator_opens_what_a_guest_needs(self):
        home, tmp = ["ProtectHome=no", "ReadWritePaths=-/home"], ["PrivateTmp=no", "ReadWritePaths=-/tmp"]
        bits = ["CapabilityBoundingSet=CAP_MKNOD", "RestrictSUIDSGID=no"]
        block = ["DeviceAllow=block-* rw", "PrivateDevices=no"]
        device = f"/dev/{os.listdir('/sys/block')[0]}"
        for text, lines in (("Memory=32M\n[Network]\nGuestAddress=10.0.0.2/24\nForward=tcp/80:80", []),
                            ("Disk=/var/lib/umld/web/root.img,cow=/srv/web", []),
                            ("Kernel=/usr/bin/linux.uml\n[Log]\nFile=/var/log/umld/web.log", []),
                            ("#Disk=/home/web.img\n ; Disk=/tmp/x", []),
                            ("Disk=/homes/web.img", ["ReadWritePaths=-/homes"]),
                            ("Disk=/home/web.img", home),
                            ("Disk = /srv/base.img,cow=/root/web.cow", ["ProtectHome=no", "ReadWritePaths=-/root"]),
                            ("Disk=/srv/../home/web.img", home),
                            ("Share=/run/user/1000,ro", home[:1]),
                            ("Disk=/var/tmp/a b.img", tmp[:1]),
                            ("Disk=/tmp/web.img\nDisk=/home/web.img", home + tmp),
                            ("Share=/", ["PrivateTmp=no", "ProtectHome=no", "ProtectSystem=full"]),
                            ("Share=/run", home[:1]),
                            ("Disk=/srv/home/web.img", home[:1]),
                            ("Disk=/srv/web.img", []),
                            (f"Disk={device}", block),
                            (f"Disk={device},ro\nDisk=/home/web.img", block + home),
                            ("PrivateRoot=no", ["PrivateDevices=no"]),
                            ("PrivateRoot=yes", []),
                            ("Proxy=tcp/80", ["IPAddressAllow=any"]),
                            ("[Notify]\nCommand=/usr/bin/mail root", ["IPAddressAllow=any"]),
                            *((f"GuestAddress={address}", []) for address in ("auto", "192.168.7.2", "172.31.0.2/24", "100.127.0.2")),
                            *((f"GuestAddress={address}", ["IPAddressAllow=any"])
                              for address in ("172.32.0.2", "192.0.2.7/24", "100.128.0.1")),
                            ("Root=hostfs:/srv/web", bits),
                            (" Root = hostfs:/home/web", bits + home)):
            self.assertEqual(self.generated({"web.conf": f"[Guest]\n{text}\n"}), (sorted(lines), set()), text)
        self.assertEqual(self.generated({"web.conf": "[Guest]\n", "web.conf.d/disk.conf": "[Guest]\nDisk=/home/web.img\n"}),
                         (home, set()))
        for disk in "TOP/link/web.img", "TOP/home/web.img":  # the path as it is written may be in /tmp
            self.assertIn(home[0], self.generated({"web.conf": f"[Guest]\nDisk={disk}\n"})[0])
        self.assertEqual(self.generated({"web.conf": "->elsewhere", "elsewhere": "[Guest]\nRoot=hostfs:/home/web\n"}),
                         (sorted(home + bits), set()))
        self.assertEqual(self.generated({"web.conf": "[Guest]\n", "part": "[Guest]\nDisk=/home/web.img\nRoot=hostfs:/srv\n",
                                         "web.conf.d/a.conf": "->../part"}), (sorted(home + bits), set()))
        self.assertEqual(self.generated({"web.conf": "[Guest]\nDisk=TOP/link/a\n", "two.conf": "[Guest]\nDisk=/root/a\n"})[1],
                         {"umld@two.service.d"})

    def test_generator_with_a_file_server_that_does_not_respond(self):
        """systemd waits for its generators."""
        with tempfile.TemporaryDirectory(dir=self.work) as path:
            Path(f"{path}/realpath").write_text(f"#!/bin/sh\n[ \"$1\" = -ms ] || exec sleep 100\nexec {shutil.which('realpath')} \"$@\"\n",
                                                encoding="utf-8")
            os.chmod(f"{path}/realpath", 0o755)
            with mock.patch.dict(os.environ, PATH=f"{path}:{os.environ['PATH']}"):
                self.assertEqual(self.generated({"web.conf": "[Guest]\nDisk=/home/web.img\n"}), (["ProtectHome=no", "ReadWritePaths=-/home"], set()))

    def test_generator_without_guests(self):
        self.assertEqual(self.generated({}), ([], set()))
        self.assertEqual(self.generated({}, "4:memory:/\n1:name=systemd:/init.scope\n0::/init.scope\n"), ([], set()))

    def test_generator_in_a_container_without_a_cgroup_namespace(self):
        groups = "4:memory:/lxc/vps\n1:name=systemd:/lxc/vps/init.scope\n"
        self.assertEqual(self.generated({}, groups), ([], {"umld@.service.d"}))
        self.assertEqual(self.generated({"web.conf": "[Guest]\nDisk=/home/web.img\n"}, groups),
                         (["ProtectHome=no", "ReadWritePaths=-/home"], {"umld@.service.d"}))

    def test_generator_where_groups_do_not_tell_whose_a_port_is(self):
        for groups, release, told in (("0::/init.scope\n", "5.8.0", True), ("0::/init.scope\n", "10.1-rc1", True),
                                      ("0::/init.scope\n", "5.7.19-vps", False), ("0::/init.scope\n", "3.10.0-1160", False),
                                      ("1:name=systemd:/init.scope\n0::/\n", "6.1.0", False),
                                      ("1:name=systemd:/init.scope\n", "6.1.0", False)):
            self.assertEqual(self.generated({}, groups, release), ([], set() if told else {"umld@.service.d"}), (groups, release))

    def test_users_and_directories(self):
        """systemd's own tools understand the two files, in a root of their own."""
        os.makedirs(f"{self.root}/etc", exist_ok=True)
        lib = f"{self.prefix}/lib"
        for tool, file in (("systemd-sysusers", "sysusers.d"), ("systemd-tmpfiles", "tmpfiles.d")):
            words = [tool, f"--root={self.root}", f"{self.root}{lib}/{file}/umld.conf"]
            if tool == "systemd-tmpfiles":
                words.insert(1, "--create")
            done = run(*words)
            self.assertEqual(done.returncode, 0, done.stdout)
        with open(f"{self.root}/etc/group", encoding="utf-8") as group:
            self.assertRegex(group.read(), r"(?m)^umld:")
        self.assertEqual(os.stat(f"{self.root}/var/lib/umld").st_mode & 0o777, 0o711)
        self.assertEqual(os.stat(f"{self.root}/run/umld").st_mode & 0o777, 0o711)
        self.assertEqual(os.stat(f"{self.root}/var/log/umld").st_mode & 0o777, 0o750)


if __name__ == "__main__":
    tap.main()
