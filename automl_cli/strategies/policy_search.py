"""Teach a policy by minibatches, which `reinforce` and `ppo` share: advantages, a queue of the best, the rule from the budget.

    minibatch k = trials k m … k m + m - 1, all drawn from the policy that learned from every minibatch told before
    when the last of them is told:  advantages, best genotypes -> one update of the policy

State moves when a minibatch is complete, and at no other moment. A missing reward counts as the lowest reward told so far;
while no reward at all was told there is nothing to learn, and the minibatch is passed over.

**The rule from the budget.** The papers' learning rates (6e-4, 3.5e-4) learn nothing in some hundred trials. With T trials:

    layers, units, initial_range   1, 32, 0.1
    learning_rate                  0.02
    minibatch                      T / 50, within 5 … 20
    epochs                         4 steps on every minibatch (for `reinforce`: one, and three on the queue alone)
    advantage                      rank among all rewards so far, so that no scale has to be known
    queue_size, queue_weight       the 4 best genotypes, 3 times their mean log-likelihood (priority-queue training, Abolafia et
                                   al., arXiv 1801.03526: a policy gradient forgets the best it has seen, a small study cannot)
    exploration                    one decision of every genotype, on average, is drawn uniformly (as a mutation would), and at
                                   most half of them
    avoid_repeats                  a genotype that was told before is drawn again, at most 8 times: repeats teach nothing here

One rule for every space. Chosen on toy functions (additive, pairwise and NK landscapes, cliffs, noise; 6 x 5, 18 x 4 and 33
decisions with skip connections) at T = 100, 300 and 1,000; around these values the result is flat, and what matters most is the
queue and avoiding repeats. `constants=paper` takes the constants of the strategy's own paper, which has none of queue,
exploration, avoided repeats and rank.

Differs from the papers: the rank as advantage, the queue and the steps that `reinforce` takes on it alone, exploration and
avoided repeats. Under the last two, proposals are not draws from the policy alone, yet the gradient takes them as such.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from automl_cli.core.decisions import Genotype
from automl_cli.core.protocols import EarlierTrial
from automl_cli.core.random_streams import stream, stream_seed
from automl_cli.core.settings import read, settle
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Proposal
from automl_cli.strategies.baselines import BestQueue, Floor, MovingBaseline, RankBaseline

if TYPE_CHECKING:
    from automl_cli.strategies.controller.policy import ControllerPolicy

DRAWS_READ = 256
"""So many draws show the probability of a choice to some three per cent."""

Objective = Literal["reinforce", "ppo"]
"""The objectives that a policy can be taught by: see `strategies.controller.objectives`."""


class PolicySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Constants of a policy strategy. With `queue_size` 0 or `queue_weight` 0 there is no priority-queue training."""

    layers: Annotated[int, Meta(ge=1, description="Layers of the controller.")]
    units: Annotated[int, Meta(ge=1, description="Units of each layer of the controller.")]
    initial_range: Annotated[float, Meta(gt=0, description="Parameters start uniform between minus and plus this.")]
    learning_rate: Annotated[float, Meta(gt=0, description="Learning rate of the controller.")]
    minibatch: Annotated[int, Meta(ge=1, description="Trials that are drawn from one policy and learned from together.")]
    epochs: Annotated[int, Meta(ge=1, description="Steps on every minibatch.")] = 1
    clip: Annotated[float, Meta(gt=0, description="Clip range of the probability ratio (ppo).")] = 0.2
    advantage: Annotated[
        Literal["baseline", "rank"], Meta(description="Reward minus a moving baseline, or rank among all rewards so far.")
    ] = "baseline"
    baseline_decay: Annotated[float, Meta(ge=0, lt=1, description="Decay of the moving baseline.")] = 0.95
    entropy_weight: Annotated[float, Meta(ge=0, description="Weight of the policy's entropy.")] = 0.0
    queue_size: Annotated[int, Meta(ge=0, description="Best genotypes that are learned again in every step.")] = 0
    queue_weight: Annotated[float, Meta(ge=0, description="Weight of the log-likelihood of those.")] = 0.0
    exploration: Annotated[float, Meta(ge=0, description="Decisions of a genotype drawn uniformly, on average.")] = 0.0
    avoid_repeats: Annotated[int, Meta(ge=0, description="How often a genotype that was told before is drawn again.")] = 0


