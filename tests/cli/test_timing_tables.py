"""A study is measured by the timing table that it was started with, whatever this machine has since; `doctor --calibrate`."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from automl_cli.core.errors import UserError
from automl_cli.jobs.compare import setup_of
from automl_cli.planning.compare import plan_resumed
from automl_cli.planning.compare_flags import ComparisonRequest
from automl_cli.store import timing_tables, timings_in_force
from automl_cli.store.timing_tables import calibration_file, forget_calibration, keep_calibration, measured_tables
from automl_cli.store.timings_in_force import timings_in_force as in_force
from automl_cli.store.timings_in_force import timings_restored, use_timings
from automl_cli.system.cpu_family import CpuKind
from automl_cli.values.timings import TimingTable, calibrated
from tests.cli.searches import SPACE
from tests.store import samples

pytestmark = pytest.mark.usefixtures("environment_of_its_own")

MEASURED = measured_tables()["amd-zen-4"]
OWN = calibrated("here", {form: tuple(2 * number for number in row) for form, row in MEASURED.coefficients.items()})

SCORE = """
from automl_cli.store.timings_in_force import timings_in_force

def doubled(child):
    return 1.0 if timings_in_force().name.startswith("calibrated-") else 0.5
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of configuration of its own, on a CPU of a measured family."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(timing_tables, "this_cpu", lambda: CpuKind("amd-zen-4", 512))
    monkeypatch.setattr(timings_in_force, "_in_force", None)
    (tmp_path / "score.py").write_text(SCORE)
    with timings_restored():
        yield tmp_path


def searching(*more: object) -> tuple[object, ...]:
    command = ("search-arch", "--space", SPACE, "--space-option", "layers=2", "--evaluator", "score.py:doubled")
    return (*command, *(() if "--out" in more else ("--out", "run")), *more)


def scores(run: Path = Path("run")) -> list[float]:
    records = map(json.loads, (run / "journal.jsonl").read_text().splitlines())
    return [score for record in records for score in ((record.get("outcome") or {}).get("measurement") or {}).get("scores", ())]


def recorded(file: str = "run/study.json") -> TimingTable:
    return msgspec.convert(json.loads(Path(file).read_text())["body"]["timings"], TimingTable)


@pytest.mark.parametrize("executor", ["serial", "local"])
def test_every_worker_uses_the_table_of_the_study_also_where_the_machine_has_another_since(
    executor: str, automl: Callable
) -> None:
    keep_calibration(OWN)
    began = automl(*searching("--trials", 2, "--executor", executor))
    assert (began.code, recorded(), scores()) == (0, OWN, [1.0, 1.0])
    assert "timing table" not in began.stderr
    assert forget_calibration() == calibration_file()
    went_on = automl(*searching("--trials", 4, "--executor", executor, "--resume"))
    assert (went_on.code, recorded(), scores()) == (0, OWN, [1.0] * 4)
    said = f"forms of convolution are chosen by the timing table on record, {OWN.name}; here it is amd-zen-4"
    assert went_on.stderr.count(said) == 1


def test_a_comparison_sends_its_table_to_its_workers() -> None:
    settings = msgspec.structs.replace(samples.comparison(), timings=OWN)
    assert msgspec.convert(setup_of(settings).timings, TimingTable) == OWN
    assert plan_resumed(msgspec.structs.replace(settings, timings=None), ComparisonRequest()).timings == MEASURED


def test_a_run_searched_anew_keeps_the_table_on_record(automl: Callable) -> None:
    assert automl(*searching("--trials", 1, "--executor", "serial")).code == 0
    keep_calibration(OWN)
    anew = automl(*searching("--config", "run", "--out", "anew"))
    assert (anew.code, recorded("anew/study.json"), scores(Path("anew"))) == (0, MEASURED, [0.5])


@pytest.mark.parametrize("before", [None, msgspec.to_builtins(calibrated("old", {"a-form-of-old": (1.0,)}))])
def test_a_study_without_a_table_that_this_version_reads_goes_on_with_that_of_the_machine(
    before: Any, automl: Callable
) -> None:
    assert automl(*searching("--trials", 1, "--executor", "serial")).code == 0
    study = json.loads(Path("run/study.json").read_text())
    study["body"]["timings"] = before
    Path("run/study.json").write_text(json.dumps(study))
    keep_calibration(OWN)
    went_on = automl(*searching("--trials", 2, "--executor", "serial", "--resume"))
    assert (went_on.code, recorded(), scores()) == (0, OWN, [0.5, 1.0])
    warned = f"is of another version of automl, and {OWN.name} is used; scores may differ in low bits"
    assert went_on.stderr.count(warned) == (before is not None)


def test_what_trains_nothing_records_no_table(automl: Callable) -> None:
    arguments = ("search-arch", "--space", SPACE, "--evaluator", "analytic", "--trials", 1, "--out", "run")
    assert automl(*arguments).code == 0
    assert json.loads(Path("run/study.json").read_text())["body"]["timings"] is None


