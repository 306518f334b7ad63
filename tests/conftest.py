# SPDX-License-Identifier: Apache-2.0
"""What holds for every test, before any module of a test is imported."""

import os

# As sidecar.cli.main does, before gRPC is loaded: with its handlers of fork(2), a child that
# libvirt forks in a process in which gRPC has run ends by SIGABRT, and the embedded libvirt finds
# no QEMU. Which test comes first must not matter.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
