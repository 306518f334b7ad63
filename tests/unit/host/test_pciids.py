# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from sidecar.host.pciids import DATABASES, PciNames
from sidecar.model.vf import PciId
from tests.support import missing

DATABASE = """\
# a comment
15b3  Mellanox Technologies
\t1018  MT27800 Family [ConnectX-5 Virtual Function]
\t\t8086 10ca  A board of that name
8086  Intel Corporation
# in between
\t10c9  82576 Gigabit Network Connection
\t\t8086 a03c  Gigabit ET Dual Port Server Adapter

\t10ca  82576 Virtual Function
ffff  Illegal Vendor ID
\t0001  Nothing
C 02  Network controller
\t00  Ethernet controller
"""


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ("8086:10c9", "Intel Corporation 82576 Gigabit Network Connection"),
        ("8086:10ca", "Intel Corporation 82576 Virtual Function"),
        ("15b3:1018", "Mellanox Technologies MT27800 Family [ConnectX-5 Virtual Function]"),
        ("15b3:10ca", "Mellanox Technologies"),
        ("8086:0001", "Intel Corporation"),
        ("ffff:0001", "Illegal Vendor ID Nothing"),
        ("1234:5678", None),
    ],
)
def test_names_are_found(tmp_path: Path, identity: str, name: str | None) -> None:
    (tmp_path / "pci.ids").write_text(DATABASE)
    names = PciNames([tmp_path / "nowhere", tmp_path / "pci.ids"])
    assert names.name(PciId.parse(identity)) == name
    (tmp_path / "pci.ids").unlink()
    assert names.name(PciId.parse(identity)) == name


def test_without_a_database_there_are_no_names(tmp_path: Path) -> None:
    assert PciNames([tmp_path / "nowhere"]).name(PciId.parse("8086:10c9")) is None
    assert PciNames([]).name(PciId.parse("8086:10c9")) is None


def test_the_installed_database_is_of_that_form() -> None:
    if not any(path.exists() for path in DATABASES):
        missing("neither pci.ids nor hwdata is installed")
    name = PciNames().name(PciId.parse("8086:10ca"))
    assert name == "Intel Corporation 82576 Virtual Function"
