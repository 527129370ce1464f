"""What may change when a search is resumed, checked before anything runs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl_cli.core.errors import ArtifactError, DataError, UserError
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import EvaluatorSpec
from automl_cli.data import image_facts
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resume import resume_search
from automl_cli.plugins.discovery import plugins
from automl_cli.values.dataset import DatasetReference
from tests.study.worlds import digits_child, settings

SEARCHED: dict[str, Any] = {"strategy": "random", "space": SearchSpace(plugins()["cnn"]).reference()}
"""A strategy and a space that are found by name."""


def write_data(path: Path, channels: int) -> None:
    images = np.arange(40 * 8 * 8 * channels, dtype=np.uint8).reshape(40, 8, 8, channels)
    np.savez(path, x_train=images, y_train=np.arange(40) % 2, x_test=images[:4], y_test=np.arange(4) % 2)


def test_data_of_another_shape_are_refused_with_what_changed(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    write_data(path, 3)
    dataset = DatasetReference(source=str(path))
    recorded = settings(
        child=digits_child(image_facts(dataset), source=dataset.source),
        evaluator=EvaluatorSpec("trained", {"engine": "whole"}),
        **SEARCHED,
    )
    write_data(path, 1)
    with pytest.raises(DataError, match=r"is not what this run was started with: image shape \[8, 8, 1\] \(was \[8, 8, 3\]\)"):
        resume_search("search-arch", recorded, SearchRequest())


def test_another_command_is_refused() -> None:
    with pytest.raises(UserError, match=r"this is a run of search-arch; continue it with `automl search-arch --resume`"):
        resume_search("search-cell", settings(), SearchRequest())


def test_roles_that_were_changed_by_hand_are_refused_before_a_trial_starts() -> None:
    child = digits_child()
    child.roles.pop("optimizer")
    recorded = settings(child=child, evaluator=EvaluatorSpec("trained", {"engine": "whole"}))
    with pytest.raises(ArtifactError, match=r"study\.json: body\.child\.roles: nothing stands in the role 'optimizer'"):
        resume_search("search-arch", recorded, SearchRequest())


def test_trials_are_not_raised_where_the_last_ones_made_a_task_of_their_own() -> None:
    spec = EvaluatorSpec("analytic", {"function": "one-max", "group": 4})
    with pytest.raises(UserError, match="the recorded 6 are not a multiple of that, so --trials cannot be raised"):
        resume_search("search-arch", settings(evaluator=spec, trials=6, **SEARCHED), SearchRequest(trials=8))
    raised, _ = resume_search("search-arch", settings(evaluator=spec, trials=8, **SEARCHED), SearchRequest(trials=9))
    assert raised.trials == 9
