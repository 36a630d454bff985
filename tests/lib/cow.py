# SPDX-License-Identifier: GPL-2.0-or-later
"""Copy-on-write files of UML disks, written and read as kernels do (compared with theirs by
tests/guest/test_cow_guests.py)."""

import os
import struct

SECTOR = 512
HEADER = struct.Struct(">IIIQIII4096s")
BITMAP = 8192


def data_at(size):
    return BITMAP + -(-size // SECTOR // 8 // 4096) * 4096


def make(cow, base):
    st = os.stat(base)
    with open(cow, "wb") as f:
        f.write(HEADER.pack(0x4f4f4f4d, 3, int(st.st_mtime) & 0xffffffff, st.st_size, SECTOR, 4096, 0, os.fsencode(base)))
        f.truncate(data_at(st.st_size) + st.st_size)


def write(cow, offset, data):
    """As the guest's kernel does: whole sectors, then their bits."""
    with open(cow, "r+b") as f:
        size = HEADER.unpack(f.read(HEADER.size))[3]
        f.seek(data_at(size) + offset)
        f.write(data)
        for sector in range(offset // SECTOR, (offset + len(data)) // SECTOR):
            f.seek(BITMAP + sector // 8)
            bits = f.read(1)[0] | 1 << sector % 8
            f.seek(BITMAP + sector // 8)
            f.write(bytes([bits]))


def view(cow, base):
    """What the guest sees; None: its kernel refuses, since the backing file is not as it was."""
    with open(base, "rb") as f:
        seen = bytearray(f.read())
    with open(cow, "rb") as f:
        _, _, mtime, size, _, _, _, path = HEADER.unpack(f.read(HEADER.size))
        if mtime != int(os.stat(base).st_mtime) & 0xffffffff or path.rstrip(b"\0") != os.fsencode(base):
            return None
        f.seek(BITMAP)
        bits = f.read(-(-size // SECTOR // 8))
        for sector in range(-(-size // SECTOR)):
            if bits[sector // 8] >> sector % 8 & 1:
                f.seek(data_at(size) + sector * SECTOR)
                seen[sector * SECTOR:(sector + 1) * SECTOR] = f.read(SECTOR)
    return bytes(seen)
