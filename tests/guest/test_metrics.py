#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""umlctl metrics: what it says of guests that are up and down is true, a real node_exporter takes it, and a real
Prometheus raises the alerts that are shipped."""

import json
import re
import subprocess
import sys
import tempfile
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from umldtest import DEBIAN_KERNEL, DONE, MAKE_GUEST, NOT_RUNNING, SOURCE, TestCase, main, wait_until  # noqa: E402

# Debian's python, which has the module. Prints what its parser has understood, and fails for what is not OpenMetrics.
PARSER = """
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
print(json.dumps([[f.name, f.type, f.unit, f.documentation, [[s.name, s.labels, s.value] for s in f.samples]]
                  for f in text_string_to_metric_families(sys.stdin.read())]))
"""


class Samples:
    """What `umlctl metrics` has printed."""

    def __init__(self, text):
        p = subprocess.run(["/usr/bin/python3", "-c", PARSER], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           encoding="utf-8", check=False)
        if p.returncode != 0:
            raise AssertionError(f"not OpenMetrics: {p.stderr}\n{text}")
        self.families = json.loads(p.stdout)
        self.all = [sample for family in self.families for sample in family[4]]

    def find(self, name, **labels):
        return [value for sample, has, value in self.all
                if sample == name and all(has.get(key) == wanted for key, wanted in labels.items())]

    def one(self, name, **labels):
        found = self.find(name, **labels)
        if len(found) != 1:
            raise AssertionError(f"{name} {labels}: {found}")
        return found[0]


class MetricsTest(TestCase):
    def metrics(self, *names):
        p = self.world.umlctl("metrics", *names)
        self.assertEqual((p.returncode, p.stderr), (DONE, ""))
        return Samples(p.stdout)

    def connect(self, port=8080, times=1):
        for _ in range(times):
            try:
                with self.world.socket() as s:
                    s.settimeout(0.2)
                    s.connect(("203.0.113.10", port))
            except OSError:
                pass


class Figures(MetricsTest):
    def test_up_and_down(self):
        self.world.guest("db", fake="boot,ready")
        self.world.guest(fake=f"memory:4,first:1:{self.scratch()},boot,wait:50,panic:no more", Supervise={"RestartDelay": "0"},
                         Network={"Forward": "tcp/8080:80 tcp/9000-9003:1000-1003 udp/53"})
        umld = self.daemon()
        wait_until(lambda: umld.status()["restarts"] == 1 and umld.status()["state"] == "running", what="the restart")
        wait_until(lambda: self.metrics().find("umld_guest_connections_tracked", guest="web"), 30, "a count of connections")
        self.connect(8080, 2)
        self.connect(9002)
        m = self.metrics()
        status = umld.status()
        self.assertEqual([m.one("umld_up", guest=g) for g in ("web", "db")], [1, 0])
        self.assertEqual([m.one("umld_guest_wanted", guest=g) for g in ("web", "db")], [1, 0])
        for guest, state in (("web", "running"), ("db", "stopped")):
            self.assertEqual(m.one("umld_guest_state", guest=guest, umld_guest_state=state), 1)
            self.assertEqual(sum(m.find("umld_guest_state", guest=guest)), 1)
        self.assertEqual(m.one("umld_guest_health", guest="web", umld_guest_health="good"), 1)
        self.assertEqual(m.one("umld_guest_restarts_total", guest="web", verdict="panic"), 1)
        self.assertEqual(sum(m.find("umld_guest_restarts_total", guest="web")), 1)
        crash, = self.world.umlctl("crashes", "web", "--json").json
        self.assertAlmostEqual(m.one("umld_guest_last_crash_timestamp_seconds", guest="web", verdict="panic"), crash["when"], 2)
        self.assertAlmostEqual(m.one("umld_guest_uptime_seconds", guest="web"), status["uptime"], delta=2)
        self.assertGreater(m.one("umld_guest_down_seconds_total", guest="web"), 0)
        self.assertEqual(m.one("umld_guest_memory_limit_bytes", guest="web"), 32 << 20)
        self.assertGreater(m.one("umld_guest_memory_promised_bytes", guest="web"), 32 << 20)
        self.assertGreater(m.one("umld_guest_memory_backing_size_bytes", guest="web"), 0)
        self.assertGreater(m.one("umld_daemon_cpu_seconds_total", guest="web"), 0)
        self.assertGreaterEqual(m.one("umld_guest_heartbeat_seconds_count", guest="web"), 1)
        self.assertEqual(m.one("umld_guest_heartbeat_seconds_bucket", guest="web", le="+Inf"),
                         m.one("umld_guest_heartbeat_seconds_count", guest="web"))
        self.assertEqual(m.one("umld_guest_disk_size_bytes", guest="web", disk="ubda"), self.world.image().stat().st_size)
        self.assertGreater(m.one("umld_guest_disk_filesystem_size_bytes", guest="web", disk="ubda"),
                           m.one("umld_guest_disk_filesystem_available_bytes", guest="web", disk="ubda"))
        self.assertEqual(m.one("umld_guest_condition_level", guest="web", condition="route"), 0)
        self.assertEqual(m.find("umld_guest_condition_level", guest="db"), [])
        packets = {f: m.one("umld_guest_forward_packets_total", guest="web", forward=f)
                   for f in ("tcp/8080:80", "tcp/9000-9003:1000-1003", "udp/53")}
        self.assertEqual(packets["udp/53"], 0)
        self.assertGreaterEqual(packets["tcp/8080:80"], 2)
        self.assertGreaterEqual(packets["tcp/9000-9003:1000-1003"], 1)
        self.assertGreaterEqual(m.one("umld_guest_forward_bytes_total", guest="web", forward="tcp/8080:80"),
                                40 * packets["tcp/8080:80"])
        self.assertGreater(m.one("umld_guest_network_receive_drops_total", guest="web"), 0)  # nobody takes them
        self.assertGreater(m.one("umld_host_connections_limit"), 0)
        self.assertEqual(self.metrics("db").find("umld_up", guest="web"), [])
        self.check_history(umld)
        self.lose(umld)

    def check_history(self, umld):
        """The boot that crashed was too short for a sample; this one's first comes a second after its start."""
        wait_until(lambda: self.world.umlctl("history", "web", "--json").json, 20, "a sample")
        first = self.world.umlctl("history", "web", "--json").json[0]
        self.assertAlmostEqual(first["memory"], umld.status()["memory"]["used"], delta=1 << 20)
        self.assertGreater(first["time"], umld.status()["since"] - 5)
        text = self.world.umlctl("history", "web")
        self.assertRegex(text.stdout, r"^TIME +MEMORY +RECEIVED +SENT\n\d\d:\d\d:\d\d +[\d.]+[KMG] +[\d.]+[BKMG]/s +[\d.]+[BKMG]/s\n")
        down = self.world.umlctl("history", "db")
        self.assertEqual((down.returncode, down.stderr), (NOT_RUNNING, "umlctl: db is not running, so it has no history\n"))

    def lose(self, umld):
        """The guest of an umld that was killed is to run; that of one that was stopped is not."""
        umld.kill()
        m = self.metrics()
        self.assertEqual((m.one("umld_up", guest="web"), m.one("umld_guest_wanted", guest="web")), (0, 1))
        self.daemon().wait_ready().stop()
        m = self.metrics()
        self.assertEqual((m.one("umld_up", guest="web"), m.one("umld_guest_wanted", guest="web")), (0, 0))
        self.assertEqual(m.one("umld_guest_last_exit_timestamp_seconds", guest="web") > 0, True)

    def test_many_forwards(self):
        """nftables has them in a map, which counts for all of them."""
        ports = " ".join(f"tcp+udp/{port}:80" for port in range(7000, 7020))
        self.world.guest(fake="boot,ready", Network={"Forward": f"{ports} tcp/100-200", "Backend": "nftables"})
        umld = self.daemon().wait_ready()
        self.connect(7007, 3)
        m = self.metrics()
        self.assertGreaterEqual(m.one("umld_guest_forward_packets_total", forward="tcp (map)"), 3)
        self.assertEqual(m.one("umld_guest_forward_packets_total", forward="udp (map)"), 0)
        self.assertEqual(m.one("umld_guest_forward_packets_total", forward="tcp/100-200"), 0)
        self.assertEqual(len(m.find("umld_guest_forward_packets_total")), 3)
        umld.stop()

    def test_real_guest(self):
        """What only a kernel of its own tells, and traffic."""
        with tempfile.TemporaryDirectory(prefix="umld-metrics-") as images:
            subprocess.run([MAKE_GUEST, "--overlay", SOURCE / "tests/guest/overlay", f"{images}/guest.img"], check=True, timeout=60)
            self.world.guest(kernel=DEBIAN_KERNEL, image=Path(images) / "guest.img", Guest={"Memory": "48M"},
                             Supervise={"Ready": "guest", "HangCheck": "200ms"}, Network={"Forward": "tcp/8080:80"})
        umld = self.daemon().wait_ready(60)
        self.world.fetch_when_served()
        wait_until(lambda: self.metrics().find("umld_guest_load1"), 30, "what the guest says", 0.2)
        wait_until(lambda: self.metrics().one("umld_guest_connections_tracked"), 30, "a count of connections", 0.2)
        wait_until(lambda: self.metrics().one("umld_guest_heartbeat_seconds_count") > 2, 30, "some heartbeats", 0.2)
        m = self.metrics()
        info, = [labels for name, labels, _ in m.all if name == "umld_guest_info"]
        self.assertTrue(info["congestion_control"])
        self.assertTrue(info["kernel"].startswith("6."), info)
        self.assertGreater(m.one("umld_guest_kernel_memory_bytes"), 20 << 20)
        self.assertGreater(m.one("umld_guest_kernel_memory_bytes"), m.one("umld_guest_kernel_memory_available_bytes"))
        self.assertGreater(m.one("umld_guest_memory_used_bytes"), 1 << 20)
        self.assertGreater(m.one("umld_guest_cpu_seconds_total"), 0)
        self.assertGreater(m.one("umld_guest_heartbeat_seconds_sum"), 0)
        for direction, counter in (("receive", "tx"), ("transmit", "rx")):
            for unit in ("bytes", "packets"):
                before = m.one(f"umld_guest_network_{direction}_{unit}_total")
                now = int(self.world.host("cat", f"/sys/class/net/tap0/statistics/{counter}_{unit}"))
                self.assertTrue(0 < before <= now, (direction, unit, before, now))
        umld.stop()

    def scratch(self):
        directory = self.world.dir / "scratch"
        directory.mkdir()
        directory.chmod(0o777)
        return directory / "count"


