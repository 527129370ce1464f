"""The Python of the manual runs: the search spaces of docs/spaces.md keep the laws of spaces, and the strategy of
docs/extending.md is installed, searches, and is resumed."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from automl_cli.core.spaces import Plugin, SearchSpace
from automl_cli.plugins.discovery import plugin_named
from automl_cli.store.ledger import read_trials
from tests.contracts import test_every_space as laws
from tests.contracts.test_every_command import lines_of
from tests.packaging.outside import Shell, install
from tests.tables import ROOT

LAWS = (
    laws.test_decoding_is_total_and_pure,
    laws.test_value_survives_json,
    laws.test_choices_and_genotype_say_the_same,
    laws.test_tokens_tell_genotypes_apart,
    laws.test_mutation_is_pure_and_changes_one_decision_or_what_the_space_says,
    laws.test_live_decisions_never_shrink_and_stay_within_the_space,
    laws.test_size_is_the_number_of_genotypes,
    laws.test_an_index_out_of_range_is_refused,
    laws.test_what_genotypes_mean_is_a_function_of_their_values,
)


def blocks(page: str, language: str) -> list[tuple[str, str]]:
    """What the first line of each block of this language says, and the block."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(# ([^\n]*)\n.*?)```", text, flags=re.DOTALL)


def space_files() -> dict[str, tuple[str, str]]:
    """The search spaces of the page, each as a file: name and text. An addition stands at the end of the file that it names."""
    files: dict[str, tuple[str, str]] = {}
    for code, said in blocks("spaces.md", "python"):
        name, _, addition = said.partition(", ")
        if addition:
            assert addition == "at the end"
            label = "-".join(re.findall(r"^def (\w+)", code, flags=re.MULTILINE))
            files[label] = (name, files[name][1] + code)
        else:
            files[name] = (name, code)
    return files


FILES = space_files()
every_space = pytest.mark.parametrize("label", FILES)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Puts a file of the page into the working directory; its name."""
    monkeypatch.chdir(tmp_path)

    def written(label: str) -> str:
        name, code = FILES[label]
        (tmp_path / name).write_text(code, encoding="utf-8")
        return name

    return written


def plugin_of(name: str) -> Plugin:
    return plugin_named(name)[0]


def test_the_page_has_a_space_and_an_example_of_each_function_that_one_may_add() -> None:
    functions = {name for _, code in FILES.values() for name in re.findall(r"^def (\w+)", code, flags=re.MULTILINE)}
    assert functions == {"decisions", "decode", "tokens", "canonical", "length", "encode", "mutate", "place"}
    assert len(FILES) == 5


@every_space
def test_a_space_of_the_page_is_listed(label: str, write: Callable[[str], str], automl: Callable) -> None:
    name = write(label)
    done = automl("spaces", name, "--json")
    assert done.code == 0, done.stderr
    listed = json.loads(done.stdout)
    assert listed["name"] == plugin_of(name).name
    if name == "three_layers.py":
        assert listed["size"] == 64


@every_space
def test_a_space_of_the_page_keeps_the_laws_of_spaces(label: str, write: Callable[[str], str]) -> None:
    space = SearchSpace(plugin_of(write(label)))
    for law in LAWS:
        law(space)


@every_space
def test_a_space_of_the_page_is_searched_and_its_children_are_trained(
    label: str, write: Callable[[str], str], automl: Callable, environment_of_its_own: None
) -> None:
    name = write(label)
    small = ("--epochs", 1, "--train-examples", 200, "--executor", "serial", "--quiet", "--strategy", "random", "--trials", 2)
    done = automl(plugin_of(name).command, "--space", name, *small, "--out", "run")
    assert (done.code, done.stdout) == (0, "run/best.json\n"), done.stderr
    assert json.loads(automl("report", "run", "--json").stdout)["runs"][0]["statuses"] == {"ok": 2}
    assert automl("validate", "run").code == 0


def test_genotypes_that_stand_for_one_decode_to_one_network(write: Callable[[str], str]) -> None:
    space = SearchSpace(plugin_of(write("canonical")))
    assert space.canonical((0, 2, 0)) == space.canonical((2, 0, 0)) == (2, 0, 0) != space.canonical((2, 2, 0))
    for genotype in laws.genotypes(space):
        assert space.decode(space.canonical(genotype)) == space.decode(genotype)


def test_encoding_gives_a_genotype_of_the_same_network(write: Callable[[str], str]) -> None:
    space = SearchSpace(plugin_of(write("encode-mutate")))
    encode = space.plugin.encode
    assert encode is not None
    for genotype in laws.genotypes(space):
        value = space.decode(genotype)
        assert space.decode(encode(space.options, value)) == value


@pytest.fixture
def package(tmp_path: Path) -> tuple[Shell, list[str]]:
    """The package of docs/extending.md, installed, and the command of that page which searches with it."""
    ((project, _),) = blocks("extending.md", "toml")
    ((code, file),) = blocks("extending.md", "python")
    ((group, rows),) = tomllib.loads(project)["project"]["entry-points"].items()
    folder = tmp_path / Path(file).stem
    folder.mkdir()
    (folder / "__init__.py").write_text(code)
    entry_points = "".join(f"{name} = {target}\n" for name, target in rows.items())
    (command,) = lines_of((ROOT / "docs" / "extending.md").read_text(encoding="utf-8"))
    words = [*command.split()[1:], "--evaluator", "analytic", "--trials", "60", "--quiet"]
    return Shell(install(tmp_path / "site", folder, f"[{group}]\n{entry_points}"), tmp_path), words


def test_the_strategy_of_the_page_searches_and_goes_on_after_a_kill(package: tuple[Shell, list[str]], tmp_path: Path) -> None:
    shell, search = package
    cut = tmp_path / "cut"
    slow = ("--evaluator-option", "seconds=0.03")
    shell(*search, *slow, "--out", "whole")
    shell.killed(*search, *slow, "--out", cut, journal=cut / "journal.jsonl", told=25)
    shell("search-arch", "--quiet", "--resume", "--out", cut)
    assert (cut / "best.json").read_bytes() == (tmp_path / "whole" / "best.json").read_bytes()
    assert json.loads((cut / "study.json").read_bytes())["body"]["strategy_settings"] == {"random_trials": 20}


def test_its_proposals_grow_with_the_space(package: tuple[Shell, list[str]], tmp_path: Path) -> None:
    shell, search = package
    options = {"layers": 4, "curriculum_start": 1, "curriculum_step": 1, "curriculum_trials": 15}
    shell(
        *search, *(word for name, value in options.items() for word in ("--space-option", f"{name}={value}")), "--out", "grown"
    )
    space = SearchSpace(plugin_of("cnn"), options)
    lengths = [len(trial.task.genotype) for trial in read_trials(tmp_path / "grown" / "journal.jsonl")]
    assert sorted(lengths) == [space.length(trial) for trial in range(60)]
    assert lengths[-1] == len(space.decisions)
