# SPDX-License-Identifier: Apache-2.0
"""Devices reduced to what decides about their PCI addresses, so that any host defines them."""

from copy import deepcopy

from lxml import etree

from sidecar.domainxml.addressing.classify import NICS_VIRTIO_BY_TYPE, disk_bus, model_of
from sidecar.domainxml.document import child_of

_FIXED = {
    "disk": "<disk type='file' device='disk'><source file='/portside/{number}'/></disk>",
    "filesystem": "<filesystem type='mount'><source dir='/'/><target dir='{number}'/></filesystem>",
    "rng": "<rng><backend model='random'>/dev/urandom</backend></rng>",
    "input": "<input type='tablet'/>",
    "vsock": "<vsock><cid auto='yes'/></vsock>",
    # virtio-mem and virtio-pmem want guest NUMA nodes; an input takes the same kind of slot.
    "memory": "<input type='tablet' bus='virtio'/>",
    "crypto": "<crypto type='qemu'><backend model='builtin'/></crypto>",
    "graphics": "<graphics type='vnc' port='-1'/>",
    "channel": "<channel type='unix'/>",
    "console": "<console type='pty'/>",
    "serial": "<serial type='pty'/>",
    "watchdog": "<watchdog action='reset'/>",
}
_ATTRIBUTES = {
    "controller": ("type", "index", "model"),
    "disk": ("model",),
    "filesystem": ("model",),
    "hostdev": ("type", "model"),
    "input": ("bus", "model"),
    "memory": (),
    "shmem": ("name",),
}
_CHILDREN = {
    "channel": ("target", "address"),
    "console": ("target", "address"),
    "controller": ("address", "target", "master"),
    "disk": ("target", "address"),
    "hostdev": ("source", "address"),
    "interface": ("model", "address"),
    "pstore": ("path", "size", "address"),
    "serial": ("target", "address"),
    "shmem": ("model", "size", "address"),
    "video": ("model", "address"),
}
_KEPT = frozenset(_FIXED) | frozenset(_CHILDREN) | {"sound", "memballoon", "iommu", "panic"}
_ONLY: dict[str, tuple[str, set[str]]] = {
    "hostdev": ("type", {"pci", "mdev", "scsi", "scsi_host"}),
    "input": ("bus", {"virtio"}),
    "iommu": ("model", {"virtio"}),
    "watchdog": ("model", {"i6300esb"}),
    "panic": ("model", {"pvpanic"}),
    "memory": ("model", {"virtio-mem", "virtio-pmem"}),
}
_VIDEO_MODEL = ("type", "primary")


def reduce_device(element: etree._Element, number: int, alias: str) -> etree._Element | None:
    """Reduce a device; None if it has nothing to do with PCI addresses.

    Args:
        element: the device as the domain has it.
        number: unique in the domain, for names that must be.
        alias: a user alias for the result.
    """
    tag = str(element.tag)
    if tag not in _KEPT or _is_elsewhere(element, tag):
        return None
    bone = etree.fromstring(_FIXED.get(tag, f"<{tag}/>").format(number=number))
    for attribute in _ATTRIBUTES.get(tag, ("model",)):
        value = element.get(attribute)
        if value is not None:
            bone.set(attribute, value)
    for child in element:
        if child.tag in _CHILDREN.get(tag, ("address",)):
            bone.append(deepcopy(child))
    _finish(bone, element, number)
    if tag != "graphics":
        etree.SubElement(bone, "alias", name=alias)
    return bone


def _is_elsewhere(element: etree._Element, tag: str) -> bool:
    """Whether this device takes no PCI address, or none that a skeleton can show."""
    if tag in {"channel", "console", "serial"}:
        target = child_of(element, "target")
        return target is None or target.get("type") not in {"virtio", "pci-serial"}
    if tag not in _ONLY:
        return False
    attribute, values = _ONLY[tag]
    return element.get(attribute) not in values


def _finish(bone: etree._Element, element: etree._Element, number: int) -> None:
    tag = bone.tag
    if tag == "interface":
        _finish_interface(bone, element)
    elif tag == "hostdev":
        bone.set("mode", element.get("mode", "subsystem"))
        bone.set("managed", "no")
    elif tag == "disk":
        for target in bone.iterchildren("target"):
            target.set("bus", disk_bus(element))
    elif tag == "video":
        for model in bone.iterchildren("model"):
            for name in set(model.keys()) - set(_VIDEO_MODEL):
                del model.attrib[name]
            del model[:]
    elif tag == "channel":
        for target in bone.iterchildren("target"):
            target.set("name", f"portside.{number}")


def _finish_interface(bone: etree._Element, element: etree._Element) -> None:
    """Make an ethernet interface of it, or leave it the VF that it is."""
    if element.get("type") == "hostdev":
        bone.set("type", "hostdev")
        source = child_of(element, "source")
        if source is not None:
            bone.append(deepcopy(source))
        return
    bone.set("type", "ethernet")
    if model_of(element) is None and element.get("type") in NICS_VIRTIO_BY_TYPE:
        etree.SubElement(bone, "model", type="virtio")
