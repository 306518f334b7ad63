# SPDX-License-Identifier: Apache-2.0
"""Runs in the card VM: prints each VF as ``portside vf list --connect none -o json`` has it.

The command itself takes seconds to start in an emulated machine, most of it for parts that
have nothing to do with VFs.
"""

import json
import sys

from sidecar.cli.vf_data import describe_host
from sidecar.host.pciids import PciNames
from sidecar.pools.context import NO_URI, this_host
from sidecar.pools.observe import ask_guests, observe_host

host = this_host(NO_URI)
functions = describe_host(observe_host(host, ask_guests(host)), PciNames())["pfs"]
json.dump({vf["address"]: vf for pf in functions for vf in pf["vfs"]}, sys.stdout)
