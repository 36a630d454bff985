# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benches of recovery share: how long a guest's page is gone, and lines of figures."""

import contextlib
import statistics
import time

import umldtest

DEFAULT_ARGUMENTS = ("rw con=null con0=null root=/dev/ubda umld_hostname=web umld_address=10.0.0.2/24 "
                     "umld_gateway=10.0.0.1").split()

# What a script does to the host for a guest behind tap0.
CLASSIC = """\
ip tuntap add dev tap0 mode tap
ip address add 10.0.0.1/24 dev tap0
ip link set tap0 up
echo 1 >/proc/sys/net/ipv4/ip_forward
iptables-legacy -t nat -A POSTROUTING -s 10.0.0.2 -o venet0 -j MASQUERADE
iptables-legacy -t nat -A PREROUTING -i venet0 -p tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80
"""


def transport(version):
    """The kernel's argument for tap0, by the kernel's version."""
    return "eth0=tuntap,tap0" if version.startswith("6.") else "vec0:transport=tap,ifname=tap0,gro=1"


def page_served(world):
    """One try. Its first packet may be lost while the guest boots, which must not cost a second; whoever
    answers that is given time."""
    with contextlib.suppress(OSError), world.socket() as s:
        s.settimeout(0.02)
        s.connect((umldtest.HOST, 8080))
        s.settimeout(1)
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return b"boot" in s.makefile("rb").read()
    return False


def outages(world, find_pid, kill, rounds, alive=0.3):
    """Milliseconds from each SIGKILL to the next page, which is served for `alive` seconds."""
    took = []
    for _ in range(rounds):
        umldtest.wait_until(lambda: page_served(world), 30, "a page", interval=0.001)
        time.sleep(alive)
        pid = find_pid()
        began = time.monotonic()
        kill(pid)
        while not page_served(world):
            if time.monotonic() - began > 30:
                raise SystemExit("the guest did not come back within 30 s")
            time.sleep(0.001)
        took.append((time.monotonic() - began) * 1000)
    return took


def figures(took):
    return f"{min(took):9.2f} {statistics.median(took):9.2f} {max(took):9.2f}"
