# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests of the running programs share: a world, guests in it, umld and umlctl, and the host's state.

The build is told by UMLD_BUILD_ROOT and UMLD_SOURCE_ROOT, which meson sets.
"""

import atexit
import contextlib
import ctypes
import errno
import difflib
import fcntl
import http.client
import itertools
import json
import os
import re
import select
import shlex
import shutil
import signal
import socket
import stat
import statistics
import struct
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

import jsonschemas
import nft_tables
import tap

SOURCE = Path(os.environ.get("UMLD_SOURCE_ROOT") or Path(__file__).resolve().parents[2])
BUILD = Path(os.environ.get("UMLD_BUILD_ROOT") or SOURCE / "build")
# Where umlctl is from. A sanitizer makes it fifteen times slower, and not every test is about it.
CLIENTS = Path(os.environ.get("UMLD_TEST_PLAIN_UMLCTL") and os.environ.get("UMLD_TEST_PLAIN_BUILD") or BUILD)
WORLD = SOURCE / "tests/world"
MAKE_GUEST = SOURCE / "tests/make-guest"
# What an image for all tests of a class has (TestCase.image_of): overlays, and programs in its /bin.
IMAGE_PLAIN = ()
IMAGE_SERVER = (SOURCE / "tests/guest/overlay",)
IMAGE_ECHO = (*IMAGE_SERVER, BUILD / "tests/guest/udp-echo")
TRY_CALLS = BUILD / "tests/host/try-calls"
ENTER = BUILD / "tests/lib/enter"
BUILTIN = SOURCE / "imager/builtin"  # the files of that guest

# What makes the rules of guests that do not say so themselves; as umld chooses in an empty world, where not set.
BACKEND = os.environ.get("UMLD_TEST_BACKEND")

DONE, FAILED, USAGE, NOT_RUNNING, NO_GUEST, NOT_PERMITTED = 0, 1, 2, 3, 4, 77

DEBIAN_KERNEL = Path("/usr/bin/linux.uml")
INET, HOST, FAR = "203.0.113.1", "203.0.113.10", "198.51.100.1"
HOST_TAP, GUEST_ADDRESS = "10.0.0.1", "10.0.0.2"

# What umld takes for a disk with a file system: nothing but the mark of an ext4 superblock, for guests that do not look.
FAKE_IMAGE = bytes(1080) + b"\x53\xef" + bytes((1 << 20) - 1082)

# Of guests: the upper part of what umld itself would choose from (lib/host/guest-uid.h).
UID_FIRST, UID_LAST, UIDS_PER_WORLD = 60850, 61100, 4

# Every combination, instead of some of each kind?
TEST_ALL = bool(os.environ.get("UMLD_TEST_ALL"))
# Is each source of umlctl create booted with every kernel? tools/test wants that on a machine that is quick enough.
ALL_SOURCES = TEST_ALL or bool(os.environ.get("UMLD_TEST_SOURCES"))

# Are umld and its companions built with sanitizers?
SANITIZED = bool(os.environ.get("UMLD_TEST_SANITIZED"))

UNHURRIED = 0.003  # seconds that a process takes to start and end; a third of that on a good machine


def slowness():
    """By how much this machine, with all that it does now, is slower than tests expect: 1 to 4."""
    took = []
    for _ in range(5):
        begun = time.monotonic()
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
        took.append(time.monotonic() - begun)
    return min(4.0, max(1.0, statistics.median(took) / UNHURRIED))


# Under a sanitizer or on a slow or loaded machine everything takes longer.
STRETCH = float(os.environ.get("UMLD_TEST_PATIENCE", "1"))
PATIENCE = max(STRETCH, slowness())
tap.stretch = PATIENCE

# Waiting for what comes costs only as long as it takes. What a test waits for in full (a timeout of umld's, a packet that
# must not arrive) is stretched less: umld itself is but twice as slow under a sanitizer.
PACE = PATIENCE ** 0.5

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)

main = tap.main

os.environ["SSH_CONNECTION"] = ""  # that of whoever runs the tests is none of theirs


def resting_descriptors(pid):
    """How many an umld has open when it has nothing more to prepare: the standby for the next boot comes after the
    readiness, and what a request needs goes after its answer."""
    counts = []

    def rests():
        counts.append(len(os.listdir(f"/proc/{pid}/fd")))
        return len(counts) >= 10 and len(set(counts[-10:])) == 1
    wait_until(rests, 20, f"a number of descriptors of {pid} that stays", interval=0.05)
    return counts[-1]


def wait_until(condition, timeout=10, what=None, interval=0.005):
    """The first true value of condition(); AssertionError when there is none in time. What has been waited for for long
    is looked at less often, since to look may mean to run umlctl."""
    start = time.monotonic()
    end = start + timeout * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout * PATIENCE:g} s: {what or condition}")
        time.sleep(max(interval, min((time.monotonic() - start) / 20, 0.1)))


def test_kernels():
    """All kernels to test with: Debian's, those of UMLD_TEST_KERNELS, and one that may lie beside the sources. With
    sanitizers only the first: kernels have none, and umld's own ways are the same with each."""
    if SANITIZED:
        return [DEBIAN_KERNEL]
    kernels = [DEBIAN_KERNEL] + [Path(k) for k in os.environ.get("UMLD_TEST_KERNELS", "").split(":") if k]
    kernels += [k for k in [SOURCE.parent / "shared/kernel/vmlinux-7.2"] if k.exists() and k not in kernels]
    return kernels


