"""Names that are not text: whatever a name holds, a terminal is shown text, and obeys nothing of it."""

import ast
import os
import pty
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.table import Table
from rich.text import Text

from automl_cli.cli.app import COMMANDS, SEARCH, load_command
from automl_cli.cli.console import data_console, print_unbroken, table
from automl_cli.core.shell_commands import command_line
from automl_cli.core.visible_text import visible
from automl_cli.reporting.confusion import confusion_parts
from automl_cli.reporting.terminal import laid_out
from automl_cli.values.sheet import Facts, Grid, Heading, Lines
from tests.cli.searches import search
from tests.reporting.runs import write_run
from tests.tables import ROOT

pytestmark = pytest.mark.usefixtures("environment_of_its_own")

CODES = ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\x85", "\x7f", "\x08"]
MARKS = ["\u202e", "\u2066", "\u200f", "\u061c", "\u200b", "\u2060", "\ufeff", "\u00ad", "\u2028", "\U000e0041", "\u3164"]
HOSTILE = f"n{''.join(CODES)}{''.join(MARKS)}[bold red]b[/bold red]:boom:"
SHOWN = visible(HOSTILE)
"""How the name is shown, with its brackets and colons."""


def hidden_in(text: str) -> set[str]:
    """The characters of a text that a terminal would obey, hide or reorder."""
    of_layout = {"\n", "\t"}
    return {each for each in text if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Co")} - of_layout | (
        set(text) & {"\u3164"}
    )


