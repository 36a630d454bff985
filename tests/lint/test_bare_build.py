#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who has what is needed to build umld, and nothing that only its tests need, gets a build that can be installed."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import tap

SOURCE = os.environ["UMLD_SOURCE_ROOT"]


def output(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout


class BareBuild(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = Path(tempfile.mkdtemp(prefix="umld-bare-build-"))
        cls.addClassCleanup(shutil.rmtree, cls.work)
        cls.libraries = cls.work / "pkgconfig"
        cls.libraries.mkdir()
        # The first directory that has a library is the one that pkg-config takes.
        for directory in reversed(output("pkg-config", "--variable=pc_path", "pkg-config").strip().split(":")):
            for file in Path(directory).glob("*.pc"):
                (cls.libraries / file.name).unlink(missing_ok=True)
                (cls.libraries / file.name).symlink_to(file)
        (cls.libraries / "cmocka.pc").unlink()

    def setup(self, name, *options):
        environment = {k: v for k, v in os.environ.items() if k != "PKG_CONFIG_PATH"}
        return subprocess.run(["meson", "setup", *options, self.work / name, SOURCE], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False,
                              env={**environment, "PKG_CONFIG_LIBDIR": str(self.libraries)})

    def introspect(self, name, what):
        return json.loads(output("meson", "introspect", what, self.work / name))

    def test_without_cmocka(self):
        done = self.setup("auto", "--prefix=/usr", "-Dinit-script=openrc")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"tests *: NO")
        self.assertEqual(self.introspect("auto", "--tests"), [])
        installed = {os.path.basename(path) for path in self.introspect("auto", "--installed").values()}
        self.assertLessEqual({"umld", "umlctl", "umld-init", "umld-disk-check", "umld@.service", "umld.8"}, installed)
        # The boot script of hosts without systemd, where it is asked for.
        self.assertIn("/etc/init.d/umld", self.introspect("auto", "--installed").values())
        script = (self.work / "auto/init/umld").read_text(encoding="utf-8")
        self.assertTrue(script.startswith("#!/sbin/openrc-run\n"), script[:200])
        self.assertIn("\numlctl=/usr/bin/umlctl\n", script)

    def test_tests_that_were_asked_for(self):
        """Those are an error where they cannot be had, which tools/test relies on."""
        done = self.setup("enabled", "-Dtests=enabled")
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn("cmocka", done.stdout)


if __name__ == "__main__":
    tap.main()
