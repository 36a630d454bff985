#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umld under a real systemd: its package, installed in a Debian tree that is booted in a container on the network of a
test world. One story, told in order."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import documents
import packages
from booted import Booted
from umldtest import SOURCE, World, clean_file_system, main, wait_until

UNIT = "umld@web.service"
ORPHAN = "umld-orphan@web.service"
FORWARD = "Forward=tcp/8080:80"
EXPOSURE = 39


def note(text):
    print(f"# {text}", flush=True)


def command(*words, **options):
    return subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", **options).stdout


class Boot(unittest.TestCase):
    maxDiff = None
    timeout = 600

    @classmethod
    def setUpClass(cls):
        cls.before = None
        cls.work = tempfile.mkdtemp(prefix="umld-boot-", dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.work)
        os.chmod(cls.work, 0o755)
        cls.tree = f"{cls.work}/tree"
        try:
            cls.make_tree()
        except subprocess.CalledProcessError as error:
            print(error.output, file=sys.stderr)
            raise
        cls.world = World()
        cls.addClassCleanup(cls.world.down)
        cls.machine = Booted(cls.tree, f"/run/netns/{cls.world.name}-host", f"{cls.work}/console", unified=True)
        cls.addClassCleanup(cls.machine.kill)

    @classmethod
    def make_tree(cls):
        needed = command(f"{SOURCE}/tools/install-packages", "--list", "run", "boot").split()
        command(f"{SOURCE}/tools/debian-tree", "--slim", cls.tree, *needed)
        shutil.copy(packages.deb(), f"{cls.tree}/root/")

    # ---- what the tests ask and do ----

    @classmethod
    def configure(cls, text):
        with open(f"{cls.tree}/etc/umld/web.conf", "w", encoding="utf-8") as config:
            config.write(text)

    def diagnosis(self):
        """What nspawn, the journal and the guest's console say, for whoever reads the log of a failure."""
        texts = [("nspawn", self.machine.log), ("console", f"{self.tree}/var/log/umld/web/console.log")]
        said = f"journal:\n{self.machine.journal(80)}"
        for name, path in texts:
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as text:
                    said += f"\n{name}:\n" + "".join(text.readlines()[-20:])
        return said

    def any_page(self, port):
        """A guest's page as a client on the Internet gets it, or None."""
        try:
            return self.world.fetch(port, timeout=2)
        except OSError:
            return None

    def page(self, port=8080):
        text = self.any_page(port)
        return text if text and "<h1>web</h1>" in text else None

    def wait_page(self, seconds=20, port=8080):
        return wait_until(lambda: self.page(port), seconds, f"the page on port {port}", 0.02)

    def wait_other_page(self, old, seconds=30):
        return wait_until(lambda: self.page() not in (None, old), seconds, "the page of another boot", 0.02)

    def status(self):
        return json.loads(self.machine.run("umlctl", "status", "web", "--json").stdout)

    def console_log(self):
        return Path(self.tree, "var/log/umld/web/console.log").read_text(encoding="utf-8", errors="replace")

    def start(self):
        """From whatever is: the guest is up."""
        self.configure(self.config)
        self.machine.run("systemctl", "reset-failed", UNIT)
        self.machine.out("systemctl", "start", UNIT, timeout=90)
        self.wait_page()

    def host(self):
        """What a guest may have changed on the host, as text."""
        return self.machine.shell("""
            for table in filter nat mangle raw; do iptables-legacy -w -t $table -S; done
            nft list ruleset 2>/dev/null || true
            ip -o link show; ip -o address show; ip route show table all
            cat /proc/sys/net/ipv4/ip_forward
            awk '$5 == "/dev/shm" { sub(".* - ", $6 " "); print }' /proc/self/mountinfo
            ls -lA /dev/shm
            find /run/umld -mindepth 1 ! -name lock ! -name .shared | sort
            find /sys/fs/cgroup -path '*umld@*' -type d | sort
            ps -eo comm= | grep -e linux -e umld -e uml-userspace || true""")

    def wait_nothing_left_to_stop(self):
        """A unit that has stopped makes systemd stop its umld-orphan@ one: that runs an umld once more, for a moment."""
        asked = ("systemctl", "list-units", "--no-legend", "--state=active,activating,deactivating", "umld-orphan@*")
        wait_until(lambda: self.machine.out(*asked) == "", 20, "nothing is left to stop", 0.02)

    def assert_host_as_before(self):
        self.wait_nothing_left_to_stop()
        self.assertEqual(self.before.splitlines(), self.host().splitlines())

    # ---- the story ----

    def test_01_installed(self):
        self.machine.start()
        self.assertEqual(self.machine.wait_running(60), "running")
        build, install = documents.shown("README.md", "tools/package deb").splitlines()
        self.assertTrue(build.startswith("tools/package deb "))  # which is how this package has been built
        self.machine.shell(f"cd /root; mkdir build-packages; ln {packages.deb().name} build-packages/; {install}", timeout=120)
        modes = self.machine.out("stat", "-c", "%a %U %G %n", "/run/umld", "/var/lib/umld", "/var/log/umld")
        self.assertEqual(modes.splitlines(), ["711 root root /run/umld", "711 root root /var/lib/umld",
                                              "750 root umld /var/log/umld"])
        self.assertEqual(self.machine.run("systemctl", "--failed", "--quiet").stdout, "")
        for program in "umld", "umlctl":
            features = self.machine.out(program, "--version")
            self.assertIn("systemd           found", features)
            self.assertNotIn("null", features)

    def test_01_the_first_guest(self):
        """Two commands."""
        type(self).before = self.host()
        self.machine.out("umlctl", "create", "web", "--forward", "tcp/8080:80", "--memory", "48M", "--set", "Journal=yes",
                         timeout=60)
        with open(f"{self.tree}/etc/umld/web.conf", encoding="utf-8") as config:
            type(self).config = config.read()
        self.assertIn(FORWARD, self.config)
        self.assertEqual(self.machine.run("umlctl", "status", "web").returncode, 3)
        # In the machine, where half a second of boot is not over before the first look.
        states = self.machine.shell(f"""
            systemctl start --no-block {UNIT}
            while state=$(systemctl is-active {UNIT} || :); echo "$state"; [ "$state" = activating ]; do :; done""",
            timeout=90).splitlines()
        self.assertEqual((states[0], states[-1]), ("activating", "active"))
        # Ready in the sense of a user: at that moment its page is there.
        self.assertTrue(self.page(), "active, but no page")
        self.machine.out("umlctl", "stop", "web", timeout=60)
        self.assert_host_as_before()
        self.machine.out("umlctl", "start", "web", "--enable", timeout=60)
        self.assertTrue(self.page())

    def test_02_autopkgtest(self):
        """What Debian's own tests run after an installation, by their own program, beside another guest."""
        source = f"{self.work}/umld-{packages.VERSION}"
        command("tar", "-C", self.work, "-xf", f"{packages.debs()}/umld-{packages.VERSION}.tar.xz")
        with open(f"{source}/debian/files", "w", encoding="utf-8"):
            pass  # it has been built, and needs nothing of what sources are unpacked and built with
        done = subprocess.run(
            ["autopkgtest", "--no-built-binaries", f"--output-dir={self.work}/autopkgtest", f"{source}/", "--",
             f"{SOURCE}/tests/system/autopkgtest-virt-booted", str(self.machine.leader)],
            check=False, timeout=200, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", errors="replace")
        self.assertEqual(done.returncode, 0, done.stdout[-6000:])
        with open(f"{self.work}/autopkgtest/summary", encoding="utf-8") as summary:
            self.assertEqual([line.split() for line in summary], [["guest", "PASS"]])
        self.assertTrue(self.page())

    def test_02_enabled_and_rebooted(self):
        self.assertEqual(self.machine.out("systemctl", "is-enabled", UNIT), "enabled")
        self.assertEqual(self.machine.out("umlctl", "is-enabled", "web"), "enabled")
        begun = time.monotonic()
        self.machine.reboot()
        page = self.wait_page(60)
        note(f"page {time.monotonic() - begun:.2f} s after the order to reboot")
        self.assertIn("User-Mode-Linux", page)
        self.assertEqual(self.machine.wait_running(60), "running")
        self.assertEqual(self.machine.show(UNIT, "ActiveState"), "active")
        self.assertEqual(self.machine.out("systemctl", "is-active", "umld.target", "network-online.target"), "active\nactive")
        rules = self.machine.out("iptables-legacy", "-w", "-t", "nat", "-S")
        self.assertEqual(rules.count("--dport 8080"), 1, rules)

    def test_03_says_how_it_is(self):
        text = self.machine.show(UNIT, "StatusText")
        self.assertIn("running", text.lower())
        self.assertIn(f'Status: "{text}"', self.machine.out("systemctl", "status", "--no-pager", UNIT))
        status = self.status()
        self.assertEqual((status["name"], status["state"], status["wanted"]), ("web", "running", "up"))
        self.assertEqual(str(status["daemon"]["pid"]), self.machine.show(UNIT, "MainPID"))
        self.assertIn("web", self.machine.out("umlctl", "list"))
        self.assertEqual(self.machine.show(UNIT, "WatchdogUSec"), "30s")
        wait_until(lambda: (self.status()["memory"]["used"] or 0) > 4 << 20, 20, "the memory that the guest uses")
        self.assertEqual(self.machine.show(UNIT, "Delegate"), "yes")

    def test_03_sandbox_of_the_unit_refuses_no_layer(self):
        confinement = self.status()["confinement"]
        apart = {name: confinement.pop(name) for name in ("hostfs", "tun", "cpu", "bandwidth")}
        off = "off (configuration)"
        self.assertEqual(apart, {"hostfs": "off", "tun": "opened by umld-init", "cpu": off, "bandwidth": off})
        refused = []
        if "memory" not in self.machine.out("cat", "/sys/fs/cgroup/cgroup.controllers").split():  # not the unit's fault
            self.assertRegex(confinement.pop("memory"), "^refused ")
            refused = ["memory"]
        self.assertRegex(confinement.pop("user"), r"^on, uid \d+$")
        self.assertGreater(len(confinement), 9)
        self.assertEqual({name: text for name, text in confinement.items() if not re.match(r"on(,|$)", text)}, {})
        journal = self.machine.out("journalctl", "-b", "-o", "cat", "-u", UNIT)
        self.assertEqual(sorted(set(re.findall("confinement: the layer (\\S+)", journal))), refused)
        name = self.machine.out("nsenter", "-t", str(self.status()["pid"]), "-u", "uname", "-n")
        self.assertEqual(name, "umld")
        self.assertNotEqual(self.machine.out("uname", "-n"), "umld")  # the host has kept its own

    def test_03_exposure_of_the_running_unit(self):
        """By systemd's own measure, 0 (safe) to 10, times ten: of the unit with what its generator has added for this guest."""
        done = self.machine.run("systemd-analyze", "security", "--no-pager", f"--threshold={EXPOSURE}", UNIT)
        self.assertEqual(done.returncode, 0, done.stdout.splitlines()[-1])
        umld = self.machine.show(UNIT, "MainPID")
        seen = self.machine.shell(f"""
            touch /tmp/outside /home/outside
            cd /proc/{umld}/root; for path in tmp/outside home/outside; do ls $path >/dev/null 2>&1 || echo "$path"; done
            rm /tmp/outside /home/outside""")
        self.assertEqual(seen.split(), ["tmp/outside", "home/outside"])
        for path, answer in ("/sys/fs/cgroup/test", "Read-only"), (f"/sys/fs/cgroup/system.slice/system-umld.slice/{UNIT}/test", ""):
            made = self.machine.run("nsenter", "-t", umld, "-m", "mkdir", path)
            self.assertIn(answer, made.stderr)
            self.assertEqual(made.returncode == 0, not answer, made.stderr)
        self.machine.run("rmdir", path, check=True)

    def test_03_ports_of_logins_stay_the_hosts(self):
        """umld in its unit sees no other process's descriptors: whose a port is tells the control group of its socket."""
        program = "use IO::Socket::INET; $s = IO::Socket::INET->new(LocalPort => 2022, Listen => 5) or die; sleep 600"
        self.machine.shell(f"""
            cp /usr/bin/perl /root/sshd
            systemd-run --quiet --unit=logins --service-type=exec /root/sshd -e '{program}'
            systemd-run --quiet --unit=waiting --socket-property=ListenStream=2023 --socket-property=Accept=yes /bin/true""")
        self.addCleanup(self.machine.run, "systemctl", "stop", "logins.service", "waiting.socket")
        self.addCleanup(self.configure, self.config)
        wait_until(lambda: re.search(":2022 .*:2023 ", self.machine.out("ss", "-Hltn"), re.S), 20, "both ports")
        self.configure(self.config.replace(FORWARD, f"{FORWARD}\nForward=tcp/2022:80\nForward=tcp/2023:80"))
        self.machine.out("systemctl", "reload", UNIT)
        journal = self.machine.out("journalctl", "-b", "-o", "cat", "-u", UNIT)
        self.assertRegex(journal, r"tcp/2022 is not forwarded, because you reach the host through it \(sshd, pid \d+\)")
        self.assertRegex(journal, r"tcp/2023 is not forwarded, because you reach the host through it \(systemd, pid 1\)")
        self.assertEqual([self.any_page(port) for port in (2022, 2023)], [None, None])

    def test_03_generator_opens_the_unit(self):
        """To an image in /home: when systemd has read the configuration, to which umlctl start sees, or umld tells how."""
        self.machine.out("umlctl", "create", "far", "--memory", "32M", "--forward", "tcp/8090:80", timeout=60)
        self.addCleanup(self.machine.run, "umlctl", "remove", "--force", "far")
        self.addCleanup(self.machine.run, "systemctl", "stop", "umld@far", timeout=60)
        self.machine.shell("mv /var/lib/umld/far/root.img /home/far.img; mkdir /etc/umld/far.conf.d; "
                           "printf '[Guest]\\nDisk=/home/far.img,adopt\\n' >/etc/umld/far.conf.d/disk.conf")
        self.addCleanup(self.machine.run, "rm", "-r", "/home/far.img")
        self.assertNotEqual(self.machine.run("systemctl", "start", "umld@far", timeout=60).returncode, 0)
        self.assertIn("if it is there, systemctl daemon-reload shows it to umld",
                      self.machine.out("journalctl", "-b", "-o", "cat", "-u", "umld@far"))
        self.machine.run("systemctl", "reset-failed", "umld@far")
        self.machine.out("umlctl", "start", "far", timeout=60)
        self.assertTrue(wait_until(lambda: self.any_page(8090), 20, "the page of the guest in /home"))
        self.assertEqual([self.machine.show(unit, "ProtectHome") for unit in ("umld@far", UNIT)], ["no", "yes"])

    def test_03_journal_has_the_console(self):
        text = self.machine.out("journalctl", "-b", "-o", "json", "UMLD_GUEST=web")
        lines = [json.loads(line) for line in text.splitlines()]
        self.assertTrue([line for line in lines if "init as init process" in str(line["MESSAGE"])], text[-2000:])
        for line in lines:
            self.assertEqual((line["SYSLOG_IDENTIFIER"], line["_SYSTEMD_UNIT"], line["PRIORITY"]),
                             ("umld@web", UNIT, "6"))

    def test_03_order(self):
        """After the network has come up; before it goes, when the host is shut down."""
        after, conflicts = self.machine.show(UNIT, "After").split(), self.machine.show(UNIT, "Conflicts").split()
        self.assertLessEqual({"network.target", "network-online.target"}, set(after))
        self.assertIn("shutdown.target", conflicts)
        self.assertIn("shutdown.target", self.machine.show(UNIT, "Before").split())
        self.assertIn(UNIT, self.machine.show("umld.target", "Wants").split())

    def test_03_journal_tells_it_in_order(self):
        lines = self.machine.out("journalctl", "-b", "-o", "cat", "-u", UNIT).splitlines()
        found = [next((i for i, line in enumerate(lines) if re.search(what, line)), None)
                 for what in (r"^Starting ", r"stopped -> preparing", r"preparing -> booting", r"init as init process",
                              r"booting -> running", r"^Started ")]
        self.assertNotIn(None, found, lines)
        self.assertEqual(found, sorted(found))

    def test_03_boot_script(self):
        """That of hosts without systemd, by hand: all enabled guests, or those that are named."""
        self.machine.shell("mkdir -p /etc/umld/autostart; ln -sfn ../web.conf /etc/umld/autostart/web")
        self.addCleanup(self.machine.run, "rm", "-r", "/etc/umld/autostart")
        script, before = "/etc/init.d/umld", self.status()["pid"]
        self.assertIn("running", self.machine.out(script, "status"))
        self.machine.out(script, "reload")
        self.machine.out(script, "restart", timeout=60)
        self.assertNotEqual(self.status()["pid"], before)
        self.machine.out(script, "stop", "web", timeout=60)
        self.assertEqual(self.machine.run(script, "status").returncode, 3)
        self.assertIsNone(self.page())
        self.assertEqual(self.machine.run(script, "start", "nobody").returncode, 1)
        self.machine.out(script, "start", timeout=60)
        self.wait_page()
        self.assertEqual(self.machine.run(script, "frob").returncode, 2)
        self.assertEqual(self.machine.show("umld.service", "LoadState"), "masked")

    def test_04_stop_leaves_nothing(self):
        self.machine.out("umlctl", "stop", "web", timeout=60)
        self.assertEqual(self.machine.show(UNIT, "ActiveState"), "inactive")
        self.assertEqual(self.machine.run("umlctl", "status", "web").returncode, 3)
        self.assertIsNone(self.page())
        self.assert_host_as_before()
        self.machine.out("umlctl", "start", "web", timeout=60)
        self.assertEqual(self.machine.show(UNIT, "ActiveState"), "active")
        self.wait_page()

    def test_05_systemctl_stop_and_restart(self):
        self.start()
        self.machine.out("systemctl", "restart", UNIT, timeout=90)
        self.wait_page()
        self.machine.out("systemctl", "stop", UNIT, timeout=60)
        self.assertEqual(self.machine.show(UNIT, "Result"), "success")
        self.assert_host_as_before()

    def test_06_reload(self):
        self.start()
        guest = self.status()["pid"]
        self.configure(self.config.replace(FORWARD, FORWARD + "\nForward=tcp/8081:80"))
        self.machine.out("systemctl", "reload", UNIT)
        self.wait_page(5, port=8081)
        self.configure(self.config)
        self.machine.out("systemctl", "reload", UNIT)
        self.assertIsNone(self.page(port=8081))
        self.configure(self.config.replace(FORWARD, "Forward=tcp/none"))
        self.assertNotEqual(self.machine.run("systemctl", "reload", UNIT).returncode, 0)
        self.assertEqual(self.machine.show(UNIT, "ActiveState"), "active")
        self.assertEqual(self.status()["pid"], guest)
        self.assertTrue(self.page())

    def test_07_killed_guest(self):
        self.start()
        umld, restarts = self.machine.show(UNIT, "MainPID"), self.status()["restarts"]
        old = self.page()
        self.machine.out("kill", "-KILL", str(self.status()["pid"]))
        self.wait_other_page(old)
        self.assertEqual(self.status()["restarts"], restarts + 1)
        self.assertEqual(self.status()["last_exit"]["verdict"], "killed")
        self.assertEqual(self.machine.show(UNIT, "MainPID"), umld)

    def test_07_command(self):
        """In the sandbox of the unit, for a crash, and for the stop by systemctl, which kills what is left then."""
        tell = Path(self.tree, "usr/local/bin/tell")
        tell.write_text("#!/bin/sh\necho \"$(id -un) $UMLD_NAME $UMLD_EVENT $UMLD_TO$UMLD_VERDICT\" >>/srv/told\n",
                        encoding="utf-8")
        tell.chmod(0o755)
        told = Path(self.tree, "srv/told")
        told.touch()
        told.chmod(0o666)
        self.start()
        self.configure(self.config + "[Notify]\nCommand=/usr/local/bin/tell\n")
        self.machine.out("systemctl", "reload", UNIT)
        old = self.page()
        self.machine.out("kill", "-KILL", str(self.status()["pid"]))
        self.wait_other_page(old)
        wait_until(lambda: "nobody web crash killed\n" in told.read_text(encoding="utf-8"), 20, "the command to be run")
        self.machine.out("systemctl", "stop", UNIT, timeout=60)
        self.assertEqual(told.read_text(encoding="utf-8").splitlines()[-1], "nobody web state stoppedstopped")
        self.assertEqual(self.machine.show(UNIT, "Result"), "success")
        self.configure(self.config)

    def test_07_metrics(self):
        """The timer is not enabled; once it is, the file is there and follows."""
        self.start()
        self.assertEqual(self.machine.run("systemctl", "is-enabled", "umld-metrics.timer").stdout.strip(), "disabled")
        self.machine.out("mkdir", "-p", "/var/lib/prometheus/node-exporter")
        file = Path(self.tree, "var/lib/prometheus/node-exporter/umld.prom")
        self.machine.out("systemctl", "enable", "--now", "umld-metrics.timer")

        def says(line):
            return file.exists() and f"{line}\n" in file.read_text(encoding="utf-8")
        wait_until(lambda: says('umld_guest_state{guest="web",umld_guest_state="running"} 1'), 40, "the metrics")
        text = file.read_text(encoding="utf-8")
        for name in ("umld_guest_cpu_seconds_total", "umld_guest_network_receive_bytes_total",
                     "umld_guest_last_crash_timestamp_seconds", "umld_guest_memory_used_bytes"):
            self.assertRegex(text, rf'\n{name}{{guest="web"[^}}]*}} [0-9.]*[1-9]')
        self.machine.out("systemctl", "stop", UNIT, timeout=60)
        self.machine.out("systemctl", "start", "umld-metrics.service", timeout=30)  # rather than wait for the timer
        self.assertTrue(says('umld_up{guest="web"} 0'))
        self.assertEqual(self.machine.show("umld-metrics.service", "Result"), "success")
        self.machine.out("systemctl", "disable", "--now", "umld-metrics.timer")
        file.unlink()

    def override(self, text):
        """Of the unit, until the end of the test."""
        directory = f"/run/systemd/system/{UNIT}.d"
        self.machine.shell(f"mkdir -p {directory}; printf '[Service]\\n{text}' >{directory}/test.conf; systemctl daemon-reload")
        self.addCleanup(self.machine.run, "sh", "-c", f"rm -r {directory}; systemctl daemon-reload")

    def wait_next_umld(self, old, seconds=20):
        wait_until(lambda: self.machine.show(UNIT, "MainPID") not in ("0", old) and
                   self.machine.show(UNIT, "ActiveState") == "active", seconds, "another umld", 0.02)

    def adopted_after(self, *order, within=20):
        """What is done to umld does not reach its guest."""
        was, umld, page = self.status(), self.machine.show(UNIT, "MainPID"), self.page()
        begun = time.monotonic()
        self.machine.out(*order)
        self.wait_next_umld(umld, within)
        note(f"another umld {time.monotonic() - begun:.2f} s after {' '.join(order)}")
        now = self.status()
        self.assertEqual((now["pid"], now["restarts"], now["since"], now["adopted"], self.page()),
                         (was["pid"], was["restarts"], was["since"], was["adopted"] + 1, page))
        self.assertEqual(str(now["daemon"]["pid"]), self.machine.show(UNIT, "MainPID"))
        self.assertIn("running", self.machine.show(UNIT, "StatusText").lower())
        self.assertEqual(self.machine.show(ORPHAN, "ActiveState"), "active")
        return was

    def test_08_killed_umld(self):
        """The next one adopts its guest, whoever killed it: SIGKILL is what the OOM killer sends, too."""
        self.start()
        self.machine.run("systemctl", "reset-failed", UNIT)
        count = int(self.machine.show(UNIT, "NRestarts"))
        self.adopted_after("kill", "-KILL", self.machine.show(UNIT, "MainPID"))
        self.adopted_after("systemctl", "kill", "--kill-who=main", "--signal=KILL", UNIT)
        self.adopted_after("kill", "-SEGV", self.machine.show(UNIT, "MainPID"))
        self.assertEqual(int(self.machine.show(UNIT, "NRestarts")), count + 3)
        self.assertEqual(len(self.machine.out("pgrep", "-x", "umld").split()), 1)
        self.machine.out("systemctl", "stop", UNIT, timeout=60)
        self.assert_host_as_before()

    def test_08_everything_killed(self):
        """Then there is nothing to adopt, and the guest is started again."""
        self.start()
        umld, old = self.machine.show(UNIT, "MainPID"), self.page()
        self.machine.out("systemctl", "kill", "--signal=KILL", UNIT)
        self.wait_other_page(old)
        self.wait_next_umld(umld)

    def assert_stopped_cleanly(self, guest):
        wait_until(lambda: self.machine.run("kill", "-0", str(guest)).returncode, 30, "the end of the guest", 0.02)
        self.wait_nothing_left_to_stop()
        status = self.status()
        self.assertEqual((status["state"], status["last_exit"]["verdict"]), ("stopped", "stopped"))
        self.assertIn("shut down cleanly", status["last_exit"]["detail"])
        self.assertEqual(clean_file_system(f"{self.tree}/var/lib/umld/web/root.img"), "")
        self.assert_host_as_before()

    def test_08_stopped_without_umld(self):
        """Stopped while systemd is about to start the next umld: the guest is shut down; so it is when the unit has failed,
        and so that a restart is one."""
        self.override("RestartSec=1h\\n")
        for order in (["systemctl", "stop", UNIT], ["umlctl", "stop", "web"]):
            self.start()
            guest = self.status()["pid"]
            self.machine.out("kill", "-KILL", self.machine.show(UNIT, "MainPID"))
            wait_until(lambda: self.machine.show(UNIT, "SubState") == "auto-restart", 20, "the delay before the restart", 0.02)
            self.assertEqual(self.status()["state"], "orphan")
            self.assertTrue(self.page())
            self.machine.out(*order, timeout=60)
            self.assert_stopped_cleanly(guest)
        self.override("Restart=no\\n")
        self.start()
        guest = self.status()["pid"]
        self.machine.out("kill", "-KILL", self.machine.show(UNIT, "MainPID"))
        self.assert_stopped_cleanly(guest)
        self.assertEqual(self.machine.show(UNIT, "ActiveState"), "failed")

    def test_09_stuck_umld(self):
        self.override("WatchdogSec=2\\nTimeoutAbortSec=1\\nTimeoutStopSec=2\\n")
        self.machine.run("systemctl", "stop", UNIT, timeout=60)  # for an umld that knows of this
        self.start()
        umld = self.machine.show(UNIT, "MainPID")
        time.sleep(3)
        self.assertEqual(self.machine.show(UNIT, "MainPID"), umld, "umld feeds the watchdog")
        self.adopted_after("kill", "-STOP", umld, within=40)
        # One that does not stop its guest when it is told to is killed, and its guest stopped nevertheless.
        guest, page = self.status()["pid"], self.page()
        self.machine.out("kill", "-STOP", self.machine.show(UNIT, "MainPID"))
        self.machine.out("systemctl", "restart", UNIT, timeout=60)
        self.wait_other_page(page)
        self.assertNotEqual(self.status()["pid"], guest)
        self.assertRegex(self.console_log().split("=end ")[-1], "^stopped: shut down cleanly")

    def test_09_overrides(self):
        """What systemctl edit writes holds for umld and for its guest."""
        self.machine.run("systemctl", "stop", UNIT, timeout=60)
        self.machine.shell(f"""
            printf '[Service]\\nNice=7\\nEnvironment=SEEN=yes\\nTasksMax=321\\n' >/root/override
            export EDITOR='cp /root/override'
            script -qec 'systemctl edit {UNIT}' /dev/null""")  # it insists on a terminal
        self.addCleanup(self.machine.run, "systemctl", "revert", UNIT)
        self.start()
        umld, guest = self.machine.show(UNIT, "MainPID"), self.status()["pid"]
        self.assertEqual([line.split() for line in self.machine.out("ps", "-o", "ni=", "-p", f"{umld},{guest}").splitlines()],
                         [["7"], ["7"]])
        self.assertIn("SEEN=yes", self.machine.out("cat", f"/proc/{umld}/environ"))
        self.assertEqual(self.machine.show(UNIT, "TasksMax"), "321")

    def test_10_bad_configuration(self):
        self.machine.run("systemctl", "stop", UNIT, timeout=60)
        self.configure("[Guest]\nMemory=much\n")
        self.machine.run("systemctl", "reset-failed", UNIT)
        self.assertNotEqual(self.machine.run("systemctl", "start", UNIT, timeout=60).returncode, 0)
        self.assertEqual(self.machine.show(UNIT, "ActiveState"), "failed")
        self.assertEqual(self.machine.show(UNIT, "ExecMainStatus"), "2")
        self.assertEqual(self.machine.show(UNIT, "NRestarts"), "0")
        self.assertIn("web.conf:2", self.machine.out("journalctl", "--no-pager", "-b", "-u", UNIT))
        done = self.machine.run("umlctl", "start", "web", timeout=60)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.configure(self.config)
        self.machine.run("systemctl", "reset-failed", UNIT)
        self.assert_host_as_before()

    def test_11_target(self):
        self.start()
        self.machine.out("systemctl", "stop", "umld.target", timeout=60)
        wait_until(lambda: self.machine.show(UNIT, "ActiveState") == "inactive", 60, "the guest is down", 0.05)
        self.assertEqual(self.machine.show(UNIT, "Result"), "success")
        self.machine.out("systemctl", "start", "umld.target", timeout=90)
        self.assertEqual(self.machine.show(UNIT, "ActiveState"), "active")
        self.wait_page()

    def test_12_shutdown_takes_the_guest_down(self):
        """Cleanly, also when there is no umld just then."""
        self.override("RestartSec=1h\\n")
        self.start()
        self.machine.out("kill", "-KILL", self.machine.show(UNIT, "MainPID"))
        wait_until(lambda: self.machine.show(UNIT, "SubState") == "auto-restart", 20, "the delay before the restart", 0.02)
        self.machine.reboot()
        self.assertEqual(clean_file_system(f"{self.tree}/var/lib/umld/web/root.img"), "")
        self.assertRegex(self.console_log().split("=end ")[1:][-1], "^stopped: shut down cleanly")
        self.wait_page(60)
        self.machine.poweroff()
        # Its network outlives it here.
        left = command("ip", "-n", f"{self.world.name}-host", "-o", "link")
        self.assertNotIn("tap0", left)
        rules = command("ip", "netns", "exec", f"{self.world.name}-host", "iptables-legacy", "-t", "nat", "-S")
        self.assertNotIn("UMLD", rules)
        self.assertEqual(clean_file_system(f"{self.tree}/var/lib/umld/web/root.img"), "")

    def test_13_old_control_groups(self):
        """cgroup v1 alone, as on old hosts. systemd is not told of empty groups there: TimeoutStopSec= is the limit."""
        self.machine.unified = False
        self.machine.start()
        self.wait_page(60)
        self.assertEqual(self.machine.wait_running(60), "running")
        self.adopted_after("kill", "-KILL", self.machine.show(UNIT, "MainPID"))
        self.machine.out("umlctl", "stop", "web", timeout=60)
        self.wait_nothing_left_to_stop()
        self.assertEqual(self.machine.shell("ps -eo comm= | grep -c -e linux.uml -e umld || true"), "0")
        self.machine.run("umlctl", "disable", "web", check=True)
        self.assertEqual(self.machine.run("systemctl", "is-enabled", UNIT).stdout.strip(), "disabled")
        disabled = self.machine.run("umlctl", "is-enabled", "web")
        self.assertEqual((disabled.stdout.strip(), disabled.returncode), ("disabled", 1), disabled.stderr)
        self.machine.poweroff()

    def test_14_disabled(self):
        self.machine.unified = True
        self.machine.start()
        self.assertEqual(self.machine.wait_running(60), "running")
        self.assertEqual(self.machine.out("systemctl", "is-active", "umld.target"), "active")
        self.assertEqual(self.machine.show(UNIT, "ActiveState"), "inactive")
        self.assert_host_as_before()

    def start_seconds(self, *units):
        begun = time.monotonic()
        self.machine.out("systemctl", "start", *units, timeout=300)
        seconds = time.monotonic() - begun
        self.assertEqual(set(self.machine.out("systemctl", "is-active", *units).split()), {"active"})
        return seconds

    def ten_start_in_parallel(self, units):
        """In less than twice the time of one after the other on each processor: true if so, on a machine with other load."""
        alone = self.start_seconds(units[0])
        self.machine.out("systemctl", "stop", units[0], timeout=60)
        together = self.start_seconds(*units)
        note(f"one guest starts in {alone:.2f} s, ten in {together:.2f} s on {os.cpu_count()} processors")
        return together < 2 * alone * len(units) / min(os.cpu_count(), len(units))

    def test_14_ten_guests(self):
        """At once, without tripping over locks, addresses or memory; clean after a shutdown of the host, which stops them
        before its network."""
        names = [f"g{i}" for i in range(10)]
        units = [f"umld@{name}.service" for name in names]
        for i, name in enumerate(names):
            self.machine.out("umlctl", "create", name, "--memory", "32M", "--forward", f"tcp/{8090 + i}:80", timeout=120)
        self.machine.shell("""
            printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=true\nExecStop=/bin/sh -c "pgrep -cx umld >/root/left"\n[Unit]\nBefore=network.target\nWants=network.target\n' >/etc/systemd/system/uplink.service
            systemctl daemon-reload; systemctl start uplink.service""")
        for attempt in range(3):
            if self.ten_start_in_parallel(units):
                break
            self.assertLess(attempt, 2, "they wait for each other")
            self.machine.out("systemctl", "stop", *units, timeout=120)
        for i in range(len(names)):
            wait_until(lambda port=8090 + i: self.any_page(port), 20, f"a page on port {8090 + i}")
        taps = self.machine.shell("ip -o -4 address show | awk '$2 ~ /^tap/ { print $4 }'").split()
        self.assertEqual((len(taps), len(set(taps))), (len(names), len(names)), taps)
        self.assertNotIn("backoff", self.machine.out("journalctl", "-b", "-o", "cat", *[f"--unit={unit}" for unit in units]))
        pss = self.machine.shell("for p in $(pgrep -x umld); do sed -n 's/^Pss: *\\([0-9]*\\) kB$/\\1/p' /proc/$p/smaps_rollup; done")
        note("PSS of ten umld in KiB: " + pss.replace("\n", " "))
        self.assertEqual(len(pss.split()), len(names))
        self.machine.poweroff()
        with open(f"{self.tree}/root/left", encoding="utf-8") as left:
            self.assertEqual(left.read(), "0\n")
        for name in names:
            self.assertEqual(clean_file_system(f"{self.tree}/var/lib/umld/{name}/root.img"), "", name)
        os.unlink(f"{self.tree}/etc/systemd/system/uplink.service")
        self.machine.start()
        self.assertEqual(self.machine.wait_running(60), "running")
        for name in names:
            self.machine.out("umlctl", "remove", "--force", name)
        self.assert_host_as_before()

    ONE_PROCESSOR = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))]

    def small(self, memory):
        """A control group with that much memory, the file that counts its kills, and the beginning of a command that
        is run in it on one processor. Without the groups where no hierarchy of this machine has the memory controller."""
        top = Path("/sys/fs/cgroup/memory")
        old = (top / "memory.limit_in_bytes").exists()
        group = self.world.other_group(top if old else top.parent)
        limit = group / ("memory.limit_in_bytes" if old else "memory.max")
        if not limit.exists():
            return None, None, self.ONE_PROCESSOR
        limit.write_text(str(memory), encoding="ascii")
        kills = group / ("memory.oom_control" if old else "memory.events")
        return group, kills, ["sh", "-c", f'echo $$ >{group}/cgroup.procs && exec "$@"', "sh", *self.ONE_PROCESSOR]

    def memory_in_use(self):
        """Bytes: what all processes of the machine have in memory, each page counted once; a guest's is mapped by its
        kernel."""
        return 1024 * int(self.machine.shell(
            "cat /proc/[0-9]*/smaps_rollup 2>/dev/null | awk '/^Pss:/ { sum += $2 } END { print sum }'"))

    def test_14_small_machine(self):
        """128 MiB and one processor: the package is installed, a guest is made, and is up after a reboot."""
        self.machine.poweroff()
        group, kills, self.machine.before = self.small(128 << 20)
        self.addCleanup(setattr, self.machine, "before", [])
        self.machine.start()
        self.assertIn(self.machine.wait_running(90), ("running", "degraded"))
        self.assertEqual(self.machine.out("nproc"), "1")
        self.assertEqual(self.machine.shell("grep -h ^Cpus_allowed_list /proc/1/status /proc/self/status | sort -u | wc -l"), "1")
        self.machine.out("apt-get", "install", "-y", "--reinstall", f"/root/{packages.deb().name}", timeout=120)
        self.machine.out("umlctl", "create", "small", "--memory", "48M", "--forward", "tcp/8090:80", timeout=120)
        self.machine.out("umlctl", "start", "small", "--enable", timeout=120)
        self.machine.reboot()
        wait_until(lambda: self.any_page(8090), 60, "the page after a reboot", 0.1)
        self.assertEqual(self.machine.wait_running(60), "running")
        used = self.memory_in_use()
        note(f"128 MiB and one processor: {used >> 20} MiB in use, of a systemd, umld and a guest of 48M"
             + ("" if group else "; nothing limits that here"))
        self.assertLess(used, 128 << 20)
        if group:
            self.assertIn(f"/{group.name}", Path(f"/proc/{self.machine.leader}/cgroup").read_text(encoding="ascii"))
            self.assertEqual(dict(line.split() for line in kills.read_text(encoding="ascii").splitlines())["oom_kill"], "0")
        self.machine.poweroff()
        self.assertEqual(clean_file_system(f"{self.tree}/var/lib/umld/small/root.img"), "")
        self.machine.before = []
        self.machine.start()
        self.assertEqual(self.machine.wait_running(60), "running")
        self.machine.out("umlctl", "stop", "small", timeout=60)
        self.machine.out("umlctl", "disable", "small")
        self.machine.out("umlctl", "remove", "--force", "small")
        self.assert_host_as_before()

    def next_version(self):
        """The same package with a higher version, in the tree."""
        root = f"{self.work}/next"
        command("dpkg-deb", "-R", str(packages.deb()), root)
        with open(f"{root}/DEBIAN/control", "r+", encoding="utf-8") as control:
            text = re.sub(r"(?m)^Version: .*", r"\g<0>+next", control.read())
            control.seek(0)
            control.write(text)
        command("dpkg-deb", "--root-owner-group", "-Znone", "-b", root, f"{self.tree}/root/next.deb")

    def test_15_upgrade_keeps_guests_running(self):
        self.machine.out("umlctl", "start", "web", "--enable", timeout=60)
        umld, guest, page = self.machine.show(UNIT, "MainPID"), self.status()["pid"], self.wait_page()
        self.next_version()
        self.machine.out("apt-get", "install", "-y", "/root/next.deb", timeout=120)
        self.assertIn("+next", self.machine.out("dpkg-query", "-W", "umld"))
        # The new umld has taken over from the old one, as the same process, and the guest is the one before.
        self.assertEqual((self.machine.show(UNIT, "MainPID"), self.status()["pid"], self.page()), (umld, guest, page))
        self.assertEqual(self.status()["reexecs"], 1)
        self.assertEqual(self.machine.out("readlink", f"/proc/{umld}/exe"), "/usr/sbin/umld")
        self.assertEqual(self.machine.show(UNIT, "NeedDaemonReload"), "no")

    def test_16_removed_and_purged(self):
        self.machine.out("apt-get", "remove", "-y", "umld", timeout=120)
        self.assertIsNone(self.page())
        self.assert_host_as_before()
        self.machine.out("apt-get", "purge", "-y", "umld", timeout=120)
        left = self.machine.shell("find / -xdev -name '*umld*' ! -path '/tmp/*' ! -path '/root/*' ! -path '/proc/*' | sort")
        self.assertEqual([line for line in left.splitlines() if not line.startswith("/var/cache/")],
                         ["/etc/umld", "/var/lib/umld"])
        self.assertEqual(self.machine.shell("find /etc/umld /var/lib/umld -mindepth 1 -maxdepth 1 | sort").split(),
                         ["/etc/umld/web.conf", "/var/lib/umld/web"])
        self.assertTrue(os.path.exists(f"{self.tree}/var/lib/umld/web/root.img"))
        self.assertNotEqual(self.machine.run("getent", "group", "umld").returncode, 0)
        self.assertEqual(self.machine.run("systemctl", "--failed", "--quiet").stdout, "")


if __name__ == "__main__":
    main()
