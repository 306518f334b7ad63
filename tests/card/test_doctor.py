# SPDX-License-Identifier: Apache-2.0
"""``portside doctor`` names each fault that is planted, and quotes what libvirt then says."""

from collections.abc import Iterator

import pytest

from tests.card.card import PORTSIDE, Card
from tests.card.doctor import (
    HOLD,
    NETWORK,
    NIC,
    POOL,
    PORT,
    ROOM,
    SECONDS,
    WRITE,
    ask,
    forget,
    hostdev,
    refusal,
    write,
)
from tests.card.sysfs import FIRST, SECOND, bind_vfio, interfaces, make_vfs, shell

pytestmark = pytest.mark.card


@pytest.fixture
def running(card: Card) -> Iterator[list[str]]:
    """Names of domains to end with the test."""
    names: list[str] = []
    yield names
    for name in names:
        card.attempt("virsh", "-q", "destroy", name)
        card.attempt("virsh", "-q", "undefine", name)


@pytest.fixture
def vfio(card: Card, libvirt: None) -> None:
    """VFIO and libvirt, without pools and records of other tests."""
    del libvirt
    card.run("modprobe", "vfio-pci")
    forget(card)


@pytest.fixture
def pf(card: Card, vfio: None, vfs: tuple[str, ...]) -> Iterator[str]:
    """A pool of two VFs that works, defined by others; its PF's interface."""
    del vfio, vfs
    (name,) = interfaces(card, FIRST)
    path = "/tmp/pool.xml"  # noqa: S108 -- in the card's VM, which is the test's own
    shell(card, WRITE, path, NETWORK.format(name=POOL, pf=name, more=""))
    card.run("virsh", "-q", f"net-define {path}; net-start {POOL}; net-autostart {POOL}")
    yield name
    forget(card)
    card.run("ip", "link", "set", name, "up")


def test_nothing_fails_on_a_healthy_host(card: Card, pf: str) -> None:
    del pf
    answer = ask(card, "--pool", POOL)
    # The VM's command line has no iommu=pt; nothing else is to be said.
    assert (answer.code, set(answer.found)) == (0, {"iommu-translates"})
    sources = {one["source"] for one in answer.found["iommu-translates"]["evidence"]}
    assert "/proc/cmdline" in sources


def test_a_healthy_domain_starts(card: Card, pf: str, running: list[str]) -> None:
    del pf
    path = write(card, "well", NIC, ROOM)
    assert ask(card, "--domain", path).code == 0
    card.run("virsh", "-q", "create", "--paused", path)
    running.append("well")
    assert ask(card, "--domain", "well").code == 0


def test_a_pf_that_is_down(card: Card, pf: str) -> None:
    card.run("ip", "link", "set", pf, "down")
    found = ask(card, "--pool", POOL).fails("pf-down")
    assert found["object"].endswith(f"{FIRST} {pf}")
    assert found["message"] in refusal(card, write(card, "down", NIC, ROOM))


def test_a_pf_without_driver(card: Card, vfio: None) -> None:
    del vfio
    shell(card, f"echo {SECOND} >/sys/bus/pci/drivers/igb/unbind")
    try:
        remedy = ask(card).fails("pf-no-driver")["remedy"].partition("bind the PF: ")[2]
    finally:
        shell(card, f"echo {SECOND} >/sys/bus/pci/drivers_probe")
    # The remedy is the command that mended it.
    assert remedy == f"echo {SECOND} > /sys/bus/pci/drivers_probe"
    assert len(interfaces(card, SECOND)) == 1


def test_too_few_vfs(card: Card, pf: str) -> None:
    path = "/tmp/pool.xml"  # noqa: S108 -- in the card's VM, which is the test's own
    shell(card, WRITE, path, NETWORK.format(name=POOL, pf=pf, more="<vf num='4'/>"))
    card.run(*PORTSIDE, "pool", "define", path, seconds=SECONDS)
    found = ask(card, "--pool", POOL).fails("pool-few-vfs")
    assert found["evidence"][1]["content"] == "2 virtfn links"


def test_a_host_whose_vfio_is_not_loaded(card: Card, vfio: None) -> None:
    del vfio
    make_vfs(card, FIRST, 2)
    card.run("modprobe", "-r", "vfio-pci", "vfio_iommu_type1")
    path = write(card, "early", hostdev("0000:01:10.0"), ROOM)
    found = ask(card, "--domain", path).fails("vfio-not-loaded")
    assert found["message"] in refusal(card, path)
    shell(card, found["remedy"].partition(";")[0])
    card.run("test", "-e", "/dev/vfio/vfio")


def test_a_pool_smaller_than_the_domains_that_want_it(
    card: Card, pf: str, running: list[str]
) -> None:
    del pf
    card.run("virsh", "-q", "create", "--paused", write(card, "first", NIC, ROOM))
    running.append("first")
    wanting = write(card, "second", NIC, NIC, ROOM)
    card.run("virsh", "-q", "define", wanting)
    running.append("second")
    found = ask(card).fails("pool-too-small")
    contents = [one["content"] for one in found["evidence"]]
    assert "not running, wants 2 VFs" in contents
    assert any("domain first" in content for content in contents)
    refused = card.attempt("virsh", "-q", "start", "--paused", "second")
    assert (refused.code, found["message"] in refused.stderr) == (1, True)


