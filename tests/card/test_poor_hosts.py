# SPDX-License-Identifier: Apache-2.0
"""Hosts on which VFs cannot be passed through: without an IOMMU, and with one group for all."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.card.card import PORTSIDE, Card, boot
from tests.card.parts import build_parts
from tests.card.sysfs import FIRST, follow, make_vfs, shell
from tests.card.vm import Hardware

pytestmark = pytest.mark.card

HOLD = "/project/tests/card/guest/hold_vfio.py"
LIST = (*PORTSIDE, "vf", "list", "-o", "json")
SECONDS = 180.0

PREPARE = """\
set -e
modprobe vfio-pci
echo vfio-pci >"/sys/bus/pci/devices/$1/driver_override"
echo "$1" >"/sys/bus/pci/devices/$1/driver/unbind"
"""
# Only a write() of our own shows its errno: a shell's echo hides it.
BIND = """\
import errno, pathlib, sys
try:
    with pathlib.Path("/sys/bus/pci/drivers/vfio-pci/bind").open("wb", buffering=0) as file:
        file.write(sys.argv[1].encode())
except OSError as error:
    print(errno.errorcode[error.errno])
"""


def list_functions(card: Card) -> dict[str, dict[str, Any]]:
    """Return the first card's functions as ``portside vf list`` has them."""
    listed = json.loads(card.run(*LIST, seconds=SECONDS))
    (pf,) = [pf for pf in listed["pfs"] if pf["address"] == FIRST]
    return {one["address"]: one for one in (pf, *pf["vfs"])}


def bind(card: Card, vf: str) -> str:
    """Try to bind a VF to vfio-pci; return the errno's name, empty if there is none."""
    shell(card, PREPARE, vf)
    return card.run("python3", "-c", BIND, vf).strip()


def test_without_an_iommu_no_vf_can_be_bound_to_vfio(tmp_path: Path) -> None:
    with boot(build_parts(), tmp_path, Hardware(iommu=False)) as card:
        vfs = make_vfs(card, FIRST, 2)
        assert [follow(card, vf, "iommu_group") for vf in vfs] == ["", ""]
        assert bind(card, vfs[0]) == "EINVAL"
        functions = list_functions(card)
    assert {one["iommu_group"] for one in functions.values()} == {None}
    assert [functions[vf]["driver"] for vf in vfs] == [None, "igbvf"]


def test_without_acs_a_pf_and_its_vfs_are_one_group(tmp_path: Path) -> None:
    with boot(build_parts(), tmp_path, Hardware(acs=False)) as card:
        vfs = make_vfs(card, FIRST, 2)
        (group,) = {follow(card, one, "iommu_group") for one in (FIRST, *vfs)}
        # vfio-pci takes it; only who opens the group hears that it is not viable.
        assert bind(card, vfs[0]) == ""
        assert follow(card, vfs[0], "driver") == "vfio-pci"
        opened = card.attempt("python3", HOLD, vfs[0])
        functions = list_functions(card)
    assert group.isdigit()
    assert {one["iommu_group"] for one in functions.values()} == {int(group)}
    assert "Invalid argument" in opened.stderr or "Operation not permitted" in opened.stderr
