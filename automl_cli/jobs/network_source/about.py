"""The docstring of an exported network: what it is, where it comes from, what it takes and gives, and how it is used."""

from collections.abc import Iterator, Mapping
from textwrap import wrap

from msgspec import Struct

from automl_cli.core.numbers import counted
from automl_cli.kinds.model import ModelBody
from automl_cli.values.dataset import ImageFacts

WIDTH = 88


class Subject(Struct, frozen=True, kw_only=True):
    """What a docstring speaks of: the model, the tool that wrote it and its facts; SHA-256 of files and artifacts by name; the
    name of the module to import; and what pictures `preprocess` takes."""

    model: ModelBody
    tool: str
    facts: ImageFacts
    digests: Mapping[str, str]
    module: str
    takes: str


_LIBRARIES = {"flax": ("Flax", "pip install flax"), "torch": ("PyTorch", "pip install torch safetensors")}

_USES = {
    "flax": (
        "from {module} import CLASSES, load, preprocess",
        "",
        "network = load()",
        "logits = network(preprocess(images))  # (batch, {classes}); in a loop, within jax.jit",
        "names = [CLASSES[number] for number in logits.argmax(-1)]",
    ),
    "torch": (
        "import torch",
        "from {module} import CLASSES, load, preprocess",
        "",
        "network = load()  # for training: load().train()",
        "with torch.inference_mode():",
        "    logits = network(preprocess(images))  # (batch, {classes})",
        "names = [CLASSES[number] for number in logits.argmax(-1)]",
    ),
}


def docstring(subject: Subject, library: str) -> str:
    """Return the docstring of the file, as the first statement of it."""
    title, install = _LIBRARIES[library]
    classes = len(subject.facts.classes)
    said = [f"Classifier of {counted(classes, 'class/classes')}, trained on {subject.model.child.problem.source}: a network in plain {title}."]
    said += ["", *_paragraphs(_facts(subject)), "", f"Use ({install}; the weights lie beside this file):", ""]
    said += [f"    {line.format(module=subject.module, classes=classes)}".rstrip() for line in _USES[library]]
    order = "heights and widths before channels" if library == "flax" else "channels before heights and widths"
    takes = f"`images` are {subject.takes}. The network itself takes what `preprocess` returns: float32, {order}."
    said += ["", *_paragraphs([takes]), "", "SHA-256:", ""]
    longest = max(map(len, subject.digests))
    said += [f"    {name:<{longest}}  {digest}" for name, digest in subject.digests.items()]
    return '"""' + "\n".join(wrapped_plain(line) for line in said) + '\n"""'


def _paragraphs(texts: "list[str] | Iterator[str]") -> list[str]:
    return [line for text in texts for line in wrap(wrapped_plain(text), WIDTH)]


def _facts(subject: Subject) -> Iterator[str]:
    """Yield what is known of the model, a sentence or two at a time."""
    model, roles = subject.model, subject.model.child.roles
    network = roles["network"].name or "found by a search (the artifact with the SHA-256 below)"
    yield f"Network: {network}; {counted(model.parameters, 'parameter')}, {counted(model.multiply_adds, 'multiply-add')} for an image."
    others = ", ".join(f"{role} {filling.name or _short(filling.value)}" for role, filling in roles.items() if role != "network")
    yield f"Trained by {subject.tool} for {counted(model.epochs, 'epoch')}, seed {model.seed}, with {others}."
    scores = ", ".join(f"{name.replace('_', ' ')} {score:.4f}" for name, score in model.scores.items())
    yield f"Scores: {scores}."
    if (left := _left_out(model)) is not None:
        yield left


def _short(value: object) -> str:
    """A found value in a few words: its formula where it has one."""
    return str(value["expression"]) if isinstance(value, dict) and "expression" in value else "found by a search"


def _left_out(model: ModelBody) -> str | None:
    """Return what training used and the file does not have."""
    recipe = model.child.recipe
    parts = [
        *(["the auxiliary head"] if recipe.auxiliary_weight else []),
        *(["dropped paths"] if recipe.drop_path_keep < 1 else []),
        *(["dropout"] if recipe.dropout else []),
    ]
    return f"Only training used, and this file leaves out: {', '.join(parts)}." if parts else None


def wrapped_plain(text: str) -> str:
    """Return a text of others as it can stand in a docstring: nothing that ends it, escapes, or cannot be seen."""
    return "".join(sign if sign.isprintable() else "?" for sign in text.replace("\\", "/").replace('"', "'"))


def literal_text(text: str) -> str:
    """Return a text as a literal of Python, in double quotes as formatters write it.

    >>> print(literal_text("cat"), literal_text('a "b"'))
    "cat" 'a "b"'
    """
    written = repr(text)
    return f'"{written[1:-1]}"' if written.startswith("'") and '"' not in written else written


