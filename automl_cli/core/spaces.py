"""A search space as a plug-in: one file that says what is decided, what a genotype stands for and how a child is built.

`Plugin` is what the file declares; `SearchSpace` is a plug-in with its options settled, which everything else works with.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from msgspec import Struct

from automl_cli.core.decisions import Choice, DecisionList, Genotype
from automl_cli.core.errors import SpaceError, unknown_name, unknown_option
from automl_cli.core.random_streams import stream
from automl_cli.core.rewards import Power, Reward

Options = Mapping[str, Choice]
"""Settled options of a space, by name."""


class SpaceOption(Struct, frozen=True):
    """An option of a space (`--space-option name=value`). `choices`, when given, is everything it may be.

    The type of the default is the type of the option.
    """

    name: str
    default: Choice
    help: str
    choices: tuple[Choice, ...] = ()

    def parse(self, text: str) -> Choice:
        """The value that the text stands for, or SpaceError with what is allowed."""
        kind = type(self.default)
        try:
            value: Choice = {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
        except (KeyError, ValueError):
            raise SpaceError(f"space option {self.name}={text!r}: expected {_KIND_NAMES[kind]}") from None
        return self.check(value)

    def check(self, value: Choice) -> Choice:
        """The value itself when it is of the right type and among the choices."""
        if type(value) is not type(self.default):
            raise SpaceError(f"space option {self.name}={value!r}: expected {_KIND_NAMES[type(self.default)]}")
        if self.choices and value not in self.choices:
            raise unknown_name(f"value of space option {self.name!r}:", str(value), map(str, self.choices))
        return value


_KIND_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


class SearchPreset(Struct, frozen=True, kw_only=True):
    """The settings of a search under one `--preset`. Flags of the command override single fields.

    `child` is a `values.child.ChildPreset`: what children are trained on and by; None where nothing is trained (tables).
    `strategy_settings` holds, by strategy name, the constants that this preset fixes; a strategy chooses the others by its rule
    from the budget. `published_cost` is what the paper spent, in words, for `--dry-run` and `report`.
    """

    trials: int
    epochs: int
    strategy: str
    child: Any = None
    in_flight: int = 8
    reward: Reward = Power()
    retrain_top: int = 0
    reuse: bool = True
    space_options: dict[str, Choice] = {}
    strategy_settings: dict[str, dict[str, Any]] = {}
    published_cost: str = ""


class Plugin(Struct, frozen=True, kw_only=True):
    """What a space file declares as `SPACE`.

    produces    the kind of its values, by name: `kinds.<kind>` or one from an entry point
    decisions   options -> the ordered decisions
    decode      (options, genotype) -> value: pure, plain data
    tokens      (options, genotype) -> the genotype as the deck's token strings, e.g. "Filter Height: 3"
    place       (options, value, facts) -> what fills the role of the kind in a child, where that is not the value itself, such
                as the small network that a cell is measured in; `facts` are those of the problem
    encode      (options, value) -> the genotype that decodes to it, SpaceError where there is none; None: nobody asks
    length      (options, trial) -> how many decisions are live; None: all of them, always
    mutate      (options, genotype, random) -> a genotype; None: one decision changed, uniformly
    canonical   (options, genotype) -> a genotype that stands for all that mean the same; None: each stands for itself. Outcomes
                are reused and children seeded by it
    """

    name: str
    version: int
    command: str
    produces: str
    summary: str
    decisions: Callable[[Options], DecisionList]
    decode: Callable[[Options, Genotype], Any]
    tokens: Callable[[Options, Genotype], tuple[str, ...]]
    presets: dict[str, SearchPreset]
    options: tuple[SpaceOption, ...] = ()
    place: Callable[[Options, Any, Any], Any] | None = None
    encode: Callable[[Options, Any], Genotype] | None = None
    length: Callable[[Options, int], int] | None = None
    mutate: Callable[[Options, Genotype, Random], Genotype] | None = None
    canonical: Callable[[Options, Genotype], Genotype] | None = None

    def settle(self, given: Options) -> dict[str, Choice]:
        """All options of the space: the given ones checked, the others at their defaults."""
        declared = {option.name: option for option in self.options}
        for name in given:
            if name not in declared:
                raise unknown_option(name, f"space {self.name}", declared)
        return {name: option.check(given.get(name, option.default)) for name, option in declared.items()}

    def parse_options(self, texts: Mapping[str, str]) -> dict[str, Choice]:
        """Options from the command line (`name` -> text), checked; only the given ones."""
        declared = {option.name: option for option in self.options}
        for name in texts:
            if name not in declared:
                raise unknown_option(name, f"space {self.name}", declared)
        return {name: declared[name].parse(text) for name, text in texts.items()}


class SpaceReference(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a study records its space, and how a worker finds it again: a discovered name, or a file given with `--space`.

    `canonical` says that the space knows which genotypes mean the same.
    """

    name: str
    version: int
    options: dict[str, Choice]
    file: str | None = None
    canonical: bool = False


class SearchSpace:
    """A plug-in with its options settled."""

    def __init__(self, plugin: Plugin, options: Options | None = None) -> None:
        self.plugin = plugin
        self.options = plugin.settle(options or {})
        self.decisions = plugin.decisions(self.options)

    def reference(self, file: str | None = None) -> SpaceReference:
        """The record from which `plugins.discovery.open_space` makes this space again."""
        return SpaceReference(
            name=self.plugin.name,
            version=self.plugin.version,
            options=self.options,
            file=file,
            canonical=self.plugin.canonical is not None,
        )

    @property
    def size(self) -> int:
        """Number of genotypes of full length, exactly."""
        return self.decisions.size

    def length(self, trial: int) -> int:
        """How many decisions are live at this trial; depends on the trial's number only (curriculum)."""
        return len(self.decisions) if self.plugin.length is None else self.plugin.length(self.options, trial)

    def sample(self, seed: int, trial: int) -> Genotype:
        """The uniform genotype of this trial."""
        return self.decisions.sample(stream(seed, "uniform proposal", trial), self.length(trial))

    def mutate(self, genotype: Genotype, random: Random) -> Genotype:
        """A child of the genotype by the space's own mutation rule."""
        if self.plugin.mutate is None:
            return self.decisions.mutate(genotype, random)
        return self.decisions.check(self.plugin.mutate(self.options, genotype, random))

    def decode(self, genotype: Genotype) -> Any:
        """The value that the genotype stands for."""
        return self.plugin.decode(self.options, self.decisions.check(genotype))

    def placed(self, genotype: Genotype, facts: Any) -> Any:
        """What fills the role of the genotype's value in a child, on data of which these are the facts."""
        value = self.decode(genotype)
        return value if self.plugin.place is None else self.plugin.place(self.options, value, facts)

    def canonical(self, genotype: Genotype) -> Genotype:
        """The genotype that stands for all that mean the same."""
        return genotype if self.plugin.canonical is None else self.plugin.canonical(self.options, genotype)

    def tokens(self, genotype: Genotype) -> tuple[str, ...]:
        """The genotype as the deck prints it."""
        return self.plugin.tokens(self.options, self.decisions.check(genotype))
