"""The plan of a search in words: what `--dry-run` prints."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from automl_cli.cli.live import duration

if TYPE_CHECKING:
    from automl_cli.estimates import Plan, Range


def plan_text(plan: "Plan") -> str:
    """The plan as lines of `name  value`."""
    rows = list(_rows(plan))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _rows(plan: "Plan") -> Iterator[tuple[str, str]]:
    options = ", ".join(f"{name}={value}" for name, value in plan.space_options.items())
    yield "space", f"{plan.space} ({options})" if options else plan.space
    if plan.dataset is not None:
        yield "data set", plan.dataset
    yield "strategy", f"{plan.strategy}, seed {plan.seed}"
    yield "children", f"{plan.trials:,} trials, {plan.epochs} epochs each, {plan.in_flight} in flight"
    if plan.depth is not None:
        yield "depth", f"{_span(plan.depth)} layers"
    yield "decisions", f"{_span(plan.decisions)} per child"
    if plan.multiply_adds is not None:
        yield "multiply-adds", f"{plan.multiply_adds.lowest:,} to {plan.multiply_adds.highest:,} for one example"
    yield "reward", _reward(plan.reward_exponent)
    if plan.retrain_top:
        yield "retraining", f"the {plan.retrain_top} best again for {plan.retrain_epochs} epochs"
    yield "here", _estimate(plan)
    if plan.published_cost:
        yield "the paper", plan.published_cost


def _span(found: "Range") -> str:
    return str(found.lowest) if found.lowest == found.highest else f"{found.lowest} to {found.highest}"


def _reward(exponent: float) -> str:
    named = {1.0: "validation score", 2.0: "validation score squared", 3.0: "validation score cubed"}
    return named.get(exponent, f"validation score to the power {exponent:g}") + ", the best of the last 5 epochs"


def _estimate(plan: "Plan") -> str:
    where = f"{plan.executor} executor, {plan.workers} at a time"
    if plan.compute_seconds is None or plan.wall_seconds is None:
        return f"{where}; no estimate of the time"
    return (
        f"about {duration(plan.wall_seconds)} ({where}), {duration(plan.compute_seconds)} of one core in all; from exact "
        "multiply-adds and this machine's speed at a matrix product, good to a factor of two"
    )
