#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What users get wrong and hosts refuse: each gives one line that says what is wrong and how to fix it, the right
exit status, and a host on which nothing has changed."""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import (BACKEND, BUILD, DEBIAN_KERNEL, DONE, FAILED, FAKE_IMAGE, NO_GUEST, NOT_PERMITTED, NOT_RUNNING, PATIENCE,
                      USAGE, TestCase, main, wait_until)


class BadInput(TestCase):
    def refused(self, code, *words, name="web", wrapper=()):
        """umld ends with that code after one line of error that holds all words, the host as before."""
        before = self.world.snapshot()
        began = time.monotonic()
        p = self.world.run("host", *wrapper, self.world.program("daemon/umld"), name, timeout=20)
        self.assertLess(time.monotonic() - began, 4 * PATIENCE)
        self.assertEqual(p.returncode, code, p.stderr)
        # Where the configuration is good, the log begins with the order to start.
        said = ("stopped -> preparing", "preparing -> booting", "owner changed", "reverse path filter cannot be enabled",
                "confinement: the layer")
        errors = [line for line in p.stderr.splitlines() if not any(text in line for text in said)]
        self.assertEqual(len(errors), 1, p.stderr)
        for word in words:
            self.assertIn(word, errors[0])
        self.assert_same_host(before)
        self.assertEqual(self.world.processes(), {})
        return errors[0]

    def checked(self, code, *words, name="web"):
        """The same for umld --check, which tells before a start would."""
        before = self.world.snapshot()
        p = self.world.check(name)
        self.assertEqual(p.returncode, code, p.stderr)
        for word in words:
            self.assertIn(word, p.stderr)
        self.assert_same_host(before)


class Configuration(BadInput):
    def config(self, text):
        self.world.guest(fake="boot")
        with open(self.world.config_dir / "web.conf", "a", encoding="utf-8") as f:
            f.write(text)
        return len((self.world.config_dir / "web.conf").read_text().splitlines())

    def expect(self, text, *words):
        line = self.config(text)
        self.refused(USAGE, f"web.conf:{line}: ", *words)
        self.checked(USAGE, f"web.conf:{line}: ", *words)

    def test_no_such_guest(self):
        self.refused(NO_GUEST, "nobody", name="nobody")

    def test_bad_name(self):
        for name in ("../web", "Web", "web.conf", "a" * 16, "-", "1web"):
            with self.subTest(name=name):
                p = self.world.run("host", self.world.program("daemon/umld"), "--", name)
                self.assertEqual(p.returncode, USAGE)
                self.assertEqual(len(p.stderr.splitlines()), 1)

    def test_unknown_key(self):
        self.expect("[Guest]\nMemroy=64M\n", "Memroy", "Memory")

    def test_unknown_section(self):
        self.config("[Gest]\nMemory=64M\n")
        self.refused(USAGE, "web.conf:", "Gest")

    def test_duplicate(self):
        self.expect("[Guest]\nMemory=64M\n", "Memory")

    def test_bad_size(self):
        self.expect("[Supervise]\nReady=boot\n[Console]\nLogMax=12Q\n", "LogMax", "12Q")

    def test_small_memory(self):
        self.world.guest(fake="boot", Guest={"Memory": "4M"})
        self.refused(USAGE, "Memory", "4M", "32M")

    def test_bad_address(self):
        self.expect("[Network]\nHostAddress=10.0.0.300/24\n", "HostAddress", "10.0.0.300/24")

    def test_guest_address_elsewhere(self):
        self.config("[Network]\nHostAddress=10.0.0.1/24\nGuestAddress=10.9.0.2\n")
        self.refused(USAGE, "GuestAddress", "10.9.0.2", "10.0.0.")

    def test_bad_port(self):
        self.expect("[Network]\nForward=tcp/99999:80\n", "Forward", "99999")

    def test_directories_of_the_host(self):
        """By hostfs: there they must be, and nothing else may be to be seen."""
        self.config("[Guest]\nRoot=hostfs:/srv/a\nShare=/srv/a/b\n")
        self.refused(USAGE, "/srv/a and /srv/a/b are the same, or one contains the other")
        self.config("[Guest]\nShare=/srv/a,ro\n")  # a fake guest has PrivateRoot=no
        self.refused(USAGE, "with PrivateRoot=no hostfs would show all of the host")
        for line in ("Share=/srv/no-such", "Root=hostfs:/srv/no-such"):
            self.world.guest(fake="boot", Guest=dict([line.split("=")]), Confine={"PrivateRoot": "yes"})
            self.refused(USAGE, line, "No such file or directory; create that directory, or ")

    def test_not_text(self):
        self.world.guest(fake="boot")
        (self.world.config_dir / "web.conf").write_bytes(os.urandom(4096))
        p = self.world.run("host", self.world.program("daemon/umld"), "web")
        self.assertEqual(p.returncode, USAGE)
        self.assertEqual(len(p.stderr.splitlines()), 1, p.stderr)
        self.assertTrue(p.stderr.isprintable() or p.stderr[:-1].isprintable())

    def test_relative_directory(self):
        self.world.guest(fake="boot")
        self.refused(USAGE, "UMLD_STATE_DIR", wrapper=["env", "UMLD_STATE_DIR=state"])


    def test_doubtful_forward(self):
        """Valid, but as iptables(8) writes a range: told by the check and by the log."""
        self.world.guest(fake="boot,ready", Network={"Forward": "tcp/9000:19000 tcp/8080:80 tcp/7000-7000:17000-17000"})
        told = "Forward=tcp/9000:19000: port 9000 of the host goes to port 19000 of the guest; " \
               "a range of ports is written 9000-19000"
        p = self.world.check("web")
        self.assertEqual((p.returncode, p.stderr.count("a range of ports")), (DONE, 1), p.stderr)
        self.assertIn(told, p.stderr)
        umld = self.daemon().wait_ready()
        self.assertIn(told, umld.log)
        self.assertEqual(umld.stop(), DONE)


class User(BadInput):
    def test_root_by_another_name(self):
        self.world.name_root("toor")
        self.world.guest(fake="boot,ready", Confine={"User": "toor"})
        self.refused(USAGE, "User=toor: is root by another name")
        self.checked(USAGE, "User=toor: is root by another name")
        self.world.guest(fake="boot,ready", Confine={"User": "root"})
        umld = self.daemon().wait_ready()
        self.assertEqual(umld.stop(), DONE)


class Kernel(BadInput):
    """Kernel= names something that is none."""

    def kernel(self, make=None):
        path = self.world.dir / "kernels/wrong"
        path.parent.mkdir(exist_ok=True)
        if make:
            make(path)
        self.world.guest(fake="boot", Guest={"Kernel": path})
        return str(path)

    def expect(self, make, *words):
        path = self.kernel(make)
        self.refused(FAILED, path, *words)
        self.checked(FAILED, path, *words)

    def test_missing(self):
        self.expect(None, "does not exist")

    def test_not_executable(self):
        def make(path):
            shutil.copy(DEBIAN_KERNEL, path)
            path.chmod(0o644)
        self.expect(make, "not executable")

    def test_writable(self):
        for owner, mode in ((0, 0o757), (1000, 0o755)):
            def make(path, owner=owner, mode=mode):
                path.unlink(missing_ok=True)
                shutil.copy(DEBIAN_KERNEL, path)
                path.chmod(mode)
                os.chown(path, owner, 0)
            self.expect(make, "may be written by others than root")

    def test_replaceable(self):
        """A file that only root may write, in a directory where others may put another one in its place."""
        def make(path):
            shutil.copy(DEBIAN_KERNEL, path)
            path.parent.chmod(0o777)
        self.expect(make, "may be written by others than root")

    def test_plain_program(self):
        self.expect(lambda path: shutil.copy("/bin/true", path), "not a UML kernel")

    def test_script(self):
        def make(path):
            path.write_text("#!/bin/sh\necho 7.2\n")
            path.chmod(0o755)
        self.expect(make, "script")

    def test_truncated(self):
        def make(path):
            path.write_bytes(DEBIAN_KERNEL.read_bytes()[:-1000])
            path.chmod(0o755)
        self.expect(make, "truncated")

    def test_empty(self):
        def make(path):
            path.touch()
            path.chmod(0o755)
        self.expect(make, "empty")

    def test_directory(self):
        self.expect(lambda path: path.mkdir(), "directory")

    def test_out_of_reach(self):
        """A guest runs as a user of its own, who cannot pass a directory such as /root."""
        def make(path):
            path.parent.chmod(0o700)
            self.world.install(BUILD / "tests/guest/fake-guest", path)
        path = self.kernel(make)
        self.refused(USAGE, path, "user")
        self.checked(USAGE, path, "user")

    def test_more_cpus_than_it_has(self):
        self.world.guest(kernel=DEBIAN_KERNEL, Guest={"CPUs": "2"})
        self.checked(FAILED, "CPUs=2: Linux 6.1", "CONFIG_SMP", "set CPUs=1")
        self.refused(FAILED, "CPUs=2: Linux 6.1")

    def test_ipv6_as_a_module(self):
        """The guest has to load it; that is said, and no reason not to start."""
        self.world.guest(kernel=DEBIAN_KERNEL, Network={"HostAddress6": "fd00::1/64", "GuestAddress6": "fd00::2"})
        self.checked(DONE, "has IPv6 as a module", "modprobe ipv6")


class Disk(BadInput):
    def disk(self, path, **more):
        self.world.guest(fake="boot", Guest={"Disk": path}, **more)
        return str(path)

    def test_missing(self):
        path = self.disk(self.world.dir / "none.img")
        self.refused(FAILED, path, "no such image")
        self.checked(FAILED, path, "no such image")

    def test_directory(self):
        self.refused(FAILED, self.disk(self.world.dir), "neither a file nor a block device")

    def test_empty(self):
        path = self.world.dir / "empty.img"
        path.touch()
        self.refused(FAILED, self.disk(path), "empty")

    def test_out_of_reach(self):
        closed = self.world.dir / "closed"
        closed.mkdir(mode=0o700)
        (closed / "disk.img").write_bytes(FAKE_IMAGE)
        owner = (closed / "disk.img").stat().st_uid
        self.disk(f"{closed}/disk.img,adopt")
        self.refused(USAGE, f"{closed}/disk.img", "user")
        self.checked(USAGE, f"{closed}/disk.img", "user")
        self.assertEqual((closed / "disk.img").stat().st_uid, owner)

    def test_read_only_file_system(self):
        path = self.disk(self.world.dir / "ro/disk.img")
        (self.world.dir / "ro").mkdir()
        (self.world.dir / "ro/disk.img").write_bytes(FAKE_IMAGE)
        bound = f"mount --bind {self.world.dir}/ro {self.world.dir}/ro; mount -o remount,bind,ro {self.world.dir}/ro;"
        self.refused(FAILED, path, "Read-only", wrapper=["unshare", "-m", "sh", "-ec", f'{bound} exec "$@"', "sh"])

    def test_of_another_guest(self):
        path = f"{self.world.dir}/disk.img"
        self.disk(f"{path},adopt")
        (self.world.dir / "disk.img").write_bytes(FAKE_IMAGE)
        web = self.daemon().wait_ready()
        self.world.guest("mail", fake="boot", Guest={"Disk": path},
                         Network={"Tap": "tap1", "HostAddress": "10.0.1.1/24", "GuestAddress": "10.0.1.2"})
        before = self.world.snapshot()
        p = self.world.run("host", self.world.program("daemon/umld"), "mail")
        self.assertEqual(p.returncode, FAILED)
        self.assertIn(path, p.stderr)
        self.assertIn("another guest", p.stderr)
        self.assert_same_host(before)
        self.assertEqual(web.stop(), DONE)

    def test_of_a_stranger(self):
        """Somebody's UML kernel without any umld; it may end, so this is tried again."""
        path = self.disk(self.world.dir / "disk.img", Supervise={"Restart": "no"})
        (self.world.dir / "disk.img").write_bytes(FAKE_IMAGE)
        with open(path, "r+b") as f:
            fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.refused(FAILED, path, f"pid {os.getpid()}")


