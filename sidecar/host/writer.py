# SPDX-License-Identifier: Apache-2.0
"""A program, run by ``blocking.py``: takes a last look at VFs, then writes one file.

``writer.py FILE TEXT DEVICES PF VF...``: DEVICES is the folder of PCI devices; each VF named
must be closed; if PF is not empty, its VFs must be those named and no others. Standard input
is a lifeline: at its end nobody waits for us any more, so nothing may be begun. On standard
output follows one line a step:

- ``begun``: from here on the write may be under way;
- ``done``: it succeeded;
- ``held TEXT``: the last look found TEXT, nothing was written;
- ``open N`` or ``write N``: errno N of open(2) or write(2);
- nothing at all after the lifeline's end: nothing was written.

It holds the table of what the kernel's signals say (``weigh_kernel``), and ``usage.py`` takes
it from here, so that the last look judges as the decision did: by sysfs alone, without
processes, addresses, libvirt and records.

It imports nothing of Portside: it starts in 10 ms, with ``python -I -S``, and if it ends up in
a sleep of the kernel that no signal ends, it keeps nothing of ours but a pipe.
"""

from __future__ import annotations  # types need no import then

import os
import select
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Interface = tuple[str, bool | None, str | None, list[str] | None]
    """Name, whether it is up, the interface that owns it, the interfaces on top of it."""
    Signal = tuple[str, str, str]
    """What it says (``FREE``, ``IN_USE``, ``UNKNOWN``), in a sentence, and who uses the VF."""

FREE, IN_USE, UNKNOWN = "free", "in use", "unknown"
"""Values of ``sidecar.model.vf.Availability``, which says what they mean."""
IFF_UP = 1
"""netdevice(7)."""
UPPER = "upper_"

# ruff: noqa: PTH115, PTH119, PTH123, PTH208 - importing pathlib takes longer than all the rest


def main() -> None:
    """Look, say that the write begins, write, say how it went."""
    file, text, devices, pf, *closed = sys.argv[1:]
    found = find_doubt(devices, pf, closed)
    if found:
        say(f"held {found}")
        return
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        say(f"open {error.errno}")
        return
    say("begun")
    if not awaited():
        return
    try:
        os.write(descriptor, text.encode())
    except OSError as error:
        say(f"write {error.errno}")
    else:
        say("done")


def find_doubt(devices: str, pf: str, closed: list[str]) -> str:
    """Return what stands against writing, empty if nothing does."""
    if pf:
        try:
            links = [name for name in os.listdir(f"{devices}/{pf}") if name.startswith("virtfn")]
            present = {os.path.basename(os.readlink(f"{devices}/{pf}/{name}")) for name in links}
        except OSError as error:
            return f"{pf}: its VFs cannot be listed ({error.strerror})"
        for vf in sorted(present.symmetric_difference(closed)):
            change = "appeared" if vf in present else "disappeared"
            return f"{vf}: {change} since the decision was made"
    for vf in closed:
        try:
            use = find_use(f"{devices}/{vf}")
        except (OSError, ValueError) as error:
            return f"{vf}: cannot read whether it is in use ({error})"
        if use:
            return f"{vf}: {use}"
    return ""


def find_use(folder: str) -> str:
    """Return what stands against a VF being free, empty if nothing does.

    Raises:
        OSError, ValueError: something cannot be read.
    """
    signals = weigh_kernel(*read_signs(folder))
    return "; ".join(text for verdict, text, _ in signals if verdict != FREE)


def read_signs(folder: str) -> tuple[str, int, list[Interface]]:
    """Read of a VF what ``weigh_kernel`` takes.

    Raises:
        OSError, ValueError: something cannot be read.
    """
    try:
        driver = os.path.basename(os.readlink(f"{folder}/driver"))
    except FileNotFoundError:
        driver = ""
    if not driver or is_vfio(driver):
        return driver, int(read(f"{folder}/enable")), []
    try:
        names = sorted(os.listdir(f"{folder}/net"))
    except FileNotFoundError:
        names = []
    return driver, 0, [read_interface(f"{folder}/net/{name}", name) for name in names]


