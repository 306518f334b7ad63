# SPDX-License-Identifier: Apache-2.0
"""Small domains, one for each kind of layout that Portside once had otherwise than libvirt.

``compare`` holds acceptance, all addresses, and the promise after ports were added.
"""

from collections import Counter
from random import Random

import pytest

from tests.oracle.compare import SORTS_CONTROLLERS, compare, concerns_addresses
from tests.oracle.oracle import Oracle, OracleError
from tests.property.addressed import address

X86 = ("x86_64", "q35")
PC = ("x86_64", "pc")
ARM = ("aarch64", "virt")
USB = "<controller type='usb' index='0' model='nec-xhci'/>"
ISCSI = (
    "<hostdev mode='subsystem' type='scsi'><source protocol='iscsi' name='iqn.1992-01.com.example'>"
    "<host name='example.org' port='3260'/></source>{}</hostdev>"
)
MAC = "<mac address='52:54:00:00:00:02'/>"
MMIO = (
    "<rng model='virtio'><backend model='random'>/dev/urandom</backend>"
    "<address type='virtio-mmio'/></rng>"
)


def nic(place: str = "", model: str | None = "virtio", kind: str = "ethernet") -> str:
    chosen = f"<model type='{model}'/>" if model else ""
    return f"<interface type='{kind}'><mac address='52:54:00:00:00:01'/>{chosen}{place}</interface>"


def channel(place: str = "") -> str:
    return f"<channel type='pty'><target type='virtio' name='a.b'/>{place}</channel>"


def pci(index: str, model: str) -> str:
    return f"<controller type='pci'{index and f' index={index!r}'} model='{model}'/>"


