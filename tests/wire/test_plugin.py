# SPDX-License-Identifier: Apache-2.0
"""The plugin API's socket."""

from pathlib import Path

import grpc
import pytest

from tests.wire.hookprocess import HookProcess, call_info, mutate_by_plugin, wait_until
from tests.wire.recordings import CALLS, domain_of, vmi_of

DOMAIN, VMI = domain_of(CALLS[0]), vmi_of(CALLS[0])


def plugin_arguments(base: Path) -> tuple[str, ...]:
    (base / "plugins" / "ports").mkdir(parents=True)
    return ("--plugin", "ports", "--plugin-root", str(base / "plugins"))


def test_both_sockets_are_served_and_withdrawn(base: Path, socket_dir: Path) -> None:
    arguments = plugin_arguments(base)
    path = base / "plugins" / "ports" / "portside.sock"
    with HookProcess(socket_dir, *arguments) as hook:
        hook.wait_for_socket()
        wait_until(path.is_socket)
        assert not path.is_symlink()
        assert mutate_by_plugin(path, DOMAIN, VMI) == DOMAIN
        assert call_info(hook.path).name == "portside"
        hook.process.terminate()
        assert hook.end(5) == 0
    assert list(path.parent.iterdir()) == []
    assert list(socket_dir.iterdir()) == []


def test_a_plugin_alone_leaves_the_hook_directory_alone(base: Path, socket_dir: Path) -> None:
    arguments = plugin_arguments(base)
    path = base / "plugins" / "ports" / "portside.sock"
    with HookProcess(socket_dir, *arguments, "--plugin-only") as hook:
        wait_until(path.is_socket)
        assert mutate_by_plugin(path, DOMAIN, VMI, "MigrationTarget") == DOMAIN
        assert list(socket_dir.iterdir()) == []
        line = hook.wait_for_line("plugin MutateDomain MigrationTarget")
        assert line["outcome"] == "unchanged"


@pytest.mark.parametrize("domain_type", ["", "cloud-hypervisor"])
def test_another_kind_of_domain_is_refused(shared_hook: HookProcess, domain_type: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        mutate_by_plugin(shared_hook.path, DOMAIN, VMI, domain_type=domain_type)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == (
        "MutateDomainRequest.domain_type: unknown kind of domain; "
        f"found {domain_type!r}; expected libvirt"
    )
