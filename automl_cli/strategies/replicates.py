"""Measure again, on new seeds, what looks best, between the proposals of any other strategy (`--replicates`).

    challenger  the genotype with the highest mean reward of those with fewer than `seeds` seeds, where that is above the mean
                of all that have them
    again       while at most `share` of the trials are replicates, the challenger is proposed again, with the next seed; those
                told without a reward do not count, since whatever is over a limit is no trial of `--trials`
    told        the strategy learns the reward of a challenger when its replicates are told: their mean

So the best of many noisy scores is not believed before it was seen again, and a challenger that falls behind costs one
replicate. Proposals of the strategy are numbered without replicates, so that it need not know of them; a minibatch of a policy
is kept whole, by minibatches of replicates.

A replicate without a reward counts as a seed, and adds nothing to the mean.
"""

import math
from collections.abc import Sequence
from statistics import fmean

from automl_cli.core.decisions import Genotype
from automl_cli.core.protocols import EarlierTrial, Strategy
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Proposal


class Seen:
    """A genotype that was told: a proposal of it, its rewards with their mean (minus infinity without one), the seeds that were
    told, and all that were proposed."""

    __slots__ = ("asked", "mean", "proposal", "rewards", "told")

    def __init__(self, proposal: Proposal) -> None:
        self.proposal = proposal
        self.rewards: list[float] = []
        self.mean = -math.inf
        self.asked = 1
        self.told = 0

    def tell(self, reward: float | None) -> None:
        """Take the reward of a further seed."""
        self.told += 1
        if reward is not None:
            self.rewards.append(reward)
            self.mean = fmean(self.rewards)


class Replicating:
    """Proposes what another strategy proposes, and what looks best again."""

    def __init__(self, strategy: Strategy, space: SearchSpace, *, seeds: int, share: float, reuse: bool = True) -> None:
        self.batch = strategy.batch
        self._strategy = strategy
        self._space = space
        self._seeds = seeds
        self._share = share
        self._reuse = reuse
        self._seen: dict[Genotype, Seen] = {}
        """Genotypes that were told, by what they mean."""
        self._proposed: dict[int, Proposal] = {}
        """Proposals in flight."""
        self._own: dict[int, int] = {}
        """The strategy's own numbers of those of its proposals that are in flight."""
        self._own_asked = 0
        self._replicates = 0
        self._without_reward = 0
        self._block_again = False
        self._held: list[tuple[int, Proposal, float | None]] = []
        """Proposals of the strategy, by its numbers, whose rewards it does not know yet, though they are told."""
        self.last_own = 0
        """The strategy's own number of the last proposal that it was told."""

    @property
    def strategy(self) -> Strategy:
        """Return the strategy whose proposals these are."""
        return self._strategy

    def ask(self, trial: int) -> Proposal:
        """Return the challenger's genotype with its next seed, or what the strategy proposes next."""
        if (proposal := self._proposed.get(trial)) is None:
            if trial % self.batch == 0:
                self._block_again = self._may_replicate(trial) and self._challenger() is not None
            proposal = self._proposed[trial] = self._replicate() if self._block_again else self._own_proposal(trial)
        return proposal

    def follow(self, trial: int, proposal: Proposal) -> None:
        """Take a recorded proposal as if it were asked for here: for a strategy that is told a journal again."""
        self._proposed[trial] = proposal
        if not proposal.replicate:
            self._own[trial] = self._own_asked
            self._own_asked += 1
            return
        self._replicates += 1
        if (seen := self._seen.get(self._space.canonical(proposal.genotype))) is not None:
            seen.asked = max(seen.asked, proposal.replicate + 1)

    def tell(self, trial: int, proposal: Proposal, reward: float | None) -> None:
        """Take the reward, and let the strategy learn what is settled by it."""
        self._proposed.pop(trial, None)
        self._without_reward += reward is None
        meaning = self._space.canonical(proposal.genotype)
        known = meaning in self._seen
        seen = self._seen.setdefault(meaning, Seen(proposal))
        if proposal.replicate or not known or not self._reuse:
            seen.tell(reward)
            if known and not proposal.replicate:
                seen.asked += 1
        if not proposal.replicate:
            self._held.append((self._own.pop(trial), proposal, reward))
        self._release(trial)

    def take_over(self, earlier: Sequence[EarlierTrial]) -> None:
        """Let the strategy take what an earlier search measured. None of it is a seed of this one."""
        self._strategy.take_over(earlier)

    def _own_proposal(self, trial: int) -> Proposal:
        number = self._own[trial] = self._own_asked
        self._own_asked += 1
        return self._strategy.ask(number)

    def _replicate(self) -> Proposal:
        """Return the challenger with its next seed; to fill a minibatch where there is none, what has the fewest seeds of those
        that follow."""
        seen = self._challenger() or min(self._seen.values(), key=lambda one: (one.asked, -one.mean))
        replicate, seen.asked = seen.asked, seen.asked + 1
        self._replicates += 1
        return Proposal(seen.proposal.genotype, replicate=replicate)

    def _may_replicate(self, trial: int) -> bool:
        return self._replicates + self.batch <= self._share * (trial + self.batch - self._without_reward)

    def _trusted(self) -> float:
        """Return the highest mean of those with enough seeds."""
        return max((seen.mean for seen in self._seen.values() if seen.told >= self._seeds), default=-math.inf)

    def _challenger(self) -> Seen | None:
        trusted = self._trusted()
        challengers = [seen for seen in self._seen.values() if seen.asked < self._seeds and seen.mean > trusted]
        return max(challengers, key=lambda seen: seen.mean, default=None)

    def _release(self, trial: int) -> None:
        """Tell the strategy, in order, the rewards that are settled: of all but challengers that are measured again."""
        trusted, may = self._trusted(), self._may_replicate(max([trial, *self._proposed]) + 1)
        while self._held:
            number, proposal, reward = self._held[0]
            seen = self._seen[self._space.canonical(proposal.genotype)]
            waits = seen.told < self._seeds and seen.mean > trusted and (may or seen.told < seen.asked)
            if waits and reward is not None:
                return
            del self._held[0]
            self.last_own = number
            self._strategy.tell(number, proposal, None if reward is None else seen.mean)
