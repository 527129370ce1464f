"""`automl report` as a person and as a script meet it."""

import json
import os
import re
import shlex
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from automl_cli.core.spaces import SearchSpace
from automl_cli.plugins.discovery import plugins
from automl_cli.store.artifact import artifact_of, decode_artifact, write_artifact
from automl_cli.store.encoding import document
from tests.reporting.runs import SPACE, write_run
from tests.store.lines import unsigned
from tests.study.worlds import DIGITS, digits_child


@pytest.fixture
def repeats(tmp_path: Path) -> list[Path]:
    """Three seeds each of random search and of evolution, which is better by 0.2."""
    for strategy, base in (("random", 0.5), ("evolution", 0.7)):
        for seed in range(3):
            write_run(tmp_path / strategy / f"seed-{seed}", [base, base + seed / 100], strategy=strategy, seed=seed)
    return [tmp_path / "random", tmp_path / "evolution"]


def test_json_has_the_keys_that_scripts_rely_on(automl: Callable, tmp_path: Path) -> None:
    done = automl("report", write_run(tmp_path / "first", [0.5, None, 0.75]), "--json")
    assert (done.code, done.stderr) == (0, "")
    (run,) = json.loads(done.stdout)["runs"]
    names = ("name", "command", "space", "strategy", "seed", "dataset", "trials")
    assert [run[name] for name in names] == ["first", "search-arch", "nas-bench-201", "random", 0, None, 3]
    assert (run["best"]["trial"], run["best"]["score"]) == (2, 0.75)
    assert run["curve"] == [{"trials": 1, "score": 0.5}, {"trials": 3, "score": 0.75}]
    assert run["cost"]["compute_seconds"] == 3.0


def test_json_is_the_body_of_a_report_artifact(automl: Callable, repeats: list[Path]) -> None:
    from automl_cli.store.reports import Report

    body = json.loads(automl("report", *repeats, "--json").stdout)
    empty = json.loads(document(artifact_of(Report(runs=()))))
    read = decode_artifact(json.dumps({**empty, "body": body}).encode(), "report", {"report": Report}).body
    assert [group.name for group in read.comparison.groups] == ["random", "evolution"]


def test_a_run_reads_well_at_80_columns(automl: Callable, tmp_path: Path) -> None:
    done = automl("report", write_run(tmp_path / "first", [0.5, None, 0.75, 0.75], reused={3: 2}))
    assert max(map(len, done.stdout.splitlines())) <= 80
    for said in (
        "first  search-arch, space nas-bench-201, random, seed 0: finished",
        "4 of 4: 1 diverged, 3 ok",
        "score 0.7500 in trial 2",
        "2 children scored, 1",
        "800 GPUs for 28 days",
    ):
        assert said in done.stdout


