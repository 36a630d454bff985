# SPDX-License-Identifier: GPL-2.0-or-later
"""Other firewalls on the host of a world: the programs are the machine's, all that they keep is the world's."""

import os
import shutil
import subprocess

from umldtest import wait_until

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
  </policy>
</busconfig>
"""


class Ufw:
    """ufw as Debian has it: enabled it denies what comes in and what is routed."""

    def __init__(self, world):
        self.world = world
        # Its files and its lock, for the host of this world alone.
        for path in ("/etc/ufw", "/etc/default"):
            copy = world.dir / path[1:].replace("/", "-")
            shutil.copytree(path, copy, symlinks=True)
            world.host("mount", "--bind", copy, path)
        world.host("mount", "-t", "tmpfs", "run", "/run")
        world.host("ufw", "--force", "enable")

    def run(self, command):
        self.world.host("sh", "-c", command)

    def reload(self):
        self.world.host("ufw", "reload")

    def end(self):
        self.world.host("ufw", "disable")


class Firewalld:
    """firewalld with a system bus of its own."""

    def __init__(self, world):
        self.world = world
        self.bus = world.dir / "system-bus"
        self.config = world.dir / "firewalld"
        shutil.copytree("/etc/firewalld", self.config)
        bus_config = world.dir / "bus.conf"
        bus_config.write_text(BUS_CONFIG.format(path=self.bus))
        self.env = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.bus}"}
        self.processes = [self.start("dbus-daemon", "--nofork", "--nopidfile", f"--config-file={bus_config}")]
        wait_until(self.bus.exists, 20, "the bus")
        self.processes.append(self.start("firewalld", "--nofork", "--nopid", f"--system-config={self.config}",
                                         f"--log-file={world.dir}/firewalld.log"))
        wait_until(lambda: self.command("--state").returncode == 0, 60, "firewalld to be running", 0.1)

    def start(self, *command):
        with open(self.world.dir / f"{command[0]}.stderr", "wb") as log:
            return subprocess.Popen(self.world.command("host", *command), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    env=self.env)

    def command(self, *words):
        return subprocess.run(self.world.command("host", "firewall-cmd", *words), stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.env, timeout=120)

    def run(self, command):
        subprocess.run(self.world.command("host", "sh", "-c", command), check=True, stdin=subprocess.DEVNULL, env=self.env,
                       stdout=subprocess.DEVNULL, timeout=120)

    def reload(self):
        self.run("firewall-cmd --reload")

    def end(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait()


# What Docker sets up when it starts, with a bridge and one published port.
DOCKER = """
iptables -N DOCKER; iptables -N DOCKER-ISOLATION-STAGE-1; iptables -N DOCKER-ISOLATION-STAGE-2; iptables -N DOCKER-USER
iptables -t nat -N DOCKER
iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A FORWARD -o docker0 -j DOCKER
iptables -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
iptables -A FORWARD -i docker0 -o docker0 -j ACCEPT
iptables -A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp --dport 80 -j ACCEPT
iptables -A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
iptables -A DOCKER-ISOLATION-STAGE-1 -j RETURN
iptables -A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
iptables -A DOCKER-ISOLATION-STAGE-2 -j RETURN
iptables -A DOCKER-USER -j RETURN
iptables -I FORWARD -j DOCKER-ISOLATION-STAGE-1
iptables -I FORWARD -j DOCKER-USER
iptables -P FORWARD DROP
"""
