# SPDX-License-Identifier: Apache-2.0
"""From exec to the end."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.wire.hookprocess import HookProcess, call_info, define_v1alpha3, shut_down
from tests.wire.recordings import CALLS, asking, domain_of, vmi_of


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_within_a_second(
    hook: HookProcess, socket_dir: Path, number: signal.Signals
) -> None:
    hook.wait_for_line("serving")
    started = time.monotonic()
    hook.process.send_signal(number)
    assert hook.end(5) == 0
    assert time.monotonic() - started < 1.0
    assert hook.wait_for_line("stopped")["reason"] == number.name
    assert list(socket_dir.iterdir()) == []


def test_shutdown_is_answered_and_ends_the_process_within_a_second(
    hook: HookProcess, socket_dir: Path
) -> None:
    hook.wait_for_line("serving")
    started = time.monotonic()
    shut_down(hook.path)
    assert hook.end(5) == 0
    assert time.monotonic() - started < 1.0
    assert hook.wait_for_line("stopped")["reason"] == "Shutdown"
    assert list(socket_dir.iterdir()) == []


def test_sigterm_during_the_start_ends_the_process_cleanly(socket_dir: Path) -> None:
    with HookProcess(socket_dir) as hook:
        hook.wait_for_socket()
        hook.process.terminate()
        assert hook.end(5) == 0
    assert list(socket_dir.iterdir()) == []


def test_sigterm_ends_the_process_whichever_thread_it_is_delivered_to(hook: HookProcess) -> None:
    # The same loss as a signal that comes just before the main thread begins to wait.
    hook.wait_for_line("serving")
    threads = [int(entry.name) for entry in Path(f"/proc/{hook.process.pid}/task").iterdir()]
    os.kill(next(thread for thread in threads if thread != hook.process.pid), signal.SIGTERM)
    assert hook.end(5) == 0
    assert hook.wait_for_line("stopped")["reason"] == "SIGTERM"


def test_a_call_right_after_info_is_answered(socket_dir: Path) -> None:
    domain, vmi = domain_of(CALLS[0]), asking(vmi_of(CALLS[0]), interfaces=8)
    with HookProcess(socket_dir) as hook:
        path = hook.wait_for_socket().path
        assert call_info(path).name == "portside"
        assert define_v1alpha3(path, domain, vmi) != domain


def test_neither_libvirt_nor_rich_nor_typer_is_loaded(socket_dir: Path) -> None:
    report = (
        "import json, sys; from sidecar.cli.main import main; main(['hook', *sys.argv[1:]]); "
        "loaded = [name for name, module in sys.modules.items() if module is not None]; "
        "print(json.dumps({'event': 'loaded', 'modules': loaded}), file=sys.stderr)"
    )
    with HookProcess(socket_dir, command=(sys.executable, "-c", report)) as hook:
        path = hook.wait_for_socket().path
        define_v1alpha3(path, domain_of(CALLS[0]), asking(vmi_of(CALLS[0]), interfaces=8))
        hook.process.terminate()
        assert hook.end(5) == 0
        modules = hook.wait_for_line("loaded")["modules"]
    assert isinstance(modules, list)
    assert {"grpc", "lxml.etree", "structlog", "sidecar.hook.define_domain"} <= set(modules)
    roots = {name.partition(".")[0] for name in modules}
    assert roots.isdisjoint({"libvirt", "rich", "typer", "click", "colorama"})


def test_the_engine_is_loaded_after_the_socket_appeared(socket_dir: Path) -> None:
    command = (sys.executable, "-X", "importtime", "-m", "sidecar.cli", "hook")
    with HookProcess(socket_dir, command=command) as hook:
        hook.wait_for_socket()
        before = hook.log_text()
    assert "| lxml" not in before
    assert "structlog" not in before


def test_the_libvirt_source_needs_a_libvirt_that_opens(socket_dir: Path) -> None:
    arguments = ("--source", "libvirt", "--libvirt-uri", "qemu+unix:///system?socket=/absent")
    with HookProcess(socket_dir, *arguments) as hook:
        assert hook.end(30) == 1
        assert '"level": "error"' in hook.log_text()
    assert list(socket_dir.iterdir()) == []
