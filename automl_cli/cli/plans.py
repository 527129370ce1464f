"""The plan of a search, or of a training, in words: what `--dry-run` prints."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from automl_cli.cli.live import duration
from automl_cli.cli.transferring import transfer_in_words
from automl_cli.core.numbers import by_times, counted
from automl_cli.values.skeleton import SMALLEST_AUXILIARY_MAP

if TYPE_CHECKING:
    from automl_cli.core.trials import Limits
    from automl_cli.planning.estimate import Plan, Range
    from automl_cli.training.plan import TrainingPlan
    from automl_cli.values.recipe import Recipe


def plan_text(plan: "Plan") -> str:
    """The plan of a search as lines of `name  value`."""
    return _lines(_rows(plan))


def training_text(plan: "TrainingPlan") -> str:
    """The plan of a training in the same form."""
    return _lines(_training_rows(plan))


def _lines(pairs: Iterable[tuple[str, str]]) -> str:
    rows = list(pairs)
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _rows(plan: "Plan") -> Iterator[tuple[str, str]]:
    options = ", ".join(f"{name}={value}" for name, value in plan.space_options.items())
    yield "space", f"{plan.space} ({options})" if options else plan.space
    if plan.dataset is not None:
        yield "data set", plan.dataset + _unread(plan.dataset)
    yield "strategy", f"{plan.strategy}, seed {plan.seed}"
    yield "children", f"{counted(plan.trials, 'trial')}, {counted(plan.epochs, 'epoch')} each, {plan.in_flight:,} in flight"
    if plan.depth is not None:
        yield "depth", f"{_span(plan.depth)} layers"
    yield "decisions", f"{_span(plan.decisions)} per child"
    if plan.multiply_adds is not None:
        yield "multiply-adds", f"{plan.multiply_adds.lowest:,} to {plan.multiply_adds.highest:,} for one example"
    if limits := _limits(plan.limits):
        yield "limits", f"{limits}; larger children are not trained"
    yield "reward", _reward(plan.reward_exponent)
    if plan.retrain_top:
        yield "retraining", f"the {plan.retrain_top} best again for {counted(plan.retrain_epochs, 'epoch')}"
    if plan.transfer is not None:
        yield "transfer", transfer_in_words(plan.transfer)
    yield "here", _estimate(plan)
    if plan.published_cost:
        yield "the paper", plan.published_cost


def _limits(limits: "Limits") -> str:
    bounds = {"parameters": limits.max_parameters, "multiply-adds": limits.max_multiply_adds}
    return ", ".join(f"at most {bound:,} {name}" for name, bound in bounds.items() if bound is not None)


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


def _unread(dataset: str) -> str:
    """A plan is cheap: pictures and arrays may be broken where headers and labels are not."""
    from automl_cli.data.catalogue import EMBEDDED

    return "" if dataset in EMBEDDED else "; its images are not read for a plan, so a broken one is found only when it starts"


def _training_rows(plan: "TrainingPlan") -> Iterator[tuple[str, str]]:
    facts = plan.facts
    shape = by_times(facts.image_shape)
    yield "trained", plan.trained
    yield "size", f"{plan.parameters:,} parameters, {plan.multiply_adds:,} multiply-adds for one image of {shape}"
    unread = f"; {plan.problem}" if plan.problem else _unread(plan.dataset.source)
    yield "data set", f"{plan.dataset.source}, {len(facts.classes):,} classes{unread}"
    validation = f"{facts.validation_examples:,} {'of them trained on too' if plan.with_validation else 'to validate'}"
    yield "examples", f"{facts.train_examples:,} to train, {validation}, {facts.test_examples:,} to test"
    epochs, each, steps = counted(plan.epochs, "epoch"), counted(plan.steps_per_epoch, "step"), counted(plan.steps, "step")
    yield "duration", f"{epochs} of {each}: {steps}, seed {plan.seed}"
    yield from _recipe_rows(plan)
    yield "engine", plan.engine_reason
    yield "here", _training_estimate(plan)


def _training_estimate(plan: "TrainingPlan") -> str:
    return (
        f"about {duration(plan.wall_seconds)} on all {plan.cores} cores, {duration(plan.compute_seconds)} of one; from exact "
        "multiply-adds and this machine's speed at a matrix product: small operations may take several times as long"
    )


def _recipe_rows(plan: "TrainingPlan") -> Iterator[tuple[str, str]]:
    """Every field of the recipe, in words."""
    recipe = plan.recipe
    rule = "RMSProp (decay 0.9, epsilon 1), " if recipe.optimizer == "rmsprop" else ""
    clip = "" if recipe.gradient_clip is None else f", gradients clipped to norm {recipe.gradient_clip:g}"
    courses = {"constant": "constant", "cosine": "cosine to 0", "exponential": "times 0.97 after every 2.4 epochs"}
    yield "optimizer", f"{rule}{'Nesterov ' if recipe.nesterov else ''}momentum {recipe.momentum:g}{clip}"
    yield "learning rate", f"{recipe.learning_rate:g}, {courses[recipe.schedule]}"
    yield "batch size", f"{recipe.batch_size:,}"
    yield "weight decay", f"{recipe.weight_decay:g}"
    yield "augmentation", recipe.augmentation + (", pictures decoded as they are needed" if recipe.streamed else "")
    yield "label smoothing", _or_none(recipe.label_smoothing, 0)
    yield "auxiliary head", _auxiliary_head(plan)
    yield "drop path", _drop_path(recipe)
    yield "dropout", _or_none(recipe.dropout, 0)
    yield "parameter mean", _or_none(recipe.average_decay, None)
    yield "precision", "bfloat16 where the device has it" if recipe.precision == "mixed" else "float32"


def _auxiliary_head(plan: "TrainingPlan") -> str:
    if plan.auxiliary_head:
        return f"its loss weighs {plan.recipe.auxiliary_weight:g}"
    if plan.recipe.auxiliary_weight == 0:
        return "none"
    least = by_times((SMALLEST_AUXILIARY_MAP, SMALLEST_AUXILIARY_MAP))
    return f"none: this network has none; only stacks of cells have one, on a map of at least {least}"


def _drop_path(recipe: "Recipe") -> str:
    if recipe.drop_path_keep == 1:
        return "none"
    cells = "all cells" if recipe.drop_path_schedule == "time" else "the last cell"
    earlier = "" if recipe.drop_path_schedule == "time" else ", those of earlier cells more often"
    return f"paths of {cells} are kept with probability {recipe.drop_path_keep:g} at the end{earlier}"


def _or_none(value: float | None, nothing: float | None) -> str:
    return "none" if value is None or value == nothing else f"{value:g}"
