#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages: what tools/package makes of the sources, and what the tools of the distributions think of it."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import packages  # noqa: E402
from packages import DIRECTORY, VERSION  # noqa: E402
from umlctltest import Umld  # noqa: E402
from umldtest import BUILD, SOURCE, main  # noqa: E402

# What must be in a package of umld on any distribution; the directories differ.
PARTS = ["bin/umlctl", "bin/umld", "umld-init", "umld-disk-check", "umld-notify", "umld-image", "umld-fetch", "umld-guest-init",
         "umld-cpu-fix.so", "umld-console-fix.so", "umld@.service", "umld.target", "multi-user.target.d/umld.conf",
         "sysusers.d/umld.conf", "tmpfiles.d/umld.conf", "recipes/openrc.recipe", "completions/umlctl",
         "site-functions/_umlctl", "man1/umlctl.1", "man5/umld.conf.5", "man8/umld.8"]


def output(*words, **options):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, encoding="utf-8", **options).stdout


def contents(deb):
    return output("sh", "-c", 'dpkg-deb --fsys-tarfile "$1" | tar -t', "sh", deb).split()


class Case(unittest.TestCase):
    maxDiff = None
    timeout = 900  # a build takes minutes on a busy machine

    def setUp(self):
        self.work = Path(tempfile.mkdtemp(prefix="umld-packages-", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.work)

    def assert_whole(self, names):
        names = [name.rstrip("/") for name in names]
        for part in PARTS:
            found = [n for n in names if n.endswith("/" + part) or n.endswith(f"/{part}.gz")
                     or n.endswith("/" + part.replace("bin/", "sbin/", 1))]
            self.assertTrue(found, f"{part} is missing: {names}")


class Source(Case):
    """The source archive of meson dist, and that of tools/package."""

    def test_both_have_all_files(self):
        packages.package(self.work, "tar")
        with tarfile.open(self.work / f"umld-{VERSION}.tar.xz") as tar:
            ours = {m.name: tar.extractfile(m).read() if m.isfile() else m.linkname for m in tar}
        tracked = output("git", "-C", SOURCE, "ls-files", "-z").split("\0")[:-1]
        self.assertEqual(sorted(ours), sorted(f"umld-{VERSION}/{name}" for name in tracked))
        output("meson", "dist", "-C", BUILD, "--no-tests", "--formats", "xztar", stderr=subprocess.DEVNULL)
        with tarfile.open(Path(BUILD) / f"meson-dist/umld-{VERSION}.tar.xz") as tar:
            mesons = {m.name: tar.extractfile(m).read() if m.isfile() else m.linkname for m in tar if not m.isdir()}
        committed = output("git", "-C", SOURCE, "ls-tree", "-rz", "--name-only", "HEAD").split("\0")[:-1]
        self.assertEqual(sorted(mesons), sorted(f"umld-{VERSION}/{name}" for name in committed))
        if not output("git", "-C", SOURCE, "status", "--porcelain", "--untracked-files=no"):
            self.assertEqual([n for n in ours if ours[n] != mesons[n]], [])


class Debian(Case):
    @classmethod
    def setUpClass(cls):
        cls.directory = packages.debs()

    def test_lintian(self):
        changes = list(self.directory.glob(f"umld_{VERSION}_*.changes"))
        self.assertEqual(len(changes), 1)
        with tempfile.TemporaryDirectory(dir="/var/tmp") as work:  # it leaves files behind
            done = subprocess.run(["lintian", "--allow-root", "--pedantic", "--fail-on=error,warning,pedantic", changes[0]],
                                  check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
                                  env={**os.environ, "TMPDIR": work})
        self.assertEqual((done.stdout, done.returncode), ("", 0))

    def test_contents(self):
        self.assert_whole(contents(packages.deb()))
        self.assertRegex(output("dpkg-deb", "-f", packages.deb(), "Recommends"), r"\buser-mode-linux\b")
        size, installed = os.path.getsize(packages.deb()), int(output("dpkg-deb", "-f", packages.deb(), "Installed-Size"))
        print(f"# {packages.deb().name}: {size // 1024} KiB, {installed} KiB installed")
        # What README.md tells of it, as long as it is not far from the truth.
        told = re.search(r"The Debian package has ([0-9.]+) MiB, ([0-9.]+) MB once installed",
                         (SOURCE / "README.md").read_text(encoding="utf-8"))
        self.assertAlmostEqual(float(told[1]) * 1024 * 1024 / size, 1, delta=0.15)
        self.assertAlmostEqual(float(told[2]) * 1000 / installed, 1, delta=0.15)

    def test_tools_and_doc(self):
        for name, words in (("cockpit-umld", ["./usr/share/cockpit/umld/manifest.json", "./usr/share/cockpit/umld/app.js",
                                              "./usr/share/cockpit/umld/term.js"]),
                            ("umld-tools", ["./usr/bin/umld-build-kernel", "./usr/share/umld/tools/kernel/needed.config",
                                            "./usr/share/man/man1/umld-build-kernel.1.gz"]),
                            ("umld-doc", ["./usr/share/doc/umld/README.md.gz",
                                          "./usr/share/doc/umld-doc/examples/umld.conf.example"])):
            listed = contents(packages.deb(name))
            for word in words:
                self.assertIn(word, listed)

    def test_tools_work_where_they_are_installed(self):
        subprocess.run(["dpkg-deb", "-x", packages.deb("umld-tools"), self.work], check=True)
        self.assertIn("--flavour", output(self.work / "usr/bin/umld-build-kernel", "--help"))

    def test_built_again_elsewhere(self):
        """At another time, in another place, with another locale and time zone: the same bytes."""
        packages.package(self.work, "deb", TZ="Pacific/Kiritimati", LC_ALL="C", HOME="/nonexistent",
                         DEB_BUILD_OPTIONS="nocheck")
        again = {p.name: packages.sha256(p) for p in self.work.iterdir() if p.suffix in (".deb", ".xz", ".dsc")}
        self.assertEqual({name: packages.sha256(DIRECTORY / name) for name in again}, again)
        self.assertEqual(len([name for name in again if name.endswith(".deb")]), 5)


class Others(Case):
    def test_rpm(self):
        packages.package(self.work, "--quick", "rpm")
        rpm = next(self.work.glob(f"umld-{VERSION}-*.x86_64.rpm"))
        self.assert_whole(output("rpm", "-qlp", rpm).split())
        scripts = output("rpm", "-qp", "--scripts", rpm)
        for script in re.split(r"(?m)^\w+ (?:scriptlet|program).*\n", scripts)[1:]:
            subprocess.run(["sh", "-n"], input=script, check=True, encoding="utf-8")
        self.assertIn("/usr/bin/umld-build-kernel", output("rpm", "-qlp", next(self.work.glob("umld-tools-*.noarch.rpm"))))
        self.assertIn("/usr/share/cockpit/umld/app.js", output("rpm", "-qlp", next(self.work.glob("cockpit-umld-*.noarch.rpm"))))
        self.check_life_of_rpm(rpm)

    def make_root(self):
        """A root with what the scriptlets and umlctl need, of this machine."""
        root = self.work / "root"
        for directory in ("etc", "usr/bin", "run", "tmp", "var/lib/rpm"):
            (root / directory).mkdir(parents=True)
        for link in ("bin", "sbin", "usr/sbin", "lib", "lib64"):
            (root / link).symlink_to("bin" if link == "usr/sbin" else "usr/bin")
        programs = [shutil.which(name) for name in ("sh", "getent", "groupadd", "systemd-tmpfiles")]
        libraries = output("ldd", *programs, BUILD / "umlctl/umlctl")
        for file in (*programs, *re.findall(r"(/\S+) \(0x", libraries)):
            shutil.copy(file, root / "usr/bin")
        for name, text in (("passwd", "root:x:0:0:root:/root:/bin/sh\n"), ("group", "root:x:0:\n"), ("gshadow", ""), ("login.defs", "")):
            (root / "etc" / name).write_text(text, encoding="ascii")
        (root / "etc/ld.so.conf").write_text("/usr/bin\n/usr/bin/systemd\n", encoding="ascii")
        subprocess.run(["ldconfig", "-r", root], check=True)
        (root / "dev").mkdir()
        os.mknod(root / "dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        return root

    def rpm(self, root, *words):
        """The scriptlets run with that root; what they say."""
        return output("rpm", "--root", root, "--nodeps", "--force-debian", *words, stderr=subprocess.STDOUT)

    def check_life_of_rpm(self, rpm):
        """Installed, upgraded under a running guest, removed: each scriptlet does what it is for."""
        root = self.make_root()
        self.assertEqual(self.rpm(root, "-i", rpm), "")
        gid, = re.findall(r"(?m)^umld:x:(\d+):", (root / "etc/group").read_text(encoding="ascii"))
        log = os.stat(root / "var/log/umld")
        self.assertEqual((log.st_mode & 0o7777, log.st_gid), (0o750, int(gid)))
        self.assertIn(VERSION, output("chroot", root, "/usr/bin/umlctl", "--version"))
        guest = Umld(str(root / "run/umld/web/bus"))
        self.addCleanup(guest.close)
        guest.set(Name="web", State="running", Wanted="up", Pid=4711)
        guest.on_call["Reexec"] = lambda: guest.set(Reexecs=1)
        guest.on_call["Stop"] = lambda: (guest.set(LastVerdict="stopped"), guest.state("stopped"), guest.end())
        (root / "etc/umld/web.conf").touch()
        self.assertEqual(self.rpm(root, "-U", "--force", rpm), "")
        self.assertEqual((guest.calls.count("Reexec"), guest.calls.count("Stop")), (1, 0))
        self.assertEqual(self.rpm(root, "-e", "umld"), "")
        self.assertEqual(guest.calls.count("Stop"), 1)
        self.assertFalse((root / "usr/bin/umlctl").exists())
        self.assertTrue((root / "etc/umld/web.conf").exists())

    def test_arch(self):
        packages.package(self.work, "--quick", "arch")
        with tarfile.open(next(self.work.glob(f"umld-{VERSION}-*.pkg.tar.xz"))) as tar:
            names = tar.getnames()
            info = tar.extractfile(".PKGINFO").read().decode()
        self.assert_whole([f"/{name}" for name in names])
        self.assertIn(".INSTALL", names)
        self.assertIn(f"pkgver = {VERSION}-1", info)
        # Every file that makepkg is to keep on upgrades is there, and each below /etc is kept.
        backup = set(re.findall(r"backup = (\S+)", info))
        self.assertEqual(backup, {n for n in names if n.startswith("etc/") and n.endswith(".conf")})
        self.check_scriptlets_of_arch(SOURCE / "packaging/umld.install")

    def check_scriptlets_of_arch(self, script):
        """pacman calls these functions of it; a running guest has a socket."""
        subprocess.run(["bash", "-n", script], check=True)
        (self.work / "bin").mkdir()
        umlctl, told = self.work / "bin/umlctl", self.work / "told"
        umlctl.write_text(f'#!/bin/sh\necho "$*" >>{told}\n', encoding="ascii")
        umlctl.chmod(0o755)
        for function, right in (("post_upgrade 0.2.0-1 0.1.0-1", "--quiet reexec --all\n"), ("pre_remove 0.2.0-1", "--quiet stop web\n")):
            told.write_text("", encoding="ascii")
            subprocess.run(["unshare", "--mount", "--propagation", "private", "bash", "-ec", "mount -t tmpfs run /run; mkdir -p /run/umld/web; "
                            "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"/run/umld/web/bus\")'; "
                            f". {script}; PATH={self.work}/bin:$PATH; {function}"], check=True)
            self.assertEqual(told.read_text(encoding="ascii"), right)


if __name__ == "__main__":
    main()
