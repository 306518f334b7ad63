# SPDX-License-Identifier: Apache-2.0
"""What the hook imports, and when; its behaviour is tested on the wire."""

import subprocess
import sys


def loaded_by(statement: str) -> set[str]:
    program = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


def test_the_role_loads_no_grpc_before_stale_sockets_are_gone() -> None:
    assert "grpc" not in loaded_by("import sidecar.cli.hook")


def test_the_server_loads_neither_engine_nor_log() -> None:
    modules = loaded_by("import sidecar.hook.server")
    assert "grpc" in modules
    assert not any(
        name.startswith(("lxml", "structlog", "sidecar.hook.define_domain")) for name in modules
    )
