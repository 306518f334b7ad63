# SPDX-License-Identifier: Apache-2.0
"""libvirt: the embedded driver, the libvirt source of controllers.

Rule: the only importer of libvirt; foreign exceptions become HostError here.
"""
