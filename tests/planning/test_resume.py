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
from automl_cli.store.study import StudySettings
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


def write_noise(path: Path, seed: int = 0, *, swapped: bool = False) -> None:
    """Forty coloured noises in two classes, which have their labels exchanged."""
    images = np.random.default_rng(seed).integers(0, 256, (40, 8, 8, 3), np.uint8)
    np.savez(path, images=images, labels=(np.arange(40) + swapped) % 2)


def recorded_on(path: Path) -> StudySettings:
    dataset = DatasetReference(source=str(path))
    return settings(
        child=digits_child(image_facts(dataset, identified=True), source=dataset.source),
        evaluator=EvaluatorSpec("trained", {"engine": "whole"}),
        **SEARCHED,
    )


@pytest.mark.parametrize("other", [{"seed": 1}, {"swapped": True}], ids=["other images", "classes exchanged"])
def test_data_with_other_content_are_refused_where_they_were_and_elsewhere(tmp_path: Path, other: dict[str, Any]) -> None:
    path, elsewhere = tmp_path / "data.npz", tmp_path / "elsewhere.npz"
    write_noise(path)
    recorded = recorded_on(path)
    write_noise(path, **other)
    with pytest.raises(DataError, match="not what this run was started with: examples or labels are others than they were"):
        resume_search("search-arch", recorded, SearchRequest())
    path.rename(elsewhere)
    with pytest.raises(UserError, match=r"--dataset .*elsewhere\.npz is not what this run was started with"):
        resume_search("search-arch", recorded, SearchRequest(dataset=str(elsewhere)))


def test_data_that_were_moved_are_recognised_where_they_lie_now(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "data.npz", tmp_path / "elsewhere.npz"
    write_noise(path)
    recorded = recorded_on(path)
    path.rename(elsewhere)
    with pytest.raises(DataError, match=r"no file at .*data\.npz.*\. If the data of this run were moved, say .* --dataset "):
        resume_search("search-arch", recorded, SearchRequest())
    resumed, _ = resume_search("search-arch", recorded, SearchRequest(dataset=str(elsewhere)))
    assert resumed.child is not None
    assert resumed.child.problem.source == str(elsewhere)
    assert resumed.child.problem.facts == recorded.child.problem.facts  # type: ignore[union-attr]


def test_a_relative_place_means_what_lies_there_from_where_the_search_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("one", "same", "other"):
        (tmp_path / folder).mkdir()
        write_noise(tmp_path / folder / "data.npz", seed=int(folder == "other"))
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "one")
    recorded = recorded_on(Path("data.npz"))
    monkeypatch.chdir(tmp_path / "same")
    assert resume_search("search-arch", recorded, SearchRequest())[0].child == recorded.child
    monkeypatch.chdir(tmp_path / "other")
    with pytest.raises(DataError, match="examples or labels are others than they were"):
        resume_search("search-arch", recorded, SearchRequest())
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(DataError, match="say where they lie now with --dataset"):
        resume_search("search-arch", recorded, SearchRequest())
    resumed, _ = resume_search("search-arch", recorded, SearchRequest(dataset="../one/data.npz"))
    assert resumed.child is not None
    assert resumed.child.problem.source == "../one/data.npz"


def test_another_command_is_refused() -> None:
    with pytest.raises(UserError, match=r"a run of search-arch; continue it with `automl search-arch --out RUN --resume`"):
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
