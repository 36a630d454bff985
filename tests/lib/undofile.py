# SPDX-License-Identifier: GPL-2.0-or-later
"""The file that is left beside an image when a change of it was killed."""

import struct
from pathlib import Path


def fnv(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 & (1 << 64) - 1
    return struct.pack("=Q", value)


def write_undo(image, records, cut):
    """What a change has left that was killed: what was there, the first record is the oldest."""
    st, boot = image.stat(), Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    data = struct.pack("=16sQQ16s40s", b"umld-undo 1", st.st_size, st.st_ino, image.read_bytes()[1128:1144], boot)
    data += fnv(data)
    for place, content in records:
        zeros = not any(content)
        head = struct.pack("=QII", place, len(content), zeros)
        content = b"" if zeros else content
        data += head + fnv(head + content) + content
    undo = Path(f"{image}.undo")
    undo.write_bytes(data[:len(data) - cut])
    return undo
