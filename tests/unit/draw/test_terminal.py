# SPDX-License-Identifier: Apache-2.0
"""What a terminal shows, at 80 columns and without colour."""

import io

import pytest
from rich.console import Console

from sidecar.domainxml.topology import PortState
from sidecar.draw.branches import ASCII, UNICODE
from sidecar.draw.terminal import ComparisonView, TopologyView
from tests.unit.draw.pictures import all_topologies, recorded_change

PICTURES = all_topologies()
NIC1 = """\
default_nic1: q35, x86_64

Before
11 ports: 7 taken, 4 free
as it will boot: libvirt gives 2 addresses
bus 00  pcie-root
├── 01.0  video  vga
├── 02    ■□□□■■■■  8 ports
│   ├── .0 ■ 01  NIC default  52:54:00:00:00:01
│   ├── .1-3 □ 02-04  3 free
│   ├── .4 ■ 05  SCSI controller  virtio
│   ├── .5 ■ 06  virtio-serial  virtio
│   ├── .6 ■ 07  disk vda  containerdisk
│   └── .7 ■ 08  disk vdb  cloudinitdisk
├── 03    ■■□  3 ports
│   ├── .0 ■ 09  balloon  virtio
│   ├── .1 ■ 0a  RNG  virtio
│   └── .2 □ 0b  free
├── 1f.0  ISA bridge  built in
├── 1f.2  SATA controller
└── 1f.3  SMBus  built in

After Portside
28 ports: 7 taken, 21 free
as it will boot: libvirt gives 2 addresses
bus 00  pcie-root
├── 01.0  video  vga
├── 02    ■□□□■■■■  8 ports
│   ├── .0 ■ 01  NIC default  52:54:00:00:00:01
│   ├── .1-3 □ 02-04  3 free
│   ├── .4 ■ 05  SCSI controller  virtio
│   ├── .5 ■ 06  virtio-serial  virtio
│   ├── .6 ■ 07  disk vda  containerdisk
│   └── .7 ■ 08  disk vdb  cloudinitdisk
├── 03    ■■□⊞⊞⊞⊞⊞  8 ports
│   ├── .0 ■ 09  balloon  virtio
│   ├── .1 ■ 0a  RNG  virtio
│   ├── .2 □ 0b  free
│   └── .3-7 ⊞ 0c-10  5 free  + added
├── 04    ⊞⊞⊞⊞⊞⊞⊞⊞ 11-18  8 free  + added
├── 05    ⊞⊞⊞⊞ 19-1c  4 free  + added
├── 1f.0  ISA bridge  built in
├── 1f.2  SATA controller
└── 1f.3  SMBus  built in

Change: added 17 ports; no device moved
■ taken   □ free   ⊞ free, added
"""


def show(
    view: TopologyView | ComparisonView,
    width: int = 80,
    *,
    encoding: str = "utf-8",
    terminal: bool = False,
) -> str:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding)
    Console(file=out, width=width, highlight=False, force_terminal=terminal).print(view)
    out.flush()
    return raw.getvalue().decode(encoding)


def test_nic1_with_reserved_ports_at_80_columns() -> None:
    change = recorded_change("nic1", 3, interfaces="22")
    assert show(ComparisonView(change, ("Before", "After Portside"))) == NIC1


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("width", [40, 80])
def test_nothing_is_wider_than_the_terminal(name: str, width: int) -> None:
    lines = show(TopologyView(PICTURES[name]), width).splitlines()
    assert max(len(line) for line in lines) <= width


@pytest.mark.parametrize("name", PICTURES)
def test_every_device_and_port_is_shown(name: str) -> None:
    topology = PICTURES[name]
    text = show(TopologyView(topology), 200)
    assert all(device.caption.title in text for device in topology.devices)
    drawn = "".join(line for line in text.splitlines() if line.startswith(("├", "│", "└")))
    for state, symbol in ((PortState.LOCKED, "⊠"), (PortState.HELD, "◪")):
        assert (symbol in drawn) == (state in {bus.port for bus in topology.buses})


def test_a_terminal_without_unicode_gets_ascii() -> None:
    text = show(TopologyView(PICTURES["sriov-pass1-to-hook"]), encoding="ascii")
    assert "+-- 02    ##~#####  8 ports" in text
    assert "# taken   . free   ~ held by a placeholder" in text


def test_symbols_are_told_apart_without_colour() -> None:
    for symbols in (UNICODE, ASCII):
        found = [getattr(symbols, name) for name in symbols.__slots__]
        assert len(set(found)) == len(found) == 5


def test_wide_terminals_show_both_side_by_side() -> None:
    change = recorded_change("nic1", 3, interfaces="22")
    text = show(ComparisonView(change, ("Before", "After")), 160)
    assert any("03    ■■□ " in line and "03    ■■□⊞⊞⊞⊞⊞" in line for line in text.splitlines())
    assert len(text.splitlines()) < len(NIC1.splitlines()) * 2 / 3


def test_names_are_no_markup() -> None:
    change = recorded_change("nic1", 3, vfs='[{"name": "red", "address": "0000:65:00.3"}]')
    text = show(ComparisonView(change, ("[bold]Before[/]", "[red]After")))
    assert "[bold]Before[/]" in text
    assert "VF red  0000:65:00.3  + added" in text


def test_colour_is_for_terminals_only() -> None:
    view = TopologyView(PICTURES["sriov-final-libvirt"])
    assert "\x1b" not in show(view)
    assert "\x1b[" in show(view, terminal=True)


@pytest.mark.parametrize(
    ("name", "summary"),
    [
        ("pc", "31 slots: 3 taken, 28 free"),
        ("s390x", "no PCI ports: this machine's devices are on channels (CCW)"),
        ("locked", "3 ports: 1 taken, 1 free, 1 hotplug off"),
        ("bigmem-pass1-libvirt", "11 ports: 7 taken, 1 free, 3 held by a placeholder"),
    ],
)
def test_the_summary_counts(name: str, summary: str) -> None:
    assert summary in show(TopologyView(PICTURES[name])).splitlines()


def test_ports_behind_a_switch_stand_below_it() -> None:
    text = show(TopologyView(PICTURES["expander"]), 100)
    assert "bus 01  pcie-expander-bus" in text
    assert "│   └── 00.0 ■ 02  bus 03  pcie-switch-upstream-port" in text
    assert "│       ├── 00.0 ■ 04  NIC deep  52:54:00:00:00:01" in text
    assert "│       └── 01.0 ⊠ 05  hotplug off" in text
