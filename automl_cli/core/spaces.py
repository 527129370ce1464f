"""Search spaces as plug-ins: one file says what is decided, what a genotype stands for and how a child is built.

`Plugin` is what the file declares; `SearchSpace` is a plug-in with its options settled, which everything else works with.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice, product
from random import Random
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from automl_cli.core.decisions import Choice, DecisionList, Genotype
from automl_cli.core.errors import SpaceError, unknown_name, unknown_option
from automl_cli.core.numbers import counted
from automl_cli.core.plugin_calls import call, described, file_of, raised_in, shown_genotype, type_in_words
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
        """Return the value that the text stands for. Raises SpaceError with what is allowed."""
        kind = type(self.default)
        try:
            value: Choice = {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
        except (KeyError, ValueError):
            raise SpaceError(f"space option {self.name}={text!r}: expected {_KIND_NAMES[kind]}") from None
        return self.check(value)

    def check(self, value: Choice) -> Choice:
        """Return the value itself. Raises UserError unless it is of the option's type and among its choices."""
        if type(value) is not type(self.default):
            raise SpaceError(f"space option {self.name}={value!r}: expected {_KIND_NAMES[type(self.default)]}")
        if self.choices and value not in self.choices:
            raise unknown_name(f"value of space option {self.name!r}:", str(value), map(str, self.choices))
        return value


_KIND_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


class SearchPreset(Struct, frozen=True, kw_only=True):
    """The settings of a search under one `--preset`. Flags of the command override single fields.

    Children are trained for `epochs`, and longer where their data are so few that these are fewer than `least_steps` steps of
    the recipe (`planning.fitting`). `child` is a `values.child.ChildPreset`: what children are trained on and by; None where
    nothing is trained (tables).
    `strategy_settings` holds, by strategy name, the constants that this preset fixes; a strategy chooses the others by its rule
    from the budget. `published_cost` is what the paper spent, in words, for `--dry-run` and `report`. `by_dataset` holds other
    settings for data sets by name, and `large_images` those for images whose shorter side has `large_from` pixels or more, but
    for the child. `sized_for` are facts of the data that trials and epochs are meant for, where that is not the preset's set.

    While strategy and options of the space are those of the preset, networks of more than `multiply_adds_per_pixel` are not
    trained, and the first `warm_start` trials propose the costliest of many others.

    After the search the `retrain_top` best of so many trials are trained again, on `retrain_seeds` seeds each, and fewer
    of them where there are fewer trials (`planning.after_search`).
    """

    trials: Annotated[int, Meta(ge=1)]
    epochs: Annotated[int, Meta(ge=1)]
    strategy: str
    least_steps: Annotated[int, Meta(ge=0)] = 0
    child: Any = None
    in_flight: Annotated[int, Meta(ge=1)] = 8
    reward: Reward = Power()
    retrain_top: Annotated[int, Meta(ge=0)] = 0
    retrain_seeds: Annotated[int, Meta(ge=1)] = 1
    reuse: bool = True
    space_options: dict[str, Choice] = {}
    strategy_settings: dict[str, dict[str, Any]] = {}
    published_cost: str = ""
    by_dataset: dict[str, "SearchPreset"] = {}
    large_images: "SearchPreset | None" = None
    large_from: Annotated[int, Meta(ge=1)] = 16
    sized_for: dict[str, Any] = {}
    warm_start: Annotated[int, Meta(ge=0)] = 0
    multiply_adds_per_pixel: Annotated[int, Meta(ge=1)] | None = None

    def for_images(self, image_shape: tuple[int, ...] | None) -> "SearchPreset":
        """Return the settings of this preset for images of this shape (height, width, channels); None where none is known."""
        if self.large_images is None or image_shape is None or min(image_shape[:2]) < self.large_from:
            return self
        return replace(self.large_images, child=self.child)

    def on(self, dataset: str) -> "SearchPreset":
        """Return the settings of this preset on a data set of this name."""
        return self.by_dataset.get(dataset, self)


class Baseline(Struct, frozen=True):
    """The value that people would have made by hand in place of what is searched: the name under which reports have it, and the
    value, of the kind that is searched; None where it goes by that name anyway."""

    name: str
    value: Any = None


