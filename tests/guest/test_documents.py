#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the manuals and README.md tell the reader to type works, in the order in which they tell it, with a real kernel;
the configurations they show are valid; the session in README.md is what the programs print today.

What only another test can run is marked as its own; what none can is marked with the reason, which is printed."""

import difflib
import re
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from documents import SESSION, blocks, manual_blocks, readme, readme_blocks  # noqa: E402
from umldtest import DEBIAN_KERNEL, DONE, PATIENCE, SOURCE, USAGE, TestCase, World, main  # noqa: E402

NOT_RUN_MAX = 8  # few enough to be looked at

def masked(text):
    """Without what differs each time: numbers, with their units, and the width of columns."""
    text = re.sub(r"\d+(?:[.,:-]\d+)*(?:us|ms|s|min|h|[KMG]|%)?(?: \d+(?:us|ms|s|min|h)\b)*", "N", text)
    return [re.sub(r" +", " ", line).rstrip() for line in text.splitlines()]


class Documents(TestCase):
    def setUp(self):
        super().setUp()
        self.world.down()
        self.world = World(shm="512M")
        self.addCleanup(self.world.down)
        w = self.world
        for name in ("umlctl/umlctl", "daemon/umld"):
            link = w.dir / "bin" / Path(name).name
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(w.program(name))
        (w.dir / "here").mkdir()
        # Another host, which is reached by ssh: this one, with directories of its own.
        other = [w.dir / "vps2" / kind for kind in ("etc", "run", "lib", "log")]
        for directory in other:
            directory.mkdir(parents=True)
        (w.dir / "bin/ssh").write_text("#!/bin/sh\nshift\nexec env UMLD_CONFIG_DIR={} UMLD_RUNTIME_DIR={} UMLD_STATE_DIR={} UMLD_LOG_DIR={} "
                                       "\"$@\"\n".format(*other), encoding="utf-8")
        (w.dir / "bin/ssh").chmod(0o755)
        # The kernel of one's own, which the documents put below /usr/local: in the world's mounts, not the machine's.
        w.host("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/usr/local/lib")
        w.host("mkdir", "/usr/local/lib/uml")
        for name in ("vmlinux", "vmlinux-6.12.0"):
            w.host("install", DEBIAN_KERNEL, f"/usr/local/lib/uml/{name}")
        self.addCleanup(self.end_guests)

    def end_guests(self):
        """They were started by umlctl, as a reader does it."""
        self.shell("umlctl kill --all")

    def shell(self, script, timeout=120):
        w = self.world
        return w.run("host", "bash", "-e", "-o", "pipefail", "-c", f"cd {w.dir}/here; PATH={w.dir}/bin:$PATH\n{script}", timeout=timeout,
                     env={"UMLD_DAEMON": w.program("daemon/umld"), "TZ": "UTC", "LC_ALL": "C.UTF-8"})

    def must(self, script, what=None):
        p = self.shell(script)
        self.assertEqual(p.returncode, DONE, f"{what or script}\n{script}\n{p.stdout}{p.stderr}")
        return p.stdout + p.stderr

    def tell(self, found):
        """Runs the blocks, one after the other."""
        done = 0
        for block in found:
            if block.mark or block.configuration or block.message or block.jail:
                continue
            self.must(block.text.replace("/run/umld/", f"{self.world.runtime_dir}/"), f"{block} does not work")
            done += 1
        return done

    def test_marks(self):
        self.assertGreater(len(blocks()), 30)
        marked = [block for block in blocks() if block.mark]
        not_run = [block for block in marked if block.mark.startswith("not-run: ")]
        for block in not_run:
            self.assertRegex(block.mark, r"^not-run: \w.{15,}")
            print(f"# {block}: {block.mark}")
        self.assertLessEqual(len(not_run), NOT_RUN_MAX)
        # The test that a block is said to be run by takes it from where it is shown.
        for block in marked:
            if block in not_run:
                continue
            test = (SOURCE / block.mark.partition(": ")[2]).read_text(encoding="utf-8")
            asked = re.findall(r'documents\.shown\("([^"]+)", "([^"]+)"\)', test)
            self.assertTrue(any(document == block.document and words in block.text for document, words in asked), str(block))

    def test_configurations(self):
        found = [block for block in blocks() if block.configuration and not block.mark]
        self.assertGreaterEqual(len(found), 5)
        dropin = self.world.config_dir / "web.conf.d/50-shown.conf"
        dropin.parent.mkdir()
        for block in found:
            dropped = re.search(r"(?m)=$", block.text)  # only a drop-in takes away what precedes it
            (self.world.config_dir / "web.conf").write_text("" if dropped else block.text, encoding="utf-8")
            dropin.write_text(block.text if dropped else "", encoding="utf-8")
            self.assertTrue(self.must("umlctl cat web", f"{block} is not valid"))

    def test_jail(self):
        """fail2ban takes it for a jail, with our action in its directory."""
        found = [block for block in blocks() if block.jail]
        self.assertEqual(len(found), 1)
        directory, log = self.world.dir / "fail2ban", self.world.dir / "error.log"
        shutil.copytree("/etc/fail2ban", directory)
        for action in (SOURCE / "etc/fail2ban").glob("*.conf"):
            shutil.copy(action, directory / "action.d")
        log.touch()
        (directory / "jail.d/defaults-debian.conf").unlink(missing_ok=True)
        (directory / "jail.local").write_text(re.sub(r"(?m)^logpath = .*$", f"logpath = {log}", found[0].text), encoding="utf-8")
        self.assertIn("OK", self.must(f"fail2ban-client -c {directory} -t"))
        self.assertIn("add_jail\nguest-web", self.must(f"fail2ban-client -c {directory} --dp").replace("', '", "\n").replace("add\n", "add_jail\n"))

    def test_messages(self):
        found = [block for block in blocks() if block.message]
        self.assertEqual(len(found), 1)
        for block in found:
            line, key = re.match(r"/etc/umld/web.conf:(\d+): (\w+): ", block.text).groups()
            (self.world.config_dir / "web.conf").write_text("[Guest]" + "\n" * (int(line) - 1) + f"{key}=64M\n", encoding="utf-8")
            p = self.shell("umld --check web")
            self.assertEqual(p.returncode, USAGE)
            self.assertIn(block.text.replace("/etc/umld", str(self.world.config_dir)), p.stderr)

    def test_readme(self):
        self.assertGreaterEqual(self.tell(readme_blocks()), 1)

    def test_story(self):
        """umld(7), from the first guest to the upgrade."""
        self.assertGreaterEqual(self.tell(manual_blocks("umld.7")), 8)

    def test_manuals(self):
        """The examples of the others, for which a guest is there."""
        self.must("umlctl create web --memory 64M --forward tcp/8080:80")
        self.assertGreaterEqual(self.tell(manual_blocks("umlctl.1")), 5)
        self.must("umlctl create db --memory 64M --set Backend=nftables && umlctl start db")
        self.assertGreaterEqual(self.tell(manual_blocks("umld.8")), 3)
        self.must("umlctl kill --all && umlctl remove web --force")
        self.assertEqual(self.tell(manual_blocks("umld-build-kernel.1")), 1)

    def test_all_are_told(self):
        """No other document has commands: a new one needs a case here."""
        told = ("README.md", "man/umlctl.1", "man/umld-build-kernel.1", "man/umld.7", "man/umld.8")
        others = [str(block) for block in blocks()
                  if not (block.mark or block.configuration or block.jail or block.message) and block.document not in told]
        self.assertEqual(others, [])

    def printed(self, command):
        w = self.world
        p = self.shell(command)
        said = p.stdout + p.stderr
        for here, usual in ((w.config_dir, "/etc/umld"), (w.state_dir, "/var/lib/umld"), (w.runtime_dir, "/run/umld"),
                            (w.log_dir, "/var/log/umld")):
            said = said.replace(str(here), usual)
        return said

    def test_session(self):
        """What is only shown is asked for again for a while: a guest that has just become ready has not told all yet."""
        session = SESSION.search(readme())
        steps = re.findall(r"(?m)^# (.*)\n((?:(?!# ).*\n)*)", session[1])
        self.assertGreaterEqual(len(steps), 6)
        for command, right in steps:
            end = time.monotonic() + 20 * PATIENCE
            shows = re.match(r"umlctl (list|status|port|log|crashes)\b", command)
            while True:
                said = self.printed(command)
                seen = masked(said)
                if seen == masked(right) or not shows or time.monotonic() > end:
                    break
                time.sleep(0.1)
            difference = "\n".join(difflib.unified_diff(masked(right), seen, "README.md", "today", lineterm="", n=0))
            self.assertEqual(difference, "", f"# {command}\n{said}")


if __name__ == "__main__":
    main()