def rule_from_budget(trials: int) -> dict[str, Any]:
    """Return the constants by the rule of this module, for a study of so many trials."""
    return {
        "layers": 1,
        "units": 32,
        "initial_range": 0.1,
        "learning_rate": 0.02,
        "minibatch": max(5, min(20, trials // 50)),
        "epochs": 4,
        "advantage": "rank",
        "queue_size": 4,
        "queue_weight": 3.0,
        "exploration": 1.0,
        "avoid_repeats": 8,
    }


class _ToldTrial(NamedTuple):
    proposal: Proposal
    reward: float | None


class PolicySearch:
    """Search by a policy over a space that is taught minibatch by minibatch to increase its `objective`.

    The controller is built at the first `ask`.
    """

    reading = "draws from the policy"

    def __init__(self, space: SearchSpace, *, seed: int, settings: PolicySettings, objective: Objective) -> None:
        self.batch = settings.minibatch
        self._space = space
        self._seed = seed
        self._settings = settings
        self._objective: Objective = objective
        self._floor = Floor()
        self._baseline = RankBaseline() if settings.advantage == "rank" else MovingBaseline(settings.baseline_decay)
        self._queue = BestQueue(settings.queue_size)
        self._seen: set[Genotype] = set()
        self._minibatch: list[_ToldTrial] = []
        self._drawn: tuple[int, list[Proposal]] | None = None
        """The minibatch drawn last, by its number: kept so that m asks cost one draw. A pure function of all that was told."""

    def take_over(self, earlier: Sequence[EarlierTrial]) -> None:
        """Start baseline, queue of the best and avoided repeats from an earlier search.

        Its genotypes were not drawn from this policy, so no gradient is taken of them; the queue, which needs no probability of
        its own, teaches the best of them with every minibatch.
        """
        genotypes, rewards = [trial.genotype for trial in earlier], [trial.reward for trial in earlier]
        if self._settings.avoid_repeats:
            self._seen.update(genotypes)
        self._queue.add(genotypes, rewards)
        if (known := self._floor.fill(rewards)) is not None:
            self._baseline.advantages(known)

    def ask(self, trial: int) -> Proposal:
        """Return the proposal of this trial, from its minibatch, which is drawn as a whole."""
        number, place = divmod(trial, self.batch)
        if self._drawn is None or self._drawn[0] != number:
            self._drawn = number, self._draw(number)
        return self._drawn[1][place]

    def tell(self, trial: int, proposal: Proposal, reward: float | None) -> None:
        """Add a trial to the minibatch. The policy learns from all of it when it is complete."""
        self._minibatch.append(_ToldTrial(proposal, reward))
        if len(self._minibatch) == self.batch:
            self._learn([told.proposal for told in self._minibatch], [told.reward for told in self._minibatch])
            self._minibatch = []
            self._drawn = None

    def read(self, trial: int) -> list[Proposal]:
        """Draw from the policy as it is, without exploration."""
        random, length = stream(self._seed, "reading", trial), self._space.length(trial)
        rows = [[random.random() for _ in range(len(self._space.decisions))] for _ in range(DRAWS_READ)]
        return [Proposal(*drawn) for drawn in self._policy.draw(rows, [length] * DRAWS_READ)]

    @cached_property
    def _policy(self) -> "ControllerPolicy":
        from automl_cli.strategies.controller.learner import ControllerSize
        from automl_cli.strategies.controller.policy import ControllerPolicy

        return ControllerPolicy(
            self._space.decisions,
            ControllerSize(self._settings.layers, self._settings.units),
            objective=self._objective,
            initial_range=self._settings.initial_range,
            seed=stream_seed(self._seed, "controller"),
        )

    def _draw(self, number: int) -> list[Proposal]:
        """Draw all proposals of a minibatch, each from its own trial's stream. A repeat is drawn again."""
        trials = range(number * self.batch, (number + 1) * self.batch)
        uniforms = [self._uniforms(trial) for trial in trials]
        lengths = [self._space.length(trial) for trial in trials]
        rows = [next(row) for row in uniforms]
        drawn = self._policy.draw(rows, lengths, exploration=self._settings.exploration)
        for _ in range(self._settings.avoid_repeats):
            repeats = self._repeats([genotype for genotype, _ in drawn])
            if not repeats:
                break
            rows = [next(uniforms[place]) if place in repeats else row for place, row in enumerate(rows)]
            again = self._policy.draw(rows, lengths, exploration=self._settings.exploration)
            drawn = [again[place] if place in repeats else kept for place, kept in enumerate(drawn)]
        return [Proposal(genotype, log_probability) for genotype, log_probability in drawn]

    def _uniforms(self, trial: int) -> Iterator[list[float]]:
        """Yield rows of uniforms in [0, 1), one number for every decision, from the trial's stream."""
        random = stream(self._seed, "proposal", trial)
        while True:
            yield [random.random() for _ in range(len(self._space.decisions))]

    def _repeats(self, genotypes: Sequence[Genotype]) -> set[int]:
        """Return the places whose genotype was told before or stands at an earlier place."""
        first = {genotype: place for place, genotype in reversed(list(enumerate(genotypes)))}
        return {place for place, genotype in enumerate(genotypes) if genotype in self._seen or first[genotype] != place}

    def _learn(self, proposals: Sequence[Proposal], rewards: Sequence[float | None]) -> None:
        from automl_cli.strategies.controller.objectives import Coefficients
        from automl_cli.strategies.controller.policy import Example

        settings = self._settings
        genotypes = [proposal.genotype for proposal in proposals]
        if settings.avoid_repeats:
            self._seen.update(genotypes)
        self._queue.add(genotypes, rewards)
        if (known := self._floor.fill(rewards)) is None:
            return
        examples = [
            Example(proposal.genotype, advantage, _log_probability(proposal))
            for proposal, advantage in zip(proposals, self._baseline.advantages(known), strict=True)
        ]
        # Without a queue, what is left of the later steps of `reinforce` would be Adam's momentum.
        once = self._objective == "reinforce" and not settings.queue_size * settings.queue_weight
        rates = Coefficients(settings.learning_rate, settings.entropy_weight, settings.queue_weight, settings.clip)
        self._policy.learn(
            examples,
            best=self._queue.genotypes,
            queue_size=settings.queue_size,
            rates=rates,
            epochs=1 if once else settings.epochs,
        )


class PolicyRule(Struct, frozen=True, kw_only=True):
    """A policy strategy (a `StrategyFactory`): its objective, and the constants of its paper for `constants=paper`."""

    name: str
    summary: str
    objective: Objective
    paper: Mapping[str, Any]
    settings: type[Struct] = PolicySettings
    starts_from_genotypes: bool = False
    earlier: str = "starts its baseline from them and remembers the best, but learns only from what it draws itself"
    small_spaces_only: bool = False
    draws: bool = True

    def resolve(self, trials: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return given constants over the rule from the budget, or over the paper's with `constants=paper`."""
        sources = {"budget": rule_from_budget(trials), "paper": self.paper}
        return dict(msgspec.to_builtins(settle(PolicySettings, given, owner=f"strategy {self.name}", sources=sources)))

    def __call__(self, space: SearchSpace, *, seed: int, settings: Mapping[str, Any]) -> PolicySearch:
        """Return a fresh search with resolved settings."""
        resolved = read(PolicySettings, settings, owner=f"strategy {self.name}")
        return PolicySearch(space, seed=seed, settings=resolved, objective=self.objective)


def _log_probability(proposal: Proposal) -> float:
    if proposal.log_probability is None:
        raise ValueError(f"the proposal {proposal.genotype} has no log-probability, so it was not drawn from a policy")
    return proposal.log_probability