def test_no_argument_takes_the_newest_run(automl: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, at in (("older", 100), ("newer", 200)):
        for file in write_run(Path("runs") / name, [0.5]).iterdir():
            os.utime(file, (at, at))
    assert automl("report").stdout.startswith("newer ")


def test_an_unfinished_run_says_how_to_go_on(automl: Callable, tmp_path: Path) -> None:
    path = write_run(tmp_path / "first", [0.5], trials=9, finished=False)
    done = automl("report", path)
    assert "stopped" in done.stdout
    assert f"go on: automl search-arch --out {path} --resume\n" in done.stderr


def test_the_next_steps_can_be_typed_as_they_stand(automl: Callable, tmp_path: Path) -> None:
    from tests.cli.test_looking_around import found, found_cell

    path = write_run(tmp_path / "my run", [0.5], trials=9, finished=False, space=replace(SPACE.reference(), file="my space.py"))
    for made, flag in (
        (found(), "--arch '{}'"),
        (found_cell(SPACE), None),
    ):
        write_artifact(path / "best.json", artifact_of(made))
        lines = automl("report", path).stderr.splitlines()
        assert lines[0] == f"go on: automl search-arch --out '{path}' --resume --space 'my space.py'"
        assert lines[1] == f"look: automl show '{path}/best.json'"
        assert lines[2:] == ([f"train it: automl train {flag.format(path / 'best.json')}"] if flag else [])


@pytest.mark.parametrize(
    ("options", "pixels", "stack"),
    [
        ({"repeats": 1, "filters": 8}, 8, (1, 8)),
        ({"repeats": 2, "filters": 12}, 31, (2, 12)),
        ({"repeats": 2, "filters": 12}, 32, None),
        ({"repeats": 2, "filters": 12}, 224, None),
    ],
)
def test_a_cell_of_small_images_is_to_be_stacked_as_it_was_searched(
    automl: Callable, tmp_path: Path, options: dict[str, int], pixels: int, stack: tuple[int, int] | None
) -> None:
    """6@768 has millions of parameters; images of 8 x 8 need none of them. P is that of the search's own N and F."""
    from automl_cli.values.skeleton import parse_stack
    from tests.cli.test_looking_around import found_cell

    path = write_run(tmp_path / "run", [0.5])
    made = found_cell(SearchSpace(plugins()["nasnet"], options))
    image = replace(DIGITS, image_shape=(pixels, pixels, 1))
    write_artifact(path / "best.json", artifact_of(replace(made, found=replace(made.found, child=digits_child(image)))))
    *typed, last = automl("report", path).stderr.splitlines()[-1].split(" ")
    if stack is None:
        assert [*typed, last] == ["train", "it:", "automl", "train", "--cell", f"{path}/best.json"]
    else:
        assert typed == ["train", "it:", "automl", "train", "--cell", f"{path}/best.json", "--stack"]
        parsed = parse_stack(last, made.value, (pixels, pixels, 1))
        assert (parsed.repeats, parsed.filters) == stack


def test_why_trials_have_no_score_is_said_with_counts(automl: Callable, tmp_path: Path) -> None:
    done = automl("report", write_run(tmp_path / "first", [None, 0.5, None]))
    assert "2 diverged" in done.stdout
    assert "loss is nan (first in trial 0)" in done.stdout
    (run,) = json.loads(automl("report", tmp_path / "first", "--json").stdout)["runs"]
    assert run["reasons"] == [{"status": "diverged", "message": "loss is nan", "trials": 2, "first": 0}]


def test_a_genotype_that_is_not_of_the_space_is_named_with_file_and_trial(automl: Callable, tmp_path: Path) -> None:
    path = write_run(tmp_path / "first", [0.5])
    journal = path / "journal.jsonl"
    journal.write_bytes(unsigned(journal.read_bytes()).replace(b'"genotype":[', b'"genotype":[9,'))
    done = automl("report", path)
    assert (done.code, done.stdout) == (2, "")
    assert f"error: {journal}: trial 0: genotype: " in done.stderr


def test_comparison_prints_the_rank_test_and_what_all_of_it_cost(automl: Callable, repeats: list[Path]) -> None:
    done = automl("report", *repeats)
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "after 2 trials of each run against random" in " ".join(done.stdout.split())
    assert "+0.2000 [+0.1773, +0.2227]  -  100%" in done.stdout
    said = " ".join(done.stdout.split())
    assert "no p for evolution with 3 repeats against 3 repeats none below 0.05 can come out; 4 of each are enough" in said
    assert "12 children scored" in done.stdout


@pytest.fixture
def tabular(tmp_path: Path) -> list[Path]:
    """Six seeds of two searches with long names, scores in per cent and whole costs that differ from seed to seed."""
    for strategy, base in (("random", 92.5), ("reinforce", 93.2)):
        for seed in range(6):
            write_run(
                tmp_path / strategy / f"seed-{seed}",
                [base, base + seed * 0.03, *[base - 1] * 10],
                strategy=strategy,
                seed=seed,
                column="c10_test_e200",
                metrics={"params": 1_073_466 + 1007 * seed, "flops": 153_273_482 + 9 * seed, "layers": 3 + seed % 2},
            )
    return [tmp_path / "random", tmp_path / "reinforce"]


def test_no_cell_of_a_comparison_wraps_at_80_columns(automl: Callable, tabular: list[Path]) -> None:
    """A row of a table starts with the name of its search; a wrapped cell would make a line that starts otherwise."""
    lines = automl("report", *tabular).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    starts = ("search ", "random ", "reinforce ", "of the best ")
    table = [line for line in lines if line.startswith(starts) and " reaches " not in line]
    assert [line.split()[0] for line in table] == ["search", "random", "reinforce", "of", "random", "reinforce", "search"] + [
        "reinforce"
    ] * 5
    assert re.split(r"  +", table[0]) == ["search", "repeats", "best [95 %]", "top-5 mean", "mean of all"]
    for row in (
        "reinforce        6  93.275 [93.216, 93.334]",
        "reinforce  params                +0 [-2,424, +2,424]       1   50%",
    ):
        assert any(line.startswith(row) for line in table), row


def test_whole_numbers_are_printed_whole_everywhere_also_as_means(automl: Callable, tabular: list[Path]) -> None:
    shown = automl("report", *tabular).stdout
    for figure in ("  1,075,984  153,273,504     3.5\n", "+0 [-2,424, +2,424]", "+0 [-0.7, +0.7]"):
        assert figure in shown, figure
    assert "1,073,466" in automl("report", tabular[0] / "seed-0").stdout
    assert not re.search(r"\d{5,}\.\d", shown)


def test_a_wide_table_is_split_and_not_wrapped(automl: Callable, tmp_path: Path) -> None:
    metrics = {f"a_rather_long_metric_{number}": 1_000_000 + number for number in range(7)}
    runs = [write_run(tmp_path / f"s-{seed}", [0.5], seed=seed, metrics=metrics) for seed in (1, 2)]
    lines = automl("report", *runs).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("of the best") for line in lines) == 4
    assert all(f"1,000,00{number}" in " ".join(lines) for number in range(7))


