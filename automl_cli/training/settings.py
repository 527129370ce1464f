"""From what was asked of `automl train` to the resolved settings of a training.

The artifact says what it was searched with; that is the default, but for the subset: a search may make do with a part of the
training examples, a training takes them all unless told otherwise. Flags override single fields. A resumed training keeps what
was recorded; a flag that says something else is refused.
"""

import shlex
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from automl_cli.core.errors import DataError, UserError
from automl_cli.core.numbers import LARGEST, by_times
from automl_cli.data import check_source, image_facts
from automl_cli.store.artifact import artifact_of, read_artifact
from automl_cli.store.bodies import Training
from automl_cli.store.cells import StackedNetwork
from automl_cli.store.run_directory import TRAINING, RunDirectory, check_new_run, create_run, default_run_path, open_run
from automl_cli.system.machine import current_environment
from automl_cli.system.process import has_accelerator
from automl_cli.training.target import target_of
from automl_cli.training.trainable import Body, Named, needed, subject_of
from automl_cli.values.dataset import DatasetReference, ImageFacts
from automl_cli.values.engine import EngineChoice, engine_for_training
from automl_cli.values.network import Network
from automl_cli.values.recipe import Recipe

S = TypeVar("S", bound=Struct)


class TrainingRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """What a user asked of a training, by flags; None where nothing was said. Names are those of the flags."""

    preset: str | None = None
    stack: str | None = None
    filters: int | None = None
    dataset: str | None = None
    data_dir: str | None = None
    train_examples: int | None = None
    image_size: int | None = None
    metric: str | None = None
    flip: bool | None = None
    with_validation: bool | None = None
    epochs: int | None = None
    seed: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    momentum: float | None = None
    weight_decay: float | None = None
    schedule: str | None = None
    augmentation: str | None = None
    optimizer: str | None = None
    gradient_clip: float | None = None
    label_smoothing: float | None = None
    auxiliary_weight: float | None = None
    drop_path_keep: float | None = None
    drop_path_schedule: str | None = None
    dropout: float | None = None
    average_decay: float | None = None
    precision: str | None = None


DATASET_FIELDS = ("data_dir", "train_examples", "image_size", "metric", "flip")
RECIPE_FIELDS = tuple(name for name in Recipe.__struct_fields__ if name in TrainingRequest.__struct_fields__)


def open_training(
    out: Path | None, request: TrainingRequest, named: Named | None, *, resume: bool, overwrite: bool
) -> RunDirectory:
    """The directory of a training, held: that of an interrupted one, or a new one with the settings of this request.

    `named` is what is trained; a resumed training knows its own. Raises UserError for whatever does not fit.
    """
    before = directory_to_resume(out, resume=resume, overwrite=overwrite)
    if before is not None:
        return _resumed(before, request, named)
    path = out or default_run_path("train")
    check_new_run(path, overwrite=overwrite, layout=TRAINING)
    opened = needed(named).open()
    settings = artifact_of(new_training(opened.artifact.body, request), {opened.artifact.kind: opened.digest})
    return create_run(path, settings, overwrite=overwrite, layout=TRAINING)


def directory_to_resume(out: Path | None, *, resume: bool, overwrite: bool) -> Path | None:
    """Where the training is that is to go on; None for a new one. Raises UserError for flags that do not go together."""
    if resume and overwrite:
        raise UserError("--resume continues a training and --overwrite replaces it; give one of them")
    if resume and out is None:
        raise UserError("--resume needs --out: the directory of the training to go on with")
    return out if resume else None


def _resumed(out: Path, request: TrainingRequest, named: Named | None) -> RunDirectory:
    run = open_run(out, layout=TRAINING)
    try:
        check_resumed(settings_of(out), request, named)
    except BaseException:
        run.close()
        raise
    return run


def settings_of(directory: Path) -> Training:
    """The settings of the training in this directory."""
    return read_artifact(directory / TRAINING.settings, Training).body


def resume_command(directory: Path) -> str:
    """The command, as it is typed, that goes on with the training in this directory."""
    return shlex.join(["automl", "train", "--resume", "--out", str(directory)])


def new_training(body: Body, request: TrainingRequest, *, data_needed: bool = True) -> Training:
    """The settings of a new training of what an artifact holds. Raises UserError for whatever does not fit, before the work.

    A plan does not need the data, if they are famous.
    """
    subject = subject_of(body, preset=request.preset, stack=request.stack, filters=request.filters)
    dataset = _dataset(subject.dataset, request)
    facts = image_facts(dataset) if data_needed else target_of(dataset).facts
    if isinstance(body, StackedNetwork):
        _check_images(body, facts, request)
    training = subject.training(facts.image_shape)
    recipe = _recipe(training.recipe, request)
    if data_needed:
        check_source(dataset, streamed=recipe.streamed)
    settled = _settled(
        subject.network(facts.image_shape),
        dataset,
        facts,
        recipe,
        epochs=training.epochs if request.epochs is None else request.epochs,
        seed=request.seed or 0,
        with_validation=bool(request.with_validation),
    )
    return msgspec.structs.replace(settled, engine=engine_of(settled).engine)


