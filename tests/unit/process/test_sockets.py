# SPDX-License-Identifier: Apache-2.0
"""Names and paths; what a served socket looks like is tested on the wire."""

import os
from pathlib import Path

import pytest

from sidecar.errors import HostError
from sidecar.process.sockets import MAX_PATH, SocketFile, socket_name


def test_the_name_carries_the_container(tmp_path: Path) -> None:
    assert socket_name("hook-sidecar-0", tmp_path) == "portside-hook-sidecar-0.sock"


def test_without_container_the_name_is_the_directory_s_and_repeats(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    assert socket_name("", first) == socket_name("", first) != socket_name("", second)


@pytest.mark.parametrize("container", ["..", "a/b", ".a", "a-", "x" * 64, "a\n", "-", "ä"])
def test_a_name_that_no_container_has_is_refused(tmp_path: Path, container: str) -> None:
    with pytest.raises(HostError, match="CONTAINER_NAME: not a container's name"):
        socket_name(container, tmp_path)


@pytest.mark.parametrize("spare", [0, -1])
def test_a_path_too_long_for_a_socket_is_refused(spare: int) -> None:
    name = "portside-x.sock"
    directory = Path("/" + "d" * (MAX_PATH - len(name) - 2 - spare))
    if spare == 0:
        assert len(os.fsencode(SocketFile(directory, name).path)) == MAX_PATH
    else:
        with pytest.raises(HostError, match="found 108 bytes; expected at most 107"):
            SocketFile(directory, name)


def test_the_bind_path_is_on_the_same_mount_and_never_longer(tmp_path: Path) -> None:
    file = SocketFile(tmp_path, "portside-x.sock")
    assert file.bind_path.parents[1] == file.path.parent
    assert len(str(file.bind_path)) <= len(str(file.path))


def test_withdrawing_what_was_never_published_leaves_nothing(tmp_path: Path) -> None:
    file = SocketFile(tmp_path, "portside-x.sock")
    file.prepare()
    assert [entry.is_dir() for entry in tmp_path.iterdir()] == [True]
    file.withdraw()
    assert list(tmp_path.iterdir()) == []


def test_withdrawing_from_a_directory_that_is_gone_does_no_harm(tmp_path: Path) -> None:
    directory = tmp_path / "gone"
    directory.mkdir()
    file = SocketFile(directory, "portside-x.sock")
    directory.rmdir()
    file.withdraw()
    assert not directory.exists()


def test_publishing_what_was_never_bound_names_the_path(tmp_path: Path) -> None:
    file = SocketFile(tmp_path, "portside-x.sock")
    file.prepare()
    with pytest.raises(HostError, match=r"portside-x\.sock: cannot publish the socket"):
        file.publish()
