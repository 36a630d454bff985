# SPDX-License-Identifier: GPL-2.0-or-later
"""Is what umlctl prints with --json as its schema says?"""

import functools
import json
import sys
from pathlib import Path

try:
    import jsonschema
except ImportError:  # this interpreter is not that of the distribution, whose package is installed
    sys.path.append("/usr/lib/python3/dist-packages")
    import jsonschema

SCHEMA = Path(__file__).resolve().parents[2] / "umlctl/umlctl.schema.json"
LINES = ("log", "events", "top")  # verbs that print a document for each line


@functools.lru_cache(maxsize=None)
def validator(verb):
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    if verb not in schema["definitions"]:
        raise AssertionError(f"{SCHEMA} has no definition for {verb}")
    whole = dict(schema, **{"$ref": f"#/definitions/{verb}"})
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(whole)


def check(args, printed):
    """args: the command line of umlctl, whose first word without a dash is the verb."""
    verb = next(word for word in args if not word.startswith("-"))
    if verb == "memory" and any(word.startswith(("--shrink", "--grow")) for word in args):
        verb = "memory_moved"
    for text in printed.splitlines() if verb in LINES else [printed]:
        for error in validator(verb).iter_errors(json.loads(text)):
            where = "/".join(str(part) for part in error.absolute_path)
            raise AssertionError(f"umlctl {' '.join(args)}: {where}: {error.message[:500]}")
