# SPDX-License-Identifier: Apache-2.0
"""What the kernel tells of this host's SR-IOV cards, and what we make it do with them.

Rule: the roots of sysfs and procfs are arguments; what cannot be read is ``UNKNOWN``; a
function that vanishes while it is read is left out. No file is opened here whose reading or
writing takes a device's lock, for a guest that does not let go of its VF holds that for ever:
not ``uevent`` (which takes it in some kernels around Linux 6.12), and ``sriov_numvfs``,
``driver_override`` and the files of binding only in a child that can be left behind.
``numvfs`` alone touches ``sriov_numvfs``.
"""
