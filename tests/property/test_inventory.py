# SPDX-License-Identifier: Apache-2.0
"""Whatever cannot be read: the inventory comes, and no VF in use turns free."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.host.inventory import read_inventory
from sidecar.host.writer import find_doubt
from sidecar.model.availability import Availability, Evidence, Source
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN, Inventory
from sidecar.pools.rules.availability import assess, weigh_guest
from tests.fakes.sriov import UP, FakeInterface, FakePf, FakeSysfs, FakeVf, make_procfs

SOON = timedelta(seconds=10)
HELD_GROUP = 16
interfaces = st.builds(
    FakeInterface,
    st.just("eth9"),
    flags=st.sampled_from([0, UP]),
    master=st.sampled_from([None, "br0"]),
    uppers=st.sampled_from([(), ("vlan7",)]),
)
vfs = st.builds(
    FakeVf,
    driver=st.sampled_from([None, "igbvf", "vfio-pci"]),
    interfaces=st.lists(interfaces, max_size=1),
    group=st.sampled_from([None, 15, HELD_GROUP]),
    enable=st.integers(0, 2),
)


def files_of(folder: Path) -> list[Path]:
    """Return every file and link of a function, and the folders of its interfaces."""
    net = [folder / "net", *folder.glob("net/*"), *folder.glob("net/*/*")]
    return sorted([path for path in folder.iterdir() if path.name != "net"] + net)


def make_unreadable(path: Path) -> None:
    """Let each way to read it fail, for root too, and leave it in its place."""
    if path.is_symlink():
        path.unlink()
        path.write_text("no link\n")
    elif path.exists():
        path.rename(path.parent / f"was-{path.name}")
        path.symlink_to(path.name)


def free_in(inventory: Inventory) -> set[PciAddress]:
    """Return the VFs that are free if no domain of libvirt has them."""
    states = {vf: assess((*found, weigh_guest(None))) for vf, found in inventory.signals.items()}
    return {vf for vf, seen in states.items() if seen.free}


def is_doubtful(signals: tuple[Evidence, ...]) -> bool:
    """Tell whether the last look must see something: it looks at no group and no address."""
    return any(
        one.verdict is not Availability.FREE
        and one.source is Source.KERNEL
        and "IOMMU group" not in one.text
        for one in signals
    )


@settings(deadline=SOON, max_examples=300)
@given(st.lists(vfs, min_size=1, max_size=4), st.data())
def test_what_cannot_be_read_never_makes_a_vf_free(made: list[FakeVf], data: st.DataObject) -> None:
    pf = FakePf(vfs=made)
    with TemporaryDirectory() as folder:
        fake = FakeSysfs(Path(folder) / "sys", [pf])
        proc = make_procfs(Path(folder) / "proc", {7: ("qemu", [f"/dev/vfio/{HELD_GROUP}"])})
        before = read_inventory(fake.sysfs(), proc)
        addresses = [pf.address, *(pf.vf_address(index) for index in range(len(made)))]
        everything = [path for address in addresses for path in files_of(fake.function(address))]
        for path in data.draw(st.lists(st.sampled_from(everything), max_size=8, unique=True)):
            make_unreadable(path)
        after = read_inventory(fake.sysfs(), proc)
        for address, signals in after.signals.items():
            assert bool(find_doubt(str(fake.devices), "", [str(address)])) is is_doubtful(signals)
    assert len(before.signals) == len(made)
    assert free_in(after) <= free_in(before)
    assert [one.numvfs in (UNKNOWN, len(made)) for one in after.pfs] in ([True], [])
