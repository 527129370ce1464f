"""The toy of `loop.py`: 10 decisions of 4 choices, measured by formula. Size: 4^10 = 1,048,576."""

from automl_cli.core.decisions import Decision, DecisionList, Genotype
from automl_cli.core.spaces import Options, Plugin, SearchPreset
from automl_cli.values.edge_cell import Edge, EdgeCell

DECISIONS = DecisionList(tuple(Decision(f"d{at}", (0, 1, 2, 3)) for at in range(10)))


def decode(options: Options, genotype: Genotype) -> EdgeCell:
    """A chain of edges."""
    return EdgeCell(tuple(Edge(at, at + 1, str(index)) for at, index in enumerate(genotype)))


def tokens(options: Options, genotype: Genotype) -> tuple[str, ...]:
    """The indices."""
    return tuple(map(str, genotype))


SPACE = Plugin(
    name="toy",
    version=1,
    command="search-cell",
    produces="edge-cell",
    summary="10 decisions of 4 choices",
    decisions=lambda options: DECISIONS,
    decode=decode,
    tokens=tokens,
    presets={"quick": SearchPreset(trials=100, epochs=1, strategy="random", in_flight=1)},
)
