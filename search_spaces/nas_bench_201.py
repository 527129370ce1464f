"""The topology space of NAS-Bench-201, for strategies to be compared on its published table.

Paper: Dong and Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search", arXiv 2001.00326.
Decisions: one of 5 operations for each of the 6 edges of a 4-node cell, in the order 0→1, 0→2, 1→2, 0→3, 1→3, 2→3.
Size: 5^6 = 15,625.
Differs from the paper: nothing is trained here. Cells are looked up in a table (`--evaluator table`), and the budget is counted
in cells, not in the seconds that training them took. The paper preset has the constants of the strategies' own papers, with
which nobody published a search of this space.
"""

from automl_cli.core.decisions import Decision, DecisionList, Genotype
from automl_cli.core.spaces import Options, Plugin, SearchPreset
from automl_cli.values.edge_cell import Edge, EdgeCell

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
DECISIONS = DecisionList(tuple(Decision(f"edge {source}->{target}", OPERATIONS) for source, target in EDGES))


def decode(options: Options, genotype: Genotype) -> EdgeCell:
    """Return the cell of this genotype."""
    pairs = zip(EDGES, genotype, strict=True)
    return EdgeCell(tuple(Edge(source, target, OPERATIONS[index]) for (source, target), index in pairs))


def tokens(options: Options, genotype: Genotype) -> tuple[str, ...]:
    """Return the cell in the notation of the benchmark, one token per node."""
    return tuple(decode(options, genotype).text.split("+"))


QUICK = SearchPreset(trials=300, epochs=1, strategy="evolution", in_flight=1)

PAPER = SearchPreset(
    trials=300,
    epochs=1,
    strategy="ppo",
    in_flight=1,
    strategy_settings={name: {"constants": "paper"} for name in ("reinforce", "ppo", "evolution")},
    published_cost="the whole table was trained once by the benchmark's authors; a search only looks cells up",
)

SPACE = Plugin(
    name="nas-bench-201",
    version=1,
    command="search-cell",
    produces="edge-cell",
    summary="6 edges x 5 operations, looked up in a table: the bench on which strategies are compared",
    decisions=lambda options: DECISIONS,
    decode=decode,
    tokens=tokens,
    presets={"quick": QUICK, "paper": PAPER},
)
