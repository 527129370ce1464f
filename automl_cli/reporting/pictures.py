"""Draws what a value does to images of a data set, as a file: by the function that the row of its kind names."""

from pathlib import Path
from typing import Any

from automl_cli.data.examples import example_images
from automl_cli.plugins.listing import kind_of
from automl_cli.plugins.registry import attribute
from automl_cli.reporting.image_files import check_image_file
from automl_cli.store.files import replace_file
from automl_cli.store.study import FoundBody
from automl_cli.values.dataset import DatasetReference, dataset_of

COLUMNS = 10
"""How many images it is shown on."""

DEFAULT_DATASET = "digits"


def write_pictures(
    body: Any, place: str, path: Path, dataset: str | None, *, image_size: int | None = None, data_dir: Path | None = None
) -> None:
    """Write a PNG file of what the value does to images: those of the named set, else of that which it was found on.

    Raises UserError for another ending, where something else is in the way, and for data that cannot be read.
    """
    check_image_file(path, (".png",), what="; images of pixels are not written as SVG")
    kind = kind_of(body)
    assert kind.pictures is not None
    folder = None if data_dir is None else str(data_dir)
    found_on = dataset_of(body.found.child) if isinstance(body, FoundBody) and body.found is not None else None
    if dataset is None and image_size is None and found_on is not None:
        reference = found_on
    else:
        source = dataset or (found_on.source if found_on is not None else DEFAULT_DATASET)
        reference = DatasetReference(source=source, data_dir=folder, image_size=image_size)
    images, facts = example_images(reference, COLUMNS)
    title = f"{place} on images of {reference.source}"
    replace_file(path, attribute(kind.pictures)(body.value, images, title=title, flip=facts.flip))
