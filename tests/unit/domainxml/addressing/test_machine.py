# SPDX-License-Identifier: Apache-2.0
import pytest
from lxml import etree

from sidecar.domainxml.addressing.machine import Chipset, read_machine
from sidecar.model.ports import MachineFamily
from tests.unit.domainxml.build import tree


@pytest.mark.parametrize(
    ("arch", "machine", "chipset", "family"),
    [
        ("x86_64", "q35", Chipset.Q35, MachineFamily.PCIE),
        ("x86_64", "pc-q35-rhel9.6.0", Chipset.Q35, MachineFamily.PCIE),
        ("x86_64", "pc-q35-7.2", Chipset.Q35, MachineFamily.PCIE),
        ("i686", "q35", Chipset.Q35, MachineFamily.PCIE),
        ("x86_64", "pc", Chipset.I440FX, MachineFamily.PCI),
        ("x86_64", "pc-i440fx-9.2", Chipset.I440FX, MachineFamily.PCI),
        ("x86_64", "pc-1.2", Chipset.I440FX, MachineFamily.PCI),
        ("x86_64", "rhel6.6.0", Chipset.I440FX, MachineFamily.PCI),
        ("x86_64", "", Chipset.I440FX, MachineFamily.PCI),
        ("x86_64", "microvm", Chipset.OTHER, MachineFamily.NONE),
        ("x86_64", "isapc", Chipset.OTHER, MachineFamily.NONE),
        ("x86_64", "virt", Chipset.OTHER, MachineFamily.NONE),
        ("aarch64", "virt", Chipset.VIRT, MachineFamily.PCIE),
        ("aarch64", "virt-8.2", Chipset.VIRT, MachineFamily.PCIE),
        ("aarch64", "", Chipset.VIRT, MachineFamily.PCIE),
        ("aarch64", "virtual", Chipset.OTHER, MachineFamily.NONE),
        ("aarch64", "q35", Chipset.OTHER, MachineFamily.NONE),
        ("riscv64", "virt", Chipset.VIRT, MachineFamily.PCIE),
        ("ppc64le", "pseries-7.2", Chipset.PSERIES, MachineFamily.PCI),
        ("ppc64", "pseries", Chipset.PSERIES, MachineFamily.PCI),
        ("ppc64", "powernv9", Chipset.OTHER, MachineFamily.NONE),
        ("s390x", "s390-ccw-virtio", Chipset.OTHER, MachineFamily.CCW),
        ("s390x", "q35", Chipset.OTHER, MachineFamily.CCW),
        ("loongarch64", "virt", Chipset.OTHER, MachineFamily.NONE),
    ],
)
def test_families(arch: str, machine: str, chipset: Chipset, family: MachineFamily) -> None:
    found = read_machine(tree(arch=arch, machine=machine))
    assert (found.chipset, found.family) == (chipset, family)


@pytest.mark.parametrize(
    "xml", ["<domain/>", "<domain><os/></domain>", "<domain><os><type/></os></domain>"]
)
def test_nothing_said_is_a_pc(xml: str) -> None:
    machine = read_machine(etree.fromstring(xml))
    assert (machine.arch, machine.name, machine.family) == ("x86_64", "pc", MachineFamily.PCI)


def test_names_fit_into_errors() -> None:
    machine = read_machine(tree(arch="a" * 500, machine="m" * 500))
    assert (machine.arch, machine.name) == ("a" * 80, "m" * 80)
