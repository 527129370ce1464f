"""Draws formulas as SVG: LaTeX set by matplotlib, in outlines, so that it looks alike everywhere and needs no font."""

import re
from functools import cache
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from automl_cli.reporting.svg import Picture, element, text_width, words
from automl_cli.values.drawings import Formula

if TYPE_CHECKING:
    from matplotlib.path import Path

SIZE = 18.0
MARGIN, GAP = 8.0, 16.0
"""Pixels around the formula, and between equations."""
SCALE = 0.75
FINE = 10
"""Units of outlines in a pixel."""
MOST_SIGNS = 300
"""The most LaTeX of an equation that is set: at most about 60 kB, and mostly much less."""
COLUMNS, LINE = 64, 17.0
"""Of what is not set: signs in a line, and pixels from line to line."""

UNKNOWN = {r"\bmod": r"\;\mathrm{mod}\;", r"\colon": r"\!:"}
"""What matplotlib cannot set, and what stands for it."""


class Outlines(NamedTuple):
    """The signs of an equation as an SVG path in units of 1 / `FINE` pixel, and their size.

    `first` is the first point, from the upper left corner, and `rest` all that follows, each point told from the one before.
    """

    width: int
    height: int
    first: tuple[int, int]
    rest: str


def drawn_formula(formula: Formula) -> Picture:
    """Return the equations below each other, each set on its own line; a very long one as plain text, in several lines."""
    y, width, parts = MARGIN, 0.0, []
    for equation in formula.equations:
        long = len(equation.latex) > MOST_SIGNS
        wide, tall, body = _as_text(equation.text, y) if long else _as_outlines(equation.latex, y)
        parts.append(body)
        y += tall + GAP
        width = max(width, wide)
    return Picture(width + 2 * MARGIN, y - GAP + MARGIN, "".join(parts), SCALE * (width + 2 * MARGIN))


def _as_outlines(latex: str, top: float) -> tuple[float, float, str]:
    """Return width, height and elements of an equation whose upper edge is given."""
    outlines = set_equation(latex)
    x, y = round(FINE * MARGIN) + outlines.first[0], round(FINE * top) + outlines.first[1]
    d = f"M{x} {y}{outlines.rest}"
    return outlines.width / FINE, outlines.height / FINE, element("path", d=d, transform=f"scale({1 / FINE:g})")


def _as_text(text: str, top: float) -> tuple[float, float, str]:
    lines = wrap(text, COLUMNS, subsequent_indent="    ")
    body = "".join(words(line, MARGIN, top + LINE * number) for number, line in enumerate(lines, start=1))
    return max(map(text_width, lines)), LINE * len(lines), body


def formula_in_words(formula: Formula) -> str:
    """Return the equations as text."""
    return "\n".join(equation.text for equation in formula.equations)


@cache
def set_equation(latex: str) -> Outlines:
    """Return the outlines of the signs of LaTeX. ValueError for what matplotlib cannot set."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    text = _with_tall_parentheses(_with_large_fractions(latex))
    for name, known in UNKNOWN.items():
        text = text.replace(name, known)
    return _outlines(TextPath((0, 0), f"${text}$", size=SIZE, prop=FontProperties(math_fontfamily="cm")))


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


def _outlines(path: "Path") -> Outlines:
    from matplotlib.path import Path

    commands = {Path.MOVETO: "m", Path.LINETO: "l", Path.CURVE3: "q", Path.CURVE4: "c", Path.CLOSEPOLY: "z"}
    pieces = [
        (commands[code], [(round(FINE * x), round(-FINE * y)) for x, y in points.reshape(-1, 2).tolist()])
        for points, code in path.iter_segments(simplify=False, curves=True)
    ]
    drawn = [points for command, points in pieces if command != "z"]
    xs, ys = ([point[axis] for points in drawn for point in points] for axis in (0, 1))
    first = at = start = drawn[0][0]
    parts = []
    for command, points in pieces[1:]:
        if command == "z":
            parts.append("z")
            at = start
        else:
            parts.append(command + " ".join(f"{x - at[0]} {y - at[1]}" for x, y in points).replace(" -", "-"))
            at = points[-1]
            start = at if command == "m" else start
    corner = min(xs), min(ys)
    return Outlines(max(xs) - corner[0], max(ys) - corner[1], (first[0] - corner[0], first[1] - corner[1]), "".join(parts))
