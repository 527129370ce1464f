"""`automl datasets`: lists the data sets that are here, and the forms in which others can be given."""

from typing import TYPE_CHECKING

from automl_cli.cli.options import DataDir, Json
from automl_cli.core.numbers import by_times

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from automl_cli.data.available import AvailableDataset


def datasets(*, data_dir: DataDir = None, json: Json = False) -> None:
    """List the data sets: the embedded ones, those prepared under the data directory, and what else --dataset takes.

    Examples:
        automl datasets
        automl datasets --data-dir ~/tensorflow_datasets --json
    """
    from automl_cli.cli.console import data_console, write_json
    from automl_cli.data.available import datasets_here
    from automl_cli.data.catalogue import ALIASES, TFDS_IMAGE_SETS
    from automl_cli.data.opening import tfds_folder

    place = str(data_dir) if data_dir else None
    found = datasets_here(place)
    if json:
        names = {"tfds_names": TFDS_IMAGE_SETS, "aliases": ALIASES}
        write_json({"data_dir": str(tfds_folder(place)), "datasets": found, "forms": FORMS, **names})
        return
    console = data_console()
    for part in _parts(found, str(tfds_folder(place))):
        console.print(part)


FORMS = {
    "digits": "scikit-learn's 1,797 handwritten digits, 8×8; needs no file and no network; the default",
    "cifar10, imagenet, …": "an image set of TFDS, prepared under --data-dir (or TFDS_DATA_DIR); nothing is downloaded",
    "folder/": "one folder of pictures per class; or train/, validation/, test/ of those; or pictures named by metadata.csv",
    "file.csv": "a line path,label for every picture, and perhaps split and group",
    "file.npz": "arrays x_train, y_train, x_test, y_test; or images, labels",
}
"""The forms of `--dataset`, with their meaning."""


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
    yield Text("\nWhat --dataset takes:")
    yield table(("", ""), FORMS.items())
