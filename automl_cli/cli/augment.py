"""`automl augment`: writes augmented copies of the pictures of a folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from automl_cli.cli.options import Json

if TYPE_CHECKING:
    from automl_cli.jobs.augment import Augmented

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="A folder of pictures of any size, with or without folders inside.")
]
PolicyName = Annotated[
    str,
    typer.Option(
        "--policy",
        metavar="ARTIFACT|NAME",
        help="The best.json of search-augment, its directory, or a name that --augment of `automl train` takes.",
    ),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to; folders inside FOLDER are kept.")]
Copies = Annotated[int, typer.Option("--copies", min=1, metavar="N", help="Copies of each picture.")]
Seed = Annotated[int, typer.Option("--seed", min=0, metavar="S", help="The same seed gives the same copies.")]
Mirror = Annotated[
    bool | None,
    typer.Option(
        "--mirror/--no-mirror",
        help="Whether the baseline mirrors. [default: as on the data that the policy was found on, else yes]",
        show_default=False,
    ),
]
Boxes = Annotated[
    Path | None,
    typer.Option(
        "--boxes",
        metavar="FILE",
        help="Boxes and polygons of the pictures, as COCO writes them; those of the copies go to DIR/boxes.json.",
        show_default=False,
    ),
]
Masks = Annotated[
    Path | None,
    typer.Option(
        "--masks",
        metavar="MASKS",
        help="A folder with a mask for each picture, under the same name; those of the copies go to DIR/masks.",
        show_default=False,
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the copies that were written there before.")]


def augment(
    folder: Folder,
    *,
    policy: PolicyName,
    out: Out,
    copies: Copies = 1,
    seed: Seed = 0,
    mirror: Mirror = None,
    boxes: Boxes = None,
    masks: Masks = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write augmented copies of the pictures of a folder, for a pipeline of your own.

    PNG and JPEG stay what they are, other pictures become PNG; grey, colour and alpha are kept, palettes become colours. A copy
    depends on the policy, the seed and the name of its picture only. Shears, translations, rotations, and the flips and crops
    of the baseline move boxes, polygons and masks along; a box of which nothing is left in the picture is dropped.

    Examples:
        automl augment photos --policy flip-crop --out photos-augmented
        automl augment photos --policy runs/augment --out more --copies 5 --seed 1
        automl augment photos --policy runs/augment --out more --boxes boxes.json --masks masks
    """
    from automl_cli.cli.console import write_json, write_line
    from automl_cli.jobs.augment import AugmentRequest, augment_folder

    done = augment_folder(
        AugmentRequest(
            folder=folder,
            policy=policy,
            out=out,
            copies=copies,
            seed=seed,
            mirror=mirror,
            boxes=boxes,
            masks=masks,
            overwrite=overwrite,
        )
    )
    if json:
        write_json(done.document)
        return
    _say(done)
    write_line(str(done.out))


def _say(done: "Augmented") -> None:
    """Say on stderr what was written, converted, dropped and left out."""
    from automl_cli.cli.console import talk_console
    from automl_cli.core.numbers import counted

    lines = [f"{counted(done.copies, 'copy/copies')} of {counted(done.pictures, 'picture')}"]
    lines += [f"{counted(count, 'picture')} turned from {conversion}" for conversion, count in done.converted.items()]
    if done.boxes is not None:
        dropped = f", {done.boxes_dropped} dropped, since nothing of them is left in the picture" if done.boxes_dropped else ""
        lines.append(f"{counted(done.boxes_written, 'box/boxes')} moved along{dropped}")
    if done.left_out:
        lines.append(f"not done here, but by a loader: {done.left_out}")
    for line in lines:
        talk_console().print(line, soft_wrap=True)