def test_a_network_that_is_stopped(card: Card, pf: str) -> None:
    del pf
    card.run("virsh", "-q", "net-destroy", POOL)
    path = write(card, "stopped", NIC, ROOM)
    found = ask(card, "--domain", path).fails("network-inactive")
    assert found["message"] in refusal(card, path)


def test_a_network_that_is_gone(card: Card, pf: str) -> None:
    del pf
    card.run("virsh", "-q", "net-destroy", POOL)
    card.run("virsh", "-q", "net-undefine", POOL)
    path = write(card, "gone", NIC, ROOM)
    found = ask(card, "--domain", path).fails("network-missing")
    assert found["message"] in refusal(card, path)


def test_a_vf_that_another_domain_has(
    card: Card, vfs: tuple[str, ...], running: list[str], vfio: None
) -> None:
    del vfio
    card.run("virsh", "-q", "create", "--paused", write(card, "owner", hostdev(vfs[0])))
    running.append("owner")
    path = write(card, "late", hostdev(vfs[0]), ROOM)
    found = ask(card, "--domain", path).fails("vf-in-use")
    assert found["message"] in refusal(card, path)


def test_a_vf_that_a_process_has(card: Card, vfs: tuple[str, ...], vfio: None) -> None:
    del vfio
    bind_vfio(card, vfs[0])
    path = write(card, "late", hostdev(vfs[0]), ROOM)
    assert "vf-in-use" not in ask(card, "--domain", path).found
    with card.holding("python3", HOLD, vfs[0]):
        assert "python3" in ask(card, "--domain", path).fails("vf-in-use")["text"]


def test_a_vf_that_is_not_there_and_one_that_is_not_detached(
    card: Card, vfs: tuple[str, ...], vfio: None
) -> None:
    del vfio
    path = write(card, "missing", hostdev("0000:01:10.6"), ROOM)
    found = ask(card, "--domain", path).fails("vf-missing")
    assert found["message"] in refusal(card, path)
    path = write(card, "unmanaged", hostdev(vfs[0], managed="no"), ROOM)
    found = ask(card, "--domain", path).fails("vf-not-detached")
    assert found["message"] in refusal(card, path)


def test_a_hostdev_that_is_the_pf(card: Card, vfs: tuple[str, ...], vfio: None) -> None:
    del vfio
    found = ask(card, "--domain", write(card, "greedy", hostdev(FIRST), ROOM)).fails(
        "hostdev-is-pf"
    )
    assert found["evidence"][0]["content"] == f"{len(vfs)} virtfn links"


def test_no_free_root_port(card: Card, pf: str, running: list[str]) -> None:
    del pf
    # The interface takes the only port.
    nic = "<interface type='user'><model type='virtio'/></interface>"
    card.run("virsh", "-q", "create", "--paused", write(card, "full", nic, PORT.format(1)))
    running.append("full")
    found = ask(card, "--domain", "full", "--pool", POOL).fails("no-free-port")
    device = "/tmp/nic.xml"  # noqa: S108 -- in the card's VM, which is the test's own
    shell(card, WRITE, device, NIC)
    attached = card.attempt("virsh", "-q", "attach-device", "full", device, "--live")
    assert found["message"] in attached.stderr


def test_an_interface_without_model(card: Card, vfio: None) -> None:
    del vfio
    nic = "<interface type='user'/>"
    path = write(card, "old", nic, ROOM)
    assert "interface-no-model" in ask(card, "--domain", path).found
    card.run("virsh", "-q", "define", path)
    assert "rtl8139" in card.run("virsh", "-q", "dumpxml", "old")
    card.run("virsh", "-q", "undefine", "old")


def test_a_team_whose_half_that_stays_is_not_virtio(card: Card, vfio: None) -> None:
    del vfio
    nic = (
        "<interface type='user'><model type='e1000e'/><teaming type='persistent'/>"
        "<alias name='ua-stay'/></interface>"
    )
    path = write(card, "team", nic, ROOM)
    found = ask(card, "--domain", path).fails("team-model")
    assert found["message"] in refusal(card, path)


def test_files_of_vfio_that_qemus_user_may_not_open(
    card: Card, vfs: tuple[str, ...], vfio: None
) -> None:
    del vfio
    bind_vfio(card, vfs[0])
    conf, kept = "/etc/libvirt/qemu.conf", "/etc/libvirt/qemu.conf.kept"
    assert "vfio-permission" not in ask(card).found
    card.run("cp", conf, kept)
    card.run("sed", "-i", 's/^user = .*/user = "libvirt-qemu"/', conf)
    try:
        found = ask(card).fails("vfio-permission")
        # What the doctor decided from owner and mode, the kernel says too.
        opened = card.attempt(
            *("setpriv", "--reuid=libvirt-qemu", "--regid=libvirt-qemu", "--clear-groups"),
            *("sh", "-c", f"exec 3<>{found['object']}"),
        )
        assert "Permission denied" in opened.stderr
        card.run("sed", "-i", "s/^dynamic_ownership = .*/dynamic_ownership = 1/", conf)
        assert "vfio-permission" not in ask(card).found
    finally:
        card.run("mv", kept, conf)


def test_libvirt_that_does_not_answer(card: Card) -> None:
    uri = "qemu+unix:///system?socket=/run/nobody"
    assert "/run/nobody" in ask(card, "--connect", uri).fails("libvirt-unreachable")["message"]
