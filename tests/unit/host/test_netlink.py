# SPDX-License-Identifier: Apache-2.0
"""Against the kernel, as far as it goes without an SR-IOV card; tests/card has the rest."""

from tests.unit.host.namespace import run_in_namespace

PAIR = ["link add left type veth peer name right"]


def fail(call: str) -> str:
    """Return a program that prints the error of a call."""
    return f"""\
from sidecar.errors import HostError
from sidecar.host import netlink
from sidecar.model.settings import VfSettings
try:
    {call}
except HostError as error:
    print(error)
"""


def test_an_interface_is_brought_up_once_and_stays_up() -> None:
    program = """\
from sidecar.host.netlink import is_up, set_up
print(is_up("left"))
set_up("left")
set_up("left")
print(is_up("left"), is_up("right"))
"""
    assert run_in_namespace(PAIR, program).split() == ["False", "True", "False"]


def test_an_interface_that_does_not_exist_is_named() -> None:
    for call in (
        'netlink.set_up("eth9")',
        'netlink.read_settings("eth9", 0)',
        'netlink.apply_settings("eth9", 0, VfSettings(trust=True))',
    ):
        assert run_in_namespace([], fail(call)).startswith(
            "interface eth9: no such network interface"
        )


def test_an_interface_without_vfs_has_no_vf() -> None:
    said = run_in_namespace(PAIR, fail('netlink.apply_settings("left", 3, VfSettings(trust=True))'))
    assert said.startswith("VF 3 of PF left: the PF has no such VF; found no VF")


def test_without_the_right_the_error_names_it() -> None:
    call = 'import os; os.setresuid(65534, 65534, 65534); netlink.set_up("left")'
    said = run_in_namespace(PAIR, fail(call))
    assert "EPERM (Operation not permitted)" in said
    assert "CAP_NET_ADMIN" in said
