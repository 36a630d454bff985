# SPDX-License-Identifier: GPL-2.0-or-later
"""What has to hold for umld under any init but systemd: the story of a host's administrator."""

import os
import re
from pathlib import Path

from umldtest import clean_file_system, wait_until


class Story:
    """For a TestCase with a machine (Booted), its tree and world, where a file `booted` appears at the end of each boot."""

    timeout = 900  # for several boots

    def diagnosis(self):
        texts = [self.machine.log, f"{self.tree}/var/log/umld/web/console.log", f"{self.tree}/var/log/umld/web/umld.log"]
        return "\n".join(f"{path}:\n{Path(path).read_text(errors='replace')[-2000:]}" for path in texts if os.path.exists(path))

    def page(self):
        try:
            text = self.world.fetch(8080, timeout=2)
        except OSError:
            return None
        return text if "<h1>web</h1>" in text else None

    def wait_booted(self):
        wait_until(lambda: os.path.exists(self.booted), 60, "the end of the boot", 0.05)
        os.unlink(self.booted)
        if os.path.exists(f"{self.tree}/sbin/openrc"):  # it does not start rc.local last
            wait_until(self.service_started, 60, "OpenRC says that umld is started", 0.05)

    def service_started(self):
        return re.search(r"umld +\[ +started", self.machine.run("rc-status", "default").stdout)

    def boot(self):
        self.machine.start()
        self.wait_booted()

    def last_end(self):
        """How the guest's last run ended, as umld has noted it in the guest's console log."""
        with open(f"{self.tree}/var/log/umld/web/console.log", encoding="utf-8", errors="replace") as log:
            return ([""] + re.findall(r"=end (.*)", log.read()))[-1]

    def assert_clean(self):
        self.assertEqual(clean_file_system(f"{self.tree}/var/lib/umld/web/root.img"), "")
        self.assertIn("stopped: ", self.last_end())

    def tell(self, *service):
        """The story of a host's administrator; service: how the boot script is called."""
        machine = self.machine
        self.assertIn("web is enabled", machine.out("umlctl", "start", "web", "--enable", timeout=60))
        self.assertEqual(machine.out("umlctl", "is-enabled", "web"), "enabled")
        old = wait_until(self.page, 20, "the page")
        # A reboot stops the guest cleanly and starts it again.
        machine.reboot()
        self.wait_booted()
        self.assertIn("stopped: ", self.last_end())
        self.assertNotIn(wait_until(self.page, 20, "the page after a reboot"), (None, old))
        self.verbs(service)
        # Shut down, with a second guest that no boot script has started.
        machine.out("umlctl", "start", "hand", timeout=60)
        machine.poweroff()
        self.assert_clean()
        self.assertEqual(clean_file_system(f"{self.tree}/var/lib/umld/hand/root.img"), "")
        # Up at the next boot, and the other is not; disabled, it is not up either.
        self.boot()
        wait_until(self.page, 20, "the page after a shutdown")
        self.assertEqual(machine.run("umlctl", "status", "hand").returncode, 3)
        self.assertIn("web is disabled", machine.out("umlctl", "disable", "web"))
        machine.poweroff()
        self.assert_clean()
        self.boot()
        self.assertEqual(machine.run("umlctl", "status", "web").returncode, 3)
        self.assertEqual(machine.run("pgrep", "-x", "umld").stdout, "")

    def kernel(self):
        """The process of the guest's kernel, whose others come and go."""
        return self.machine.out("umlctl", "list", "web", "-o", "pid", "--no-headings")

    def verbs(self, service):
        machine = self.machine
        self.assertIn("running", machine.out(*service, "status"))
        guest = self.kernel()
        machine.shell("sed -i 's,^Forward=.*,&\\nForward=tcp/8081:80,' /etc/umld/web.conf")
        machine.out(*service, "reload")
        wait_until(lambda: "8081" in machine.out("umlctl", "list"), 5, "the second forward")
        self.assertEqual(self.kernel(), guest)
        machine.shell("sed -i '/8081/d' /etc/umld/web.conf")
        machine.out(*service, "restart", timeout=60)
        self.assertNotEqual(self.kernel(), guest)
        machine.out(*service, "stop", timeout=60)
        self.assertIsNone(self.page())
        self.assertEqual(machine.run("umlctl", "status", "web").returncode, 3)
        self.assertEqual(machine.run(*service, "status").returncode, 3)
        machine.out(*service, "start", timeout=60)
        wait_until(self.page, 20, "the page")
