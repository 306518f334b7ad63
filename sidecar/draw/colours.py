# SPDX-License-Identifier: Apache-2.0
"""The SVG's style sheet, for light and dark pages.

Plain classes: renderers other than browsers (librsvg) know no CSS variables.
"""

from string import Template

_COLOURS = """
page #ffffff #0d1117
panel #f6f8fa #161b22
edge #d0d7de #30363d
text #1f2328 #e6edf3
muted #59636e #9198a1
box #ffffff #0d1117
line #8c959f #6e7681
bar #3d5166 #3d5166
bartext #ffffff #ffffff
new #1a7f37 #3fb950
newbox #e3f5e8 #12261e
held #9a6700 #d29922
heldbox #fff6dc #272115
locked #cf222e #f85149
nic #0969da #4493f8
vf #8250df #ab7df8
disk #bc4c00 #f0883e
"""
"""Name, on light, on dark."""

_RULES = Template("""
text{font-family:system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:$text}
.page{fill:$page}
.panel{fill:$panel;stroke:$edge}
.heading{font-size:16px;font-weight:600}
.name{font-size:14px;font-weight:600}
.summary{font-size:12px}
.note{font-size:11px;fill:$muted}
.bar{fill:$bar}
.bar.new{fill:$new}
.on-bar{font-size:12px;font-weight:600;fill:$bartext}
.box{fill:$box;stroke:$line}
.box.free{fill:none;stroke-dasharray:5 3}
.box.held{fill:$heldbox;stroke:$held;stroke-dasharray:2 2}
.box.locked{fill:none;stroke:$locked}
.box.new{fill:$newbox;stroke:$new;stroke-width:1.8}
.box.edited{stroke:$new;stroke-width:1.8}
.box.moved{stroke:$locked;stroke-width:1.8}
.cross{stroke:$locked;stroke-width:1;opacity:.45}
.accent{fill:$line}
.accent.nic{fill:$nic}
.accent.vf{fill:$vf}
.accent.disk{fill:$disk}
.accent.placeholder{fill:$held}
.title{font-size:11.5px;font-weight:600}
.title.free,.title.slots{fill:$muted;font-weight:400}
.title.new.free{fill:$new;font-weight:600}
.title.locked{fill:$locked}
.small{font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.small{font-size:9.5px;fill:$muted}
.small.change{fill:$new;font-weight:600}
.label{font-size:11px;fill:$muted}
""")


def style_sheet() -> str:
    """Return the rules for light pages, and those for dark ones."""
    rows = [line.split() for line in _COLOURS.strip().splitlines()]
    light = _RULES.substitute({name: colour for name, colour, _ in rows})
    dark = _RULES.substitute({name: colour for name, _, colour in rows})
    return f"{light}@media (prefers-color-scheme:dark){{{dark}}}\n"
