# SPDX-License-Identifier: Apache-2.0
"""Runs in the card VM: prints each VF's use as ``portside vf list -o json`` has it.

The command itself takes seconds to start in an emulated machine, most of it for parts that
have nothing to do with VFs.
"""

import json
import sys

from sidecar.cli.vf_data import describe_inventory
from sidecar.host.inventory import read_inventory
from sidecar.host.pciids import PciNames
from sidecar.host.sysfs import Sysfs

functions = describe_inventory(read_inventory(Sysfs()), PciNames())["pfs"]
json.dump({vf["address"]: vf["usage"] for pf in functions for vf in pf["vfs"]}, sys.stdout)
