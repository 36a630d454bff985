# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian packages of this working copy, built once for all tests of a build."""

import functools
import hashlib
import os
import subprocess
from pathlib import Path

from umldtest import BUILD, SOURCE, locked

DIRECTORY = Path(BUILD) / "packages"
VERSION = subprocess.run(["meson", "introspect", "--projectinfo", BUILD], stdout=subprocess.PIPE, check=True,
                         encoding="utf-8").stdout.partition('"version": "')[2].partition('"')[0]


def package(output, *words, **environment):
    """Runs tools/package; what it says, and why it failed, is in the error."""
    done = subprocess.run([SOURCE / "tools/package", "--output", output, *words], check=False, encoding="utf-8",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=800,
                          env={**os.environ, "DEB_BUILD_OPTIONS": "nocheck", **environment})
    if done.returncode != 0:
        raise AssertionError(f"tools/package {' '.join(words)}: {done.stdout[-6000:]}")
    return done.stdout


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@functools.lru_cache(maxsize=None)
def debs():
    """The directory with the source archive and the debs; built by whoever comes first."""
    DIRECTORY.mkdir(exist_ok=True)
    with locked(DIRECTORY):
        package(DIRECTORY, "tar")
        stamp, sources = DIRECTORY / "stamp", sha256(DIRECTORY / f"umld-{VERSION}.tar.xz")
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != sources:
            stamp.unlink(missing_ok=True)
            package(DIRECTORY, "deb")
            stamp.write_text(sources, encoding="utf-8")
    return DIRECTORY


def deb(name="umld"):
    return next(debs().glob(f"{name}_{VERSION}_*.deb"))
