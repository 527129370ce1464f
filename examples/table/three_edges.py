"""A table of your own: 27 cells of three edges, looked up in `three_edges.csv` instead of trained.

    automl search-cell --space examples/table/three_edges.py --evaluator table --table examples/table/three_edges.csv \
        --reward-column valid --report-columns test --strategy exhaustive --trials 27 --out runs/three-edges
                                                                  (one second; the best cell has the score 0.80)

The file has one row per genotype. Its column `ops` is the genotype: one digit per decision, the index of the choice; numbers
with anything between them (`0-2-1`) mean the same. `valid` is what the search sees, `test` what only the report shows. The
figures are made up: each edge adds its own, and two convolutions in a row add 0.06.
"""

from automl_cli.core.decisions import Decision, DecisionList, Genotype
from automl_cli.core.spaces import Options, Plugin, SearchPreset
from automl_cli.values.edge_cell import Edge, EdgeCell

OPERATIONS = ("skip", "pool", "convolution")
EDGES = ((0, 1), (0, 2), (1, 2))
DECISIONS = DecisionList(tuple(Decision(f"edge {source}->{target}", OPERATIONS) for source, target in EDGES))


def decode(options: Options, genotype: Genotype) -> EdgeCell:
    """The cell of this genotype."""
    pairs = zip(EDGES, genotype, strict=True)
    return EdgeCell(tuple(Edge(source, target, OPERATIONS[index]) for (source, target), index in pairs))


def tokens(options: Options, genotype: Genotype) -> tuple[str, ...]:
    """The cell in words, one token per node."""
    return tuple(decode(options, genotype).text.split("+"))


SPACE = Plugin(
    name="three-edges",
    version=1,
    command="search-cell",
    produces="edge-cell",
    summary="3 edges x 3 operations, looked up in a table",
    decisions=lambda options: DECISIONS,
    decode=decode,
    tokens=tokens,
    presets={"quick": SearchPreset(trials=20, epochs=1, strategy="evolution", in_flight=1)},
)
