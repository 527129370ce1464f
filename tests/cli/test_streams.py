"""Streams that lack characters, are closed, or cannot be written: commands say what they can, and work is never lost."""

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Group
from rich.text import Text

from automl_cli.cli.app import COMMANDS, run
from automl_cli.cli.console import data_console, print_unbroken, table
from automl_cli.running.plain_console import PlainConsole
from automl_cli.running.search_display import showing
from automl_cli.running.talk import Talk
from tests.cli.test_search_display import progress, trial
from tests.reporting.runs import write_run

AUTOML = [sys.executable, "-m", "automl_cli"]
ENCODINGS = ["ascii", "latin-1"]
SHOWING = [["datasets"], ["references"], ["strategies"], ["spaces", "cnn"], ["show", "swish"], ["show", "autoaugment-cifar10"]]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str], str], tuple[int, bytes, bytes]]:
    """Runs a command line whose stdout and stderr have an encoding: gives its exit code and what it wrote."""

    def run_command(arguments: list[str], encoding: str) -> tuple[int, bytes, bytes]:
        out, err = io.BytesIO(), io.BytesIO()
        with monkeypatch.context() as patch:
            for name, to in (("stdout", out), ("stderr", err)):
                patch.setattr(sys, name, io.TextIOWrapper(to, encoding=encoding, errors="strict", write_through=True))
            code = run(arguments)
            sys.stdout.flush()
            sys.stderr.flush()
            return code, out.getvalue(), err.getvalue()

    return run_command


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_help_of_every_command_is_shown_in_any_encoding(written: Callable, encoding: str) -> None:
    for arguments in (["--help"], *([name, "--help"] for name in COMMANDS)):
        code, out, err = written(arguments, encoding)
        assert (code, err) == (0, b""), arguments
        assert b"Usage: automl" in out
        out.decode(encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("arguments", SHOWING, ids=" ".join)
def test_tables_and_formulas_are_shown_in_any_encoding(
    written: Callable, arguments: list[str], encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = written(arguments, encoding)
    assert code == 0
    assert out.decode(encoding).strip()


def test_names_that_an_encoding_lacks_are_escapes_in_text_and_whole_in_json(
    written: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(Path("花 Größe"), [0.5, 0.6])
    code, out, _ = written(["report", "花 Größe"], "latin-1")
    assert (code, "\\u82b1 Größe" in out.decode("latin-1")) == (0, True)
    code, out, _ = written(["report", "花 Größe", "--json"], "latin-1")
    assert (code, json.loads(out.decode("utf-8"))["runs"][0]["name"]) == (0, "花 Größe")
    code, _, err = written(["show", "花"], "ascii")
    assert code == 2
    assert b"\\u82b1" in err


def test_cells_are_escaped_before_they_are_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    told = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(told, encoding="ascii", write_through=True))
    monkeypatch.setenv("COLUMNS", "40")
    rows = [("花花 ×", 1), ("a", 20)]
    data_console().print(Group(table(("class", "pictures"), rows, right=("pictures",)), Text("木" * 10)))
    print_unbroken(("class", "pictures"), rows, right=("pictures",))
    lines = told.getvalue().decode("ascii").splitlines()
    aligned = ["class           pictures", "\\u82b1\\u82b1 x         1", "a                     20"]
    assert [line.rstrip() for line in lines[:3]] == aligned == lines[-3:]
    assert "".join(lines[3:-3]) == "\\u6728" * 10


def test_letters_that_the_locale_lacks_are_said_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "花").mkdir()
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([*AUTOML, "datasets", "花".encode()], cwd=tmp_path, env=environment, capture_output=True)
    said = b"error: \\u82b1 on the command line has letters that this locale lacks; set PYTHONUTF8=1, or a locale with UTF-8\n"
    assert (done.returncode, done.stderr) == (2, said)


@pytest.mark.parametrize("closed", ["<&- >&-", "2>&-"])
def test_closed_streams_change_nothing(closed: str) -> None:
    code = f"exec {' '.join(AUTOML)} strategies --json {closed}"
    done = subprocess.run(["sh", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (done.stdout == "") == (" >&-" in closed)


def test_no_file_takes_the_place_of_a_closed_stream() -> None:
    program = "import os; from automl_cli.__main__ import open_streams; open_streams(); os._exit(os.open('/dev/null', 0))"
    done = subprocess.run(["sh", "-c", f'exec {sys.executable} -c "{program}" <&- >&- 2>&-'])
    assert done.returncode > 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which this system lacks")
@pytest.mark.parametrize(
    ("where", "arguments", "code", "said"),
    [
        (">/dev/full", "strategies --json", 1, "error: stdout: No space left on device\n"),
        ("2>/dev/full", "strategies --json", 0, ""),
        ("2>/dev/full", "show nothing-of-this-name", 2, ""),
    ],
)
def test_on_a_full_disk_the_exit_code_says_whether_the_data_were_written(
    where: str, arguments: str, code: int, said: str
) -> None:
    done = subprocess.run(["sh", "-c", f"exec {' '.join(AUTOML)} {arguments} {where}"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (code, said)


class Unwritable(io.StringIO):
    """A stream that takes nothing."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, text: str) -> int:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EPIPE, errno.EIO, errno.EBADF])
def test_talk_that_cannot_be_written_is_lost_and_nothing_else(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Unwritable(number))
    talk = Talk(PlainConsole(stderr=True))
    talk.say("one")
    talk.warn("two")
    with talk.console.status("three"):
        pass
    sys.stderr.close()
    talk.say("four")
    monkeypatch.setattr(sys, "stderr", None)
    talk.say("five")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which this system lacks")
def test_a_log_on_a_full_disk_is_said_once_and_the_search_goes_on(tmp_path: Path) -> None:
    told = io.StringIO()
    talk = Talk(PlainConsole(file=told, width=200), log_file=Path("/dev/full"))
    with showing(talk, window=2, score=lambda measurement: 0.5) as tell:
        for number in range(3):
            tell(progress(number + 1, trial(number, 0.5)))
    assert told.getvalue().count("warning: --log-file /dev/full cannot be written (No space left on device)") == 1
    talk = talk._replace(log_file=tmp_path / "gone" / "log")
    with showing(talk, window=2, score=lambda measurement: 0.5):
        pass
    assert "gone/log cannot be written (No such file or directory); the search goes on without it" in told.getvalue()
