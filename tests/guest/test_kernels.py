#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Real UML kernels with the default guest: its page through DNAT, its deaths, its clean end.

Each test runs with every kernel: Debian's, those that UMLD_TEST_KERNELS lists, separated by colons, and the one
that may lie beside the sources.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import (DONE, FAR, HOST, HOST_TAP, IMAGE_SERVER, MAKE_GUEST, NOT_RUNNING, SOURCE, TestCase, clean_file_system,
                      main, process_alive, resting_descriptors, static_kernel, test_kernels, wait_until)

PORT = 8080


class Kernels(TestCase):
    """The tests; add_kernels() makes one class of it for each kernel."""

    kernel = None
    image_of = IMAGE_SERVER

    def kernel_config(self):
        return subprocess.run([self.kernel, "--showconfig"], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout

    def configure(self, name="web", supervise=None, network=None, **options):
        return self.world.guest(name, kernel=self.kernel, image=self.images / "guest.img",
                                Supervise={"Ready": "guest", **(supervise or {})},
                                Network={"Forward": f"tcp/{PORT}:80", **(network or {})}, **options)

    def start(self, **options):
        self.configure(**options)
        return self.daemon().wait_ready(60)

    def order(self, command):
        """Lets the guest run a command that may end it."""
        with contextlib.suppress(OSError):
            return self.world.fetch(PORT, "/cgi-bin/do?" + command.replace(" ", "+"), timeout=2)
        return ""

    def boot_id(self, page):
        return re.search(r"boot ([0-9a-f-]+)", page)[1]

    def assert_served_again(self, umld, before, verdict, restarts=1):
        """A new boot serves its page, and its predecessor's end is known for what it was."""
        page = self.world.fetch_when_served(PORT, 30, unlike=before)
        self.assertNotEqual(self.boot_id(page), self.boot_id(before))
        umld.wait_message(lambda f: f.get("STATUS", "").startswith("running"),
                          since=next(i for i, m in enumerate(umld.messages)
                                     if m.fields.get("STATUS", "").startswith("backoff")))
        status = umld.status()
        self.assertEqual((status["state"], status["restarts"]), ("running", restarts))
        self.assertEqual(status["last_exit"]["verdict"], verdict)
        return status

    def guest_processes(self):
        """All that belong to the running kernel; an umld-init may be waiting for the next one already."""
        def owner(pid):
            with contextlib.suppress(OSError):  # it has just ended
                return Path(f"/proc/{pid}").stat().st_uid
            return 0
        return [pid for pid, line in self.world.processes().items() if owner(pid) != 0 and "umld-init" not in line]

    # ---- the tests ----

    def test_life(self):
        """Up, page, down: the host byte for byte as it was, the file system clean."""
        self.configure()
        before = self.world.snapshot()
        umld = self.daemon().wait_ready(60)
        page = self.world.fetch(PORT)  # ready means ready
        self.assertIn("<h1>web</h1>", page)
        status = umld.status()
        self.assertEqual(status["kernel"]["path"], str(self.world.kernel(self.kernel)))
        layers = {name: text for name, text in status["confinement"].items() if name not in ("cgroup", "memory", "cpu", "bandwidth", "hostfs", "tun")}
        static = "CONFIG_STATIC_LINK=y" in self.kernel_config()  # takes no preload, and so opens its tap itself
        self.assertEqual([name for name, text in layers.items() if not text.startswith("on")],
                         ["network-namespace", "not-dumpable"] if static else [])
        self.assertEqual(self.read_as_itself(umld).returncode == 0, static)
        if not static:
            self.assertEqual(status["confinement"]["tun"], "opened by umld-init")
        self.assertEqual(self.order("echo hello"), "hello\n")
        self.assertEqual(umld.stop(40), DONE)
        self.assertIn("shut down cleanly by ctrl-alt-del", umld.said("STATUS")[-1])
        self.assertEqual(clean_file_system(self.world.image()), "")
        self.assert_same_host(before)
        self.assertEqual(self.world.umlctl("status", "web").returncode, NOT_RUNNING)

    def read_as_itself(self, umld):
        """What another process of the guest's user sees of the kernel."""
        uid = umld.guest_uid()
        return subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "cat",
                               f"/proc/{umld.guest_pid()}/environ"], capture_output=True, check=False, timeout=20)

    def test_one_cpu(self):
        """All processes of a guest of one processor are on one CPU of the host, unless told otherwise."""
        allowed = os.sched_getaffinity(0)

        def cpus(umld):
            masks = []
            for pid in self.guest_processes():
                with contextlib.suppress(ProcessLookupError):
                    masks.append(os.sched_getaffinity(pid))
            self.assertGreater(len(masks), 1)
            return umld.status()["kernel"]["cpu"], set().union(*masks)
        umld = self.start()
        cpu, used = cpus(umld)
        self.assertEqual(({int(cpu)} if len(allowed) > 1 else allowed), used)
        umld.stop(40)
        umld = self.start(Guest={"CPUAffinity": "any"})
        self.assertEqual(cpus(umld), (None, allowed))
        umld.stop(40)

    def test_killed(self):
        """SIGKILL of the kernel's main process; kernels up to 6.12 leave helpers behind by themselves."""
        umld = self.start()
        before = self.world.fetch(PORT)
        pid = umld.guest_pid()
        first = self.guest_processes()
        self.assertIn(pid, first)
        os.kill(pid, signal.SIGKILL)
        status = self.assert_served_again(umld, before, "killed")
        self.assertNotEqual(status["pid"], pid)
        self.assertEqual([p for p in first if process_alive(p)], [])
        self.assertEqual(umld.stop(40), DONE)
        self.assertEqual(self.world.processes(), {})

    def test_killed_again_and_again(self):
        """No helper, memory, tap or descriptor is left by any of ten deaths."""
        umld = self.start(supervise={"RestartDelayMax": "0"})
        page = self.world.fetch(PORT)
        descriptors = resting_descriptors(umld.pid)
        for _ in range(10):
            os.kill(umld.guest_pid(), signal.SIGKILL)
            page = self.world.fetch_when_served(PORT, 30, unlike=page)
            wait_until(lambda: umld.status()["state"] == "running", what="running")
        self.assertEqual(umld.status()["restarts"], 10)
        self.assertEqual(resting_descriptors(umld.pid), descriptors)
        self.assertLessEqual(len([c for c in self.world.processes().values() if "umld-init" in c]), 3)
        shm = os.statvfs(f"/proc/{umld.pid}/root/dev/shm")
        self.assertLess((shm.f_blocks - shm.f_bfree) * shm.f_frsize, 64 << 20)
        self.assertEqual(umld.stop(40), DONE)

    def test_panic(self):
        umld = self.start()
        before = self.world.fetch(PORT)
        with contextlib.suppress(OSError):
            umld.mconsole("sysrq c")
        status = self.assert_served_again(umld, before, "panic")
        self.assertIn("sysrq triggered crash", status["last_exit"]["detail"])
        self.assertEqual(umld.stop(40), DONE)

    def test_reboot(self):
        umld = self.start()
        before = self.world.fetch(PORT)
        self.order("reboot -f")
        self.assert_served_again(umld, before, "reboot")
        self.assertEqual(umld.stop(40), DONE)

    def test_poweroff(self):
        self.configure()
        before = self.world.snapshot()
        umld = self.daemon().wait_ready(60)
        self.order("poweroff -f")
        self.assertEqual(umld.wait(20), DONE)
        self.assertIn("stopped: poweroff", umld.said("STATUS")[-1])
        self.assert_same_host(before)

    def test_orderly_poweroff_of_the_guest(self):
        umld = self.start()
        self.order("poweroff")
        self.assertEqual(umld.wait(20), DONE)
        self.assertIn("stopped: poweroff", umld.said("STATUS")[-1])
        self.assertEqual(clean_file_system(self.world.image()), "")

    def test_written_data_survives_a_stop(self):
        umld = self.start()
        self.order("touch /root/kept")
        self.assertEqual(umld.stop(40), DONE)
        umld = self.daemon().wait_ready(60)
        self.assertEqual(self.order("ls /root"), "kept\n")
        self.assertEqual(umld.stop(40), DONE)

    def test_who_configures(self):
        """The interface of the guest: its kernel, where it can, or its init."""
        config = self.kernel_config()
        for who in ("kernel", "init"):
            with self.subTest(who):
                umld = self.start(network={"ConfigureBy": who})
                self.world.fetch(PORT)
                log = self.world.umlctl("log", "web", "--boot", "0").stdout
                self.assertIn("Run /sbin/init", log)
                self.assertEqual("IP-Config: Complete" in log, who == "kernel" and "CONFIG_IP_PNP=y\n" in config)
                self.assertEqual(umld.stop(40), DONE)

    def facts(self, umld):
        """What the guest says about itself, once all of it is there."""
        said = umld.status()["guest"]
        return said if None not in said.values() else None

    def test_filter(self):
        """The kernel's own processes may make few system calls, the guest's all, whatever intercepts them."""
        self.configure(Guest={"Append": "seccomp=on"})
        umld = self.daemon().wait_ready(60)
        self.assertEqual(umld.layer("seccomp"), "on")
        status = Path(f"/proc/{umld.guest_pid()}/status").read_text(encoding="utf-8")
        self.assertIn("Seccomp:\t2\n", status)
        self.world.fetch(PORT)
        self.order("mount -t tmpfs not-filtered /tmp")
        self.assertIn("not-filtered /tmp tmpfs", self.order("cat /proc/mounts"))
        self.assertEqual(umld.stop(40), DONE)

    def test_fast_network(self):
        """What TCP is told, as the guest sees it; what the user says himself goes before it."""
        config = self.kernel_config()
        keys = ("tcp_wmem", "tcp_mem", "tcp_max_syn_backlog", "tcp_fastopen", "tcp_congestion_control")

        def sysctls():
            text = self.order("cat " + " ".join(f"/proc/sys/net/ipv4/{key}" for key in keys))
            return [" ".join(line.split()) for line in text.splitlines()]
        self.configure()
        subprocess.run([MAKE_GUEST, "--kernel", self.kernel, "--overlay", SOURCE / "tests/guest/overlay",
                        self.world.image()], check=True, timeout=60)
        umld = self.daemon().wait_ready(60)
        wmem, mem, backlog, fastopen, congestion = sysctls()
        self.assertEqual((wmem, mem, backlog, fastopen),
                         ("4096 16384 16777216", "2048 4096 6144", "1024", "3"))
        if "CONFIG_TCP_CONG_BBR=" in config:  # the image has the module, where it is one
            self.assertEqual((congestion, self.order("cat /proc/sys/net/core/default_qdisc")), ("bbr", "fq\n"))
        facts = wait_until(lambda: self.facts(umld), what="what the guest says about itself")
        self.assertEqual(facts["congestion_control"], congestion)
        self.assertEqual(facts["qdisc"], self.order("cat /proc/sys/net/core/default_qdisc").strip())
        self.assertRegex(facts["load"], r"^\d+\.\d\d \d+\.\d\d \d+\.\d\d$")
        self.assertEqual(facts["memory"], 1024 * int(self.order("awk /MemTotal/{print$2} /proc/meminfo")))
        self.assertLess(facts["memory_available"], facts["memory"])
        self.assertIn(f"Guest: {congestion} with ", self.world.umlctl("status", "web").stdout)
        self.assertRegex(self.world.umlctl("list").stdout, rf"CPU +TCP .*\n.* {congestion} ")
        self.order("sysctl -w net.ipv4.tcp_congestion_control=reno")
        wait_until(lambda: self.facts(umld)["congestion_control"] == "reno", 30, "another congestion control")
        self.assertEqual(umld.stop(40), DONE)
        umld = self.start(Guest={"Append": "'sysctl.net.ipv4.tcp_wmem=\"4096 16384 99999\"' sysctl/net/ipv4/tcp_fastopen=1"})
        self.assertEqual(sysctls()[:4], ["4096 16384 99999", "2048 4096 6144", "1024", "1"])
        self.assertEqual(umld.stop(40), DONE)
        umld = self.start(network={"FastNetwork": "no"}, supervise={"HangCheck": "0"})
        self.assertNotEqual(sysctls()[:3], [wmem, mem, backlog])
        self.assertEqual(set(umld.status()["guest"].values()), {None})
        self.assertEqual(umld.stop(40), DONE)

    def test_umld_killed(self):
        """The guest goes with it; the next umld sweeps and serves."""
        self.configure()
        before = self.world.snapshot()
        umld = self.daemon().wait_ready(60)
        page = self.world.fetch(PORT)
        umld.kill()
        wait_until(lambda: not self.world.processes(), 2, "an end of all processes")
        second = self.daemon().wait_ready(60)
        self.assertNotEqual(self.world.fetch(PORT), page)
        self.assertIn("cleaning up after a killed umld", second.log)
        self.assertEqual(second.stop(40), DONE)
        self.assertEqual(clean_file_system(self.world.image()), "")
        self.assert_same_host(before)

    def echo(self):
        with contextlib.suppress(OSError), self.world.socket("inet") as s:
            s.settimeout(1)
            s.connect((HOST, 7))
            s.sendall(b"hello")
            return s.recv(100)
        return None

    def test_outside(self):
        """The guest reaches the Internet through MASQUERADE, and its echo answers."""
        umld = self.start(network={"Forward": [f"tcp/{PORT}:80", "tcp/7"]})
        with self.world.socket("inet") as listener:
            listener.bind((FAR, 4000))
            listener.listen()
            listener.settimeout(10)
            caller = threading.Thread(target=self.order, args=(f"nc {FAR} 4000",))
            caller.start()
            connection, (address, _) = listener.accept()
            connection.close()
            caller.join()
        self.assertEqual(address, HOST)
        self.assertEqual(wait_until(self.echo, what="the echo"), b"hello")  # begins after the page
        self.assertIn(f"default via {HOST_TAP}", self.order("ip route"))
        self.assertEqual(self.order("cat /etc/resolv.conf"), "nameserver 8.8.8.8\nnameserver 8.8.4.4\n")
        self.assertEqual(umld.stop(40), DONE)

    def test_forwards_from_everywhere(self):
        """The host and the guest reach a forward by the public address as the Internet does."""
        umld = self.start()
        page = self.world.fetch(PORT)
        self.assertEqual(self.world.fetch(PORT, part="host"), page)
        self.assertEqual(self.order(f"wget -q -O - http://{HOST}:{PORT}/"), page)
        self.assertEqual(umld.stop(40), DONE)

    def test_user(self):
        """The kernel runs as a user of its own that has no capability, and with nothing of umld's."""
        umld = self.start()
        status = Path(f"/proc/{umld.guest_pid()}/status").read_text()
        uids = re.search(r"^Uid:\s+(.*)$", status, re.M)[1].split()
        self.assertEqual(uids, [str(umld.guest_uid())] * 4)
        self.assertNotEqual(uids[0], "0")
        for word in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(re.search(rf"^{word}:\s+(\w+)$", status, re.M)[1], 16), 0, word)
        self.assertEqual(re.search(r"^NoNewPrivs:\s+(\d)$", status, re.M)[1], "1")
        self.assertEqual(re.search(r"^Groups:[ \t]*(.*)$", status, re.M)[1].strip(), "")
        targets = [os.readlink(f) for f in Path(f"/proc/{umld.guest_pid()}/fd").iterdir()]
        private = (str(self.world.runtime_dir), str(self.world.log_dir), str(self.world.config_dir))
        self.assertEqual([t for t in targets if t.startswith(private)], [])
        self.assertEqual(umld.stop(40), DONE)


