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

It imports nothing of Portside: it starts in 10 ms, with ``python -I -S``, and if it ends up in
a sleep of the kernel that no signal ends, it keeps nothing of ours but a pipe.
"""

import os
import select
import sys

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
            return f"{vf}: {'is new' if vf in present else 'is gone'} since the decision was made"
    for vf in closed:
        try:
            use = find_use(f"{devices}/{vf}")
        except (OSError, ValueError) as error:
            return f"{vf}: whether it is in use cannot be read ({error})"
        if use:
            return f"{vf}: {use}"
    return ""


def find_use(folder: str) -> str:
    """Return who uses a VF, as ``usage.py`` judges it, empty if nobody does.

    Raises:
        OSError, ValueError: something cannot be read.
    """
    try:
        driver = os.path.basename(os.readlink(f"{folder}/driver"))
    except FileNotFoundError:
        driver = ""
    if not driver or driver.replace("-", "_").endswith("vfio_pci"):
        enable = int(read(f"{folder}/enable"))
        return f"is open with {driver or 'no driver'} (enable {enable})" if enable else ""
    try:
        names = os.listdir(f"{folder}/net")
    except FileNotFoundError:
        names = []
    if not names:
        return f"has driver {driver} and no network interface in this network namespace"
    for name in names:
        if int(read(f"{folder}/net/{name}/flags"), 0) & 1:
            return f"interface {name} is up"
        for entry in os.listdir(f"{folder}/net/{name}"):
            if entry == "master" or entry.startswith("upper_"):
                return f"interface {name} is below another ({entry})"
    return ""


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
