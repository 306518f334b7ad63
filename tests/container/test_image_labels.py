# SPDX-License-Identifier: Apache-2.0
"""The images that scripts/image built say what they are."""

import pytest

from sidecar import __version__
from tests.container.podman import Podman

pytestmark = [pytest.mark.container, pytest.mark.timeout(1800)]

KEY = "org.opencontainers.image."
LABELS = {"version", "revision", "source", "title", "description", "licenses"}


@pytest.mark.parametrize("name", ["portside", "portside-libvirt", "portside-node"])
def test_labels_say_what_an_image_is_made_of(podman: Podman, name: str) -> None:
    image = podman.inspect(f"{name}:{__version__}")
    labels = {key.removeprefix(KEY): value for key, value in image["Labels"].items()}
    assert labels.keys() >= LABELS
    assert (labels["title"], labels["version"]) == (name, __version__)
    assert labels["licenses"] == "Apache-2.0"
    assert podman.inspect(f"{name}:latest")["Id"] == image["Id"]
