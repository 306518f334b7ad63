# SPDX-License-Identifier: Apache-2.0
"""KubeVirt's hook contract: one process beside a VM, from its socket to ``Shutdown``.

Rule: thin adapters around ``define_domain``, which is bytes to bytes and knows neither gRPC
nor files. Imports neither libvirt, rich nor typer.
"""
