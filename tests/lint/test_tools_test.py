#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tools/test itself, with programs in the place of meson and ninja that say they have built everything."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import tap

SOURCE = Path(os.environ["UMLD_SOURCE_ROOT"])
MESON = """#!/bin/sh
case $1 in
setup) mkdir -p "$2"; touch "$2/build.ninja" ;;
introspect) echo '[{"suite": ["umld:unit"]}]' ;;
test) echo $$ >"$TESTING.new"; mv "$TESTING.new" "$TESTING"; exec sleep 1000 ;;
esac
"""


class ToolsTest(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("tools/test is for root")
        self.top = Path(tempfile.mkdtemp(prefix="umld-tools-test-"))
        self.addCleanup(shutil.rmtree, self.top)
        for name, text in (("tools/install-packages", "#!/bin/sh\n"), ("bin/ninja", "#!/bin/sh\n"), ("bin/meson", MESON)):
            path = self.top / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            path.chmod(0o755)
        (self.top / "bin/python3").symlink_to(sys.executable)
        shutil.copy(SOURCE / "tools/test", self.top / "tools")

    def test_terminated(self):
        """Nothing goes on of what it has started."""
        testing = self.top / "testing"
        run = subprocess.Popen([self.top / "tools/test", "unit"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               env={**os.environ, "PATH": f"{self.top}/bin:{os.environ['PATH']}", "TESTING": str(testing)})
        self.addCleanup(run.kill)
        end = time.monotonic() + 60
        while not testing.exists():
            self.assertLess(time.monotonic(), end, "no test was begun")
            self.assertIsNone(run.poll())
            time.sleep(0.05)
        work = [w for w in Path("/var/tmp").glob("umld-test-*") if w.owner() == "root"]
        meson = int(testing.read_text(encoding="ascii"))
        run.send_signal(signal.SIGTERM)
        self.assertEqual(run.wait(30), 128 + signal.SIGTERM)
        with self.assertRaises(ProcessLookupError):
            os.kill(meson, 0)
        self.assertTrue(any(not w.exists() for w in work))


if __name__ == "__main__":
    tap.main()
