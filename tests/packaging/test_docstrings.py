"""Docstrings of the package: they exist, begin with a verb or the thing that is returned, and give the shapes of arrays.

The modules are parsed, not imported. "Whether" and "the" may begin a docstring; a question word may not, since the reader then
has to work out what is returned.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT

ROOMS = sorted({path.parent.name for path in (ROOT / "automl_cli").glob("*/__init__.py")} | {"search_spaces"})
ROOMS_WITH_SHAPES = ("nn", "children")

OPENERS = frozenset({
    "as", "how", "if", "nobody", "nothing", "of", "so", "something", "that", "those", "what", "whatever",
    "when", "where", "which", "who", "whoever", "whose", "why", "with", "without",
})  # fmt: skip
"""First words after which a docstring cannot say plainly what is returned or done."""

AXES = frozenset({
    "anchors", "batch", "channels", "choices", "classes", "columns", "decisions", "examples", "features", "filters", "height",
    "indices", "offsets", "outputs", "queue", "rows", "size", "slots", "steps", "units", "width", "words",
})  # fmt: skip
"""Words by which the axes of an array are named."""

SHAPE = re.compile(r"\(([^()]*(?:\([^()]*\))?[^()]*,[^()]*)\)")
SCALAR_OR_ANY = re.compile(r"\b(scalars?|any shape|pytrees?)\b")
ARRAY = re.compile(r"\bArray\b")

Documented = ast.Module | ast.ClassDef | ast.FunctionDef


class Entry(NamedTuple):
    """A public module, class, function or method, with the docstring of the class around it."""

    name: str
    node: Documented
    class_docstring: str = ""

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.node) or ""


def modules(room: str) -> list[Path]:
    """The modules of a room."""
    folder = ROOT / room if room == "search_spaces" else ROOT / "automl_cli" / room
    return sorted(folder.rglob("*.py"))


def public_entries(module: Path) -> Iterator[Entry]:
    """The module and everything public in it. Dunder methods and overloads need no docstring."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    name = module.relative_to(ROOT).as_posix()
    yield Entry(name, tree)
    yield from _inside(tree, name, "")


def _inside(parent: ast.Module | ast.ClassDef, name: str, class_docstring: str) -> Iterator[Entry]:
    for node in parent.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.startswith("_"):
            continue
        if any(ast.unparse(decorator).rpartition(".")[2] in ("overload", "setter") for decorator in node.decorator_list):
            continue
        entry = Entry(f"{name}:{node.name}", node, class_docstring)
        yield entry
        if isinstance(node, ast.ClassDef):
            yield from _inside(node, entry.name, entry.docstring)


def gives_shape(docstring: str) -> bool:
    """Whether a docstring has a shape such as `(batch, …)`, or says that there is none to give.

    >>> gives_shape("Return logits (batch, classes).")
    True
    >>> gives_shape("Return the loss, a scalar."), gives_shape("Apply it to an array of any shape.")
    (True, True)
    >>> gives_shape("Return logits (NAS, arXiv 1611.01578, section 3)."), gives_shape("Return logits.")
    (False, False)
    """
    if SCALAR_OR_ANY.search(docstring):
        return True
    shapes = (match[1] for match in SHAPE.finditer(docstring) if "arXiv" not in match[1])
    return any("…" in shape or AXES & set(re.findall(r"\w+", shape)) for shape in shapes)


def annotations(node: ast.FunctionDef) -> str:
    """The types of all arguments and of the result, as text."""
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
    types = [argument.annotation for argument in arguments if argument] + [node.returns]
    return " ".join(ast.unparse(annotation) for annotation in types if annotation)


def opener(docstring: str) -> str:
    """The first word of a docstring, in lower case."""
    return docstring.split()[0].strip("`.,:;").lower()


def entries(room: str) -> list[Entry]:
    """Everything public in a room."""
    return [entry for module in modules(room) for entry in public_entries(module)]


def undocumented(room: str) -> list[str]:
    """Names without a docstring."""
    return [entry.name for entry in entries(room) if not entry.docstring.strip()]


def questions(room: str) -> list[str]:
    """Docstrings that begin with a question word, or another word that leaves open what is returned."""
    texts = ((entry.name, entry.docstring) for entry in entries(room) if entry.docstring.strip())
    return [f"{name}: {text.splitlines()[0]}" for name, text in texts if opener(text) in OPENERS]


def shapeless(room: str) -> list[str]:
    """Functions of arrays whose docstring, and whose class's docstring, give no shape."""
    return [
        entry.name
        for entry in entries(room)
        if isinstance(entry.node, ast.FunctionDef)
        and ARRAY.search(annotations(entry.node))
        and not gives_shape(f"{entry.docstring}\n{entry.class_docstring}")
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_everything_public_has_a_docstring(room: str) -> None:
    assert undocumented(room) == []


@pytest.mark.parametrize("room", ROOMS)
def test_no_docstring_begins_with_a_question_word(room: str) -> None:
    assert questions(room) == []


@pytest.mark.parametrize("room", [room for room in ROOMS if room in ROOMS_WITH_SHAPES])
def test_functions_of_arrays_give_the_shapes(room: str) -> None:
    assert shapeless(room) == []


def test_a_missing_docstring_a_question_and_a_missing_shape_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "automl_cli" / "nn"
    folder.mkdir(parents=True)
    (folder / "sample.py").write_text(
        '"""What it is."""\n\n'
        'def plain(x: jax.Array) -> None:\n    """Return it."""\n\n'
        "class Silent:\n    def method(self): ...\n    def _private(self): ...\n    def __len__(self): ...\n\n"
        'class Shaped:\n    """Maps (batch, channels)."""\n    def method(self, x: Array): "Apply it."\n',
        encoding="utf-8",
    )
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    name = "automl_cli/nn/sample.py"
    assert undocumented("nn") == [f"{name}:Silent", f"{name}:Silent:method"]
    assert questions("nn") == [f"{name}: What it is."]
    assert shapeless("nn") == [f"{name}:plain"]
