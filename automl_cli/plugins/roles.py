"""Puts values into the roles of a child as plain data and takes them out again, by the rows of their kinds."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from automl_cli.core.errors import ArtifactError, UserError, unknown_name
from automl_cli.core.trials import Costs
from automl_cli.plugins.kind import Kind
from automl_cli.plugins.listing import kind_named, kinds_of_role, problem_named
from automl_cli.plugins.registry import attribute
from automl_cli.store.encoding import convert, plain
from automl_cli.store.study import Found
from automl_cli.values.child import ROLES, Child, Filling, ProblemReference
from automl_cli.values.drawings import Drawing
from automl_cli.values.engine import EngineName, numpy_computes_network
from automl_cli.values.network import Network
from automl_cli.values.recipe import Recipe


def filling_of(kind: str, value: Any, *, name: str | None = None, digest: str | None = None) -> Filling:
    """Return the value as it stands in the role of its kind."""
    return Filling(kind=kind, value=plain(value), name=name, digest=digest)


def value_of(filling: Filling) -> Any:
    """Return the value that stands in a role. Raises ArtifactError where it is not one of its kind."""
    return convert(filling.value, kind_named(filling.kind).value, f"the value of kind {filling.kind!r}")


def check_roles(child: Child, place: str, *, may_be_open: bool) -> None:
    """Raise ArtifactError naming the place of a role that is empty or holds a value that does not belong there, or of data that
    are none of the problem's. One role may be open."""
    _check_problem(child.problem, f"{place}.problem")
    missing = [role for role in ROLES if role not in child.roles]
    if missing[may_be_open:]:
        raise ArtifactError(f"{place}.roles: nothing stands in the role {missing[-1]!r}; it was changed by hand. Make it again")
    for role, filling in child.roles.items():
        where = f"{place}.roles.{role}"
        try:
            kind = kind_named(filling.kind)
        except UserError as error:
            raise ArtifactError(f"{where}.kind: {error}") from error
        if kind.role != role:
            fills = "no role of a child" if kind.role is None else f"the role {kind.role!r}, not {role!r}"
            raise ArtifactError(f"{where}.kind: {kind.name!r} fills {fills}")
        convert(filling.value, kind.value, f"{where}.value")


def _check_problem(problem: ProblemReference, place: str) -> None:
    try:
        row = problem_named(problem.name)
    except UserError as error:
        raise ArtifactError(f"{place}.name: {error}") from error
    convert(problem.dataset, row.dataset_type, f"{place}.dataset")
    convert(problem.facts, row.facts_type, f"{place}.facts")


WORDS_SHOWN = 6
"""The number of texts about one value that a line has room for."""


def words_of(filling: Filling) -> str:
    """Return what stands in a role in words, only the first of many, or an empty text where its kind has none."""
    words = kind_named(filling.kind).words
    texts = () if words is None else words(value_of(filling))
    text = "; ".join(texts if len(texts) <= WORDS_SHOWN else (*texts[:2], "…"))
    return f"{filling.name}: {text}" if filling.name and not text.startswith(filling.name) else text


def drawings_of_network(child: Child) -> tuple[Drawing, ...]:
    """Return the drawings of what stands in a child's role of the network, none where its kind has none."""
    filling = child.roles["network"]
    drawing = kind_named(filling.kind).drawing
    return () if drawing is None else drawing(value_of(filling))


def built_by(filling: Filling) -> Any:
    """Return the function that the kind names for building what stands in a role. Importing it may import JAX."""
    kind = kind_named(filling.kind)
    if kind.build is None:
        raise unknown_name("kind that can be trained:", kind.name, (row.name for row in kinds_of_role("network") if row.build))
    return attribute(kind.build)


def network_filling(network: Network) -> Filling:
    """Return a graph of blocks as it stands in the role of the network."""
    return filling_of("architecture", network)


def named(role: str) -> Mapping[str, Filling]:
    """Return the values that fill a role by a name that stands in a table."""
    return {name: filling_of(kind.name, value, name=name) for kind in kinds_of_role(role) for name, value in kind.names.items()}


def filling_named(role: str, name: str) -> Filling | None:
    """Return what fills a role under this name; None where nothing goes by it. Raises UserError for a name of a family that
    names nothing."""
    if (filling := named(role).get(name)) is not None:
        return filling
    for kind in kinds_of_role(role):
        for of_name in kind.families.values():
            if (value := of_name(name)) is not None:
                return filling_of(kind.name, value, name=name)
    return None


def names_of(role: str) -> tuple[str, ...]:
    """The names of what can fill a role by name alone, then the patterns of those that are families."""
    return (*named(role), *(pattern for kind in kinds_of_role(role) for pattern in kind.families))


