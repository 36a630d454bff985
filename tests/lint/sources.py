# SPDX-License-Identifier: GPL-2.0-or-later
"""What belongs to the sources of umld: files below a directory, without build trees and without git's."""

import os
from pathlib import Path


def all_files(root):
    """Paths relative to root, sorted."""
    found = []
    for directory, names, files in os.walk(root):
        here = Path(directory)
        names[:] = [name for name in names
                    if name not in ('.git', '__pycache__') and not (here / name / 'meson-private').exists()
                    and not (here == Path(root) and name.startswith('build'))]
        found += [(here / name).relative_to(root) for name in files]
    return sorted(found)


def first_line(path):
    with open(path, 'rb') as f:
        return f.readline(200)


def language(root, path):
    """'c', 'python', 'shell' or 'meson'; None for the rest (data, manuals, foreign text)."""
    if path.suffix in ('.c', '.h'):
        return 'c'
    if path.name in ('meson.build', 'meson_options.txt'):
        return 'meson'
    if path.suffix == '.py':
        return 'python'
    if path.suffix == '.sh':
        return 'shell'
    if path.suffix in ('', '.in') and 'corpus' not in path.parts:
        line = first_line(root / path)
        if line.startswith(b'#!') and b'python' in line:
            return 'python'
        if line.startswith(b'#!') and line.rstrip().endswith((b'sh', b'/openrc-run')):
            return 'shell'
    return None


def sources(root, *languages):
    root = Path(root)
    return [path for path in all_files(root) if language(root, path) in languages]
