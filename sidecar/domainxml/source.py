# SPDX-License-Identifier: Apache-2.0
"""Where controllers come from: the middle step of a reservation."""
