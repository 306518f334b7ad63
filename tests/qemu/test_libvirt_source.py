# SPDX-License-Identifier: Apache-2.0
"""The libvirt source plans for domains that this machine's QEMU could never start."""

import json
from collections.abc import Iterator

import pytest
from lxml import etree

from sidecar.demo.cases import Case, CaseName, load_case
from sidecar.domainxml.reservation.source import ControllerSource
from sidecar.errors import HostError
from sidecar.hook.define_domain import Settings, define_domain
from sidecar.virt.connection import Libvirt
from sidecar.virt.source import libvirt_source

HOST_ONLY = (
    b'<cpu mode="host-model">',
    b'machine="pc-q35-rhel9.6.0"',
    b'type="kvm"',
    b"<hugepages/>",
)
"""What this machine need not have: a CPU to copy, the machine type, KVM, huge pages."""


@pytest.fixture(scope="module")
def source(libvirt: Libvirt) -> Iterator[ControllerSource]:
    assert libvirt.version
    with libvirt_source() as opened:
        yield opened


@pytest.fixture(params=list(CaseName))
def foreign(request: pytest.FixtureRequest) -> Case:
    """A case as a node with KVM and a distribution's own machine types would have it."""
    case = load_case(request.param)
    root = etree.fromstring(case.domain)
    root.set("type", "kvm")
    machine = root.find("os/type")
    assert machine is not None
    machine.set("machine", "pc-q35-rhel9.6.0")
    etree.SubElement(etree.SubElement(root, "memoryBacking"), "hugepages")
    vmi = json.loads(case.vmi)
    # Without the promise of a later call, this one must make the ports.
    del vmi["metadata"]["annotations"]["kubevirt.io/pci-topology-version"]
    return Case(case.name, json.dumps(vmi).encode(), etree.tostring(root))


@pytest.mark.parametrize("requested", [5, 32])
def test_it_plans_what_cannot_start_here(
    foreign: Case, requested: int, source: ControllerSource
) -> None:
    vmi = foreign.asking_for(requested)
    asked = define_domain(vmi, foreign.domain, Settings(source=source)).mutation
    planned = define_domain(vmi, foreign.domain, Settings()).mutation
    for part in HOST_ONLY:
        assert part in foreign.domain, "the case must carry what it is about"
        assert part in asked.domain
    assert asked.after == planned.after
    assert asked.after is not None
    assert asked.after.free >= requested - foreign.defined
    assert etree.tostring(etree.fromstring(asked.domain), method="c14n") == etree.tostring(
        etree.fromstring(planned.domain), method="c14n"
    )


def test_it_is_libvirt_that_plans(foreign: Case) -> None:
    with libvirt_source() as closed:
        pass
    with pytest.raises(HostError, match="libvirt cannot define the domain"):
        define_domain(foreign.asking_for(32), foreign.domain, Settings(source=closed))


def test_it_leaves_no_domain_behind(source: ControllerSource, libvirt: Libvirt) -> None:
    case = load_case(CaseName.NIC4)
    before = libvirt.domains()
    define_domain(case.asking_for(32), case.domain, Settings(source=source))
    assert libvirt.domains() == before
