# SPDX-License-Identifier: Apache-2.0
"""The replay of virt-launcher sends what virt-launcher was recorded to send."""

from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from sidecar.demo.launcher import boot
from sidecar.domainxml.kubevirt import replay
from tests.support import RECORDINGS

CASES = sorted(path.name for path in RECORDINGS.iterdir())


def unchanged(_vmi: bytes, domain: bytes) -> bytes:
    return domain


def recorded_libvirt(case: Path) -> Callable[[bytes], bytes]:
    """The recorded read-backs, one after the other."""
    answers = iter(sorted(case.glob("pass*-libvirt.xml")))
    return lambda _domain: next(answers).read_bytes()


def canonical(xml: bytes) -> str:
    """One line per element: path, attributes in order of name, text; order of elements kept."""
    root = etree.fromstring(xml)
    lines = [
        f"{'  ' * len(list(element.iterancestors()))}{element.tag} "
        f"{sorted(element.attrib.items())} {(element.text or '').strip()}"
        for element in root.iter(etree.Element)
    ]
    return "\n".join(lines)


def initial(case: Path) -> bytes:
    return replay.drop_placeholders((case / "pass1-to-hook.xml").read_bytes())


@pytest.mark.parametrize("name", CASES)
def test_every_call_is_as_recorded(name: str) -> None:
    case = RECORDINGS / name
    vmi = (case / "pass1-vmi.json").read_bytes()
    calls = boot(vmi, initial(case), unchanged, recorded_libvirt(case))
    recorded = sorted(case.glob("pass*-to-hook.xml"))
    assert len(calls) == len(recorded)
    for call, path in zip(calls, recorded, strict=True):
        assert canonical(call.sent) == canonical(path.read_bytes()), path
