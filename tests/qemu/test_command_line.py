# SPDX-License-Identifier: Apache-2.0
"""PCI devices of ``<qemu:commandline>`` keep their places, and the domain starts."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sidecar.demo.cases import CaseName, load_case
from sidecar.demo.launcher import boot
from sidecar.demo.plug import empty_disk, fill
from sidecar.domainxml.reservation.planner import Planner
from sidecar.domainxml.reservation.qemu_models import takes_no_address
from sidecar.domainxml.startable import make_startable
from sidecar.errors import HostError, RequestError
from sidecar.hook.define_domain import Settings, define_domain
from sidecar.virt.connection import Libvirt
from tests.support import missing

NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"
DOMAIN = f"""\
<domain type='qemu' xmlns:qemu='{NAMESPACE}'><name>NAME</name><memory unit='KiB'>65536</memory>
<vcpu>1</vcpu><os><type arch='x86_64' machine='MACHINE'>hvm</type></os><features><acpi/></features>
<devices><controller type='usb' index='0' model='none'/>
<controller type='scsi' index='0' model='virtio-scsi'/>
<interface type='user'><mac address='02:00:00:00:00:01'/><model type='virtio'/></interface>
<memballoon model='virtio'/></devices>ARGUMENTS</domain>
"""
DEVICES = {
    "json": ['{"driver":"edu","id":"x1"}'],
    "json at the next slot": ['{"driver":"edu","id":"x1","addr":"0x2"}'],
    "json at a number": ['{"driver":"edu","id":"x1","addr":16}'],
    "at the next slot": ["edu,id=x1,addr=2"],
    "at a slot and function": ["edu,id=x1,bus=pcie.0,addr=0x3.0"],
    "at the end": ["edu,id=x1,bus=pcie.0,addr=0x1e"],
    "near the end": ["edu,id=x1,addr=1d.0,multifunction=on"],
    "two": ['{"driver":"edu","id":"x1","addr":"3"}', '{"driver":"edu","id":"x2"}'],
    "three": [f'{{"driver":"edu","id":"x{number}","bus":"pcie.0"}}' for number in range(3)],
    "not PCI": ["isa-debugcon,chardev=c,id=x1", '{"driver":"edu","id":"x2"}'],
}

IN_A_PORT = '{"driver":"edu","id":"x1","bus":"pci.7"}'
PORTS = "".join(
    f"<controller type='pci' index='{index}' model='pcie-root-port'/>" for index in range(1, 9)
)


def arguments(devices: list[str]) -> str:
    values = ["-chardev", "null,id=c"]
    for device in devices:
        values += ["-device", device]
    escaped = (value.replace('"', "&quot;") for value in values)
    inner = "".join(f'<qemu:arg value="{value}"/>' for value in escaped)
    return f"<qemu:commandline>{inner}</qemu:commandline>"


def vmi(total: int) -> bytes:
    interfaces = [{"name": "a", "masquerade": {}}]
    annotations = {"portside.io/interfaces": str(total)}
    devices = {"interfaces": interfaces}
    spec = {"domain": {"devices": devices}, "networks": [{"name": "a", "pod": {}}]}
    return json.dumps({"metadata": {"annotations": annotations}, "spec": spec}).encode()


def places(monitor: str) -> dict[str, str]:
    """Where each device sits that has a name, by QEMU's own account (``info pci``)."""
    found = re.finditer(
        r"Bus +(\d+), device +(\d+), function (\d+):(.*?)id \"(.*?)\"", monitor, re.DOTALL
    )
    return {one[5]: f"{one[1]}:{one[2]}.{one[3]}" for one in found if one[5]}


def mutated(domain: bytes, total: int) -> bytes:
    done = define_domain(vmi(total), domain, Settings(source=Planner())).mutation
    assert define_domain(vmi(total), done.domain, Settings()).mutation.domain == done.domain
    return done.domain


def domain_with(devices: list[str], folder: Path, machine: str = "q35") -> bytes:
    text = DOMAIN.replace("NAME", folder.parent.name.replace("_", "-")[:40])
    return text.replace("MACHINE", machine).replace("ARGUMENTS", arguments(devices)).encode()


@pytest.mark.parametrize("total", [3, 8, 32])
@pytest.mark.parametrize("devices", DEVICES.values(), ids=DEVICES)
def test_devices_stay_and_all_that_was_asked_plugs(
    libvirt: Libvirt, folder: Path, devices: list[str], total: int
) -> None:
    domain = domain_with(devices, folder)
    with libvirt.start_paused(domain) as guest:
        alone = places(guest.monitor("info pci"))
    with libvirt.start_paused(mutated(domain, total)) as guest:
        beside = places(guest.monitor("info pci"))
        attached, _ = fill(guest)
    ours = {name for name in alone if name.startswith("x")}
    assert ours
    assert {name: beside[name] for name in alone} == alone
    assert attached >= total - 1


