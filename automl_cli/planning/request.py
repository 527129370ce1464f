"""What a user asks of a search, by flags or in a file, before anything is known to fit."""

import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from automl_cli.core.errors import UserError, unknown_name
from automl_cli.core.numbers import check_whole
from automl_cli.store.artifact import read_bytes
from automl_cli.store.encoding import convert


class SearchRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """What a user asked of a search, by flags or in a file; None where nothing was said. Names are those of the flags."""

    preset: str | None = None
    space: str | None = None
    space_option: dict[str, Any] | None = None
    dataset: str | None = None
    data_dir: str | None = None
    train_examples: int | None = None
    image_size: int | None = None
    metric: str | None = None
    strategy: str | None = None
    strategy_option: dict[str, Any] | None = None
    start_from: list[str] | None = None
    evaluator: str | None = None
    evaluator_option: dict[str, Any] | None = None
    table: str | None = None
    encoding_column: str | None = None
    reward_column: str | None = None
    report_columns: str | None = None
    cost_columns: str | None = None
    trials: int | None = None
    epochs: int | None = None
    seed: int | None = None
    in_flight: int | None = None
    reward_exponent: float | None = None
    retrain_top: int | None = None
    retrain_epochs: int | None = None
    max_parameters: int | None = None
    max_multiply_adds: int | None = None
    reuse: bool | None = None
    max_failures: int | None = None
    trial_timeout: float | None = None
    time_budget: float | None = None
    executor: str | None = None
    workers: int | None = None
    transfer: str | None = None
    transfer_image_size: int | None = None
    transfer_epochs: int | None = None
    stack: str | None = None
    filters: int | None = None

    def given(self) -> dict[str, Any]:
        """What was said, by the names of the flags without dashes in front."""
        values = {field.encode_name: getattr(self, field.name) for field in msgspec.structs.fields(self)}
        return {name: value for name, value in values.items() if value is not None}


_AT_LEAST = dict.fromkeys(
    (
        "train-examples",
        "image-size",
        "trials",
        "epochs",
        "in-flight",
        "retrain-epochs",
        "max-parameters",
        "max-multiply-adds",
        "max-failures",
        "workers",
        "transfer-image-size",
        "transfer-epochs",
        "filters",
    ),
    1,
) | {"seed": 0, "retrain-top": 0}
_ABOVE_ZERO = ("reward-exponent", "trial-timeout", "time-budget")
_AT_MOST = {"reward-exponent": 10}
"""Beyond it all scores but the highest are 0."""


def read_request(path: Path) -> SearchRequest:
    """What a configuration file asks for: flags by name in TOML, such as `trials = 64` or `space-option = {layers = 4}`."""
    import tomllib

    known = [field.encode_name for field in msgspec.structs.fields(SearchRequest)]
    try:
        asked = tomllib.loads(read_bytes(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not TOML: {error}") from error
    for name in asked:
        if name not in known:
            raise unknown_name(f"flag in {path}:", name, known)
    return convert(asked, SearchRequest, str(path))


def check_values(request: SearchRequest) -> None:
    """Raises UserError for a number that can mean nothing."""
    for name, value in request.given().items():
        check_whole(name, value)
        if name in _AT_LEAST and value < _AT_LEAST[name]:
            raise UserError(f"--{name} is {value}; it must be at least {_AT_LEAST[name]}")
        if name in _ABOVE_ZERO and not (value > 0 and math.isfinite(value)):
            raise UserError(
                f"--{name} is {value:g}; it must be {'above 0' if math.isfinite(value) else 'a finite number above 0'}"
            )
        if name in _AT_MOST and value > _AT_MOST[name]:
            raise UserError(f"--{name} is {value:g}; it must be at most {_AT_MOST[name]}")


def typed(texts: Mapping[str, Any]) -> dict[str, Any]:
    """Options of strategies and evaluators as what their texts look like: number, true or false, or a word.

    >>> typed({"minibatch": "8", "learning_rate": "6e-4", "entropy": "false", "function": "one-max", "given": 3})
    {'minibatch': 8, 'learning_rate': 0.0006, 'entropy': False, 'function': 'one-max', 'given': 3}
    """
    return {name: _typed_value(text) if isinstance(text, str) else text for name, text in texts.items()}


def _typed_value(text: str) -> Any:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return {"true": True, "false": False}.get(text.lower(), text)
