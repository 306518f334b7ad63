# SPDX-License-Identifier: Apache-2.0
"""The yardstick: a grpcio server that returns every domain as it came, and nothing else.

It loads lxml, as any Python sidecar that rewrites XML must. Usage: do_nothing.py SOCKET
"""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from lxml import etree

from sidecar.pb import info_pb2, info_pb2_grpc, v1alpha3_pb2, v1alpha3_pb2_grpc


class Info(info_pb2_grpc.InfoServicer):
    """Answers Info."""

    def Info(  # noqa: N802 - the protocol's name
        self, _request: info_pb2.InfoParams, _context: grpc.ServicerContext
    ) -> info_pb2.InfoResult:
        """Say the least that virt-launcher needs."""
        points = [info_pb2.HookPoint(name="OnDefineDomain")]
        return info_pb2.InfoResult(name="nothing", versions=["v1alpha3"], hookPoints=points)


class Callbacks(v1alpha3_pb2_grpc.CallbacksServicer):
    """Returns domains as they came."""

    def OnDefineDomain(  # noqa: N802 - the protocol's name
        self, request: v1alpha3_pb2.OnDefineDomainParams, _context: grpc.ServicerContext
    ) -> v1alpha3_pb2.OnDefineDomainResult:
        """Change nothing."""
        return v1alpha3_pb2.OnDefineDomainResult(domainXML=request.domainXML)


def main() -> None:
    """Serve until SIGTERM."""
    server = grpc.server(ThreadPoolExecutor(4))
    info_pb2_grpc.add_InfoServicer_to_server(Info(), server)
    v1alpha3_pb2_grpc.add_CallbacksServicer_to_server(Callbacks(), server)
    server.add_insecure_port(f"unix:{sys.argv[1]}")
    server.start()
    signal.signal(signal.SIGTERM, lambda *_: server.stop(0))
    server.wait_for_termination()


if __name__ == "__main__":
    print(f"lxml {etree.LXML_VERSION}", flush=True)
    main()
