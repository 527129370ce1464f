"""The manual names what there is: tables of the pages in docs/ against the tables of the code."""

import re
from collections.abc import Iterable

import msgspec
import pytest

from automl_cli.cli.errors import FAILED, INTERRUPTED, WRONG_INPUT
from automl_cli.core.spaces import Plugin
from automl_cli.core.trials import Status
from automl_cli.plugins import discovery, registry
from automl_cli.plugins.roles import names_of
from automl_cli.store import file_names
from automl_cli.values import activation, optimizer
from automl_cli.values.activation import ACTIVATIONS, BETAS
from automl_cli.values.child import ROLES
from automl_cli.values.expressions.tree import FUNCTIONS
from automl_cli.values.optimizer import RULES
from automl_cli.values.policy import MAPPINGS
from tests.tables import BODIES, EVALUATORS, EXECUTORS, PLUGINS, ROOT, STRATEGIES

PACKAGES = [ROOT / "automl_cli", ROOT / "search_spaces"]
SOURCES = [path.read_text(encoding="utf-8") for package in PACKAGES for path in package.rglob("*.py")]


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def column(text: str, title: str) -> list[str]:
    """The names in code of the first column of the table with this title."""
    table = re.search(rf"^\| {re.escape(title)} \|.*\n\| --- .*\n((?:\|.*\n)+)", text, flags=re.MULTILINE)
    assert table, f"no table titled {title!r}"
    return [name for row in table[1].splitlines() for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


LANGUAGES = (ACTIVATIONS, RULES)

TABLES = {
    ("functions-and-rules", "`--activation`"): activation.NAMED,
    ("functions-and-rules", "`--optimizer`"): optimizer.NAMED,
    ("functions-and-rules", "name"): {name for language in LANGUAGES for name in language.names} - set(BETAS[2:-1]),
    ("augmentation", "`--augment`"): names_of("augmentation"),
    ("augmentation", "mapping"): MAPPINGS,
    ("augmentation", "`--space-option`"): [option.name for option in PLUGINS["autoaugment"].options],
    ("searching", "`--strategy`"): STRATEGIES.names(),
    ("searching", "`--evaluator`"): EVALUATORS.names(),
    ("limits", "status"): Status,
    ("files", "schema"): [str(body.SCHEMA) for body in BODIES.values()],
}


@pytest.mark.parametrize(("name", "title", "known"), [(*place, known) for place, known in TABLES.items()])
def test_a_table_of_the_manual_is_that_of_the_code(name: str, title: str, known: Iterable[str]) -> None:
    assert sorted(column(page(name), title)) == sorted(known)


def test_the_functions_of_a_table_of_the_manual_are_those_of_the_language_that_it_says() -> None:
    rows = re.search(r"^\| function \|.*\n\| --- .*\n((?:\|.*\n)+)", page("functions-and-rules"), flags=re.MULTILINE)
    assert rows
    of: dict[str, set[str]] = {"of both": set(), "of functions": set(), "of rules": set()}
    for row in rows[1].splitlines():
        names, said = row.split(" | ")
        of[re.match("of (both|functions|rules)", said)[0]] |= set(re.findall(r"`(\w+)", names))  # type: ignore[index]
    of["of both"].add("cos")  # of rules as well, says its row
    of["of functions"].remove("cos")
    operators = {name for name, row in FUNCTIONS.items() if row.infix}
    assert of["of both"] | of["of functions"] == set(ACTIVATIONS.functions) - operators
    assert of["of both"] | of["of rules"] == set(RULES.functions) - operators


def test_executors_and_roles_are_named() -> None:
    assert all(f"`--executor {name}`" in page("searching") for name in EXECUTORS.names())
    assert re.findall(r"^\| (\w+) \| `--", page("training"), flags=re.MULTILINE) == list(ROLES)


def test_every_file_that_is_written_is_named() -> None:
    named = " ".join(column(page("files"), "file"))
    written = [value for name, value in vars(file_names).items() if name.isupper()]
    assert len(written) > 5
    assert [name for name in written if name not in named] == []


def test_every_exit_code_is_named() -> None:
    codes = re.findall(r"^\| (\d+) \|", page("files"), flags=re.MULTILINE)
    assert list(map(int, codes)) == [0, FAILED, WRONG_INPUT, INTERRUPTED]


def test_every_environment_variable_of_ours_is_named_and_no_other() -> None:
    read = {name for source in SOURCES for name in re.findall(r"\bAUTOML_[A-Z_]+\b", source)}
    named = {name for name in column(page("files"), "variable") if name.startswith("AUTOML_")}
    assert read == named != set()
    for name in column(page("files"), "variable"):
        assert name == "NO_COLOR" or any(name in source or name == "XDG_CACHE_HOME" for source in SOURCES)


def test_every_group_of_entry_points_is_named() -> None:
    tables = [value.group for value in vars(registry).values() if isinstance(value, registry.Table)]
    groups = {*tables, discovery.ENTRY_POINT_GROUP, "automl_cli.kinds", "automl_cli.problems"}
    assert set(column(page("extending"), "group of entry points")) == groups


def test_every_part_of_a_space_is_named() -> None:
    parts = {re.match(r"\w+", name)[0] for name in column(page("spaces"), "part")}  # type: ignore[index]
    assert parts == {field.name for field in msgspec.structs.fields(Plugin)}
