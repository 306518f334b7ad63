# SPDX-License-Identifier: Apache-2.0
"""What the kernel tells of this host's SR-IOV cards.

Rule: the roots of sysfs and procfs are arguments; what cannot be read is ``UNKNOWN``; a
function that vanishes while it is read is left out. Nothing is written. No file is opened
whose reading takes a device's lock, for a guest that does not let go of its VF holds that
for ever: not ``sriov_numvfs``, not ``uevent`` (which takes it in some kernels around Linux
6.12), and ``driver_override`` only in a child that can be left behind.
"""
