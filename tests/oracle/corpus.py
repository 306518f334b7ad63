# SPDX-License-Identifier: Apache-2.0
"""Domains made of other people's: the elements of a folder of domain XML, recombined.

libvirt's own test files are the corpus that this was written for (``tests/qemuxmlconfdata`` of
its source package); any folder of domains will do. Each domain is taken apart into its
devices, each device is tried alone on each machine, and those that libvirt defines are put
together anew. By hand::

    python -m tests.oracle.corpus FOLDER --count 10000 --seed 1
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from lxml import etree

from tests.oracle.compare import Difference, compare
from tests.oracle.oracle import Oracle, OracleError, machine_oracle, tree_oracle
from tests.oracle.trees import other_suite_tree

FRAME = """\
<domain type='qemu'>
  <name>corpus</name>
  <maxMemory slots='16' unit='MiB'>65536</maxMemory>
  <memory unit='MiB'>256</memory>
  <memoryBacking><access mode='shared'/></memoryBacking>
  <vcpu>1</vcpu>
  <os><type arch='{arch}' machine='{machine}'>hvm</type></os>
  {features}
  <cpu><numa><cell id='0' cpus='0' memory='256' unit='MiB'/></numa></cpu>
  <devices>
{devices}
  </devices>
</domain>
"""
MACHINES = {
    ("x86_64", "q35"): r"pc-q35|q35",
    ("x86_64", "pc"): r"pc$|pc-i440fx|pc-0|pc-1|$",
    ("aarch64", "virt"): r"virt",
    ("riscv64", "virt"): r"virt",
    ("ppc64", "pseries"): r"pseries",
}
ARCHITECTURES = {"i686": "x86_64", "ppc64le": "ppc64"}
DROPPED = {"emulator", "tpm", "audio"}
"""Takes no PCI address anywhere, or needs a file of the host."""
NAMES = {"channel": "name", "filesystem": "dir", "disk": "dev"}
BUSES = {"virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd", "ide": "hd", "fdc": "fd"}
MOST = 24


@dataclass
class Parts:
    """What a machine's domains were made of."""

    controllers: list[list[str]] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    whole: list[list[str]] = field(default_factory=list)


def machine_of(domain: etree._Element) -> tuple[str, str] | None:
    node = domain.find("os/type")
    if node is None:
        return None
    arch = node.get("arch", "x86_64")
    arch = ARCHITECTURES.get(arch, arch)
    for (known, machine), names in MACHINES.items():
        if known == arch and re.match(names, node.get("machine", "")):
            return known, machine
    return None


def read_corpus(folder: Path) -> dict[tuple[str, str], Parts]:
    """Take the domains of a folder apart, by machine."""
    found = {machine: Parts() for machine in MACHINES}
    for path in sorted(folder.rglob("*.xml")):
        try:
            domain = etree.parse(path).getroot()
        except etree.XMLSyntaxError:
            continue
        machine = machine_of(domain) if domain.tag == "domain" else None
        devices = domain.find("devices")
        if machine is None or devices is None:
            continue
        texts = [text for one in devices if (text := plain(one)) is not None]
        parts = found[machine]
        parts.whole.append(texts)
        parts.controllers.append([text for text in texts if is_pci_controller(text)])
        parts.devices += [text for text in texts if not is_pci_controller(text)]
    for parts in found.values():
        parts.devices = sorted(set(parts.devices))
    return found


def is_pci_controller(text: str) -> bool:
    return text.startswith("<controller") and 'type="pci"' in text.partition(">")[0]


def plain(element: etree._Element) -> str | None:
    """Write a device without what only its first host knew."""
    if not isinstance(element.tag, str) or element.tag in DROPPED or element.tag[0] == "{":
        return None
    element.tail = None
    for path in ("alias", "boot", "mac", "seclabel"):
        for child in element.findall(path):
            element.remove(child)
    if element.tag == "interface":
        for child in element.findall("target"):
            element.remove(child)
    for child in element.iter():
        child.text = (child.text or "").strip() or None
        child.tail = None
    return etree.tostring(element, encoding="unicode")


def frame(machine: tuple[str, str], devices: list[str]) -> str:
    features = "<features><acpi/></features>" if machine[0] == "x86_64" else ""
    body = "\n".join(f"    {one}" for one in devices)
    return FRAME.format(arch=machine[0], machine=machine[1], features=features, devices=body)


def keep_definable(oracle: Oracle, machine: tuple[str, str], parts: Parts) -> None:
    """Drop each device that libvirt refuses for itself, for reasons of its own."""
    good: dict[str, bool] = {}

    def is_good(text: str) -> bool:
        if text not in good:
            try:
                oracle.define(frame(machine, [text]))
                good[text] = True
            except OracleError as error:
                # What concerns addresses alone is what is to be compared.
                good[text] = "PCI" in str(error)
        return good[text]

    parts.devices = [text for text in parts.devices if is_good(text)]
    parts.whole = [
        [text for text in texts if is_pci_controller(text) or is_good(text)]
        for texts in parts.whole
    ]


