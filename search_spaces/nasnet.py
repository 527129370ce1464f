"""Cells that are searched small and stacked large (NASNet, Zoph, Vasudevan, Shlens and Le, CVPR 2018, arXiv 1707.07012).

Two cells are searched, normal and reduction, of B blocks each. Block b, counted from 0, creates state h(b+2) by five decisions,
in the paper's order (section 3): first and second hidden state, from h0, h1 and the states of earlier blocks; the operations
applied to them; how the two are combined, by addition or by concatenation along the filters. First the normal cell, then the
reduction cell: 2 x 5B = 50 decisions. The output of a cell concatenates the states that no block reads. What the operations are
made of stands in `values.cell`, how cells become a network in `values.skeleton`.

Variants, as the option `variant`:

    nasnet   13 operations, add or concatenate: per cell the product of s^2 * 13^2 * 2 over s = 2 … 6, which is
             2,286,906,949,584,691,200; both cells 5.2e36
    sp-i     the reduced space of regularized evolution (Real et al., AAAI 2019, arXiv 1802.01548): 8 operations, addition only:
             556,627,761,561,600 per cell, both 3.1e29

A cell is measured in a small network of CIFAR's skeleton: `repeats` normal cells between reductions (N), `filters` in the first
(F). The paper gives N = 2 for the search and no F; 32 is a guess, by which search child and CIFAR network are equally wide.

Mutation (arXiv 1802.01548, section 3.2): nothing with probability 0.05, else with equal shares a hidden-state mutation or an
operation mutation, its cell, block and side uniform; where combinations are searched, a change of combination takes an equal
share too. The new state or operation differs from the old one, which the paper leaves open.

Differs from the paper: the quick preset is sized for 8 x 8 images and minutes instead of days. Of the search children the
paper gives no batch size, learning rate and weight decay; the paper preset takes those of its final training. It retrains the
best 250 for 80 epochs where the paper says "to convergence". It is NASNet's also with `--strategy evolution`: the paper of
evolution trains for 25 epochs at N = 3, F = 24 (`--epochs 25`, `repeats=3`, `filters=24`), and with 500 in flight as many
proposals are uniform, not only the first population (`--in-flight`).
"""

from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

from automl_cli.core.decisions import Choice, Decision, DecisionList, Genotype
from automl_cli.core.errors import SpaceError
from automl_cli.core.spaces import Options, Plugin, SearchPreset, SpaceOption
from automl_cli.values.cell import INPUT_STATES, Branch, Cell, CellPair, Combination, unused_states
from automl_cli.values.child import ChildPreset
from automl_cli.values.network import Join, Network
from automl_cli.values.recipe import Recipe
from automl_cli.values.skeleton import Stack, cell_network, stack

OPERATIONS = {
    "nasnet": (
        "identity",
        "conv-1x3-3x1",
        "conv-1x7-7x1",
        "dilated-3x3",
        "avg-3x3",
        "max-3x3",
        "max-5x5",
        "max-7x7",
        "conv-1x1",
        "conv-3x3",
        "sep-3x3",
        "sep-5x5",
        "sep-7x7",
    ),
    "sp-i": ("identity", "sep-3x3", "sep-5x5", "sep-7x7", "avg-3x3", "max-3x3", "dilated-sep-3x3", "conv-1x7-7x1"),
}
COMBINATIONS: dict[str, tuple[Join, ...]] = {"nasnet": ("add", "concatenate"), "sp-i": ("add",)}
CELLS = ("normal", "reduction")
IDENTITY_MUTATION = 0.05


class Fields(NamedTuple):
    """One item per decision of a block; `combination` is None where there is nothing to decide."""

    left_state: int
    right_state: int
    left_operation: int
    right_operation: int
    combination: int | None = None


def _block_size(options: Options) -> int:
    return 4 + (len(_combinations(options)) > 1)


