# SPDX-License-Identifier: Apache-2.0
"""``hooks.kubevirt.io/hookSidecars``: which hooks are called after this one.

KubeVirt names the containers ``hook-sidecar-N`` by their place in the list and calls them in
the order of those names as text (``pkg/hooks/manager.go``), so the eleventh comes before the
third. The annotation is KubeVirt's: what is wrong with it is for KubeVirt to say.
"""

from collections.abc import Mapping

from sidecar.errors import RequestError
from sidecar.model.request import HookSidecars, repository_of
from sidecar.vmi.document import load_text

ANNOTATION = "hooks.kubevirt.io/hookSidecars"
_OURS = "portside"


def read_sidecars(annotations: Mapping[str, object]) -> HookSidecars:
    """Return where Portside stands in the list; not listed if the list makes no sense."""
    text = annotations.get(ANNOTATION)
    if not isinstance(text, str):
        return HookSidecars()
    try:
        listed = load_text(text, f"annotation {ANNOTATION}")
    except RequestError:
        return HookSidecars()
    images = [_image(one) for one in listed] if isinstance(listed, list) else []
    called = [images[number] for number in sorted(range(len(images)), key=str)]
    ours = [position for position, image in enumerate(called) if repository_of(image) == _OURS]
    return HookSidecars(listed=bool(ours), after=tuple(called[ours[-1] + 1 :] if ours else ()))


def _image(entry: object) -> str:
    """Return an entry's image; a sidecar without one gets KubeVirt's own, the shim."""
    image = entry.get("image") if isinstance(entry, dict) else None
    return image if isinstance(image, str) and image else "sidecar-shim"