def test_the_mean_of_more_than_there_are_trials_is_not_called_by_that_number(automl: Callable, repeats: list[Path]) -> None:
    shown = automl("report", *repeats).stdout
    assert "mean of all" in shown
    assert "top-5" not in shown
    assert "25" not in shown.replace("0.25", "").replace("0.5025", "")
    assert "best 15" not in shown


def test_a_comparison_after_one_trial_speaks_of_one(automl: Callable, tmp_path: Path) -> None:
    runs = [write_run(tmp_path / strategy, [0.5], strategy=strategy) for strategy in ("random", "evolution")]
    shown = " ".join(automl("report", *runs).stdout.split())
    assert "after 1 trial of each run" in shown
    assert "in 1 of 1 repeat; trials it took (median): 1" in shown
    assert "with 1 repeat against 1 repeat none" in shown
    assert "mean of all" not in shown


@pytest.mark.parametrize("reach", ["nan", "inf", "-inf"])
def test_a_score_to_reach_is_a_finite_number(automl: Callable, repeats: list[Path], reach: str) -> None:
    done = automl("report", *repeats, f"--reach={reach}")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr == f"error: --reach is {reach}; it must be a finite number\n"


def test_runs_of_different_tasks_are_shown_one_by_one(automl: Callable, tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "a", [0.5]), write_run(tmp_path / "b", [0.5], epochs=9)]
    done = automl("report", *runs)
    assert done.code == 0
    assert "not compared: b and a differ in epochs" in done.stderr
    assert "a  search-arch" in done.stdout
    assert "b  search-arch" in done.stdout


