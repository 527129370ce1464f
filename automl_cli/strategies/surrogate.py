"""Surrogate search: a Gaussian process predicts rewards from decisions, and one draw from it decides what is tried next.

    model       `gaussian_process`, fitted to the normal scores of the ranks of the rewards: no scale has to be known
    candidates  mutated copies of the best genotypes, and uniform ones; none that was told or is in flight
    propose     draw a function from the posterior, and take the candidate where it is highest (Thompson, Biometrika 25, 1933)

Length and noise of the model are chosen anew when the trials have grown by a fifth. At most `MOST_FITTED` trials are fitted:
the best half of that number, and of the others the last ones. A trial without a reward ranks below all others.

That candidates are mutated copies of the best is what such searches owe their results to ("Mutation is all you need", arXiv
2107.07343). The kernel and Thompson sampling are those of BO with a Hamming kernel on NAS-Bench-201.
"""

import math
from collections.abc import Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from automl_cli.core.decisions import Genotype
from automl_cli.core.protocols import EarlierTrial
from automl_cli.core.random_streams import stream, stream_seed
from automl_cli.core.settings import read
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Proposal
from automl_cli.strategies.evolution import fit
from automl_cli.strategies.gaussian_process import GaussianProcess, features, fitted, likeliest
from automl_cli.strategies.starting import InFlight, StartSettings, given_start, resolved
from automl_cli.system.linear_algebra import one_thread

if TYPE_CHECKING:
    import numpy as np

OWNER = "strategy surrogate"
"""Whose settings an error is about."""

MOST_FITTED = 1000
"""Trials that the model is fitted to at most."""

PARENTS, MUTATED, UNIFORM = 10, 150, 50
"""The number of best genotypes that are mutated, of mutated candidates, and of uniform ones."""

MOST_MUTATIONS = 3
"""Mutations of a candidate at most; each beyond the first is made for half of them."""

GROWTH = 1.2
"""Length and noise are chosen anew when the trials have grown by this factor."""


class Surrogate:
    """Proposes where a function drawn from a Gaussian process is highest."""

    summary = "Fits a Gaussian process to the scores, and tries what a draw from it likes best."
    settings = StartSettings
    starts_from_genotypes = True
    earlier = "fits its model to them"
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
        self._told: list[tuple[Genotype, float]] = []
        self._meanings: set[Genotype] = set()
        """What was told, by what it means."""
        self._known = 0
        """Trials that an earlier search brought."""
        self._in_flight = InFlight(space)
        self._chosen: tuple[int, float, float] | None = None
        """Trials told when length and noise were chosen last, and both."""
        self._model: GaussianProcess | None = None
        """The model of all that was told, made when it is asked for."""

    def take_over(self, earlier: Sequence[EarlierTrial]) -> None:
        """Fit the model to what an earlier search measured, too; so many fewer uniform genotypes come first."""
        self._told = [(trial.genotype, -math.inf if trial.reward is None else trial.reward) for trial in earlier]
        self._meanings = {self._space.canonical(trial.genotype) for trial in earlier}
        self._known = len(self._told)

    def ask(self, trial: int) -> Proposal:
        """Return a given or a uniform genotype for the first trials, then what a draw from the model likes best."""
        return self._in_flight.proposal(trial) or self._in_flight.add(trial, self._next(trial))

    def tell(self, trial: int, proposal: Proposal, reward: float | None) -> None:
        """Take the reward; the model is fitted when it is asked next."""
        self._in_flight.remove(trial)
        self._told.append((proposal.genotype, -math.inf if reward is None else reward))
        self._meanings.add(self._space.canonical(proposal.genotype))
        self._model = None

    def _next(self, trial: int) -> Genotype:
        if (start := given_start(self._settings, self._space, trial, seed=self._seed)) is not None:
            return start
        length = self._space.length(trial)
        first = max(self._settings.starts - self._known, len(self._settings.start_from))
        random = stream(self._seed, "candidates", trial)
        modelled = trial >= first and len(self._told) > 1
        candidates = self._candidates(random, length, mutated=MUTATED if modelled else 0)
        if not candidates:
            return self._space.sample(self._seed, trial)
        return candidates[self._preferred(candidates, trial)] if modelled else candidates[0]

    def _candidates(self, random: Random, length: int, *, mutated: int) -> list[Genotype]:
        """Return new genotypes, each once: mutated copies of the best, then uniform ones."""
        decisions, seen = self._space.decisions, self._meanings | self._in_flight.meanings()
        ranked = sorted(range(len(self._told)), key=lambda at: (-self._told[at][1], at))
        best = list(dict.fromkeys(self._told[at][0] for at in ranked))[:PARENTS]
        found = []
        for number in range(mutated + UNIFORM):
            if number < mutated:
                genotype = self._mutated(random.choice(best), random)
                if len(genotype) != length:
                    genotype = fit(decisions, genotype, length, random)
            else:
                genotype = decisions.sample(random, length)
            if (meaning := self._space.canonical(genotype)) not in seen:
                seen.add(meaning)
                found.append(genotype)
        return found

    def _mutated(self, genotype: Genotype, random: Random) -> Genotype:
        genotype = self._space.mutate(genotype, random)
        for _ in range(MOST_MUTATIONS - 1):
            if random.random() < 0.5:
                break
            genotype = self._space.mutate(genotype, random)
        return genotype

    def _preferred(self, candidates: list[Genotype], trial: int) -> int:
        """Return the place of the candidate at which a function drawn from the posterior is highest."""
        import numpy as np
        import scipy.linalg  # noqa: F401  so that its threads are limited, too

        normal = np.random.Generator(np.random.Philox(key=stream_seed(self._seed, "posterior", trial)))
        with one_thread():
            model = self._model = self._model or self._fitted()
            drawn = model.draw(features(candidates, self._space.decisions), normal.standard_normal(len(candidates)))
        return int(np.argmax(drawn))

    def _fitted(self) -> GaussianProcess:
        told, count = kept(self._told), len(self._space.decisions)
        rows = features([genotype for genotype, _ in told], self._space.decisions)
        values = normal_scores([reward for _, reward in told])
        if self._chosen is None or len(self._told) >= GROWTH * self._chosen[0]:
            self._chosen = (len(self._told), *likeliest(rows, values, count))
        _, length, noise = self._chosen
        return fitted(rows, values, count, length=length, noise=noise)


def kept(told: list[tuple[Genotype, float]]) -> list[tuple[Genotype, float]]:
    """Return the trials that the model is fitted to, in order."""
    if len(told) <= MOST_FITTED:
        return told
    half = MOST_FITTED // 2
    ranked = sorted(range(len(told)), key=lambda at: (-told[at][1], at))
    chosen = set(ranked[:half])
    others = [at for at in range(len(told)) if at not in chosen][-half:]
    return [told[at] for at in sorted(chosen.union(others))]


def normal_scores(rewards: list[float]) -> "np.ndarray":
    """Return the standard normal quantiles of the ranks, equal rewards sharing their mean rank: (rewards,) float64.

    >>> normal_scores([0.9, 0.1, 0.5]).round(2).tolist()
    [0.97, -0.97, 0.0]
    """
    import numpy as np
    from scipy.special import ndtri

    _, places, counts = np.unique(np.asarray(rewards), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return np.asarray(ndtri((ranks - 0.5) / len(rewards)))
