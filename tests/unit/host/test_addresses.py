# SPDX-License-Identifier: Apache-2.0
"""Against the kernel: in a network namespace of the test's own, where nothing else is."""

from tests.unit.host.namespace import run_in_namespace

DUMP = """\
from sidecar.host.addresses import interfaces_with_addresses, visible_interfaces
print(*sorted(interfaces_with_addresses()), "of", *sorted(visible_interfaces()))
"""


def test_a_namespace_without_addresses() -> None:
    assert run_in_namespace([], DUMP) == "of lo"


def test_an_interface_that_is_down_can_have_an_address() -> None:
    make = [
        "link add four type veth peer name six",
        "link add bare type veth peer name none",
        "address add 192.0.2.1/24 dev four",
        "address add 192.0.2.2/24 dev four",
        "address add 2001:db8::1/64 dev six",
    ]
    assert run_in_namespace(make, DUMP) == "four six of bare four lo none six"


def test_more_addresses_than_one_message_holds() -> None:
    make = ["link add many type veth peer name last"]
    make += [f"address add 10.0.{n // 250}.{n % 250 + 1}/32 dev many" for n in range(2000)]
    make += ["address add 192.0.2.1/24 dev last"]
    assert run_in_namespace(make, DUMP) == "last many of last lo many"
