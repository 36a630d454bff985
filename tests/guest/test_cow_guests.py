#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl disk with what real kernels have written into their copy-on-write files."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import cow  # noqa: E402
from ext4 import Image  # noqa: E402
from umldtest import DONE, FAILED, SOURCE, TestCase, clean_file_system, each_kernel, main  # noqa: E402

PORT = 8080


class Changes(TestCase):
    """The tests; add_kernels() makes one class of it for each kernel."""

    kernel = None
    shm = "256M"

    def setUp(self):
        super().setUp()
        self.base, self.cow = self.world.state_dir / "base.img", self.world.state_dir / "web/root.cow"
        self.do("create", "base", "--size=64M", f"--copy={SOURCE}/tests/guest/overlay/srv/www/cgi-bin/do:/srv/www/cgi-bin/do")
        (self.world.state_dir / "base/root.img").rename(self.base)
        self.base.chmod(0o644)
        os.utime(self.base, (1700000000, 1700000000))
        self.configure("web", 0)

    def configure(self, name, n):
        self.world.guest(name, kernel=self.kernel, Supervise={"Ready": "guest"},
                         Guest={"Disk": f"{self.base},cow={self.world.state_dir}/{name}/root.cow"},
                         Network={"Tap": f"tap{n}", "HostAddress": f"10.0.{n}.1/24", "GuestAddress": f"10.0.{n}.2",
                                  "Transport": "vector", "Forward": f"tcp/{PORT + n}:80"})

    def do(self, *words, code=DONE):
        p = self.world.umlctl(*words)
        self.assertEqual(p.returncode, code, p.stdout + p.stderr)
        return p.stdout + p.stderr

    def order(self, command, port=PORT):
        return self.world.fetch(port, "/cgi-bin/do?" + command.replace(" ", "+"), timeout=5)

    def test_all(self):
        """A snapshot of the running guest, back to it, and commit; another guest on the same backing file is not disturbed."""
        before = self.base.read_bytes()
        umld = self.daemon().wait_ready(60)
        self.order("touch /root/kept")
        said = self.do("disk", "web", "snapshot", "live", "--live")
        self.assertRegex(said, r"web: was frozen for \d+ ms\n")
        self.order("touch /root/lost")
        self.assertIn("is running", self.do("disk", "web", "reset", "--force", code=FAILED))
        self.configure("mail", 1)
        mail = self.daemon("mail").wait_ready(60)
        self.order("touch /root/of-mail", PORT + 1)
        self.assertEqual(umld.stop(40), DONE)
        (self.world.dir / "seen").write_bytes(cow.view(self.cow, self.base))
        self.assertTrue(Image(self.world.dir / "seen").exists("/root/lost"))
        self.do("disk", "web", "reset", "live", "--force")
        self.assertIn("in use", self.do("disk", "web", "commit", code=FAILED))
        umld = self.daemon().wait_ready(60)
        self.assertIn("kept", self.order("ls /root"))
        self.assertNotIn("lost", self.order("ls /root"))
        self.assertEqual(umld.stop(40), DONE)
        self.assertIn("of-mail", self.order("ls /root", PORT + 1))
        self.assertEqual(mail.stop(40), DONE)
        self.assertEqual(self.base.read_bytes(), before)
        self.check_export()
        self.do("remove", "mail", "--force")
        (self.world.state_dir / "web/root.cow.snapshot-live").unlink()
        self.do("disk", "web", "commit")
        self.assertEqual(clean_file_system(self.base), "")
        self.assertTrue(Image(self.base).exists("/root/kept"))
        umld = self.daemon().wait_ready(60)
        self.assertIn("kept", self.order("ls /root"))
        self.assertEqual(umld.stop(40), DONE)

    def check_export(self):
        with tempfile.NamedTemporaryFile(prefix="umld-cow.", dir="/var/tmp") as file:
            p = subprocess.run(self.world.command("host", self.world.program("umlctl/umlctl"), "export", "web"), stdout=file,
                               stderr=subprocess.PIPE, encoding="utf-8", timeout=60, check=False)
            self.assertEqual(p.returncode, DONE, p.stderr)
            self.do("import", file.name, "--name=two")
        image = self.world.state_dir / "two/root.img"
        self.assertEqual(clean_file_system(image), "")
        self.assertTrue(Image(image).exists("/root/kept"))
        self.do("remove", "two", "--force")

    def test_commit_interrupted(self):
        """umld starts the guest with what it had, and commit goes on from there."""
        umld = self.daemon().wait_ready(60)
        self.order("touch /root/kept")
        self.assertEqual(umld.stop(40), DONE)
        note = self.world.state_dir / "web/root.cow.commit"
        note.write_text(f"{int(self.base.stat().st_mtime)} {self.base}\n", encoding="utf-8")
        self.base.touch()  # as if it had been killed after its first write
        umld = self.daemon().wait_ready(60)
        self.assertIn("`umlctl disk web commit` was interrupted", umld.log)
        self.assertIn("kept", self.order("ls /root"))
        self.assertEqual(umld.stop(40), DONE)
        self.assertIn("complete it first", self.do("disk", "web", "reset", "--force", code=FAILED))
        self.do("disk", "web", "commit")
        self.assertFalse(note.exists())
        self.assertTrue(Image(self.base).exists("/root/kept"))


globals().update(each_kernel(Changes, "Changes_"))
del Changes


if __name__ == "__main__":
    sys.exit(main())
