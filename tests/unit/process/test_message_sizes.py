# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.errors import InternalError, RequestError
from sidecar.process.message_sizes import MAX_MESSAGE, MessageSizeError, check_reply, check_request


def test_a_request_at_the_bound_passes() -> None:
    check_request(b"x" * (MAX_MESSAGE - 2), b"{}")


def test_a_request_above_the_bound_names_its_parts() -> None:
    with pytest.raises(MessageSizeError, match=r"\(4194303 of domain XML, 2 of VMI\)"):
        check_request(b"x" * (MAX_MESSAGE - 1), b"{}")


def test_a_request_without_domain_is_the_caller_s_fault() -> None:
    with pytest.raises(RequestError, match="no domain XML"):
        check_request(b"", b"{}")


def test_a_reply_that_kubevirt_cannot_read_is_refused() -> None:
    check_reply(b"x" * MAX_MESSAGE)
    with pytest.raises(MessageSizeError, match="4194305 bytes"):
        check_reply(b"x" * (MAX_MESSAGE + 1))


def test_an_empty_reply_is_our_bug() -> None:
    with pytest.raises(InternalError, match="empty"):
        check_reply(b"")
