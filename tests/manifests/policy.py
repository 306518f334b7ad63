# SPDX-License-Identifier: Apache-2.0
"""Admission policies, applied as kube-apiserver applies them."""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.manifests import tree
from tests.manifests.expressions import evaluate
from tests.manifests.jsonpatch import Operation, apply_patch
from tests.manifests.tree import Document

_VARIABLE = re.compile(r"\bvariables\.(\w+)")


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy, from its manifest."""

    spec: Mapping[str, Any]

    @classmethod
    def mutating(cls, name: str) -> "Policy":
        return cls(tree.find("MutatingAdmissionPolicy", name)["spec"])

    @classmethod
    def validating(cls, name: str) -> "Policy":
        return cls(tree.find("ValidatingAdmissionPolicy", name)["spec"])

    @staticmethod
    def names(expression: str) -> set[str]:
        """Return the variables that the expression names."""
        return set(_VARIABLE.findall(expression))

    def applies(self, new: Document, old: Document | None = None) -> bool:
        """Tell whether the match conditions hold; resource rules are not looked at."""
        roots = {"object": new, "oldObject": old}
        return all(
            evaluate(condition["expression"], roots)
            for condition in self.spec.get("matchConditions", [])
        )

    def refusals(self, new: Document, old: Document | None = None) -> list[str]:
        """Return the messages of the validations that refuse."""
        if not self.applies(new, old):
            return []
        roots = {"object": new, "oldObject": old}
        return [
            str(self._value(validation["messageExpression"], roots, {}))
            for validation in self.spec["validations"]
            if not self._value(validation["expression"], roots, {})
        ]

    def patch(self, new: Document) -> list[Operation]:
        """Return the operations of the JSON patch."""
        if not self.applies(new):
            return []
        (mutation,) = self.spec["mutations"]
        expression = mutation["jsonPatch"]["expression"]
        operations = self._value(expression, {"object": new}, {})
        assert isinstance(operations, list)
        return operations

    def mutate(self, new: Document) -> Document:
        """Return the object as the policy makes it."""
        return apply_patch(copy.deepcopy(new), self.patch(new))

    def _value(
        self, expression: str, roots: Mapping[str, object], known: dict[str, object]
    ) -> object:
        """Evaluate, and before that the variables that the expression names, once each."""
        for name in self.names(expression):
            if name not in known:
                (text,) = (
                    variable["expression"]
                    for variable in self.spec["variables"]
                    if variable["name"] == name
                )
                known[name] = self._value(text, roots, known)
        return evaluate(expression, {**roots, "variables": known})
