# SPDX-License-Identifier: Apache-2.0
"""What KubeVirt knows of a domain's XML, and so what survives its reading of it.

virt-launcher keeps domains as Go structs (``pkg/virt-launcher/virtwrap/api/schema.go``,
1.9): whatever no struct has a field for is lost between two calls, and elements come back
in the order of the fields. One line here is one struct: attributes (``@name``), then
children in order. Elements without a line are kept whole.
"""

from lxml import etree

_STRUCTS = """
domain: @type name uuid memory currentMemory maxMemory memoryBacking os sysinfo devices clock
    resource {qemu}commandline metadata features cpu vcpu vcpus cputune numatune iothreads
    launchSecurity on_reboot iommufd
metadata: {http://kubevirt.io}kubevirt
devices: emulator interface channel hostdev panic controller video graphics memballoon disk
    input serial console watchdog rng filesystem redirdev sound tpm vsock memory iommu
address: @type @domain @bus @slot @function @controller @target @unit @uuid @device @cssid
    @ssid @devno
interface: @type @trustGuestRxFilters address source target model mac mtu bandwidth boot link
    filterref alias driver rom acpi backend portForward
interface/source: @network @dev @bridge @mode address
interface/target: @dev @managed
interface/model: @type
channel: @type source target
channel/source: @mode @path
channel/target: @name @type @address @port @state
hostdev: @type @managed @mode @model @display @ramfb source boot address alias driver acpi
hostdev/source: address
controller: @type @index @model driver alias address pcihole64 target
controller/target: @hotplug @busNr node
video: model
video/model: @type @heads @ram @vram @vgamem
graphics: @autoport @defaultMode @passwdValidTo @port @tlsPort @type listen
listen: @type @address @socket
memballoon: @model @freePageReporting stats address driver
disk: @device @snapshot @type @model source target serial driver readonly auth alias
    backingStore boot address blockio filesystemOverhead capacity shareable
disk/source: @dev @file @startupPolicy @protocol @name host reservations slices dataStore
disk/target: @bus @dev @tray
disk/driver: @cache @error_policy @io @name @type @iothread @queues @discard @iommu iothreads
backingStore: @type format source
input: @type @bus @model alias address
serial: @type target source alias log
serial/target: @port
serial/source: @mode @path
console: @type target source alias
console/target: @type @port
console/source: @mode @path
watchdog: @model @action alias address
rng: @model backend address driver
sound: @model alias address
"""
_ALWAYS = {"interface": ("source",), "disk": ("source", "target"), "hostdev": ("source",)}
"""Children that KubeVirt writes even if empty: structs, not pointers to structs."""
_QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"


def _read_structs() -> dict[str, list[str]]:
    structs: dict[str, list[str]] = {}
    for line in _STRUCTS.strip().replace("\n    ", " ").splitlines():
        name, _, fields = line.replace("{qemu}", f"{{{_QEMU}}}").partition(": ")
        structs[name] = fields.split()
    return structs


_FIELDS = _read_structs()


def reread(domain: etree._Element) -> etree._Element:
    """Return the domain as virt-launcher would write it after reading it."""
    nsmap = {"qemu": _QEMU} if domain.find(f"{{{_QEMU}}}commandline") is not None else {}
    root = etree.Element("domain", nsmap=nsmap)
    _fill(root, domain, _FIELDS["domain"])
    return root


def _fill(target: etree._Element, source: etree._Element, fields: list[str]) -> None:
    for field in fields:
        if field[0] == "@":
            value = source.get(field[1:])
            if value:
                target.set(field[1:], value)
            continue
        children = list(source.iterchildren(field))
        for child in children:
            target.append(_copy(child, source))
        if not children and field in _ALWAYS.get(str(source.tag), ()):
            etree.SubElement(target, field)


def _copy(source: etree._Element, parent: etree._Element) -> etree._Element:
    fields = _FIELDS.get(f"{parent.tag}/{source.tag}") or _FIELDS.get(str(source.tag))
    # KubeVirt declares the namespace of its metadata in place.
    nsmap = source.nsmap if str(source.tag).startswith("{") else None
    target = etree.Element(source.tag, nsmap=nsmap)  # type: ignore[arg-type] # stubs lack None
    if fields is not None:
        _fill(target, source, fields)
        return target
    for name, value in source.attrib.items():
        target.set(name, value)
    target.text = (source.text or "").strip() or None
    target.extend(_copy(child, source) for child in source.iterchildren(tag=etree.Element))
    return target
