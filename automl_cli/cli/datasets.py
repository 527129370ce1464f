"""`automl datasets`: lists the data sets that are here and the forms in which others can be given, or looks at one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from automl_cli.cli.options import DataDir, Json
from automl_cli.cli.signatures import taking_also
from automl_cli.core.errors import UserError
from automl_cli.core.flags import Flag
from automl_cli.core.numbers import by_times
from automl_cli.problems.image_flags import FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from automl_cli.data.available import AvailableDataset

READING = "How it is read"
ROWS = (
    *(msgspec.structs.replace(row, panel=READING) for row in FLAGS),
    Flag(
        name="train-examples",
        type=int,
        panel=READING,
        metavar="N",
        help="Training and validation examples to take, by class. [default: all]",
        at_least=2,
    ),
)
"""Flags that say how a set is read, as in searches."""

Set = Annotated[str | None, typer.Argument(metavar="SET", help="A data set to look at.", show_default=False)]
Sheet = Annotated[
    Path | None,
    typer.Option("--image", metavar="FILE", help="Write some pictures of every class as one PNG.", show_default=False),
]


@taking_also(ROWS)
def datasets(dataset: Set = None, *, image: Sheet = None, data_dir: DataDir = None, json: Json = False, **given: Any) -> None:
    """List the data sets, or look at one without searching.

    Without a set: the embedded ones, those prepared under the data directory, and what else --dataset takes. With one: its
    shape, classes and splits, what is done to its pictures, which of them are broken or copies, and which flags fit it.

    Examples:
        automl datasets
        automl datasets ./photographs --image sheet.png
        automl datasets arrays.npz --pixel-range 0,4095 --json
        automl datasets --data-dir ~/tensorflow_datasets --json
    """
    place = str(data_dir) if data_dir else None
    flags = {row.name: value for row in ROWS if (value := given[row.attribute]) is not None}
    for row in ROWS:
        if row.name in flags:
            row.check(flags[row.name])
    if dataset is not None:
        from automl_cli.cli.dataset_overview import show_overview

        show_overview(dataset, flags | ({"data-dir": place} if place else {}), sheet=image, json=json)
        return
    if image is not None or flags:
        name = next(iter(flags), "image")
        raise UserError(f"--{name} needs a data set before it: automl datasets SET --{name} …")
    _list(place, json=json)


FORMS = {
    "digits": "scikit-learn's 1,797 handwritten digits, 8×8; needs no file and no network; the default",
    "cifar10, imagenet, …": "an image set of TFDS, prepared under --data-dir (or TFDS_DATA_DIR); nothing is downloaded",
    "folder/": "one folder of pictures per class; or train/, validation/, test/ of those; or pictures named by metadata.csv",
    "file.csv": "a line path,label for every picture, and perhaps split and group",
    "file.npz": "arrays x_train, y_train, x_test, y_test; or images, labels; X, y; …",
    "images.npy": "a file beside labels.npy, or their folder; names as in an .npz file",
    "file.parquet": "columns image and label, as Hugging Face keeps them; or a folder of such files",
}
"""The forms of `--dataset`, with their meaning."""


def _list(place: str | None, *, json: bool) -> None:
    from rich.text import Text

    from automl_cli.cli.console import data_console, write_json
    from automl_cli.data.available import datasets_here
    from automl_cli.data.catalogue import ALIASES, TFDS_IMAGE_SETS
    from automl_cli.data.opening import tfds_folder

    found = datasets_here(place)
    if json:
        names = {"tfds_names": TFDS_IMAGE_SETS, "aliases": ALIASES}
        write_json({"data_dir": str(tfds_folder(place)), "datasets": found, "forms": FORMS, **names})
        return
    console = data_console()
    for part in _parts(found, str(tfds_folder(place))):
        console.print(part, soft_wrap=isinstance(part, Text))  # a path in it is not broken in two


def _parts(found: "Sequence[AvailableDataset]", place: str) -> "Iterator[RenderableType]":
    from rich.text import Text

    from automl_cli.cli.console import table

    usable = [(listed.name, listed.facts) for listed in found if listed.facts is not None]
    numbers = ("classes", "train", "validation", "test")
    rows = [
        (name, by_times(facts.image_shape), len(facts.classes), facts.train_examples, facts.validation_examples,
         facts.test_examples)
        for name, facts in usable
    ]  # fmt: skip
    yield table(("data set", "images", *numbers), rows, right=numbers)
    for listed in found:
        if listed.problem is not None:
            yield Text(f"\n{listed.name}: {listed.problem}")
    if not any(listed.kind == "tfds" for listed in found):
        yield Text(f"\nNo prepared TFDS set under {place}; name another folder with --data-dir.")
    yield Text("\nWhat --dataset takes:\n")
    yield table(("form", "what it is"), FORMS.items())
