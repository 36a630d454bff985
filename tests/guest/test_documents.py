#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the manuals and README.md tell the reader to type works, in the order in which they tell it, with a real kernel;
the configurations they show are valid; the session in README.md is what the programs print today.

What only another test can run is marked as its own."""

import difflib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import documents  # noqa: E402
from documents import SESSION, blocks, manual_blocks, readme, readme_blocks  # noqa: E402
from dockerrun import DockerRun  # noqa: E402
from umldtest import BUILD, DEBIAN_KERNEL, DONE, PATIENCE, SOURCE, USAGE, TestCase, World, main  # noqa: E402


def masked(text):
    """Without what differs each time: numbers, with their units, and the width of columns."""
    text = re.sub(r"\d+(?:[.,:-]\d+)*(?:us|ms|s|min|h|[KMG]|%)?(?: \d+(?:us|ms|s|min|h)\b)*", "N", text)
    return [re.sub(r" +", " ", line).rstrip() for line in text.splitlines()]


class Told(TestCase):
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

    def must(self, script, what=None, timeout=120):
        p = self.shell(script, timeout)
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


class Documents(Told):
    def test_marks(self):
        """The test that a block is said to be run by takes it from where it is shown; what is no such test runs all of it."""
        self.assertGreater(len(blocks()), 30)
        for block in blocks():
            if not block.mark:
                continue
            file = SOURCE / block.mark.partition(": ")[2]
            test = file.read_text(encoding="utf-8")
            if file.suffix != ".py":
                for line in block.text.splitlines():
                    self.assertRegex(test, rf"(?m)^exec .*/{re.escape(line)}\"", str(block))
                continue
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


# A source tree of Linux in which make does not compile, but takes the kernel that Debian has compiled.
MAKEFILE = r"""
defconfig:
	: >$(O)/.config
olddefconfig:
	awk '{ name = $$2 == "CONFIG" || /^# CONFIG/ ? $$2 : $$0; sub(/=.*/, "", name); last[name] = $$0 } \
	     END { for (name in last) print last[name] }' $(O)/.config >$(O)/new && mv $(O)/new $(O)/.config
kernelrelease:
	@echo 6.12.0
vmlinux:
	grep -qx CONFIG_TCP_CONG_BBR=y $(O)/.config
	cp %s $(O)/vmlinux
