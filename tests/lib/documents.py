# SPDX-License-Identifier: GPL-2.0-or-later
"""The blocks of commands, configurations and other text to type that README.md and the manuals show.

A comment before a block may say that another test than those of tests/guest/test_documents.py runs it, which gets it by
shown(): `run-by: FILE`."""

import re

from umldtest import SOURCE

MAN_BLOCK = re.compile(r'(?m)^(?:\.\\" (run-by: .*)\n)?(?:\.Bd -literal.*\n((?:(?!\.Ed$).*\n)*)\.Ed$|\.Dl (.*)$)')
MARKDOWN_BLOCK = re.compile(r"(?m)(?:^<!-- (run-by: .*?) -->\n+)?((?:^    .*\n(?:\n(?=    ))?)+)")
SESSION = re.compile(r"(?ms)^```console\n(.*?)^```$")


class Block:
    def __init__(self, document, line, mark, text):
        self.document, self.line, self.mark, self.text = document, line, mark, text
        self.configuration = bool(re.match(r"\[[A-Z]\w+\]\n", text))
        self.jail = bool(re.match(r"\[[a-z-]+\]\nenabled", text))
        self.message = text.startswith("/etc/umld/")

    def __str__(self):
        return f"{self.document}:{self.line}"


def manual_blocks(name):
    text = (SOURCE / "man" / name).read_text(encoding="utf-8")
    for m in MAN_BLOCK.finditer(text):
        block = (m[2] or m[3]).replace("\\e", "\\").replace("\\&", "").replace("\\-", "-")
        yield Block(f"man/{name}", text[:m.start()].count("\n") + 1, m[1], re.sub(r"^# ", "", block))


def readme():
    return (SOURCE / "README.md").read_text(encoding="utf-8")


def readme_blocks():
    text = SESSION.sub("", readme())
    for m in MARKDOWN_BLOCK.finditer(text):
        block = re.sub(r"(?m)^    ", "", m[2])
        yield Block("README.md", readme().partition(m[2])[0].count("\n") + 1, m[1], block)


def manuals():
    return sorted(path.name for path in (SOURCE / "man").glob("*.[1-8]"))


def blocks():
    return [*readme_blocks(), *(block for name in manuals() for block in manual_blocks(name))]


def shown(document, words):
    """The only block of that document with these words, for the test that its mark names."""
    block, = (b for b in blocks() if b.document == document and words in b.text)
    return block.text
