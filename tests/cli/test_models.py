"""`evaluate` and `export` of what is no trained model: what it is, and how one comes about."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automl_cli.store.artifact import artifact_of, write_artifact
from tests.store.samples import architecture, settings

Refused = Callable[[object], str]


@pytest.fixture(params=["evaluate", "export"])
def refused(
    request: pytest.FixtureRequest, automl: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Refused:
    """What the command says of a file or directory that is no model."""
    monkeypatch.chdir(tmp_path)

    def call(named: object) -> str:
        done = automl(request.param, named)
        assert (done.code, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        return done.stderr.removeprefix("error: ").rstrip("\n")

    return call


def written(path: str, body: Any = None) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    if body is None:
        Path(path).write_text("{}")
    else:
        write_artifact(Path(path), artifact_of(body))


WANTED = "give the directory of a training by `automl train`, or its model.json"


def test_a_search_says_that_its_winner_is_trained_first(refused: Refused) -> None:
    written("my run/study.json", settings())
    assert refused("my run") == "my run holds no model.json; it is a search that has found nothing yet: automl report 'my run'"
    written("my run/best.json", architecture())
    assert refused("my run") == (
        "my run holds no model.json; it is a search; train what it holds first, and give the directory of that: "
        "automl train --arch 'my run/best.json'"
    )
    written("my run/transfer/model.json")
    assert refused("my run").endswith("; it is a search, and the trained winner is in my run/transfer: give that")


def test_an_unfinished_training_says_how_it_goes_on(refused: Refused) -> None:
    written("final/training.json")
    assert refused("final").endswith("; its training has not ended; go on with: automl train --resume --out final")


def test_whatever_else_is_no_model_says_what_is_wanted(refused: Refused) -> None:
    assert refused(".") == f". holds no model.json; {WANTED}"
    assert refused("nothing.json") == f"nothing.json: no such file; {WANTED}"
    assert refused("nasnet-a") == (
        "nasnet-a is a reference and no trained model; train what it holds first, and give the directory of that: "
        "automl train --cell nasnet-a"
    )
