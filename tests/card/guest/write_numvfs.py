# SPDX-License-Identifier: Apache-2.0
"""Runs in the card VM: write_numvfs.py PF DRIVER up|down PRESENT VALUE.

Brings the PF into a state, then writes ``sriov_numvfs`` once and prints as JSON what came of it.
Only a write() of our own shows its errno: a shell's echo hides it.
"""

import errno
import json
import subprocess
import sys
from pathlib import Path

PCI = Path("/sys/bus/pci")
# No driver's name; it lies on each VF from before the write and is lost with the VF.
MARK = "was-here-before"


def main() -> None:
    """Read the arguments, prepare, write, print."""
    address, driver, link, present, value = sys.argv[1:]
    device = PCI / "devices" / address
    bind(device, "" if driver == "-" else driver)
    if driver == "igb":
        make(device, present, link)
    for virtual in device.glob("virtfn*"):
        write(virtual / "driver_override", MARK)
    refused = write(device / "sriov_numvfs", value)
    overrides = [(vf / "driver_override").read_text().strip() for vf in device.glob("virtfn*")]
    answer = {"errno": refused, "left": len(overrides), "kept": overrides.count(MARK)}
    sys.stdout.write(json.dumps(answer))


def bind(device: Path, driver: str) -> None:
    """Bind ``driver`` (empty: none) and no other."""
    bound = device / "driver"
    if bound.exists():
        if bound.readlink().name == driver:
            return
        must(bound / "unbind", device.name)
    if driver:
        run("modprobe", driver)
        must(device / "driver_override", driver)
        must(PCI / "drivers_probe", device.name)
        run("udevadm", "settle")
        if bound.readlink().name != driver:
            sys.exit(f"{device.name} is bound to {bound.readlink().name}, not {driver}")


def make(device: Path, present: str, link: str) -> None:
    """Set the interface ``up`` or ``down``, and see to it that there are ``present`` VFs."""
    (name,) = [path.name for path in (device / "net").iterdir()]
    run("ip", "link", "set", name, link)
    found = str(len(list(device.glob("virtfn*"))))
    if found not in {"0", present}:
        must(device / "sriov_numvfs", "0")
        found = "0"
    if found != present:
        must(device / "sriov_numvfs", present)
        run("udevadm", "settle")


def write(path: Path, text: str) -> str:
    """Write at once; return the errno's name, empty if there was none."""
    try:
        with path.open("wb", buffering=0) as file:
            file.write(text.encode())
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return ""


def must(path: Path, text: str) -> None:
    """Write what must succeed."""
    refused = write(path, text)
    if refused:
        sys.exit(f"writing {text!r} to {path}: {refused}")


def run(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True)  # noqa: S603 - constants and names from sysfs


if __name__ == "__main__":
    main()
