"""A space of the user's own is checked before anything is written: an error names its file, its function and what is allowed.

Each case is `tests/tiny_space.py` with one function or field that is wrong.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from automl_cli.core.errors import SpaceError
from automl_cli.core.spaces import SearchSpace
from automl_cli.plugins.discovery import plugin_named
from automl_cli.plugins.space_checks import check_placed, check_space
from tests.tables import ROOT

SOURCE = (ROOT / "tests" / "tiny_space.py").read_text()

DECODES_TO = "a space that produces 'architecture' decodes to a Network (automl_cli.values.network)"

BODIES = {  # the body of a function, and what the error says of it, behind "mine.py: "
    "decode": (
        ("return [1, 2]", f"decode gave a list for genotype (0, 0, 2, 2); {DECODES_TO}"),
        ("return None", f"decode gave None for genotype (0, 0, 2, 2); {DECODES_TO}"),
        ("return {}['width']", "decode fails for genotype (0, 0, 2, 2): KeyError: 'width' (FILE, line LINE, in decode)"),
        ("return Network((), ('a',))", "decode fails for genotype (0, 0, 2, 2): the classifier of the network reads 'a'"),
        ("return Network((), [IMAGE])", "decode gave a Network for genotype (0, 0, 2, 2) that no file can hold"),
        ("return Network((), (IMAGE,), fan=id)", "decode gave a Network for genotype (0, 0, 2, 2) that no file can hold"),
        (
            "return Network((), (IMAGE,), fan=id(object()))",
            "decode gave a Network for genotype (0, 0, 2, 2) that no file can hold",
        ),
        ("raise SystemError", "decode fails for genotype (0, 0, 2, 2): SystemError (FILE, line LINE, in decode)"),
    ),
    "tokens": (
        ("return ['a']", "tokens gave a list for genotype (0, 0, 2, 2); it must give a tuple of texts"),
        ("return (1,)", "tokens gave a tuple with an int in it for genotype (0, 0, 2, 2); it must give a tuple of texts"),
        ("return ()", "tokens gave no text for genotype (0, 0, 2, 2); it must give at least one"),
        ("return genotype.names", "tokens fails for genotype (0, 0, 2, 2): AttributeError: 'tuple' object has no attribute"),
    ),
    "decisions": (
        ("return [1]", "decisions gave a list; it must give a DecisionList (automl_cli.core.decisions)"),
        (
            "return options['depth']",
            "decisions fails for options {'layers': 4}: KeyError: 'depth' (FILE, line LINE, in decisions)",
        ),
        ("return DecisionList((Decision('a', (object(),)),))", "decisions gave what no file can hold"),
        ("return DecisionList((Decision('a', [1, 2]),))", "decisions gave what no file can hold: read again it is another"),
        (
            "return DecisionList((Decision('a', (1,)), Decision('a', (1,))))",
            "decisions fails for options {'layers': 4}: two decisions are named 'a'; names must differ (FILE, line LINE, in",
        ),
        (
            "return DecisionList(())",
            "decisions fails for options {'layers': 4}: a search space needs at least one decision (FILE",
        ),
    ),
    "length": (
        ("return 0", "length gave 0 for trial 0; it must give a whole number from 1 to 4"),
        ("return '4'", "length gave a str for trial 0; it must give a whole number from 1 to 4"),
        ("return 4 // trial", "length fails for trial 0: ZeroDivisionError: "),
    ),
    "mutate": (
        ("return list(genotype)", "mutate gave a list for genotype (0, 0, 2, 2); it must give a genotype, a tuple of whole"),
        ("return genotype[1:]", "mutate gave 3 indices for genotype (0, 0, 2, 2); it must give as many as it got, 4"),
        ("return (9, *genotype[1:])", "mutate gave genotype (9, 0, 2, 2) for genotype (0, 0, 2, 2): decision 'filters_0' has"),
        ("return random.choices(genotype)[7]", "mutate fails for genotype (0, 0, 2, 2): IndexError: "),
    ),
    "canonical": (
        ("return None", "canonical gave None for genotype (0, 0, 2, 2); it must give a genotype"),
        ("return (True, *genotype[1:])", "canonical gave a tuple with a bool in it for genotype (0, 0, 2, 2)"),
        (
            "return (canonical.__dict__.setdefault('count', [0]).append(0) or len(canonical.count),)",
            "canonical gave two answers for one genotype (0, 0, 2, 2); its answer may depend on",
        ),
    ),
    "encode": (
        ("return (0, 0, 0, 0)", "encode gave genotype (0, 0, 0, 0) for the value of genotype (0, 0, 2, 2), which decodes to"),
        ("return 'abcd'", "encode gave a str for a Network; it must give a genotype"),
        ("return value.genotype", "encode fails for a Network: AttributeError: "),
    ),
}
PARAMETERS = {
    "decode": "options, genotype",
    "tokens": "options, genotype",
    "decisions": "options",
    "length": "options, trial",
    "mutate": "options, genotype, random",
    "canonical": "options, genotype",
    "encode": "options, value",
}
CASES = [(name, body, said) for name, cases in BODIES.items() for body, said in cases]

FIELDS = {  # what stands in the declaration instead, and what the error says of it
    'name="tiny"': (
        ("name=7", "name of SPACE is an int; it must be of type str"),
        ("name=''", "name of SPACE is empty; give the space a name"),
    ),
    "version=1,": (("version='1',", "version of SPACE is a str; it must be of type int"),),
    'command="search-arch"': (
        (
            "command='search'",
            (
                "command of SPACE is 'search'; it must be one of: "
                "search-activation, search-arch, search-augment, search-cell, search-optimizer"
            ),
        ),
    ),
    'produces="architecture"': (
        (
            "produces='net'",
            (
                "produces of SPACE is 'net'; it must be one of: "
                "activation, architecture, augmentation-policy, cell, edge-cell, optimizer-rule"
            ),
        ),
        (
            "produces='model'",
            (
                "produces of SPACE is 'model'; it must be one of: "
                "activation, architecture, augmentation-policy, cell, edge-cell, optimizer-rule"
            ),
        ),
    ),
    "decode=decode": (("decode=1", "decode of SPACE is an int; it must be a function"),),
    "tokens=tokens": (("tokens=tokens, mutate=1", "mutate of SPACE is an int; it must be a function or None"),),
    "trials=24": (
        ("trials='24'", "presets['quick'] of SPACE: trials: expected a whole number, got text"),
        ("trials=0", "presets['quick'] of SPACE: trials: expected a whole number of at least 1"),
        ("trials=24, retrain_top=-1", "presets['quick'] of SPACE: retrain_top: expected a whole number of at least 0"),
    ),
    "epochs=2": (("epochs=0", "presets['quick'] of SPACE: epochs: expected a whole number of at least 1"),),
    'SpaceOption("layers", 4,': (
        (
            "SpaceOption('layers', None,",
            "the default of option 'layers' of SPACE is None; it must be a text, a number, True or",
        ),
        (
            "SpaceOption('layers', 4, choices=(1, 2), help=",
            "option 'layers' of SPACE has a default that it may not be: unknown value of",
        ),
    ),
    "child=ChildPreset(recipe=Recipe(batch_size=32, learning_rate=0.1))": (
        (
            "child=Recipe(batch_size=32, learning_rate=0.1)",
            "presets['quick'].child of SPACE is a Recipe; it must be a ChildPreset",
        ),
    ),
}
DECLARATIONS = [(before, after, said) for before, cases in FIELDS.items() for after, said in cases]


def own_space(folder: Path, name: str, body: str) -> Path:
    """Write the tiny space with another function of this name."""
    head, declaration = SOURCE.split("SPACE = Plugin(")
    function = f"def {name}({PARAMETERS[name]}):\n    {body}\n\n\n"
    field = "" if f"{name}={name}" in declaration else f"\n    {name}={name},"
    file = folder / "mine.py"
    file.write_text(f"{head}{function}SPACE = Plugin({field}{declaration}")
    return file


def expected(said: str, file: Path) -> str:
    """Return the error with the file, and the line of the last function in it."""
    lines = file.read_text().splitlines()
    last = max(at for at, line in enumerate(lines, start=1) if line.startswith("def "))
    return f"error: mine.py: {said}".replace("FILE", str(file)).replace("LINE", str(last + 1))


@pytest.mark.usefixtures("environment_of_its_own")
@pytest.mark.parametrize(("name", "body", "said"), CASES)
def test_a_wrong_function_is_named_with_its_file_before_anything_is_written(
    automl: Callable, tmp_path: Path, name: str, body: str, said: str
) -> None:
    file = own_space(tmp_path, name, body)
    for command in (("spaces", "mine.py"), ("search-arch", "--space", "mine.py", "--out", "run")):
        done = automl(*command)
        assert (done.code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
        assert done.stderr.startswith(expected(said, file))
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("environment_of_its_own")
@pytest.mark.parametrize(("before", "after", "said"), DECLARATIONS)
def test_a_wrong_field_of_the_declaration_is_named_with_its_file(
    automl: Callable, tmp_path: Path, before: str, after: str, said: str
) -> None:
    assert before in SOURCE
    (tmp_path / "mine.py").write_text(SOURCE.replace(before, after, 1))
    for command in (("spaces", "mine.py"), ("search-arch", "--space", "mine.py", "--out", "run")):
        done = automl(*command)
        assert (done.code, done.stdout) == (2, "")
        assert done.stderr.startswith(f"error: mine.py: {said}")
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("environment_of_its_own")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SPACE = {}", "error: mine.py: SPACE is a dict; it must be a Plugin (automl_cli.core.spaces)"),
        ("", "error: mine.py declares no space: it needs a module-level SPACE = Plugin(...)"),
        (
            "\n1 / 0",
            "error: search-space file FILE fails on import: ZeroDivisionError: division by zero (FILE, line 2, in <module>)",
        ),
        (
            "from automl_cli.values.recipe import Recipe\n\nRecipe(batch_size=0, learning_rate=1)",
            "error: search-space file FILE fails on import: batch_size is 0; it must be at least 1 (FILE, line 3, in <module>)",
        ),
        ("SPACE = (", "error: search-space file FILE fails on import: SyntaxError: '(' was never closed (mine.py, line 1)"),
        ("raise SystemExit(3)", "error: search-space file FILE fails on import: SystemExit: 3 (FILE, line 1, in <module>)"),
    ],
)
def test_a_file_that_declares_no_space_is_refused(automl: Callable, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mine.py").write_text(text)
    done = automl("spaces", "mine.py")
    assert (done.code, done.stderr.strip()) == (2, said.replace("FILE", str(tmp_path / "mine.py")))


@pytest.mark.usefixtures("environment_of_its_own")
def test_a_fault_of_a_later_genotype_ends_the_search_with_the_file_named(automl: Callable, tmp_path: Path) -> None:
    file = own_space(tmp_path, "canonical", "return genotype if genotype[:2] == (0, 0) else genotype.first")
    done = automl("search-arch", "--space", "mine.py", "--evaluator", "analytic", "--trials", 20, "--out", "run")
    assert done.code == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: mine.py: canonical fails for genotype (")
    assert f"({file}, line " in last
    assert "AttributeError: 'tuple' object has no attribute 'first'" in last


@pytest.mark.usefixtures("environment_of_its_own")
def test_debug_keeps_the_traceback_of_the_users_function(automl: Callable, tmp_path: Path) -> None:
    own_space(tmp_path, "decode", "return {}['width']")
    with pytest.raises(SpaceError) as caught:
        automl("spaces", "mine.py", "--debug")
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_rule_of_placing_must_give_what_a_child_is_built_from(tmp_path: Path) -> None:
    source = (ROOT / "search_spaces" / "nasnet.py").read_text()
    for function, said in (
        ("lambda options, cells, facts: cells", "place gave a CellPair for genotype ("),
        ("lambda options, cells, facts: facts.shape", "place fails for genotype ("),
        ("None", "place of SPACE is None; it must be a function that makes a Network"),
    ):
        file = tmp_path / "mine.py"
        file.write_text(source.replace("place=place,", f"place={function},"))
        plugin, _ = plugin_named(str(file))
        space = SearchSpace(plugin, place="mine.py")
        check_space(space)
        with pytest.raises(SpaceError) as caught:
            check_placed(space, object())
        assert str(caught.value).startswith(f"mine.py: {said}")


@pytest.mark.usefixtures("environment_of_its_own")
def test_a_winner_of_a_wrong_type_is_named_as_what_decode_gave(automl: Callable, tmp_path: Path) -> None:
    own_space(tmp_path, "decode", "return Network((), (IMAGE,)) if genotype == (0, 0, 2, 2) else 3")
    done = automl("search-arch", "--space", "mine.py", "--evaluator", "analytic", "--trials", 20, "--out", "run")
    assert done.code == 2
    assert done.stderr.splitlines()[-1].startswith("error: mine.py: decode gave an int for genotype (")
    assert done.stderr.endswith(f"; {DECODES_TO}\n")


@pytest.mark.usefixtures("environment_of_its_own")
def test_a_wrong_strategy_of_a_preset_is_named_with_the_file(automl: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SOURCE.replace('strategy="random"', 'strategy="randm"'))
    done = automl("search-arch", "--space", "mine.py", "--dry-run")
    assert done.code == 2
    assert done.stderr.startswith("error: mine.py: presets['quick'] of SPACE: unknown strategy 'randm'. Did you mean 'random'?")
    assert automl("search-arch", "--space", "mine.py", "--strategy", "random", "--dry-run").code == 0
