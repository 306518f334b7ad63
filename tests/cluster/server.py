# SPDX-License-Identifier: Apache-2.0
"""A control plane on loopback: etcd and kube-apiserver, with RBAC and tokens, no controllers."""

import json
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.api import Api, RefusedError
from tests.cluster.process import free_port, running
from tests.cluster.programs import Programs
from tests.support import missing

READY_SECONDS = 120

USERS: Mapping[str, tuple[str, ...]] = {
    "admin": ("system:masters",),
    # Whoever owns VMs, with the rights that a test binds.
    "owner": (),
}
"""Users of the token file and their groups. A user's token is ``token-of-NAME``."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running control plane."""

    programs: Programs
    folder: Path
    port: int
    admin: Api

    def user(self, name: str) -> Api:
        return self.admin.as_user(f"token-of-{name}")

    def account(self, namespace: str, name: str) -> Api:
        """Return the API as a pod of the service account meets it."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        return self.admin.as_user(self.admin.request("POST", path, asked)["status"]["token"])

    def kubectl(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator; a failure is for the caller to judge."""
        return subprocess.run(  # noqa: S603 - the kubectl that the tests installed
            [self.programs.kubectl, *arguments],
            env={"KUBECONFIG": str(self.folder / "kubeconfig"), "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )

    def apply(self, tree: Path) -> list[str]:
        """Apply a kustomization; return kubectl's lines, one for each object."""
        done = self.kubectl("apply", "-k", tree)
        assert done.returncode == 0, done.stderr
        assert "unknown field" not in done.stderr
        return done.stdout.splitlines()


@contextmanager
def running_cluster(programs: Programs, folder: Path) -> Iterator[Cluster]:
    """Start a control plane that keeps everything in ``folder``; end it."""
    with running_etcd(programs, folder) as etcd, running_apiserver(programs, folder, etcd) as one:
        yield one


@contextmanager
def running_etcd(programs: Programs, folder: Path) -> Iterator[int]:
    """Start etcd on the objects in ``folder``, and return its port."""
    port = free_port()
    with running(_etcd(programs, folder, port), folder / "etcd.log"):
        yield port


@contextmanager
def running_apiserver(programs: Programs, folder: Path, etcd: int) -> Iterator[Cluster]:
    """Start kube-apiserver; the objects are those that etcd has."""
    port = free_port()
    command = _apiserver(programs, folder, etcd, port)
    with running(command, folder / "apiserver.log") as server:
        yield _wait(programs, folder, port, server)


def _etcd(programs: Programs, folder: Path, port: int) -> list[str | Path]:
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{free_port()}"
    return [
        programs.etcd,
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
    ]


def _apiserver(programs: Programs, folder: Path, etcd: int, port: int) -> list[str | Path]:
    tokens = [
        f'token-of-{name},{name},{number},"{",".join(groups)}"\n'
        for number, (name, groups) in enumerate(USERS.items())
    ]
    (folder / "tokens.csv").write_text("".join(tokens), encoding="utf-8")
    key = folder / "service-accounts.key"
    try:
        subprocess.run(  # noqa: S603 - constants and a path of ours
            ["openssl", "genrsa", "-out", key, "2048"],  # noqa: S607 - whichever the user has
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        missing("a real API server needs openssl, for the key of its tokens")
    return [
        programs.apiserver,
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        # It makes its own certificate there.
        f"--cert-dir={folder / 'certificates'}",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-account-issuer=https://cluster.invalid",
        "--service-cluster-ip-range=10.0.0.0/24",
        # No controller makes the service accounts that it would demand of a pod.
        "--disable-admission-plugins=ServiceAccount",
    ]


def _wait(programs: Programs, folder: Path, port: int, server: subprocess.Popen[bytes]) -> Cluster:
    certificate = folder / "certificates/apiserver.crt"
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            context = ssl.create_default_context(cafile=str(certificate))
            admin = Api(port, context, "token-of-admin")
            admin.request("GET", "/readyz")
        except (OSError, RefusedError):
            time.sleep(0.1)
            continue
        _write_kubeconfig(folder, port, certificate)
        return Cluster(programs, folder, port, admin)
    logs = [
        (folder / name).read_text(encoding="utf-8", errors="replace")[-2000:]
        for name in ("etcd.log", "apiserver.log")
    ]
    state = "ended" if server.poll() is not None else f"was not ready in {READY_SECONDS} s"
    raise AssertionError(f"kube-apiserver {state}: {logs}")


def _write_kubeconfig(folder: Path, port: int, certificate: Path) -> None:
    server = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(certificate)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": server}],
        "users": [{"name": "admin", "user": {"token": "token-of-admin"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
        "current-context": "test",
    }
    # JSON is YAML.
    (folder / "kubeconfig").write_text(json.dumps(config), encoding="utf-8")
