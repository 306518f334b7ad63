# SPDX-License-Identifier: Apache-2.0
import json
import subprocess
import sys
import timeit
from functools import partial
from pathlib import Path

import pytest

from sidecar.errors import RequestError
from sidecar.model.request import Request, VmiIdentity
from sidecar.vmi.request import parse_request
from tests.support import RECORDINGS
from tests.unit.vmi.build import MAC, VF, check, vfs, vmi

BOOTS = {
    *("arm", "bigmem", "bigmem-maxguest", "disks", "gpu", "hotvol", "memhp", "nic1", "nic4"),
    *("passt", "root3", "secure", "sriov", "telco", "trans", "v2slots8"),
}
RECORDED = sorted(RECORDINGS.glob("*/*vmi.json"))
SECRET = "hunter2-Passw0rd"  # noqa: S105  # no password of anybody


def test_every_boot_is_recorded() -> None:
    assert {path.parent.name for path in RECORDED} == BOOTS


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_recordings_ask_for_nothing(path: Path) -> None:
    uid = "11111111-2222-4333-8444-555555555555"
    identity = VmiIdentity("default", path.parent.name.removesuffix("-maxguest"), uid)
    version = "v2" if path.parent.name == "v2slots8" else "v3"
    assert parse_request(path.read_bytes()) == Request(vmi=identity, topology_version=version)


@pytest.mark.parametrize(
    "document",
    [
        "{}",
        '{"metadata": []}',
        '{"metadata": {"name": 5, "namespace": null, "annotations": "portside.io/vfs"}}',
        '{"metadata": {"annotations": ["portside.io/vfs"]}, "spec": [1]}',
        '{"spec": {"domain": {"resources": "kubevirt.io/interface"}}}',
        '{"spec": {"domain": {"resources": {"requests": ["kubevirt.io/interface"]}}}}',
        '{"spec": {"kubevirt.io/interface": 5, "portside.io/vfs": "["}}',
        '{"spec": {"domain": {"devices": {"interfaces": [1, 1, {"name": "a"}, {"name": "a"}]}}}}',
    ],
)
def test_a_vmi_that_asks_for_nothing_never_fails(document: str) -> None:
    assert parse_request(document.encode()) == Request()


@pytest.mark.parametrize("document", ["[]", "5", "null", '"portside.io/vfs"', "[{}]"])
def test_other_json_is_no_vmi(document: str) -> None:
    check(document.encode(), "VMI", "not a VMI", "expected a JSON object")


def test_names_are_fit_for_any_log() -> None:
    document = {"metadata": {"name": "a\ud800b", "namespace": "n" * 1000, "uid": ["x"]}}
    identity = parse_request(json.dumps(document).encode()).vmi
    assert identity == VmiIdentity("n" * 253, "a?b", "")


@pytest.mark.parametrize("document", [{"spec": []}, {"spec": {"domain": 5}}])
def test_odd_structure_matters_to_a_vm_that_asks(document: dict[str, object]) -> None:
    document |= {"metadata": {"annotations": {"portside.io/interfaces": "5"}}}
    where = "VMI, at $.spec" if document["spec"] == [] else "VMI, at $.spec.domain"
    check(json.dumps(document).encode(), where, "wrong type", "expected an object")


def with_secret(document: bytes) -> bytes:
    """Give a VMI the cloud-init volumes that a user would give it."""
    data = json.loads(document)
    carriers = dict.fromkeys(("userData", "networkData"), f"#cloud-config\n{SECRET}")
    data["spec"]["volumes"] = [
        {"name": "one", "cloudInitNoCloud": {**carriers, "userDataBase64": SECRET}},
        {"name": "two", "cloudInitConfigDrive": carriers},
    ]
    data["accessCredentials"] = {SECRET: SECRET}
    return json.dumps(data).encode()


IMPOSSIBLE = {
    "interfaces": vmi({"interfaces": "33"}),
    "requests": vmi(resources={"requests": {"kubevirt.io/disk": "x"}}),
    "limits": vmi(resources={"limits": {"kubevirt.io/disk": 1}}),
    "devices": vmi({"disks": "5"}, devices={"disks": {}}),
    "networks": vmi({"interfaces": "5"}, interfaces=[VF, VF]),
    "unknown": vmi({"nics": "5"}),
    "teaming": vmi({"teaming": {"vf": "nowhere"}}),
    "vfs": vfs({"name": "a", "pool": "p", "mac": MAC, "vlan": {"id": 0}}),
    "allocations": vfs(**{"vf-allocations": {"a": "3b:02.1"}}),
    "json": vmi({"vfs": "[{"}),
}


def assert_keeps_secret(document: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        parse_request(document)
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in f"{error} {error!r} {vars(error)}"
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_no_error_tells_a_secret(name: str) -> None:
    assert_keeps_secret(with_secret(IMPOSSIBLE[name]))


def test_no_broken_document_tells_a_secret() -> None:
    whole = with_secret(vmi({"interfaces": "5"}))
    assert parse_request(whole).free_ports == 2
    for end in range(len(whole)):
        assert_keeps_secret(whole[:end])
        assert_keeps_secret(whole[:end] + b"\xff" + whole[end:])
        assert_keeps_secret(whole[:end] + b"\x00" + whole[end:])


def test_a_vmi_of_5_kb_takes_under_a_millisecond() -> None:
    entries = [
        {"name": f"vf{index}", "pool": "p", "mac": MAC, "as": "hostdev", "vlan": {"id": 10}}
        for index in range(8)
    ]
    asking = json.loads(vfs(*entries, interfaces="9", disks="9", teaming={"vf": "standby"}))
    recorded = json.loads((RECORDINGS / "sriov/vmi.json").read_bytes())
    asking["status"] = recorded
    asking["spec"]["volumes"] = [{"cloudInitNoCloud": {"userData": "x" * 1500}}]
    for document in (json.dumps(asking).encode(), json.dumps({"status": asking}).encode()):
        assert 4500 < len(document) < 6500
        # The best of many: what the code costs, not what else the machine does.
        best = min(timeit.repeat(partial(parse_request, document), number=5, repeat=40))
        assert best / 5 < 0.001


def test_imports_nothing_but_the_standard_library() -> None:
    program = (
        "import sys; before = set(sys.modules)\n"
        "import sidecar.vmi.request\n"
        "names = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(names - sys.stdlib_module_names))\n"
        "print(*sorted(names & {'decimal', 'fractions', 'asyncio', 'logging', 'http'}))"
    )
    done = subprocess.run(  # noqa: S603  # our own interpreter, a fixed program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "sidecar\n\n"


@pytest.mark.parametrize(
    ("status", "target"),
    [
        ({}, False),
        ({"migrationState": None}, False),
        ({"migrationState": {}}, False),
        ({"migrationState": {"migrationUid": "1", "targetNode": "n2"}}, True),
        ({"migrationState": {"targetNode": "n2", "completed": True}}, False),
        ({"migrationState": {"targetNode": "n2", "failed": True}}, False),
        ({"migrationState": {"targetNode": "n2", "endTimestamp": "2026-01-01T00:00:00Z"}}, False),
    ],
)
def test_a_migration_under_way_makes_this_pod_its_target(status: object, target: bool) -> None:
    document = json.loads(vmi({"interfaces": "5"}))
    document["status"] = status
    assert parse_request(json.dumps(document).encode()).migration_target is target