def names_of_kind(kind: Kind) -> tuple[str, ...]:
    """The names of values of a kind, then the patterns of those that are families."""
    return (*kind.names, *kind.families)


def by_names(names: Mapping[str, str]) -> dict[str, Filling]:
    """Return the roles filled by these names. Raises UserError for a name that no table holds."""
    found = {}
    for role, name in names.items():
        filling = filling_named(role, name)
        if filling is None:
            raise unknown_name(role, name, names_of(role))
        found[role] = filling
    return found


def found_roles(found: Found | None) -> dict[str, Filling]:
    """Return the roles that go with a found cell wherever it is trained: its activation function."""
    if found is None or found.child is None:
        return {}
    return {role: filling for role, filling in found.child.roles.items() if role == "activation"}


def typed_facts(problem: ProblemReference) -> Any:
    """Return the facts of the data as the problem's own type. Raises ArtifactError where they are not of that type."""
    return convert(problem.facts, problem_named(problem.name).facts_type, f"facts of the problem {problem.name!r}")


def typed_dataset(problem: ProblemReference) -> Any:
    """Return the data set as the problem's own type. Raises ArtifactError where it is not of that type."""
    return convert(problem.dataset, problem_named(problem.name).dataset_type, f"data set of the problem {problem.name!r}")


def costs_of(roles: Mapping[str, Filling], facts: Any) -> Costs | None:
    """Return what a child with these roles costs on data with these facts; None where nothing is known of its network.

    Trained parameters of the activation function count, wherever the network has it act.
    """
    network = roles["network"]
    kind = kind_named(network.kind)
    if kind.costs is None or (costs := kind.costs(value_of(network), facts)) is None:
        return None
    if (each := trained_per_channel(roles)) == 0 or kind.activated is None:
        return costs
    return msgspec.structs.replace(costs, parameters=costs.parameters + each * kind.activated(value_of(network), facts))


def suited_recipe(recipe: Recipe, optimizer: Filling) -> Recipe:
    """Return the recipe as it suits the update rule, such as with the learning rate at which it was found."""
    return kind_named(optimizer.kind).recipe(value_of(optimizer), recipe)


def rate_in_words(recipe: Recipe, optimizer: Filling | None) -> str:
    """Return the learning rate of a recipe and its origin: an update rule that is known to work at it, or the recipe."""
    rate = f"{recipe.learning_rate:g}"
    if optimizer is None:
        return f"{rate}, of the recipe"
    other = msgspec.structs.replace(recipe, learning_rate=2 * recipe.learning_rate)
    its_own = suited_recipe(other, optimizer).learning_rate == recipe.learning_rate
    return f"{rate}, {'at which the optimizer is known to work' if its_own else 'of the recipe'}"


def check_recipe(child: Child) -> None:
    """Raise UserError where what stands in a role cannot be trained by the recipe."""
    for filling in child.roles.values():
        if (conflict := kind_named(filling.kind).conflict(value_of(filling), child.recipe)) is not None:
            raise UserError(conflict)


def needs_whole(roles: Mapping[str, Filling]) -> str | None:
    """Return the name of what stands in a role and works on whole arrays, so that the engine `whole` is needed; None for
    nothing."""
    for filling in roles.values():
        if kind_named(filling.kind).whole(value_of(filling)):
            return filling.name or words_of(filling)
    return None


def numpy_computes(roles: Mapping[str, Filling], recipe: Recipe, networks: Iterable[Any]) -> bool:
    """Return whether NumPy computes the operations of all networks with the activation function that stands in its role."""
    activation = roles.get("activation")
    is_relu = activation is not None and activation.name == "relu"
    return is_relu and recipe.precision == "float32" and all(map(numpy_computes_network, networks))


def numpy_batch(roles: Mapping[str, Filling], recipe: Recipe, network: Any, engine: EngineName) -> int | None:
    """Return the examples of a batch if NumPy trains a network on one thread, by this engine; otherwise None."""
    return recipe.batch_size if engine == "blocks" and numpy_computes(roles, recipe, [network]) else None


def trained_per_channel(roles: Mapping[str, Filling]) -> int:
    """Return how many parameters the activation function has for each channel that it acts on."""
    activation = roles.get("activation")
    if activation is None or (count := kind_named(activation.kind).per_channel) is None:
        return 0
    return count(value_of(activation))


def replaced(filling: Filling, **changes: Any) -> Filling:
    """Return the filling with fields of its value changed, such as the momentum of an update rule."""
    return msgspec.structs.replace(filling, value=plain(msgspec.structs.replace(value_of(filling), **changes)))
