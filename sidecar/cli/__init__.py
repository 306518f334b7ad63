# SPDX-License-Identifier: Apache-2.0
"""The command line: reads arguments and files, prints, sets exit codes."""
