# SPDX-License-Identifier: Apache-2.0
"""Hooks that run after this one and undo a team.

KubeVirt calls the sidecars of the annotation ``hooks.kubevirt.io/hookSidecars`` first, then
those of network bindings (``pkg/virt-controller/watch/application.go``). A hook that reads the
domain into KubeVirt's own types and writes it anew drops ``<teaming>``, which those types do
not have: the VM would boot with two NICs of one MAC address and no team.
"""

from typing import Final

from lxml import etree

from sidecar.domainxml.document import alias_of, devices_named
from sidecar.errors import RequestError, shorten
from sidecar.model import alias
from sidecar.model.request import Network, Request, repository_of

_REWRITING_BINDINGS: Final = frozenset({"passt", "slirp"})
"""Names under which KubeVirt's binding sidecars are registered (their READMEs)."""
_REWRITING_IMAGES: Final = frozenset(
    {
        "network-passt-binding",
        "network-slirp-binding",
        "example-hook-sidecar",
        "example-disk-mutation-hook-sidecar",
    }
)
"""KubeVirt's sidecars that write the domain anew (``cmd/sidecars``)."""
_WHY: Final = "which writes the domain anew after this hook, without <teaming>"


def check_later_hooks(domain: etree._Element, request: Request) -> tuple[str, ...]:
    """Refuse teams that a later hook is known to undo.

    Args:
        domain: as this hook got it.
        request: what the VMI asks.

    Returns:
        sentences on later hooks that may do so.

    Raises:
        RequestError: a later hook is known to do so.
    """
    if not request.pairs:
        return ()
    where = request.pairs[0].where
    present = {alias_of(element) for element in devices_named(domain, "interface")}
    for network in request.networks:
        if network.binding is not None and _rewrites(network, request, present):
            raise RequestError(
                "a network binding's sidecar would undo the team",
                where=where,
                found=f"interface {shorten(network.name)} with binding "
                f"{shorten(network.binding)}, {_WHY}",
                expected="no interface of such a binding in a VM with a team",
                todo="Give the interface one of KubeVirt's own bindings, such as masquerade, "
                "bridge or passtBinding",
            )
    for image in request.hook_sidecars.after:
        if repository_of(image) in _REWRITING_IMAGES:
            raise RequestError(
                "a hook sidecar would undo the team",
                where=where,
                found=f"image {shorten(image)}, {_WHY}",
                expected="Portside behind it in annotation hooks.kubevirt.io/hookSidecars",
                todo="List Portside last",
            )
    return tuple(_notes(request))


def _rewrites(network: Network, request: Request, present: set[str]) -> bool:
    """Tell whether a binding's sidecar is yet to come.

    KubeVirt itself makes no interface for a binding without ``domainAttachmentType``: as long
    as there is none, the sidecar that will write it is still to be called.
    """
    if alias.of_network(network.name) not in present:
        return True
    return request.hook_sidecars.listed and network.binding in _REWRITING_BINDINGS


def _notes(request: Request) -> list[str]:
    notes = []
    if request.hook_sidecars.after:
        images = ", ".join(shorten(image) for image in request.hook_sidecars.after)
        notes.append(
            f"hook sidecars are called after this one ({images}): one that writes the domain anew "
            "undoes the team; list Portside last in hooks.kubevirt.io/hookSidecars"
        )
    bound = [network.name for network in request.networks if network.binding is not None]
    if bound and request.hook_sidecars.listed:
        notes.append(
            f"interfaces with a network binding plugin ({', '.join(bound)}): if it has a sidecar "
            "that writes the domain anew, it undoes the team"
        )
    return notes
