# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterator

import pytest

from tests.manifests import tree
from tests.manifests.expressions import CelError, compile_expression, evaluate, object_types
from tests.manifests.policy import Policy
from tests.manifests.tree import Document


def expressions(document: object) -> Iterator[str]:
    """Yield the text of every key that holds CEL."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key in ("expression", "messageExpression", "condition") and isinstance(value, str):
                yield value
            yield from expressions(value)
    elif isinstance(document, list):
        for element in document:
            yield from expressions(element)


ALL = [text for _, document in tree.objects() for text in expressions(document)]
POLICIES = [
    document for _, document in tree.objects() if document["kind"].endswith("AdmissionPolicy")
]


@pytest.mark.parametrize("text", ALL, ids=range(len(ALL)))
def test_it_compiles(text: str) -> None:
    compile_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "object.spec.",
        "nothing == 1",
        '1 + "x"',
        'JSONPatch{operation: "add"}',
        'object.metadata.name.endWith("x")',
        "size(object.a, object.b)",
    ],
)
def test_what_has_no_meaning_does_not(text: str) -> None:
    with pytest.raises(CelError):
        compile_expression(text)


def test_an_evaluation_that_fails_is_no_value() -> None:
    with pytest.raises(CelError, match="absent"):
        evaluate("object.absent == 1", {"object": {}})


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy["metadata"]["name"])
def test_variables_are_declared_before_use(policy: Document) -> None:
    declared: set[str] = set()
    for variable in policy["spec"]["variables"]:
        assert Policy.names(variable["expression"]) <= declared
        declared.add(variable["name"])
    used = {name for text in expressions(policy["spec"]) for name in Policy.names(text)}
    assert used == declared


def test_initializers_are_named_after_the_path_of_their_field() -> None:
    # kube-apiserver refuses Object.spec.wrong{} in the field right at evaluation.
    policy = tree.find("MutatingAdmissionPolicy", "portside-inject-hook")
    (text,) = (mutation["jsonPatch"]["expression"] for mutation in policy["spec"]["mutations"])
    root = "Object.spec.initContainers"
    types = object_types(text)
    assert root in types
    for name in types:
        parent, _, field = name.rpartition(".")
        assert name == root or (parent in types and f"{field}: " in text)


def test_each_refusal_has_a_plain_message_to_fall_back_to() -> None:
    # Kubernetes drops a computed message with a line break or of over 5 KiB: an annotation
    # that is quoted in it can have both.
    for policy in POLICIES:
        for validation in policy["spec"].get("validations", []):
            assert len(validation["messageExpression"]) < 1024
            assert 0 < len(validation["message"].splitlines()[0]) == len(validation["message"])