LARGEST_BLOCKS = 100
"""Of a cell; published ones have 5. What follows from a number typed by mistake would fill the memory."""


def _combinations(options: Options) -> tuple[Join, ...]:
    return COMBINATIONS[str(options["variant"])]


def decisions(options: Options) -> DecisionList:
    """Return the decisions in the order of the paper. Raises SpaceError where an option leaves none, or no cell could be
    measured."""
    if not 1 <= int(options["blocks"]) <= LARGEST_BLOCKS:
        raise SpaceError(f"space option blocks={options['blocks']} of nasnet must be from 1 to {LARGEST_BLOCKS}")
    try:
        _search_stack(options)
    except SpaceError as error:
        raise SpaceError(f"the options of space nasnet do not fit: {error}") from error
    states = range(INPUT_STATES, INPUT_STATES + int(options["blocks"]))
    return DecisionList(
        tuple(decision for cell in CELLS for new in states for decision in _block(options, f"{cell}.h{new}", new))
    )


def _block(options: Options, name: str, state: int) -> Iterator[Decision]:
    earlier = tuple(f"h{number}" for number in range(state))
    operations = OPERATIONS[str(options["variant"])]
    yield Decision(f"{name}.left_state", earlier)
    yield Decision(f"{name}.right_state", earlier)
    yield Decision(f"{name}.left_operation", operations)
    yield Decision(f"{name}.right_operation", operations)
    if len(_combinations(options)) > 1:
        yield Decision(f"{name}.combination", _combinations(options))


def decode(options: Options, genotype: Genotype) -> CellPair:
    """Return the two cells of a genotype.

    >>> options = {"variant": "sp-i", "blocks": 1, "bottleneck": True}
    >>> decode(options, (0, 1, 1, 0, 0, 0, 4, 5)).normal.equations()
    ('h2 = sep-3x3(h0) + identity(h1)', 'output = h2')
    """
    blocks = int(options["blocks"])
    _check_length(options, genotype)
    combinations = [_combination(options, fields) for fields in _fields(options, genotype)]
    cells = (tuple(combinations[:blocks]), tuple(combinations[blocks:]))
    normal, reduction = (Cell(parts, unused_states(parts)) for parts in cells)
    return CellPair(normal, reduction, bool(options["bottleneck"]))


def _check_length(options: Options, genotype: Genotype) -> None:
    needed = 2 * int(options["blocks"]) * _block_size(options)
    if len(genotype) != needed:
        raise SpaceError(f"a genotype of nasnet with {options['blocks']} blocks has {needed} indices, not {len(genotype)}")


def _fields(options: Options, genotype: Genotype) -> Iterator[Fields]:
    size = _block_size(options)
    for start in range(0, len(genotype), size):
        yield Fields(*genotype[start : start + size])


def _combination(options: Options, fields: Fields) -> Combination:
    operations = OPERATIONS[str(options["variant"])]
    left = Branch(fields.left_state, operations[fields.left_operation])
    right = Branch(fields.right_state, operations[fields.right_operation])
    return Combination(left, right, _combinations(options)[fields.combination or 0])


def encode(options: Options, cells: Any) -> Genotype:
    """Return the genotype that decodes to these cells. Raises SpaceError, saying why, where the space holds none."""
    if not isinstance(cells, CellPair):
        raise SpaceError("it is no pair of a normal and a reduction cell")
    blocks, operations = int(options["blocks"]), OPERATIONS[str(options["variant"])]
    genotype: list[int] = []
    for name, cell in zip(CELLS, (cells.normal, cells.reduction), strict=True):
        if len(cell.combinations) != blocks:
            raise SpaceError(f"the {name} cell has {len(cell.combinations)} blocks; this space has {blocks}")
        if cell.outputs != unused_states(cell.combinations):
            raise SpaceError(
                f"the {name} cell puts out other states than the unread ones, which no genotype of this space does"
            )
        for combination in cell.combinations:
            ends = (combination.left, combination.right)
            if missing := [end.operation for end in ends if end.operation not in operations]:
                raise SpaceError(f"the {name} cell holds {missing[0]!r}, which is not among: {', '.join(operations)}")
            if combination.join not in _combinations(options):
                raise SpaceError(f"the {name} cell holds a concatenation; this variant only adds")
            genotype += [end.state for end in ends] + [operations.index(end.operation) for end in ends]
            genotype += [_combinations(options).index(combination.join)] * (_block_size(options) - 4)
    if cells.bottleneck != options["bottleneck"]:
        raise SpaceError(f"these cells were made with bottleneck={str(cells.bottleneck).lower()}")
    return tuple(genotype)


