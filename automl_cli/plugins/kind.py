"""The row of a kind: the type of its values, and everything that the tool asks about them. `kinds/` has one row per file.

A row is plain data and small functions; code that needs JAX is named, not imported ("module:attribute").
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from automl_cli.core.errors import UserError
from automl_cli.core.spaces import Baseline
from automl_cli.core.trials import Costs
from automl_cli.values.child import ChildPreset, Filling, ProblemReference
from automl_cli.values.drawings import Drawing
from automl_cli.values.engine import EngineName
from automl_cli.values.recipe import Recipe
from automl_cli.values.sheet import Part


class TrainingChoices(Struct, frozen=True, kw_only=True):
    """The choices that a user made about training an artifact: a preset, and how cells are stacked."""

    preset: str | None = None
    stack: str | None = None
    filters: int | None = None


class TrainedAs(Struct, frozen=True, kw_only=True):
    """A way of training: the number of epochs, the recipe, and the other roles."""

    recipe: Recipe
    epochs: int
    roles: Mapping[str, Filling]


class Trainable(Struct, frozen=True, kw_only=True):
    """The way `automl train` trains an artifact: the default data set, and functions of the data's facts that give the training
    and what fills the artifact's role."""

    problem: str
    dataset: Mapping[str, Any]
    training: Callable[[Any], TrainedAs]
    place: Callable[[Any], Filling]


class Measurable(Struct, frozen=True, kw_only=True):
    """The way `automl measure` counts an artifact: `count` gives, for facts of data, the costs and more to say of them. `facts`
    are those of the data that it was made with, if any; `stackable` says whether it is a cell that has to be stacked first."""

    facts: Any
    count: Callable[[Any, TrainingChoices], tuple[Costs, Mapping[str, Any]]]
    stackable: bool = False


