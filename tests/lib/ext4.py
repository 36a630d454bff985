# SPDX-License-Identifier: GPL-2.0-or-later
"""What is in an ext4 image, as e2fsprogs sees it: without a mount."""

import os
import re
import subprocess
import tempfile

os.environ["PATH"] += ":/usr/sbin:/sbin"


def fsck(image):
    """What e2fsck finds wrong with it; None where that is nothing."""
    done = subprocess.run(["e2fsck", "-fn", str(image)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          encoding="utf-8", errors="backslashreplace", check=False)
    return None if done.returncode == 0 else done.stdout


def quoted(path):
    return '"' + path.replace('"', '""') + '"'


class Image:
    def __init__(self, path):
        self.path = str(path)

    def debugfs(self, command):
        done = subprocess.run(["debugfs", "-f", "-", self.path], input=os.fsencode(command + "\n"), check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # debugfs repeats each command that it takes from a file.
        output = done.stdout.partition(b"\n")[2]
        wrong = [line for line in done.stderr.decode(errors="backslashreplace").splitlines()
                 if not line.startswith("debugfs ")]
        if wrong:
            raise FileNotFoundError("\n".join(wrong))
        return output

    def stat(self, path):
        text = self.debugfs(f"stat {quoted(path)}").decode(errors="surrogateescape")
        if "File not found" in text:
            raise FileNotFoundError(path)
        found = {"type": re.search(r"Type: (\S+)", text)[1]}
        for key, pattern in {"inode": r"Inode: (\d+)", "uid": r"User: *(-?\d+)", "gid": r"Group: *(-?\d+)",
                             "links": r"Links: (\d+)", "size": r"(?<!Extents )Size: (\d+)\n",
                             "blocks": r"Blockcount: (\d+)"}.items():
            match = re.search(pattern, text)
            found[key] = int(match[1]) % (1 << 64) if match else None
        found["uid"] %= 1 << 32  # debugfs shows large ones as negative
        found["gid"] %= 1 << 32
        found["mode"] = int(re.search(r"Mode: +(\d+)", text)[1], 8)
        for key in ("ctime", "atime", "mtime"):
            match = re.search(rf"^ *{key}: 0x([0-9a-f]+):([0-9a-f]+)", text, re.MULTILINE)
            seconds, extra = (int(word, 16) for word in match.groups())
            seconds = seconds - (1 << 32) if seconds >> 31 else seconds
            found[key] = (seconds + ((extra & 3) << 32), extra >> 2)
        match = re.search(r"Device major/minor number: (\d+):(\d+)", text)
        found["device"] = (int(match[1]), int(match[2])) if match else None
        match = re.search(r'Fast link dest: "(.*)"', text)
        found["target"] = match[1] if match else None
        return found

    def exists(self, path):
        try:
            self.stat(path)
        except FileNotFoundError:
            return False
        return True

    def read(self, path):
        with tempfile.NamedTemporaryFile() as out:
            self.debugfs(f"dump {quoted(path)} {out.name}")
            return out.read()

    def text(self, path):
        return self.read(path).decode()

    def names(self, path="/"):
        listed = self.debugfs(f"ls -p {quoted(path)}").decode(errors="surrogateescape")
        return {line.split("/")[5] for line in listed.splitlines() if line.count("/") >= 6} - {".", ".."}

    def xattr(self, path, name):
        with tempfile.NamedTemporaryFile() as out:
            self.debugfs(f"ea_get -f {out.name} {quoted(path)} {name}")
            return out.read()

    def features(self):
        text = self.debugfs("stats -h").decode()
        return set(re.search(r"Filesystem features: +(.*)", text)[1].split())
