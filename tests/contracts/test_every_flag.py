"""Every flag of every search and of `train`: help, configuration file, bounds, and what a resumed run may be told by it."""

import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from automl_cli.cli.app import COMMANDS, SEARCH, load_command, run
from automl_cli.core.errors import UserError
from automl_cli.core.flags import Flag
from automl_cli.planning import flags as searches
from automl_cli.planning.as_flags import flags_for
from automl_cli.planning.augment_flags import AUGMENT
from automl_cli.planning.network_flags import NETWORK_FLAGS
from automl_cli.planning.place import CLUSTER_FLAGS
from automl_cli.planning.request import SearchRequest, read_request
from automl_cli.planning.resolve import plan_search
from automl_cli.planning.resume import resume_search
from automl_cli.planning.run_flags import RUN_ROWS
from automl_cli.planning.transfer_flags import TRANSFER
from automl_cli.store.config_file import read_flags, write_flags
from automl_cli.store.encoding import plain
from automl_cli.store.study import StudySettings
from automl_cli.training import flags as trainings
from automl_cli.training.anew import RecordedTraining
from automl_cli.training.anew import flags_for as training_flags_for
from automl_cli.training.request import TrainingRequest
from automl_cli.training.settings import new_training, resumed, with_name
from automl_cli.training.trainable import NamedTrainable, network_flags
from automl_cli.values.recipe import Recipe

ROWS: Mapping[str, tuple[Flag, ...]] = {
    **{name: searches.flags_of(name) for name, command in COMMANDS.items() if command.panel == SEARCH},
    "train": trainings.train_flags(),
}
ABOUT_RUNS = {row.name for row in (*RUN_ROWS, *trainings.RUN_ROWS)}

every_flag = pytest.mark.parametrize(
    ("command", "row"), [pytest.param(name, row, id=f"{name}--{row.name}") for name, rows in ROWS.items() for row in rows]
)


@cache
def help_of(command: str) -> str:
    loaded = load_command(command)
    return loaded.get_help(loaded.context_class(loaded, info_name=command, **loaded.context_settings))


@every_flag
def test_the_help_of_its_command_shows_it_in_its_panel(command: str, row: Flag) -> None:
    assert row.help.endswith((".", "]")), row.help
    panel = help_of(command).partition(f"\n{row.panel}:\n")[2].partition("\n\n")[0]
    assert re.search(rf"(^|[ ,])--{row.name}[ \n]", panel, flags=re.MULTILINE), panel
    assert (f"--no-{row.name} " in panel) == row.negatable


@every_flag
def test_the_command_takes_it_as_its_type_says(command: str, row: Flag) -> None:
    value = examples(row)[0]
    typed = (
        value if isinstance(value, list) else [f"{key}={item}" for key, item in value.items()] if row.type is dict else [value]
    )
    words = [f"--{row.name}"] if row.type is bool else [word for item in typed for word in (f"--{row.name}", str(item))]
    given = load_command(command).make_context(command, words).params
    expected = typed if row.type in (list, dict) else row.type(value)
    assert given[row.attribute] == expected
    assert not any(given[other.attribute] for other in ROWS[command] if other is not row)


@every_flag
def test_a_file_of_flags_may_say_it(command: str, row: Flag, tmp_path: Path) -> None:
    value, file = examples(row)[0], tmp_path / "flags.toml"
    file.write_text(f"{row.name} = {in_toml(value)}\n")
    if row.name in ABOUT_RUNS and command != "train":
        with pytest.raises(
            UserError, match=rf"unknown flag in .*flags\.toml: '{row.name}'|flags\.toml: --{row.name} is about one run"
        ):
            read_request(file)
    elif command != "train":
        assert read_request(file) == SearchRequest(**{row.attribute: value})
    else:
        assert read_flags(file, [row]) == {row.attribute: value}
    file.write_text(f"{row.name} = {in_toml([['not', 'that']])}\n")
    with pytest.raises(UserError, match=row.name):
        read_flags(file, [row])


@every_flag
def test_what_is_written_to_a_file_is_read_back_as_it_was(command: str, row: Flag, tmp_path: Path) -> None:
    if row.name in ABOUT_RUNS:
        pytest.skip("it is about the run, and no file of flags has it")
    file = tmp_path / "flags.toml"
    for value in examples(row):
        kind = TrainingRequest if command == "train" and row in trainings.training_rows() else SearchRequest
        given = kind(**{row.attribute: value}).given() if row not in trainings.NAMING else {row.name: value}
        write_flags(file, given, command=f"automl {command}")
        read = read_flags(file, trainings.rows_in_files() if command == "train" else searches.search_rows())
        assert read == {row.attribute: value}
        file.unlink()