def _check_images(body: StackedNetwork, facts: ImageFacts, request: TrainingRequest) -> None:
    """Raises DataError where a network's own data have other images than those it was scaled for, and nobody asked for them."""
    asked = request.image_size is not None or request.dataset not in (None, body.target)
    if not asked and facts.image_shape != body.image_shape:
        found, expected = by_times(facts.image_shape), by_times(body.image_shape)
        raise DataError(
            f"the images of {body.target} are {found}, the network was scaled for {expected}; give --image-size to train it on "
            "others, or scale the cell again"
        )


def engine_of(training: Training) -> EngineChoice:
    """The engine of a new training here. What was recorded of one that was started stays."""
    return engine_for_training(training.epochs * training.steps_per_epoch, accelerated=has_accelerator())


def check_resumed(recorded: Training, request: TrainingRequest, named: Named | None) -> None:
    """Raises UserError naming the first thing that was asked for and is not what the training was started with."""
    recipe, epochs = recorded.recipe, recorded.epochs
    if named is not None:
        subject = subject_of(named.open().artifact.body, preset=request.preset, stack=request.stack, filters=request.filters)
        if subject.network(recorded.facts.image_shape) != recorded.network:
            raise UserError(
                f"--{named.flag} holds another network than the one trained here; leave --{named.flag} out, or choose another "
                "--out"
            )
        if request.preset is not None:
            recipe, epochs = msgspec.structs.astuple(subject.training(recorded.facts.image_shape))
    elif said := [flag for flag in ("preset", "stack", "filters") if getattr(request, flag) is not None]:
        raise UserError(f"--{said[0]} was settled when this training was started; resume it without that flag")
    dataset = _dataset(recorded.dataset, request)
    asked = _settled(
        recorded.network,
        dataset,
        image_facts(dataset),
        _recipe(recipe, request),
        epochs=epochs if request.epochs is None else request.epochs,
        seed=recorded.seed if request.seed is None else request.seed,
        with_validation=recorded.with_validation if request.with_validation is None else request.with_validation,
    )
    for name, before, now in _differences(recorded, asked):
        raise UserError(
            f"this training was started with {name} {before}, not {now}; resume it without that flag, or choose another --out"
        )


def _settled(
    network: Network,
    dataset: DatasetReference,
    facts: ImageFacts,
    recipe: Recipe,
    *,
    epochs: int,
    seed: int,
    with_validation: bool,
) -> Training:
    if epochs < 1:
        raise UserError(f"--epochs is {epochs}; it must be at least 1")
    if not 0 <= seed <= LARGEST:
        raise UserError(f"--seed is {seed}; it must be 0 to 2^53")
    network.shapes(facts.image_shape)
    return Training(
        network=network,
        dataset=dataset,
        facts=facts,
        recipe=recipe,
        epochs=epochs,
        seed=seed,
        with_validation=with_validation,
        environment=current_environment(),
    )


def _dataset(before: DatasetReference, request: TrainingRequest) -> DatasetReference:
    """The data set with what was asked for. Another source starts from the defaults of a data set."""
    same = request.dataset in (None, before.source)
    start = before if same else DatasetReference(source=request.dataset or before.source, metric=before.metric)
    return _replaced(start, request, DATASET_FIELDS)


def _recipe(before: Recipe, request: TrainingRequest) -> Recipe:
    return _replaced(before, request, RECIPE_FIELDS)


def _replaced(before: S, request: TrainingRequest, fields: tuple[str, ...]) -> S:
    """The value with those of these fields that were asked for, checked by its type."""
    given = {name: value for name in fields if (value := getattr(request, name)) is not None}
    try:
        return msgspec.convert({**msgspec.to_builtins(before), **given}, type(before))
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$.")
        raise UserError(f"--{path.rstrip('`').replace('_', '-')}: {text}" if path else text) from error


def _differences(before: Training, now: Training) -> list[tuple[str, object, object]]:
    """Names as the user wrote them, with both values."""
    pairs = [(before, now, ("epochs", "seed", "with_validation")), (before.recipe, now.recipe, RECIPE_FIELDS)]
    pairs.append((before.dataset, now.dataset, ("source", *DATASET_FIELDS)))
    pairs.append((before, now, ("facts",)))
    return [
        ("--dataset" if name == "source" else "data" if name == "facts" else f"--{name.replace('_', '-')}", old, new)
        for left, right, names in pairs
        for name in names
        if (old := getattr(left, name)) != (new := getattr(right, name))
    ]
