"""What stands in the roles of a child: from values to plain data and back, by the rows of their kinds."""

from collections.abc import Mapping
from typing import Any

import msgspec

from automl_cli.core.errors import ArtifactError, UserError, unknown_name
from automl_cli.core.trials import Costs
from automl_cli.plugins.listing import kind_named, kinds_of_role, problem_named
from automl_cli.plugins.registry import attribute
from automl_cli.store.encoding import convert, plain
from automl_cli.store.study import Found
from automl_cli.values.child import ROLES, Child, Filling, ProblemReference
from automl_cli.values.network import Network


def filling_of(kind: str, value: Any, *, name: str | None = None, digest: str | None = None) -> Filling:
    """The value as it stands in the role of its kind."""
    return Filling(kind=kind, value=plain(value), name=name, digest=digest)


def value_of(filling: Filling) -> Any:
    """The value that stands in a role. ArtifactError where it is not one of its kind."""
    return convert(filling.value, kind_named(filling.kind).value, f"the value of kind {filling.kind!r}")


def check_roles(child: Child, place: str, *, may_be_open: bool) -> None:
    """Raises ArtifactError, with its place, for a role that holds nothing or what cannot stand there. One may be open."""
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
            raise ArtifactError(f"{where}.kind: {kind.name!r} fills the role {kind.role!r}, not {role!r}")
        convert(filling.value, kind.value, f"{where}.value")


def words_of(filling: Filling) -> str:
    """What stands in a role, in words; nothing where its kind has none."""
    words = kind_named(filling.kind).words
    return "" if words is None else "; ".join(words(value_of(filling)))


def built_by(filling: Filling) -> Any:
    """The function that its kind names for building it. Importing it may import JAX."""
    kind = kind_named(filling.kind)
    if kind.build is None:
        raise unknown_name("kind that can be trained:", kind.name, (row.name for row in kinds_of_role("network") if row.build))
    return attribute(kind.build)


def network_filling(network: Network) -> Filling:
    """A graph of blocks in the role of the network."""
    return filling_of("architecture", network)


def named(role: str) -> Mapping[str, Filling]:
    """What can fill a role by a name that stands in a table."""
    return {name: filling_of(kind.name, value, name=name) for kind in kinds_of_role(role) for name, value in kind.names.items()}


def filling_named(role: str, name: str) -> Filling | None:
    """What fills a role under this name; None where nothing goes by it. UserError where it is of a family and names nothing."""
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


def by_names(names: Mapping[str, str]) -> dict[str, Filling]:
    """Roles filled by name. UserError for a name that no table holds."""
    found = {}
    for role, name in names.items():
        filling = filling_named(role, name)
        if filling is None:
            raise unknown_name(role, name, names_of(role))
        found[role] = filling
    return found


def found_roles(found: Found | None) -> dict[str, Filling]:
    """What belongs to a found cell wherever it is trained: its activation function."""
    if found is None or found.child is None:
        return {}
    return {role: filling for role, filling in found.child.roles.items() if role == "activation"}


def typed_facts(problem: ProblemReference) -> Any:
    """What is known of the data, as the problem's own type. ArtifactError for what is none."""
    return convert(problem.facts, problem_named(problem.name).facts_type, f"facts of the problem {problem.name!r}")


def typed_dataset(problem: ProblemReference) -> Any:
    """The data set, as the problem's own type. ArtifactError for what is none."""
    return convert(problem.dataset, problem_named(problem.name).dataset_type, f"data set of the problem {problem.name!r}")


def costs_of(filling: Filling, facts: Any) -> Costs | None:
    """What the child costs in which this stands in the role of the network; None where nothing is known of that."""
    kind = kind_named(filling.kind)
    return None if kind.costs is None else kind.costs(value_of(filling), facts)


def replaced(filling: Filling, **changes: Any) -> Filling:
    """The same with fields of its value changed, such as the momentum of an update rule."""
    return msgspec.structs.replace(filling, value=plain(msgspec.structs.replace(value_of(filling), **changes)))
