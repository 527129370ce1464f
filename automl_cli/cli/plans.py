"""Write the plan of a search or of a training in words, as `--dry-run` prints it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from automl_cli.core.numbers import by_times, counted, duration
from automl_cli.reporting.figures import size
from automl_cli.running.transferring import transfer_in_words
from automl_cli.values.skeleton import SMALLEST_AUXILIARY_MAP

if TYPE_CHECKING:
    from automl_cli.core.trials import Limits
    from automl_cli.planning.estimate import CountRange, SearchPlan
    from automl_cli.training.plan import TrainingPlan


def plan_text(plan: "SearchPlan") -> str:
    """Return the plan of a search, or of each of its repeats, as lines of `name  value`."""
    return _lines([*_rows(plan), *_repeats(plan)])


def _repeats(plan: "SearchPlan") -> Iterator[tuple[str, str]]:
    if plan.repeats is not None:
        how = f"{counted(plan.repeats, 'such search/such searches')}, one after the other, seeds from {plan.seed} on"
        known = plan.wall_seconds is not None and plan.wall_seconds_compiled is not None
        yield "repeats", f"{how}: {_time(plan, plan.repeats)} in all" if known else how


def _time(plan: "SearchPlan", times: int = 1) -> str:
    """Return how long so many such searches take, as a range: programs are compiled once, if at all."""
    assert plan.wall_seconds is not None
    assert plan.wall_seconds_compiled is not None
    least = times * plan.wall_seconds_compiled
    shortest, longest = duration(least), duration(least + plan.wall_seconds - plan.wall_seconds_compiled)
    return f"about {longest}" if shortest == longest else f"about {shortest} to {longest}"


def training_text(plan: "TrainingPlan") -> str:
    """Return the plan of a training in the same form."""
    return _lines(_training_rows(plan))


def _lines(pairs: Iterable[tuple[str, str]]) -> str:
    rows = list(pairs)
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _rows(plan: "SearchPlan") -> Iterator[tuple[str, str]]:
    options = ", ".join(f"{name}={value}" for name, value in plan.space_options.items())
    yield "space", f"{plan.space} ({options})" if options else plan.space
    for name, words in plan.measured:
        yield name, words + (_unread(plan.dataset) if name == "data set" and plan.dataset is not None else "")
    yield from _proposing_rows(plan)
    yield (
        "children",
        f"{counted(plan.trials, 'trial')}, {counted(plan.epochs, 'epoch')} each, {plan.in_flight:,} in flight",
    )
    if plan.early_stop is not None:
        yield "early stop", plan.early_stop.words
    if plan.fitted is not None:
        yield "fitted to the data", plan.fitted
    if plan.steps is not None:
        yield "steps", f"{plan.steps:,} per child"
    yield "decisions", f"{_span(plan.decisions)} per child"
    if plan.multiply_adds is not None:
        yield "multiply-adds", f"{_span(plan.multiply_adds)} for one example"
    if limits := _limits(plan.limits):
        fit = f"of {counted(plan.sampled, 'uniform one')} {plan.within_limits:,} fit{'s' * (plan.within_limits == 1)}"
        yield "limits", f"{limits}; larger children are not trained, and others are drawn in their place; {fit}"
    yield "reward", plan.reward.words
    yield from _rows_after(plan)
    if plan.transfer is not None:
        yield "transfer", transfer_in_words(plan.transfer)
    yield "here", _estimate(plan)
    if plan.published_cost:
        yield "the paper", plan.published_cost


def _rows_after(plan: "SearchPlan") -> Iterator[tuple[str, str]]:
    """Yield what is trained after the search."""
    if plan.retrain_top:
        best = f"{plan.retrain_top:,} best" if plan.retrain_top > 1 else "best"
        seeds = f", on {counted(plan.retrain_seeds, 'seed')} each" if plan.retrain_seeds > 1 else ""
        yield "retraining", f"the {best} again for {counted(plan.retrain_epochs, 'epoch')}{seeds}"
    if plan.baseline is not None:
        often = counted(plan.retrain_seeds, "new seed")
        both = f"the {plan.baseline_role} {plan.baseline} and the winner"
        yield "by hand", f"{both} for {counted(plan.retrain_epochs, 'epoch')}, on {often} each"


def _proposing_rows(plan: "SearchPlan") -> Iterator[tuple[str, str]]:
    """Yield what proposes, with what it begins, and what is measured again."""
    chosen = f" (auto: {plan.strategy_rule})" if plan.strategy_rule else ""
    yield "strategy", f"{plan.strategy}{chosen}, seed {plan.seed}"
    yield from _starts(plan)
    if (warm := plan.warm_start) is not None:
        yield "warm start", f"the {warm.count:,} costliest of {warm.draws:,} uniform genotypes come first"
    if (again := plan.replication) is not None:
        yield (
            "replicates",
            f"what looks best is measured on {counted(again.seeds, 'seed')}, by {again.share:.0%} of the trials at most",
        )


def _starts(plan: "SearchPlan") -> Iterator[tuple[str, str]]:
    """Yield what the search starts from."""
    from automl_cli.plugins.registry import STRATEGIES

    if plan.start_from:
        yield "start from", f"{counted(plan.start_from, 'given genotype')}, which the first trials propose"
    if plan.taken_over:
        told = f"{counted(plan.taken_over, 'trial')} of an earlier search, which count as none of this one"
        yield "told first", f"{told}: {plan.strategy} {STRATEGIES.load(plan.strategy).earlier}"


def _limits(limits: "Limits") -> str:
    bounds = {"parameters": limits.max_parameters, "multiply-adds": limits.max_multiply_adds}
    return ", ".join(f"at most {bound:,} {name}" for name, bound in bounds.items() if bound is not None)


def _span(found: "CountRange") -> str:
    return f"{found.lowest:,}" if found.lowest == found.highest else f"{found.lowest:,} to {found.highest:,}"


def _estimate(plan: "SearchPlan") -> str:
    where = f"{plan.executor} executor, {plan.workers} at a time"
    if plan.compute_seconds is None or plan.compile_seconds is None:
        return f"{where}; no estimate of the time"
    alone = "" if plan.transfer is None else "; the search alone, without what becomes of its winner"
    return (
        f"{_time(plan)} ({where}): {duration(plan.compute_seconds)} of one core in all, of which compiling "
        f"{duration(plan.compile_seconds)} where no program is in the cache yet{alone}; from exact counts and this machine's "
        "speed, good to a factor of two"
    )


def _unread(dataset: str) -> str:
    """Return a note that a plan does not read the examples of this data set; nothing for an embedded one."""
    from automl_cli.data.catalogue import EMBEDDED

    return "" if dataset in EMBEDDED else "; its examples are not read for a plan, so a broken one is found only when it starts"


def _training_rows(plan: "TrainingPlan") -> Iterator[tuple[str, str]]:
    problem = plan.child.problem
    facts, classes = problem.facts, len(problem.facts.get("classes", ()))
    example = f"one image of {by_times(facts['image_shape'])}" if "image_shape" in facts else "one example"
    yield "trained", plan.trained
    yield "size", f"{size(plan.parameters, plan.multiply_adds)} for {example}"
    unread = f"; {plan.problem}" if plan.problem else _unread(problem.source)
    yield "data set", problem.source + (f", {counted(classes, 'class/classes')}" if classes else "") + unread
    validation = f"{facts['validation_examples']:,} {'of them trained on too' if plan.with_validation else 'to validate'}"
    yield "examples", f"{facts['train_examples']:,} to train, {validation}, {facts['test_examples']:,} to test"
    epochs, each, steps = counted(plan.epochs, "epoch"), counted(plan.steps_per_epoch, "step"), counted(plan.steps, "step")
    yield "duration", f"{epochs} of {each}: {steps}, seed {plan.seed}"
    yield from _role_rows(plan)
    yield from _recipe_rows(plan)
    yield "engine", plan.engine_reason
    yield "here", _training_estimate(plan)


def _role_rows(plan: "TrainingPlan") -> Iterator[tuple[str, str]]:
    """Yield what stands in every role beside the network, in words."""
    from automl_cli.plugins.roles import words_of

    for role, filling in plan.child.roles.items():
        if role != "network":
            yield role, words_of(filling)


def _training_estimate(plan: "TrainingPlan") -> str:
    compiling = f"of which compiling {duration(plan.compile_seconds)} where no program is in the cache yet"
    where = "on one core" if plan.cores == 1 else f"on {counted(plan.cores, 'core')}, {duration(plan.compute_seconds)} on one"
    return (
        f"about {duration(plan.wall_seconds)} {where}, {compiling}; from exact counts and this machine's speed, good to a "
        "factor of two"
    )


def _recipe_rows(plan: "TrainingPlan") -> Iterator[tuple[str, str]]:
    """Yield every field of the recipe, in words of its own where its number would say too little."""
    from msgspec.structs import fields

    for field in fields(plan.child.recipe):
        if field.name in _RECIPE_WORDS:
            yield from _RECIPE_WORDS[field.name](plan)
        else:
            yield field.name.replace("_", " "), _or_none(getattr(plan.child.recipe, field.name), field.default)


def _learning_rate(plan: "TrainingPlan") -> Iterator[tuple[str, str]]:
    from automl_cli.plugins.roles import rate_in_words

    recipe = plan.child.recipe
    courses = {"constant": "constant", "cosine": "cosine to 0", "exponential": "times 0.97 after every 2.4 epochs"}
    yield "learning rate", f"{rate_in_words(recipe, plan.child.roles['optimizer'])}; {courses[recipe.schedule]}"


def _precision(plan: "TrainingPlan") -> Iterator[tuple[str, str]]:
    half = plan.child.recipe.precision == "mixed"
    yield "precision", "bfloat16 where the device has it" if half else "float32"


def _weight_decay(plan: "TrainingPlan") -> Iterator[tuple[str, str]]:
    yield "weight decay", f"{plan.child.recipe.weight_decay:g}"


def _auxiliary_head(plan: "TrainingPlan") -> Iterator[tuple[str, str]]:
    weight, words = plan.child.recipe.auxiliary_weight, "none"
    least = by_times((SMALLEST_AUXILIARY_MAP, SMALLEST_AUXILIARY_MAP))
    if plan.auxiliary_head:
        words = f"its loss weighs {weight:g}"
    elif weight > 0:
        words = f"none: this network has none; only stacks of cells have one, on a map of at least {least}"
    yield "auxiliary head", words


def _drop_path(plan: "TrainingPlan") -> Iterator[tuple[str, str]]:
    recipe = plan.child.recipe
    if recipe.drop_path_keep == 1:
        yield "drop path", "none"
        return
    if not plan.drops_paths:
        yield "drop path", "none: this network has no paths that could be dropped; stacks of cells have"
        return
    cells = "all cells" if recipe.drop_path_schedule == "time" else "the last cell"
    earlier = "" if recipe.drop_path_schedule == "time" else ", those of earlier cells more often"
    yield "drop path", f"paths of {cells} are kept with probability {recipe.drop_path_keep:g} at the end{earlier}"


_RECIPE_WORDS: "Mapping[str, Callable[[TrainingPlan], Iterator[tuple[str, str]]]]" = {
    "learning_rate": _learning_rate,
    "learning_rates": lambda plan: iter(()),  # a training has one
    "weight_decay": _weight_decay,
    "schedule": lambda plan: iter(()),  # said with the rate
    "auxiliary_weight": _auxiliary_head,
    "drop_path_keep": _drop_path,
    "drop_path_schedule": lambda plan: iter(()),  # said with the probability
    "precision": _precision,
}
"""Fields of a recipe whose number alone would say too little."""


def _or_none(value: object, nothing: object) -> str:
    return "none" if value is None or value == nothing else f"{value:g}" if isinstance(value, float) else f"{value:,}"