class Network(BadInput):
    shm = "256M"  # enough for two: their claims are not what is tried here

    def test_foreign_tap(self):
        self.world.host("ip", "link", "add", "tap0", "type", "veth", "peer", "name", "other")
        self.world.guest(fake="boot", Supervise={"Restart": "no"}, Network={"Tap": "tap0"})
        self.refused(FAILED, "tap0")

    def test_tap_of_another_guest(self):
        web = self.world.guest(fake="boot")
        web = self.daemon().wait_ready()
        self.world.guest("mail", fake="boot", Supervise={"Restart": "no"},
                         Network={"Tap": "tap0", "HostAddress": "10.0.1.1/24", "GuestAddress": "10.0.1.2"})
        before = self.world.snapshot()
        p = self.world.run("host", self.world.program("daemon/umld"), "mail")
        self.assertEqual(p.returncode, FAILED)
        self.assertIn("tap0", p.stderr)
        self.assert_same_host(before)
        self.assertEqual(web.stop(), DONE)

    def test_busy_tap(self):
        self.world.guest(fake="boot", Supervise={"Restart": "no"}, Network={"Tap": "tap0"})
        holder = self.world.program("tests/guest/fake-guest")
        other = self.world.run("host", "sh", "-c", f"ip tuntap add tap0 mode tap; {holder} eth0=tuntap,tap0 "
                               "fake=tap,wait:60000 >/dev/null 2>&1 & echo $!")
        pid = int(other.stdout)
        try:
            wait_until(lambda: "tap0" in self.fdinfo(pid), what="the holder's tap")
            before = self.world.snapshot()
            p = self.world.run("host", self.world.program("daemon/umld"), "web")
            self.assertEqual(p.returncode, FAILED)
            self.assertIn("tap0", p.stderr)
            self.assertIn(str(pid), p.stderr)
            self.assert_same_host(before)
        finally:
            os.kill(pid, signal.SIGKILL)

    @staticmethod
    def fdinfo(pid):
        text = ""
        with contextlib.suppress(OSError):
            for path in Path(f"/proc/{pid}/fdinfo").iterdir():
                text += path.read_text()
        return text

    def test_address_in_use(self):
        self.world.host("ip", "address", "add", "10.0.0.1/24", "dev", "lo")
        self.world.guest(fake="boot", Supervise={"Restart": "no"}, Network={"HostAddress": "10.0.0.1/24"})
        self.refused(FAILED, "10.0.0.1", "lo")

    def test_no_tun(self):
        self.world.guest(fake="boot", Supervise={"Restart": "no"})
        self.refused(FAILED, "/dev/net/tun",
                     wrapper=["unshare", "-m", "sh", "-ec", 'mount -t tmpfs none /dev/net; exec "$@"', "sh"])

    def test_rules_refused(self):
        """A container without the capability for it, though it may make taps. Tables of nftables ask for the one that
        taps ask for; there a container's filter refuses the socket."""
        tool, wrapper = (("nftables", [self.world.program("tests/lib/refuse"), "netfilter", "--"])
                         if BACKEND == "nftables" else
                         ("iptables", ["setpriv", "--inh-caps=-all", "--bounding-set=-net_raw", "--"]))
        self.world.guest(fake="boot", Supervise={"Restart": "no"})
        self.refused(FAILED, tool, "the host refuses changes", "allow", wrapper=wrapper)

    def test_no_default_route(self):
        self.world.host("ip", "route", "delete", "default")
        self.world.guest(fake="boot", Supervise={"Restart": "no"})
        self.refused(FAILED, "default route", "Uplink")

    def test_ip_forward_refused(self):
        self.world.guest(fake="boot", Supervise={"Restart": "no"})
        self.refused(FAILED, "ip_forward", wrapper=[
            "unshare", "-m", "sh", "-ec", "mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys;"
            ' exec "$@"', "sh"])


