"""A search over a table instead of trained children: which of a file's columns is what."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automl_cli.core.errors import UserError

ENCODING_COLUMN = "ops"
"""Where the encoding stands unless told otherwise."""

FLAGS = ("table", "encoding-column", "reward-column", "report-columns", "cost-columns")


def table_settings(given: Mapping[str, Any], evaluator: str) -> dict[str, Any]:
    """The evaluator's settings from the flags that were given; nothing for another evaluator.

    Several columns are separated by commas. The path is made absolute, so that a run can be resumed from anywhere.

    >>> table_settings({"reward-column": "a", "table": "/t.csv", "report-columns": "b, c"}, "table")
    {'encoding_column': 'ops', 'file': '/t.csv', 'reward_column': 'a', 'report_columns': ['b', 'c']}
    """
    said = {name: given[name] for name in FLAGS if name in given}
    if evaluator != "table":
        if said:
            raise UserError(f"--{next(iter(said))} is about a table; give --evaluator table with it")
        return {}
    for name in ("table", "reward-column"):
        if name not in said:
            raise UserError(
                f"--evaluator table needs --{name}: --table is a .csv or .npz file, --reward-column what to search for"
            )
    return {"encoding_column": ENCODING_COLUMN} | dict(setting_of(name, said[name]) for name in FLAGS if name in said)


def setting_of(flag: str, value: str) -> tuple[str, Any]:
    """The evaluator's setting that a flag of a table stands for, and its value.

    >>> setting_of("cost-columns", "b, c")
    ('cost_columns', ['b', 'c'])
    """
    if flag == "table":
        return "file", str(Path(value).absolute())
    return flag.replace("-", "_"), _names(flag, value) if flag.endswith("columns") else value


def _names(flag: str, text: str) -> list[str]:
    names = [part.strip() for part in text.split(",")]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"--{flag} names {twice[0]!r} twice; name each column once")
    return names