@pytest.mark.parametrize("devices", [DEVICES["json"], ["edu,id=x1,addr=0x10"]], ids=str)
def test_they_stay_through_all_calls_of_a_boot(
    libvirt: Libvirt, folder: Path, devices: list[str]
) -> None:
    case = load_case(CaseName.NIC1)
    extra = arguments(devices).encode()

    def with_arguments(domain: bytes) -> bytes:
        declared = domain.replace(b"<domain ", f"<domain xmlns:qemu='{NAMESPACE}' ".encode(), 1)
        if domain.count(b"xmlns:qemu"):
            declared = domain
        return declared.replace(b"</domain>", extra + b"</domain>")

    def run(asked: int | None) -> tuple[dict[str, str], int]:
        def hook(vmi_: bytes, sent: bytes) -> bytes:
            if asked is None:
                return sent
            return define_domain(vmi_, sent, Settings()).mutation.domain

        first = with_arguments(case.domain)
        request = case.vmi if asked is None else case.asking_for(asked)
        calls = boot(request, first, hook, libvirt.define_and_dump)
        stand_in = make_startable(calls[-1].defined, folder.name, empty_disk(folder)).domain
        with libvirt.start_paused(with_arguments(stand_in)) as guest:
            found = places(guest.monitor("info pci"))
            return found, fill(guest)[0]

    alone, plugged = run(None)
    beside, more = run(12)
    assert {name: place for name, place in beside.items() if name in alone} == alone
    assert "x1" in alone
    assert more >= 11 > plugged


@pytest.mark.parametrize(
    ("machine", "devices", "total"),
    [
        ("q35", [IN_A_PORT], 8),
        ("pc", ["edu,id=x1"], 8),
        ("pc", ["edu,id=x1,addr=8"], 20),
        ("q35", ["virtio-net,netdev=n", "-nic", "user"], 8),
    ],
)
def test_what_cannot_be_kept_is_refused(
    folder: Path, machine: str, devices: list[str], total: int
) -> None:
    domain = domain_with(devices, folder, machine)
    if IN_A_PORT in devices:
        domain = domain.replace(b"<devices>", b"<devices>" + PORTS.encode())
    if "-nic" in devices:
        domain = domain.replace(b'"-device"/><qemu:arg value="-nic"', b'"-nic"')
    with pytest.raises(RequestError, match="<qemu:commandline>"):
        define_domain(vmi(total), domain, Settings())


def test_why_a_device_in_a_port_is_refused(libvirt: Libvirt, folder: Path) -> None:
    domain = domain_with([IN_A_PORT], folder)
    with libvirt.start_paused(domain.replace(b"<devices>", b"<devices>" + PORTS.encode())) as guest:
        attached, refusal = fill(guest)
    # Three of eight ports hold libvirt's devices; it comes to the seventh and goes no further.
    assert attached == 3
    assert "in use by edu" in refusal


def test_models_that_take_no_address_are_qemus() -> None:
    binary = shutil.which("qemu-system-x86_64")
    if binary is None:
        missing("needs qemu-system-x86_64")
    text = subprocess.run(  # noqa: S603 -- a fixed command
        [binary, "-M", "none", "-device", "help"], capture_output=True, text=True, check=True
    ).stdout
    models = dict(re.findall(r'^name "([^"]+)"(?:, bus ([\w-]+))?', text, re.MULTILINE))
    assert len(models) > 200
    assert not [name for name, bus in models.items() if bus == "PCI" and takes_no_address(name)]
    # Boards with I2C or SPI have no PCI bus that we know.
    elsewhere = {name for name, bus in models.items() if bus not in {"PCI", "i2c-bus", "SSI"}}
    assert len({name for name in elsewhere if not takes_no_address(name)}) < 5


def test_pc_without_acpi_plugs_nothing(libvirt: Libvirt, folder: Path) -> None:
    domain = domain_with([], folder, "pc").replace(b"<features><acpi/></features>", b"")
    with libvirt.start_paused(domain) as guest:
        attached, refusal = fill(guest)
    assert (attached, "does not support hotplugging" in refusal) == (0, True)
    with pytest.raises(RequestError, match="without ACPI"):
        define_domain(vmi(8), domain, Settings())
    q35 = domain_with([], folder).replace(b"<features><acpi/></features>", b"")
    with libvirt.start_paused(mutated(q35, 8)) as guest:
        assert fill(guest)[0] >= 7


def test_a_device_without_address_is_placed_before_libvirts(libvirt: Libvirt, folder: Path) -> None:
    """QEMU places those of ``key=value`` before those of JSON, which libvirt writes."""
    try:
        with libvirt.start_paused(domain_with(["edu,id=x1"], folder)):
            pytest.skip("an older libvirt, which writes no JSON")
    except HostError as error:
        assert "in use by edu" in f"{error}{error.found}"  # noqa: PT017 -- either is right