class Plugin(Struct, frozen=True, kw_only=True):
    """The declaration of a search space, which its file names `SPACE`.

    produces    the kind of its values, by name: `kinds.<kind>` or one from an entry point
    decisions   options -> the ordered decisions
    decode      (options, genotype) -> value: pure, plain data
    tokens      (options, genotype) -> the genotype as the deck's token strings, e.g. "Filter Height: 3"
    place       (options, value, facts) -> what fills the role of the kind in a child, where that is not the value itself, such
                as the small network that a cell is measured in; `facts` are those of the problem
    encode      (options, value) -> the genotype that decodes to it, SpaceError where there is none; None: nobody asks
    length      (options, trial) -> how many decisions are live; None: all of them, always
    mutate      (options, genotype, random) -> a genotype; None: one decision changed, uniformly
    baseline    options -> what people would make by hand, which the winner is measured against; None: that of the kind
    canonical   (options, genotype) -> integers that all genotypes have in common which mean the same, such as the one of them
                that stands for the others; None: each means something of its own. Outcomes are reused and children seeded by it
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
    baseline: Callable[[Options], Baseline] | None = None
    canonical: Callable[[Options, Genotype], Genotype] | None = None

    def settle(self, given: Options) -> dict[str, Choice]:
        """Return all options of the space: the given ones checked, the others at their defaults."""
        declared = {option.name: option for option in self.options}
        for name in given:
            if name not in declared:
                raise unknown_option(name, f"space {self.name}", declared)
        return {name: option.check(given.get(name, option.default)) for name, option in declared.items()}

    def parse_options(self, texts: Mapping[str, str]) -> dict[str, Choice]:
        """Return the options that the command line gives as texts, checked; options that are not given are left out."""
        declared = {option.name: option for option in self.options}
        for name in texts:
            if name not in declared:
                raise unknown_option(name, f"space {self.name}", declared)
        return {name: declared[name].parse(text) for name, text in texts.items()}


class SpaceReference(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The record by which a study names its space and a worker finds it again: a discovered name, or a file given with
    `--space`.

    `canonical` says that the space knows which genotypes mean the same.
    """

    name: str
    version: int
    options: dict[str, Choice]
    file: str | None = None
    canonical: bool = False


MOST_COUNTED = 20_000
"""Genotypes of which it is counted how many mean something of their own; so many take some ten seconds."""