def each_kernel(base, prefix, whole=False):
    """{name: class}: a test class for each kernel. What its tests are about is the same with all of them, so each test is in
    one of the classes, by turns; with whole, or UMLD_TEST_ALL=1, in all of them."""
    kernels, made = test_kernels(), {}
    tests = unittest.defaultTestLoader.getTestCaseNames(base)
    for number, kernel in enumerate(kernels):
        name = prefix + "".join(c if c.isalnum() else "_" for c in kernel.name)
        others = [] if whole or TEST_ALL else [t for i, t in enumerate(tests) if i % len(kernels) != number]
        made[name] = type(name, (base,), {"kernel": kernel, "__module__": "__main__", **dict.fromkeys(others)})
    return made


def kernels_for(number, whole=False):
    """The kernels for something that is done a number of times with one of them each, by turns; with whole, or
    UMLD_TEST_ALL=1, all."""
    kernels = test_kernels()
    return kernels if whole or TEST_ALL else [kernels[number % len(kernels)]]


def static_kernel():
    """One as the classic instructions build it, beside the sources; None where there is none."""
    kernel = SOURCE.parent / "shared/kernel/vmlinux-6.1-static"
    return kernel if kernel.exists() else None


def with_variables(variables):
    """The words that give a program its environment, behind others that start it. It is not given to what starts the
    program in a world: a shell that such a preload delays, or that asks for a user, is not to be measured."""
    return ["env", *assignments(variables)] if variables else []


def assignments(variables):
    """The same for World.command()."""
    return [f"{name}={value}" for name, value in (variables or {}).items()]


def preloaded(module):
    """The environment in which a module of tests/lib is preloaded into umld."""
    # It comes before a sanitizer, which would not have that.
    options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    return {"LD_PRELOAD": str(BUILD / "tests/lib" / module), "ASAN_OPTIONS": options.lstrip(":")}


@contextlib.contextmanager
def locked(directory):
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def process_alive(pid):
    """Is it there, and more than a zombie?"""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


def parent(pid):
    """That of a guest's main process is its umld-init; the one on standby, which dies with umld, has the same command line."""
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])


