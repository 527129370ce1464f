"""Small spaces for the laws of the controller, and a controller that is far from uniform."""

from functools import cache
from itertools import product

import numpy as np

from automl_cli.core.decisions import Decision, DecisionList, Genotype, Membership
from automl_cli.strategies.controller.learner import ControllerSize, Learner, LearnerState
from automl_cli.strategies.controller.objectives import Batch, Genotypes, ObjectiveName

TWO = DecisionList((Decision("a", (1, 2)), Decision("b", (1, 2, 3))))


def layered(layers: int, choices: tuple[int, ...] = (2, 3)) -> DecisionList:
    """Return a space like cnn: at every layer an anchor, a membership for every earlier layer, then some softmax decisions."""
    decisions: list[Decision] = []
    anchors = []
    for layer in range(layers):
        anchors.append(len(decisions))
        decisions += [Decision(f"skip_{item}_{layer}", (False, True), Membership(layer, item)) for item in range(layer)]
        decisions += [Decision(f"choice_{layer}_{k}", tuple(range(count))) for k, count in enumerate(choices)]
    return DecisionList(tuple(decisions), tuple(anchors))


SETS_ONLY = DecisionList((Decision("x", (False, True), Membership(1, 0)),), anchors=(0, 0))
"""No softmax at all: two anchors, and whether the second takes the first."""

GAPS = DecisionList(
    (
        Decision("a", (1, 2, 3)),
        Decision("2 takes 1", (False, True), Membership(2, 1)),
        Decision("b", (1,)),
        Decision("3 takes 0", (False, True), Membership(3, 0)),
        Decision("3 takes 2", (False, True), Membership(3, 2)),
    ),
    anchors=(0, 0, 1, 3),
)
"""Anchors at one place, sets that leave items out, a decision with one choice."""

SPACES = {"two": TWO, "layered": layered(3, (3,)), "sets only": SETS_ONLY, "gaps": GAPS}


def enumerate_genotypes(decisions: DecisionList, length: int | None = None) -> list[Genotype]:
    """Return every genotype of the live prefix."""
    live = decisions.decisions[: len(decisions) if length is None else length]
    return list(product(*(range(len(decision.choices)) for decision in live)))


@cache
def opinionated(decisions: DecisionList, name: ObjectiveName = "reinforce", *, layers: int = 2) -> tuple[Learner, LearnerState]:
    """Return a learner of 5 units with a policy that is far from uniform."""
    taught = Learner(decisions, ControllerSize(layers, 5), name)
    return taught, taught.fresh(initial_range=1.5, seed=3)


def pack(decisions: DecisionList, genotypes: list[Genotype], *, rows: int | None = None) -> Genotypes:
    """Return genotypes of any live length as arrays, with empty ones behind them up to `rows`."""
    lengths = [len(genotype) for genotype in genotypes] + [0] * ((rows or 0) - len(genotypes))
    indices = np.zeros((len(lengths), len(decisions)), np.int32)
    for row, genotype in enumerate(genotypes):
        indices[row, : len(genotype)] = genotype
    return Genotypes(indices, np.array(lengths, np.int32))


def batch(decisions: DecisionList, genotypes: list[Genotype], advantages: list[float], old: np.ndarray) -> Batch:
    """Return a batch without a queue."""
    return Batch(
        pack(decisions, genotypes),
        np.array(advantages, np.float64),
        np.asarray(old),
        pack(decisions, []),
        np.zeros(0),
    )