ACCEPTED = {
    "vhostuser": (X86, f"<interface type='vhostuser'><backend type='passt'/>{MAC}</interface>"),
    "vdpa": (X86, f"<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/>{MAC}</interface>"),
    "model-in-capitals": (X86, nic(model="VirtIO")),
    "scsi-hostdev": (X86, USB + ISCSI.format("")),
    "scsi-hostdev-on-two": (
        X86,
        "<controller type='scsi' index='2' model='virtio-scsi'/>"
        + ISCSI.format("<address type='drive' controller='2' unit='1'/>"),
    ),
    "scsi-hostdev-before-indexes": (
        X86,
        "<controller type='scsi' model='virtio-scsi'/>"
        + ISCSI.format("<address type='drive' controller='2' unit='1'/>"),
    ),
    "no-usb-at-an-address": (
        X86,
        f"<controller type='usb' index='0' model='none'>{address(0, 4)}</controller>"
        + nic(address(0, 4)),
    ),
    "eight-scsi-hostdevs": (
        X86,
        USB + "".join(ISCSI.format("").replace(".com.", f".com{n}.") for n in range(8)),
    ),
    "channel-on-two": (X86, channel("<address type='virtio-serial' controller='2' port='1'/>")),
    "thirty-one-channels": (
        X86,
        "".join(channel().replace("a.b", f"a.{number}") for number in range(31)),
    ),
    "slot-to-come": (X86, nic(address(1, 6), "rtl8139")),
    "slot-to-come-on-two": (X86, nic(address(2, 6), "rtl8139")),
    "slot-to-come-on-seven": (X86, nic(address(7, 1), "rtl8139") + nic()),
    "slot-to-come-on-arm": (ARM, nic(address(1, 6), "e1000")),
    "bus-to-come": (X86, nic(address(0x28, 0))),
    "host-bridge": (X86, nic(address(0, 0))),
    "integrated": (X86, nic(address(0, 5))),
    "slot-of-the-picture": (X86, nic(address(0, 1)) + "<video><model type='vga'/></video>"),
    "picture-behind-ports": (
        X86,
        pci("1", "pcie-root-port")
        + pci("2", "pcie-root-port").replace("/>", f">{address(0, 1, 1)}</controller>")
        + "<video><model type='virtio'/></video>",
    ),
    "pc-picture": (PC, nic(address(0, 2)) + "<video><model type='vga'/></video>"),
    "pc-no-ide": (PC, nic(address(0, 1, 1))),
    "pc-bridge-without-root-hotplug": (
        PC,
        "<controller type='pci' index='0' model='pci-root'><target hotplug='off'/></controller>",
    ),
    "usb-without-index": (
        X86,
        "<controller type='usb' model='ich9-ehci1'/>" * 2
        + "<controller type='usb' model='nec-xhci'/>",
    ),
    "ports-without-index": (
        X86,
        pci("0", "pcie-root") + pci("", "pcie-root-port") + pci("5", "pcie-root-port") + nic(),
    ),
    "panic-of-arm": (ARM, "<panic/>" + nic()),
    "mmio": (ARM, MMIO + nic() + "<controller type='scsi' index='0' model='lsilogic'/>"),
    "mmio-beside-pci": (ARM, MMIO + nic(address(3, 0)) + nic("<address type='pci'/>")),
    "mmio-without-vsock": (ARM, MMIO + "<vsock model='virtio'><cid auto='yes'/></vsock>"),
    "vhost-scsi-with-an-address": (
        X86,
        (
            "<hostdev mode='subsystem' type='scsi_host' model='virtio-transitional'>"
            f"<source protocol='vhost' wwpn='naa.5123456789abcde0'/>{address(2, 0)}</hostdev>"
        ),
    ),
    "domain-above-16-bits": (
        X86,
        (
            "<hostdev mode='subsystem' type='pci'><source>"
            "<address domain='0x10000' bus='0xe1' slot='0' function='0'/></source></hostdev>"
        ),
    ),
    "hundred-disks": (
        PC,
        "".join(
            f"<disk type='file'><source file='/x'/><target dev='vd{a}{b}' bus='virtio'/></disk>"
            for a in "abcd"
            for b in "abcdefghijklmnopqrstuvwxy"
        ),
    ),
}
REFUSED = {
    "isa-bridge": (X86, nic(address(0, 0x1F))),
    "sata": (X86, nic(address(0, 0x1F, 2))),
    "smbus": (X86, nic(address(0, 0x1F, 3))),
    "sata-elsewhere": (X86, f"<controller type='sata' index='0'>{address(0, 9)}</controller>"),
    "pc-isa-bridge": (PC, nic(address(0, 1))),
    "pc-usb": (PC, nic(address(0, 1, 2))),
    "pc-power": (PC, nic(address(0, 1, 3))),
    "pc-ide": (PC, f"<controller type='ide' index='0'/>{nic(address(0, 1, 1))}"),
    "pc-ide-elsewhere": (PC, f"<controller type='ide' index='0'>{address(0, 9)}</controller>"),
    "usb-of-pc-on-q35": (
        X86,
        f"<controller type='usb' index='0' model='piix3-uhci'>{address(0, 1, 2)}</controller>",
    ),
    "slot-of-a-port": (X86, nic(address(1, 1))),
    "first-slot-of-a-bridge": (X86, nic(address(2, 0), "rtl8139")),
    "twice": (X86, nic(address(1, 0)) + nic(address(1, 0))),
    "domain-1": (X86, nic("<address type='pci' domain='1' bus='0' slot='5' function='0'/>")),
    "function-8": (X86, nic("<address type='pci' bus='0' slot='5' function='8'/>")),
    "slot-32": (X86, nic("<address type='pci' bus='0' slot='32' function='0'/>")),
    "port-on-a-port": (
        X86,
        pci("1", "pcie-root-port")
        + pci("2", "pcie-root-port").replace("/>", f">{address(1, 0)}</controller>"),
    ),
    "panic-behind-a-port": (ARM, f"<panic model='pvpanic'>{address(1, 0)}</panic>"),
    "bridge-on-itself": (X86, pci("0", "pcie-root") + pci("1", "pci-bridge")),
    "two-roots": (X86, pci("1", "pcie-root")),
    "root-with-an-address": (
        PC,
        f"<controller type='pci' index='0' model='pci-root'>{address(0, 0)}</controller>",
    ),
    "expander-of-another-board": (PC, pci("1", "pcie-expander-bus")),
}


def write(machine: tuple[str, str], devices: str) -> str:
    features = "<features><acpi/></features>" if machine[0] == "x86_64" else ""
    return (
        "<domain type='qemu'><name>kind</name><memory unit='MiB'>64</memory>"
        "<memoryBacking><access mode='shared'/></memoryBacking><os>"
        f"<type arch='{machine[0]}' machine='{machine[1]}'>hvm</type></os>{features}"
        f"<devices>{devices}</devices></domain>"
    )


@pytest.fixture(scope="module")
def judge(oracles: tuple[Oracle, ...]) -> Oracle:
    """The newer libvirt: where they differ, the planner follows it."""
    newest = max(oracles, key=lambda oracle: oracle.libvirt)
    if newest.libvirt < SORTS_CONTROLLERS:
        pytest.skip(f"{newest} still puts the controllers that it adds behind all others")
    return newest


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_and_laid_out_alike(judge: Oracle, name: str) -> None:
    xml = write(*ACCEPTED[name])
    seen: Counter[str] = Counter()
    for seed in range(4):
        difference = compare(judge, xml, Random(seed), seen)  # noqa: S311 -- no secret
        assert difference is None, str(difference)
    assert seen["same"] == 4, dict(seen)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_alike(judge: Oracle, name: str) -> None:
    xml = write(*REFUSED[name])
    with pytest.raises(OracleError) as refused:
        judge.define(xml)
    seen: Counter[str] = Counter()
    assert compare(judge, xml, Random(0), seen) is None  # noqa: S311 -- no secret
    assert seen["both refuse"] == 1, (str(refused.value), concerns_addresses(str(refused.value)))
