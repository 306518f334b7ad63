# SPDX-License-Identifier: Apache-2.0
"""JSON paths as errors show them: ``$[0].vlan.id``, ``$["vf.1"]``."""

import json
import re

ROOT = "$"
MAX_SHOWN = 63
"""Characters of a key that a path shows; the names of networks are no longer than that."""
MAX_PATH = 300
"""Characters of a path: a whole error has to fit into gRPC's 8 KiB of metadata."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def member(path: str, key: str) -> str:
    """Return the path of an object's member; a key that is no plain word is quoted as JSON."""
    if len(key) > MAX_SHOWN:
        key = f"{key[: MAX_SHOWN - 3]}..."
    return f"{path}.{key}" if _PLAIN.fullmatch(key) else f"{path}[{json.dumps(key)}]"


def element(path: str, index: int) -> str:
    """Return the path of a list's element, counted from 0."""
    return f"{path}[{index}]"
