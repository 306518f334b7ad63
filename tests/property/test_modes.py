# SPDX-License-Identifier: Apache-2.0
"""The mode of PCI hostdevs, in the bytes and in the tree."""

import random
import re

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from sidecar.domainxml.document import parse_domain
from sidecar.domainxml.modes import set_missing_modes, with_modes
from tests.property.sprinkle import sprinkled
from tests.property.vms import Vm, vms

_MODE = re.compile(rb" mode=(?:'subsystem'|\"subsystem\")")


def canonical(root: etree._Element) -> bytes:
    return etree.tostring(root, method="c14n")


@settings(max_examples=200, deadline=None)
@given(vms(), st.data())
def test_the_bytes_say_what_the_tree_says(vm: Vm, data: st.DataObject) -> None:
    whole = data.draw(sprinkled(vm.domain))
    seed = data.draw(st.integers(0, 2**32))
    chance = random.Random(seed)  # noqa: S311 -- a test's choice, no secret
    domain = _MODE.sub(lambda found: b"" if chance.random() < 0.7 else found.group(), whole)
    done = with_modes(domain)
    tree = parse_domain(domain)
    set_missing_modes(tree)
    assert canonical(parse_domain(done)) == canonical(tree)
    assert done.replace(b" mode='subsystem'", b"") == domain.replace(b" mode='subsystem'", b"")
    assert with_modes(done) is done
