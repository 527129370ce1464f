"""Draws formulas as SVG: LaTeX set by matplotlib, in outlines, so that it looks alike everywhere and needs no font."""

import re
from functools import cache
from typing import TYPE_CHECKING

from automl_cli.report.svg import Picture, element, group
from automl_cli.values.drawings import Formula

if TYPE_CHECKING:
    from matplotlib.path import Path

SIZE = 18.0
MARGIN, GAP = 8.0, 16.0
"""Pixels around the formula, and between equations."""
SCALE = 0.75
FINE = 10
"""Units of outlines in a pixel."""

UNKNOWN = {r"\bmod": r"\;\mathrm{mod}\;", r"\colon": r"\!:"}
"""What matplotlib cannot set, and what stands for it."""


def drawn_formula(formula: Formula) -> Picture:
    """Return the equations below each other, each set on its own line."""
    y, width, parts = MARGIN, 0.0, []
    for equation in formula.equations:
        outlines = _set(equation.latex)
        box = outlines.get_extents()
        parts.append(element("path", d=_route(outlines, MARGIN - box.x0, y + box.y1)))
        y += box.height + GAP
        width = max(width, box.width)
    width += 2 * MARGIN
    return Picture(width, y - GAP + MARGIN, group(parts, transform=f"scale({1 / FINE:g})"), SCALE * width)


def formula_in_words(formula: Formula) -> str:
    """Return the equations as text."""
    return "\n".join(equation.text for equation in formula.equations)


@cache
def _set(latex: str) -> "Path":
    """Return the outlines of the signs of an equation, y upward."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    text = _with_tall_parentheses(_with_large_fractions(latex))
    for name, known in UNKNOWN.items():
        text = text.replace(name, known)
    return TextPath((0, 0), f"${text}$", size=SIZE, prop=FontProperties(math_fontfamily="cm"))


def _with_large_fractions(text: str) -> str:
    r"""Return LaTeX whose fractions are as large as the text around them, but for those in exponents.

    >>> _with_large_fractions(r"\frac{1}{2} + e^{\frac{1}{2}}")
    '\\dfrac{1}{2} + e^{\\frac{1}{2}}'
    """
    parts, depths = [], list[bool]()
    for piece in re.split(r"(\^\{|[{}])", text):
        if piece.endswith("{"):
            depths.append(piece == "^{")
        elif piece == "}":
            depths.pop()
        parts.append(piece if any(depths) else piece.replace(r"\frac", r"\dfrac"))
    return "".join(parts)


def _with_tall_parentheses(text: str) -> str:
    r"""Return LaTeX whose parentheses are as tall as what stands in them where that is a fraction or a root.

    >>> _with_tall_parentheses(r"f(x) \left(\dfrac{1}{2}\right)")
    'f(x) \\left(\\dfrac{1}{2}\\right)'
    >>> _with_tall_parentheses(r"\cos(\dfrac{1}{2})")
    '\\cos\\left(\\dfrac{1}{2}\\right)'
    """
    pieces = re.split(r"([()])", text.replace(r"\left(", "(").replace(r"\right)", ")"))
    opened: list[int] = []
    for place, piece in enumerate(pieces):
        if piece == "(":
            opened.append(place)
        elif piece == ")":
            start = opened.pop()
            if any(tall in part for part in pieces[start:place] for tall in (r"\dfrac", r"\sqrt")):
                pieces[start], pieces[place] = r"\left(", r"\right)"
    return "".join(pieces)


def _route(outlines: "Path", x: float, y: float) -> str:
    """Return outlines as the text of a path in units of 1 / `FINE` pixel, each point told from the one before, to be short."""
    from matplotlib.path import Path

    commands = {Path.MOVETO: "m", Path.LINETO: "l", Path.CURVE3: "q", Path.CURVE4: "c", Path.CLOSEPOLY: "z"}
    parts, at, start = [], (0, 0), (0, 0)
    for points, code in outlines.iter_segments(simplify=False, curves=True):
        ends = [(round(FINE * (x + across)), round(FINE * (y - up))) for across, up in points.reshape(-1, 2).tolist()]
        if code == Path.CLOSEPOLY:
            parts.append("z")
            at = start
            continue
        figures = " ".join(f"{to_x - at[0]} {to_y - at[1]}" for to_x, to_y in ends).replace(" -", "-")
        parts.append(f"{commands[code]}{figures}")
        at = ends[-1]
        start = at if code == Path.MOVETO else start
    return "".join(parts)
