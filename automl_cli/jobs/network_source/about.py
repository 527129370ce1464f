"""The docstring of an exported network: what it is, where it comes from, what it takes and gives, and how it is used."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from textwrap import wrap

from msgspec import Struct

from automl_cli.core.errors import UserError
from automl_cli.core.numbers import counted
from automl_cli.kinds.model import ModelBody
from automl_cli.values.dataset import ImageFacts
from automl_cli.values.expert_networks import EXPERT_NETWORKS, expert_network
from automl_cli.values.network import Network
from automl_cli.values.operations import ConvolutionUnit

WIDTH = 88


class Subject(Struct, frozen=True, kw_only=True):
    """Subject of a docstring.

    These are the model, the tool that trained it, and the facts of its images; SHA-256 of files and artifacts by what they
    are; the name of the module; what pictures `preprocess` takes; and the network.
    """

    model: ModelBody
    tool: str
    facts: ImageFacts
    digests: Mapping[str, str]
    module: str
    takes: str
    network: Network


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
    trained = f"trained on {subject.model.child.problem.source}"
    said = [f"Classifier of {counted(classes, 'class/classes')}, {trained}: a network in plain {title}."]
    said += ["", *_paragraphs(_facts(subject)), "", f"Use ({install}; the weights lie beside this file):", ""]
    said += [f"    {line.format(module=subject.module, classes=classes)}".rstrip() for line in _USES[library]]
    order = "heights and widths before channels" if library == "flax" else "channels before heights and widths"
    takes = f"`images` are {subject.takes}. The network itself takes what `preprocess` returns: float32, {order}."
    said += ["", *_paragraphs([takes]), "", "SHA-256:", ""]
    said += [f"    {digest}  {name}" for name, digest in subject.digests.items()]
    return '"""' + "\n".join(wrapped_plain(line) for line in said) + '\n"""'


def _paragraphs(texts: "list[str] | Iterator[str]") -> list[str]:
    return [line for text in texts for line in wrap(wrapped_plain(text), WIDTH)]


def _facts(subject: Subject) -> Iterator[str]:
    """Yield what is known of the model, a sentence or two at a time."""
    model, roles = subject.model, subject.model.child.roles
    network = roles["network"].name or expert_name(subject.network) or "from the artifact whose SHA-256 stands below"
    costs = f"{counted(model.parameters, 'parameter')}, {counted(model.multiply_adds, 'multiply-add')} for an image"
    yield f"Network: {network}; {costs}."
    others = ", ".join(
        f"{role} {filling.name or _short(filling.value)}" for role, filling in roles.items() if role != "network"
    )
    yield f"Trained by {subject.tool} for {counted(model.epochs, 'epoch')}, seed {model.seed}, with {others}."
    scores = ", ".join(f"{name.replace('_', ' ')} {score:.4f}" for name, score in model.scores.items())
    yield f"Scores: {scores}."
    if (left := _left_out(subject)) is not None:
        yield left


def expert_name(network: Network) -> str | None:
    """Return the name of a network made by experts; None for any other.

    >>> from automl_cli.values.expert_networks import convnet, resnet, wide_resnet
    >>> expert_name(resnet(20)), expert_name(wide_resnet(16, 1)), expert_name(wide_resnet(40, 2)), expert_name(convnet(2, 8))
    ('resnet-20', 'wrn-16-1', 'wrn-40-2', 'convnet-2x8')
    """
    convolutions = [block.operation for block in network.blocks if isinstance(block.operation, ConvolutionUnit)]
    inner, filters = sum(unit.kernel == (3, 3) for unit in convolutions), [unit.filters for unit in convolutions]
    if not filters:
        return None
    tried = (f"resnet-{inner + 1}", f"wrn-{inner + 3}-{max(filters) // 64}", f"convnet-{inner}x{filters[0]}")
    for pattern in EXPERT_NETWORKS:
        for name in tried:
            with suppress(UserError):
                if expert_network(pattern, name) == network:
                    return name
    return None


def _short(value: object) -> str:
    """A found value in a few words: its formula where it has one."""
    return str(value["expression"]) if isinstance(value, dict) and "expression" in value else "found by a search"


def _left_out(subject: Subject) -> str | None:
    """Return what training used and the file does not have."""
    recipe = subject.model.child.recipe
    parts = [
        *(["an auxiliary head"] if subject.network.auxiliary and recipe.auxiliary_weight else []),
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