def test_what_is_no_run_is_refused(automl: Callable, tmp_path: Path) -> None:
    for flags in ([], ["--watch"], ["--html"]):
        done = automl("report", tmp_path / "nothing", *flags)
        assert (done.code, done.stdout) == (2, "")
        assert done.stderr == f"error: {tmp_path / 'nothing'} does not exist; give the directory of a run\n"
    (tmp_path / "folder").mkdir()
    assert "is no run directory: it holds neither" in automl("report", tmp_path / "folder").stderr


def test_a_file_of_a_run_leads_to_its_directory(automl: Callable, tmp_path: Path) -> None:
    run = write_run(tmp_path / "first", [0.5])
    for flags in ([], ["--watch"]):
        done = automl("report", run / "journal.jsonl", *flags)
        said = f"error: {run / 'journal.jsonl'} is no directory; give that of its run: automl report {run}\n"
        assert (done.code, done.stderr) == (2, said)
    (tmp_path / "alone.txt").touch()
    assert automl("report", tmp_path / "alone.txt").stderr.endswith("is no directory; give the directory of a run\n")


def test_what_is_suggested_for_a_folder_of_runs_works(automl: Callable, tmp_path: Path) -> None:
    run = write_run(tmp_path / "a b" / "first", [0.5])
    done = automl("report", tmp_path / "a b", "--trials", tmp_path / "all.csv")
    assert done.code == 2
    _, *arguments = shlex.split(done.stderr.partition("as in: ")[2])
    assert arguments == ["report", str(run), "--trials", str(tmp_path / "all.csv")]
    assert automl(*arguments).code == 0


def test_a_bad_journal_is_an_error_with_file_and_line(automl: Callable, tmp_path: Path) -> None:
    path = write_run(tmp_path / "first", [0.5, 0.6])
    journal = path / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"asked"', b'"asket"', 1))
    done = automl("report", path)
    assert done.code == 2
    assert f"{journal}:2: " in done.stderr


class _Outside(HTMLParser):
    """Collects what a page would load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        links = [value for name, value in attrs if name in ("src", "href", "xlink:href") and not (value or "").startswith("#")]
        self.found += [tag] if tag in ("link", "iframe") else []
        self.found += [f"{tag} {link}" for link in links]


def test_page_is_one_file_that_loads_nothing(automl: Callable, repeats: list[Path], tmp_path: Path) -> None:
    done = automl("report", repeats[0] / "seed-1", "--html")
    page = repeats[0] / "seed-1" / "report.html"
    assert done.stdout == f"{page}\n"
    outside = _Outside()
    outside.feed(page.read_text())
    assert outside.found == []
    assert "<svg" in page.read_text()


@pytest.mark.parametrize("foreign", ["<html><title>My thesis</title></html>", "", "automl: notes"])
def test_a_page_replaces_only_a_page_of_ours(automl: Callable, tmp_path: Path, foreign: str) -> None:
    run = write_run(tmp_path / "first", [0.5])
    page = run / "report.html"
    page.write_text(foreign)
    done = automl("report", run, "--html")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: {page} is no page that automl wrote, so it stays; move it away, or name another file with --out\n"
    )
    assert page.read_text() == foreign
    page.unlink()
    for _ in range(2):
        assert automl("report", run, "--html").code == 0


def test_page_of_a_comparison_goes_to_the_working_directory(
    automl: Callable, repeats: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert automl("report", *repeats, "--html").stdout == "report.html\n"
    first = Path("report.html").read_bytes()
    automl("report", *repeats, "--html")
    assert Path("report.html").read_bytes() == first
    assert first.count(b'<figure class="chart') == 3 + 6


def test_names_are_escaped_on_the_page(automl: Callable, tmp_path: Path) -> None:
    path = write_run(tmp_path / "<b>&", [0.5])
    automl("report", path, "--html")
    assert "&lt;b&gt;&amp;" in (path / "report.html").read_text()
    assert "<b>&" not in (path / "report.html").read_text()
