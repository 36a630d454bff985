#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Services in the guest that must answer: Probe=."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import (DONE, DEBIAN_KERNEL, GUEST_ADDRESS, MAKE_GUEST, PACE, SOURCE, TestCase,  # noqa: E402
                      clean_file_system, main, wait_until)

IP_FREEBIND = 15

TIMEOUT = 1.5 * PACE
QUICK = {"HangCheck": "200ms", "HangTimeout": f"{TIMEOUT * 1000:.0f}ms", "StartTimeout": "20s", "StopTimeout": "4s",
         "RestartDelayMax": "5s"}


class Service:
    """A web server in the guest's place, which a fake guest cannot have: on the host, at the guest's address."""

    def __init__(self, world, port):
        self.answer = b"HTTP/1.0 200 OK\r\n\r\nhello\n"
        self.requests = []
        self.socket = world.socket("host")
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        self.socket.bind((GUEST_ADDRESS, port))
        self.socket.listen(64)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.socket.accept()
                threading.Thread(target=self.reply, args=(client,), daemon=True).start()

    def reply(self, client):
        with client, contextlib.suppress(OSError):
            self.requests.append(client.recv(4096).decode(errors="replace"))
            if self.answer is None:
                client.recv(1)  # silent until the other side has enough
                return
            for i in range(len(self.answer)):  # as slow as it can
                client.sendall(self.answer[i:i + 1])

    def close(self):
        with contextlib.suppress(OSError):  # closed before
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class ProbeTest(TestCase):
    def wait_probe(self, umld, state, timeout=15):
        wait_until(lambda: umld.status()["probe"]["state"] == state, timeout, f"a probe that is {state}", 0.05)
        return umld.status()["probe"]


