# SPDX-License-Identifier: Apache-2.0
"""Coverage-guided fuzzing of the engine with atheris, by hand.

Usage: ``pip install atheris && python -m tests.property.fuzz_engine [libFuzzer options]``,
for instance ``-max_total_time=600``. The input is a byte that chooses a VMI, and domain XML;
it ends with a traceback and a file ``crash-...`` if anything but an answer or a refusal comes
out, or if the answer does not answer itself.
"""

import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore] # only used by hand

with atheris.instrument_imports(include=["sidecar"]):
    from sidecar.errors import CapacityError, RequestError
    from sidecar.hook.define_domain import define_domain

from tests.property.bombs import REFUSED, TAKEN
from tests.property.test_xml_fuzz import SETTINGS
from tests.property.twist import SEEDS, VMIS

LARGEST = 16_384
CHOICES = [(vmi, chosen) for vmi in VMIS for chosen in SETTINGS]


def one_input(data: bytes) -> None:
    """Call the engine once, and once more with its own answer."""
    if not data:
        return
    vmi, chosen = CHOICES[data[0] % len(CHOICES)]
    try:
        once = define_domain(vmi, data[1:], chosen).mutation.domain
    except (RequestError, CapacityError):
        return
    twice = define_domain(vmi, once, chosen).mutation.domain
    if twice != once:
        raise AssertionError("the answer is no answer to itself")


def write_corpus(folder: Path) -> None:
    """Give libFuzzer every recording and every bomb to start from, with every choice."""
    known = [*SEEDS, *REFUSED.values(), *TAKEN.values()]
    for number, domain in enumerate(xml for xml in known if len(xml) < LARGEST):
        for choice in range(len(CHOICES)):
            (folder / f"{number}-{choice}").write_bytes(bytes([choice]) + domain)


def main() -> None:
    """Fuzz until libFuzzer's own options end it."""
    with tempfile.TemporaryDirectory() as folder:
        write_corpus(Path(folder))
        atheris.Setup([*sys.argv, f"-max_len={LARGEST}", "-timeout=5", folder], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
