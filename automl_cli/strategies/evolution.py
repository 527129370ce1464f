"""Aging evolution (Real et al., arXiv 1802.01548, section 2): the best of a random sample has a child, the oldest member dies.

    population = the first P trials, uniform
    every later trial:  sample S members with replacement, mutate the best of them, add the child, remove the oldest

Composed from four functions: uniform start, tournament, mutation (the space's own rule), survivor rule. A trial without a
reward ranks below all others: it can die of old age, and has children only where all of its sample failed.

**The rule from the budget**, for T trials: P = 1.3 sqrt(T), S = 2 P, and children that were told before are mutated again. P
balances the random start against the steps that follow; S = 2 P has the best of the population as the parent with probability
1 - e^-2. Chosen on toy functions (additive, pairwise, NK landscapes, with noise; 6 to 40 decisions) for T from 64 to 1,000.

Differs from the paper: `avoid_repeats` (0 in the paper's constants), `start_from`, and proposals drawn while others are in
flight take the population as told so far.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from automl_cli.core.decisions import DecisionList, Genotype
from automl_cli.core.errors import UserError
from automl_cli.core.protocols import EarlierTrial
from automl_cli.core.random_streams import stream
from automl_cli.core.settings import read, settle
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Proposal

OWNER = "strategy evolution"
"""Whose settings an error is about."""

PAPER = {"population_size": 100, "tournament_size": 25, "avoid_repeats": 0}
"""Section 3 of the paper."""

TRIES_PER_DISTANCE = 10
"""A child that was told before is mutated again; after so many failures it is moved one mutation farther from its parent."""


class EvolutionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Constants of evolution. Without `aging` it is the paper's non-aging variant.

    Uniform genotypes fill what `start_from` leaves of the first population.
    """

    population_size: Annotated[int, Meta(ge=1, description="Trials that are kept as possible parents.")]
    tournament_size: Annotated[int, Meta(ge=1, description="Members drawn, of which the best has a child.")]
    aging: Annotated[bool, Meta(description="Remove the oldest member; false: the worst of the drawn ones.")] = True
    avoid_repeats: Annotated[int, Meta(ge=0, description="How often a child that was told before is mutated again.")] = 0
    start_from: Annotated[
        tuple[Genotype, ...], Meta(description="Genotypes that the first trials propose; --start-from fills them in.")
    ] = ()


class Member(Struct, frozen=True):
    """Member of the population. The reward of a trial without one is minus infinity."""

    genotype: Genotype
    reward: float