class SearchSpace:
    """A plug-in with its options settled.

    `place` names it in errors: the file that the user gave, or the space by name. Every function of the plug-in is called
    here; SpaceError says which of them raised an exception or returned what it may not.
    """

    def __init__(self, plugin: Plugin, options: Options | None = None, *, place: str | None = None) -> None:
        self.plugin = plugin
        self.place = place or f"space {plugin.name!r}"
        self.options = plugin.settle(options or {})
        self.decisions = self._made_decisions()

    def _made_decisions(self) -> DecisionList:
        """Return what `decisions` gives. An error that it raises itself, as for an option out of range, passes unchanged."""
        given = f"options {self.options}"
        try:
            decisions = self._call("decisions", given=given)
        except SpaceError as error:
            file = file_of(self.plugin.decisions)
            if str(error).startswith(f"{self.place}: ") or raised_in(error, file):
                raise
            where = described(error, file)
            raise SpaceError(f"{self.place}: decisions fails for {given}: {where}") from error
        if not isinstance(decisions, DecisionList):
            raise self._wrong("decisions", decisions, "a DecisionList (automl_cli.core.decisions)")
        return decisions

    def reference(self, file: str | None = None) -> SpaceReference:
        """Return the record from which `plugins.discovery.open_space` makes this space again."""
        return SpaceReference(
            name=self.plugin.name,
            version=self.plugin.version,
            options=self.options,
            file=file,
            canonical=self.plugin.canonical is not None,
        )

    @property
    def size(self) -> int:
        """The exact number of genotypes of full length."""
        return self.decisions.size

    def length(self, trial: int) -> int:
        """Return how many decisions are live at this trial; this depends on the trial's number only (curriculum)."""
        if self.plugin.length is None:
            return len(self.decisions)
        live = self._call("length", trial, given=f"trial {trial}")
        if type(live) is not int or not 1 <= live <= len(self.decisions):
            said = str(live) if isinstance(live, int) else type_in_words(live)
            raise SpaceError(
                f"{self.place}: length gave {said} for trial {trial}; it must give a whole number from 1 to "
                f"{len(self.decisions)}"
            )
        return live

    def sample(self, seed: int, trial: int) -> Genotype:
        """Draw the uniform genotype of this trial."""
        return self.decisions.sample(stream(seed, "uniform proposal", trial), self.length(trial))

    def mutate(self, genotype: Genotype, random: Random) -> Genotype:
        """Return a child of the genotype by the space's own mutation rule."""
        if self.plugin.mutate is None:
            return self.decisions.mutate(genotype, random)
        return self._genotype("mutate", genotype, random)

    def decode(self, genotype: Genotype) -> Any:
        """Return the value that the genotype stands for."""
        return self._call("decode", self.decisions.check(genotype), given=shown_genotype(genotype))

    def encode(self, value: Any) -> Genotype:
        """Return the genotype that decodes to this value. Raises SpaceError where the space holds none."""
        genotype = self._call("encode", value, given=type_in_words(value))
        return self.decisions.check(self._indices("encode", genotype, given=type_in_words(value)))

    def placed(self, genotype: Genotype, facts: Any) -> Any:
        """Return what fills the role of the genotype's value in a child, on data of which these are the facts."""
        return self.placed_value(self.decode(genotype), facts, given=shown_genotype(genotype))

    def placed_value(self, value: Any, facts: Any, *, given: str = "a value") -> Any:
        """Return what fills the role of this value in a child, on data of which these are the facts."""
        return value if self.plugin.place is None else self._call("place", value, facts, given=given)

    def canonical(self, genotype: Genotype) -> Genotype:
        """Return the integers that all genotypes have in common which mean the same as this one."""
        if self.plugin.canonical is None:
            return genotype
        given = shown_genotype(genotype)
        return self._indices("canonical", self._call("canonical", genotype, given=given), given=given)

    @cached_property
    def distinct_genotypes(self) -> tuple[Genotype, ...] | None:
        """The genotypes that mean something of their own, in order; of those that mean the same the first. None where the space
        does not say which do, where not all are of full length, or where there are more than `MOST_COUNTED`."""
        return None if (distinct := self._distinct()) is None else tuple(distinct)

    def count_distinct(self) -> int | None:
        """Return how many genotypes mean something of their own; None as for `distinct_genotypes`."""
        return None if self.distinct_genotypes is None else len(self.distinct_genotypes)

    def fewer_distinct_than(self, count: int) -> bool:
        """Return whether it is known that fewer genotypes than this mean something of their own; as many are looked at as
        decide it."""
        distinct = self._distinct()
        return distinct is not None and next(islice(distinct, count - 1, None), None) is None

    def _distinct(self) -> Iterator[Genotype] | None:
        if self.plugin.canonical is None or self.plugin.length is not None or self.size > MOST_COUNTED:
            return None
        choices = (range(len(decision.choices)) for decision in self.decisions.decisions)
        return self._first_of_each(product(*choices))

    def _first_of_each(self, genotypes: Iterable[Genotype]) -> Iterator[Genotype]:
        """Yield the genotypes that mean something else than all before."""
        seen = set()
        for genotype in genotypes:
            if (meaning := self.canonical(genotype)) not in seen:
                seen.add(meaning)
                yield genotype

    def tokens(self, genotype: Genotype) -> tuple[str, ...]:
        """Return the genotype as the deck prints it."""
        tokens = self._call("tokens", self.decisions.check(genotype), given=shown_genotype(genotype))
        if type(tokens) is not tuple or not all(type(token) is str for token in tokens):
            raise self._wrong("tokens", tokens, "a tuple of texts", item=str, given=shown_genotype(genotype))
        return tokens

    def _call(self, name: str, *arguments: Any, given: str) -> Any:
        return call(self.place, name, getattr(self.plugin, name), self.options, *arguments, given=given)

    def _genotype(self, name: str, genotype: Genotype, *more: Any) -> Genotype:
        """Return the genotype that a function of the plug-in makes of this one, which must be as long."""
        given = shown_genotype(genotype)
        made = self._indices(name, self._call(name, genotype, *more, given=given), given=given)
        if len(made) != len(genotype):
            count = counted(len(made), "index/indices")
            raise SpaceError(f"{self.place}: {name} gave {count} for {given}; it must give as many as it got, {len(genotype)}")
        try:
            return self.decisions.check(made)
        except SpaceError as error:
            raise SpaceError(f"{self.place}: {name} gave {shown_genotype(made)} for {given}: {error}") from error

    def _indices(self, name: str, made: Any, *, given: str) -> Genotype:
        if type(made) is not tuple or not all(type(index) is int for index in made):
            raise self._wrong(name, made, "a genotype, a tuple of whole numbers (int)", item=int, given=given)
        return made

    def _wrong(self, name: str, value: Any, allowed: str, *, item: type = object, given: str = "") -> SpaceError:
        """Return the error for a function of the plug-in that gave a value of a type it may not give.

        In a tuple only values of type `item` are allowed.
        """
        odd = [inner for inner in value if type(inner) is not item] if isinstance(value, tuple) else []
        said = f"a tuple with {type_in_words(odd[0])} in it" if odd else type_in_words(value)
        return SpaceError(f"{self.place}: {name} gave {said}{' for ' + given if given else ''}; it must give {allowed}")
