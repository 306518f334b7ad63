# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.addressing.controllers import (
    PciController,
    complete_controllers,
    insert_controller,
    read_pci_controller,
)
from sidecar.domainxml.addressing.inventory import take_inventory
from sidecar.domainxml.addressing.machine import read_machine
from sidecar.errors import RequestError
from tests.unit.domainxml.build import element, refusal, tree
from tests.unit.domainxml.trees import address, port


def indexes(*controllers: str, machine: str = "q35") -> list[tuple[int, str]]:
    inventory = take_inventory(tree(*controllers, machine=machine))
    return [(controller.index, controller.model) for controller in inventory.controllers]


def free_port(index: str = "") -> str:
    return f"<controller type='pci' model='pcie-root-port'{index}/>"


def test_reads_a_controller() -> None:
    xml = element(port(5, "<target chassis='5' hotplug='off'/>" + address(0, 2, 3)))
    found = read_pci_controller(xml)
    assert (found.index, found.model, found.element) == (5, "pcie-root-port", xml)
    assert (found.place, found.pluggable) == (Place(0, 2, 3), False)


def test_the_last_bus_is_255() -> None:
    assert read_pci_controller(element(port(255))).index == 255


@pytest.mark.parametrize(
    "inside", ["", "<target/>", "<target hotplug='on'/>", "<target port='1'/>"]
)
def test_ports_can_be_plugged_unless_they_say_no(inside: str) -> None:
    assert read_pci_controller(element(port(1, inside))).pluggable


@pytest.mark.parametrize(
    ("attributes", "what", "found", "expected"),
    [
        (
            "index='1'",
            "unknown model of a PCI controller",
            "None",
            "one of dmi-to-pci-bridge, pci-",
        ),
        (
            "index='1' model='x'",
            "unknown model of a PCI controller",
            "'x'",
            "one of dmi-to-pci-bridge",
        ),
        (
            "index='256' model='pci-bridge'",
            "a PCI controller's index is out of range",
            "256",
            "0 to 255",
        ),
        ("index='-1' model='pci-bridge'", "attribute index is no number", "'-1'", "a decimal"),
    ],
)
def test_refuses(attributes: str, what: str, found: str, expected: str) -> None:
    xml = element(f"<controller type='pci' {attributes}><alias name='pci.9'/></controller>")
    error = refusal(RequestError, read_pci_controller, xml)
    assert (error.what, error.found) == (what, found)
    assert error.expected.startswith(expected)
    assert error.where == "domain XML, <controller> with alias pci.9"


def test_the_root_is_added() -> None:
    assert indexes() == [(0, "pcie-root")]
    assert indexes(machine="pc") == [(0, "pci-root")]
    assert indexes(port(2), port(1)) == [
        (0, "pcie-root"),
        (1, "pcie-root-port"),
        (2, "pcie-root-port"),
    ]


def test_missing_indexes_take_the_holes() -> None:
    root = port(0, model="pcie-root")
    found = indexes(root, free_port(), port(2), free_port())
    assert [index for index, _ in found] == [0, 1, 2, 3]


def test_without_a_root_the_first_one_would_be_it() -> None:
    # Just as libvirt has it, which refuses with nearly the same words.
    error = refusal(RequestError, indexes, free_port())
    assert str(error) == (
        "domain XML, machine q35: the PCI controller with index 0 does not fit the machine; "
        "found pcie-root-port; expected pcie-root"
    )


def test_one_index_stands_once() -> None:
    error = refusal(RequestError, indexes, port(3), port(7), port(3))
    assert str(error) == (
        "domain XML, <devices>: two PCI controllers have one index; found index 3 twice"
    )


@pytest.mark.parametrize(
    ("machine", "model", "expected"),
    [("pc", "pcie-root", "pci-root"), ("q35", "pci-root", "pcie-root")],
)
def test_the_root_fits_the_machine(machine: str, model: str, expected: str) -> None:
    error = refusal(RequestError, indexes, port(0, model=model), machine=machine)
    assert error.where == f"domain XML, machine {machine}"
    assert (error.found, error.expected) == (model, expected)


def test_a_controller_without_an_index_keeps_its_place_in_line() -> None:
    # libvirt gives the first slot to the one that comes first, whatever its index becomes.
    controllers: list[PciController] = []
    for index in (4, -1, 1, 0):
        model = "pcie-root-port" if index else "pcie-root"
        insert_controller(controllers, PciController(index, model))
    complete_controllers(controllers, read_machine(tree()))
    assert [controller.index for controller in controllers] == [0, 1, 4, 2]


@pytest.mark.parametrize(
    ("model", "machine", "what"),
    [
        ("pcie-root", "q35", "a root bus has another index than 0"),
        ("pci-root", "pc", "a root bus has another index than 0"),
        ("pcie-expander-bus", "pc", "the machine has no such PCI controller"),
        ("pci-expander-bus", "q35", "the machine has no such PCI controller"),
    ],
)
def test_a_model_fits_the_machine(model: str, machine: str, what: str) -> None:
    error = refusal(RequestError, indexes, port(2, model=model), machine=machine)
    assert (error.what, error.where) == (what, f"domain XML, machine {machine}")
    assert error.found == f"{model} with index 2"
