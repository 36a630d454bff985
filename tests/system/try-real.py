#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""try-real.py TREE - boots TREE, which holds a clone in /root/umld, on a network of its own, and installs umld with
tools/quickstart --real. For tools/bare-machine."""

import os
import sys

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)) + "/../lib"]
from booted import Booted  # pylint: disable=wrong-import-position
from umldtest import World  # pylint: disable=wrong-import-position


def main(tree):
    world = World()
    machine = Booted(tree, f"/run/netns/{world.name}-host", f"{tree}.console", unified=True)
    try:
        machine.start()
        print("booted:", machine.wait_running(60))
        for _ in ("install", "install again"):
            print(machine.shell("cd /root/umld && tools/quickstart --real --yes", timeout=300))
        print(machine.out("umlctl", "check", "web"))
        print(machine.out("umlctl", "enable", "web"))
        print(machine.out("umlctl", "start", "web"))
        print(world.fetch_when_served())
        machine.reboot()
        print("rebooted:", machine.wait_running(120))
        print(world.fetch_when_served(within=60))
        print(machine.out("umlctl", "stop", "web"))
        print(machine.out("umlctl", "disable", "web"))
        print(machine.shell("ninja -C /root/umld/build-real uninstall", timeout=60))
        machine.poweroff()
    finally:
        machine.kill()
        world.down()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
