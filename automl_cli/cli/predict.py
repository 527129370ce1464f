"""`automl predict`: names the classes of pictures and arrays by a trained model."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from automl_cli.cli.options import Json
from automl_cli.core.numbers import counted

if TYPE_CHECKING:
    from automl_cli.data.unlabelled_arrays import ArrayOptions
    from automl_cli.jobs.predict import Predictions

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="The model.json of a training, or its directory.")]
Places = Annotated[
    list[Path], typer.Argument(metavar="PATH…", help="Pictures, folders of pictures, .npz or .npy files of arrays.")
]
Top = Annotated[int, typer.Option("--top", min=1, metavar="K", help="How many classes are named for each picture.")]
Csv = Annotated[bool, typer.Option("--csv", help="Comma-separated values on stdout, with a header.")]
Logits = Annotated[bool, typer.Option("--logits", help="With --json or --csv: all logits as well.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Write into a file: JSON or CSV by its ending, .json or .csv.", show_default=False
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace that file.")]
SkipBroken = Annotated[bool, typer.Option("--skip-broken", help="Leave out pictures that cannot be read.")]
Array = Annotated[
    str | None,
    typer.Option(
        "--array",
        metavar="NAME",
        help="The array of an .npz file that holds the images. [default: by name]",
        show_default=False,
    ),
]
Layout = Annotated[
    str | None,
    typer.Option(
        "--layout",
        metavar="nhwc|nchw",
        help="Whether the channels of arrays stand last or first. [default: as in the training, then by shape]",
        show_default=False,
    ),
]
PixelRange = Annotated[
    str | None,
    typer.Option(
        "--pixel-range",
        metavar="LOW,HIGH",
        help="The numbers that are black and white in arrays. [default: as in the training, then by the numbers]",
        show_default=False,
    ),
]

DATA_ENDINGS = (".json", ".csv")


def predict(
    model: Model,
    places: Places,
    *,
    top: Top = 3,
    csv: Csv = False,
    logits: Logits = False,
    out: Out = None,
    overwrite: Overwrite = False,
    skip_broken: SkipBroken = False,
    array: Array = None,
    layout: Layout = None,
    pixel_range: PixelRange = None,
    json: Json = False,
) -> None:
    """Name the classes of pictures, of all pictures below folders, and of arrays, with probabilities.

    Pictures are read as in the training: turned upright, brought to the model's size by the same rule, grey or in colour, of
    any depth. Files that cannot be read are named all at once.

    Examples:
        automl predict runs/final photo.jpg holiday/
        automl predict runs/final test.npz --array x_test --json
        automl predict runs/final holiday --top 1 --out named.csv --skip-broken
    """
    from automl_cli.jobs.predict import predict as named
    from automl_cli.system.process import set_up_lone_process
    from automl_cli.training.model_file import model_file

    form = _form(out, json=json, csv=csv, logits=logits)
    if out is not None:
        _check_out(out, overwrite=overwrite)
    options = _options(array, layout, pixel_range)
    path = model_file(model)
    set_up_lone_process()
    found = named(path, places, options, top=top, skip_broken=skip_broken, logits=logits)
    _write(found, form, out)
    for note in _notes(found):
        _talk(note)


def _form(out: Path | None, *, json: bool, csv: bool, logits: bool) -> str:
    """Return the form of the output: table, json or csv. Raises UserError for flags that do not go together."""
    from automl_cli.core.errors import UserError

    if json and csv:
        raise UserError("--json and --csv both say how the predictions are written; give one of them")
    form = "json" if json else "csv" if csv else "table"
    if out is not None and form == "table":
        if out.suffix.lower() not in DATA_ENDINGS:
            raise UserError(f"--out {out}: a file of predictions ends in .json or .csv, or --json or --csv says what it is")
        form = out.suffix.lower()[1:]
    if logits and form == "table":
        raise UserError("--logits is for --json and --csv, or a file of those; leave it out for a table")
    return form


def _check_out(out: Path, *, overwrite: bool) -> None:
    """Check that the file can be written, in a folder that is there. Raises UserError where it cannot."""
    from automl_cli.core.errors import UserError
    from automl_cli.store.places import check_file

    check_file(out, overwrite=overwrite)
    if not out.parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {out.parent}; make it, or choose another --out")


def _options(array: str | None, layout: str | None, pixel_range: str | None) -> "ArrayOptions":
    """Return what was said of arrays. Raises UserError for what says nothing."""
    from automl_cli.core.errors import unknown_name
    from automl_cli.data.unlabelled_arrays import ArrayOptions
    from automl_cli.problems.image_flags import pixel_range as numbers

    if layout not in (None, "nhwc", "nchw"):
        raise unknown_name("--layout", layout, ("nhwc", "nchw"))
    low_and_high = None if pixel_range is None else tuple(numbers(pixel_range))
    return ArrayOptions(array=array, layout=layout, pixel_range=low_and_high)  # type: ignore[arg-type]


def _write(found: "Predictions", form: str, out: Path | None) -> None:
    """Write the predictions on stdout, or into a file whose name then stands on stdout."""
    from automl_cli.cli.console import data_console, table, write_bytes, write_line
    from automl_cli.jobs.predict import as_csv
    from automl_cli.store.encoding import document
    from automl_cli.store.files import ANOTHER_OUT, replace_file

    if form == "table":
        data_console().print(table(("picture", "class", "probability", "next"), _rows(found), right=("probability",)))
        return
    data = document(found.document) if form == "json" else as_csv(found).encode()
    if out is None:
        write_bytes(data)
    else:
        replace_file(out, data, hint=ANOTHER_OUT)
        write_line(str(out))


def _rows(found: "Predictions") -> Iterator[tuple[str, ...]]:
    for one in found.predictions:
        others = zip(one.classes[1:], one.probabilities[1:], strict=True)
        yield (
            one.file,
            one.classes[0],
            f"{one.probabilities[0]:.3f}",
            ", ".join(f"{name} {share:.3f}" for name, share in others),
        )


def _notes(found: "Predictions") -> Iterator[str]:
    if found.left_out:
        yield f"left out: {counted(found.left_out, 'file that is no picture/files that are no pictures')}"
    if found.skipped:
        yield f"skipped: {counted(len(found.skipped), 'picture')} that cannot be read"
        for name, reason in found.skipped[:20]:
            yield f"  {name}: {reason}"


def _talk(text: str) -> None:
    from automl_cli.cli.console import talk_console

    talk_console().print(text, soft_wrap=True)