def edges(row: Flag) -> Iterator[tuple[float, float]]:
    """Numbers just outside and just inside each bound of a flag."""
    least = 1 if row.type is int else None
    for bound, strict, up in ((row.at_least, False, True), (row.above, True, True), (row.at_most, False, False)):
        if bound is not None:
            direction = math.inf if up else -math.inf
            inside = bound + (least or 0) if strict and least else math.nextafter(bound, direction) if strict else bound
            outside = math.nextafter(inside, -direction)
            yield inside + int(math.copysign(least, outside - inside)) if least else outside, inside
    if row.below is not None:
        yield row.below, math.nextafter(row.below, -math.inf)


@every_flag
def test_bounds_hold_exactly_and_the_message_names_the_flag(command: str, row: Flag) -> None:
    found = list(edges(row))
    for outside, inside in found:
        row.check(inside)
        with pytest.raises(UserError, match=rf"^--{row.name} is .*; it must be "):
            row.check(outside)
    if row.type is float:
        with pytest.raises(UserError, match=rf"^--{row.name} is nan; it must be a finite number"):
            row.check(math.nan)
    if row.choices:
        with pytest.raises(UserError, match=rf"unknown {row.name} 'nothing-of-it'"):
            row.check("nothing-of-it")
    if not (found or row.choices or row.type is float):
        pytest.skip("it has no bounds")


EXAMPLES: Mapping[str, tuple[Any, Any]] = {
    "preset": ("quick", "paper"),
    "space": ("nasnet", "nas-bench-201"),
    "space-option": ({"layers": 3}, {"layers": 4}),
    "dataset": ("digits", "cifar10"),
    "data-dir": ("/data", "/elsewhere"),
    "train-examples": (500, 600),
    "image-size": (8, 16),
    "background": ("black", "white"),
    "resize": ("pad", "squash"),
    "layout": ("nchw", "nhwc"),
    "pixel-range": ("0,4095", "0,1"),
    "validation-share": (0.25, 0.5),
    "test-share": (0.25, 0.5),
    "metric": ("balanced-accuracy", "accuracy"),
    "max-parameters": (10_000, 20_000),
    "max-multiply-adds": (1_000_000, 2_000_000),
    "activation": ("swish", "gelu"),
    "augment": ("none", "standard"),
    "optimizer": ("adam", "sgd"),
    "operations": ("Rotate,Color", "Rotate,Invert"),
    "strategy": ("evolution", "random"),
    "strategy-option": ({"population_size": 3}, {"population_size": 4}),
    "start-from": (["a", "b"], ["b", "a"]),
    "retrain-top": (1, 2),
    "cell": ("nasnet-a", "amoebanet-a"),
    "network": ("resnet-8", "convnet-2x32"),
    "evaluator": ("analytic", "table"),
    "evaluator-option": ({"noise": 0.5}, {"noise": 0.25}),
    "reward-column": ("score", "again"),
    "reward-columns": ("score,again", "again,score"),
    "report-columns": ("again", "score"),
    "cost-columns": ("again", "score"),
    "encoding-column": ("ops", "genotype"),
    "executor": ("local", "serial"),
    "memory-limit": ("2GB", "1536MiB"),
    "ray-address": ("10.0.0.1:6379", "10.0.0.2:6379"),
    "child-gpus": (0.5, 0.25),
    "transfer": ("digits", "cifar10"),
    "transfer-image-size": (8, 16),
    "stack": ("1@96", "1@48"),
    "learning-rate": (0.25, 0.5),
    "average-decay": (0.5, 0.75),
    "warmup-epochs": (1.5, 2.0),
    "momentum": (0.5, 0.75),
    "drop-path-keep": (0.5, 0.75),
    "label-smoothing": (0.25, 0.5),
    "dropout": (0.25, 0.5),
}
"""A value and another one of flags whose type and choices do not say enough."""


def examples(row: Flag) -> tuple[Any, Any]:
    """A value of the flag, and another one."""
    if row.name in EXAMPLES:
        return EXAMPLES[row.name]
    if row.choices:
        return row.choices[0], row.choices[1]
    return {int: (3, 4), float: (1.5, 2.5), bool: (True, False)}.get(row.type, ("a", "b"))


def in_toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name} = {in_toml(item)}' for name, item in value.items())}}}"
    return json.dumps(value)


