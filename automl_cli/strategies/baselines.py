"""Turn rewards into what a policy learns from: stand-ins for missing ones, baselines, ranks, and a queue of the best."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence

from automl_cli.core.decisions import Genotype


class Floor:
    """The lowest reward told so far, which stands in for missing ones."""

    def __init__(self) -> None:
        self._lowest: float | None = None

    def fill(self, rewards: Sequence[float | None]) -> list[float] | None:
        """Return the rewards of a minibatch without gaps, or None while every reward so far is missing.

        >>> Floor().fill([None, 2.0, 1.0])
        [1.0, 2.0, 1.0]
        """
        known = [reward for reward in (self._lowest, *rewards) if reward is not None]
        if not known:
            return None
        self._lowest = lowest = min(known)
        return [lowest if reward is None else reward for reward in rewards]


class MovingBaseline:
    """Moving average b <- decay b + (1 - decay) R, reward by reward; it starts at the mean of the first minibatch."""

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._value: float | None = None

    def advantages(self, rewards: Sequence[float]) -> list[float]:
        """Return R - b for every reward of a minibatch, with b from the minibatches before, then update b."""
        if self._value is None:
            self._value = sum(rewards) / len(rewards)
        before = self._value
        for reward in rewards:
            self._value = self._decay * self._value + (1 - self._decay) * reward
        return [reward - before for reward in rewards]


class RankBaseline:
    """Advantages by rank: A = 2 F(R) - 1, F the share of all rewards so far that R exceeds, ties in their middle.

    The same for every monotone change of the reward, so no scale has to be known and no outlier rules.
    """

    def __init__(self) -> None:
        self._sorted: list[float] = []

    def advantages(self, rewards: Sequence[float]) -> list[float]:
        """Return the advantage of every reward of a minibatch, counted among the rewards so far.

        >>> RankBaseline().advantages([1.0, 5.0, 3.0, 3.0])
        [-0.75, 0.75, 0.0, 0.0]
        """
        for reward in rewards:
            insort(self._sorted, reward)
        total = len(self._sorted)
        return [(bisect_left(self._sorted, reward) + bisect_right(self._sorted, reward)) / total - 1 for reward in rewards]


class BestQueue:
    """The distinct genotypes with the highest rewards, at most `places` of them; the earlier one among equals."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._best: dict[Genotype, float] = {}

    def add(self, genotypes: Sequence[Genotype], rewards: Sequence[float | None]) -> None:
        """Take in a minibatch. A genotype that was measured again keeps its last reward."""
        new = {genotype: reward for genotype, reward in zip(genotypes, rewards, strict=True) if reward is not None}
        ranked = sorted({**self._best, **new}.items(), key=lambda entry: -entry[1])
        self._best = dict(ranked[: self._places])

    @property
    def genotypes(self) -> tuple[Genotype, ...]:
        """The genotypes in the queue, the best first."""
        return tuple(self._best)
