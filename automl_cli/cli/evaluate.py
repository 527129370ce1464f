"""`automl evaluate`: scores a trained model on the test split of its data set, or on another set, class by class."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from automl_cli.cli.options import DataDir, Json
from automl_cli.core.numbers import counted

if TYPE_CHECKING:
    from automl_cli.training.evaluate import Scores

File = Annotated[Path, typer.Argument(metavar="MODEL", help="The model.json of a training, or its directory.")]
Dataset = Annotated[
    str | None,
    typer.Option(
        "--dataset", metavar="NAME|PATH", help="Another set of the same classes. [default: the model's own]", show_default=False
    ),
]

Split = Annotated[
    str | None,
    typer.Option(
        "--split",
        metavar="test|all",
        help="Which examples are scored. [default: test of the model's own set, all of another]",
        show_default=False,
    ),
]
SkipBroken = Annotated[bool, typer.Option("--skip-broken", help="Leave out pictures that cannot be read.", show_default=False)]
Image = Annotated[
    Path | None,
    typer.Option("--image", metavar="FILE", help="Draw the confusion matrix as an .svg or .png file.", show_default=False),
]


def evaluate(
    file: File,
    *,
    dataset: Dataset = None,
    split: Split = None,
    skip_broken: SkipBroken = False,
    data_dir: DataDir = None,
    image: Image = None,
    json: Json = False,
) -> None:
    """Score a trained model on the test split of its data set, or on all of another with the same classes and images.

    The weights are read again and must be those that the model names. Each class is scored, too.

    Examples:
        automl evaluate runs/final/model.json
        automl evaluate runs/final --dataset ./other-photographs --json
        automl evaluate runs/final --image confusion.png
    """
    from automl_cli.cli.console import write_json
    from automl_cli.core.errors import unknown_name
    from automl_cli.system.process import set_up_lone_process
    from automl_cli.training.evaluate import evaluate as score
    from automl_cli.training.model_file import model_file

    if split not in (None, "test", "all"):
        raise unknown_name("--split", split, ("test", "all"))
    path = model_file(file)
    if image is not None:
        from automl_cli.reporting.image_files import check_image_file

        check_image_file(image)
    set_up_lone_process()
    chosen: Literal["test", "all"] | None = None if split is None else "test" if split == "test" else "all"
    place = None if data_dir is None else str(data_dir)
    found = score(path, source=dataset, data_dir=place, split=chosen, skip_broken=skip_broken)
    if image is not None:
        _draw(found, image)
    if json:
        write_json({"model": str(path), **found.document})
    else:
        _print(found)


def _print(found: "Scores") -> None:
    """Write the scores, what was scored, and the table of each class; say on stderr what makes them doubtful."""
    from automl_cli.cli.console import data_console, talk_console, write_words
    from automl_cli.cli.train import score_lines
    from automl_cli.reporting.confusion import confusion_parts
    from automl_cli.reporting.terminal import laid_out

    for line in score_lines(found.scores):
        write_words(line)
    write_words(f"{counted(found.test_examples, 'example')} of {found.dataset}: {_which(found)}")
    if found.names is not None and found.confusion is not None:
        for part in confusion_parts(found.names, found.confusion):
            write_words("")
            data_console().print(laid_out(part))
    for doubt in _doubts(found):
        talk_console().print(doubt, style="yellow", soft_wrap=True)


def _which(found: "Scores") -> str:
    if found.split == "test":
        return "its test split"
    return "all of its own set" if found.own else "all of it, since the model was trained on another set"


def _doubts(found: "Scores") -> Iterator[str]:
    if found.trained_on:
        yield f"warning: the model was trained on {found.trained_on:,} of these examples, which says nothing of new ones"
    if found.same_test is False:
        yield f"warning: {found.dataset} has changed since the training: its test split is not the one that was tested then"


def _draw(found: "Scores", image: Path) -> None:
    """Draw the confusion matrix into a file. Raises UserError where there are no classes."""
    from automl_cli.core.errors import UserError
    from automl_cli.reporting.plots import confusion_figure, write_figure

    names, confusion = found.names, found.confusion
    if names is None or confusion is None:
        raise UserError("--image draws which classes are taken for which, and this model knows no classes; leave it out")
    title = f"accuracy {found.scores['test_accuracy']:.4f} on {counted(found.test_examples, 'example')} of {found.dataset}"
    write_figure(lambda: confusion_figure(names, confusion, title), image)
