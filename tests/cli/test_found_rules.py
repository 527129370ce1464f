"""A small search of each of the two kinds from the command line, and what the other commands say of it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("environment_of_its_own")


def test_spaces_says_how_many_functions_are_distinct(automl: Callable) -> None:
    distinct = json.loads(automl("spaces", "activation-units", "--json").stdout)["distinct"]
    assert 4_000 < distinct < 4_100
    assert json.loads(automl("spaces", "update-rules", "--json").stdout)["distinct"] is None
    assert f"distinct: {distinct:,}; " in automl("spaces", "activation-units").stdout
    assert "distinct" not in automl("spaces", "update-rules").stdout


def test_a_found_rule_is_sound_and_has_the_rate_of_its_child(automl: Callable, tmp_path: Path) -> None:
    out = tmp_path / "run"
    small = (
        "--network",
        "convnet-1x4",
        "--trials",
        8,
        "--epochs",
        1,
        "--train-examples",
        300,
        "--workers",
        1,
        "--quiet",
        "--no-baseline",
    )
    done = automl("search-optimizer", "--strategy", "random", *small, "--executor", "serial", "--out", out)
    assert done.code == 0, done.stderr
    best = json.loads((out / "best.json").read_text())
    rate = best["body"]["value"]["learning_rate"]
    assert rate in (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
    assert automl("validate", out).code == 0
    best["body"]["value"]["learning_rate"] = 3.0
    (out / "best.json").write_text(json.dumps(best))
    refused = automl("validate", out)
    assert refused.code != 0
    assert "body.value" in refused.stdout + refused.stderr