def mutate(options: Options, genotype: Genotype, random: Random) -> Genotype:
    """Return a child with one hidden state, operation or combination changed, or with probability 0.05 a copy."""
    if random.random() < IDENTITY_MUTATION:
        return genotype
    listed = decisions(options).decisions
    size = _block_size(options)
    kind = random.randrange(2 if size == 4 else 3)  # hidden state, operation, combination
    block = random.randrange(len(genotype) // size)
    at = block * size + (4 if kind == 2 else 2 * kind + random.randrange(2))
    others = [index for index in range(len(listed[at].choices)) if index != genotype[at]]
    return (*genotype[:at], random.choice(others), *genotype[at + 1 :])


def tokens(options: Options, genotype: Genotype) -> tuple[str, ...]:
    """Return both cells, one equation per state: "normal h2 = sep-5x5(h0) + sep-3x3(h1)", …"""
    return decode(options, genotype).equations()


def place(options: Options, cells: CellPair, facts: Any) -> Network:
    """Return the small network in which cells are measured."""
    return cell_network(cells, _search_stack(options), facts.image_shape)


def _search_stack(options: Options) -> Stack:
    return stack("cifar", repeats=int(options["repeats"]), filters=int(options["filters"]))


OPTIONS = (
    SpaceOption(
        "variant", "nasnet", "nasnet (13 operations, add or concatenate) or sp-i (8 operations, add)", tuple(OPERATIONS)
    ),
    SpaceOption("blocks", 5, "combinations of each cell (B)"),
    SpaceOption("bottleneck", True, "whether full convolutions work on a quarter of the filters"),
    SpaceOption("repeats", 2, "normal cells between two reductions of the network a cell is measured in (N)"),
    SpaceOption("filters", 32, "filters of its first cells (F)"),
)

_QUICK_OPTIONS: dict[str, Choice] = {"repeats": 1, "filters": 8}

QUICK = SearchPreset(
    trials=24,
    epochs=4,
    least_steps=90,
    child=ChildPreset(recipe=Recipe(batch_size=32, learning_rate=0.05, schedule="cosine")),
    retrain_seeds=2,
    strategy="ppo",
    space_options=_QUICK_OPTIONS,
)

PAPER = SearchPreset(
    trials=20_000,
    epochs=20,
    child=ChildPreset(
        dataset="cifar10",
        recipe=Recipe(batch_size=32, learning_rate=0.025, weight_decay=5e-4, schedule="cosine"),
        optimizer="momentum",
    ),
    strategy="ppo",
    in_flight=500,
    retrain_top=250,
    reuse=False,
    space_options={"repeats": 2, "filters": 32},
    strategy_settings={name: {"constants": "paper"} for name in ("reinforce", "ppo", "evolution")},
    published_cost="500 GPUs (P100) for 4 days = 2,000 GPU-days",
)

SPACE = Plugin(
    name="nasnet",
    version=1,
    command="search-cell",
    produces="cell",
    summary="normal and reduction cells that are searched small and stacked large (NASNet)",
    decisions=decisions,
    decode=decode,
    encode=encode,
    place=place,
    tokens=tokens,
    presets={"quick": QUICK, "paper": PAPER},
    options=OPTIONS,
    mutate=mutate,
)
