"""A search that found a formula, as an artifact tells it."""

from automl_cli.core.rewards import Power
from automl_cli.core.spaces import SpaceReference
from automl_cli.store.study import Found

FOUND = Found(
    space=SpaceReference(name="rules", version=1, options={}),
    genotype=(1,),
    choices={"a": 1},
    costs=None,
    trial=17,
    validation_scores=(0.5,),
    validation_score=0.5,
    reward=0.5,
    reward_function=Power(1.0),
    child=None,
    epochs=1,
    strategy="evolution",
    seed=4,
)
