"""`automl doctor`: whatever it finds is a finding, and it ends with 1 only where the default search could not run."""

import json
from collections.abc import Callable
from importlib.metadata import metadata
from pathlib import Path

import pytest

from automl_cli.core.errors import UserError
from automl_cli.jobs import doctor, installation
from automl_cli.jobs.doctor import PARTS, examine
from automl_cli.nn.self_test import self_test

pytestmark = pytest.mark.usefixtures("environment_of_its_own")


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The self-test is not tried."""
    monkeypatch.setattr(doctor, "_started", lambda: OSError(2, "no such program"))


def findings(done: object) -> dict[tuple[str, str], dict]:
    document = json.loads(done.stdout)  # type: ignore[attr-defined]
    return {(each["part"], each["name"]): each for each in document["findings"]}


def test_everything_is_looked_at_and_a_program_is_tried(automl: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PATIENCE_SECONDS", 60.0)
    done = automl("doctor", "--json")
    found = findings(done)
    assert (done.code, json.loads(done.stdout)["usable"]) == (0, True)
    assert {part for part, _ in found} == {*PARTS, "self-test"}
    assert found["self-test", "program"]["found"].startswith("compiled and ran in ")
    assert found["self-test", "devices"]["found"].startswith("cpu: ")
    assert found["data", "digits"]["found"] == "1,437 to train and validate, 360 to test"
    assert found["environment", "JAX_PLATFORMS"]["state"] == "note"
    assert not Path("runs").exists()
    text = automl("doctor")
    assert text.code == 0
    assert text.stdout.endswith("nothing is broken that the default search needs\n")


def test_every_extra_of_the_package_is_judged_by_what_the_package_says_of_itself(automl: Callable, no_process: None) -> None:
    found = findings(automl("doctor", "--json"))
    for extra in metadata("automl-cli").get_all("Provides-Extra") or ():
        if extra in installation.FOR_DEVELOPERS:
            assert ("extras", extra) not in found
            continue
        one = found["extras", extra]
        assert one["state"] in ("ok", "absent", "note")
        assert (one["step"] == f"pip install 'automl-cli[{extra}]'") == (one["state"] != "ok")


def test_a_package_that_is_missing_or_of_another_version_is_said(monkeypatch: pytest.MonkeyPatch, no_process: None) -> None:
    versions = {"jax": None, "flax": "0.1.0", "tensorflow-datasets": None}
    real = installation.installed_version
    monkeypatch.setattr(installation, "installed_version", lambda name: versions.get(name, real(name)))
    found = {(each.part, each.name): each for each in examine()}
    assert found["packages", "jax"].state == "broken"
    assert found["packages", "flax"].found.startswith("0.1.0, and the tests were run with <")
    assert found["packages", "tensorflow-datasets"].state == "absent"


def test_an_extra_of_an_extra_is_followed() -> None:
    (rows,) = [rows for name, rows in installation.extras().items() if name == "cuda"]
    assert "jax" in [row.name for row in rows]
    assert any("cuda12" in row.name for row in rows)


def test_whatever_an_examination_raises_is_a_finding(
    automl: Callable, monkeypatch: pytest.MonkeyPatch, no_process: None
) -> None:
    def broken() -> None:
        raise SystemExit(3)

    def refused() -> None:
        raise UserError("there is no home folder")

    monkeypatch.setattr(doctor, "PARTS", {"machine": broken, "data": refused})
    done = automl("doctor", "--json")
    found = findings(done)
    assert done.code == 1
    assert found["machine", "examination"]["found"] == "could not be finished: SystemExit: 3"
    assert found["data", "examination"]["found"] == "could not be finished: there is no home folder"
    assert found["self-test", "program"]["found"] == "no process could be started: no such program"
    assert automl("doctor").stdout.endswith("broken: program; the default search needs it\n")


@pytest.mark.parametrize(
    ("program", "state", "text"),
    [
        ("raise SystemExit(3)", "broken", "its process ended with exit code 3"),
        ("import sys; sys.exit('no driver')", "broken", "no driver"),
        ("import time; time.sleep(60)", "note", "did not end within 0.5 s"),
        ("print('{}')", "note", "could not be finished: the self-test: "),
        ('print(\'{"devices": [], "right": false, "off": 0.5, "seconds": 1.0}\')', "broken", "and is off by 50.0% of NumPy's"),
    ],
)
def test_a_program_that_fails_hangs_or_is_wrong_is_a_finding(
    program: str, state: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "SELF_TEST", program)
    monkeypatch.setattr(doctor, "PATIENCE_SECONDS", 0.5 if "sleep" in program else 30.0)
    monkeypatch.setattr(doctor, "PARTS", {})
    (found,) = [each for each in examine() if each.name != "devices"]
    assert (found.state, text in found.found) == (state, True), found


def test_caches_that_cannot_be_written_and_variables_that_change_results_are_said(
    automl: Callable, monkeypatch: pytest.MonkeyPatch, no_process: None, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AUTOML_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("JAX_ENABLE_X64", "1")
    found = findings(automl("doctor", "--json"))
    assert found["caches", "data"]["state"] == "broken"
    assert found["caches", "data"]["step"] == "set AUTOML_CACHE_DIR to a folder that may be written"
    assert found["caches", "programs"]["state"] == "note"
    assert found["environment", "JAX_ENABLE_X64"]["found"] == "1; set aside where anything is computed"


def test_a_cache_that_belongs_to_another_user_breaks_nothing(
    automl: Callable, monkeypatch: pytest.MonkeyPatch, no_process: None, tmp_path: Path
) -> None:
    monkeypatch.setenv("AUTOML_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    found = findings(automl("doctor", "--json"))
    assert (found["caches", "data"]["state"], found["caches", "data"]["found"]) == (
        "note",
        f"{tmp_path}/data may not be written, so data are prepared among temporary files",
    )


def test_the_program_agrees_with_numpy() -> None:
    found = self_test()
    assert found["right"]
    assert found["off"] < 1e-5
