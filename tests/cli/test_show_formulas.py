"""`automl show` and `automl report` of activation functions and update rules: curve, features, the best of each length."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from automl_cli.plugins.discovery import open_space
from automl_cli.reporting.runs import read_history
from automl_cli.values import optimizer
from automl_cli.values.activation import NAMED
from automl_cli.values.expressions.tree import length
from tests.reporting.runs import write_run
from tests.tables import ROOT


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search of activation functions on digits, three trials of one epoch each."""
    out = tmp_path_factory.mktemp("searched") / "act"
    arguments = [
        "search-activation",
        "--trials",
        3,
        "--epochs",
        1,
        "--train-examples",
        200,
        "--workers",
        1,
        "--no-baseline",
        "--out",
        out,
    ]
    done = subprocess.run(
        [sys.executable, "-m", "automl_cli", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return out


def known_front(run: Path) -> list[tuple[int, float, str]]:
    """Length, score and formula of the best of each length, from the journal, by comparing every pair."""
    history = read_history(run)
    space = open_space(history.settings.space)
    found = set()
    for trial in history.trials:
        if (measurement := trial.outcome.measurement) is not None:
            function = space.decode(trial.task.genotype)
            found.add((length(function.tree), max(measurement.scores), function.expression))
    return sorted(row for row in found if not any(a <= row[0] and b >= row[1] and (a, b) != row[:2] for a, b, _ in found))


def test_swish_is_shown_as_formula_curve_and_features(automl: Callable) -> None:
    done = automl("show", "swish")
    assert (done.code, done.stderr) == (0, "")
    said = " ".join(done.stdout.split())
    for words in (
        "f(x) x * sigmoid(beta * x) ",
        r"LaTeX x \, \sigma(\beta \, x) ",
        "trained beta from 1; one number per channel",
        "right arm basically linear on [2, 5]: at most 0.7% of its range off a straight line of slope 1.07",
        "hump minimum -0.2785 at x = -1.2785 on [-5, 0)",
        "bounds -0.2785 below, none above",
        "symmetry neither even nor odd",
        "at 0 f(0) = 0, f'(0) = 0.5, smooth",
    ):
        assert words in said
    assert any("⠉" <= character <= "⣿" for character in done.stdout)


@pytest.mark.parametrize("name", [*NAMED, *optimizer.NAMED])
def test_every_name_reads_well_at_80_columns(name: str, automl: Callable) -> None:
    done = automl("show", name)
    assert (done.code, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_pipe_that_takes_ascii_only_gets_the_curve_in_plain_characters() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "automl_cli", "show", "relu"],
        cwd=ROOT,
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"*") > 20
    assert done.stdout.isascii()


def test_relu_has_no_hump_and_a_kink(automl: Callable) -> None:
    said = " ".join(automl("show", "relu").stdout.split())
    assert "trained no parameter" in said
    assert "basically linear on [2, 5]: a straight line of slope 1 " in said
    assert "hump none: monotonic on [-5, 5]" in said
    assert "not smooth (slope 0 to the left, 1 to the right)" in said


def test_powersign_is_shown_with_the_factors_of_the_paper(automl: Callable) -> None:
    said = " ".join(automl("show", "powersign").stdout.split())
    for words in (
        "update g * exp(sign(g) * sign(m)) ",
        r"LaTeX g \, e^{\operatorname{sign}(g) \, \operatorname{sign}(m)}",
        "keeps 1 number for each parameter: ema(g, 0.9)",
        " m ema(g, 0.9) ",
        "at all times agree in sign 2.718 disagree in sign 0.3679",
    ):
        assert words in said
    assert "learning rate" not in said.replace("w - learning rate * update", "")


def test_a_decayed_rule_is_read_at_three_moments(automl: Callable) -> None:
    said = " ".join(automl("show", "powersign-ld").stdout.split())
    assert "ld 1 - min(t, T) / T" in said
    assert "at the start at the middle at the end agree in sign 2.718 1.649 1 disagree in sign 0.3679 0.6065 1" in said


def test_what_is_known_of_a_rule_is_shown(automl: Callable) -> None:
    said = " ".join(automl("show", "lion").stdout.split())
    assert "learning rate 0.0001 weight decay added to the update (decoupled)" in said
    assert "previous_ema(x, d) the same average before this step" in said
    assert "muon of optax.contrib" in automl("show", "muon").stdout


@pytest.mark.parametrize(("suffix", "beginning"), [(".png", b"\x89PNG\r\n"), (".svg", b"<svg")])
def test_an_image_is_written_and_its_path_is_all_that_goes_to_stdout(
    suffix: str, beginning: bytes, automl: Callable, tmp_path: Path
) -> None:
    if suffix == ".png":
        pytest.importorskip("resvg_py", reason="resvg-py, which draws PNG files, is not installed")
    file = tmp_path / f"curve{suffix}"
    done = automl("show", "swish", "--image", file)
    assert (done.code, done.stdout, done.stderr) == (0, f"{file}\n", "")
    assert file.read_bytes().startswith(beginning)


def test_a_formula_that_cannot_be_drawn_is_said(automl: Callable, tmp_path: Path) -> None:
    done = automl("show", "muon", "--image", tmp_path / "a.svg")
    assert (done.code, done.stdout) == (2, "")
    assert "there is nothing to draw of muon: muon of optax.contrib" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_show_of_a_search_ends_with_the_best_of_each_length(run: Path, automl: Callable) -> None:
    file, whole = automl("show", run / "best.json").stdout, automl("show", run).stdout
    assert whole.startswith(file)
    more = " ".join(whole.removeprefix(file).split())
    assert more.startswith("length score trial best of its length, better than all shorter")
    rows = known_front(run)
    assert rows
    for size, score, formula in rows:
        assert f"{size} {score:.4f} " in more
        assert formula in more


def test_report_has_the_best_of_each_length(run: Path, automl: Callable) -> None:
    (made,) = json.loads(automl("report", run, "--json").stdout)["runs"]
    rows = known_front(run)
    assert [(point["length"], point["score"]) for point in made["pareto"]] == [row[:2] for row in rows]
    assert all(point["words"].startswith(formula) for point, (_, _, formula) in zip(made["pareto"], rows, strict=True))
    shown = automl("report", run).stdout
    assert "best of its length, better than all shorter" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_report_of_values_without_a_length_has_no_front(automl: Callable, tmp_path: Path) -> None:
    run = write_run(tmp_path / "first", [0.5, 0.75])
    (made,) = json.loads(automl("report", run, "--json").stdout)["runs"]
    assert "pareto" not in made
    assert "best of its length" not in automl("report", run).stdout


def test_show_of_formulas_and_their_runs_needs_no_jax(run: Path) -> None:
    program = (
        "import sys\n"
        "from automl_cli.cli.app import run\n"
        f"assert [run(['show', name]) for name in ('swish', 'powersign-ld', {str(run)!r})] == [0, 0, 0]\n"
        "heavy = {'jax', 'flax', 'optax', 'matplotlib', 'tensorflow_datasets'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_image_and_a_document_are_not_asked_for_at_once(automl: Callable, tmp_path: Path) -> None:
    done = automl("show", "swish", "--json", "--image", tmp_path / "a.svg")
    assert (done.code, done.stdout, list(tmp_path.iterdir())) == (2, "", [])
    assert "--image writes a file, and --json prints a document; give one of them" in done.stderr
