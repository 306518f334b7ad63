# SPDX-License-Identifier: Apache-2.0
"""Unified diffs of XML that commands change."""

import difflib


def unified_diff(before: bytes, after: bytes, name: str) -> bytes:
    """Return a unified diff, byte for byte what the documents hold; empty if they are equal."""
    lines = difflib.diff_bytes(
        difflib.unified_diff,
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        name.encode(),
        f"{name} (mutated)".encode(),
    )
    return b"".join(
        line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"
        for line in lines
    )
