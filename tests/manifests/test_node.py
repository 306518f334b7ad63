# SPDX-License-Identifier: Apache-2.0
"""The node agent's manifests: what it may, and that its parts name each other rightly."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # it ships no annotations
import pytest
from typer.testing import CliRunner

import sidecar
from sidecar.agent.node_hooks import PERMITTED
from sidecar.cli.app import app
from sidecar.state.store import STATE
from tests.manifests import tree
from tests.manifests.expressions import evaluate
from tests.manifests.jsonpatch import apply_patch
from tests.manifests.tree import Document
from tests.support import missing

PLUGIN = tree.find("Plugin", "portside-node")
UNIT = tree.MANIFESTS / "systemd" / "portside-node.service"
IMAGE = f"registry.example/portside-node:{sidecar.__version__}"


def daemon_set() -> Document:
    return tree.find("DaemonSet", "portside-node")


def with_libvirt() -> Document:
    (operations,) = tree.load_all(tree.MANIFESTS / "components/node-libvirt/add-libvirt.yaml")
    return apply_patch(daemon_set(), operations)


def pod(document: Document) -> Document:
    spec: Document = document["spec"]["template"]["spec"]
    return spec


def container(document: Document) -> Document:
    (one,) = pod(document)["containers"]
    found: Document = one
    return found


def options(document: Document) -> dict[str, str]:
    """Return what the arguments say; each option of the manifest has one value."""
    arguments = container(document)["args"]
    return dict(zip(arguments[::2], arguments[1::2], strict=True))


def paths(document: Document) -> dict[str, str]:
    """Return the folder of the host behind each folder of the container."""
    by_name = {one["name"]: one["hostPath"]["path"] for one in pod(document)["volumes"]}
    mounts: list[dict[str, Any]] = container(document)["volumeMounts"]
    assert {mount["name"] for mount in mounts} == set(by_name)
    return {mount["mountPath"]: by_name[mount["name"]] for mount in mounts}


def test_it_has_one_capability_and_is_not_privileged() -> None:
    assert container(daemon_set())["securityContext"] == {
        "runAsUser": 0,
        "runAsGroup": 0,
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert {key for key in pod(daemon_set()) if key.startswith("host")} == {"hostNetwork"}


def test_it_has_no_way_to_the_api() -> None:
    account = tree.find("ServiceAccount", pod(daemon_set())["serviceAccountName"])
    assert account["automountServiceAccountToken"] is False
    assert pod(daemon_set())["automountServiceAccountToken"] is False
    assert not [one for _, one in tree.objects() if "Role" in one["kind"]]


def test_it_sees_its_records_and_the_sockets_and_nothing_else() -> None:
    plugins = "/var/run/kubevirt/plugins"
    assert paths(daemon_set()) == {str(STATE): str(STATE), plugins: plugins}


def test_with_libvirt_it_sees_that_and_sysfs_too() -> None:
    document = with_libvirt()
    kubernetes_validate.validate(document, "1.36", strict=True)
    more = paths(document).items() - paths(daemon_set()).items()
    assert dict(more) == {"/host/sys": "/sys", "/var/run/libvirt": "/var/run/libvirt"}
    assert options(document)["--connect"] == "qemu:///system"
    assert options(document)["--sysfs"] == "/host/sys"
    changed = {**options(document), "--connect": "none"}
    del changed["--sysfs"]
    assert changed == options(daemon_set())


@pytest.mark.parametrize("document", [daemon_set(), with_libvirt()], ids=["plain", "libvirt"])
def test_its_arguments_are_options_of_the_command(document: Document) -> None:
    # An unknown option fails before --help is answered, a known one does not.
    arguments = ["node", *container(document)["args"], "--help"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert CliRunner().invoke(app, ["node", "--unknown", "x", "--help"]).exit_code != 0


def test_virt_handler_calls_where_the_agent_listens() -> None:
    (hook,) = PLUGIN["spec"]["nodeHooks"]
    assert hook["socket"] == options(daemon_set())["--socket"]
    assert str(Path(hook["socket"]).parent) in paths(daemon_set())
    assert tuple(hook["permittedHooks"]) == PERMITTED


def test_the_plugin_changes_no_domain() -> None:
    # Domain hooks of any plugin make KubeVirt drop <teaming> that a hook sidecar wrote.
    assert set(PLUGIN["spec"]) == {"failureStrategy", "nodeHooks"}
    assert PLUGIN["spec"]["failureStrategy"] == "Fail"


@pytest.mark.parametrize(
    ("annotations", "called"),
    [({}, False), ({"portside.io/interfaces": "3"}, False), ({"portside.io/vfs": "[]"}, True)],
)
def test_it_is_called_for_vmis_that_ask_for_vfs(
    annotations: dict[str, str], *, called: bool
) -> None:
    (hook,) = PLUGIN["spec"]["nodeHooks"]
    assert (
        evaluate(hook["condition"], {"vmi": {"metadata": {"annotations": annotations}}}) is called
    )


def test_probes_ask_where_it_answers() -> None:
    one = container(daemon_set())
    for probe, path in (
        ("startupProbe", "/readyz"),
        ("livenessProbe", "/healthz"),
        ("readinessProbe", "/readyz"),
    ):
        get = one[probe]["httpGet"]
        assert f"{get['host']}:{get['port']}" == options(daemon_set())["--metrics-address"]
        assert get["path"] == path


def test_it_has_time_to_end_a_write() -> None:
    assert pod(daemon_set())["terminationGracePeriodSeconds"] > 30 + 10


def test_everything_of_it_is_in_its_namespace() -> None:
    namespace = tree.find("Namespace", "portside")
    labels = namespace["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"
    for document in (daemon_set(), tree.find("ServiceAccount", "portside-node")):
        assert document["metadata"]["namespace"] == "portside"


def test_the_overlay_sets_the_image() -> None:
    assert container(daemon_set())["image"] == IMAGE
    overlay = tree.MANIFESTS / "overlays" / "own-image-node"
    (kustomization,) = tree.load_all(overlay / "kustomization.yaml")
    (patch,) = kustomization["patches"]
    assert patch["target"] == {"kind": "DaemonSet", "name": "portside-node"}
    (operations,) = tree.load_all(overlay / patch["path"])
    changed = apply_patch(daemon_set(), operations)
    assert container(changed)["image"] == IMAGE


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        missing("systemd-analyze is not installed")
    unit = tmp_path / UNIT.name
    # The command must exist for it; where that is, differs from host to host.
    text = UNIT.read_text(encoding="utf-8")
    assert "ExecStart=/usr/local/bin/portside node " in text
    unit.write_text(text.replace("/usr/local/bin/portside", "/bin/true"), encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - the system's own program
        [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=True
    )
    assert done.stdout + done.stderr == ""


def test_the_units_command_line_is_one() -> None:
    (line,) = [
        line.partition("=")[2]
        for line in UNIT.read_text(encoding="utf-8").splitlines()
        if line.startswith("ExecStart=")
    ]
    assert CliRunner().invoke(app, [*line.split()[1:], "--help"]).exit_code == 0
