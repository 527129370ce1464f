"""Gives a child to a function of the user's own that scores it: what was proposed, and what it takes to build and train it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from automl_cli.core.decisions import Choice, Genotype
from automl_cli.core.errors import UserError
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Costs, Task
from automl_cli.plugins.listing import kind_named, standing_kind
from automl_cli.plugins.registry import attribute
from automl_cli.plugins.roles import costs_of, filling_of, typed_dataset, typed_facts
from automl_cli.plugins.space_checks import decoded
from automl_cli.values.child import Child
from automl_cli.values.dataset import IMAGES

if TYPE_CHECKING:
    from automl_cli.data import ImageData


class ProposedChild:
    """A child that a search proposes, as a function of the user's own is asked to score it.

    genotype, choices, words  the decisions: their indices, their names with what was chosen, and in words
    value                     the plain data that the genotype decodes to, such as a `values.network.Network`
    kind                      the name of its kind, such as "architecture"
    build(**settings)         the value as a Flax module, an Optax transformation or a function of arrays
    costs                     exact parameters and multiply-adds, or None where they mean nothing
    facts, data()             the data set of the search: its facts, and its training and validation examples as NumPy arrays;
                              the test part stays closed
    trained_as                recipe, data set and other roles that the search was asked for; None where it has no children
    seed                      the seed of this child: the same genotype has the same, in every process
    epochs                    how long it is meant to be trained, longer for `--retrain-top`
    trial                     the number of the trial
    """

    def __init__(self, space: SearchSpace, child: Child | None, task: Task, data: Callable[[], ImageData]) -> None:
        self.genotype: Genotype = task.genotype
        self.seed, self.epochs, self.trial = task.seed, task.epochs, task.trial
        self.trained_as = child
        self._space, self._data = space, data

    def __repr__(self) -> str:
        return f"ProposedChild(trial={self.trial}, kind={self.kind!r}, genotype={self.genotype}, epochs={self.epochs})"

    @property
    def kind(self) -> str:
        """The name of the kind of its value."""
        return self._space.plugin.produces

    @cached_property
    def value(self) -> Any:
        """The plain data that the genotype decodes to."""
        return decoded(self._space, self.genotype)

    @property
    def choices(self) -> dict[str, Choice]:
        """The decisions by name, with what was chosen."""
        return self._space.decisions.choices_of(self.genotype)

    @property
    def words(self) -> tuple[str, ...]:
        """The genotype in words."""
        return self._space.tokens(self.genotype)

    @cached_property
    def facts(self) -> Any:
        """The facts of the data set, of images a `values.dataset.ImageFacts` with `image_shape` and `classes`; None where the
        search has no data set."""
        return None if self.trained_as is None else typed_facts(self.trained_as.problem)

    @cached_property
    def costs(self) -> Costs | None:
        """The exact costs of the child, or None where they mean nothing."""
        return child_costs(self._space, self.trained_as, self.genotype)

    def data(self) -> ImageData:
        """Return the examples of the search: `train` and `validation`, each with `images` (examples, height, width, channels)
        and `labels` (examples,). They are read-only, and read once by each process.

        Raises UserError where the search has no images.
        """
        return self._data()

    def build(self, **settings: Any) -> Any:
        """Return the value as an object that computes; `Loaded.build` says which settings there are.

        A network is built for the images of the data set and from the seed of this child unless told otherwise, a cell as the
        network that the search measures it in. Raises UserError for a kind that is not built.
        """
        kind, value = kind_named(self.kind), self.value
        if self.facts is not None and standing_kind(kind).role == WHAT_IS_BUILT_ON_IMAGES:
            kind, value = standing_kind(kind), self._space.placed(self.genotype, self.facts)
            shape, classes = self.facts.image_shape, len(self.facts.classes)
            settings = {"image_shape": shape, "classes": classes, "seed": self.seed, **settings}
        if kind.library is None:
            raise UserError(f"nothing is built of {self.kind!r}; use child.value, the plain data")
        return attribute(kind.library)(value, **settings)


WHAT_IS_BUILT_ON_IMAGES = "network"
"""The role whose values are built for the images of a data set."""


def data_of(child: Child | None) -> ImageData:
    """Return the training and validation examples of a child's images. Raises UserError where it has none."""
    from automl_cli.data import load_images

    if child is None or child.problem.name != IMAGES:
        raise UserError("this search has no data set of images; read the data in the function itself")
    return load_images(typed_dataset(child.problem))


def child_costs(space: SearchSpace, child: Child | None, genotype: Genotype) -> Costs | None:
    """Return the exact costs of the genotype's child without building it, or None where nothing is known of them."""
    kind = standing_kind(kind_named(space.plugin.produces))
    if child is None or kind.role is None:
        return None
    facts = typed_facts(child.problem)
    return costs_of({**child.roles, kind.role: filling_of(kind.name, space.placed(genotype, facts))}, facts)
