# SPDX-License-Identifier: Apache-2.0
"""JSON paths as errors show them: ``$[0].vlan.id``, ``$["vf.1"]``."""

import json
import re
from functools import lru_cache

ROOT = "$"
MAX_SHOWN = 63
"""Characters of a key that a path shows; the names of networks are no longer than that."""
MAX_PATH = 300
"""Characters of a path: a whole error has to fit into gRPC's 8 KiB of metadata."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def member(path: str, key: str) -> str:
    """Return the path of an object's member; a key that is no plain word is quoted as JSON."""
    return path + _step(f"{key[: MAX_SHOWN - 3]}..." if len(key) > MAX_SHOWN else key)


@lru_cache(maxsize=256)
def _step(key: str) -> str:
    """Write one step; VMIs have the same few keys again and again."""
    return f".{key}" if _PLAIN.fullmatch(key) else f"[{json.dumps(key)}]"


def element(path: str, index: int) -> str:
    """Return the path of a list's element, counted from 0."""
    return f"{path}[{index}]"