TINY = {"space": str(Path(__file__).parent.parent / "tiny_space.py"), "trials": 6}
WORLDS: Mapping[str, Mapping[str, Any]] = {
    "formula": {**TINY, "evaluator": "analytic", "retrain_top": 3},
    "evolution": {**TINY, "evaluator": "analytic", "strategy": "evolution"},
    "training": TINY,
    "long": {**TINY, "epochs": 9},
    "table": {**TINY, "evaluator": "table", "reward_column": "score"},
    "trainings": {**TINY, "evaluator": "table"},
    "noisy": {**TINY, "evaluator": "analytic", "evaluator_option": {"noise": 0.5}},
    "costs": {**TINY, "strategy": "evolution"},
    "cluster": {**TINY, "evaluator": "analytic", "executor": "ray", "workers": 2},
    "cells": {"evaluator": "analytic", "trials": 6, "transfer": "digits"},
    "functions": {"space": "activation-units", "trials": 6},
    "policies": {"space": "autoaugment", "evaluator": "analytic", "trials": 6},
}
"""Searches, small ones, as they are asked for."""


def world_of(row: Flag) -> str:
    """The search in which the flag means something."""
    if row.of_evaluator == "table":
        return "trainings" if row.name == "reward-columns" else "table"
    if row.name in ("replicates", "warm-start"):
        return "noisy" if row.name == "replicates" else "costs"
    if row.name == "early-stop":
        return "long"
    if row.name in NETWORK_FLAGS:
        return "functions"
    if row in AUGMENT:
        return "policies"
    if row.name in CLUSTER_FLAGS:
        return "cluster"
    if row in TRANSFER or row.name == "space":
        return "cells"
    if row.name in ("strategy", "strategy-option", "start-from"):
        return "evolution"
    return "training" if row.of_children or row.name in ("data-dir", "preset") else "formula"


def asked(row: Flag, folder: Path) -> SearchRequest:
    """A request of that search which says something with the flag."""
    world = dict(WORLDS[world_of(row)])
    if world.get("evaluator") == "table":
        world["table"] = str(folder / "a.csv")
    return SearchRequest(**{**world, **data_for(row, folder), row.attribute: searched_for(row, folder)[0]})


def pool(folder: Path) -> str:
    """A set without a test part."""
    return arrays(folder / "pool.npz", (60, 8, 8, 1))


def arrays(path: Path, shape: tuple[int, ...]) -> str:
    """A set of random images of this shape."""
    images = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    np.savez(path, images=images, labels=np.arange(len(images)) % 3)
    return str(path)


def data_for(row: Flag, folder: Path) -> dict[str, str]:
    """The data set that the flag is about, unless it is digits. That of `--layout` can be read in two ways."""
    if row.name == "layout":
        return {"dataset": arrays(folder / "square.npz", (60, 4, 4, 4))}
    return {"dataset": pool(folder)} if row.name in ("test-share", "pixel-range") else {}


def searched_for(row: Flag, folder: Path) -> tuple[Any, Any]:
    """A value of the flag in a search, and another one."""
    if row.name == "table":
        return str(folder / "a.csv"), str(folder / "b.csv")
    if row.name == "arch":
        return str(folder / "one.json"), str(folder / "other.json")
    if row.name == "start-from":
        return [str(folder / "one.json")], [str(folder / "other.json")]
    return examples(row)


def recorded_of(request: SearchRequest) -> StudySettings:
    """The settings of that search as they are read again."""
    of_space = {"activation-units": "search-activation", "autoaugment": "search-augment"}
    command = "search-cell" if request.transfer else of_space.get(request.space, "search-arch")
    return msgspec.convert(plain(plan_search(command, request, default_space="nasnet")[0]), StudySettings)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two tables of the tiny space, and of two networks that were found in it."""
    folder = tmp_path_factory.mktemp("files")
    lines = [f"{''.join(map(str, genotype))},{sum(genotype)},1" for genotype in np.ndindex(3, 3, 3, 3)]
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text("\n".join(["ops,score,again", *lines]) + "\n")
    searched = ["search-arch", "--space", TINY["space"], "--evaluator", "analytic", "--trials", "1", "--quiet"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", os.environ.copy())
        for seed, name in enumerate(("one", "other")):
            assert run([*searched, "--seed", str(seed), "--out", str(folder / name)]) == 0
            (folder / name / "best.json").rename(folder / f"{name}.json")
    return folder


@pytest.fixture(autouse=True)
def planned_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan for a cluster needs the package only to say that it is missing."""
    monkeypatch.setattr("automl_cli.planning.place.check_ray", lambda: None)


SETTLED = {
    **dict.fromkeys((*network_flags(), "stack", "filters"), "what is trained is recorded whole, as the network"),
    "preset": "the recipe of the preset is recorded whole",
}
"""Flags of `train` that need no record of their own, and why."""

every_flag_of_searches = pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in searches.search_rows()])
every_flag_of_trainings = pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in trainings.train_flags()])


def resolve(settings: Any, path: str) -> Any:
    """What stands at the path; the test fails where it leads nowhere."""
    for step in path.split("."):
        settings = settings[step] if isinstance(settings, Mapping) else getattr(settings, step)
    return settings


