"""`spaces`, `show`, `validate` and `schema`: what is here, and whether files are what they say."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from automl_cli.core.spaces import SearchSpace
from automl_cli.kinds.architecture import ArchitectureBody
from automl_cli.kinds.network import stacked_network
from automl_cli.plugins.discovery import plugins
from automl_cli.plugins.listing import kind_named
from automl_cli.references import open_any
from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.store.study import FoundBody
from automl_cli.values.skeleton import parse_stack
from tests.reporting.runs import write_run
from tests.store.samples import architecture
from tests.tables import BODIES, PLUGINS, ROOT

SPACE = SearchSpace(plugins()["cnn"], {"layers": 4})
IMAGE, CLASSES = (8, 8, 1), 10
RETRAINING = {"epochs": 8, "candidates": [{"trial": 9, "search_score": 0.5, "retrained_score": 0.5}], "rank_correlation": None}
"""A retraining of another trial."""


def found() -> ArchitectureBody:
    """An architecture as a search writes it."""
    genotype = SPACE.sample(0, 3)
    network = SPACE.decode(genotype)
    about = replace(
        architecture().found,
        space=SPACE.reference(),
        genotype=genotype,
        choices=SPACE.decisions.choices_of(genotype),
        costs=network.costs(IMAGE, CLASSES),
    )
    return ArchitectureBody(value=network, words=SPACE.tokens(genotype), found=about)


def found_with(**changed: object) -> ArchitectureBody:
    """The same, found otherwise."""
    body = found()
    return replace(body, found=replace(body.found, **changed))


@pytest.fixture
def best(tmp_path: Path) -> Path:
    write_artifact(tmp_path / "best.json", artifact_of(found()))
    return tmp_path / "best.json"


# spaces


def test_spaces_lists_every_plugin(automl: Callable) -> None:
    listed = json.loads(automl("spaces", "--json").stdout)["spaces"]
    assert [space["name"] for space in listed] == list(PLUGINS)
    assert all(name in automl("spaces").stdout for name in PLUGINS)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (["variant=plain", "layers=15"], 2**195),
        (["variant=strides", "layers=20"], 2**310 * 3**40),
        (["variant=pooling", "layers=13"], 2**156),
    ],
)
def test_size_of_the_papers_spaces_is_exact(automl: Callable, options: list[str], size: int) -> None:
    flags = [part for option in options for part in ("--space-option", option)]
    assert json.loads(automl("spaces", "cnn", *flags, "--json").stdout)["size"] == str(size)
    assert f"\n{size}\n" in automl("spaces", "cnn", *flags).stdout


def test_a_small_size_is_a_number(automl: Callable) -> None:
    assert json.loads(automl("spaces", "nas-bench-201", "--json").stdout)["size"] == 15_625


def test_one_space_has_its_decisions(automl: Callable) -> None:
    space = json.loads(automl("spaces", "cnn", "--space-option", "layers=3", "--json").stdout)
    assert len(space["decisions"]) == 3 * 3 + 3
    assert space["decisions"][0] == {"name": "layer1.filter_height", "choices": [1, 3, 5, 7], "membership": None}
    assert space["decisions"][6]["membership"] == {"anchor": 1, "item": 0}
    assert space["options"]["layers"] == 3


def test_a_file_of_ones_own_is_a_space(automl: Callable) -> None:
    done = automl("spaces", ROOT / "tests" / "tiny_space.py", "--space-option", "layers=2", "--json")
    assert json.loads(done.stdout)["size"] == 9


# show


def test_show_adds_up_to_the_costs(automl: Callable, best: Path) -> None:
    shown = automl("show", best).stdout
    network, costs = found().value, found().value.costs(IMAGE, CLASSES)
    assert f"{costs.parameters:,} parameters, {costs.multiply_adds:,} multiply-adds" in shown
    layers = [line for line in shown.splitlines() if line.startswith("layer") and "convolution" in line]
    joined = sum(int(line.split()[-1].replace(",", "")) for line in layers)
    features = sum(network.shapes(IMAGE)[name][2] for name in network.outputs)
    assert joined + (features + 1) * CLASSES == costs.parameters
    assert len(layers) == 4


def test_show_prints_the_tokens(automl: Callable, best: Path) -> None:
    shown = " ".join(automl("show", best).stdout.split())
    assert " | ".join(found().words) in shown


def test_show_takes_a_run_directory(automl: Callable, best: Path) -> None:
    assert automl("show", best.parent).stdout == automl("show", best).stdout


def test_show_of_a_run_without_winner_says_so(automl: Callable, tmp_path: Path) -> None:
    done = automl("show", write_run(tmp_path / "run", [0.5]))
    assert done.code == 2
    assert "holds no best.json; see how far the run is with: automl report" in done.stderr


def test_show_json_is_the_file(automl: Callable, best: Path) -> None:
    assert automl("show", best, "--json").stdout == best.read_text()


def test_show_outlines_any_other_kind(automl: Callable, tmp_path: Path) -> None:
    shown = automl("show", write_run(tmp_path / "run", [0.5]) / "study.json").stdout
    assert "automl.study/1" in shown
    assert "strategy: random" in shown
    assert "    edge" not in shown


def test_show_survives_brackets_in_a_path(automl: Callable, best: Path) -> None:
    odd = best.rename(best.with_name("[red]best[bold].json"))
    assert str(odd) in automl("show", odd).stdout


# validate


def test_a_file_as_written_is_sound(automl: Callable, best: Path) -> None:
    assert automl("validate", best) == (0, f"{best}: sound automl.architecture/1\n", "")


def flipped(genotype: list[int]) -> None:
    """Another first index in its place."""
    genotype[0] ^= 1


def with_change(best: Path, change: Callable[[dict], object]) -> Path:
    document = json.loads(best.read_bytes())
    change(document)
    best.write_text(json.dumps(document))
    return best


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda d: flipped(d["body"]["found"]["genotype"]), "body.found.choices."),
        (lambda d: d["body"]["found"]["costs"].update(parameters=1), "body.found.costs.parameters: says 1, but "),
        (lambda d: d["body"]["words"].__setitem__(0, "Filter Height: 9"), "body.words[0]: says 'Filter Height: 9', but "),
        (lambda d: d["body"]["value"]["blocks"][3].update(inputs=["image"]), "body.value.blocks[3].inputs: "),
        (
            lambda d: d["body"]["found"]["genotype"].__setitem__(0, 99),
            "body.found.genotype: decision 'layer1.filter_height' has indices 0 to 3",
        ),
        (
            lambda d: d["body"]["found"]["space"].update(version=99),
            "body.found.space: this was made with space 'cnn' version 99",
        ),
        (
            lambda d: d["body"]["found"].update(validation_score=0.9),
            "body.found.validation_score: says 0.9, but what stands beside it makes it 0.75",
        ),
        (
            lambda d: d["body"]["found"].update(reward=0.75),
            "body.found.reward: says 0.75, but what stands beside it makes it 0.5625",
        ),
        (
            lambda d: d["body"]["found"]["reward_function"].update(exponent=1.0),
            "body.found.reward: says 0.5625, but what stands beside it makes it 0.75",
        ),
        (lambda d: d["body"]["found"].update(epochs=3), "body.found.epochs: says 3, but what stands beside it makes it 2"),
        (
            lambda d: d["body"]["found"].update(validation_scores=[]),
            "body.found.validation_scores: a measurement needs at least one score",
        ),
        (
            lambda d: d["body"]["found"].update(retraining=RETRAINING),
            "body.found.retraining: says None, but what stands beside it makes it 0.75",
        ),
        (lambda d: d["body"].update(depth=3), "body.depth: unknown field"),
        (lambda d: d["body"]["found"].pop("trial"), "body.found.trial: is missing"),
        (lambda d: d["body"]["found"].update(trial="three"), "body.found.trial: expected a whole number, got text"),
        (lambda d: d["inputs"].update(activation="0" * 64), "inputs.activation: says '0000"),
        (lambda d: d.update(schema="automl.architecture/99"), "schema: 'automl.architecture/99' was written by"),
        (lambda d: d.update(schema="automl.architectur/1"), "Did you mean 'architecture'?"),
    ],
)
def test_a_file_changed_by_hand_is_named_with_the_place(
    automl: Callable, best: Path, change: Callable[[dict], object], problem: str
) -> None:
    done = automl("validate", with_change(best, change))
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {best}: ")
    assert problem in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_score_is_the_best_of_the_last_five(automl: Callable, best: Path) -> None:
    write_artifact(best, artifact_of(found_with(validation_scores=(0.9, 0.5, 0.6, 0.75, 0.7, 0.6), epochs=6)))
    assert automl("validate", best).code == 0


def test_a_key_that_stands_twice_is_refused(automl: Callable, best: Path) -> None:
    best.write_text(best.read_text().replace('"trial": 3,', '"trial": 3, "trial": 3,'))
    done = automl("validate", best)
    assert (done.code, done.stderr) == (2, f"error: {best}: key 'trial' stands twice in one object; keep one\n")


def test_every_file_is_checked_and_one_bad_one_decides(automl: Callable, best: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.json"
    torn.write_bytes(best.read_bytes()[:200])
    done = automl("validate", torn, best, tmp_path / "missing.json")
    assert done.code == 2
    assert done.stdout == f"{best}: sound automl.architecture/1\n"
    assert [line.partition(": ")[2].partition(": ")[0] for line in done.stderr.splitlines()] == [
        str(torn),
        str(tmp_path / "missing.json"),
    ]


def test_validate_json_has_a_verdict_for_every_file(automl: Callable, best: Path, tmp_path: Path) -> None:
    done = automl("validate", best, tmp_path / "missing.json", "--json")
    good, bad = json.loads(done.stdout)["files"]
    assert done.code == 2
    assert (good["holds"], good["problem"]) == ("automl.architecture/1", None)
    assert bad["problem"].endswith("missing.json: no such file")


def test_a_run_directory_is_checked_with_its_journal(automl: Callable, tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [0.5, 0.6])
    done = automl("validate", path)
    assert done.stdout.splitlines() == [
        f"{path}/study.json: sound automl.study/1",
        f"{path}/journal.jsonl: sound journal of 6 records",
    ]


def test_an_error_of_study_json_is_said_once(automl: Callable, tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [0.5, 0.6])
    (path / "study.json").write_text("{")
    done = automl("validate", path)
    assert done.code == 2
    assert [line.startswith(f"error: {path}/study.json: not JSON: ") for line in done.stderr.splitlines()] == [True]
    assert done.stdout == (
        f"{path}/journal.jsonl: sound journal of 6 records (not checked: what study.json says, which is not sound)\n"
    )


def test_a_directory_that_is_no_run_is_refused(automl: Callable, tmp_path: Path) -> None:
    done = automl("validate", tmp_path)
    assert done.code == 2
    assert done.stderr.startswith(f"error: {tmp_path} is no run directory: it holds none of study.json, ")


def test_what_a_users_space_decodes_to_is_not_checked_and_that_is_said(automl: Callable, best: Path) -> None:
    write_artifact(best, artifact_of(found_with(space=replace(SPACE.reference(), name="mine"))))
    done = automl("validate", best)
    assert done.code == 0
    assert "(not checked: the genotype, since space 'mine' is not among those found here)" in done.stdout


# schema


def test_schema_lists_the_kinds(automl: Callable) -> None:
    assert automl("schema").stdout.split() == [str(body.SCHEMA) for body in BODIES.values()]
    assert json.loads(automl("schema", "--json").stdout)["kinds"] == {name: str(body.SCHEMA) for name, body in BODIES.items()}


@pytest.mark.parametrize("name", BODIES)
def test_schema_describes_what_is_read(automl: Callable, name: str) -> None:
    schema = json.loads(automl("schema", name).stdout)
    assert schema["required"] == ["schema", "tool", "inputs", "body"]
    assert schema["additionalProperties"] is False
    body = schema["$defs"][schema["properties"]["body"]["$ref"].rpartition("/")[2]]
    assert list(body["properties"]) == [field.encode_name for field in msgspec.structs.fields(BODIES[name])]


# cells and stacked networks


def found_cell(space: SearchSpace) -> FoundBody:
    """A cell as a search of this space writes it."""
    genotype = space.sample(0, 0)
    about = replace(
        found().found,
        space=space.reference(),
        genotype=genotype,
        choices=space.decisions.choices_of(genotype),
        costs=None,
    )
    body: type[FoundBody] = kind_named(space.plugin.produces).body
    return body(value=space.decode(genotype), words=space.tokens(genotype), found=about)


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    """A found NASNet cell."""
    write_artifact(tmp_path / "best.json", artifact_of(found_cell(SearchSpace(plugins()["nasnet"]))))
    return tmp_path / "best.json"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda d: flipped(d["body"]["found"]["genotype"]), "body.found.choices."),
        (lambda d: d["body"]["found"]["genotype"].__setitem__(0, 99), "body.found.genotype: decision "),
        (lambda d: d["body"]["found"].update(reward=0.9), "body.found.reward: says 0.9"),
        (lambda d: d["body"]["words"].__setitem__(0, "h9"), "body.words[0]: says 'h9', but "),
        (lambda d: d["body"]["value"]["normal"]["combinations"].reverse(), "body.value"),
    ],
)
def test_a_cell_changed_by_hand_is_named_with_the_place(
    automl: Callable, cell: Path, change: Callable[[dict], object], problem: str
) -> None:
    assert automl("validate", cell) == (0, f"{cell}: sound automl.cell/1\n", "")
    done = automl("validate", with_change(cell, change))
    assert done.code == 2
    assert problem in done.stderr


def test_a_stacked_network_must_have_the_size_it_says(automl: Callable, tmp_path: Path) -> None:
    pair = open_any("nasnet-a").artifact.body.value
    stack = parse_stack("1@96", pair, (32, 32, 3))
    body = stacked_network(pair, stack, target="cifar10", image_shape=(32, 32, 3), classes=10)
    file = tmp_path / "network.json"
    write_artifact(file, artifact_of(body))
    assert automl("validate", file).code == 0
    done = automl("validate", with_change(file, lambda d: d["body"].update(parameters=1)))
    assert "body.parameters: says 1, but what stands beside it makes it " in done.stderr


@pytest.mark.parametrize(
    "file", sorted((ROOT / "automl_cli" / "references" / "artifacts").glob("*.json")), ids=lambda p: p.stem
)
def test_published_results_are_sound(automl: Callable, file: Path) -> None:
    assert automl("validate", file).code == 0


@pytest.mark.usefixtures("environment_of_its_own")
def test_the_directory_of_several_searches_is_refused_with_that_of_one(automl: Callable, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert automl("search-arch", "--evaluator", "analytic", "--trials", 2, "--repeat", 2, "--out", run, "--quiet").code == 0
    for command in (("show",), ("measure",), ("train", "--arch")):
        done = automl(*command, run)
        said = f"error: {run} holds 2 searches, one for every seed; give the directory of one, such as {run}/seed-0\n"
        assert (done.code, done.stderr) == (2, said)