class Fake(ProbeTest):
    def start(self, *probes, **supervise):
        self.world.guest(fake="boot,ready", Supervise={**QUICK, "Probe": probes, **supervise})
        umld = self.daemon().wait_ready()
        # No sooner: umld takes no network in which the host has an address.
        self.world.host("ip", "address", "add", f"{GUEST_ADDRESS}/32", "dev", "lo")
        return umld

    def service(self, port=80):
        service = Service(self.world, port)
        self.addCleanup(service.close)
        return service

    def wait_sick(self, umld, detail):
        umld.wait_state("stopping", 30)
        umld.wait_state("backoff", 30)
        end = umld.status()["last_exit"]
        self.assertEqual(end["verdict"], "hung")
        self.assertRegex(end["detail"], detail)

    def test_good(self):
        service, _ = self.service(80), self.service(22)
        umld = self.start("http/80/alive?now", "tcp/22")
        self.assertGreater(self.wait_probe(umld, "good")["latency"], 0)
        # One that began before the address was there may have been given up.
        self.assertRegex(next(r for r in service.requests if r),
                         r"^GET /alive\?now HTTP/1.0\r\nHost: 10.0.0.2:80\r\nUser-Agent: umld/\S+\r\nConnection: close\r\n\r\n$")
        services = umld.status()["probe"]["services"]
        self.assertEqual(list(services), ["http/80/alive?now", "tcp/22"])
        self.assertRegex(services["tcp/22"], "^good, last response took ")
        self.assertIn("Probes: http/80/alive?now good", self.world.umlctl("status", "web").stdout)
        time.sleep(TIMEOUT + 1)
        self.assertEqual(umld.status()["restarts"], 0)
        self.assertEqual(umld.stop(), DONE)

    def test_refused(self):
        """Its service is gone: warned of, a clean shutdown, another start."""
        service = self.service()
        umld = self.start("http/80/")
        self.wait_probe(umld, "good")
        service.close()
        self.wait_sick(umld, r"^probe http/80/ failed \d+ times in \S.*: Connection refused; shut down cleanly by ctrl-alt-del$")
        self.assertIn("probe http/80/: Connection refused; if this lasts for", umld.log)
        umld.wait_state("running", since=len(umld.statuses()))
        self.assertEqual(umld.status()["probe"]["state"], "waiting")
        self.assertEqual(umld.stop(), DONE)

    def test_silent(self):
        service = self.service()
        umld = self.start("http/80/")
        self.wait_probe(umld, "good")
        service.answer = None
        self.wait_sick(umld, r"no answer within ")
        umld.stop()

    def test_frozen_by_client(self):
        """A guest that somebody has stopped need not answer, until it may go on."""
        service = self.service()
        umld = self.start("http/80/")
        self.wait_probe(umld, "good")
        self.assertEqual(self.world.umlctl("mconsole", "web", "stop").returncode, DONE)
        service.answer = None
        self.assertEqual(umld.status()["health"]["state"], "frozen")
        time.sleep(3 * TIMEOUT + 1)
        status = umld.status()
        self.assertEqual((status["state"], status["health"]["state"], status["restarts"]), ("running", "frozen", 0))
        self.assertEqual(self.world.umlctl("mconsole", "web", "go").returncode, DONE)
        self.assertNotEqual(umld.status()["health"]["state"], "frozen")
        self.wait_sick(umld, r"no answer within ")
        umld.stop()

    def test_wrong_answers(self):
        """… are failures; one good answer in time makes up for them."""
        service = self.service()
        umld = self.start("http/80/", HangTimeout="60s")
        for answer, text in ((b"HTTP/1.1 503 Out\r\n\r\n", "returned status 503"), (b"SSH-2.0-x\r\n", "not an answer of a web server"),
                             (b"", "not an answer of a web server"), (b"\xff" * 3000, "not an answer of a web server")):
            service.answer = b"HTTP/1.0 302 Found\r\n\r\n"
            self.wait_probe(umld, "good")
            service.answer = answer
            self.assertIn(text, self.wait_probe(umld, "failing")["services"]["http/80/"])
        service.answer = b"HTTP/1.0 200 OK\r\n\r\n"
        self.wait_probe(umld, "good")
        self.assertIn("answers again", umld.log)
        self.assertEqual(umld.status()["restarts"], 0)
        umld.stop()

    def test_never_up(self):
        """A guest has StartTimeout to bring its services up."""
        umld = self.start("tcp/80", StartTimeout=f"{2 * TIMEOUT:.0f}s")
        wait_until(lambda: umld.status()["probe"]["services"]["tcp/80"] == "waiting: Connection refused",
                   what="a first attempt")
        self.wait_sick(umld, "Connection refused")
        umld.stop()

    def test_stopped_guest_is_not_blamed(self):
        service = self.service()
        umld = self.start("tcp/80")
        self.wait_probe(umld, "good")
        pid = umld.guest_pid()
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: umld.status()["health"]["state"] == "stopped", 10)
        service.close()
        time.sleep(TIMEOUT + 1)
        self.assertEqual((umld.status()["state"], umld.guest_pid()), ("running", pid))
        os.kill(pid, signal.SIGCONT)
        self.wait_sick(umld, "Connection refused")
        umld.stop()

    def test_reload(self):
        """Probes come and go with the configuration, without a restart."""
        umld = self.start()
        self.assertEqual(umld.status()["probe"], {"state": None, "latency": None, "services": {}})
        self.service()
        self.world.guest(fake="boot,ready", Supervise={**QUICK, "Probe": "tcp/80"})
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        self.wait_probe(umld, "good")
        self.world.guest(fake="boot,ready", Supervise=QUICK)
        self.assertEqual(self.world.umlctl("reload", "web").returncode, DONE)
        self.wait_probe(umld, None)
        self.assertEqual(umld.status()["restarts"], 0)
        umld.stop()


class Real(ProbeTest):
    shm = "256M"

    def test_web_server_ends(self):
        """The guest's kernel is well, its web server is not: a clean shutdown, and the page again."""
        image = self.world.dir / "guest.img"
        subprocess.run([MAKE_GUEST, "--overlay", SOURCE / "tests/guest/overlay", image], check=True, timeout=60)
        self.world.guest(kernel=DEBIAN_KERNEL, image=image, Network={"Forward": "tcp/8080:80"},
                         Supervise={**QUICK, "StopTimeout": "20s", "Ready": "guest", "Probe": ["http/80/", "tcp/7"]})
        umld = self.daemon().wait_ready(60)
        before = self.world.fetch_when_served()
        self.wait_probe(umld, "good")
        with contextlib.suppress(OSError):
            self.world.fetch(8080, "/cgi-bin/do?killall+httpd")
        umld.wait_state("backoff", 40)
        end = umld.status()["last_exit"]
        self.assertEqual(end["verdict"], "hung")
        self.assertRegex(end["detail"], "^probe http/80/ failed .* refused; shut down cleanly by ctrl-alt-del$")
        self.world.fetch_when_served(unlike=before)
        self.wait_probe(umld, "good")
        self.assertEqual(umld.stop(30), DONE)
        self.assertEqual(clean_file_system(self.world.image()), "")


if __name__ == "__main__":
    main()
