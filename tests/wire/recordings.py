# SPDX-License-Identifier: Apache-2.0
"""The calls of recorded boots, and VMIs that ask for something."""

import json
from pathlib import Path
from typing import Any

from tests.support import RECORDINGS

ALL_CALLS = sorted(RECORDINGS.glob("*/pass*-to-hook.xml"))
CALLS = [call for call in ALL_CALLS if call.parent.name != "root3"]
"""Those of VMs into which KubeVirt can plug a NIC."""


def name_of(call: Path) -> str:
    return f"{call.parent.name}-{call.name.partition('-')[0]}"


def domain_of(call: Path) -> bytes:
    return call.read_bytes()


def vmi_of(call: Path) -> bytes:
    return call.with_name(call.name.replace("-to-hook.xml", "-vmi.json")).read_bytes()


def asking(vmi: bytes, **annotations: object) -> bytes:
    """Return ``vmi`` with annotations ``portside.io/<name>``; ``_`` stands for a dash."""
    document: dict[str, Any] = json.loads(vmi)
    document["metadata"].setdefault("annotations", {}).update(
        {
            f"portside.io/{name.replace('_', '-')}": (
                value if isinstance(value, str) else json.dumps(value)
            )
            for name, value in annotations.items()
        }
    )
    return json.dumps(document).encode()
