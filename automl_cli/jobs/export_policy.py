"""An augmentation as one file: JSON that any program reads, or Python that needs Pillow and NumPy and nothing of this tool.

The file of Python is the text of `data.pillow_policy` with a docstring of its own in front and the policy as data behind it.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Any

from msgspec import to_builtins

from automl_cli.core.errors import UserError
from automl_cli.jobs.export_expression import origin_of, write_new
from automl_cli.plugins.listing import kind_of
from automl_cli.references import Opened
from automl_cli.store.encoding import document
from automl_cli.store.study import FoundBody
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.dataset import facts_of
from automl_cli.values.expressions.source import Origin
from automl_cli.values.policy_settings import FIELDS, LEFT_TO_THE_LOADER, settings_of

JSON_FILE, PYTHON_FILE = "augmentation.json", "augmentation.py"
"""Names of the files."""

WIDTH = 110
"""Characters of a line of a docstring."""

USAGE = """\
    from augmentation import augment        # this file, beside your program

    picture = augment(picture)              # a Pillow image, or a uint8 array (height, width[, channels])
    picture = augment(picture, rng)         # drawn from a numpy.random.Generator: the same seed, the same picture

PyTorch: `augment` is a transform. Put it before ToTensor, or into __getitem__ of your Dataset. Python's `random`, which
DataLoader seeds anew in each worker and for each epoch, seeds the draws, so workers differ and torch.manual_seed repeats a run.
Without workers (num_workers=0) seed it yourself: random.seed(0).

    transform = transforms.Compose([augment, transforms.ToTensor()])

TensorFlow, on uint8 images before they are batched; set the shape again behind it:

    data = data.map(lambda image, label: (tf.numpy_function(augment, [image], tf.uint8), label))

Keras: call it for each image in __getitem__ of a keras.utils.PyDataset, or on a tf.data pipeline as above."""


def export_policy(opened: Opened[Any], out: Path, format: str, *, overwrite: bool) -> Path:  # noqa: A002
    """Write the augmentation in this artifact as `augmentation.json` or `augmentation.py` into a directory; return the file.

    UserError for an unknown format, for a file that exists already, and for an augmentation that a file could do nothing of.
    """
    body = opened.artifact.body
    augmentation: Augmentation = body.value
    settings = settings_of(augmentation, flip=mirrors(body))
    if not (settings["sub_policies"] or settings["cutout"] or augmentation.baseline in ("standard", "flip-crop")):
        raise UserError(f"{opened.place}: {augmentation.baseline!r} leaves nothing to export: {_left(augmentation) or 'none'}")
    origin = origin_of(_name(opened), opened)
    if format == "json":
        about = {"about": {**to_builtins(origin), "fields": dict(FIELDS)}}
        return write_new(out / JSON_FILE, document({**about, **settings}).decode(), overwrite=overwrite)
    return write_new(out / PYTHON_FILE, python_source(augmentation, settings, origin), overwrite=overwrite)


def mirrors(body: Any) -> bool:
    """Return whether the baseline of an artifact's augmentation mirrors: as on the data that it was found on, else yes."""
    facts = facts_of(body.found.child) if isinstance(body, FoundBody) and body.found is not None else None
    return facts is None or facts.flip


def python_source(augmentation: Augmentation, settings: dict[str, Any], origin: Origin) -> str:
    """Return the text of a file that defines `augment`, a `Policy` with these settings."""
    from automl_cli.data import pillow_policy

    _, _, code = inspect.getsource(pillow_policy).partition('"""\n\n')
    docstring = "\n".join(_docstring(augmentation, settings, origin))
    return f'r"""{docstring}\n"""\n\n{code}\n\n{_data(settings)}\n\naugment = Policy(SETTINGS)\n'


def _docstring(augmentation: Augmentation, settings: dict[str, Any], origin: Origin) -> Iterator[str]:
    yield f"Augmentation {_plain(origin.name)}, written by {origin.tool}. Needs Pillow and NumPy."
    yield ""
    yield from wrap("; ".join(_contents(augmentation, settings)) + ".", WIDTH)
    for note in _notes(augmentation, settings):
        yield from ("", *wrap(note, WIDTH))
    sources = [*origin.source, *([f"artifact with SHA-256 {origin.digest}"] if origin.digest else [])]
    for number, source in enumerate(sources):
        yield from ("", *wrap(f"{'' if number else 'From: '}{_plain(source)}.", WIDTH))
    yield from ("", "Use:", "", *USAGE.splitlines())


def _contents(augmentation: Augmentation, settings: dict[str, Any]) -> Iterator[str]:
    """Yield what a picture goes through."""
    mirrored = "mirrored in half of the cases" if settings["flip"] else "never mirrored"
    yield f"Baseline {augmentation.baseline}" + (f", {mirrored}" if augmentation.baseline in ("standard", "flip-crop") else "")
    if augmentation.policy is not None:
        drawn = "one is drawn" if settings["draws"] == 1 else f"{settings['draws']} are drawn, one after the other,"
        yield f"sub-policies: {len(settings['sub_policies'])}, of which {drawn} for each picture"
        yield f"levels by the mapping {augmentation.mapping}, in the order {augmentation.order}"
    if augmentation.cutout:
        yield f"Cutout of {augmentation.cutout:g} of the shorter side at last"


def _notes(augmentation: Augmentation, settings: dict[str, Any]) -> Iterator[str]:
    """Yield what this file leaves to the caller."""
    if left := _left(augmentation):
        yield f"Not in this file: {left}. Do that in your loader, {_moment(augmentation)}."
    if augmentation.cutout or augmentation.baseline == "flip-crop":
        yield (
            "In training, the margin of the baseline and the square of Cutout have the mean of the data: put that of yours, "
            'as bytes, into "mean" in SETTINGS, which is the colour "fill" here.'
        )
    if settings["flip"]:
        yield 'Where a mirrored picture is no valid example, as with digits, set "flip" in SETTINGS to False.'
    if any(row[0] == "SamplePairing" for rows in settings["sub_policies"] for row in rows):
        yield "SamplePairing mixes in a second picture: augment(picture, rng, partner), of the same size and mode."


def _left(augmentation: Augmentation) -> str:
    """Return what a file of Python cannot do of the baseline, in words; "" where it does all."""
    doing = LEFT_TO_THE_LOADER.get(augmentation.baseline, "")
    return doing and f"the baseline {augmentation.baseline!r} ({doing})"


def _moment(augmentation: Augmentation) -> str:
    return "before this" if augmentation.order == "paper" else "after this"


def _data(settings: dict[str, Any]) -> str:
    """Return the settings as Python, one sub-policy a line."""
    rows = "".join(f"        {sub_policy!r},\n" for sub_policy in settings["sub_policies"])
    others = "".join(f'    "{name}": {value!r},\n' for name, value in settings.items() if name != "sub_policies")
    return f'SETTINGS: dict[str, Any] = {{\n{others}    "sub_policies": [\n{rows}    ],\n}}'


def _name(opened: Opened[Any]) -> str:
    """Return the name that the augmentation goes by, else what kind of thing it is."""
    if opened.published:
        return opened.place.removeprefix("reference ")
    names = kind_of(opened.artifact.body).names
    return next((name for name, known in names.items() if known == opened.artifact.body.value), "found-policy")


def _plain(text: str) -> str:
    """Return text of others as it can stand in a docstring: one line, without quotation marks that would end it."""
    line = " ".join(text.replace('"', "'").split())
    return "".join(sign if sign.isprintable() else "?" for sign in line)
