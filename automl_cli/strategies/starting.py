"""Starts of local search and of the surrogate: uniform genotypes, given ones before them, the largest of many, and what is in
flight."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from automl_cli.core.decisions import Genotype
from automl_cli.core.random_streams import stream
from automl_cli.core.settings import settle
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Proposal
from automl_cli.strategies.evolution import fit

MOST_STARTS = 10


class StartSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Constants of a search that begins with uniform genotypes, or with given ones."""

    starts: Annotated[int, Meta(ge=1, description="Uniform genotypes before anything is built on them.")]
    start_from: Annotated[
        tuple[Genotype, ...], Meta(description="Genotypes that the first trials propose; --start-from fills them in.")
    ] = ()


def resolved(trials: int, given: Mapping[str, Any], *, owner: str) -> dict[str, Any]:
    """Return the constants by the rule: a fifth of the trials and at most `MOST_STARTS` are starts."""
    rule = {"starts": max(1, min(MOST_STARTS, trials // 5))}
    return dict(msgspec.to_builtins(settle(StartSettings, given, owner=owner, sources={"budget": rule})))


def given_start(settings: StartSettings, space: SearchSpace, trial: int, *, seed: int) -> Genotype | None:
    """Return the given genotype of this trial, as long as the trial's genotypes are; None where there is none."""
    if trial >= len(settings.start_from):
        return None
    return fit(space.decisions, settings.start_from[trial], space.length(trial), stream(seed, "start", trial))


def largest(
    space: SearchSpace,
    size: Callable[[Genotype], float],
    *,
    draws: int,
    seed: int,
    within: Callable[[Genotype], bool] | None = None,
) -> list[Genotype]:
    """Return so many uniform genotypes, of those that mean the same the first, by their size: the largest first, ties in the
    order of the draws. `within` says which may be proposed at all."""
    drawn = (space.decisions.sample(stream(seed, "warm start", draw), space.length(0)) for draw in range(draws))
    distinct = {space.canonical(genotype): genotype for genotype in reversed(list(drawn))}
    allowed = [genotype for genotype in reversed(distinct.values()) if within is None or within(genotype)]
    return sorted(allowed, key=size, reverse=True)


class InFlight:
    """Proposals that are not told yet, by trial: a function of what was told, kept so that they are not drawn again."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._proposed: dict[int, Genotype] = {}

    def proposal(self, trial: int) -> Proposal | None:
        """Return what was proposed for this trial; None where nothing was yet."""
        genotype = self._proposed.get(trial)
        return None if genotype is None else Proposal(genotype)

    def add(self, trial: int, genotype: Genotype) -> Proposal:
        """Keep the genotype of a trial, and return it as its proposal."""
        self._proposed[trial] = genotype
        return Proposal(genotype)

    def remove(self, trial: int) -> None:
        """Forget the proposal of a trial that is told."""
        self._proposed.pop(trial, None)

    def meanings(self) -> set[Genotype]:
        """Return what the proposals mean, by the space's canonical form."""
        return {self._space.canonical(genotype) for genotype in self._proposed.values()}
