"""What every command line has in common: exit codes, one or two lines for an error, stdout for data alone."""

import errno
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from automl_cli import __version__
from automl_cli.cli import app
from automl_cli.core.errors import RunFailed, UserError

AUTOML = [sys.executable, "-m", "automl_cli"]


def fails_user() -> None:
    """Raise."""
    raise UserError("learning rate is -1; it must be above 0. Give --learning-rate 0.1")


def fails_run() -> None:
    """Raise."""
    raise RunFailed("no trial succeeded")


def fails_disk() -> None:
    """Raise."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/a/best.json")


def fails_stop() -> None:
    """Raise."""
    raise KeyboardInterrupt("interrupted; continue with: automl search-arch --resume --out runs/a")


def fails_stop2() -> None:
    """Raise."""
    raise KeyboardInterrupt


def fails_bug() -> None:
    """Raise."""
    raise ZeroDivisionError("a defect")


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that fail in every way."""
    for name, thing in globals().items():
        if name.startswith("fails_"):
            monkeypatch.setitem(app.COMMANDS, name, app.Row(f"{__name__}:{thing.__name__}", app.LOOK, "Raise."))


@pytest.mark.parametrize(
    ("command", "code", "stderr"),
    [
        ("fails_user", 2, "error: learning rate is -1; it must be above 0. Give --learning-rate 0.1\n"),
        ("fails_run", 1, "error: no trial succeeded\n"),
        ("fails_disk", 1, "error: runs/a/best.json: No space left on device\n"),
        ("fails_stop", 130, "interrupted; continue with: automl search-arch --resume --out runs/a\n"),
        ("fails_stop2", 130, "interrupted\n"),
    ],
)
def test_an_error_is_a_line_and_an_exit_code(automl: Callable, command: str, code: int, stderr: str) -> None:
    assert automl(command) == (code, "", stderr)


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        app.run(["fails_bug"])


def test_debug_keeps_the_traceback_of_any_error() -> None:
    for arguments in (["fails_user", "--debug"], ["--debug", "fails_user"]):
        with pytest.raises(UserError):
            app.run(arguments)


@pytest.mark.parametrize(
    ("arguments", "stderr"),
    [
        (["trian"], "error: unknown command 'trian'. Did you mean 'train'? Known: "),
        (["--versoin"], "error: no such option: --versoin. Did you mean --version?\nTry 'automl --help'\n"),
        (
            ["search-arch", "--max-parameters", "1e5"],
            (
                "error: invalid value for '--max-parameters': expected a whole number in digits, such as 100000\n"
                "Try 'automl search-arch --help'\n"
            ),
        ),
        (
            ["search-arch", "--trial-timeout", "an hour"],
            "error: invalid value for '--trial-timeout': expected a number, such as 0.5\nTry 'automl search-arch --help'\n",
        ),
        (["show"], "error: missing argument 'ARTIFACT|NAME|FORMULA'\nTry 'automl show --help'\n"),
        (["report", "--top", "many"], "error: invalid value for '--top': "),
        (["report", "--top", "0"], "error: invalid value for '--top': "),
        (["spaces", "cnn", "nasnet"], "error: got unexpected extra argument(s) (nasnet)\nTry 'automl spaces --help'\n"),
        (["spaces", "cn"], "error: unknown search space 'cn'. Did you mean 'cnn'? Known: "),
        (["spaces", "--space-option", "layers=3"], "error: --space-option needs the name of a space before it: "),
        (["spaces", "cnn", "--space-option", "layers"], "error: --space-option 'layers' is not of the form NAME=VALUE"),
        (["spaces", "cnn", "--space-option", "layers=x"], "error: space option layers='x': expected a whole number\n"),
        (
            ["spaces", "cnn", "--space-option", "layrs=3"],
            "error: unknown option 'layrs' of space cnn. Did you mean 'layers'?",
        ),
        (
            ["spaces", "cnn", "--space-option", "layers=1", "--space-option", "layers=2"],
            "error: --space-option gives 'layers' twice",
        ),
        (["spaces", "missing.py"], "error: no search-space file at "),
        (["schema", "architectur"], "error: unknown kind of artifact 'architectur'. Did you mean 'architecture'? Known: "),
    ],
)
def test_wrong_input_is_named_with_what_is_allowed(automl: Callable, arguments: list[str], stderr: str) -> None:
    done = automl(*arguments)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith(stderr)
    assert len(done.stderr.splitlines()) <= 2


def test_version_is_one_line_of_data(automl: Callable) -> None:
    assert automl("--version") == (0, f"automl-cli {__version__}\n", "")


def test_help_shows_every_command_in_its_group(automl: Callable) -> None:
    without, asked, short = automl(), automl("--help"), automl("-h")
    assert without == asked == short
    assert asked.code == 0
    for group in (app.SEARCH, app.USE, app.LOOK):
        assert f"\n{group}:\n" in asked.stdout
    assert all(f"  {name} " in asked.stdout and row.summary in asked.stdout for name, row in app.COMMANDS.items())


def test_shell_completion_offers_the_commands() -> None:
    environment = {**os.environ, "_AUTOML_COMPLETE": "complete_bash", "COMP_WORDS": "automl sp", "COMP_CWORD": "1"}
    done = subprocess.run(AUTOML, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["spaces"]


def test_shell_completion_can_be_shown() -> None:
    environment = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run([*AUTOML, "--show-completion", "bash"], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "complete -o default -F _automl_completion automl" in done.stdout


def test_a_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*AUTOML, "spaces", "cnn", "--json"], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def seen_on_a_terminal(arguments: list[str], **environment: str) -> bytes:
    """What a command writes when stdout and stderr are a terminal of 80 columns."""
    parent, child = pty.openpty()
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    process = subprocess.Popen([*AUTOML, *arguments], stdout=child, stderr=child, env={**inherited, **environment})
    os.close(child)
    written = b""
    while True:
        try:
            chunk = os.read(parent, 4096)
        except OSError:
            break
        if not chunk:
            break
        written += chunk
    os.close(parent)
    process.wait()
    return written


@pytest.mark.parametrize("arguments", [["spaces"], ["spaces", "cn"]])
def test_colours_stand_on_a_terminal_only_and_obey_no_color(arguments: list[str]) -> None:
    assert b"\x1b[" in seen_on_a_terminal(arguments, TERM="xterm-256color")
    assert b"\x1b[" not in seen_on_a_terminal(arguments, TERM="dumb")
    assert b"\x1b[3" not in seen_on_a_terminal(arguments, TERM="xterm-256color", NO_COLOR="1")


def test_console_script_is_this_program(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("automl")
    done = subprocess.run([script, "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == f"automl-cli {__version__}\n"
