"""Writes one self-contained HTML page about runs, comparisons and trainings: nothing is loaded, and no script is needed.

A page is a list of chapters, each a list of sections. A script of a few lines shows the words behind a point where one points
at it; without it the point leads to its row in a table. The policy in the head allows that script and nothing else.
"""

import base64
import hashlib
import os
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from automl_cli import __version__
from automl_cli.core.errors import UserError
from automl_cli.core.numbers import counted
from automl_cli.reporting.charts import figure_of
from automl_cli.reporting.compared import comparison_parts
from automl_cli.reporting.comparison_charts import compared_chart, comparison_charts
from automl_cli.reporting.escaping import shown
from automl_cli.reporting.markup import laid_out, paragraph
from automl_cli.reporting.run_view import cost_tiles, lead_of, run_sections, run_tiles, tiles
from automl_cli.reporting.runs import History
from automl_cli.reporting.sections import comparison_blocks, total_cost
from automl_cli.reporting.view import Chapter, Section
from automl_cli.store.comparisons import ComparisonResult
from automl_cli.store.file_names import REPORT_FILE
from automl_cli.store.files import replace_file
from automl_cli.store.reports import Report, RunSummary
from automl_cli.store.run_groups import Comparison
from automl_cli.values.sheet import Heading

RUNS_SHOWN = 8
"""Of more runs that are compared, the best of each search has a chapter of its own."""

BEGINNING = '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>automl: '
"""The beginning of every page, by which one is known."""


def page(report: Report, histories: Sequence[History], others: Sequence[Chapter] = ()) -> str:
    """Return the HTML of a page about these runs, and about what else there is."""
    return document((*_chapters(report, histories), *others))


