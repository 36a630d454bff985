# SPDX-License-Identifier: GPL-2.0-or-later
"""The file that is left beside an image when a change of it was killed."""

import os
import struct
import time
from pathlib import Path


def fnv(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 & (1 << 64) - 1
    return struct.pack("=Q", value)


def write_undo(image, records, cut):
    """What a change has left that was killed: what was there, the first record is the oldest; and the image has the mark."""
    st = image.stat()
    mark = struct.pack("=16s16s", b"umld-undo 3", os.urandom(16))
    with open(image, "rb") as f:
        f.seek(1024)
        superblock = f.read(1024)
    written, = struct.unpack("<I", superblock[0x30:0x34])
    with open(image, "ab") as f:
        f.write(mark)
    data = mark + struct.pack("=QQQQ", st.st_size, st.st_size, *divmod(st.st_mtime_ns, 10 ** 9))
    data += superblock[0x68:0x78] + struct.pack("=II", written, int(time.time()) - 1)
    data += fnv(data)
    for place, content in records:
        zeros = not any(content)
        head = struct.pack("=QII", place, len(content), zeros)
        content = b"" if zeros else content
        data += head + fnv(head + content) + content
    undo = Path(f"{image}.undo")
    undo.write_bytes(data[:len(data) - cut])
    return undo
