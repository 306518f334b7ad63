# SPDX-License-Identifier: Apache-2.0
"""What virt-launcher sees of the socket directory."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.wire.hookprocess import HookProcess, call_info, wait_until


@contextmanager
def watch_files(directory: Path) -> Iterator[list[frozenset[str]]]:
    """List what is no directory, as ``collectSideCarSockets`` does, as fast as it goes."""
    seen: list[frozenset[str]] = [frozenset()]
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            with os.scandir(directory) as entries:
                files = frozenset(entry.name for entry in entries if not entry.is_dir())
            if files != seen[-1]:
                seen.append(files)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def test_one_name_appears_once_and_answers_at_once(socket_dir: Path) -> None:
    with watch_files(socket_dir) as seen, HookProcess(socket_dir) as hook:
        wait_until(lambda: len(seen) > 1)
        assert call_info(hook.path).name == "portside"
        hook.process.terminate()
        assert hook.end(5) == 0
    assert seen == [frozenset(), frozenset({hook.path.name}), frozenset()]
    assert list(socket_dir.iterdir()) == []


def test_a_restart_after_kill_replaces_the_stale_socket(socket_dir: Path) -> None:
    with HookProcess(socket_dir) as killed:
        killed.wait_for_socket()
        killed.process.send_signal(signal.SIGKILL)
        assert killed.end(5) == -signal.SIGKILL
    assert killed.path.is_socket()
    with watch_files(socket_dir) as seen, HookProcess(socket_dir) as hook:
        wait_until(lambda: len(seen) >= 4)
        assert call_info(hook.path).name == "portside"
    name = hook.path.name
    assert seen == [frozenset(), frozenset({name}), frozenset(), frozenset({name})]


def test_what_a_kill_during_the_start_left_behind_is_removed(socket_dir: Path) -> None:
    staging = socket_dir / ".portside-hook-sidecar-0"
    staging.mkdir()
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(staging / "s"))
    with HookProcess(socket_dir) as hook:
        hook.wait_for_socket()
        wait_until(lambda: not staging.exists())
        assert call_info(hook.path).name == "portside"


def test_a_socket_that_answers_is_left_alone(hook: HookProcess, socket_dir: Path) -> None:
    with HookProcess(socket_dir) as second:
        assert second.end(10) == 1
        assert "another process serves this socket" in second.log_text()
    assert call_info(hook.path).name == "portside"


def test_a_file_of_the_sockets_name_is_left_alone(socket_dir: Path) -> None:
    stray = socket_dir / "portside-hook-sidecar-0.sock"
    stray.write_text("precious")
    with HookProcess(socket_dir) as hook:
        assert hook.end(10) == 1
        assert "something else exists at the socket's path" in hook.log_text()
    assert stray.read_text() == "precious"


def test_the_end_leaves_a_successors_socket_alone(socket_dir: Path) -> None:
    with HookProcess(socket_dir) as hook:
        hook.wait_for_socket().path.unlink()
        with HookProcess(socket_dir) as successor:
            successor.wait_for_socket()
            hook.process.terminate()
            assert hook.end(5) == 0
            assert call_info(successor.path).name == "portside"


def test_two_sidecars_of_a_pod_have_different_names(base: Path) -> None:
    first_dir, second_dir = base / "hook-sidecar-0", base / "hook-sidecar-1"
    first_dir.mkdir()
    second_dir.mkdir()
    with (
        HookProcess(first_dir, container="hook-sidecar-0") as first,
        HookProcess(second_dir, container="hook-sidecar-1") as second,
    ):
        assert call_info(first.wait_for_socket().path).name == "portside"
        assert call_info(second.wait_for_socket().path).name == "portside"
        assert first.path.name != second.path.name


def test_names_differ_without_container_names_too(base: Path) -> None:
    names = set()
    for container in ("a", "b"):
        directory = base / container
        directory.mkdir()
        with HookProcess(directory, environment={"CONTAINER_NAME": ""}) as hook:
            wait_until(partial(holds_socket, directory))
            names |= {path.name for path in directory.glob("*.sock")}
            hook.process.terminate()
            assert hook.end(5) == 0
    assert len(names) == 2


def holds_socket(directory: Path) -> bool:
    return any(directory.glob("*.sock"))


def test_an_unusual_directory_is_served(base: Path) -> None:
    directory = base / "a b%41?#ä"
    directory.mkdir()
    with HookProcess(directory) as hook:
        hook.wait_for_socket()
        link = base / "plain.sock"
        link.symlink_to(hook.path)
        assert call_info(link).name == "portside"


def test_a_directory_that_is_not_mounted_is_named(base: Path) -> None:
    with HookProcess(base / "absent") as hook:
        assert hook.end(10) == 1
        assert "No such file or directory (ENOENT)" in hook.log_text()
        assert "shared with the compute container" in hook.log_text()
