"""`automl evaluate`: scores a trained model on the test split."""

from pathlib import Path
from typing import Annotated

import typer

from automl_cli.cli.options import DataDir, Json
from automl_cli.core.numbers import counted

File = Annotated[Path, typer.Argument(metavar="MODEL", help="The model.json of a training, or its directory.")]
Dataset = Annotated[
    str | None,
    typer.Option(
        "--dataset", metavar="NAME|PATH", help="Another set of the same classes. [default: the model's own]", show_default=False
    ),
]


def evaluate(file: File, *, dataset: Dataset = None, data_dir: DataDir = None, json: Json = False) -> None:
    """Score a trained model on the test split of its data set, or of another with the same classes and images.

    The weights are read again and must be those that the model names.

    Examples:
        automl evaluate runs/final/model.json
        automl evaluate runs/final --dataset ./other-photographs --json
    """
    from automl_cli.cli.console import write_json, write_line
    from automl_cli.cli.train import score_lines
    from automl_cli.system.process import set_up_lone_process
    from automl_cli.training.evaluate import evaluate as score
    from automl_cli.training.model_file import model_file

    path = model_file(file)
    set_up_lone_process()
    found = score(path, source=dataset, data_dir=None if data_dir is None else str(data_dir))
    if json:
        write_json({"model": str(path), **found.document})
        return
    for line in score_lines(found.scores):
        write_line(line)
    write_line(f"{counted(found.test_examples, 'example')} of {found.dataset}")
