#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees of Debian, made to live in guests by recipes, with each kernel: with systemd, with sysvinit, and one that is laid
out as Arch Linux is, whose packages no mirror here has."""

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from recipetree import ByHand, classes_of
from umldtest import SOURCE, main

ARCH_RELEASE = "NAME=\"Arch Linux\"\nID=arch\n"


def debian(*packages):
    directory = Path(tempfile.mkdtemp(prefix="umld-recipes.", dir="/var/tmp"))
    atexit.register(shutil.rmtree, directory)
    subprocess.run([SOURCE / "tools/debian-tree", "--slim", directory / "tree", "openssh-server", *packages], check=True)
    return directory / "tree"


@functools.lru_cache(maxsize=None)
def systemd_tree():
    return debian("systemd-sysv", "udev", "ifupdown", "iproute2")


@functools.lru_cache(maxsize=None)
def sysvinit_tree():
    """It has no ip(8), so that of a busybox of the host is used."""
    tree = debian("sysvinit-core")
    assert not list(tree.glob("*bin/ip")) + list(tree.glob("usr/*bin/ip"))
    return tree


@functools.lru_cache(maxsize=None)
def arch_tree():
    """Debian's programs where Arch has them: all in /usr/bin, nothing of Debian's in /etc, sshd.service."""
    tree = debian("systemd-sysv", "udev", "ifupdown", "iproute2")
    for path in (tree / "usr/sbin").iterdir():
        if not (tree / "usr/bin" / path.name).exists():
            path.rename(tree / "usr/bin" / path.name)
    shutil.rmtree(tree / "usr/sbin")
    (tree / "usr/sbin").symlink_to("bin")
    (tree / "sbin").unlink()
    (tree / "sbin").symlink_to("usr/bin")
    for name in ("network", "init.d", "rc0.d", "rc1.d", "rc2.d", "rc3.d", "rc4.d", "rc5.d", "rc6.d", "rcS.d"):
        shutil.rmtree(tree / "etc" / name)
    for name in ("networking.service", "ifupdown-pre.service", "ifupdown-wait-online.service", "ssh.socket"):
        (tree / "usr/lib/systemd/system" / name).unlink(missing_ok=True)
    units = tree / "usr/lib/systemd/system"
    (units / "ssh.service").rename(units / "sshd.service")
    for path in list((tree / "etc/systemd/system").rglob("*")):
        if path.is_symlink() and not os.path.exists(str(tree) + os.readlink(path)):
            path.unlink()
    (tree / "etc/debian_version").unlink()
    (tree / "etc/arch-release").touch()
    (tree / "etc/pacman.conf").touch()
    for name in ("etc/os-release", "usr/lib/os-release"):
        (tree / name).unlink(missing_ok=True)
    (tree / "usr/lib/os-release").write_text(ARCH_RELEASE, encoding="utf-8")
    (tree / "etc/os-release").symlink_to("../usr/lib/os-release")
    return tree


class SystemdOfTheManual(ByHand):
    memory = "128M"

    def test_debian(self):
        section, *setting = self.recipe_of(0)
        self.assertEqual(section, "[Guest]")
        self.check_login(systemd_tree(), setting)


BASE = {"has_ssh": True, "memory": "128M", "ready_limit": 100, "timeout": 240, "options": ("--size=1G",)}
globals().update(classes_of({
    "Systemd": {**BASE, "make": staticmethod(systemd_tree), "recipe": "debian-systemd"},
    "Sysvinit": {**BASE, "make": staticmethod(sysvinit_tree), "recipe": "sysvinit"},
    "Arch": {**BASE, "make": staticmethod(arch_tree), "recipe": "arch-systemd"},
}))

if __name__ == "__main__":
    main()
