#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tools/guest-modules: the modules that a kernel needs in its guest, and no others. Boots with them are in test_kernels."""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import SOURCE, main

VERSION = "5.99.7-test"


class Modules(unittest.TestCase):
    def setUp(self):
        self.scratch = Path(tempfile.mkdtemp(prefix="umld-modules.", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.scratch)
        self.tree = self.scratch / "tree"
        self.tree.mkdir()
        self.source = self.scratch / "source"
        self.source.mkdir()
        self.modules({"kernel/net/ipv4/tcp_bbr.ko": ["kernel/lib/deep.ko.xz", "kernel/lib/deeper.ko"],
                      "kernel/lib/deep.ko.xz": ["kernel/lib/deeper.ko"], "kernel/lib/deeper.ko": [],
                      "kernel/net/sched/sch_fq_codel.ko": [], "kernel/net/sched/sch-fq.ko": [],
                      "kernel/net/ipv4/not_tcp_bbr.ko": []})

    def modules(self, files):
        for name in files:
            (self.source / name).parent.mkdir(parents=True, exist_ok=True)
            (self.source / name).write_text(name)
        (self.source / "modules.dep").write_text("".join(f"{name}:{''.join(' ' + d for d in needed)}\n"
                                                         for name, needed in files.items()))

    def run_it(self, *config, tree=None, modules=True):
        kernel = self.scratch / "kernel"
        kernel.write_text(f"#!/bin/sh\ncase $1 in\n--version) echo {VERSION} ;;\n"
                          f"--showconfig) echo '{chr(10).join(config)}' ;;\nesac\n")
        kernel.chmod(0o755)
        return subprocess.run([SOURCE / "tools/guest-modules", *(["--modules", self.source] if modules else []),
                               kernel, tree or self.tree], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              encoding="utf-8", timeout=60, check=False)

    def copied(self):
        top = self.tree / "lib/modules" / VERSION
        return sorted(str(f.relative_to(top)) for f in top.rglob("*.ko*")) if top.exists() else None

    def test_with_what_they_depend_on(self):
        done = self.run_it("CONFIG_TCP_CONG_BBR=m", "CONFIG_NET_SCH_FQ=m", "CONFIG_NET_SCH_FQ_CODEL=m")
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertEqual(self.copied(), ["kernel/lib/deep.ko.xz", "kernel/lib/deeper.ko", "kernel/net/ipv4/tcp_bbr.ko",
                                         "kernel/net/sched/sch-fq.ko"])

    def test_built_in(self):
        done = self.run_it("CONFIG_TCP_CONG_BBR=y", "# CONFIG_NET_SCH_FQ is not set")
        self.assertEqual((done.returncode, done.stdout, self.copied()), (0, "", None))

    def test_one_of_them(self):
        self.assertEqual(self.run_it("CONFIG_TCP_CONG_BBR=y", "CONFIG_NET_SCH_FQ=m").returncode, 0)
        self.assertEqual(self.copied(), ["kernel/net/sched/sch-fq.ko"])

    def test_module_missing(self):
        self.modules({"kernel/net/ipv4/tcp_bbr.ko": []})
        done = self.run_it("CONFIG_NET_SCH_FQ=m")
        self.assertEqual(done.returncode, 1)
        self.assertIn("has no module sch_fq", done.stdout)
        self.assertIsNone(self.copied())

    def test_links(self):
        """/lib is a link in most trees; one that leads out of the tree is not followed."""
        (self.tree / "usr/lib").mkdir(parents=True)
        (self.tree / "lib").symlink_to("usr/lib")
        self.assertEqual(self.run_it("CONFIG_NET_SCH_FQ=m").returncode, 0)
        self.assertTrue((self.tree / "usr/lib/modules" / VERSION / "kernel/net/sched/sch-fq.ko").exists())
        (self.tree / "lib").unlink()
        (self.tree / "lib").symlink_to(self.scratch)
        done = self.run_it("CONFIG_NET_SCH_FQ=m")
        self.assertEqual(done.returncode, 1)
        self.assertIn("leads out of", done.stdout)
        self.assertFalse((self.scratch / "modules").exists())

    def test_no_modules(self):
        done = self.run_it("CONFIG_NET_SCH_FQ=m", modules=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"the modules of Linux {VERSION} are not in", done.stdout)


if __name__ == "__main__":
    main()
