"""Writes one self-contained HTML page: figures as inline SVG, no script, nothing loaded from elsewhere."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from automl_cli.core.errors import UserError
from automl_cli.report import plots
from automl_cli.report.drawings import drawn
from automl_cli.report.runs import History
from automl_cli.report.sections import comparison_blocks, run_blocks
from automl_cli.store.file_names import REPORT_FILE
from automl_cli.store.files import replace_file
from automl_cli.store.reports import Report
from automl_cli.values.sheet import Curves, Facts, Grid, Heading, Lines, Part

RUNS_SHOWN = 8
"""A comparison of more runs than this shows the groups only."""

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h2 { margin: 3rem 0 .5rem; } h2 small { font-weight: normal; color: #666; font-size: .9rem; display: block; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
td, th { padding: .2rem 1.2rem .2rem 0; vertical-align: top; text-align: right; }
td:first-child, th:first-child, table.facts td { text-align: left; }
table.facts td:first-child { font-weight: 600; white-space: nowrap; } thead th { border-bottom: 1px solid #bbb; }
figure { margin: 1rem 0; } svg { width: 100%; height: auto; }
"""


BEGINNING = '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>automl: '
"""The beginning of every page, by which one is known."""


def write_page(report: Report, histories: Sequence[History]) -> Path:
    """Write the page into the run, or into the working directory where it is about several, and return its path.

    Raises UserError where a file of that name is there which is no such page.
    """
    path = (histories[0].path if len(histories) == 1 else Path()) / REPORT_FILE
    if path.exists() and not (path.is_file() and path.read_bytes().startswith(BEGINNING.encode())):
        raise UserError(f"{path} is no page that automl wrote, so it stays; move it away, then ask again")
    replace_file(path, page(report, histories).encode())
    return path


def page(report: Report, histories: Sequence[History]) -> str:
    """Return the HTML of the whole page."""
    names = [group.name for group in report.comparison.groups] if report.comparison else [run.name for run in report.runs]
    title = escape(", ".join(names))
    body = "\n".join(_parts(report, histories))
    return f"{BEGINNING}{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"


def _parts(report: Report, histories: Sequence[History]) -> Iterator[str]:
    if report.comparison:
        yield from map(laid_out, comparison_blocks(report.comparison, report.runs))
        yield from map(_figure, _comparison_plots(report))
        if len(histories) > RUNS_SHOWN:
            return
    for run, history in zip(report.runs, histories, strict=True):
        yield from map(laid_out, run_blocks(run, bars=None))
        if run.best is not None:
            yield _figure(plots.run_plot(history))


def _comparison_plots(report: Report) -> Iterator[str]:
    assert report.comparison is not None
    yield plots.best_plot(report.comparison)
    yield plots.top_means_plot(report.comparison)
    for group in dict.fromkeys(difference.group for difference in report.comparison.top_differences):
        yield plots.difference_plot(report.comparison, group)


def laid_out(block: Part) -> str:
    """Return the block as HTML."""
    match block:
        case Heading(name, rest):
            return f"<h2>{escape(name)} <small>{escape(rest)}</small></h2>"
        case Facts(rows):
            return f'<table class="facts">{"".join(_row(row) for row in rows)}</table>'
        case Lines(text):
            return f"<pre>{escape(text)}</pre>"
        case Curves():
            return _figure(drawn(block).svg)
        case Grid(titles, rows):
            return f"<table><thead>{_row(titles, 'th')}</thead>{''.join(_row(row) for row in rows)}</table>"


def _row(cells: Sequence[str], tag: str = "td") -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _figure(svg: str) -> str:
    return f"<figure>{svg}</figure>"
