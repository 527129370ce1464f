"""Local search: the first neighbour that is better becomes the new centre (White et al., arXiv 2005.02960, section 3).

    start     the best of a few uniform genotypes is the centre
    climb     propose the neighbours of the centre in random order; one that is better is the next centre
    restart   when none is, propose uniform genotypes again

Neighbours differ in one decision; where a space has a mutation rule of its own, they are what that rule makes of the centre. No
genotype is proposed twice while there are others: on a table this is what finds the optimum with few evaluations, in a large
space the neighbourhood alone is larger than most budgets, and evolution does better.

A trial without a reward is a neighbour that is not better. While trials are in flight, the neighbours that follow are proposed;
where all of them are in flight or told, uniform genotypes, which serve the next restart.

Differs from the paper: `starts` uniform genotypes instead of one, and the first better neighbour instead of the best of all,
which takes fewer evaluations.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from automl_cli.core.decisions import Genotype
from automl_cli.core.protocols import EarlierTrial
from automl_cli.core.random_streams import stream
from automl_cli.core.settings import read
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Proposal
from automl_cli.strategies.evolution import fit
from automl_cli.strategies.starting import InFlight, StartSettings, given_start, resolved

OWNER = "strategy local-search"
"""Whose settings an error is about."""

MUTATIONS_PER_DECISION = 20
"""How many mutated copies of a centre are drawn for each decision, where a space has a mutation rule of its own."""

UNIFORM_TRIES = 100
"""How many uniform genotypes are drawn at most in search of one that is new."""


class LocalSearch:
    """Climbs from the best of a few uniform genotypes, one decision at a time, and starts again at every optimum."""

    summary = "Climbs one decision at a time from the best of a few, and starts again at every optimum."
    settings = StartSettings
    starts_from_genotypes = True
    earlier = "climbs from the best of them"
    small_spaces_only = False
    draws = True
    batch = 1

    @staticmethod
    def resolve(trials: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the constants by the rule of `starting`."""
        return resolved(trials, given, owner=OWNER)

    def __init__(self, space: SearchSpace, *, seed: int, settings: Mapping[str, Any]) -> None:
        self._space = space
        self._seed = seed
        self._settings = read(StartSettings, settings, owner=OWNER)
        for genotype in self._settings.start_from:
            space.decisions.check(genotype)
        self._told: set[Genotype] = set()
        """Told genotypes, by what they mean."""
        self._in_flight = InFlight(space)
        self._fresh: list[tuple[float, int, Genotype]] = []
        """Reward, trial and genotype of the starts since the last optimum."""
        self._centre: tuple[float, Genotype] | None = None
        self._neighbours: dict[Genotype, Genotype] = {}
        """Neighbours of the centre that are not told, in the order in which they are proposed, by what they mean."""
        self._starts = max(self._settings.starts, len(self._settings.start_from))

    def take_over(self, earlier: Sequence[EarlierTrial]) -> None:
        """Climb from the best of an earlier search; nothing that it measured is proposed again."""
        self._told.update(self._space.canonical(trial.genotype) for trial in earlier)
        scored = [(trial.reward, -place, trial.genotype) for place, trial in enumerate(earlier) if trial.reward is not None]
        if scored:
            value, _, genotype = max(scored)
            self._move(value, genotype, stream(self._seed, "neighbours of an earlier search"))

    def ask(self, trial: int) -> Proposal:
        """Return a given genotype, the next neighbour of the centre, or a uniform genotype."""
        return self._in_flight.proposal(trial) or self._in_flight.add(trial, self._next(trial))

    def _next(self, trial: int) -> Genotype:
        if (start := given_start(self._settings, self._space, trial, seed=self._seed)) is not None:
            return start
        length, open_already = self._space.length(trial), self._in_flight.meanings()
        for meaning, neighbour in self._neighbours.items():
            if meaning not in open_already:
                return fit(self._space.decisions, neighbour, length, stream(self._seed, "growth", trial))
        return self._uniform(trial, open_already)

    def _uniform(self, trial: int, open_already: set[Genotype]) -> Genotype:
        """Return a uniform genotype, one that is new where it is found soon."""
        random = stream(self._seed, "uniform proposal", trial)
        genotype = self._space.decisions.sample(random, self._space.length(trial))
        for _ in range(UNIFORM_TRIES):
            if (meaning := self._space.canonical(genotype)) not in self._told and meaning not in open_already:
                break
            genotype = self._space.decisions.sample(random, self._space.length(trial))
        return genotype

    def tell(self, trial: int, proposal: Proposal, reward: float | None) -> None:
        """Move to a better genotype; begin again where the last neighbour of the centre is not better."""
        self._in_flight.remove(trial)
        meaning = self._space.canonical(proposal.genotype)
        known = meaning in self._told
        self._told.add(meaning)
        self._neighbours.pop(meaning, None)
        value = -math.inf if reward is None else reward
        if self._centre is None:
            if not known:
                self._fresh.append((value, -trial, proposal.genotype))
            if len(self._fresh) >= self._starts or known:
                self._climb_from_the_best(trial)
        elif value > self._centre[0]:
            self._move(value, proposal.genotype, stream(self._seed, "neighbours", trial))
        elif not self._neighbours:
            self._centre, self._fresh = None, []
            self._starts = self._settings.starts

    def _climb_from_the_best(self, trial: int) -> None:
        if self._fresh:
            value, _, genotype = max(self._fresh)
            self._move(value, genotype, stream(self._seed, "neighbours", trial))

    def _move(self, value: float, genotype: Genotype, random: Random) -> None:
        self._centre = (value, genotype)
        self._neighbours = {}
        for neighbour in neighbours(self._space, genotype, random):
            meaning = self._space.canonical(neighbour)
            if meaning not in self._told:
                self._neighbours.setdefault(meaning, neighbour)
        if not self._neighbours:
            self._centre, self._fresh = None, []


def neighbours(space: SearchSpace, genotype: Genotype, random: Random) -> list[Genotype]:
    """Return the genotypes that differ from this one in one decision, in random order; those of the space's own mutation rule
    where it has one, as far as they are found."""
    if space.plugin.mutate is None:
        found = list(_changed(space, genotype))
        random.shuffle(found)
        return found
    tries = MUTATIONS_PER_DECISION * len(genotype)
    drawn = dict.fromkeys(space.mutate(genotype, random) for _ in range(tries))
    drawn.pop(genotype, None)
    return list(drawn)


def _changed(space: SearchSpace, genotype: Genotype) -> Iterator[Genotype]:
    """Yield all copies of the genotype with one decision changed."""
    for place, chosen in enumerate(genotype):
        for index in range(len(space.decisions.decisions[place].choices)):
            if index != chosen:
                yield (*genotype[:place], index, *genotype[place + 1 :])
