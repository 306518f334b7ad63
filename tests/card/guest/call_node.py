# SPDX-License-Identifier: Apache-2.0
"""Runs in the card VM: call_node.py SOCKET POINT VMI. Calls the agent as virt-handler does."""

import sys

import grpc

from sidecar.pb import plugins_v1alpha1_pb2 as pb
from sidecar.pb import plugins_v1alpha1_pb2_grpc as pb_grpc


def main() -> int:
    """Print OK, or the status and the text that a user would see."""
    socket, point, vmi = sys.argv[1:]
    request = pb.ExecuteNodeHookRequest(hookPoint=point, vmi=vmi.encode())
    with grpc.insecure_channel(f"unix:{socket}") as channel:
        try:
            pb_grpc.NodeHookServiceStub(channel).ExecuteNodeHook(request, timeout=30)
        except grpc.RpcError as error:
            sys.stdout.write(f"{error.code().name}: {error.details()}\n")
            return 1
    sys.stdout.write("OK\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
