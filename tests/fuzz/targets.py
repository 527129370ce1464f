"""What is fuzzed: everything that reads a file or a text that somebody else may have written, with sound inputs to begin with.

A target takes any bytes, and raises nothing but the documented errors. Its files lie in a folder of its own.
"""

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from PIL import Image

from automl_cli.core.errors import DataError, UserError
from automl_cli.core.spaces import SpaceReference
from automl_cli.data import image_facts, load_images
from automl_cli.data.benchmark_table import read_table
from automl_cli.data.crops import central_box
from automl_cli.data.decoding import check_whole, decode, decode_window, traits
from automl_cli.data.manifest import metadata_of, read_manifest
from automl_cli.data.unlabelled_arrays import ArrayOptions, open_unlabelled
from automl_cli.jobs.coco import CocoFile
from automl_cli.jobs.validation import check_file
from automl_cli.planning.request import SearchRequest, read_request
from automl_cli.planning.resume import resume_search
from automl_cli.plugins.kind import Kind
from automl_cli.plugins.listing import bodies, kind_of
from automl_cli.plugins.roles import filling_named, words_of
from automl_cli.references import artifact_names, open_any, open_written
from automl_cli.reporting.gathering import gather, sort_out
from automl_cli.store.artifact import artifact_of, decode_artifact, encode_artifact, read_artifact
from automl_cli.store.study import StudySettings
from automl_cli.store.training_journal import read_course
from automl_cli.store.weights import read_arrays, write_arrays
from automl_cli.values.activation import ACTIVATIONS, activation_of
from automl_cli.values.dataset import DatasetReference
from automl_cli.values.expressions.canonical import canonical
from automl_cli.values.expressions.derivative import derivative
from automl_cli.values.expressions.parser import parse
from automl_cli.values.expressions.tree import printed
from automl_cli.values.optimizer import RULES, rule_of
from tests.fuzz.forgeries import forged_archive, forged_png
from tests.fuzz.mutations import Make, changed_bytes, changed_json
from tests.store.samples import BODIES
from tests.study import worlds
from tests.study.worlds import World
from tests.tables import ROOT


class Target(NamedTuple):
    """What is fed with inputs, the sound ones, and how broken ones are made of them."""

    feed: Callable[[bytes, Path], object]
    seeds: Callable[[], Sequence[bytes]]
    make: Make = changed_bytes