def read_interface(folder: str, name: str) -> Interface:
    """Read of a network interface what ``weigh_interface`` takes.

    Raises:
        OSError, ValueError: something cannot be read.
    """
    up = bool(int(read(f"{folder}/flags"), 0) & IFF_UP)
    entries = os.listdir(folder)
    master = os.path.basename(os.readlink(f"{folder}/master")) if "master" in entries else ""
    return name, up, master, sorted(one[len(UPPER) :] for one in entries if one.startswith(UPPER))


def weigh_kernel(
    driver: str | None,
    enable: int | None,
    interfaces: list[Interface] | None,
    *,
    network: bool = True,
) -> Iterator[Signal]:
    """Say of a VF what the kernel shows; ``None`` is what cannot be read.

    Args:
        driver: its name, empty for none.
        enable: the count of ``pci_enable_device``: VFIO calls it when a device is opened.
        interfaces: in this network namespace; of no matter with VFIO or without driver.
        network: whether its PF is a network card; only the words depend on it.
    """
    if driver is None:
        yield UNKNOWN, "its driver cannot be read", ""
    elif not driver or is_vfio(driver):
        yield weigh_enable(f"{driver} has it" if driver else "it has no driver", enable)
    elif interfaces is None:
        yield UNKNOWN, f"{driver} has it; its interfaces cannot be read", ""
    elif not interfaces and not network:
        yield IN_USE, f"{driver} has it, and it is no network device", f"driver {driver}"
    elif not interfaces:
        text = (
            f"{driver} has it, and it has no network interface in this network namespace: "
            "the interface is in another one, or there is none"
        )
        yield IN_USE, text, "another network namespace?"
    else:
        for interface in interfaces:
            yield from weigh_interface(*interface)


def is_vfio(driver: str) -> bool:
    """Tell vfio-pci and the variants on top of it (``mlx5_vfio_pci``, ``xe-vfio-pci`` ...)."""
    return driver.replace("-", "_").endswith("vfio_pci")


def weigh_enable(owner: str, enable: int | None) -> Signal:
    """Weigh whether the device is switched on; who did that, the kernel does not tell."""
    if enable is None:
        return (
            UNKNOWN,
            f"{owner}; cannot read whether the device is enabled (enable)",
            "",
        )
    if enable:
        return IN_USE, f"{owner}, and the device is enabled (enable {enable})", ""
    return FREE, f"{owner}, and the device is disabled (enable 0)", ""


def weigh_interface(
    name: str,
    up: bool | None,  # noqa: FBT001 - one of a row's columns
    master: str | None,
    uppers: list[str] | None,
) -> Iterator[Signal]:
    """Weigh a network interface: ``master`` is empty for none, ``uppers`` stand on it."""
    if up is None:
        yield UNKNOWN, f"cannot read whether interface {name} is up", ""
    elif up:
        yield IN_USE, f"interface {name} is up", f"{name} is up"
    else:
        yield FREE, f"interface {name} is down", ""
    if uppers is None or master is None:
        yield UNKNOWN, f"cannot read what uses interface {name}", ""
        return
    if master:
        yield IN_USE, f"interface {name} belongs to {master}", f"in {master}"
    for upper in uppers:
        if upper != master:
            yield IN_USE, f"{upper} is on top of interface {name}", f"below {upper}"


def read(path: str) -> str:
    """Return a file's text.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, encoding="ascii") as file:
        return file.read()


def awaited() -> bool:
    """Tell whether somebody still holds the other end of the lifeline."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    return not poll.poll(0)


def say(line: str) -> None:
    """Write a line; whoever does not listen any more need not hear it."""
    try:
        os.write(1, f"{line}\n".encode(errors="replace"))
    except OSError:
        os._exit(0)


if __name__ == "__main__":
    main()
