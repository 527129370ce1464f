"""Rows that the sheets of several kinds have in common."""

from collections.abc import Iterator

from automl_cli.core.numbers import by_times, counted
from automl_cli.core.trials import Costs
from automl_cli.store.study import Found


def cost_facts(costs: Costs | None, example: tuple[int, ...] | None) -> Iterator[tuple[str, str]]:
    """Yield a row with the costs for one example of this shape, where both are known."""
    if costs is not None and example is not None:
        one = f"one image of {by_times(example)}" if len(example) == 3 else "one example"
        yield "costs", f"{costs.parameters:,} parameters, {costs.multiply_adds:,} multiply-adds for {one}"


def found_facts(found: Found) -> Iterator[tuple[str, str]]:
    """Yield rows that say how a value was found and what its child scored."""
    options = ", ".join(f"{name}={value}" for name, value in found.space.options.items())
    trained_on = f" on {found.child.problem.source}" if found.child is not None else ""
    yield "space", f"{found.space.name} version {found.space.version}" + (f" ({options})" if options else "")
    yield "found by", f"{found.strategy}, seed {found.seed}, trial {found.trial}"
    score = f"{found.validation_score:.4f} after {counted(found.epochs, 'epoch')}{trained_on}"
    yield "validation", f"{score}; reward {found.reward:.4f}"
    if by_seed := found.scores_by_seed:
        scores = ", ".join(f"{score:.4f}" for score in by_seed)
        yield "seeds", f"{len(by_seed)}, with scores {scores}: the one above is their mean"