def add_kernels():
    for kernel in test_kernels():
        version = subprocess.run([kernel, "--version"], stdout=subprocess.PIPE, encoding="utf-8",
                                 check=True).stdout.strip()
        name = "Linux_" + re.sub(r"\W", "_", version)
        if name in globals():  # of several flavours, each has its tests
            name = "Linux_" + re.sub(r"\W", "_", kernel.name.partition("-")[2])
        globals()[name] = type(name, (Kernels,), {"kernel": kernel, "__module__": __name__})


def with_hash(text):
    """A record of a kernel's answers, whole: with its FNV-1a hash."""
    value = 0xcbf29ce484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001b3 % 2 ** 64
    return f"{text}hash {value:016x}\n"


class Record(TestCase):
    """What a kernel has answered is kept for the next start. Which answers a start has used shows in a warning."""

    def setUp(self):
        super().setUp()
        self.kernel = self.world.dir / "kernel"
        shutil.copy(self.world.program("tests/guest/fake-guest"), self.kernel)
        self.record = self.world.state_dir / "web/kernel"
        self.world.guest(Guest={"Kernel": self.kernel, "Append": ["fake=boot,ready", "nonsense"], "Memory": "32M"})

    def used(self):
        """The release of the kernel that a start believes to run."""
        umld = self.daemon().wait_ready()
        self.assertEqual(umld.stop(), DONE)
        return re.search(r"Append=nonsense: unknown to Linux (\S+),", umld.log)[1]

    def keep(self, release):
        text = self.record.read_text()
        self.record.write_text(with_hash(re.sub("release .*", f"release {release}", text[:text.index("hash ")])))

    def test_used(self):
        real = self.used()
        self.assertFalse(self.record.exists())  # the kernel is too new: another one could have the same times
        wait_until(lambda: time.time() > self.kernel.stat().st_ctime + 3, what="an older kernel")
        self.assertEqual(self.used(), real)
        self.assertIn("knows fake\n", self.record.read_text())
        self.keep("9.8.7-kept")
        self.assertEqual(self.used(), "9.8.7-kept")

        with self.subTest("damaged"):
            self.record.write_bytes(self.record.read_bytes()[:-9])
            self.assertEqual(self.used(), real)
        with self.subTest("of somebody else"):
            self.keep("9.8.7-kept")
            os.chown(self.record, 65534, 65534)
            self.assertEqual(self.used(), real)
        with self.subTest("of the file before"):
            self.keep("9.8.7-kept")
            os.utime(self.kernel)
            self.assertEqual(self.used(), real)
        with self.subTest("cannot be kept"):
            self.record.unlink()
            self.record.mkdir()
            self.assertEqual(self.used(), real)