def document(chapters: Sequence[Chapter]) -> str:
    """Return the HTML of a page with these chapters."""
    style, script = _file("page.css"), _file("page.js")
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{allowed}'; base-uri 'none'; "
        "form-action 'none'"
    )
    title = ", ".join(chapter.name for chapter in chapters[:3]) + (" …" if len(chapters) > 3 else "")
    links = ((_anchor(place), shown(chapter.name)) for place, chapter in enumerate(chapters, start=1))
    contents = "".join(f'<li><a href="#{anchor}">{name}</a></li>' for anchor, name in links)
    nav = f'<nav aria-label="Chapters"><ol>{contents}</ol></nav>' if len(chapters) > 1 else ""
    body = "".join(_chapter(chapter, place) for place, chapter in enumerate(chapters, start=1))
    return (
        f"{BEGINNING}{shown(title)}</title>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<meta name="generator" content="automl-cli {__version__}">\n<style>{style}</style>\n</head>\n<body>\n'
        f'<a class="skip" href="#main">Skip to the content</a>\n{nav}<main id="main">{body}</main>\n'
        f"<footer><p>Made by automl-cli {__version__}. This page is one file and loads nothing.</p></footer>\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def compared_chapter(result: ComparisonResult) -> Chapter:
    """Return the chapter about a comparison of values of one role."""
    first, *parts = comparison_parts(result)
    assert isinstance(first, Heading)
    chart = compared_chart(result)
    drawn = "" if chart is None else figure_of(chart)
    tables = "".join(laid_out(part, caption=first.rest) for part in parts)
    return Chapter(first.name, first.rest, (Section("", drawn), Section("In figures", tables)))


def check_page_file(path: Path) -> None:
    """Check that a page can be written there.

    Raises UserError where a file of that name is there which is no such page, and where the directory is missing.
    """
    if path.exists() and not (path.is_file() and path.read_bytes().startswith(BEGINNING.encode())):
        raise UserError(f"{path} is no page that automl wrote, so it stays; move it away, or name another file with --out")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UserError(f"--out {path} cannot be made, since there is no directory {path.parent}; name a file in one")
    if not os.access(folder, os.W_OK):
        raise UserError(f"{folder} may not be written, so the page needs another place; name one with --out")


def place_of_page(paths: Sequence[Path], out: Path | None) -> Path:
    """Return where the page about these directories goes: the file, or into the directory, that the user named; else into the
    one directory it is about, and into the working directory where it is about several. Checks as `check_page_file`."""
    if out is None:
        path = (paths[0] if len(paths) == 1 else Path()) / REPORT_FILE
    else:
        path = out / REPORT_FILE if out.is_dir() else out
    check_page_file(path)
    return path


def write_page(text: str, path: Path) -> None:
    """Write a page as a whole or not at all. Raises RunFailed, naming --out, where the place cannot be written."""
    replace_file(path, text.encode(), hint="name another place with --out")


def _chapters(report: Report, histories: Sequence[History]) -> Iterator[Chapter]:
    pairs = list(zip(report.runs, histories, strict=True))
    if report.comparison:
        yield _comparison_chapter(report.comparison, report.runs)
        if len(pairs) > RUNS_SHOWN:
            pairs = list(_best_of_each(report.comparison, pairs))
    for place, (run, history) in enumerate(pairs, start=1):
        sections = run_sections(history, run, place=place, share=1 / len(pairs))
        yield Chapter(run.name, lead_of(history, run), (Section("", run_tiles(run)), *sections))


def _best_of_each(comparison: Comparison, pairs: Sequence[tuple[RunSummary, History]]) -> Iterator[tuple[RunSummary, History]]:
    """Yield the best run of each search that is compared, as far as a page has room for them."""
    by_strategy: dict[str, list[tuple[RunSummary, History]]] = {}
    for run, history in pairs:
        by_strategy.setdefault(run.strategy, []).append((run, history))
    for runs in list(by_strategy.values())[:RUNS_SHOWN]:
        yield max(runs, key=lambda pair: float("-inf") if pair[0].best is None else pair[0].best.reward)


def _comparison_chapter(comparison: Comparison, runs: Sequence[RunSummary]) -> Chapter:
    first, *parts = comparison_blocks(comparison, runs)
    assert isinstance(first, Heading)
    cost = total_cost([run.cost for run in runs])
    best = max(comparison.groups, key=lambda group: group.curve[-1].score.mean)
    figures = (
        (
            "searches",
            str(len(comparison.groups)),
            ", ".join(f"{group.name} ({len(group.seeds)})" for group in comparison.groups),
        ),
        ("best on average", f"{best.curve[-1].score.mean:.4f}", f"{best.name}, after {counted(comparison.trials, 'trial')}"),
        *cost_tiles(cost),
    )
    charts = "".join(map(figure_of, comparison_charts(comparison)))
    tables = "".join(laid_out(part, caption=first.name) for part in parts)
    more = () if len(runs) <= RUNS_SHOWN else (Section("", paragraph("Below, the best run of each search.", kind="note")),)
    sections = (
        Section("", tiles(figures)),
        Section("Search against search", f"<div class='charts wide'>{charts}</div>"),
        Section("In figures", tables),
        *more,
    )
    searches = f"{counted(len(comparison.groups), 'search/searches')} of the same task, measured against {comparison.baseline}"
    what = searches if len(comparison.groups) > 1 else "One search"
    lead = (
        f"{what}: {counted(len(runs), 'run')} in all, after {counted(comparison.trials, 'trial')} of each. In brackets stands "
        "the 95 % interval of the mean before it."
    )
    return Chapter(first.name, lead, sections)


def _chapter(chapter: Chapter, place: int) -> str:
    sections = "".join(
        f"<section>{f'<h3>{shown(section.title)}</h3>' if section.title else ''}{section.content}</section>"
        for section in chapter.sections
    )
    level = "h1" if place == 1 else "h2"
    lead = paragraph(chapter.lead, kind="lead") if chapter.lead else ""
    return (
        f'<article id="{_anchor(place)}" aria-labelledby="{_anchor(place)}-name"><header><{level} id="{_anchor(place)}-name">'
        f"{shown(chapter.name)}</{level}>{lead}</header>{sections}</article>"
    )


def _anchor(place: int) -> str:
    return f"chapter-{place}"


def _file(name: str) -> str:
    return (files(__package__) / name).read_text("utf-8")
