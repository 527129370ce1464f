"""Draws formulas as SVG: LaTeX set by matplotlib, in outlines, so that it looks alike everywhere and needs no font."""

from typing import TYPE_CHECKING

from automl_cli.report.svg import Picture, element, group, route
from automl_cli.values.drawings import Equation, Formula

if TYPE_CHECKING:
    from matplotlib.path import Path

SIZE = 18.0
MARGIN, GAP = 8.0, 16.0
"""Pixels around the formula, and between equations."""
SCALE = 0.75

UNKNOWN = {r"\bmod": r"\;\mathrm{mod}\;", r"\colon": r"\!:"}
"""What matplotlib cannot set, and what stands for it."""


def drawn_formula(formula: Formula) -> Picture:
    """Return the equations below each other, each set on its own line."""
    y, width, parts = MARGIN, 0.0, []
    for equation in formula.equations:
        outlines = _set(equation)
        box = outlines.get_extents()
        parts.append(element("path", d=_route(outlines, MARGIN - box.x0, y + box.y1)))
        y += box.height + GAP
        width = max(width, box.width)
    width += 2 * MARGIN
    return Picture(width, y - GAP + MARGIN, group(parts, fill_rule="nonzero"), SCALE * width)


def formula_in_words(formula: Formula) -> str:
    """Return the equations as text."""
    return "\n".join(equation.text for equation in formula.equations)


def _set(equation: Equation) -> "Path":
    """Return the outlines of the signs of an equation, y upward."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    text = equation.latex
    for name, known in UNKNOWN.items():
        text = text.replace(name, known)
    return TextPath((0, 0), f"${text}$", size=SIZE, prop=FontProperties(math_fontfamily="cm"))


def _route(outlines: "Path", x: float, y: float) -> str:
    """Return outlines as the text of an SVG path, moved to the right and down."""
    from matplotlib.path import Path

    commands = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "z"}
    steps: list[str | float] = []
    for points, code in outlines.iter_segments(simplify=False, curves=True):
        steps.append(commands[code])
        if code != Path.CLOSEPOLY:
            for across, up in points.reshape(-1, 2).tolist():
                steps += [x + across, y - up]
    return route(*steps)
