# SPDX-License-Identifier: Apache-2.0
"""Models of ``-device`` that take no PCI address.

From ``-device help`` of QEMU 7.2, all buses but PCI; ``tests/qemu`` compares. A model that is
not here counts as a PCI device.
"""

import re

_PREFIXES = (
    *("isa-", "usb-", "scsi-", "ide-", "hda-", "i2c-", "smbus-", "tpm-", "u2f-", "ccid-card-"),
    *("ipmi-bmc-", "sd-", "at24c-", "vfio-ccw", "vfio-ap", "s390-", "kvm-", "spapr-", "xen-"),
)
_SUFFIXES = ("-device", "-ccw", "-cpu", "-testdev", "-bus", "-bridge-bus")
_NAMES = {
    *("adlib", "amd-iommu", "cs4231a", "floppy", "guest-loader", "gus", "hv-balloon"),
    *("hv-syndbg", "i8042", "ib700", "intel-iommu", "ipoctal232", "led", "loader"),
    *("mc146818rtc", "nand", "ne2k_isa", "nvdimm", "nvme-ns", "nvme-subsys", "pc-dimm"),
    *("pvpanic", "ramfb", "sb16", "sga", "vfio-amd-xgbe", "vfio-calxeda-xgmac"),
    *("vfio-platform", "vhost-scsi", "vhost-user-blk", "vhost-user-gpu", "vhost-user-input"),
    *("vhost-user-rng", "vhost-user-scsi", "virtconsole", "virtio-mem", "virtio-pmem"),
    *("virtserialport", "vmbus-bridge", "vmcoreinfo", "vmgenid", "vmmouse"),
}
_PCI_AFTER_ALL = {"pci-testdev", "usb-ehci"}


def takes_no_address(model: str) -> bool:
    """Whether a model certainly sits on another bus than PCI."""
    if model in _PCI_AFTER_ALL or re.search(r"-pci(-|$)", model):
        return False
    return model in _NAMES or model.startswith(_PREFIXES) or model.endswith(_SUFFIXES)
