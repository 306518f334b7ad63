# SPDX-License-Identifier: Apache-2.0
"""What the documents for owners and administrators say is what the code does."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from sidecar.cli.hook import parse_arguments
from sidecar.domainxml.mutate import mutate
from sidecar.domainxml.reservation.planner import Planner
from sidecar.errors import CapacityError, RequestError
from sidecar.vmi.annotations import KNOWN
from tests.manifests import tree
from tests.manifests.tree import Document
from tests.manifests.vms import request_of, vmi

ROOT = tree.MANIFESTS.parent
OWNERS = (ROOT / "docs" / "vm-owners.md").read_text(encoding="utf-8")
ADMINS = (ROOT / "docs" / "admins.md").read_text(encoding="utf-8")
MAC, OTHER = "02:00:00:00:00:aa", "02:00:00:00:00:ab"
TEAM = "portside.io/teaming"
VFS = "portside.io/vfs"


def teamed_vmi(
    annotations: Mapping[str, str],
    requests: Mapping[str, object] | None = None,
    limits: Mapping[str, object] | None = None,
    vf_mac: str | None = MAC,
) -> Document:
    """Return a VMI with the networks of the documents: default, standby and vf."""
    document = vmi(annotations, requests, limits)
    interfaces = document["spec"]["domain"]["devices"]["interfaces"]
    interfaces.append({"name": "standby", "bridge": {}, "macAddress": MAC})
    interfaces.append({"name": "vf", "sriov": {}})
    if vf_mac is not None:
        interfaces[-1]["macAddress"] = vf_mac
    return document


def blocks(text: str) -> list[Document]:
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]


def test_every_block_is_a_valid_request() -> None:
    shown: dict[str, str] = {}
    requests: dict[str, object] = {}
    for block in blocks(OWNERS):
        if "resources" in block:
            requests |= block["resources"]["requests"]
        else:
            shown |= block
    # Both of the document's teams have the NIC standby, so they are VMs of their own.
    team = request_of(teamed_vmi({TEAM: shown.pop(TEAM)}))
    assert [(pair.transient, pair.persistent) for pair in team.teaming] == [("vf", "standby")]
    rest = request_of(teamed_vmi({key: shown[key] for key in KNOWN if key in shown}, requests))
    assert rest.interfaces is not None
    assert rest.interfaces.total == 8
    assert rest.vfs[0].address is not None
    assert set(shown) - set(KNOWN) == {"hooks.kubevirt.io/hookSidecars"}


def test_every_annotation_is_explained() -> None:
    for key in KNOWN:
        assert key in OWNERS


REFUSED = [
    teamed_vmi({"portside.io/interface": "8"}),
    teamed_vmi({"portside.io/interfaces": "40"}),
    teamed_vmi({"portside.io/interfaces": "8"}, {"kubevirt.io/interface": 9}),
    teamed_vmi({}, limits={"kubevirt.io/interface": 8}),
    teamed_vmi({TEAM: "{'vf': 'standby'}"}),
    teamed_vmi({TEAM: '{"vf": "stanby"}'}),
    teamed_vmi({TEAM: '{"standby": "vf"}'}),
    teamed_vmi({TEAM: '{"vf": "standby"}'}, vf_mac=None),
    teamed_vmi({TEAM: '{"vf": "standby"}'}, vf_mac=OTHER),
    teamed_vmi({VFS: '[{"name": "data0", "pool": "fast", "vlans": 1}]'}),
    teamed_vmi({VFS: '[{"name": "data0", "pool": "fast", "vlan": {"trunk": [10, 20]}}]'}),
]


def with_sidecars(*images: str) -> Document:
    listed = json.dumps([{"image": image} for image in images])
    return teamed_vmi({TEAM: '{"vf": "standby"}', "hooks.kubevirt.io/hookSidecars": listed})


def with_binding() -> Document:
    document = teamed_vmi({TEAM: '{"vf": "standby"}'})
    bound = {"name": "pod", "binding": {"name": "passt"}}
    document["spec"]["domain"]["devices"]["interfaces"].append(bound)
    return document


def that_migrates() -> Document:
    document = teamed_vmi({VFS: '[{"name": "data0", "pool": "fast"}]'})
    document["spec"]["evictionStrategy"] = "LiveMigrate"
    return document


REFUSED_WITH_DOMAIN = [
    teamed_vmi({"portside.io/interfaces": "8", "portside.io/max-ports": "3"}),
    teamed_vmi({VFS: '[{"name": "data0", "pool": "fast"}]'}),
    teamed_vmi({VFS: '[{"name": "data0", "pool": "fast", "as": "interface"}]'}),
    that_migrates(),
    with_binding(),
    with_sidecars("portside:0.1.0", "example-hook-sidecar"),
]
DOMAIN = (
    b"<domain type='kvm'><os><type arch='x86_64' machine='q35'>hvm</type></os><devices>"
    b"<controller type='usb' model='none'/><memballoon model='none'/></devices></domain>"
)


def messages() -> list[str]:
    """Return the messages of the table, up to where it leaves off."""
    rows = re.findall(r"^\| `(\S.*?)` \| ", OWNERS.partition("## Messages")[2], re.MULTILINE)
    return [row.removesuffix("...") for row in rows]


@pytest.mark.parametrize("document", REFUSED, ids=range(len(REFUSED)))
def test_a_message_reads_as_the_table_says(document: Document) -> None:
    with pytest.raises(RequestError) as caught:
        request_of(document)
    told = [text for text in messages() if str(caught.value).startswith(text)]
    assert len(told) == 1, str(caught.value)


@pytest.mark.parametrize("document", REFUSED_WITH_DOMAIN, ids=range(len(REFUSED_WITH_DOMAIN)))
def test_so_does_one_that_needs_the_domain(document: Document) -> None:
    with pytest.raises((RequestError, CapacityError)) as caught:
        mutate(DOMAIN, request_of(document), Planner())
    told = [text for text in messages() if str(caught.value).startswith(text)]
    assert len(told) == 1, str(caught.value)


def test_the_table_has_no_message_that_nobody_sees() -> None:
    """The rest comes from the domain, as golden calls that are refused; one row is any bug's."""
    golden = [path.read_text() for path in (ROOT / "tests" / "golden").glob("*/error.txt")]
    refused = [text.partition(": ")[2] for text in golden]
    for document in REFUSED:
        with pytest.raises(RequestError) as caught:
            request_of(document)
        refused.append(str(caught.value))
    for document in REFUSED_WITH_DOMAIN:
        with pytest.raises((RequestError, CapacityError)) as ended:
            mutate(DOMAIN, request_of(document), Planner())
        refused.append(str(ended.value))
    unseen = [row for row in messages() if not any(text.startswith(row) for text in refused)]
    assert [row.partition(": ")[2] for row in unseen] == ["please report it)"]


def test_every_file_that_is_named_is_there() -> None:
    names = set(re.findall(r"(?<![\w/])manifests/[\w./-]+", ADMINS + OWNERS))
    assert len(names) > 5
    for name in names:
        assert (ROOT / name).exists(), name


def test_every_policy_is_explained_and_no_other() -> None:
    explained = set(re.findall(r"portside-[a-z]+-[a-z]+", ADMINS))
    policies = {
        document["metadata"]["name"]
        for _, document in tree.objects()
        if document["kind"].endswith("AdmissionPolicy")
    }
    assert explained == policies


def test_options_and_environment_are_those_of_the_hook(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["--help"], {})
    usage = capsys.readouterr().out
    options = set(re.findall(r"`(--[a-z-]+)`", ADMINS.partition("## Options")[2].split("##")[0]))
    assert len(options) >= 5
    for option in options:
        assert option in usage
    options_of_hook, _ = parse_arguments([], {"PORTSIDE_LOG_LEVEL": "debug"})
    assert options_of_hook.log_level == "debug"
    assert Path(options_of_hook.hook_dir or "").name == "kubevirt-hooks"
