"""Which ImageNet networks are built like the published mobile one, and which like the large ones."""

import pytest

from automl_cli.values.skeleton import parse_stack
from tests.values.samples import cells_with


@pytest.mark.parametrize(("text", "stem", "skips"), [("4@1056", 32, False), ("4@1536", 32, False), ("6@4032", 96, True)])
def test_the_width_of_the_network_decides_whatever_the_number_of_states_of_the_cell(text, stem, skips):
    """A cell with one output state has six times the filters of NASNet-A's in a network of the same width."""
    cells = cells_with("sep-3x3")
    chosen = parse_stack(text, cells, (224, 224, 3))
    assert chosen.filters * 4 * len(cells.normal.outputs) == int(text.partition("@")[2])
    assert (chosen.stem_filters, chosen.skip_reduction_input) == (stem, skips)


def test_filters_that_are_given_decide_over_the_width_that_is_written():
    cells = cells_with("sep-3x3")
    assert parse_stack("4@1056", cells, (224, 224, 3), filters=1008).skip_reduction_input
    assert not parse_stack("6@4032", cells, (224, 224, 3), filters=64).skip_reduction_input
