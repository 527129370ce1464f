"""What is trained: a found network, a found or published cell, or a network that a cell was scaled to."""

import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

import msgspec
from msgspec import Struct

from automl_cli.core.errors import ArtifactError, UserError, unknown_name
from automl_cli.data.opening import reference_for
from automl_cli.plugins.discovery import plugins
from automl_cli.references import Opened, open_any, open_artifact
from automl_cli.store.artifact import kind_of
from automl_cli.store.bodies import Architecture
from automl_cli.store.cells import Cell, Found, StackedNetwork
from automl_cli.training.target import cell_pair_of
from automl_cli.values.cell import CellPair
from automl_cli.values.dataset import DatasetReference
from automl_cli.values.network import Network, Shape
from automl_cli.values.published_recipes import FinalTraining, trainings_for
from automl_cli.values.skeleton import SMALL_IMAGES, Stack, cell_network, default_stack, parse_stack
from automl_cli.values.skeleton import stack as stack_of

Body = Architecture | Cell | StackedNetwork

SUBJECTS: Mapping[str, type[Body]] = {"arch": Architecture, "cell": Cell, "network": StackedNetwork}
"""Flags of `automl train` that name one, and the kind of artifact each takes."""

DEFAULT_EPOCHS = 30


def train_command(body: object, place: str) -> str | None:
    """The command, as it is typed, that trains what this place holds; None where nothing does. A cell of a table can be looked
    at only."""
    wiring = isinstance(body, Cell) and not isinstance(body.cell, CellPair)
    flag = None if wiring else next((flag for flag, kind in SUBJECTS.items() if isinstance(body, kind)), None)
    if flag is None:
        return None
    stack = _small_stack(body) if isinstance(body, Cell) else ()
    return shlex.join(["automl", "train", f"--{flag}", place, *stack])


def _small_stack(body: Cell) -> tuple[str, ...]:
    """For images so small that the stack of the paper is far too large, the one that the search measured the cell in."""
    found = body.found
    if found is None or (found.image_shape is not None and found.image_shape[0] >= SMALL_IMAGES):
        return ()
    repeats, filters = (found.space.options.get(name) for name in ("repeats", "filters"))
    if not (isinstance(repeats, int) and isinstance(filters, int) and isinstance(body.cell, CellPair)):
        return ()
    return ("--stack", stack_of("cifar", repeats=repeats, filters=filters).written(body.cell))


class Named(NamedTuple):
    """What the user named with a flag: a file, the directory of a run, or a reference."""

    flag: str
    name: str

    def open(self) -> Opened[Body]:
        """The artifact, which must be of the kind that the flag takes. ArtifactError names the flag that takes it."""
        try:
            return open_artifact(self.name, SUBJECTS[self.flag])
        except ArtifactError as error:
            if (flag := self._fitting_flag()) in (None, self.flag):
                raise
            raise ArtifactError(f"{error}; give it with --{flag}") from error

    def _fitting_flag(self) -> str | None:
        with suppress(UserError):
            kind = open_any(self.name).artifact.kind
            return next((flag for flag, body in SUBJECTS.items() if kind_of(body).name == kind), None)
        return None


def named_by(**flags: str | None) -> Named | None:
    """What was named, by the flags of `SUBJECTS`; None where nothing was. UserError where two were."""
    given = [Named(flag, name) for flag, name in flags.items() if name is not None]
    if len(given) > 1:
        raise UserError(f"--{given[0].flag} and --{given[1].flag} both say what is trained; give one of them")
    return given[0] if given else None


def needed(named: Named | None) -> Named:
    """What was named. UserError where nothing was."""
    if named is None:
        raise UserError(
            "nothing says what is trained: give --arch or --cell with the best.json of a search (--cell also takes a name that "
            "`automl references` lists), or --network with a network.json"
        )
    return named


class Subject(Struct, frozen=True):
    """What is trained: on which data unless told otherwise; and for images of a shape, how, and which network."""

    dataset: DatasetReference
    training: Callable[[Shape], FinalTraining]
    network: Callable[[Shape], Network]


def subject_of(body: Body, *, preset: str | None = None, stack: str | None = None, filters: int | None = None) -> Subject:
    """The subject that an artifact holds. `stack` and `filters` say how a cell is stacked; a network is what it is."""
    if not isinstance(body, Cell) and not (stack is None and filters is None):
        raise UserError("--stack and --filters are for a cell; what is trained here is a whole network")
    match body:
        case Architecture():
            return Subject(_searched_on(body), lambda image: _as_searched(body, preset), lambda image: body.network)
        case StackedNetwork():
            return _stacked(reference_for(body.target, body.image_shape), body.cell, lambda image: body.stack, preset)
        case Cell():
            dataset = DatasetReference(source="digits") if body.found is None else _searched_on(body.found)
            pair = cell_pair_of(body, "--cell")

            def chosen(image: Shape) -> Stack:
                return parse_stack(default_stack(image) if stack is None else stack, pair, image, filters=filters)

            return _stacked(dataset, pair, chosen, preset)


def _stacked(dataset: DatasetReference, pair: CellPair, stack: Callable[[Shape], Stack], preset: str | None) -> Subject:
    """Cells as they are stacked for images of a shape."""
    return Subject(
        dataset,
        lambda image: _final(trainings_for(image, width=stack(image).width(pair)), preset),
        lambda image: cell_network(pair, stack(image), image),
    )


def _searched_on(found: Architecture | Found) -> DatasetReference:
    """The data of the search, but all of it: a search may make do with a part of the training examples."""
    return msgspec.structs.replace(found.dataset or DatasetReference(source="digits"), train_examples=None)


def _as_searched(found: Architecture, preset: str | None) -> FinalTraining:
    """By the recipe of the search, or by that of a preset of its space."""
    if preset is None and found.recipe is not None:
        return FinalTraining(found.recipe, DEFAULT_EPOCHS)
    space = plugins().get(found.space.name)
    recipes = {name: each.recipe for name, each in space.presets.items() if each.recipe is not None} if space else {}
    if not recipes:
        raise UserError(
            f"the search that found this network in space {found.space.name!r} trained nothing and says of no recipe how it is "
            "to be trained; search with --evaluator image, or give the space a preset with a recipe"
        )
    if (preset or "quick") not in recipes:
        raise unknown_name(f"preset of space {found.space.name!r}:", preset or "quick", recipes)
    return FinalTraining(recipes[preset or "quick"], DEFAULT_EPOCHS)


def _final(trainings: Mapping[str, FinalTraining], preset: str | None) -> FinalTraining:
    """As stacked cells are trained."""
    if (preset or "quick") not in trainings:
        raise unknown_name("preset of a stack of cells:", str(preset), trainings)
    return trainings[preset or "quick"]