def test_a_cpu_that_was_not_measured_is_told_of_the_calibration_once(automl: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing_tables, "this_cpu", lambda: CpuKind("intel-sapphire-rapids", 512, matrix_unit=True))
    done = automl(*searching("--trials", 1, "--executor", "serial", "--json"))
    assert (done.code, recorded()) == (0, MEASURED)
    assert json.loads(done.stdout)["trials"] == 1
    assert done.stderr.count("automl doctor --calibrate") == 1
    assert "calibrate" not in automl(*searching("--trials", 1, "--executor", "serial", "--overwrite", "--quiet")).stderr


def test_a_broken_calibration_ends_no_search_and_is_said(automl: Callable) -> None:
    keep_calibration(OWN)
    calibration_file().write_text("{")
    done = automl(*searching("--trials", 1, "--executor", "serial", "--quiet"))
    assert (done.code, recorded(), scores()) == (0, MEASURED, [0.5])
    assert done.stderr.startswith(f"warning: the calibration of this machine is not used: {calibration_file()}: ")


def test_a_training_keeps_its_table(automl: Callable) -> None:
    assert automl(*searching("--trials", 1, "--executor", "serial")).code == 0
    keep_calibration(OWN)
    assert automl("train", "--arch", "run", "--epochs", 1, "--train-examples", 64, "--out", "trained", "--quiet").code == 0
    assert recorded("trained/training.json") == in_force() == OWN
    Path("trained/model.json").unlink()
    forget_calibration()
    use_timings(MEASURED)
    went_on = automl("train", "--resume", "--out", "trained")
    assert (went_on.code, in_force()) == (0, OWN)
    assert f"the timing table on record, {OWN.name}; here it is amd-zen-4" in went_on.stderr
    assert automl("train", "--config", "trained", "--out", "anew", "--quiet").code == 0
    assert recorded("anew/training.json") == OWN


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    """The measurement, which would take minutes."""
    module = ModuleType("automl_cli.nn.calibration")

    def measure_timings(progress: Callable[[int, int], None]) -> TimingTable:
        progress(0, 2)
        progress(2, 2)
        return OWN

    module.measure_timings = measure_timings  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_a_calibration_is_measured_kept_shown_and_forgotten(automl: Callable, measuring: None) -> None:
    done = automl("doctor", "--calibrate")
    assert (done.code, done.stdout) == (0, f"{calibration_file()}\n")
    assert f"chosen by {OWN.name} on this machine from now on" in done.stderr
    assert f"{OWN.name}: this machine was calibrated" in " ".join(automl("doctor").stdout.split())
    assert json.loads(automl("doctor", "--calibrate", "--json").stdout) == {
        "table": msgspec.to_builtins(OWN) | {"coefficients": {form: list(row) for form, row in OWN.coefficients.items()}},
        "file": str(calibration_file()),
    }
    file = str(calibration_file())
    assert json.loads(automl("doctor", "--forget-calibration", "--json").stdout) == {"file": file}
    again = automl("doctor", "--forget-calibration")
    assert (again.code, again.stdout) == (0, "")
    assert again.stderr == "this machine was not calibrated; forms of convolution are chosen by amd-zen-4\n"


def test_doctor_says_what_could_be_better(automl: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    from automl_cli.jobs.doctor import PARTS

    def found() -> Any:
        return next(each for each in PARTS["machine"]() if each.name == "timing table")

    assert (found().state, found().found) == ("ok", "amd-zen-4: this CPU is of the family amd-zen-4")
    keep_calibration(OWN)
    calibration_file().write_text("{")
    assert (found().state, "Measure it anew with automl doctor --calibrate" in found().step) == ("note", True)
    forget_calibration()
    monkeypatch.setattr(timing_tables, "this_cpu", lambda: CpuKind("arm-neoverse-v1", 256))
    assert (found().state, found().step[:25]) == ("note", "automl doctor --calibrate")


def test_what_cannot_be_kept_is_refused_before_it_is_measured(
    automl: Callable, measuring: None, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "file"))
    monkeypatch.setitem(sys.modules, "automl_cli.nn.calibration", ModuleType("empty"))
    done = automl("doctor", "--calibrate")
    assert (done.code, "set XDG_CONFIG_HOME to a folder that may be written" in done.stderr) == (1, True)
    both = automl("doctor", "--calibrate", "--forget-calibration")
    assert (both.code, "give one of them" in both.stderr) == (2, True)


def test_a_call_from_python_gives_the_process_its_table_back(home: Path) -> None:
    import automl_cli as automl

    keep_calibration(OWN)
    use_timings(MEASURED)
    seen = []

    def score(child: object) -> float:
        seen.append(in_force().name)
        return 0.5

    automl.search("arch", space=str(SPACE), space_option={"layers": 2}, evaluator=score, trials=1, quiet=True, out="run")
    assert (seen, in_force()) == ([OWN.name], MEASURED)
    automl.train(arch="run", epochs=1, train_examples=64, quiet=True, out="trained")
    assert (recorded("trained/training.json"), in_force()) == (OWN, MEASURED)
    with pytest.raises(UserError):
        automl.search("arch", space=str(SPACE), trials=0, quiet=True)
    assert in_force() == MEASURED
