# SPDX-License-Identifier: Apache-2.0
"""``onDefineDomain``: what KubeVirt's sidecar-shim runs for each call.

The shim passes the documents themselves as arguments, so each may have 128 KiB
(``MAX_ARG_STRLEN``, execve(2)), takes standard output as the new domain, logs standard
error, and fails the call if the exit code is not 0 (``cmd/sidecars/sidecar_shim.go``).
"""

import argparse
import os
import sys
from collections.abc import Sequence

from sidecar.errors import InternalError, PortsideError
from sidecar.hook.define_domain import Settings, define_domain
from sidecar.process.bug import describe_bug
from sidecar.process.message_sizes import check_reply, check_request


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the new domain XML; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="onDefineDomain",
        description="Run by KubeVirt's sidecar-shim; prints the new domain XML.",
        allow_abbrev=False,
    )
    parser.add_argument("--vmi", required=True, help="the VMI as JSON")
    parser.add_argument("--domain", required=True, help="the domain XML")
    given = parser.parse_args(arguments)
    # Python decoded the arguments with surrogateescape; this gives the bytes as they came.
    vmi, domain = os.fsencode(given.vmi), os.fsencode(given.domain)
    try:
        check_request(domain, vmi)
        changed = define_domain(vmi, domain, Settings()).mutation.domain
        check_reply(changed)
    except PortsideError as error:
        text = describe_bug(error) if isinstance(error, InternalError) else str(error)
        sys.stderr.write(f"onDefineDomain: {text}\n")
        return 1
    sys.stdout.buffer.write(changed)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
