"""`automl measure`: counts the parameters and multiply-adds of a network, found, published or made by experts."""

from typing import Annotated

import typer

from automl_cli.cli.options import DataDir, Json
from automl_cli.core.numbers import by_times, counted

Artifact = Annotated[
    str,
    typer.Argument(
        metavar="ARTIFACT",
        help="A file, the directory of a search or a training, a name that `automl references` lists, or that of a network "
        "made by experts.",
    ),
]
Stack = Annotated[
    str | None,
    typer.Option("--stack", metavar="N@P", help="Of a cell: repeats and channels of the last cell.", show_default=False),
]
Filters = Annotated[
    int | None, typer.Option("--filters", min=1, metavar="F", help="Of a cell: filters, whatever P is.", show_default=False)
]
ImageSize = Annotated[
    int | None,
    typer.Option("--image-size", min=1, metavar="PIXELS", help="Height and width of the images.", show_default=False),
]
Classes = Annotated[int | None, typer.Option("--classes", min=1, metavar="N", help="How many classes.", show_default=False)]
Dataset = Annotated[
    str | None,
    typer.Option("--dataset", "--target", metavar="NAME|PATH", help="Take images and classes of this set.", show_default=False),
]


def measure(
    artifact: Artifact,
    *,
    stack: Stack = None,
    filters: Filters = None,
    image_size: ImageSize = None,
    classes: Classes = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Count parameters and multiply-adds of a network, for one image, exactly and without building it.

    Images and classes are those that the network was found with, unless told otherwise. A cell is stacked for the images: as
    6@768 below 64 pixels, else as 4@1056, unless --stack says more.

    Examples:
        automl measure runs/first/best.json
        automl measure runs/first --image-size 224 --classes 1000 --json
        automl measure nasnet-a --stack 6@4032 --target imagenet --image-size 331
        automl measure wrn-28-10 --dataset cifar10
    """
    from automl_cli.cli.console import write_json, write_line
    from automl_cli.jobs.measure import measure as count

    place = None if data_dir is None else str(data_dir)
    found = count(
        artifact, image_size=image_size, classes=classes, dataset=dataset, data_dir=place, stack=stack, filters=filters
    )
    if json:
        write_json(found.document)
        return
    shown = found.document
    write_line(f"parameters     {found.parameters:,}")
    write_line(f"multiply-adds  {found.multiply_adds:,} for one {'image' if 'image_shape' in shown else 'example'}")
    if "image_shape" in shown:
        write_line(f"images         {by_times(shown['image_shape'])}, {counted(shown['classes'], 'class/classes')}")
    if (stack := shown.get("stack")) is not None:
        write_line(f"stack          {stack.skeleton}, N = {stack.repeats}, F = {stack.filters}, width {shown['width']}")