class Static(TestCase):
    """A statically linked kernel, which nothing can be preloaded into."""

    def test_life(self):
        """It boots, is started again after its death, and ends cleanly."""
        kernel = static_kernel()
        if not kernel:
            self.skipTest("no statically linked kernel beside the sources (shared/kernel/vmlinux-6.1-static)")
        if self.state_of_cpu_is_large():
            self.skipTest("this CPU's state is larger than a static kernel of 6.1 can hold")
        subprocess.run([MAKE_GUEST, "--overlay", SOURCE / "tests/guest/overlay", self.world.dir / "guest.img"],
                       check=True, timeout=60)
        self.world.guest("web", kernel=kernel, image=self.world.dir / "guest.img",
                         Supervise={"Ready": "guest"}, Network={"Forward": f"tcp/{PORT}:80"})
        before = self.world.snapshot()
        umld = self.daemon().wait_ready(60)
        layers = umld.status()["confinement"]
        self.assertEqual(layers["root"], "on")
        self.assertRegex(layers["network-namespace"], r"^refused \(.+\), a static kernel")
        self.assertEqual(layers["tun"], "a node of its own")
        page = self.world.fetch(PORT)
        os.kill(umld.guest_pid(), signal.SIGKILL)
        self.world.fetch_when_served(PORT, 30, unlike=page)
        wait_until(lambda: umld.status()["state"] == "running", what="running")
        self.assertEqual(umld.status()["restarts"], 1)
        self.assertEqual(umld.stop(40), DONE)
        self.assertIn("shut down cleanly", umld.said("STATUS")[-1])
        self.assertEqual(clean_file_system(self.world.image()), "")
        self.assert_same_host(before)

    def state_of_cpu_is_large(self):
        return "amx_tile" in Path("/proc/cpuinfo").read_text()


add_kernels()
del Kernels  # not a test by itself

if __name__ == "__main__":
    main()
