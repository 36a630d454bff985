#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl create, export and import without memory: each ends in one line that says why and leaves nothing behind, or is
whole."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umlctltest import Case
from umldtest import BUILD, DONE, SOURCE, main

# Of the requests of umlctl for memory, and of umld-image's. Nothing is started twice with the same.
FEW = [*range(1, 40), *range(40, 110, 4)]
MANY = range(1, 900, 37)


class Memory(Case):
    def setUp(self):
        super().setUp()
        tree = Path(self.top, "tree")
        for directory in ("etc", "sbin"):
            (tree / directory).mkdir(parents=True)
        (tree / "etc/os-release").write_text("ID=test\n", encoding="utf-8")
        (tree / "sbin/init").write_text("#!/bin/sh\n", encoding="utf-8")
        self.env.update(UMLD_IMAGE=str(BUILD / "imager/umld-image"), UMLD_RECIPES=str(SOURCE / "recipes"))
        self.words = ("--from", str(tree), "--size=8M", "--recipe=bare", "--quiet", "--set=FastNetwork=no")

    def left(self):
        return {str(p.relative_to(self.top)) for kind in ("config", "state", "log", "runtime") for p in Path(self.top, kind).rglob("*")}

    def check(self, program, points, made, *words, **more):
        """Every point fails its request, and those at its multiples."""
        before, failed = self.left(), 0
        for k in points:
            with self.subTest(words[0], program=program, k=k):
                p = self.run_umlctl(*words, env={"LD_PRELOAD": str(BUILD / "tests/lib/fail-malloc.so"), "FAIL_MALLOC_IN": program,
                                                 "FAIL_MALLOC_EVERY": str(k), "FAIL_MALLOC_AFTER": str(k)}, **more)
                if p.returncode == DONE:
                    self.assertLessEqual(set(made), self.left())
                    for path in sorted(self.left() - before, reverse=True):
                        whole = Path(self.top, path)
                        (whole.rmdir if whole.is_dir() else whole.unlink)()
                    continue
                failed += 1
                self.assertGreater(p.returncode, 0)
                self.assertRegex(p.stderr, r"\Aumlctl: [^\n]*\n\Z")
                if program == "umlctl":  # libarchive does not tell which of its errors were for lack of memory
                    self.assertNotRegex(p.stderr, "has no configuration|not an export|No such file|there is no recipe")
                self.assertEqual(self.left(), before)
        self.assertGreater(failed, 8)

    def test_create(self):
        made = ("config/web.conf", "state/web/root.img")
        self.check("umlctl", FEW, made, "create", "web", *self.words)
        self.check("umld-image", MANY, made, "create", "web", *self.words)

    def test_moves(self):
        self.expect(DONE, "create", "web", *self.words)
        file = os.path.join(self.top, "web.export")
        with open(file, "wb") as out:
            self.expect(DONE, "export", "web", stdout=out)
        with open(os.devnull, "wb") as out:
            self.check("umlctl", FEW, (), "export", "web", stdout=out)
            self.check("umld-image", FEW, (), "export", "web", stdout=out)
        made = ("config/two.conf", "state/two/root.img")
        self.check("umlctl", FEW, made, "import", file, "--name=two", "--quiet")
        self.check("umld-image", FEW, made, "import", file, "--name=two", "--quiet")


if __name__ == "__main__":
    sys.exit(main())