@every_flag_of_searches
def test_what_a_search_was_told_is_recorded(row: Flag, files: Path) -> None:
    assert row.recorded is not None
    request = asked(row, files)
    settings = recorded_of(request)
    assert row.recorded_in(settings) is resolve(settings, row.recorded)
    assert row.recorded_in(settings) is not None


@every_flag_of_searches
def test_a_resumed_search_may_be_told_the_same_again_and_nothing_else(row: Flag, files: Path) -> None:
    same, other = searched_for(row, files)
    settings = recorded_of(asked(row, files))
    again = SearchRequest(**({"space": TINY["space"]} if settings.space.file else {}))

    def resumed(value: Any) -> StudySettings:
        return resume_search(settings.command, settings, again.replaced(**{row.attribute: value}))[0]

    assert row.recorded_in(resumed(same)) == row.recorded_in(settings)
    if row.changeable:
        assert row.recorded_in(resumed(other)) == row.as_recorded(other)
        return
    with pytest.raises(UserError, match=rf"^--(no-)?{row.name} .*is not what this run was started with"):
        resumed(other)


def without_machine(settings: Any) -> Any:
    """The settings as plain data, without the machine and the moment that they were resolved on."""
    return {name: value for name, value in plain(settings).items() if name != "environment"}


@every_flag_of_searches
def test_flags_written_of_a_recorded_search_ask_for_the_same_settings(row: Flag, files: Path, tmp_path: Path) -> None:
    request = asked(row, files)
    settings = recorded_of(request)
    given = {"space": TINY["space"]} if settings.space.file else {}
    if row.name == "arch":
        given[row.attribute] = getattr(request, row.attribute)
        with pytest.raises(UserError, match=r"--network was a file \(SHA-256 \w+…\), whose place is not on record"):
            flags_for(settings, SearchRequest(), default_space="nasnet")
    said = flags_for(settings, SearchRequest(**given), default_space="nasnet")
    write_flags(tmp_path / "flags.toml", said.given(), command="automl search")
    again = read_request(tmp_path / "flags.toml")
    assert without_machine(plan_search(settings.command, again, default_space="nasnet")[0]) == without_machine(settings)


CELL = NamedTrainable("cell", "nasnet-a")


@pytest.fixture(scope="module")
def training() -> Callable[..., Any]:
    opened = CELL.open()

    def make(**asked: Any) -> Any:
        request = TrainingRequest(**{"dataset": "digits", "stack": "1@48", **asked})
        return with_name(new_training(opened.artifact.body, opened.place, request), CELL.name)

    return make


@every_flag_of_trainings
def test_a_resumed_training_may_be_told_the_same_again_and_nothing_else(
    row: Flag, training: Callable[..., Any], tmp_path: Path
) -> None:
    if row.name in ABOUT_RUNS:
        pytest.skip("it is about the run")
    if row.name in SETTLED:
        pytest.skip(SETTLED[row.name])
    same, other = examples(row)
    if row.name == "dataset":
        other = pool(tmp_path)
    more = data_for(row, tmp_path)
    recorded = training(**more, **{row.attribute: same})
    assert row.recorded is not None
    assert row.recorded_in(recorded) is resolve(recorded, row.recorded)
    resumed(recorded, TrainingRequest(**{row.attribute: same}), None)
    with pytest.raises(UserError, match=rf"this training was started with --{row.name} "):
        resumed(recorded, TrainingRequest(**{row.attribute: other}), None)


@every_flag_of_trainings
def test_flags_written_of_a_recorded_training_ask_for_the_same_settings(
    row: Flag, training: Callable[..., Any], tmp_path: Path
) -> None:
    if row.name in ABOUT_RUNS or row in trainings.NAMING:
        pytest.skip("it is about the run, or says what is trained")
    value = "1@48" if row.name == "stack" else examples(row)[0]
    more = data_for(row, tmp_path)
    recorded = training(**more, **{row.attribute: value})
    given = {"stack": "1@48", **({row.attribute: value} if row.name in SETTLED else {})}
    said = training_flags_for(RecordedTraining(tmp_path, recorded, {}), TrainingRequest(**given), CELL)
    write_flags(tmp_path / "flags.toml", said, command="automl train")
    read = read_flags(tmp_path / "flags.toml", trainings.rows_in_files())
    assert read.pop("cell") == "nasnet-a"
    assert without_machine(training(**read)) == without_machine(recorded)


def test_the_flags_that_name_what_is_trained_are_those_of_the_kinds() -> None:
    assert sorted(row.name for row in trainings.NAMING) == sorted(network_flags())


def test_every_field_of_a_recipe_has_a_flag() -> None:
    """But for the rates that a search tries: `automl train` takes one."""
    assert set(trainings.RECIPE_FIELDS) == set(Recipe.__struct_fields__) - {"learning_rates"}
