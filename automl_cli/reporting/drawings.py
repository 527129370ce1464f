"""Drawings of a value as SVG, each with words that say the same: what the row of its kind gives, rendered."""

from typing import Any, NamedTuple

from automl_cli.plugins.kind import Kind
from automl_cli.reporting.arcs_drawn import arcs_in_words, drawn_arcs
from automl_cli.reporting.column_drawn import column_in_words, drawn_column
from automl_cli.reporting.curves_drawn import curves_in_words, drawn_curves
from automl_cli.reporting.formula_drawn import drawn_formula, formula_in_words
from automl_cli.reporting.graph_drawn import drawn_graph, graph_in_words
from automl_cli.reporting.svg import Picture, fragment
from automl_cli.values.drawings import Arcs, Column, Drawing, Formula, StepGraph
from automl_cli.values.sheet import Curves


class Drawn(NamedTuple):
    """A drawing: its title, an `<svg>` element, and the same in words, for those who cannot see it.

    The element may stand in any page, also beside others: it has no identifiers, loads nothing, and takes its colours from CSS
    variables (`svg.LIGHT`). It has its own width, or that of a narrower box around it, as long as it can be read; below that it
    overflows, so that the box needs `overflow-x: auto`. `words` may have several lines.
    """

    title: str
    svg: str
    words: str


def drawings_of(kind: Kind, value: Any) -> tuple[Drawn, ...]:
    """Return the drawings of what an artifact of this kind holds, none where there are none: its value, or its body where it
    has no value."""
    if kind.drawing is None:
        return ()
    return tuple(drawn(drawing) for drawing in kind.drawing(value))


def drawn(drawing: Drawing) -> Drawn:
    """Return a drawing as SVG and in words."""
    return Drawn(drawing.title, fragment(picture_of(drawing), drawing.title), words_of_drawing(drawing))


def picture_of(drawing: Drawing) -> Picture:
    """Return a drawing as what stands inside an `<svg>` element."""
    match drawing:
        case Curves():
            return drawn_curves(drawing)
        case Arcs():
            return drawn_arcs(drawing)
        case Formula():
            return drawn_formula(drawing)
        case Column():
            return drawn_column(drawing)
        case StepGraph():
            return drawn_graph(drawing)


def words_of_drawing(drawing: Drawing) -> str:
    """Return what a drawing shows in words, line by line."""
    match drawing:
        case Curves():
            return curves_in_words(drawing)
        case Arcs():
            return arcs_in_words(drawing)
        case Formula():
            return formula_in_words(drawing)
        case Column():
            return column_in_words(drawing)
        case StepGraph():
            return graph_in_words(drawing)
