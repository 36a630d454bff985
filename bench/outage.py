# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benches of recovery share: how long a guest's page is gone, and lines of figures."""

import contextlib
import selectors
import shutil
import statistics
import subprocess
import time

import umldtest

DEFAULT_ARGUMENTS = ("rw con=null con0=null root=/dev/ubda umld_hostname=web umld_address=10.0.0.2/24 "
                     "umld_gateway=10.0.0.1").split()

# As in tools/quickstart, and as the kernel is started without umld.
NETWORK = {"Forward": "tcp/8080:80", "ConfigureBy": "init"}

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


def make_page_guest(directory):
    """The image of a guest that serves its page by one process (page.c): busybox takes one for each connection."""
    image, programs = directory / "guest.img", directory / "overlay/sbin"
    programs.mkdir(parents=True)
    shutil.copy(umldtest.BUILD / "bench/page", programs / "page")
    init = (umldtest.SOURCE / "imager/builtin/sbin/init").read_text()
    (programs / "init").write_text(init.replace("\nhttpd -h /srv/www\n", "\n/sbin/page\n"))
    (programs / "init").chmod(0o755)
    subprocess.run([umldtest.MAKE_GUEST, "--overlay", directory / "overlay", image], check=True)
    return image


class Callers:
    """Clients that ask for the page, one more every CALL_EVERY seconds, for a packet that is lost while the guest
    boots would be sent again only a second later."""

    CALL_EVERY = 0.002
    PATIENCE = 1.0

    def __init__(self, world):
        self.world = world
        self.selector = selectors.DefaultSelector()
        self.next = 0

    def call(self, now):
        self.next = now + self.CALL_EVERY
        client = self.world.socket()
        client.setblocking(False)
        client.connect_ex((umldtest.HOST, 8080))
        self.selector.register(client, selectors.EVENT_WRITE, now)

    def give_up(self, client):
        self.selector.unregister(client)
        client.close()

    def ask(self, client, began):
        with contextlib.suppress(OSError):
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            self.selector.modify(client, selectors.EVENT_READ, began)
            return
        self.give_up(client)

    def has_answer(self, client):
        with contextlib.suppress(OSError):
            if b" 200 OK" in client.recv(4096):
                return True
        self.give_up(client)
        return False

    def served(self):
        """Looks once; was a page served to one of them?"""
        now = time.monotonic()
        if now >= self.next:
            self.call(now)
        for key, events in self.selector.select(self.CALL_EVERY / 4):
            if events & selectors.EVENT_WRITE:
                self.ask(key.fileobj, key.data)
            elif self.has_answer(key.fileobj):
                return True
        for key in list(self.selector.get_map().values()):
            if now - key.data > self.PATIENCE:
                self.give_up(key.fileobj)
        return False

    def close(self):
        for key in list(self.selector.get_map().values()):
            self.give_up(key.fileobj)
        self.selector.close()


def wait_for_page(world, seconds=30):
    """When it was served, of the monotonic clock."""
    end = time.monotonic() + seconds
    with contextlib.closing(Callers(world)) as callers:
        while not callers.served():
            if time.monotonic() > end:
                raise SystemExit(f"no page within {seconds} s")
        return time.monotonic()


def outages(world, find_pid, kill, rounds, alive=0.3):
    """Milliseconds from each SIGKILL to the next page, which is served for `alive` seconds."""
    took = []
    for _ in range(rounds):
        wait_for_page(world)
        time.sleep(alive)
        pid = find_pid()
        began = time.monotonic()
        kill(pid)
        took.append((wait_for_page(world) - began) * 1000)
    return took


def figures(took):
    return f"{min(took):9.2f} {statistics.median(took):9.2f} {max(took):9.2f}"
