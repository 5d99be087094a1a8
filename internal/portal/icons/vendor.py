#!/usr/bin/env python3
"""Writes paths_gen.go from the outline icons of an unpacked @tabler/icons
(version 3.51.0): vendor.py FOLDER. The icons in use are those listed here."""
import pathlib
import re
import sys

NAMES = """
activity adjustments target-arrow trending-up git-merge user-circle alert-triangle apps arrow-back-up brand-git check chevron-left chevron-right circle-check
circle-dashed circle-x contrast copy download external-link eye history home key keyboard loader-2 lock logout
map-2 mood-empty player-pause presentation refresh rocket search server-2 shield-check stack-2 terminal-2 users-group x
""".split()

folder = pathlib.Path(sys.argv[1]) / "icons" / "outline"
lines = [
    "// Code generated from the Tabler icons (MIT, see ../assets/licences/tabler.txt) by vendor.py; DO NOT EDIT.",
    "",
    "package icons",
    "",
    "// paths are the shapes of the icons in use, drawn in 24 × 24 by strokes of 2.",
    "var paths = map[string]string{",
]
for name in sorted(NAMES):
    shapes = re.findall(r'<path d="([^"]+)"', (folder / f"{name}.svg").read_text())
    lines.append('\t"%s": `%s`,' % (name, "".join(f'<path d="{d}"/>' for d in shapes)))
lines.append("}")
(pathlib.Path(__file__).parent / "paths_gen.go").write_text("\n".join(lines) + "\n")