class Joining(Struct, frozen=True, kw_only=True):
    """The way a search joins the values of its best trials into one: of how many, and the values, the best first -> the one."""

    count: int
    value: Callable[[Sequence[Any]], Any]


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of value. A field that makes no sense for it stays None.

    value      the type of its values, for reading them from JSON
    body       the body of its artifacts, with its schema; a found artifact's is a `store.study.FoundBody` with `value`
    role       the role of a child that its values fill
    stands_as  the kind of what stands in that role where it is another one: a cell stands there as the network stacked from it
    flag       the flag by which commands take an artifact of it
    names      values that go by a name and need no artifact
    families   values that go by a name of a pattern, such as `resnet-D`: by pattern, (name) -> its value, None for a name that
               does not follow the pattern; UserError for one that does and names nothing
    about      what is to be known of those names, for the help of the flag
    written    a value that is written out, such as a formula -> the value; UserError with the place of what cannot be read
    problem    value -> why no child with it can be trained; None where nothing is against it
    words      value -> the value in words
    sheet      (body, place) -> what `automl show` says of the artifact, beyond how it was found
    drawing    its value, or its body where it has none -> drawings of it as data; `report.drawings` renders them
    pictures   names (value, images, *, title, flip) -> a PNG file of what it does to images, which `automl show --image` writes
    length     value -> its length, which is weighed against its score: a search reports the best of each length
    check      (body, place) -> what could not be checked, if anything; ArtifactError for what contradicts itself
    costs      (what stands in the role, facts) -> exact costs of the child
    activated  (what stands in the role of the network, facts) -> on how many channels in all its activation function acts
    per_channel  value of the activation -> how many parameters it trains for each of them
    as_data    the engine whose programs take its values as data on a CPU, where all children of a search share them; None for
               what is compiled into the programs of each child
    learned    (value, metrics of its trial) -> the value with what its child learned of it, such as a learning rate
    searched   value -> the value as its space gives it, without what its child learned
    baseline   what people would put into its role by hand, which the winner of a search is measured against
    yardstick  the name of the value that one which a search found is measured against where `automl compare` has both
    joining    how `best.json` joins the values of the best trials, with its body's `joined` naming them; None: it has the best
    recipe     (value, recipe) -> the recipe that suits the value, where none was asked for
    conflict   (value, recipe) -> why no child with it can be trained by this recipe; None where it can
    whole      value -> whether it works on whole arrays, so that only the engine `whole` trains with it
    depth      what stands in the role -> how many layers it has
    build      names (what stands in the role, facts, *, seed, activation, auxiliary) -> a Flax module, for role network; for
               the others what `children.<role>` says
    trainable  (body, place, choices) -> how it is trained; None for found values of role network: as they were searched
    trainings  facts -> by preset how a value is trained that no search found, each with recipe, epochs and roles by name
    train_flags body -> flags beside its own that the command which trains it is printed with
    measurable (body, place) -> what is counted
    export     names (the opened artifact, directory, format, *, overwrite) -> the file that takes it out of this tool
    formats    the formats of that file; the first is the default
    library    names (what an artifact holds: its value, or its body where it has none, **settings) -> an object of Optax, JAX
               or Flax, for `automl_cli.load`
    """

    name: str
    value: Any = None
    body: Any = None
    role: str | None = None
    stands_as: str | None = None
    flag: str | None = None
    names: Mapping[str, Any] = {}
    families: Mapping[str, Callable[[str], Any]] = {}
    about: str = ""
    written: Callable[[str], Any] | None = None
    problem: Callable[[Any], str | None] | None = None
    words: Callable[[Any], tuple[str, ...]] | None = None
    sheet: Callable[[Any, str], Iterator[Part]] | None = None
    drawing: Callable[[Any], tuple[Drawing, ...]] | None = None
    pictures: str | None = None
    length: Callable[[Any], int] | None = None
    check: Callable[[Any, str], str | None] | None = None
    costs: Callable[[Any, Any], Costs | None] | None = None
    activated: Callable[[Any, Any], int] | None = None
    per_channel: Callable[[Any], int] | None = None
    as_data: EngineName | None = None
    learned: Callable[[Any, Mapping[str, float]], Any] = lambda value, metrics: value
    searched: Callable[[Any], Any] = lambda value: value
    baseline: Baseline | None = None
    yardstick: str | None = None
    joining: Joining | None = None
    recipe: Callable[[Any, Recipe], Recipe] = lambda value, recipe: recipe
    conflict: Callable[[Any, Recipe], str | None] = lambda value, recipe: None
    whole: Callable[[Any], bool] = lambda value: False
    depth: Callable[[Any], int | None] | None = None
    build: str | None = None
    trainable: Callable[[Any, str, TrainingChoices], Trainable] | None = None
    trainings: Callable[[Any], Mapping[str, Any]] | None = None
    train_flags: Callable[[Any], tuple[str, ...]] = lambda body: ()
    measurable: Callable[[Any, str], Measurable] | None = None
    export: str | None = None
    formats: tuple[str, ...] = ()
    library: str | None = None

    @property
    def joins(self) -> int:
        """Return how many of the best trials `best.json` joins; 0 where it has the best alone."""
        return 0 if self.joining is None else self.joining.count

    @property
    def is_found(self) -> bool:
        """Return whether searches find values of it and write them as artifacts."""
        return self.value is not None and self.body is not None


def named_roles(preset: ChildPreset | Any) -> dict[str, str]:
    """Return the roles that a preset fills by name."""
    return {role: getattr(preset, role) for role in ("activation", "optimizer", "augmentation")}


def no_stack(choices: TrainingChoices) -> None:
    """Raise UserError where the user asked to stack something that is not a cell."""
    if not (choices.stack is None and choices.filters is None):
        raise UserError("--stack and --filters are for a cell; what is trained here is a whole network")


__all__ = [
    "Joining",
    "Kind",
    "Measurable",
    "ProblemReference",
    "Trainable",
    "TrainedAs",
    "TrainingChoices",
    "named_roles",
    "no_stack",
]