class Evolution:
    """Keeps the last P trials (or, without aging, the survivors) and proposes mutated winners."""

    summary = "Mutates the best of a random sample; the oldest member dies (aging evolution)."
    settings = EvolutionSettings
    starts_from_genotypes = True
    earlier = "takes the best of them as its first population"
    small_spaces_only = False
    draws = True
    batch = 1
    reading = "the population"

    @staticmethod
    def resolve(trials: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the constants by the rule of this module, or the paper's (P = 100, S = 25) with `constants=paper`."""
        population = min(trials, max(2, round(1.3 * math.sqrt(trials))))
        size = given.get("population_size", population)
        rule = {
            "population_size": population,
            "tournament_size": 2 * size if isinstance(size, int) else size,
            "avoid_repeats": 10 * TRIES_PER_DISTANCE,
        }
        settled = settle(EvolutionSettings, given, owner=OWNER, sources={"budget": rule, "paper": PAPER})
        return dict(msgspec.to_builtins(settled))

    def __init__(self, space: SearchSpace, *, seed: int, settings: Mapping[str, Any]) -> None:
        self._space = space
        self._seed = seed
        self._settings = read(EvolutionSettings, settings, owner=OWNER)
        self._population: list[Member] = []
        self._told: set[Genotype] = set()
        self._founders = 0
        """Members that an earlier search brought, in place of so many uniform ones."""
        if len(self._settings.start_from) > self._settings.population_size:
            raise UserError(
                f"start_from has {len(self._settings.start_from)} genotypes for a population of "
                f"{self._settings.population_size}; give fewer, or a larger population_size"
            )
        for genotype in self._settings.start_from:
            space.decisions.check(genotype)

    def take_over(self, earlier: Sequence[EarlierTrial]) -> None:
        """Take the best of an earlier search as the first members, in their order, so that the oldest die first."""
        members = [Member(trial.genotype, -math.inf if trial.reward is None else trial.reward) for trial in earlier]
        ranked = sorted(range(len(members)), key=lambda place: (-members[place].reward, place))
        self._population = [members[place] for place in sorted(ranked[: self._settings.population_size])]
        self._founders = len(self._population)
        if self._settings.avoid_repeats:
            self._told.update(trial.genotype for trial in earlier)

    def ask(self, trial: int) -> Proposal:
        """Return a given or a uniform genotype for the first P trials, then a child of a tournament's winner."""
        start = self._settings.start_from
        if trial < len(start):
            return Proposal(
                fit(self._space.decisions, start[trial], self._space.length(trial), stream(self._seed, "start", trial))
            )
        if trial < self._settings.population_size - self._founders or not self._population:
            return Proposal(self._space.sample(self._seed, trial))
        parent = self._population[best(self._population, self._sample(trial))]
        children = self._children(parent.genotype, trial)
        return Proposal(first_new(children, self._told, tries=self._settings.avoid_repeats))

    def tell(self, trial: int, proposal: Proposal, reward: float | None) -> None:
        """Add the child to the population, and remove a member where there are more than P."""
        dying = self._sample(trial) if self._population and not self._settings.aging else ()
        self._population.append(Member(proposal.genotype, -math.inf if reward is None else reward))
        if self._settings.avoid_repeats:
            self._told.add(proposal.genotype)
        if len(self._population) > self._settings.population_size:
            del self._population[0 if self._settings.aging else worst(self._population, dying)]

    def read(self, trial: int) -> list[Proposal]:
        """Return the members of the population."""
        return [Proposal(member.genotype) for member in self._population]

    def _sample(self, trial: int) -> set[int]:
        """Draw the trial's sample with replacement, as places in the population, each once.

        It serves the tournament and, without aging, the choice of the member that dies. With one trial in flight both mean the
        same members; with more, the population has changed between them."""
        draw, members = stream(self._seed, "tournament", trial).random, len(self._population)
        return {int(draw() * members) for _ in range(self._settings.tournament_size)}

    def _children(self, parent: Genotype, trial: int) -> Iterator[Genotype]:
        """Yield mutated copies without end, all drawn from the trial's stream, ever farther from the parent."""
        random = stream(self._seed, "mutation", trial)
        length = self._space.length(trial)
        distance = 0
        while True:
            distance += 1
            for _ in range(TRIES_PER_DISTANCE):
                child = parent
                for _ in range(distance):
                    child = self._space.mutate(child, random)
                yield fit(self._space.decisions, child, length, random)


def best(population: Sequence[Member], sample: Iterable[int]) -> int:
    """Return the place of the sampled member with the highest reward, the youngest among equals."""
    return max(sample, key=lambda index: (population[index].reward, index))


def worst(population: Sequence[Member], sample: Iterable[int]) -> int:
    """Return the place of the sampled member with the lowest reward, the oldest among equals."""
    return min(sample, key=lambda index: (population[index].reward, index))


def first_new(children: Iterator[Genotype], told: set[Genotype], *, tries: int) -> Genotype:
    """Return the first child that was not told before, or the last of `tries` more."""
    child = next(children)
    for _ in range(tries):
        if child not in told:
            break
        child = next(children)
    return child


def fit(decisions: DecisionList, genotype: Genotype, length: int, random: Random) -> Genotype:
    """Return the genotype cut to this length, or continued with uniform choices where a curriculum has grown."""
    return genotype[:length] + decisions.sample(random, length)[len(genotype) :]