def children(pid):
    """The pids of all descendants."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                found += [int(child)] + children(int(child))
    return found


def clean_file_system(image):
    """The complaints of e2fsck about an image, '' for none; a journal to replay is one."""
    check = subprocess.run(["/sbin/e2fsck", "-fn", image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           encoding="utf-8", errors="replace", timeout=60)
    head = subprocess.run(["/sbin/dumpe2fs", "-h", image], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          encoding="utf-8", errors="replace", timeout=60)
    dirty = "needs_recovery\n" if "needs_recovery" in head.stdout else ""
    return dirty + (check.stdout if check.returncode else "")


class World:
    """A VPS in a box (tests/world), with the programs of the build where any user can reach them."""

    serial = itertools.count()

    def __init__(self, shm="64M"):
        self.name = f"t{os.getpid()}-{next(self.serial)}"
        atexit.register(self.down)
        lines = subprocess.run([WORLD, "up", self.name, "--shm", shm, "--env"], check=True, timeout=60, stdout=subprocess.PIPE,
                               encoding="utf-8").stdout.splitlines()
        self.variables = dict(line.split("=", 1) for line in lines)
        self.dir = Path(self.variables["UMLD_WORLD_DIR"])
        self.config_dir, self.runtime_dir, self.state_dir, self.log_dir = (
            Path(self.variables[f"UMLD_{d}_DIR"]) for d in ("CONFIG", "RUNTIME", "STATE", "LOG"))
        self.programs = self.dir / "programs"
        group = self.dir / "group"  # the control group that all of it is in; none where the machine lets us have none
        self.group = Path(group.read_text().rstrip("\n")) if group.exists() else None
        self.daemons = []
        self.uids = itertools.count(self.free_uids())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.down()

    def down(self):
        atexit.unregister(self.down)
        subprocess.run([WORLD, "down", self.name], check=True, timeout=60)

    def free_uids(self):
        """The first of some uids that no other world uses."""
        with locked(self.dir.parent):
            taken = set()
            for f in self.dir.parent.glob("*/uids"):
                with contextlib.suppress(FileNotFoundError):  # of a world that has just been removed
                    taken.add(int(f.read_text()))
            first = next(u for u in range(UID_FIRST, UID_LAST, UIDS_PER_WORLD) if u not in taken)
            (self.dir / "uids").write_text(f"{first}\n")
        return first

    # ---- programs ----

    def program(self, path):
        """A copy of a program of the build, such as daemon/umld, with its companions around it."""
        if not self.programs.exists():
            for each in ("daemon/umld", "daemon/umld-init", "daemon/umld-keeper", "daemon/umld-disk-check", "daemon/umld-notify", "lib/preload/umld-cpu-fix.so",
                         "lib/preload/umld-console-fix.so", "lib/preload/umld-tun-fix.so", "lib/preload/umld-image-fix.so", "umlctl/umlctl",
                         "umlctl/umld-modules", "imager/umld-image",
                         "guest/umld-guest-init", "tests/guest/fake-guest", "tests/lib/refuse"):
                self.install((CLIENTS if each == "umlctl/umlctl" else BUILD) / each, self.programs / each)
            shutil.copytree(SOURCE / "recipes", self.programs / "recipes")
        return self.programs / path

    def install(self, source, target):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o755)
        return target

    def name_root(self, name):
        """A user of the host's that is root by another name."""
        users = self.dir / "passwd"
        users.write_text(Path("/etc/passwd").read_text(encoding="utf-8") + f"{name}:x:0:0::/root:/bin/sh\n", encoding="utf-8")
        self.host("mount", "--bind", users, "/etc/passwd")

    def kernel(self, path):
        """A copy of a kernel where the guest's user can reach it."""
        target = self.dir / "kernels" / path.name
        return target if target.exists() else self.install(path, target)

    def other_group(self, parent):
        """Makes a control group of a controller's, beside the world's own but to be removed with it."""
        with open(self.dir / "groups", "a", encoding="utf-8") as made:
            group = parent / f"umld-{self.name}-{next(self.serial)}"
            made.write(f"{group}\n")
        group.mkdir()
        return group

    def memory_group(self, limit):
        """Such a control group with that limit in bytes, and the file that counts kills in it. None, None: no hierarchy
        of this machine has the memory controller."""
        top = Path("/sys/fs/cgroup/memory")
        old = (top / "memory.limit_in_bytes").exists()
        if not old:
            top = top.parent
            control = top / "cgroup.subtree_control"
            if not control.exists() or "memory" not in control.read_text().split():
                return None, None
        group = self.other_group(top)
        (group / ("memory.limit_in_bytes" if old else "memory.max")).write_text(str(limit))
        return group, group / ("memory.oom_control" if old else "memory.events")

    def keeper(self, part="host"):
        """The pid of the process that keeps a part."""
        return (self.dir / f"{part}.keeper").read_text(encoding="utf-8").split()[0]

    def command(self, part, *command):
        """As "world run" does it, without what a shell takes to find out the same each time: tests run thousands. What
        comes first may be variables, as for env(1)."""
        return [str(word) for word in (ENTER, self.keeper(part), part, self.group or "-",
                                       *(f"{name}={value}" for name, value in self.variables.items()), *command)]

    def run(self, part, *command, check=False, timeout=60, env=None, **options):
        """Runs a command in the host or inet part; its CompletedProcess with text."""
        return subprocess.run(self.command(part, *assignments(env), *command), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", errors="replace",
                              check=check, timeout=timeout * PATIENCE, **options)

    def host(self, *command, **options):
        """The output of a command on the host, which must succeed."""
        p = self.run("host", *command, **options)
        if p.returncode != 0:
            raise AssertionError(f"{shlex.join(str(c) for c in command)}: status {p.returncode}: {p.stderr}")
        return p.stdout

    def umlctl(self, *arguments, **options):
        """Runs umlctl on the host; .json is what --json gave."""
        p = self.run("host", self.program("umlctl/umlctl"), *arguments,
                     env={"UMLD_DAEMON": str(self.program("daemon/umld")), **options.pop("env", {})}, **options)
        p.json = None
        if "--json" in arguments and p.stdout:
            jsonschemas.check(arguments, p.stdout)
            p.json = json.loads(p.stdout)
        return p

    def check(self, name):
        return self.run("host", self.program("daemon/umld"), "--check", name)

    # ---- network ----

    def socket(self, part="inet", family=socket.AF_INET, kind=socket.SOCK_STREAM, protocol=0):
        """A socket in a part's network namespace."""
        return self.within(part, lambda: socket.socket(family, kind, protocol))

    def within(self, part, function):
        """What it returns in a part's network namespace."""
        made = []

        def make():
            with open(f"/run/netns/{self.name}-{part}", "rb") as ns:
                if libc.setns(ns.fileno(), CLONE_NEWNET) < 0:
                    made.append(OSError(ctypes.get_errno(), "setns"))
                else:
                    made.append(function())

        thread = threading.Thread(target=make)  # its own namespace ends with it
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise made[0]
        return made[0]

    def fetch(self, port=8080, path="/", address=HOST, part="inet", timeout=1.0):
        """A page's text, as seen from the Internet through DNAT; OSError where there is none."""
        with self.socket(part, socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
            s.settimeout(timeout)
            s.connect((address, port))
            connection = http.client.HTTPConnection(address, port)
            connection.sock = s
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                text = answer.read().decode(errors="replace")
            except http.client.HTTPException as e:
                raise OSError(f"no good answer: {e!r}") from e
        if answer.status != 200:
            raise OSError(f"status {answer.status}")
        return text

    def fetch_when_served(self, port=8080, within=20, unlike=None, **options):
        """The page once it is served, and by another boot than `unlike` where that is given."""
        def attempt():
            with contextlib.suppress(OSError):
                page = self.fetch(port, timeout=0.25 * PATIENCE, **options)
                return page if page != unlike else None
            return None
        return wait_until(attempt, within, f"a page on port {port}", interval=0.002)

    @contextlib.contextmanager
    def under_load(self, port, page):
        """A client asks for the page all the time. The list holds what was not that page: errors, or False."""
        over, served, failures = threading.Event(), [], []

        def ask():
            while not over.is_set():
                try:
                    good = self.fetch(port, timeout=20 * PATIENCE) == page
                except OSError as e:
                    good = e
                (served if good is True else failures).append(good)
        client = threading.Thread(target=ask)
        client.start()
        try:
            wait_until(lambda: served, 20, "the first page")
            yield failures
        finally:
            over.set()
            client.join()

    @contextlib.contextmanager
    def under_wrk(self, port):
        """wrk asks for the page all the time. The list holds what it says of requests that failed, and then how many did not."""
        client = subprocess.Popen(self.command("inet", "wrk", "-t1", "-c4", "-d24h", "--timeout=20s", f"http://{HOST}:{port}/"),
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
        said = []
        try:
            yield said
        finally:
            for pid, line in self.processes("inet").items():
                if line.startswith("wrk "):
                    os.kill(pid, signal.SIGINT)
            lines = client.communicate(timeout=60)[0].splitlines()
            said += [line.strip() for line in lines if "Socket errors" in line or "Non-2xx" in line]
            said += [int(line.split()[0]) for line in lines if " requests in " in line]

    def console(self, name="web"):
        """A console session of umlctl, without a terminal."""
        return subprocess.Popen(self.command("host", "env", "TERM=dumb", self.program("umlctl/umlctl"), "console", name),
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def tables(self, *tables, ipv6=False, locked=True):
        """The rules in these tables, as iptables-save prints them, whatever made them."""
        if BACKEND == "nftables":
            return list(nft_tables.as_iptables(self.host("nft", "-s", "list", "ruleset"), *tables, ipv6=ipv6))
        tool = "ip6tables" if ipv6 else "iptables"
        lock = "" if locked else "XTABLES_LOCKFILE=/dev/null "
        text = self.host("sh", "-c", "".join(f"{lock}{tool}-legacy-save -t {t};" for t in tables))
        return [line for line in text.splitlines() if line.startswith("-A ")]

    # ---- guests ----

    def guest(self, name="web", fake=None, kernel=None, image=None, own_uid=True, **sections):
        """Writes a guest's configuration: sections as Guest={"Memory": "32M"}, lists for repeated keys.
        fake is the script of a fake guest, else kernel is copied here; image is copied as its disk.
        own_uid: one that no other test uses at the same time (umld sees but the uids of its own state
        directory), else umld chooses."""
        state = self.state_dir / name
        state.mkdir(mode=0o711, exist_ok=True)
        if own_uid and not (state / "uid").exists():
            (state / "uid").write_text(f"{next(self.uids)}\n")
        settings = {section: dict(keys) for section, keys in sections.items()}
        base = settings.setdefault("Guest", {})
        if fake is not None:
            base.setdefault("Kernel", self.program("tests/guest/fake-guest"))
            base.setdefault("Append", shlex.quote(f"fake={fake}".replace(" ", "_")))
            base.setdefault("Memory", "32M")
            settings.setdefault("Confine", {}).setdefault("PrivateRoot", "no")  # its script names files of the host
        elif kernel is not None:
            base.setdefault("Kernel", self.kernel(kernel))
        if image is not None:
            subprocess.run(["cp", "--sparse=always", image, state / "root.img"], check=True)
        elif not (state / "root.img").exists():
            (state / "root.img").write_bytes(FAKE_IMAGE)
        self.write_config(name, settings)
        return name

    def write_config(self, name, settings):
        if BACKEND:
            settings.setdefault("Network", {}).setdefault("Backend", BACKEND)
        # A test that kills umld wants to see the host without it, unless it is about adoption.
        settings.setdefault("Supervise", {}).setdefault("AdoptTimeout", "0")
        lines = []
        for section, keys in settings.items():
            lines.append(f"[{section}]")
            for key, value in keys.items():
                for each in value if isinstance(value, (list, tuple)) else [value]:
                    lines.append(f"{key}={each}")
        (self.config_dir / f"{name}.conf").write_text("\n".join(lines) + "\n")

    def image(self, name="web"):
        return self.state_dir / name / "root.img"

    # ---- what is there ----

    def processes(self, part="host"):
        """{pid: command line} of all that runs in that part beside its keeper, and of the guests' kernels, whose
        network namespaces are their own."""
        inside, pids = os.stat(f"/run/netns/{self.name}-{part}").st_ino, []
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.stat(path / "ns/net").st_ino == inside:
                    pids.append(path.name)
        if part == "host":
            pids = list(dict.fromkeys(pids + self.guests_processes()))
        keeper, found = self.keeper(part), {}
        for pid in pids:
            with contextlib.suppress(OSError):
                line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if pid != keeper and process_alive(pid):
                    found[int(pid)] = line or Path(f"/proc/{pid}/comm").read_text().strip()
        return found

    def uml_dir(self, name="web"):
        """The directory of a guest's own sockets, a mount that only the host of this world has."""
        return Path(f"/proc/{self.keeper()}/root{self.runtime_dir}/{name}/uml")

    def guests_processes(self):
        """Pids of the users that this world's guests run as; a guest of another world may have the same one."""
        uids, found = set(), []
        for path in self.state_dir.glob("*/uid"):
            with contextlib.suppress(FileNotFoundError):  # removed by the end of its umld
                uids.add(int(path.read_text()))
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if path.stat().st_uid in uids and self.is_ours(path):
                    found.append(path.name)
        return found

    def is_ours(self, proc):
        """Is it in the control group of this world? Yes, where there are none."""
        if not self.group:
            return True
        return f"/{self.group.name}/" in (proc / "cgroup").read_text(encoding="utf-8").rstrip("\n") + "/"

    def snapshot(self):
        return Snapshot(self)

    def logs(self):
        """All that the daemons and guests of this world said, for a failure's report."""
        texts = []
        for path in sorted(self.dir.glob("*.stderr")) + sorted(self.log_dir.glob("*/*")):
            with contextlib.suppress(OSError):
                texts.append(f"---- {path.relative_to(self.dir)}\n"
                             + path.read_text(encoding="utf-8", errors="replace")[-6000:])
        return "\n".join(texts)


class Snapshot:
    """The state of a host, as text, to compare before with after."""

    # Each of them prints what must be the same again when umld is gone. There are few, since a test takes two snapshots;
    # what is not to be compared is left out afterwards.
    COMMANDS = {
        "links, addresses, routes, neighbours": "printf 'link\naddress\nroute show table all\nneighbour show nud permanent\n' | ip -d -o -batch -",
        "iptables": "iptables-legacy-save",
        "ip6tables": "ip6tables-legacy-save",
        "nftables": "! command -v nft >/dev/null || nft list ruleset",
        "sysctls": "grep -r '' /proc/sys/net/ipv4 /proc/sys/net/ipv6 2>/dev/null || true",
    }
    # Numbers of queues and what follows them; counters and comments of iptables; what changes by itself, or cannot be read.
    VOLATILE = (r"(?m) numtxqueues.*$", r"(?m) \[[0-9]+:[0-9]+\]$", r"(?m)^#.*\n",
                r"(?m)^/proc/sys/net/\S*/(tcp_fastopen_key|route/flush|nf_conntrack|neigh/|conf/[^:]*/stable_secret).*\n",
                # A table without rules is as good as none: the first who asks for one makes it.
                r"(?m)^\*\w+\n(:\w+ ACCEPT\n)+COMMIT\n")

    def __init__(self, world):
        script = "".join(f"echo '== {name}'\n{command}\n" for name, command in self.COMMANDS.items())
        self.text = world.host("sh", "-c", script)
        for pattern in self.VOLATILE:
            self.text = re.sub(pattern, "", self.text)
        proc = Path("/proc", world.keeper())
        self.text += "== mounts\n" + "".join(self.mounts(proc)) + "== shm\n" + "".join(self.shm(proc / "root/dev/shm"))
        self.text += "== files\n" + "".join(self.files(world)) + "== processes\n"
        self.text += "".join(f"{pid} {line}\n" for pid, line in sorted(world.processes().items()))
        self.text += "== control groups\n" + "".join(self.cgroups(world))

    @staticmethod
    def mounts(proc):
        """Where umld mounts anything, without the numbers of the mounts."""
        for line in (proc / "mountinfo").read_text(encoding="utf-8").splitlines(True):
            fields = line.split(" ")
            if re.match("/(dev|proc|sys|run/umld)", fields[4]) and not re.match("/(sys/fs/cgroup|dev/pts)", fields[4]):
                yield " ".join(fields[2:])

    @staticmethod
    def shm(top):
        for path in [top] + sorted(top.rglob("*")):
            s = path.lstat()
            yield f"{path.relative_to(top)} {stat.filemode(s.st_mode)} {s.st_uid} {s.st_size}\n"
        s = os.statvfs(top)
        yield f"{s.f_blocks} blocks, {s.f_bfree} free\n"

    @staticmethod
    def files(world):
        """Below the configuration and runtime directories; state and log keep what they are for. An empty
        .shared stays where a guest has been: a lock file cannot be removed without a race. The sockets of requests to a
        management console come and go while a guest is up; with it their directory goes."""
        shared = world.runtime_dir / ".shared"
        for top in (world.config_dir, world.runtime_dir):
            for path in [top] + sorted(top.rglob("*")):
                if path in (shared, shared / "lock") or path.parent.name == "sockets":
                    continue
                s = path.lstat()
                yield f"{path} {stat.filemode(s.st_mode)} {s.st_uid} {s.st_gid}\n"

    @staticmethod
    def cgroups(world):
        """Those that umld made, all of them below the world's own."""
        for directory, names, _ in os.walk(world.group or ""):
            yield from (f"{directory}/{name}\n" for name in sorted(names))

    def difference(self, after):
        """What changed since, as a unified diff; '' for nothing."""
        return "".join(difflib.unified_diff(self.text.splitlines(True), after.text.splitlines(True),
                                            "before", "after", n=0))


class Message:
    """One datagram to NOTIFY_SOCKET."""

    def __init__(self, text):
        self.time = time.monotonic()
        self.fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def __repr__(self):
        return " ".join(f"{k}={v}" for k, v in self.fields.items())


class Daemon:
    """umld NAME in the foreground on the host of a world, with a service manager that hears all it says."""

    def __init__(self, world, name="web", arguments=(), watchdog=None, env=None, notify=True,
                 wrapper=()):
        self.world, self.name = world, name
        self.messages = []
        self.changed = threading.Condition()
        self.receiver, self.heard = None, threading.Event()
        number = len(world.daemons)
        self.log_file = world.dir / f"umld-{name}-{number}.stderr"
        variables = dict(env or {})
        if watchdog:
            variables["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        if notify:
            variables["NOTIFY_SOCKET"] = str(world.dir / f"notify-{number}")
            self.receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.receiver.bind(variables["NOTIFY_SOCKET"])
            threading.Thread(target=self.receive, daemon=True).start()
        with open(self.log_file, "wb") as log:
            self.started = time.monotonic()
            self.process = subprocess.Popen(
                world.command("host", *wrapper, *(with_variables if wrapper else assignments)(variables), world.program("daemon/umld"),
                              *arguments, name),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.pid = self.process.pid  # all the way down by exec
        world.daemons.append(self)

    def receive(self):
        while True:
            text = self.receiver.recv(65536).decode(errors="replace")
            if not text:  # our own word (hear_out)
                self.heard.set()
                continue
            with self.changed:
                self.messages.append(Message(text))
                self.changed.notify_all()

    def hear_out(self):
        """All that it has said so far is in the messages: what we send ourselves comes behind that."""
        if self.receiver:
            self.heard.clear()
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s, contextlib.suppress(OSError):  # of one that does not listen
                s.sendto(b"", self.receiver.getsockname())
                self.heard.wait(10 * PATIENCE)

    @property
    def log(self):
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def said(self, field, value=None):
        """The values of that field in all messages so far."""
        with self.changed:
            return [m.fields[field] for m in self.messages
                    if field in m.fields and value in (None, m.fields[field])]

    def statuses(self):
        """States in the order they were announced."""
        return [text.partition(":")[0] for text in self.said("STATUS")]

    def wait_message(self, condition, timeout=10, what="a message", since=0):
        """The first message from number `since` on that fulfils condition."""
        def find():
            return next((m for m in self.messages[since:] if condition(m.fields)), None)
        with self.changed:
            self.changed.wait_for(lambda: find() or self.process.poll() is not None, timeout * PATIENCE)
        if not find() and self.process.poll() is not None:
            self.hear_out()
        found = find()
        if not found:
            end = f"umld ended with {self.process.returncode}" if self.process.returncode is not None else "timeout"
            raise AssertionError(f"no {what}: {end}")
        return found

    def wait_ready(self, timeout=20):
        self.wait_message(lambda f: f.get("READY") == "1", timeout, "READY=1")
        return self

    def wait_state(self, state, timeout=10, since=0):
        return self.wait_message(lambda f: f.get("STATUS", "").partition(":")[0] == state, timeout,
                                 f"state {state}", since)

    def wait(self, timeout=10):
        """The exit status, once all that it said has been received."""
        status = self.process.wait(timeout * PATIENCE)
        self.hear_out()
        return status

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, timeout=15):
        """As systemd stops it; the exit status."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        self.process.kill()
        return self.wait()

    def status(self):
        """What umlctl status --json says."""
        p = self.world.umlctl("status", self.name, "--json")
        if p.json is None:
            raise AssertionError(f"umlctl status: {p.returncode}: {p.stderr}")
        return p.json

    def layer(self, name):
        """What has become of a layer of confinement."""
        return self.status()["confinement"][name]

    def guest_uid(self):
        """The user on the host that the guest runs as."""
        return int(re.fullmatch(r"on, uid (\d+)", self.layer("user"))[1])

    def guest_pid(self):
        """The main process of the guest's kernel."""
        return self.status()["pid"]

    def mconsole_path(self):
        return self.world.uml_dir(self.name) / self.name / "mconsole"

    def mconsole(self, command):
        return mconsole(self.world, self.mconsole_path(), command)


def mconsole(world, path, command, timeout=2):
    """Asks a guest's management console; the text of the answer."""
    # The answer is sent to a path that is the same for the guest's kernel.
    with tempfile.TemporaryDirectory(dir=world.runtime_dir / Path(path).parts[-2] / "sockets") as scratch, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        os.chmod(scratch, 0o711)
        s.bind(f"{scratch}/s")
        os.chmod(f"{scratch}/s", 0o777)  # the answer comes from the guest's user
        data = command.encode()
        s.sendto(struct.pack("=III", 0xcafebabe, 2, len(data)) + data, str(path))
        text = b""
        while select.select([s], [], [], timeout * PATIENCE)[0]:
            datagram = s.recv(8192)
            _, more, length = struct.unpack("=III", datagram[:12])
            text += datagram[12:12 + length].rstrip(b"\0")
            if not more:
                break
    return text.decode(errors="replace")


class TestCase(unittest.TestCase):
    """Each test has a world of its own, gone at its end whatever happens."""

    shm = "64M"
    image_of = None  # IMAGE_…: cls.images / "guest.img" is made of these

    @classmethod
    def setUpClass(cls):
        if cls.image_of is None:
            return
        cls.images = Path(tempfile.mkdtemp(prefix="umld-images.", dir="/var/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.images)
        command = [MAKE_GUEST]
        for part in cls.image_of:
            if part.is_file():
                (cls.images / "overlay/bin").mkdir(parents=True, exist_ok=True)
                part = Path(shutil.copy(part, cls.images / "overlay/bin")).parents[1]
            command += ["--overlay", part]
        subprocess.run([*command, cls.images / "guest.img"], check=True, timeout=60)

    def setUp(self):
        self.kept_logs = None
        self.world = World(self.shm)
        self.addCleanup(self.leave)

    def leave(self):
        self.kept_logs = self.world.logs()
        self.world.down()

    def diagnosis(self):
        return self.kept_logs if self.kept_logs is not None else self.world.logs()

    def daemon(self, *arguments, **options):
        return Daemon(self.world, *arguments, **options)

    def assert_helper_calls(self, text, sockets):
        """What try-calls printed, in the place of a helper's program (lib/basic/helper-filter.c)."""
        for name in ("unshare", "clone-user", "setns", "io-uring", "userfaultfd", "keyctl", "perf", "bpf", "fanotify", "kcmp", "handle",
                     "socket-vsock", "socketpair-tipc"):
            self.assertRegex(text, rf"\b{name} {errno.EPERM}\b")
        self.assertRegex(text, rf"\bsocket-inet {0 if sockets else errno.EPERM}\b")
        for name in ("socket-unix", "getppid", "fork"):
            self.assertRegex(text, rf"\b{name} 0\b")

    def attached_console(self, umld):
        """A client of the console, which umld has attached; it ends with the test."""
        client = self.world.console()
        for end in (client.stdin.close, client.stdout.close, client.wait, client.kill):
            self.addCleanup(end)
        wait_until(lambda: "attached" in umld.log, 10, "the console")
        return client

    def listen_to_signals(self, name="web"):
        """A client of the control socket that only hears signals."""
        bus = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(bus.close)
        bus.settimeout(5 * PATIENCE)
        bus.connect(str(self.world.runtime_dir / name / "bus"))
        bus.sendall(b"\0AUTH EXTERNAL " + b"0".hex().encode() + b"\r\n")
        self.assertTrue(bus.recv(1000).startswith(b"OK "))
        bus.sendall(b"BEGIN\r\n")
        # Who has not asked anything is told nothing. (What came with the end of the authentication is looked at late.)
        wait_until(lambda: bus.sendall(self.ping()) or select.select([bus], [], [], 0.1)[0], 5, "an answer")
        return bus

    @staticmethod
    def bus_call(member, interface, path, body=0):
        """A method call that has, or says that it has, a body of that size."""
        fields = b""
        for code, kind, text in ((1, b"o", path.encode()), (3, b"s", member.encode()), (2, b"s", interface.encode())):
            fields += bytes(-len(fields) % 8)
            fields += bytes((code, 1)) + kind + b"\0" + struct.pack("<I", len(text)) + text + b"\0"
        return b"l\1\0\1" + struct.pack("<III", body, 1, len(fields)) + fields + bytes(-len(fields) % 8)

    def ping(self, body=0):
        return self.bus_call("Ping", "org.freedesktop.DBus.Peer", "/io/umld/guest", body)

    @staticmethod
    def signals_heard(bus):
        """What has come until now, as it was sent."""
        bus.setblocking(False)
        data = b""
        with contextlib.suppress(BlockingIOError):
            while chunk := bus.recv(65536):
                data += chunk
        return data

    def assert_same_host(self, before):
        difference = before.difference(self.world.snapshot())
        self.assertEqual(difference, "", f"the host is not as it was before:\n{difference}")
