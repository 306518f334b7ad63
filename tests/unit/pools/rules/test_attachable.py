# SPDX-License-Identifier: Apache-2.0
"""What a domain must have for a VF: a port, and a partner that can be one."""

import pytest

from sidecar.domainxml.domain_needs import read_needs
from sidecar.errors import CapacityError, PortsideError, RequestError
from sidecar.model.mac import MacAddress
from sidecar.pools.rules.attachable import Target, check_port, check_team, choose_alias, full_alias
from tests.unit.domainxml.build import refusal
from tests.unit.domainxml.trees import port, written

MAC = MacAddress("52:54:00:00:00:01")
OTHER = MacAddress("52:54:00:00:00:02")
PLACE = "<address type='pci' bus='0x{}' slot='0x0'/>"
ROOT = port(0, model="pcie-root")
STANDBY = (
    "<interface type='bridge'><mac address='52:54:00:00:00:01'/><model type='virtio'/>"
    "<alias name='ua-net0'/><teaming type='persistent'/>" + PLACE.format(1) + "</interface>"
)


def primary(alias: str = "ua-old", partner: str = "ua-net0") -> str:
    return (
        "<hostdev mode='subsystem' type='pci'><source><address bus='1' slot='16' function='0'/>"
        f"</source><alias name='{alias}'/><teaming type='transient' persistent='{partner}'/>"
        + PLACE.format(2)
        + "</hostdev>"
    )


def target(*devices: str, live: bool = True, machine: str = "q35") -> Target:
    return Target(read_needs(written(*devices, machine=machine)), live)


def test_a_running_domain_with_a_free_port_takes_a_vf() -> None:
    check_port(target(ROOT, port(1), port(2), STANDBY))


@pytest.mark.parametrize(
    ("domain", "kind", "message"),
    [
        (
            target(ROOT, port(1), STANDBY),
            CapacityError,
            "domain vm, running: no free root port for the VF; found all 1 taken",
        ),
        (
            target(ROOT, port(1), port(2, "<target hotplug='off'/>"), STANDBY),
            CapacityError,
            "closed by hotplug='off'",
        ),
        (target(machine="microvm"), RequestError, "no PCI bus for a VF"),
    ],
)
def test_a_running_domain_without_one_is_refused(
    domain: Target, kind: type[PortsideError], message: str
) -> None:
    assert message in str(refusal(kind, check_port, domain))


def test_a_configuration_gets_its_ports_from_libvirt() -> None:
    check_port(target(ROOT, port(1), STANDBY, live=False))


@pytest.mark.parametrize("mac", [None, MAC])
def test_a_teams_vf_has_its_partners_address(mac: MacAddress | None) -> None:
    assert check_team(target(ROOT, port(1), STANDBY), "ua-net0", mac) == MAC


def test_the_primary_of_another_team_does_not_matter() -> None:
    domain = target(ROOT, port(1), port(2), STANDBY, primary(partner="ua-net1"))
    assert check_team(domain, "ua-net0", None) == MAC


@pytest.mark.parametrize(
    ("domain", "mac", "message"),
    [
        (target(ROOT, port(1)), None, "no interface has this alias; found no persistent half"),
        (
            target(ROOT, port(1), STANDBY.replace("ua-net0", "ua-net1")),
            None,
            "no interface has this alias; found persistent halves ua-net1",
        ),
        (
            target(ROOT, port(1), STANDBY.replace("<teaming type='persistent'/>", "")),
            None,
            "cannot be the persistent half of a team; found model virtio, teaming none",
        ),
        (
            target(ROOT, port(1), STANDBY.replace("'virtio'", "'e1000e'")),
            None,
            "found model e1000e, teaming persistent",
        ),
        (
            target(ROOT, port(1), STANDBY.replace("<mac address='52:54:00:00:00:01'/>", "")),
            None,
            "the persistent half has no MAC address",
        ),
        (
            target(ROOT, port(1), STANDBY),
            OTHER,
            f"different MAC addresses; found VF {OTHER}, ua-net0 {MAC}",
        ),
        (
            target(ROOT, port(1), port(2), STANDBY, primary()),
            None,
            "this team already has its VF; found primary ua-old",
        ),
        (
            target(STANDBY.replace(PLACE.format(1), ""), machine="pc"),
            None,
            "teaming needs a machine with PCIe ports",
        ),
    ],
)
def test_a_team_that_cannot_be_is_refused(
    domain: Target, mac: MacAddress | None, message: str
) -> None:
    assert message in str(refusal(RequestError, check_team, domain, "ua-net0", mac))


def test_aliases_are_users() -> None:
    assert (full_alias("net0"), full_alias("ua-net0")) == ("ua-net0", "ua-net0")


def test_a_teams_vf_keeps_the_alias_that_the_configuration_has() -> None:
    configured = target(ROOT, port(1), port(2), STANDBY, primary(), live=False).needs
    running = target(ROOT, port(1), port(2), STANDBY).needs
    assert choose_alias((configured, running), "pool", "ua-net0") == "ua-old"
    assert choose_alias((running,), "pool", "ua-net0") == "ua-portside-net0"


def test_other_vfs_are_numbered() -> None:
    plain = target(ROOT, port(1), STANDBY).needs
    taken = target(ROOT, port(1), port(2), primary("ua-portside-my-pool-0")).needs
    assert choose_alias((plain,), "my.pool", None) == "ua-portside-my-pool-0"
    assert choose_alias((plain, taken), "my.pool", None) == "ua-portside-my-pool-1"