class Host(BadInput):
    def test_not_root(self):
        self.world.guest(fake="boot")
        self.refused(NOT_PERMITTED, "root",
                     wrapper=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"])

    def test_second_umld(self):
        self.world.guest(fake="boot")
        umld = self.daemon().wait_ready()
        before = self.world.snapshot()
        p = self.world.run("host", self.world.program("daemon/umld"), "web")
        self.assertEqual(p.returncode, FAILED)
        self.assertEqual(len(p.stderr.splitlines()), 1)
        self.assertIn(f"pid {umld.pid}", p.stderr)
        self.assert_same_host(before)
        self.assertEqual(umld.status()["state"], "running")
        self.assertEqual(umld.stop(), DONE)

    def full(self, options, *words):
        self.world.guest(fake="boot", Supervise={"Restart": "no"})
        run = self.world.runtime_dir
        script = f'mount -t tmpfs -o {options} none {run}; dd if=/dev/zero of={run}/fill 2>/dev/null || :; exec "$@"'
        return self.refused(FAILED, str(run), *words, wrapper=["unshare", "-m", "sh", "-ec", script, "sh"])

    def test_full_runtime_directory(self):
        self.full("size=64k", "No space left")

    def test_full_directory_of_shared_settings(self):
        """The true cause, not the provider; with so few files that memory's claim is noted, and ip_forward is not."""
        self.world.host("mkdir", "-m", "1777", "/dev/shm/ram")
        self.world.guest(fake="boot", Supervise={"Restart": "no"}, Memory={"Backing": "dir:/dev/shm/ram"})
        shared = self.world.runtime_dir / ".shared"
        for files in range(3, 12):
            script = f'mkdir -p -m 0755 {shared}; mount -t tmpfs -o size=64k,nr_inodes={files} none {shared}; exec "$@"'
            error = self.refused(FAILED, str(shared), "No space left", "free some space there",
                                 wrapper=["unshare", "-m", "sh", "-ec", script, "sh"])
            if "ip_forward" in error:
                return
        self.fail("ip_forward was never at fault")

    def test_no_free_terminal(self):
        self.world.guest(fake="boot", Supervise={"Restart": "no"})
        self.refused(FAILED, "cannot create the guest's console", "no pseudo-terminal is free",
                     wrapper=["unshare", "-m", "sh", "-ec",
                              'mount -t devpts -o newinstance,max=1,ptmxmode=0666 none /dev/pts; '
                              'mount --bind /dev/pts/ptmx /dev/ptmx; exec 9<>/dev/ptmx "$@"', "sh"])

    def test_image_is_a_link_of_the_guests(self):
        """What lies in a directory that the guest's user can write to is not followed to somebody else's file."""
        secret, directory = self.world.dir / "secret", self.world.dir / "images"
        secret.write_bytes(FAKE_IMAGE)
        directory.mkdir(mode=0o755)
        self.world.guest(fake="boot", Supervise={"Restart": "no"}, Guest={"Disk": f"{directory}/root.img,adopt"})
        uid = int((self.world.state_dir / "web/uid").read_text())
        os.chown(directory, uid, uid)
        for make, why in ((os.symlink, "symbolic link"), (os.link, "2 names (hard links)")):
            with self.subTest(make=make.__name__):
                make(secret, directory / "root.img")
                self.refused(FAILED, "Disk=", why)
                self.assertEqual(secret.stat().st_uid, 0)
                (directory / "root.img").unlink()
        (directory / "root.img").write_bytes(FAKE_IMAGE)
        umld = self.daemon().wait_ready()
        self.assertEqual((directory / "root.img").stat().st_uid, uid)
        self.assertEqual(umld.stop(), DONE)

    def test_runtime_directory_out_of_files(self):
        self.full("size=1m,nr_inodes=3", "No space left")

    def test_no_memory_file_system(self):
        self.world.guest(fake="boot", Supervise={"Restart": "no"}, Memory={"Backing": "shm"})
        self.refused(FAILED, "/dev/shm", wrapper=["unshare", "-m", "sh", "-ec", 'umount /dev/shm; mount -t ramfs '
                                                  'none /dev/shm; exec "$@"', "sh"])

    def test_more_memory_than_there_is(self):
        self.world.guest(fake="boot", Guest={"Memory": "900G"}, Supervise={"Restart": "no"})
        self.refused(FAILED, "Memory=", "MemAvailable")


class Umlctl(BadInput):
    """umlctl where no umld answers."""

    def answer(self, *arguments):
        began = time.monotonic()
        p = self.world.umlctl(*arguments)
        self.assertLess(time.monotonic() - began, 3 * PATIENCE)
        return p

    def test_no_such_guest(self):
        for verb in ("status", "stop", "restart", "kill", "start"):
            with self.subTest(verb=verb):
                p = self.answer(verb, "nobody")
                self.assertEqual(p.returncode, NO_GUEST)
                self.assertEqual(len(p.stderr.splitlines()), 1)
                self.assertIn("nobody", p.stderr)

    def test_not_running(self):
        self.world.guest(fake="boot")
        self.assertEqual(self.answer("status", "web").returncode, NOT_RUNNING)

    def test_dead_socket(self):
        self.world.guest(fake="boot")
        self.daemon().wait_ready().kill()
        self.assertTrue((self.world.runtime_dir / "web/bus").is_socket())
        self.assertEqual(self.answer("status", "web").returncode, NOT_RUNNING)
        self.assertIn("web", self.answer("list").stdout)

    def test_deaf_socket(self):
        """Somebody listens who never says a word."""
        self.world.guest(fake="boot")
        (self.world.runtime_dir / "web").mkdir()
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(self.world.runtime_dir / "web/bus"))
            s.listen()
            p = self.answer("status", "web")
            self.assertEqual(p.returncode, FAILED)
            self.assertIn("does not respond", p.stdout)
            p = self.answer("stop", "web")
            self.assertEqual(p.returncode, FAILED)
            self.assertEqual(len(p.stderr.splitlines()), 1)

    def test_stopped_umld(self):
        self.world.guest(fake="boot")
        umld = self.daemon().wait_ready()
        umld.signal(signal.SIGSTOP)
        try:
            p = self.answer("status", "web")
            self.assertEqual(p.returncode, FAILED)
        finally:
            umld.signal(signal.SIGCONT)
        self.assertEqual(umld.stop(), DONE)


if __name__ == "__main__":
    main()
