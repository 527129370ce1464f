"""The space `nasnet`: sizes, order of decisions, decoding, mutation (NASNet, section 1; regularized evolution, section 2)."""

from collections import Counter
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_cli.core.errors import SpaceError, UserError
from automl_cli.core.spaces import SearchSpace
from automl_cli.values.cell import CELL_OPERATIONS, Branch, Cell, Combination
from search_spaces.nasnet import SPACE, decode, encode
from tests.study.worlds import DIGITS

PER_CELL = {"nasnet": 2286906949584691200, "sp-i": 556627761561600}
BOTH = {"nasnet": 5229943396058757337940161399357440000, "sp-i": 309834464941077422470594560000}
VARIANTS = tuple(PER_CELL)


def space(**options: str | int | bool) -> SearchSpace:
    return SearchSpace(SPACE, options)


@pytest.mark.parametrize("variant", VARIANTS)
def test_sizes_are_those_of_the_papers(variant):
    found = space(variant=variant)
    half = found.decisions.decisions[: len(found.decisions) // 2]
    per_cell = 1
    for decision in half:
        per_cell *= len(decision.choices)
    assert per_cell == PER_CELL[variant]
    assert found.size == BOTH[variant]


def test_the_controller_makes_fifty_decisions_in_the_order_of_the_paper():
    names = [decision.name for decision in space().decisions.decisions]
    assert len(names) == 50
    assert names[:5] == [
        f"normal.h2.{field}" for field in ("left_state", "right_state", "left_operation", "right_operation", "combination")
    ]
    assert [name.split(".")[0] for name in names] == ["normal"] * 25 + ["reduction"] * 25


def test_a_block_reads_the_inputs_and_every_earlier_block():
    choices = {decision.name: decision.choices for decision in space().decisions.decisions}
    assert choices["normal.h2.left_state"] == ("h0", "h1")
    assert choices["reduction.h6.right_state"] == ("h0", "h1", "h2", "h3", "h4", "h5")


def test_thirteen_operations_and_the_eight_of_the_reduced_space_are_all_known():
    sets = {variant: set(space(variant=variant).decisions.decisions[2].choices) for variant in VARIANTS}
    assert (len(sets["nasnet"]), len(sets["sp-i"])) == (13, 8)
    assert sets["nasnet"] | sets["sp-i"] == set(CELL_OPERATIONS)


def test_the_output_concatenates_exactly_the_states_that_no_block_reads():
    cells = decode(
        space(variant="sp-i", blocks=3).options, (0, 0, 1, 1, 2, 0, 1, 1, 0, 2, 1, 1, 0, 1, 0, 0, 2, 2, 0, 0, 3, 3, 0, 0)
    )
    assert cells.normal.outputs == (1, 3, 4)
    assert cells.reduction.outputs == (4,)


@given(st.integers(0, 10**9), st.sampled_from(VARIANTS), st.integers(1, 6), st.booleans())
def test_encoding_is_the_inverse_of_decoding(seed, variant, blocks, bottleneck):
    found = space(variant=variant, blocks=blocks, bottleneck=bottleneck)
    genotype = found.decisions.sample(Random(seed))
    cells = found.decode(genotype)
    assert encode(found.options, cells) == genotype
    assert msgspec.json.decode(msgspec.json.encode(cells), type=type(cells)) == cells


def test_cells_outside_the_space_are_refused_with_the_reason():
    options = space(blocks=1).options
    cells = decode(options, (0, 1, 0, 4, 1) * 2)
    with pytest.raises(SpaceError, match="has 1 blocks; this space has 5"):
        encode(space().options, cells)
    with pytest.raises(SpaceError, match="holds a concatenation; this variant only adds"):
        encode(space(blocks=1, variant="sp-i").options, cells)
    with pytest.raises(SpaceError, match="'conv-3x3', which is not among: identity"):
        encode(space(blocks=1, variant="sp-i").options, decode(options, (0, 1, 9, 9, 0) * 2))
    with pytest.raises(SpaceError, match="other states than the unread ones"):
        encode(options, msgspec.structs.replace(cells, normal=Cell(cells.normal.combinations, (1, 2))))
    with pytest.raises(SpaceError, match="bottleneck=true"):
        encode(space(blocks=1, bottleneck=False).options, cells)


@given(st.integers(0, 10**9), st.sampled_from(VARIANTS))
def test_a_mutation_changes_at_most_one_decision_and_stays_in_the_space(seed, variant):
    found = space(variant=variant)
    parent = found.decisions.sample(Random(seed))
    child = found.mutate(parent, Random(seed + 1))
    changed = [at for at in range(len(parent)) if parent[at] != child[at]]
    assert len(changed) <= 1
    found.decode(child)


@pytest.mark.parametrize(("variant", "kinds"), [("nasnet", 3), ("sp-i", 2)])
def test_mutations_have_the_probabilities_of_the_paper(variant, kinds):
    """20,000 seeded draws; five standard deviations, so a true implementation fails with probability below 1e-5."""
    found, random, draws = space(variant=variant), Random(7), 20_000
    parent = found.decisions.sample(random)
    counts, places = Counter(), Counter()
    for _ in range(draws):
        child = found.mutate(parent, random)
        at = next((at for at in range(len(parent)) if child[at] != parent[at]), None)
        name = "none" if at is None else found.decisions.decisions[at].name
        counts[name.rpartition("_")[2] if "_" in name else name.rpartition(".")[2]] += 1
        places[name.rpartition(".")[0]] += 1
    expected = {"none": 0.05, "state": 0.95 / kinds, "operation": 0.95 / kinds} | (
        {"combination": 0.95 / 3} if kinds == 3 else {}
    )
    assert set(counts) == set(expected)
    for name, share in expected.items():
        assert abs(counts[name] / draws - share) < 5 * (share * (1 - share) / draws) ** 0.5
    assert len(places) == 11
    assert all(abs(count / draws - 0.095) < 5 * (0.095 * 0.905 / draws) ** 0.5 for place, count in places.items() if place)


def test_hidden_state_mutation_never_makes_a_loop():
    found, random = space(variant="sp-i"), Random(3)
    genotype = found.decisions.sample(random)
    for _ in range(2000):
        genotype = found.mutate(genotype, random)
        found.decode(genotype)


def test_tokens_are_the_equations_of_both_cells():
    tokens = space(variant="sp-i", blocks=1).tokens((0, 1, 1, 0, 0, 0, 4, 5))
    assert tokens == (
        "normal h2 = sep-3x3(h0) + identity(h1)",
        "normal output = h2",
        "reduction h2 = avg-3x3(h0) + max-3x3(h0)",
        "reduction output = h1, h2",
    )
    concatenated = space(blocks=1).tokens((0, 1, 0, 4, 1) * 2)
    assert concatenated[0] == "normal h2 = [identity(h0), avg-3x3(h1)]"


def test_the_search_network_has_n_and_f_of_the_options():
    found = space(repeats=1, filters=8)
    network = found.placed(found.decisions.sample(Random(0)), DIGITS)
    names = {block.name.partition(".")[0] for block in network.blocks}
    assert names == {"stem", "normal1", "reduction1", "normal2", "reduction2", "normal3", "final"}
    assert network.shapes((8, 8, 1))["stem"] == (8, 8, 24)


def test_wrong_options_and_lengths_are_refused():
    for blocks in (0, 10**9):
        with pytest.raises(SpaceError, match=f"blocks={blocks} of nasnet must be from 1 to 100"):
            space(blocks=blocks)
    for option, most in (("repeats", "1,000"), ("filters", "25,000")):
        for value in (0, 30_000):
            with pytest.raises(SpaceError, match=f"{option} of a stack of cells is {value}; it must be from 1 to {most}"):
                space(**{option: value})
    with pytest.raises(UserError, match="Did you mean 'sp-i'"):
        space(variant="spi")
    with pytest.raises(SpaceError, match="has 50 indices, not 25"):
        space().decode((0,) * 25)


def test_a_cell_is_refused_at_construction_where_it_makes_no_sense():
    fine = Combination(Branch(0, "identity"), Branch(1, "identity"))
    with pytest.raises(SpaceError, match=r"h2 of the cell reads h2; it may read h0 to h1"):
        Cell((Combination(Branch(2, "identity"), Branch(0, "identity")),), (2,))
    with pytest.raises(UserError, match=r"unknown operation of a cell 'sep-3x5'. Did you mean 'sep-"):
        Cell((Combination(Branch(0, "sep-3x5"), Branch(0, "identity")),), (2,))
    with pytest.raises(SpaceError, match="must rise and lie between 0 and 2"):
        Cell((fine,), (2, 1))
    with pytest.raises(SpaceError, match="h2 of the cell is neither read nor put out"):
        Cell((fine,), (1,))
    with pytest.raises(SpaceError, match="at least one combination"):
        Cell((), (0,))