class Exporter(MetricsTest):
    """All on the loopback interface of the world's host."""

    def run_in_world(self, *command):
        log = open(self.world.dir / f"{Path(command[0]).name}.stderr", "wb")  # pylint: disable=consider-using-with
        self.addCleanup(log.close)
        process = subprocess.Popen(self.world.command("host", *command), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def end():
            process.kill()
            process.wait()
        self.addCleanup(end)

    def query(self, expression):
        """{labels: value} of what Prometheus knows."""
        try:
            text = self.world.fetch(9090, "/api/v1/query?" + urllib.parse.urlencode({"query": expression}), "127.0.0.1", "host")
        except OSError:
            return []
        return [(each["metric"], float(each["value"][1])) for each in json.loads(text)["data"]["result"]]

    def prometheus(self, textfiles):
        directory = self.world.dir / "prometheus"
        directory.mkdir()
        rules = (SOURCE / "prometheus/umld.rules.yml").read_text()
        (directory / "umld.rules.yml").write_text(re.sub(r"for: \d+m", "for: 0s", rules))
        (directory / "prometheus.yml").write_text(
            "global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}\n"
            f"rule_files: [{directory}/umld.rules.yml]\n"
            "scrape_configs: [{job_name: node, static_configs: [{targets: ['127.0.0.1:9100']}]}]\n")
        self.run_in_world("prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
                          f"--collector.textfile.directory={textfiles}", "--web.listen-address=127.0.0.1:9100")
        self.run_in_world("prometheus", f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data",
                          "--web.listen-address=127.0.0.1:9090", "--log.level=warn")

    def test_scrape(self):
        textfiles = self.world.dir / "textfiles"
        textfiles.mkdir()
        file = textfiles / "umld.prom"
        self.world.guest(fake="boot,ready", Network={"Forward": "tcp/8080:80"})
        umld = self.daemon().wait_ready()

        def write():
            p = self.world.umlctl("metrics", f"--textfile={file}")
            self.assertEqual((p.returncode, p.stdout, p.stderr), (DONE, "", ""))
        write()
        self.assertEqual(file.stat().st_mode & 0o777, 0o644)
        self.assertEqual([path.name for path in textfiles.iterdir()], ["umld.prom"])
        lint = subprocess.run(["promtool", "check", "metrics"], input=file.read_text(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, encoding="utf-8", check=False)
        self.assertEqual((lint.returncode, lint.stdout), (0, ""))
        self.prometheus(textfiles)
        wait_until(lambda: self.query('umld_guest_state{umld_guest_state="running"} == 1'), 60, "a scrape")
        (labels, value), = self.query("umld_guest_memory_limit_bytes")
        self.assertEqual((labels["guest"], labels["instance"], value), ("web", "127.0.0.1:9100", 32 << 20))
        (_, error), = self.query("node_textfile_scrape_error")
        self.assertEqual(error, 0)
        # All that was written has arrived, each under its name.
        written = {line.split("{")[0].split(" ")[0] for line in file.read_text().splitlines() if not line.startswith("#")}
        known = {labels["__name__"] for labels, _ in self.query('{__name__=~"umld_.*"}')}
        self.assertEqual(written - known, set())
        self.assertEqual(self.query("ALERTS"), [])
        umld.kill()
        write()
        wait_until(lambda: self.query('ALERTS{alertname="UmldGuestDown",alertstate="firing",guest="web"}'), 60, "the alert")

    def test_refused(self):
        """A file that cannot be written, and no guest at all."""
        p = self.world.umlctl("metrics", f"--textfile={self.world.dir}/none/umld.prom")
        self.assertEqual((p.returncode, p.stdout), (1, ""))
        self.assertIn("none/umld.prom: cannot be written: No such file or directory", p.stderr)
        self.assertEqual(self.metrics().find("umld_up"), [])


if __name__ == "__main__":
    main()
