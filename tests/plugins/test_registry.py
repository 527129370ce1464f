"""Tables of code by name: rows of installed packages come last, are not imported to be listed, and hide nothing."""

import importlib.metadata
from importlib.metadata import EntryPoint

import pytest

from automl_cli.core.errors import UserError
from automl_cli.plugins.listing import kinds
from automl_cli.plugins.registry import EVALUATORS, EXECUTORS, STRATEGIES, Table, with_installed

BUILT_IN = {"counter": "collections:Counter"}


def table(monkeypatch: pytest.MonkeyPatch, *entries: tuple[str, str]) -> Table:
    """A table of the group `automl_cli.kinds` in which these are installed."""
    found = [EntryPoint(name, value, "automl_cli.kinds") for name, value in entries]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: [each for each in found if each.group == group])
    return Table("kind", group="automl_cli.kinds", built_in=BUILT_IN, needs=("most_common",))


def test_installed_names_come_after_the_built_in_ones_and_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = table(monkeypatch, ("zebra", "no_such_module:Z"), ("ant", "no_such_module:A"))
    assert kinds.names() == ("counter", "ant", "zebra")
    assert kinds.check("ant") == "ant"
    with pytest.raises(UserError, match=r"unknown kind 'antt'. Did you mean 'ant'[?] Known: ant, counter, zebra"):
        kinds.load("antt")


def test_a_name_stands_for_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    from collections import Counter

    kinds = table(monkeypatch, ("mine", "collections:Counter"), ("other", "collections:OrderedDict"))
    assert kinds.load("counter") is kinds.load("mine") is Counter
    with pytest.raises(UserError, match=r"kind 'other', which is the installed plug-in .* does not have most_common; "):
        kinds.load("other")


def test_a_name_that_is_taken_is_refused_with_both(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="'mine:C' names its kind 'counter', but 'collections:Counter', which is built in, has"):
        table(monkeypatch, ("counter", "mine:C")).names()
    with pytest.raises(UserError, match="'two:B' names its kind 'b', but 'one:B', which is an installed plug-in as well, has"):
        table(monkeypatch, ("b", "two:B"), ("b", "one:B")).names()


@pytest.mark.parametrize("table", [STRATEGIES, EVALUATORS, EXECUTORS], ids=lambda table: table.group)
def test_what_is_built_in_has_what_is_asked_of_the_code_of_others(table: Table) -> None:
    for name in table.names():
        assert all(getattr(table.load(name), need, None) is not None for need in table._needs)


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("no_such_module:KIND", "kind 'mine' cannot be loaded from the installed plug-in 'no_such_module:KIND': Module"),
        (
            "automl_cli.kinds.cell:KIND",
            "the installed plug-in 'automl_cli.kinds.cell:KIND' names its kind 'cell', which exists",
        ),
    ],
)
def test_a_row_that_cannot_be_imported_or_hides_one_is_refused(monkeypatch: pytest.MonkeyPatch, target: str, text: str) -> None:
    table(monkeypatch, ("mine", target))
    with pytest.raises(UserError, match=text):
        with_installed(kinds(), group="automl_cli.kinds", what="kind")
