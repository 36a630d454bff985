# SPDX-License-Identifier: GPL-2.0-or-later
"""The file that is left beside an image when a change of it was killed."""

import os
import struct
from pathlib import Path


def fnv(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 & (1 << 64) - 1
    return struct.pack("=Q", value)


def write_undo(image, records, cut):
    """What a change has left that was killed: what was there, the first record is the oldest; and the image has the mark."""
    end = image.stat().st_size
    mark = struct.pack("=16s16s", b"umld-undo 2", os.urandom(16))
    with open(image, "ab") as f:
        f.write(mark)
    data = mark + struct.pack("=QQ", end, end)
    data += fnv(data)
    for place, content in records:
        zeros = not any(content)
        head = struct.pack("=QII", place, len(content), zeros)
        content = b"" if zeros else content
        data += head + fnv(head + content) + content
    undo = Path(f"{image}.undo")
    undo.write_bytes(data[:len(data) - cut])
    return undo
