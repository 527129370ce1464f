"""`automl measure`: what a found network costs."""

from pathlib import Path
from typing import Annotated

import typer

from automl_cli.cli.options import DataDir, Json, artifact_in

File = Annotated[Path, typer.Argument(metavar="ARTIFACT", help="An architecture or a model, or the directory of a run.")]
ImageSize = Annotated[
    int | None,
    typer.Option("--image-size", min=1, metavar="PIXELS", help="Height and width of the images.", show_default=False),
]
Classes = Annotated[int | None, typer.Option("--classes", min=1, metavar="N", help="How many classes.", show_default=False)]
Dataset = Annotated[
    str | None,
    typer.Option("--dataset", metavar="NAME|PATH", help="Take images and classes of this set.", show_default=False),
]


def measure(
    file: File,
    *,
    image_size: ImageSize = None,
    classes: Classes = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Count parameters and multiply-adds of a network, for one image, exactly and without building it.

    Images and classes are those that the network was found with, unless told otherwise.

    Examples:
        automl measure runs/first/best.json
        automl measure runs/first --image-size 224 --classes 1000 --json
    """
    from automl_cli.cli.console import write_json, write_line
    from automl_cli.jobs.measure import measure as count

    place = None if data_dir is None else str(data_dir)
    found = count(artifact_in(file), image_size=image_size, classes=classes, dataset=dataset, data_dir=place)
    if json:
        write_json(found)
        return
    height, width, channels = found.image_shape
    write_line(f"parameters     {found.parameters:,}")
    write_line(f"multiply-adds  {found.multiply_adds:,} for one image")
    write_line(f"images         {height}×{width}×{channels}, {found.classes} classes")
