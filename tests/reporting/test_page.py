"""The page of `automl report --html`: one file about any run, whose every text shows as text."""

import os
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from automl_cli.core.trials import EvaluatorSpec, Stage
from automl_cli.reporting.markup import laid_out
from automl_cli.reporting.page import document, page
from automl_cli.reporting.runs import read_history
from automl_cli.reporting.summary import summarise
from automl_cli.reporting.view import Chapter, Section
from automl_cli.store.journal import Journal
from automl_cli.store.reports import Report
from automl_cli.store.study import Replication
from automl_cli.values.sheet import Curves, Facts, Grid, Heading, Lines
from tests.reporting.runs import asked, study, told, write_run

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e\x1b[31m"


class Reading(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "path", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "path":
            assert self.open.pop() == tag, f"</{tag}> closes what was opened last"

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements with this tag."""
        return [attributes for name, attributes in self.elements if name == tag]


def page_about(*runs: Path) -> Reading:
    histories = [read_history(run) for run in runs]
    read = Reading(page(Report(runs=tuple(map(summarise, histories))), histories))
    assert read.open == []
    return read


def test_every_link_leads_to_a_place_on_the_page_and_no_name_is_there_twice(tmp_path: Path) -> None:
    read = page_about(write_run(tmp_path / "a", [0.5, None, 0.7]), write_run(tmp_path / "b", [0.6]))
    names = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(names) == len(set(names))
    links = {attributes["href"] for attributes in read.of("a")}
    assert links <= {f"#{name}" for name in names}
    assert {"#r1t0", "#r1t1", "#r1t2", "#r2t0", "#main"} <= links


def test_the_points_say_the_trial_and_are_no_stops_of_the_tab_key(tmp_path: Path) -> None:
    read = page_about(write_run(tmp_path / "a", [0.5, None, 0.7]))
    assert all(link.get("tabindex") == "-1" for link in read.of("a") if (link["href"] or "").startswith("#r1t"))
    for said in ("trial 0: 0.5000. |", "trial 1: diverged", "trial 2: 0.7000"):
        assert said in read.text


def test_the_policy_allows_the_one_script_and_nothing_from_elsewhere(tmp_path: Path) -> None:
    read = page_about(write_run(tmp_path / "a", [0.5]))
    (policy,) = [meta["content"] or "" for meta in read.of("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert re.search(r"script-src 'sha256-[\w+/]{43}='", policy)
    assert read.of("script") == [{}]
    assert not [link for tag, link in read.elements if "src" in link or tag in ("link", "iframe")]


def test_hostile_names_messages_and_words_show_as_text(tmp_path: Path) -> None:
    run = tmp_path / "<b onload=x>"
    made = replace(study(trials=2), space=replace(study().space, file=HOSTILE, name=HOSTILE), published_cost=HOSTILE)
    made = replace(made, strategy=HOSTILE, strategy_settings={HOSTILE: HOSTILE}, command=HOSTILE, preset=HOSTILE)
    write_run(run, [0.5], **{name: getattr(made, name) for name in ("space", "published_cost", "trials")})
    histories = [replace_settings(read_history(run), made)]
    read = Reading(page(Report(runs=(summarise(histories[0]),)), histories))
    assert len(read.of("script")) == 1
    assert not read.of("img")
    assert not [name for _, attributes in read.elements for name in attributes if name.startswith("on")]
    assert "<b onload=x>" in read.text
    assert "alert(2)" in read.text
    assert not set(read.text) & {"\u202e", "\x1b"}


def replace_settings(history, settings):  # type: ignore[no-untyped-def]
    """The history of a search with other settings."""
    from dataclasses import replace as replaced

    return replaced(history, settings=settings)


def test_any_part_of_a_description_is_laid_out_and_escaped() -> None:
    parts = (
        Facts(((HOSTILE, HOSTILE),)),
        Heading(HOSTILE, HOSTILE),
        Grid((HOSTILE, "b"), ((HOSTILE, HOSTILE),), words=("b",)),
        Lines(f"{HOSTILE}\nsecond line"),
        Curves(HOSTILE, (0.0, 1.0, 2.0), ((HOSTILE, (0.0, float("nan"), 2.0)),)),
    )
    sections = tuple(Section(HOSTILE, laid_out(part, caption=HOSTILE)) for part in parts)
    read = Reading(document([Chapter(HOSTILE, HOSTILE, sections)]))
    assert read.open == []
    assert len(read.of("script")) == 1
    assert not read.of("img")
    assert len(read.of("h1")) == 1
    assert "\nsecond line" in read.text


def test_retraining_shows_its_rank_correlation(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", [0.5, 0.6, 0.7], retrain_top=3, finished=False)
    made, journal = study(retrain_top=3), Journal(run / "journal.jsonl")
    for number, score in ((2, 0.8), (1, 0.9), (0, 0.7)):
        journal.append(asked(number, made, Stage.RETRAIN))
        journal.append(told(number, score, stage=Stage.RETRAIN))
    journal.close()
    read = page_about(run)
    assert "The rank correlation between scores of the search and after longer training is +0.50" in read.text
    assert "trial 1: 0.6000 in the search, 0.9000 retrained" in read.text


def test_a_cost_column_is_weighed_against_the_score_with_its_front(tmp_path: Path) -> None:
    from automl_cli.core.trials import EvaluatorSpec

    run = tmp_path / "a"
    table = EvaluatorSpec("table", {"cost_columns": ["params"]})
    write_run(run, [0.5, 0.9, 0.6, 0.7, 0.4], column="params", evaluator=table, tests=dict(enumerate([10.0, 500, 20, 15, 40])))
    read = page_about(run)
    assert "Score against params" in read.text
    assert "3 trials that no cheaper one beats, by params" in read.text


def test_a_run_without_any_score_says_so(tmp_path: Path) -> None:
    read = page_about(write_run(tmp_path / "a", [None, None]))
    assert "No trial has a score yet." in read.text
    assert "loss is nan" in read.text


@pytest.mark.parametrize("given", [(), ("--json",)])
def test_the_page_goes_where_it_is_told(automl: Callable, tmp_path: Path, given: tuple[str, ...]) -> None:
    run = write_run(tmp_path / "first", [0.5])
    (tmp_path / "pages").mkdir()
    for out, made in ((tmp_path / "mine.html", tmp_path / "mine.html"), (tmp_path / "pages", tmp_path / "pages/report.html")):
        done = automl("report", run, "--html", "--out", out, *given)
        assert done.code == 0, done.stderr
        assert made.read_text().startswith("<!doctype html>")
        assert str(made) in (done.stderr if given else done.stdout)
        assert done.stdout.startswith("{") == bool(given)
    assert not (run / "report.html").exists()


def test_a_place_that_cannot_be_is_refused_before_any_work(automl: Callable, tmp_path: Path) -> None:
    run = write_run(tmp_path / "first", [0.5])
    (run / "journal.jsonl").write_text("no journal")
    foreign = tmp_path / "notes.html"
    foreign.write_text("<html>mine")
    for out, said in ((foreign, "is no page that automl wrote"), (tmp_path / "none" / "a.html", "there is no directory")):
        done = automl("report", run, "--html", "--out", out)
        assert (done.code, done.stdout) == (2, "")
        assert said in done.stderr
    assert foreign.read_text() == "<html>mine"
    alone = automl("report", run, "--out", tmp_path / "a.html")
    assert (alone.code, alone.stdout) == (2, "")
    assert "--html" in alone.stderr


def test_beside_a_run_that_may_not_be_written_the_page_goes_elsewhere(
    automl: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run(tmp_path / "first", [0.5])
    monkeypatch.setattr(
        "automl_cli.reporting.page.os.access", lambda folder, mode, **more: mode != os.W_OK or Path(folder) != run
    )
    refused = automl("report", run, "--html")
    assert (refused.code, refused.stdout) == (2, "")
    assert refused.stderr == f"error: {run} may not be written, so the page needs another place; name one with --out\n"
    assert automl("report", run, "--html", "--out", tmp_path).stdout == f"{tmp_path / 'report.html'}\n"


def test_scores_at_the_end_of_what_a_number_holds_are_drawn(automl: Callable, tmp_path: Path) -> None:
    for place, scores in enumerate(([1.7e308, -1.7e308, 1e308, 1.2e308, 0.5, 1e308, 1.5e308, 1.7e308, -1e308], [1.7e308] * 9)):
        done = automl("report", write_run(tmp_path / str(place), scores), "--html")
        assert done.code == 0, done.stderr


def test_the_page_of_a_table_says_which_columns_of_which_table_with_what_noise_and_replicates(
    automl: Callable, tmp_path: Path
) -> None:
    settings = {"file": "/somewhere/scores.csv", "digest": "0" * 64, "reward_columns": ["first", "second"], "noise": 0.25}
    table = EvaluatorSpec("table", settings)
    run = write_run(tmp_path / "run", [0.5, 0.75], evaluator=table, replication=Replication(seeds=3, share=0.25))
    done = automl("report", run, "--html")
    assert done.code == 0, done.stderr
    text = Reading((run / "report.html").read_text()).text
    said = text[text.index("How it was searched") :]
    for words in ("'first', 'second'", "of scores.csv", "noise of standard deviation 0.25", "3 seeds, by at most 25%"):
        assert words in said
    assert "epochs" not in said
    assert "/somewhere" not in text


def test_the_page_of_a_function_names_it(automl: Callable, tmp_path: Path) -> None:
    own = EvaluatorSpec("own", {"file": "/somewhere/mine.py", "function": "mine", "digest": "0" * 64})
    run = write_run(tmp_path / "run", [0.5, 0.75], evaluator=own)
    assert automl("report", run, "--html").code == 0
    text = Reading((run / "report.html").read_text()).text
    assert "the function mine.py:mine" in text
