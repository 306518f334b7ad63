# SPDX-License-Identifier: Apache-2.0
"""Strategies for VMIs that are odd, or that were valid once."""

import json
from typing import Any

from hypothesis import strategies as st

from sidecar.vmi.annotations import KNOWN
from tests.property.strategies import KINDS, requests, vmi_of

_WORDS = st.sampled_from(
    (
        *("name", "pool", "address", "mac", "vlan", "team", "as", "managed"),
        *("id", "trunk", "native", "mode", "vf", "standby", "hostdev", "virtio", "absent"),
        *("bus", "5", "3b:02.1", "02:00:00:00:00:aa"),
    )
)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | _WORDS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(_WORDS | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
"""Any JSON, and the numbers that only Python writes; rich in words that a VMI may have."""

_RESOURCES = st.sampled_from([resource for _, resource, _ in KINDS])
_FOREIGN_KEYS = st.text().filter(lambda key: not key.startswith("portside.io/"))


@st.composite
def odd_vmis(draw: st.DrawFn, *, ours: bool) -> bytes:
    """A VMI whose every part may be rubbish; ``ours``: with keys of ours, or with none."""

    def odd(usual: st.SearchStrategy[Any]) -> Any:  # noqa: ANN401  # JSON is of any type
        return draw(json_values if draw(st.integers(0, 9)) == 0 else usual)

    texts = json_values.map(json.dumps) | st.text()
    keys = st.sampled_from(KNOWN) if ours else _FOREIGN_KEYS
    annotations = odd(st.dictionaries(keys, texts | json_values, max_size=4))
    lists = st.lists(st.dictionaries(_WORDS, json_values, max_size=5), max_size=4)
    devices = {key: odd(lists) for key in ("interfaces", "disks", "gpus", "hostDevices")}
    quantities = st.dictionaries(_RESOURCES, json_values) if ours else st.just({})
    resources = {key: odd(quantities) for key in ("requests", "limits")}
    domain = odd(st.just({"devices": odd(st.just(devices)), "resources": resources}))
    document = {
        "metadata": odd(st.just({"name": draw(json_values), "annotations": annotations})),
        "spec": odd(st.just({"domain": domain})),
    }
    return json.dumps(document).encode()


def _paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path]
    children: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    for key, child in children:
        found += _paths(child, (*path, key))
    return found


def _replaced(value: Any, path: tuple[str | int, ...], new: object) -> Any:  # noqa: ANN401  # JSON is of any type
    if not path:
        return new
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copy


@st.composite
def changed_vmis(draw: st.DrawFn) -> bytes:
    """A valid VMI in which one or two values, mostly inside of our annotations, are others."""
    document = json.loads(vmi_of(draw(requests())))
    for _ in range(draw(st.integers(1, 2))):
        texts = document["metadata"]["annotations"]
        key = draw(st.sampled_from([None, *sorted(set(texts) & set(KNOWN))]))
        inner = document["spec"] if key is None else json.loads(texts[key])
        path = draw(st.sampled_from(_paths(inner)))
        others = [_value_at(inner, other) for other in _paths(inner)]
        inner = _replaced(inner, path, draw(json_values | st.sampled_from(others)))
        if key is None:
            document["spec"] = inner
        else:
            texts[key] = json.dumps(inner)
    return json.dumps(document).encode()


def _value_at(value: Any, path: tuple[str | int, ...]) -> object:  # noqa: ANN401  # JSON is of any type
    for key in path:
        value = value[key]
    return value