def _file(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def _artifact(data: bytes, folder: Path) -> None:
    """Read an artifact, check it, and say what it holds as `show` does."""
    if check_file(_file(folder, "artifact.json", data)).problem is not None:
        return
    artifact = decode_artifact(data, "artifact.json", bodies())
    kind: Kind = kind_of(artifact.body)
    held = artifact.body.value if kind.is_found else artifact.body
    for part in (kind.words, kind.drawing):
        if part is not None:
            part(held)
    if kind.sheet is not None:
        list(kind.sheet(artifact.body, "artifact.json"))
    if kind.measurable is not None:
        kind.measurable(artifact.body, "artifact.json")


def _artifacts() -> list[bytes]:
    samples = [encode_artifact(artifact_of(make())) for name, make in BODIES.items() if name != "network"]
    return [*samples, *(encode_artifact(open_any(name).artifact) for name in artifact_names()[:3])]


def _tiny() -> SpaceReference:
    return msgspec.structs.replace(worlds.space(2).reference(), file=str(ROOT / "tests/tiny_space.py"))


@cache
def _run() -> tuple[bytes, bytes, bytes]:
    """The settings, the journal and the winner of a small study."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), worlds.settings(trials=4, epochs=1, retrain_top=1, strategy="random", space=_tiny()))
        world.run()
        return encode_artifact(artifact_of(world.config)), world.journal_file.read_bytes(), world.best


def _journal(data: bytes, folder: Path) -> None:
    _file(folder, "study.json", _run()[0])
    check_file(_file(folder, "journal.jsonl", data))


def _study(data: bytes, folder: Path) -> None:
    """Check the settings of a run, report on it, and settle what a resumed search would do."""
    study, _ = _file(folder, "study.json", data), _file(folder, "journal.jsonl", _run()[1])
    _file(folder, "best.json", _run()[2])
    named = (folder / "study.json", folder / "journal.jsonl", folder / "best.json")
    verdicts = [check_file(path) for path in named]
    with suppress(UserError):
        gather(sort_out([folder]))
    if verdicts[0].problem is None:
        recorded = read_artifact(study, StudySettings).body
        resume_search(recorded.command, recorded, SearchRequest(space=str(ROOT / "tests/tiny_space.py")))


def _training_journal(data: bytes, folder: Path) -> None:
    read_course(_file(folder, "journal.jsonl", data))


def _unsigned() -> list[bytes]:
    """The journal without checksums, so that changes of it are read."""
    from tests.store.lines import unsigned

    return [unsigned(_run()[1])]


TRAINING_LINES = b"""{"record":"began","at":1.5,"epochs":0}
{"record":"trained","epoch":1,"loss":2.5,"score":0.5,"elapsed":1.0}
{"record":"trained","epoch":2,"loss":1.5,"score":0.75,"elapsed":2.0}
{"record":"ended","reason":"finished","elapsed":2.5}
"""

TOML = b"""# flags
trials = 64
strategy = "evolution"
space-option = {layers = 4, curriculum_start = 2}
evaluator-option = {noise = 0.1}
dataset = "digits"
time-budget = 1.5
reuse = false
start-from = ["0.1", "a"]
retrain-top = 2
max-parameters = 1_000_000
"""


def _configuration(data: bytes, folder: Path) -> None:
    read_request(_file(folder, "flags.toml", data))


def _table(data: bytes, folder: Path, *, name: str = "table.csv") -> None:
    decisions = worlds.space(2).decisions
    read_table(str(_file(folder, name, data)), decisions, encoding_column="ops", columns=["valid", "test"])


CSV = b"ops,valid,test\n00,0.5,0.49\n01,0.53,0.52\n1-2,0.58,0.57\n21,0.53,0.518\n"
MANIFEST = b"path,label,split,group\na.png,cat,train,1\nb.png,dog,test,2\nd/c.png,owl,validation,\n"
LINES = b'{"file_name": "a.png", "label": 3}\n{"file_name": "b/b.png", "label": "dog", "split": null}\n'
COCO = json.dumps(
    {
        "images": [{"id": 1, "file_name": "a.png", "width": 4, "height": 4}],
        "annotations": [{"id": 1, "image_id": 1, "bbox": [0, 0, 2, 2.5], "segmentation": [[0, 0, 1, 1, 2, 0]], "area": 3}],
    }
).encode()


def _manifest(data: bytes, folder: Path) -> None:
    read_manifest(_file(folder, "set.csv", data))


def _metadata(data: bytes, folder: Path) -> None:
    _file(folder, "metadata.jsonl", data)
    metadata_of(folder)


def _coco(data: bytes, folder: Path) -> None:
    CocoFile(_file(folder, "boxes.json", data)).problems({"a.png": (4, 4)})


def _expression(data: bytes, folder: Path) -> None:
    """Read a formula as a command line or an artifact gives it, and work with it as searches do."""
    text = data.decode("utf-8", "surrogateescape")
    for language, value_of in ((ACTIVATIONS, activation_of), (RULES, rule_of)):
        try:
            tree = parse(text, language)
            again = parse(printed(tree), language)
            simple = canonical(again)
            if language is ACTIVATIONS:
                derivative(simple)
            value_of(simple)
        except UserError:
            continue


FORMULAS = [
    b"x * sigmoid(1.702 * x)",
    b"max(x, 0) + 0.5 * min(x, 0)",
    b"g * exp(sign(g) * sign(m))",
    b"-x^2 / (b + 1e-7)",
    b"clip(g, 1e-5) - 0.9 * sqrt(abs(m))",
    b"beta * tanh(x) + (1 - beta) * x",
    b"drop(m, 0.1) + cos(x)",
]


def _name(data: bytes, folder: Path) -> None:
    """Take a name for everything that goes by a name, and for a formula."""
    text = data.decode("utf-8", "replace").replace("/", "_")
    for role in ("augmentation", "network", "activation", "optimizer"):
        try:
            if (filling := filling_named(role, text)) is not None:
                words_of(filling)
        except UserError:
            continue
    open_written(text)


NAMES = [
    b"randaugment-2-9",
    b"none+randaugment-1-5",
    b"resnet-20",
    b"wrn-28-10",
    b"convnet-2x32",
    b"flip-crop+trivialaugment",
    b"autoaugment-cifar10",
    b"powersign-ld",
    b"plain-56",
]


def _picture(data: bytes, folder: Path) -> None:
    """Look at a picture in every way in which data sets and models do."""
    ways: list[Callable[[], object]] = [
        lambda: traits(io.BytesIO(data), "a.png"),
        lambda: check_whole(data, "a.png"),
        *(partial(decode, data, "a.png", channels=channels, size=(6, 5), upright=True, how="pad") for channels in (1, 3)),
        lambda: decode_window(data, "a.png", partial(central_box, aspect=1.0), shape=(5, 5, 3), upright=True),
    ]
    for way in ways:
        try:
            way()
        except DataError:
            continue


@cache
def _pictures() -> list[bytes]:
    pixels = np.random.default_rng(0).integers(0, 255, (9, 7, 4)).astype(np.uint8)
    rgba, grey = Image.fromarray(pixels), Image.fromarray(pixels[..., 0])
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    floating = Image.fromarray(pixels[..., 0].astype(np.float32) / 255)
    made: list[tuple[Image.Image, str, dict[str, Any]]] = [
        *((rgba, "PNG", {}), (deep, "PNG", {}), (rgba.convert("RGB"), "PNG", {"exif": exif})),
        *((grey.convert("P"), "PNG", {"transparency": 3}), (rgba.convert("RGB"), "JPEG", {"exif": exif})),
        *((grey, "JPEG", {"progressive": True}), (rgba.convert("CMYK"), "JPEG", {})),
        *(
            (grey, "GIF", {"save_all": True, "append_images": [grey]}),
            (floating, "TIFF", {}),
            (deep, "TIFF", {}),
            (rgba, "TIFF", {"compression": "tiff_deflate"}),
            (rgba.convert("RGB"), "TIFF", {"compression": "tiff_lzw"}),
        ),
        *((grey.convert("1"), "TIFF", {"compression": "group4"}), (rgba.convert("RGB"), "BMP", {}), (grey, "BMP", {})),
        *((rgba.convert("RGB"), "PPM", {}), (rgba, "WEBP", {})),
    ]
    found = []
    for picture, form, more in made:
        stream = io.BytesIO()
        picture.save(stream, form, **more)
        found.append(stream.getvalue())
    return found


def _npz(data: bytes, folder: Path) -> None:
    """Take a file for a data set, for images to be named, and for a benchmark table."""
    path = _file(folder, "set.npz", data)
    ways: list[Callable[[], object]] = [
        lambda: image_facts(DatasetReference(source=str(path))),
        lambda: load_images(DatasetReference(source=str(path))),
        lambda: _drained(path),
        lambda: _table(data, folder, name="table.npz"),
    ]
    for way in ways:
        try:
            way()
        except UserError:
            continue


def _drained(path: Path) -> None:
    array = open_unlabelled(path, ArrayOptions())
    for _ in array.files.chunks(array.key):
        pass


def _packed(compressed: bool, **arrays: Any) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)
    return stream.getvalue()


@cache
def _archives() -> list[bytes]:
    random = np.random.default_rng(0)
    images = random.integers(0, 255, (12, 4, 4)).astype(np.uint8)
    labels = np.arange(12) % 3
    table = {"ops": np.array(["00", "01", "12"]), "valid": np.array([0.1, 0.2, 0.3]), "test": np.array([1, 2, 3])}
    odd = io.BytesIO()
    with zipfile.ZipFile(odd, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in (("x.npy", images), ("../y.npy", labels), ("y.npy", labels)):
            with archive.open(name, "w") as stream:
                np.save(stream, array)
    return [
        _packed(False, x=images, y=labels),
        _packed(True, x_train=images, y_train=labels, x_test=images[:6], y_test=labels[:6]),
        _packed(False, images=images.astype(np.float32) / 255, labels=np.array(list("abc") * 4)),
        _packed(False, x=np.asfortranarray(images[..., None].repeat(3, 3)), y=np.eye(3)[labels]),
        _packed(True, **table),
        odd.getvalue(),
    ]


def _weights(data: bytes, folder: Path) -> None:
    read_arrays(_file(folder, "weights.safetensors", data))


@cache
def _arrays() -> list[bytes]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.safetensors"
        write_arrays(path, {"a": np.zeros((2, 3), np.float32), "b": np.arange(4)})
        return [path.read_bytes()]


TARGETS: dict[str, Target] = {
    "artifact": Target(_artifact, _artifacts, changed_json),
    "study": Target(_study, lambda: [_run()[0]], changed_json),
    "journal": Target(_journal, lambda: [_run()[1]], changed_json),
    "journal without checksums": Target(_journal, _unsigned, changed_json),
    "journal of a training": Target(_training_journal, lambda: [TRAINING_LINES], changed_json),
    "configuration": Target(_configuration, lambda: [TOML]),
    "table": Target(_table, lambda: [CSV]),
    "manifest": Target(_manifest, lambda: [MANIFEST]),
    "metadata": Target(_metadata, lambda: [LINES], changed_json),
    "boxes": Target(_coco, lambda: [COCO], changed_json),
    "expression": Target(_expression, lambda: FORMULAS),
    "name": Target(_name, lambda: NAMES),
    "picture": Target(_picture, _pictures),
    "arrays": Target(_npz, _archives),
    "forged pictures": Target(_picture, _pictures, forged_png),
    "forged arrays": Target(_npz, _archives, forged_archive),
    "weights": Target(_weights, _arrays),
}
"""By name. All kinds are fuzzed by way of their artifacts."""
