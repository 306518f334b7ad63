# SPDX-License-Identifier: Apache-2.0
"""What the kernel answers to writes of ``sriov_numvfs``: data, for whatever must behave like it.

Linux 6.12, ``drivers/pci/pci-sysfs.c`` and ``iov.c``; ``test_errnos.py`` holds every row against
a real kernel with the driver igb.
"""

from dataclasses import dataclass

TOTAL = 7
"""``sriov_totalvfs`` of the PF that the rows are about, while igb is its driver."""
HARDWARE_TOTAL = 8
"""The same without igb, which keeps one for itself."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write, the state before it, and what comes of it.

    Attributes:
        name: what the row shows.
        present: VFs before the write.
        value: the text written.
        errno: name of the error, empty if the write succeeds.
        left: VFs after the write.
        kept: VFs after the write that were there before and were not made anew.
        driver: the PF's driver, empty if it has none.
        up: whether the PF's network interface is administratively up.
    """

    name: str
    present: int
    value: str
    errno: str
    left: int
    kept: int = 0
    driver: str = "igb"
    up: bool = True


WRITES = (
    Write("no number", 0, "abc", "EINVAL", 0),
    Write("a negative number", 0, "-1", "EINVAL", 0),
    Write("above 16 bits", 0, "70000", "EINVAL", 0),
    Write("more than there can be", 0, str(TOTAL + 1), "ERANGE", 0),
    Write("none where none are", 0, "0", "", 0),
    Write("some", 0, "2", "", 2),
    Write("as many as there can be", 0, str(TOTAL), "", TOTAL),
    Write("some, interface down", 0, "2", "", 2, up=False),
    Write("as many as there are", 2, "2", "", 2, kept=2),
    Write("fewer", 2, "1", "EBUSY", 2, kept=2),
    Write("more", 2, "3", "EBUSY", 2, kept=2),
    Write("too many comes before other than there are", 2, str(TOTAL + 1), "ERANGE", 2, kept=2),
    Write("no number where some are", 2, "abc", "EINVAL", 2, kept=2),
    Write("none where some are", 2, "0", "", 0),
    Write("some without a driver", 0, "2", "ENOENT", 0, driver="", up=False),
    Write("none without a driver", 0, "0", "", 0, driver="", up=False),
    Write("all without a driver", 0, str(HARDWARE_TOTAL), "ENOENT", 0, driver="", up=False),
    Write(
        "too many without a driver", 0, str(HARDWARE_TOTAL + 1), "ERANGE", 0, driver="", up=False
    ),
    Write("some with vfio-pci", 0, "2", "ENOENT", 0, driver="vfio-pci", up=False),
    Write("none with vfio-pci", 0, "0", "", 0, driver="vfio-pci", up=False),
)