"""


def pivots():
    """The control groups that lxc-start leaves behind."""
    return set(Path("/sys/fs/cgroup").glob("*/lxc.pivot"))


def remove_pivots(others):
    for group in pivots() - others:
        group.rmdir()


# What a start without one of Docker's options says.
NEEDED = {"devices": r"/dev/net/tun is missing", "capabilities": r"Tap=tap0: cannot be created \(Operation not permitted\)",
          "tmpfs": r"Backing=dir:/run/umld-memory: No such file", "sysctls": r"cannot enable ip_forward \(Read-only file system\)"}


class Elsewhere(Told):
    """What is typed elsewhere than on a host with umld: at the provider's, or in the sources."""

    def test_lxc(self):
        """A container has the tun device with these lines in its configuration, and not without. Proxmox has its own sign
        between key and value."""
        lines = re.sub(r"(?m)^(lxc\S+): ", r"\1 = ", documents.shown("man/umld.7", "lxc.mount.entry"))
        self.assertEqual(lines.count(" = "), 2)
        self.addCleanup(remove_pivots, pivots())
        self.assertIn("bad state", self.in_lxc(lines))
        self.assertIn("no such file", self.in_lxc("").lower())

    def in_lxc(self, lines):
        """What a process in such a container is told when it reads from the tun device."""
        top = Path(tempfile.mkdtemp(prefix="umld-lxc-", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, top)
        for directory in ("bin", "dev", "proc", "sys", "etc"):
            (top / "root" / directory).mkdir(parents=True)
        (top / "containers").mkdir()
        shutil.copy("/bin/busybox", top / "root/bin/busybox")
        (top / "config").write_text(f"lxc.rootfs.path = dir:{top}/root\nlxc.uts.name = told\nlxc.net.0.type = empty\n"
                                    f"lxc.mount.auto = proc:mixed\n{lines}\n", encoding="utf-8")
        p = subprocess.run(["lxc-start", "--foreground", "--name", top.name, "--lxcpath", top / "containers", "--rcfile",
                            top / "config", "--logfile", top / "log", "--",
                            "/bin/busybox", "sh", "-c", "exec >/said 2>&1; /bin/busybox cat /dev/net/tun"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                           timeout=60 * PATIENCE)
        said = top / "root/said"
        self.assertTrue(said.exists(), f"{p.stdout}{(top / 'log').read_text(encoding='utf-8')}")
        return said.read_text(encoding="utf-8")

    def test_docker(self):
        """What the options give is enough to run a guest, with all else as Docker has it; and nothing of it is too much."""
        words = shlex.split(documents.shown("man/umld.7", "docker run").replace("\\\n", " "))
        self.assertEqual(words[:2], ["docker", "run"])
        container = DockerRun(words[2:])
        self.assertEqual((container.image, container.publish), ("debian:12", ["8080:8080"]))
        path, = container.tmpfs
        said = self.must(container.script(f"umlctl create web --memory 64M --forward tcp/8080:80 --set Backing=dir:{path} >&2\n"
                                          "umlctl start web >&2\numlctl status web --json | tr -d '\\n'; echo\numlctl stop web >&2"))
        status = json.loads(said.splitlines()[0])
        self.assertEqual((status["state"], status["memory"]["path"]), ("running", path))
        for without in ("devices", "capabilities", "tmpfs", "sysctls"):
            less = DockerRun(words[2:])
            setattr(less, without, type(getattr(less, without))())
            p = self.shell(less.script("umlctl start web --timeout=30"))
            self.assertNotEqual(p.returncode, DONE, f"without its {without}: {p.stdout}{p.stderr}")
            self.assertRegex(p.stderr, NEEDED[without])

    def test_kernel(self):
        """All that build-kernel does but the compiler's work, which tools/test --kernel has."""
        w, here = self.world, self.world.dir / "here"
        (here / "tools").mkdir()
        (here / "tools/build-kernel").symlink_to(SOURCE / "tools/build-kernel")
        self.stand_in(here / "tools/install-packages", f"exec {SOURCE}/tools/install-packages --list")
        (w.dir / "bin/umld-build-kernel").symlink_to(SOURCE / "tools/build-kernel")
        for name in ("bc", "bison", "flex"):
            self.stand_in(w.dir / "bin" / name, "exit 0 #")
        self.stand_in(w.dir / "bin/cpio", "exec bsdcpio")
        self.make_sources(here / "linux-6.12.tar.xz")
        w.host("mount", "-t", "tmpfs", "tmpfs", "/usr/src")
        w.host("cp", here / "linux-6.12.tar.xz", "/usr/src/linux-source-6.12.tar.xz")
        w.host("rm", "-r", "/usr/local/lib/uml")
        said = self.must(documents.shown("README.md", "tools/build-kernel").replace("VERSION", "6.12.0"), timeout=400)
        self.assertIn("/usr/local/lib/uml/vmlinux-6.12.0: ", said)
        self.assertRegex(said, r"ms to init\n.*linux\.uml: \d+ KiB, \d+ ms to init")
        self.must("umlctl start web && umlctl stop web")
        w.host("rm", "-r", "/usr/local/lib/uml")
        self.must(documents.shown("man/umld-build-kernel.1", "linux-6.12.tar.xz"), timeout=400)
        w.host("test", "-x", "/usr/local/lib/uml/vmlinux-6.12.0")

    def stand_in(self, path, command):
        path.write_text(f'#!/bin/sh\n{command} "$@"\n', encoding="utf-8")
        path.chmod(0o755)

    def make_sources(self, archive):
        top = archive.parent / "linux"
        for name, text in (("Makefile", MAKEFILE % DEBIAN_KERNEL), ("arch/um/Makefile", ""), ("arch/x86/um/user-offsets.c", "")):
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_text(text, encoding="utf-8")
        with tarfile.open(archive, "w:xz") as tar:
            tar.add(top, "linux-6.12")

    def test_quickstart(self):
        """With the build of this test, and a box that is not the usual one."""
        environment = {**os.environ, "UMLD_QUICKSTART_BUILD": str(BUILD), "UMLD_QUICKSTART_DIR": str(self.world.dir / "quickstart"),
                       "UMLD_WORLD_BASE": str(self.world.dir / "boxes")}

        def run(command):
            p = subprocess.run(["bash", "-ec", command], cwd=SOURCE, env=environment, check=False, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=240 * PATIENCE)
            self.assertEqual(p.returncode, 0, p.stdout)
            return p.stdout

        self.addCleanup(run, "tools/quickstart --stop")
        said = run(documents.shown("README.md", "tools/quickstart"))
        self.assertRegex(said, r"the new kernel responds after \d+ ms, its page is served after \d+ ms")
        self.assertIn("web - running", run("tools/quickstart --run umlctl status web"))


if __name__ == "__main__":
    main()
