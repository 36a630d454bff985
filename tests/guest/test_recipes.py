#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees of Alpine, made to live in guests by recipes, with each kernel."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from recipetree import classes_of
from umldtest import SOURCE, main

IMAGES = SOURCE.parent / "shared/images"

globals().update(classes_of({
    "Busybox": {"source": IMAGES / "alpine-minirootfs-3.20.3-x86_64.tar.gz", "recipe": "busybox", "stop_limit": 0.4},
    "OpenRC": {"source": IMAGES / "alpine-3.2.3-openrc-alpine-base.tar.xz", "recipe": "openrc"},
}))

if __name__ == "__main__":
    main()