@settings(max_examples=60)
@given(st.text())
def test_a_visible_text_is_only_changed_where_something_was_hidden_and_hides_nothing(text: str) -> None:
    shown = visible(text)
    assert not {each for each in shown if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {"\n", "\t"}
    assert visible(shown) == shown
    assert "\n" not in visible(text, lines=False)
    if text.isprintable() and not set(text) & set("\u115f\u1160\u3164\uffa0"):
        assert shown == text


PRINTED = {
    "text": lambda text: text,
    "cell": lambda text: table(("a",), [(text,)]),
    "heading": lambda text: laid_out(Heading(text, text)),
    "lines": lambda text: laid_out(Lines(text)),
    "facts": lambda text: laid_out(Facts(((text, text),))),
    "grid": lambda text: laid_out(Grid(("a", "b"), ((text, "1"),))),
    "Rich's text": Text,
    "Rich's title": Table,
}
"""What reaches a console, made of a text."""


@pytest.mark.parametrize("name", PRINTED)
def test_nothing_that_is_printed_on_a_console_is_obeyed(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    data_console().print(PRINTED[name](HOSTILE))
    printed = capsys.readouterr().out
    assert hidden_in(printed) == set()
    if not name.startswith("Rich"):  # which leaves some of them out before the text is printed
        assert SHOWN in printed


def test_columns_stay_aligned_and_paths_whole_whatever_stands_in_them(capsys: pytest.CaptureFixture[str]) -> None:
    long = f"/home/{'x' * 90}/{HOSTILE}"
    print_unbroken(("kept", "files", "in"), [("a\x1b", "1", long), ("bb", "1,000", "b")], right=("files",))
    title, first, second = capsys.readouterr().out.splitlines()
    assert title == "kept   files  in"
    assert first == f"a\\x1b      1  {visible(long)}"
    assert second == "bb     1,000  b"


LINES = "x\nb.png   9    0.999.png"


@pytest.mark.parametrize(
    ("made", "rows"),
    [
        (lambda: table(("picture", "class"), [(LINES, LINES), ("a.png", "1")]), 3),
        (lambda: table((LINES,), [("a.png",)]), 2),
        (lambda: laid_out(Heading(LINES, LINES)), 1),
        (lambda: laid_out(Facts(((LINES, LINES), ("b", "c")))), 2),
        (lambda: laid_out(Grid(("run", LINES), ((LINES, "1"), ("b", LINES)), words=(LINES,))), 3),
        (lambda: laid_out(next(confusion_parts([LINES, "b"], ((3, 1), (1, 3))))), 3),
        (lambda: laid_out([*confusion_parts([LINES, "b"], ((3, 1), (1, 3)))][1]), 3),
        (lambda: laid_out([*confusion_parts([LINES, "b" * 60], ((3, 1), (1, 3)))][1]), 3),
    ],
)
def test_no_name_looks_like_a_row_of_its_own(
    made: Callable, rows: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    data_console().print(made())
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == rows
    assert "x\\nb.png" in printed


def test_a_run_with_a_line_end_in_its_name_is_one_row_and_one_title(automl: Callable, tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs" / "x\n9  0.99  finished", [0.5, 0.75], strategy="evolution")
    for line in (["report", run], ["report", tmp_path / "runs"]):
        done = automl(*line)
        assert done.code == 0
        assert not any(line.startswith("9  0.99") for line in (done.stdout + done.stderr).splitlines())


def lines_with(name: str) -> Iterator[list[str]]:
    """Command lines that give the hostile name to each argument and each flag of a command in turn. Nothing is searched."""
    before = ["--dry-run"] if any("--dry-run" in row.opts for row in load_command(name).params) else []
    before = search(*before)[1:] if COMMANDS[name].panel == SEARCH else before
    for row in load_command(name).params:
        if getattr(row, "is_flag", False):
            continue
        yield [name, *before, *([HOSTILE] if row.param_type_name == "argument" else [row.opts[0], HOSTILE])]


@pytest.mark.parametrize("name", [name for name, row in COMMANDS.items() if row.panel != SEARCH or name == "search-arch"])
def test_every_command_shows_what_it_is_given_as_text(name: str, automl: Callable) -> None:
    for line in lines_with(name):
        done = automl(*line)
        assert done.code in (0, 1, 2), line
        assert hidden_in(done.stdout + done.stderr) == set(), line


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of pictures with hostile names of the folder, of a class, and of a picture that cannot be read."""
    root = tmp_path / f"{HOSTILE.replace('/', '')}set"
    for number, name in enumerate((HOSTILE.replace("/", ""), "plain")):
        (root / name).mkdir(parents=True)
        for picture in range(12):
            pixels = np.random.default_rng((number, picture)).integers(0, 255, (8, 8, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{picture}{HOSTILE.replace('/', '')}.png")
    (root / "plain" / f"{HOSTILE.replace('/', '')}.png").write_bytes(b"no picture")
    return root


def test_a_search_on_hostile_names_is_said_shown_reported_and_validated_as_text(pictures: Path, automl: Callable) -> None:
    run = Path(HOSTILE.replace("/", ""))
    lines = [
        search("--trials", "3", "-v", out=run, workers=1),
        search("--trials", "3", "-v", "--log-file", "log", out=run, workers=1),
        ["report", run],
        ["report", run, "--json"],
        ["validate", run],
        ["show", run],
        ["show", run / "journal.jsonl"],
        ["measure", run, "--image-size", "8", "--classes", "10"],
        ["train", "--arch", run, "--dataset", pictures, "--skip-broken", "--image-size", "8", "--dry-run"],
        ["train", "--network", "convnet-2x32", "--dataset", pictures, "--dry-run"],
        ["datasets", pictures, "--skip-broken"],
        ["datasets", pictures],
        ["search-arch", "--dataset", pictures, "--skip-broken", "--image-size", "8", "--dry-run", "--out", run],
    ]
    codes = []
    for line in lines:
        done = automl(*line)
        codes.append(done.code)
        text = done.stderr if done.stdout == f"{run / 'best.json'}\n" else done.stdout + done.stderr  # a path, for a script
        if "--json" not in line:
            assert hidden_in(text) == set(), line
    assert codes == [0, 2, 0, 0, 0, 0, 2, 0, 2, 2, 0, 0, 0]


def test_a_path_reaches_a_script_as_it_is_and_a_terminal_as_text() -> None:
    program = f"from automl_cli.cli.console import write_line; write_line({HOSTILE!r})"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    piped = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True).stdout
    assert piped.decode() == f"{HOSTILE}\n"
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", program], env=environment, stdout=theirs, check=True)
    os.close(theirs)
    assert os.read(ours, 10_000).decode().replace("\r\n", "\n") == f"{SHOWN}\n"
    os.close(ours)


@pytest.mark.parametrize("text", ["a b", "it's", HOSTILE, "a\nb", "back\\slash\x1b", "$HOME", "*"])
def test_a_shell_reads_what_was_quoted(text: str) -> None:
    line = command_line("show", text)
    assert hidden_in(line) == set()
    said = subprocess.run(
        ["bash", "-c", f'automl() {{ printf %s "$2"; }}; {line}'],
        capture_output=True,
        check=True,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    ).stdout
    assert said.decode() == text


def test_no_command_is_written_around_a_name_by_hand() -> None:
    """A name behind a command is quoted by `command_line`."""
    found = []
    for path in (ROOT / "automl_cli").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)) if re.search(r"automl [^\n]*\{", source) else ():
            if isinstance(node, ast.JoinedStr):
                for text, value in zip(node.values, node.values[1:], strict=False):
                    ends = isinstance(text, ast.Constant) and re.search(r"automl (\w[\w-]+)( --?[\w-]+)* $", str(text.value))
                    if ends and ends[1] in COMMANDS and isinstance(value, ast.FormattedValue):
                        found.append(f"{path.name}:{node.lineno}")
    assert found == []
