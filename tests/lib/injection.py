# SPDX-License-Identifier: GPL-2.0-or-later
"""umld under strace, which makes one chosen system call of it fail, or kills it there.

Only umld itself is traced, not what it starts. A point is the Kth call of one name since umld's exec.
"""

import collections
import contextlib
import itertools
import os
import re
import signal
import time

from umldtest import DONE, PATIENCE, STRETCH, Daemon, wait_until

# Those that change the host, with the error that each may well meet there. Not every machine has them all.
CHANGES = {
    "bind": "EADDRINUSE", "chmod": "EPERM", "chown": "EPERM", "clone": "EAGAIN", "clone3": "EAGAIN",
    "fchmod": "EPERM", "fchmodat": "EPERM", "fchown": "EPERM", "fchownat": "EPERM", "flock": "ENOLCK",
    "fork": "EAGAIN", "ftruncate": "EIO", "ioctl": "EIO", "kill": "EPERM", "mkdir": "ENOSPC", "mkdirat": "ENOSPC",
    "mount": "EPERM", "rename": "ENOSPC", "renameat": "ENOSPC", "rmdir": "EIO", "sendmsg": "ENOBUFS",
    "sendto": "ENOBUFS", "setsockopt": "EPERM", "unlink": "EIO", "unlinkat": "EIO", "vfork": "EAGAIN",
    "write": "ENOSPC",
}
# And those without which it sees nothing.
LOOKS = {"getsockopt": "ENOMEM", "openat": "EMFILE", "pipe2": "EMFILE", "recvmsg": "ENOBUFS",
         "socket": "EMFILE", "socketpair": "EMFILE", "statfs": "EIO", "timerfd_create": "EMFILE"}
# Those that may wait, and that a signal may interrupt: to be tried again, or told.
INTERRUPTED = dict.fromkeys(("accept4", "connect", "epoll_wait", "flock", "poll", "recvfrom", "recvmsg", "sendmsg",
                             "sendto", "wait4"), "EINTR")
GUEST = {"Network": {"Forward": "tcp/8080:80"},
         "Supervise": {"StartTimeout": f"{2 * PATIENCE:.0f}s", "StopTimeout": "4s", "RestartDelayMax": "0"}}

# A run tries so many points, evenly spread, as far as there is time for them; all with UMLD_TEST_ALL=1.
POINTS = int(os.environ.get("UMLD_TEST_POINTS", "24"))
LEAST = 6  # points that umld reached, for a test that shows something
SECONDS = float(os.environ.get("UMLD_TEST_SECONDS", "20")) * STRETCH

PHASES = ("start", "restart", "stop")
Point = collections.namedtuple("Point", "phase call number")


def traced(world, trace, *options):
    # A sanitizer cannot look for leaks in a traced process.
    return Daemon(world, wrapper=("strace", "-D", "-qq", "-o", trace, *options),
                  env={"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"})


def calls_in(trace):
    """The names of all calls, in order; one that the kernel restarts, for it waits for another's lock, is one."""
    return re.findall(r"^(\w+)\((?!.*= \? ERESTART)", trace.read_text(errors="replace"), re.M)


def kill_guest(world):
    """Without a question to umld, which would add to its calls."""
    for pid, line in world.processes().items():
        if "fake-guest mem=" in line:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def runs(umld, times):
    """Has its guest come up so often? By its log or, where that very line was lost, by what it told systemd."""
    return max(umld.log.count("-> running"), umld.statuses().count("running")) >= times


def record(world, calls):
    """All points of a start, of a restart and of a stop."""
    trace = world.dir / "recorded.trace"
    umld = traced(world, trace, "-e", "trace=" + ",".join("?" + c for c in calls)).wait_ready(30)
    time.sleep(0.3)
    ends = [len(calls_in(trace))]
    kill_guest(world)
    wait_until(lambda: runs(umld, 2), 20, "a restart")
    time.sleep(0.3)
    ends.append(len(calls_in(trace)))
    umld.stop()
    alone(world)
    counts, points = collections.Counter(), []
    for i, call in enumerate(calls_in(trace)):
        counts[call] += 1
        points.append(Point(PHASES[sum(i >= end for end in ends)], call, counts[call]))
    return points


def alone(world):
    wait_until(lambda: not world.processes(), 10, "an end of all processes")


def spread(points):
    """The points in an order that covers all phases and calls evenly however early it ends."""
    groups = collections.defaultdict(list)
    for point in points:
        groups[point.phase, point.call].append(point)
    lists = [sorted(g, key=lambda p: format(p.number, "b")[::-1]) for g in groups.values()]
    return [p for row in itertools.zip_longest(*lists) for p in row if p]


def in_time(points, met):
    """As many as the time allows, on a slow machine for as long as it takes until LEAST were met."""
    end, tried = time.monotonic() + SECONDS, 0
    for point in spread(points):
        late = time.monotonic() > end and met() >= LEAST
        if not os.environ.get("UMLD_TEST_ALL") and (tried >= POINTS or late):
            break
        yield point
        tried += 1
    print(f"# {tried} of {len(points)} points", flush=True)


def reached(trace, point):
    return trace.exists() and calls_in(trace).count(point.call) >= point.number


def run_to(world, point, what, stopped_there=False, leaves=False):
    """An umld that meets `what` at that point. It is ended, by itself or by a stop; before, but for a point of its
    start, its guest was killed once. stopped_there: what it meets is its order to stop, and there is no other. leaves: its
    guest may outlive it."""
    trace = world.dir / "injected.trace"
    umld = traced(world, trace, "-e", f"trace=?{point.call}", "-e",
                  f"inject=?{point.call}:{what}:when={point.number}")
    try:
        for n in range(1 if point.phase == "start" else 2):
            if n:
                kill_guest(world)
            wait_until(lambda n=n: umld.process.poll() is not None or runs(umld, n + 1), 20,
                       f"{point}: an end or a guest")
        if stopped_there and point.phase != "stop" and reached(trace, point):
            umld.wait(20)
        umld.stop(20)
    finally:
        if umld.process.poll() is None:
            umld.kill()
        if not leaves:
            alone(world)
    umld.met = reached(trace, point)
    return umld


def canonical(snapshot):
    """The state of a host with a guest up, but for numbers that are new each time."""
    # Some process is always just about to become another.
    text = re.sub(r"== processes\n.*?(?=== )", "", snapshot.text, flags=re.S)
    text = re.sub(r"^\d+: ", "", text, flags=re.M)
    text = re.sub(r"(umld-\w+\.)\d+", r"\1PID", text)
    text = re.sub(r"link/ether \S+", "", text)
    # IPv6 addresses of links come and go by themselves.
    return sorted(line.strip() for line in text.splitlines() if not re.search(r"\bf[ef][08]0::", line))


def next_start(test, before):
    """The next umld must find its way and leave the host as it was."""
    umld = Daemon(test.world).wait_ready()
    try:
        running = canonical(test.world.snapshot())
    finally:
        status = umld.stop()
    test.assertEqual(status, DONE)
    test.assert_same_host(before)
    return running
