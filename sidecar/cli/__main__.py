# SPDX-License-Identifier: Apache-2.0
"""``python -m sidecar.cli`` is ``portside``."""

import sys

from sidecar.cli.main import main

sys.exit(main())
