"""Every command: help with an example that parses, a place in README and manual, and no waiting for heavy libraries."""

import importlib.metadata
import re
import shlex
import subprocess
import sys
from collections.abc import Callable

import pytest

from automl_cli.cli.app import COMMANDS, load_command
from automl_cli.cli.help import EXAMPLES
from tests.tables import COMMAND_NAMES, ROOT

every_command = pytest.mark.parametrize("name", COMMAND_NAMES)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}
README = TEXTS["README.md"]


def examples(name: str) -> list[str]:
    help_text = load_command(name).help or ""
    return [line.strip() for line in help_text.partition(EXAMPLES)[2].splitlines() if line.strip()]


def lines_of(text: str) -> list[str]:
    """The command lines of a page's blocks of shell."""
    blocks = re.findall(r"```(?:bash|sh|console)\n(.*?)```", text, flags=re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line[line.index("automl ") :] for line in lines if re.search(r"(^|/|&& )automl ", line)]


LINKS = sorted({(page, target) for page, text in TEXTS.items() for target in re.findall(r"\]\(([^):]+)\)", text)})
LINES = [(page, line) for page, text in TEXTS.items() for line in lines_of(text)]


def parse(line: str) -> None:
    """Parse a command line with the real command, without running it."""
    _, name, *arguments = shlex.split(line.split(" | ")[0].split(" > ")[0])
    if not name.startswith("-"):
        load_command(name).make_context(f"automl {name}", arguments)


@every_command
def test_help_of_the_program_has_one_short_line_for_the_command(name: str, automl: Callable) -> None:
    (line,) = [line for line in automl("--help").stdout.splitlines() if line.startswith(f"  {name} ")]
    assert line.endswith(COMMANDS[name].summary)
    assert COMMANDS[name].summary.endswith(".")
    assert len(line) < 80


@every_command
def test_help_is_shown_with_its_examples(name: str, automl: Callable) -> None:
    done = automl(name, "--help")
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: automl {name} ")
    assert "--debug" in done.stdout
    assert all(example in done.stdout for example in examples(name))
    assert max(map(len, done.stdout.splitlines())) <= 100


@every_command
def test_every_option_says_what_it_does(name: str) -> None:
    for parameter in load_command(name).params:
        assert getattr(parameter, "help", None), f"{name}: {parameter.name} has no help"


@every_command
def test_examples_parse(name: str) -> None:
    assert examples(name)
    for example in examples(name):
        assert example.startswith(f"automl {name}")
        parse(example)


@every_command
def test_readme_or_manual_shows_the_command(name: str) -> None:
    assert any(re.match(rf"automl {name}( |$)", line) for _, line in LINES), f"no page shows an example of automl {name}"


@pytest.mark.parametrize(("page", "line"), LINES)
def test_command_lines_of_readme_and_manual_parse(page: str, line: str) -> None:
    parse(line)


@every_command
def test_readme_lists_the_command(name: str) -> None:
    assert f"\n| `automl {name}` | " in README


def test_readme_is_short_and_links_every_page_of_the_manual() -> None:
    assert len(README.splitlines()) <= 120
    linked = set(re.findall(r"\]\(([^)]+\.md)\)", README))
    assert linked >= TEXTS.keys() - {"README.md"}


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_what_a_page_links_to_is_there(page: str, target: str) -> None:
    assert ((ROOT / page).parent / target).exists()


@every_command
def test_an_unknown_flag_is_one_line_and_a_hint(name: str, automl: Callable) -> None:
    done = automl(name, "--zzzz")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr == f"error: no such option: --zzzz\nTry 'automl {name} --help'\n"


@pytest.mark.parametrize(
    "command_lines",
    [
        [["--help"], ["--version"]],
        [[name, "--help"] for name in COMMAND_NAMES],
        [["spaces"], ["spaces", "--json"], ["schema"]],
        [["search-arch", "--dataset", "cifra10"], ["search-arch", "--strategy", "reinfrce"], ["search-arch", "--space", "cn"]],
    ],
    ids=["help", "help-of-every-command", "looking-around", "bad-input"],
)
def test_nobody_waits_for_libraries_that_are_not_needed(command_lines: list[list[str]]) -> None:
    program = (
        "import sys\n"
        "from automl_cli.cli.app import run\n"
        f"codes = [run(line) for line in {command_lines!r}]\n"
        "heavy = {'jax', 'flax', 'optax', 'numpy', 'tensorflow_datasets', 'ray', 'scipy', 'sklearn', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_help_does_not_ask_what_is_installed(automl: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(**group: str) -> None:
        raise AssertionError(group)

    monkeypatch.setattr(importlib.metadata, "entry_points", asked)
    for arguments in (["--help"], ["search-arch", "--help"], ["search-cell", "--help"]):
        assert automl(*arguments).code == 0
