"""The child that a plan makes of a preset: which network is trained where another role is searched."""

import pytest

from automl_cli.core.errors import UserError
from automl_cli.planning.child import plan_child
from automl_cli.planning.request import SearchRequest
from automl_cli.plugins.listing import kind_named
from automl_cli.plugins.roles import value_of
from automl_cli.values.child import Child, ChildPreset
from automl_cli.values.expert_networks import convnet
from automl_cli.values.recipe import Recipe

RECIPE = Recipe(batch_size=32, learning_rate=0.1)


def planned(network: str | None) -> Child:
    """The child of a search for activation functions whose preset names this network."""
    return plan_child(SearchRequest(), ChildPreset(recipe=RECIPE, network=network), kind_named("activation"))


def test_a_preset_may_name_a_network_made_by_experts() -> None:
    child = planned("convnet-2x32")
    filling = child.roles["network"]
    assert (filling.kind, filling.name, filling.digest) == ("architecture", "convnet-2x32", None)
    assert value_of(filling) == convnet(2, 32)
    assert "activation" not in child.roles


def test_a_preset_may_name_an_artifact() -> None:
    filling = planned("nasnet-a").roles["network"]
    assert (filling.kind, filling.name) == ("architecture", "nasnet-a")
    assert filling.digest is not None


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (None, "does not say which network is trained"),
        ("resnet-21", "there is no resnet-21: .*; give resnet-20 or resnet-26"),
        ("resnt-20", r"unknown artifact 'resnt-20'\. Did you mean 'resnet-D'\?"),
    ],
)
def test_a_preset_without_a_network_that_can_be_had_is_refused(network: str | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        planned(network)
