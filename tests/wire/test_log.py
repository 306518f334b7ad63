# SPDX-License-Identifier: Apache-2.0
"""The hook's log."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from tests.wire.hookprocess import HookProcess, define_v1alpha3
from tests.wire.recordings import CALLS, asking, domain_of, name_of, vmi_of

LAST_CALL = next(call for call in CALLS if name_of(call) == "sriov-pass3")
DOMAIN, VMI = domain_of(LAST_CALL), vmi_of(LAST_CALL)
CALL = "v1alpha3 OnDefineDomain"
SECRET = "hunter2-Zx9"  # noqa: S105 - bait: must not show up


def with_secret(vmi: bytes) -> bytes:
    document = json.loads(vmi)
    for volume in document["spec"]["volumes"]:
        if "cloudInitNoCloud" in volume:
            volume["cloudInitNoCloud"] = {"userData": f"#cloud-config\npassword: {SECRET}\n"}
    assert SECRET in json.dumps(document)
    return json.dumps(document).encode()


def test_one_line_says_what_a_call_asked_and_got(hook: HookProcess) -> None:
    vmi = asking(VMI, interfaces=20, teaming={"vf": "standby"})
    define_v1alpha3(hook.path, DOMAIN, vmi)
    line = hook.wait_for_line(CALL)
    before, after = line.pop("ports_before"), line.pop("ports_after")
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert before.keys() == after.keys() == {"family", "total", "free"}
    assert after["free"] >= 17
    assert after["total"] > before["total"]
    milliseconds = line.pop("milliseconds")
    assert isinstance(milliseconds, float)
    assert 0 < milliseconds < 5000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", str(line.pop("timestamp")))
    assert isinstance(line.pop("notes"), list)
    assert line == {
        "event": CALL,
        "level": "info",
        "namespace": "default",
        "name": "sriov",
        "uid": "11111111-2222-4333-8444-555555555555",
        "asked": {
            "interfaces": {"total": 20, "defined": 3},
            "teaming": {"vf": "standby"},
            "topology_version": "v3",
        },
        "outcome": "changed",
    }
    assert sum(written["event"] == CALL for written in hook.complete_lines()) == 1


@pytest.mark.parametrize("refused", [False, True], ids=["answered", "refused"])
def test_no_line_is_lost_at_the_end_of_the_process(base: Path, *, refused: bool) -> None:
    # Lines are written after the answers, so the end is asked for on the heels of the last one.
    directory = base / "hooks"
    directory.mkdir()
    vmis = [asking(VMI, interfaces=40 if refused else number % 30) for number in range(40)]
    with HookProcess(directory) as hook, ThreadPoolExecutor(8) as pool:
        path = hook.wait_for_socket().path
        calls = [pool.submit(define_v1alpha3, path, DOMAIN, vmi) for vmi in vmis]
        failed = [isinstance(call.exception(), grpc.RpcError) for call in calls]
        hook.process.terminate()
        assert hook.end(5) == 0
        events = [line["event"] for line in hook.complete_lines()]
    assert failed == [refused] * len(vmis)
    assert events.count(CALL) == len(vmis)
    assert events[-1] == "stopped"


def test_a_call_that_asks_nothing_has_its_line(hook: HookProcess) -> None:
    define_v1alpha3(hook.path, DOMAIN, VMI)
    line = hook.wait_for_line(CALL)
    assert (line["outcome"], line["asked"], line["name"]) == ("unchanged", {}, "sriov")
    assert line["ports_before"] is line["ports_after"] is None


def test_a_refused_call_has_its_line(hook: HookProcess) -> None:
    with pytest.raises(grpc.RpcError):
        define_v1alpha3(hook.path, DOMAIN, asking(VMI, interfaces=33))
    line = hook.wait_for_line(CALL)
    assert (line["level"], line["outcome"], line["code"]) == (
        "error",
        "refused",
        "INVALID_ARGUMENT",
    )
    assert "portside.io/interfaces" in str(line["error"])
    assert (line["namespace"], line["name"]) == ("default", "sriov")


def test_the_xml_is_logged_at_debug_level_only(base: Path) -> None:
    texts = {}
    for level in ("info", "debug"):
        directory = base / level
        directory.mkdir()
        with HookProcess(directory, "--log-level", level) as hook:
            define_v1alpha3(hook.wait_for_socket().path, DOMAIN, asking(VMI, interfaces=20))
            hook.process.terminate()
            assert hook.end(5) == 0
            texts[level] = hook.log_text()
            lines = {line["event"]: line for line in hook.complete_lines()}
    assert "<domain" not in texts["info"]
    domains = lines[f"{CALL} domain"]
    assert domains["domain_before"] == DOMAIN.decode()
    after = str(domains["domain_after"])
    assert after.count("pcie-root-port") > DOMAIN.count(b"pcie-root-port")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda vmi: vmi,
        lambda vmi: asking(vmi, interfaces=8),
        lambda vmi: asking(vmi, interfaces="many"),
        lambda vmi: vmi[:-20],
        lambda vmi: vmi + b"}",
        lambda vmi: vmi.replace(SECRET.encode(), SECRET.encode() + b"\xff"),
        lambda vmi: vmi.replace(SECRET.encode(), SECRET.encode() + b"\n"),
        lambda vmi: vmi.replace(b'"userData"', b'"userData": "", "userData"'),
    ],
    ids=["nothing", "asks", "refused", "cut", "more", "not-utf8", "control", "twice"],
)
def test_cloud_init_data_is_never_logged(
    hook: HookProcess, spoil: Callable[[bytes], bytes]
) -> None:
    vmi = spoil(with_secret(VMI))
    assert SECRET.encode() in vmi
    try:
        define_v1alpha3(hook.path, DOMAIN, vmi)
    except grpc.RpcError as error:
        assert SECRET not in str(error)  # noqa: PT017 - some of the VMIs are accepted
    hook.wait_for_line(CALL)
    assert SECRET not in hook.log_text()
    assert "#cloud-config" not in hook.log_text()


def test_secrets_of_the_domain_are_not_logged(base: Path) -> None:
    directory = base / "hooks"
    directory.mkdir()
    domain = DOMAIN.replace(
        b"<devices>", f"<devices><graphics type='vnc' passwd='{SECRET}'/>".encode(), 1
    )
    assert SECRET.encode() in domain
    with HookProcess(directory, "--log-level", "debug") as hook:
        path = hook.wait_for_socket().path
        assert SECRET.encode() in define_v1alpha3(path, domain, asking(VMI, interfaces=8))
        hook.wait_for_line(f"{CALL} domain")
        assert SECRET not in hook.log_text()
        assert "[removed]" in hook.log_text()


def test_a_message_that_cannot_be_read_has_its_line(hook: HookProcess) -> None:
    hook.wait_for_line("serving")
    with grpc.insecure_channel(f"unix:{hook.path}") as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/kubevirt.hooks.v1alpha3.Callbacks/OnDefineDomain"
        )
        with pytest.raises(grpc.RpcError):
            call(b"\xff" + SECRET.encode(), timeout=5)
    line = hook.wait_for_line(CALL)
    assert (line["level"], line["outcome"], line["code"]) == ("error", "refused", "INTERNAL")
    assert "OnDefineDomainParams" in str(line["error"])
    assert SECRET not in hook.log_text()
