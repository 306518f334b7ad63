# SPDX-License-Identifier: Apache-2.0
"""Names that the hook contract fixes, free of imports: needed before gRPC is loaded."""

NAME = "portside"
VERSIONS = ("v1alpha3", "v1alpha2", "v1alpha1")
"""Versions of ``Callbacks`` that we serve, newest first; KubeVirt picks the newest it knows."""
ON_DEFINE_DOMAIN = "OnDefineDomain"
SHUTDOWN = "Shutdown"
HOOK_DIR = "/var/run/kubevirt-hooks"
"""Where virt-launcher's volume for hook sockets is mounted in a sidecar."""
PLUGIN_ROOT = "/var/run/kubevirt-plugin"
"""Where the plugin API expects sockets, one directory a plugin."""
PLUGIN_SOCKET = "portside.sock"
"""File name of the plugin API's socket: the ``Plugin`` object names it, so it is fixed."""
