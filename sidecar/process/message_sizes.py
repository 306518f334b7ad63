# SPDX-License-Identifier: Apache-2.0
"""How large a message may be."""

from sidecar.errors import InternalError, RequestError

MAX_MESSAGE = 4 * 1024 * 1024
"""Bytes of VMI and domain together, and of a reply.

KubeVirt's client keeps gRPC's default: it fails on a reply above 4 MiB.
"""
MAX_RECEIVED = 2 * MAX_MESSAGE
"""Bytes at which gRPC itself drops a message: protects memory.

Above ``MAX_MESSAGE``, so that a call that is merely too large gets a reason and a log line.
"""


class MessageSizeError(RequestError):
    """A request or its answer is larger than the protocol carries."""


def check_request(domain: bytes, vmi: bytes) -> None:
    """Refuse a call that carries no domain, or too much.

    Raises:
        RequestError: there is no domain XML in it.
        MessageSizeError: domain and VMI together exceed ``MAX_MESSAGE``.
    """
    if not domain:
        raise RequestError("the call has no domain XML", expected="a <domain> document")
    size = len(domain) + len(vmi)
    if size > MAX_MESSAGE:
        raise MessageSizeError(
            "the call is too large",
            found=f"{size} bytes ({len(domain)} of domain XML, {len(vmi)} of VMI)",
            expected=f"at most {MAX_MESSAGE} bytes",
        )


def check_reply(domain: bytes) -> None:
    """Refuse a reply that KubeVirt's client would fail on without naming a cause.

    Raises:
        MessageSizeError: the domain exceeds ``MAX_MESSAGE``.
        InternalError: the domain is empty; it would show up as a bare ``EOF``.
    """
    if not domain:
        raise InternalError("the new domain XML is empty", expected="a <domain> document")
    if len(domain) > MAX_MESSAGE:
        raise MessageSizeError(
            "the new domain XML is too large for KubeVirt",
            found=f"{len(domain)} bytes",
            expected=f"at most {MAX_MESSAGE} bytes",
            todo="Shorten the domain: metadata and qemu:commandline are the usual large parts",
        )