class Recombination:
    """Domains of one machine, without an end."""

    def __init__(self, machine: tuple[str, str], parts: Parts, random: Random) -> None:
        self.machine, self.parts, self.random = machine, parts, random

    def domains(self) -> Iterator[str]:
        """First those of the corpus as they are, then without addresses, then mixtures."""
        for texts in self.parts.whole:
            yield frame(self.machine, self._named(texts))
            yield frame(self.machine, self._named([without_address(text) for text in texts]))
        while True:
            yield frame(self.machine, self._named(self._mixture()))

    def _mixture(self) -> list[str]:
        random, parts = self.random, self.parts
        if random.random() < 0.5:
            texts = list(random.choice(parts.whole))
        else:
            texts = list(random.choice(parts.controllers)) if random.random() < 0.6 else []
        keep = random.choice((0.0, 0.0, 0.3, 1.0))
        texts = [one if random.random() < keep else without_address(one) for one in texts]
        keep = random.choice((0.0, 0.0, 0.0, 0.1, 0.4))
        for text in random.choices(parts.devices, k=random.choice((1, 2, 4, 8, 16, MOST))):
            texts.append(text if random.random() < keep else without_address(text))
        if random.random() < 0.3:
            random.shuffle(texts)
        return [one for one in texts if random.random() > 0.05]

    def _named(self, texts: list[str]) -> list[str]:
        """Give names that must differ, and drop what a domain has only one of."""
        seen: Counter[str] = Counter()
        found = []
        for text in texts:
            element = etree.fromstring(text)
            tag = str(element.tag)
            if tag in ONE_OF and seen[tag]:
                continue
            seen[tag] += 1
            name_anew(element, seen)
            found.append(etree.tostring(element, encoding="unicode"))
        return found


ONE_OF = {"memballoon", "iommu", "vsock", "nvram", "pstore", "watchdog", "graphics", "panic"}


def without_address(text: str) -> str:
    """Take the guest's PCI address off a device, and a disk's place on its controller."""
    element = etree.fromstring(text)
    for child in element.findall("address"):
        if child.get("type", "pci") in {"pci", "drive"}:
            element.remove(child)
    return etree.tostring(element, encoding="unicode")


def name_anew(element: etree._Element, seen: Counter[str]) -> None:
    tag = str(element.tag)
    if tag == "interface":
        etree.SubElement(element, "mac", address=f"52:54:00:00:00:{seen[tag]:02x}")
    target = element.find("target")
    if target is None or tag not in NAMES:
        return
    if tag != "disk":
        if target.get(NAMES[tag]) is not None:
            target.set(NAMES[tag], f"name.{seen[tag]}")
        return
    old = target.get("dev", "")
    prefix = BUSES.get(target.get("bus", ""), re.sub(r"[a-z]$", "", old) or "vd")
    seen[f"disk {prefix}"] += 1
    target.set("dev", f"{prefix}{letters(seen[f'disk {prefix}'] - 1)}")


def letters(number: int) -> str:
    """Turn 0 into a, 25 into z, 26 into aa."""
    text = ""
    while number >= 0:
        text = chr(ord("a") + number % 26) + text
        number = number // 26 - 1
    return text


def compare_corpus(
    folder: Path, judge: Oracle, others: list[Oracle], count: int, seed: int
) -> tuple[Counter[str], list[Difference]]:
    """Compare so many domains; machines that no libvirt here knows are left out."""
    random = Random(seed)  # noqa: S311 -- reproducible, not secret
    seen: Counter[str] = Counter()
    found: list[Difference] = []
    sources = []
    for machine, parts in read_corpus(folder).items():
        oracle = next((o for o in (judge, *others) if knows(o, machine)), None)
        if oracle is None or not parts.whole:
            continue
        keep_definable(oracle, machine, parts)
        sources.append((oracle, Recombination(machine, parts, random).domains()))
    while sum(seen[kind] for kind in ("same", "both refuse", "different")) < count:
        for oracle, domains in sources:
            xml = next(domains)
            difference = compare(oracle, xml, random, seen)
            if difference is not None:
                seen["different"] += 1
                seen[f"different: {difference.kind}"] += 1
                found.append(difference)
    return seen, found


def knows(oracle: Oracle, machine: tuple[str, str]) -> bool:
    try:
        oracle.define(frame(machine, []))
    except OracleError:
        return False
    return True


def main() -> int:
    """Print figures, and write each difference to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder for the domains that differ")
    given = parser.parse_args()
    with ExitStack() as stack:
        machine = stack.enter_context(machine_oracle())
        other = stack.enter_context(tree_oracle(other_suite_tree()))
        first, *rest = sorted((machine, other), key=lambda one: one.libvirt, reverse=True)
        seen, found = compare_corpus(given.folder, first, rest, given.count, given.seed)
    for number, difference in enumerate(found):
        if given.out is not None:
            given.out.mkdir(parents=True, exist_ok=True)
            (given.out / f"{number:04}.txt").write_text(str(difference))
    for kind, number in seen.most_common():
        print(f"{number:7} {kind}")  # noqa: T201 -- a command's output
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
