# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.domainxml.later_hooks import check_later_hooks
from sidecar.errors import RequestError
from sidecar.model.request import HookSidecars, Network, Request, TeamingPair
from tests.unit.domainxml.build import refusal, tree

PAIR = TeamingPair("vf", "standby", "$.vf")
LISTED = HookSidecars(listed=True)
PRESENT = "<interface type='vhostuser'><alias name='ua-bound'/></interface>"


def request(binding: str | None, sidecars: HookSidecars = LISTED, *, teams: bool = True) -> Request:
    return Request(
        networks=(Network("standby"), Network("bound", binding=binding)),
        teaming=(PAIR,) if teams else (),
        hook_sidecars=sidecars,
    )


@pytest.mark.parametrize("binding", ["passt", "slirp", "some-plugin"])
@pytest.mark.parametrize("sidecars", [LISTED, HookSidecars()])
def test_a_binding_whose_sidecar_is_yet_to_come(binding: str, sidecars: HookSidecars) -> None:
    error = refusal(RequestError, check_later_hooks, tree(), request(binding, sidecars))
    assert str(error) == (
        "$.vf: a network binding's sidecar would undo the team; found interface 'bound' with "
        f"binding '{binding}', which writes the domain anew after this hook, without <teaming>; "
        "expected no interface of such a binding in a VM with a team. Give the interface one of "
        "KubeVirt's own bindings, such as masquerade, bridge or passtBinding"
    )


@pytest.mark.parametrize("binding", ["passt", "slirp"])
def test_a_known_sidecar_is_no_matter_of_luck(binding: str) -> None:
    # Whichever came first this time: as sidecars of one pod their order is a race.
    refusal(RequestError, check_later_hooks, tree(PRESENT), request(binding))


def test_a_sidecar_that_has_been_there() -> None:
    assert check_later_hooks(tree(PRESENT), request("passt", HookSidecars())) == ()


def test_a_binding_that_kubevirt_wrote_itself() -> None:
    (note,) = check_later_hooks(tree(PRESENT), request("tap-plugin"))
    assert note.startswith("interfaces with a network binding plugin (bound)")


@pytest.mark.parametrize(
    "image",
    [
        "quay.example/kubevirt/network-passt-binding:v1.9.0",
        "quay.example/kubevirt/network-slirp-binding@sha256:ab",
        "example-hook-sidecar",
        "example-disk-mutation-hook-sidecar:1",
    ],
)
def test_a_sidecar_known_to_write_the_domain_anew(image: str) -> None:
    sidecars = HookSidecars(listed=True, after=("harmless", image))
    error = refusal(RequestError, check_later_hooks, tree(), request(None, sidecars))
    assert str(error) == (
        f"$.vf: a hook sidecar would undo the team; found image '{image}', which writes the domain "
        "anew after this hook, without <teaming>; expected Portside behind it in annotation "
        "hooks.kubevirt.io/hookSidecars. List Portside last"
    )


def test_other_sidecars_are_reported() -> None:
    sidecars = HookSidecars(listed=True, after=("one:1", "two"))
    (note,) = check_later_hooks(tree(), request(None, sidecars))
    assert note == (
        "hook sidecars are called after this one ('one:1', 'two'): one that writes the domain anew "
        "undoes the team; list Portside last in hooks.kubevirt.io/hookSidecars"
    )


@pytest.mark.parametrize("binding", [None, "passt"])
def test_without_team_nothing_is_lost(binding: str | None) -> None:
    sidecars = HookSidecars(listed=True, after=("network-passt-binding",))
    assert check_later_hooks(tree(), request(binding, sidecars, teams=False)) == ()
