"""Trainings from Python: `automl_cli.train` and `automl_cli.evaluate`."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from automl_cli.api.given import dataset_named, name_of, values_of
from automl_cli.api.talking import talk_of
from automl_cli.api.words import LEFT_OUT, Data, Place, TrainWords
from automl_cli.core.numbers import counted
from automl_cli.system.jax_settings import usual_jax

if TYPE_CHECKING:
    from automl_cli.kinds.model import ModelBody
    from automl_cli.store.artifact import Artifact
    from automl_cli.training.evaluate import Scores


class TrainingResult:
    """A finished training.

    path    its directory, which `automl evaluate` and `automl export` take
    model   the body of its model.json: what was trained, by which recipe, with which result
    scores  the scores on the test part, by name, and the last validation score
    """

    def __init__(self, path: Path, model: "Artifact[ModelBody]") -> None:
        self.path, self.model = path, model.body

    @property
    def file(self) -> Path:
        """The file of the model."""
        from automl_cli.store.file_names import MODEL_FILE

        return self.path / MODEL_FILE

    @property
    def scores(self) -> Mapping[str, float]:
        """The scores by name, such as `test_accuracy`."""
        return self.model.scores

    def __fspath__(self) -> str:
        return str(self.file)

    def __repr__(self) -> str:
        return f"TrainingResult({str(self.path)!r})"

    def _repr_html_(self) -> str:
        """Return the training as a notebook shows it."""
        about = {
            "data set": self.model.child.problem.source,
            "duration": counted(self.model.epochs, "epoch"),
            "size": counted(self.model.parameters, "parameter"),
            **{name.replace("_", " "): f"{value:.4f}" for name, value in self.scores.items()},
        }
        rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(words)}</td></tr>" for name, words in about.items())
        return f"<table><caption>{escape(str(self.path))}</caption><tbody>{rows}</tbody></table>"


@usual_jax()
def train(**words: Unpack[TrainWords]) -> TrainingResult:
    """Train as `automl train` does, and return the training: `train(arch=result, epochs=20)`.

    The keywords are the flags of the command with underscores. What is trained is given by `arch`, `cell` or `network`: a name,
    a path, the result of a search, or what `load` gave. `dataset` takes arrays as `search` does.

    Raises UserError for what does not fit, and RunFailed for a training that diverges or lacks memory.
    """
    from automl_cli.running.trainings import TrainingPlace, run_training
    from automl_cli.store.timings_in_force import timings_restored
    from automl_cli.system.process import set_up_lone_process
    from automl_cli.training.asked import asked_training
    from automl_cli.training.flags import train_flags

    rows = [row for row in train_flags() if row.name not in LEFT_OUT]
    talk = talk_of(quiet=bool(words.get("quiet")), events=bool(words.get("tensorboard")))
    values = values_of(words, rows, function="train", talk=talk)
    asked = asked_training(values)
    set_up_lone_process()
    place = TrainingPlace(**{name: values[name] for name in TrainingPlace._fields if name in values})
    with timings_restored():
        return TrainingResult(*run_training(asked, place, talk))


@usual_jax()
def evaluate(
    model: "Place | TrainingResult",
    *,
    dataset: Data | None = None,
    split: Literal["test", "all"] | None = None,
    skip_broken: bool = False,
    data_dir: Place | None = None,
    quiet: bool = False,
) -> "Scores":
    """Score a trained model as `automl evaluate` does: on the test part of its data set, or on another set, by class.

    `model` is a model.json, the directory of a training, or what `train` gave back. Raises UserError for what does not fit.
    """
    from automl_cli.core.errors import unknown_name
    from automl_cli.system.process import set_up_lone_process
    from automl_cli.training.evaluate import evaluate as score
    from automl_cli.training.model_file import model_file

    if split not in (None, "test", "all"):
        raise unknown_name("split", str(split), ("test", "all"))
    path = model_file(Path(name_of(model)))
    source = None if dataset is None else dataset_named(dataset, talk_of(quiet=quiet))
    set_up_lone_process()
    place = None if data_dir is None else name_of(data_dir)
    return score(path, source=source, data_dir=place, split=split, skip_broken=skip_broken)
