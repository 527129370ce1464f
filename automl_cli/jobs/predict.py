"""Names the classes of pictures and arrays by a trained model.

Pictures are read as those of the training were, decoded by threads ahead of the network, and never all in memory at once. The
network runs by the programs that scored the test split, in batches of the same size, so nothing is compiled again, and the
logits of a picture are those that `automl evaluate` scores.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from automl_cli.core.errors import ArtifactError, DataError, RunFailed
from automl_cli.core.numbers import counted
from automl_cli.kinds.model import ModelBody
from automl_cli.plugins.roles import typed_dataset
from automl_cli.problems.image_learning import augmentation_of, is_streamed, moments_of
from automl_cli.store.artifact import read_artifact
from automl_cli.store.csv_cells import safe_cell
from automl_cli.training.evaluate import predictor, weights_beside
from automl_cli.values.dataset import ImageFacts, facts_of

if TYPE_CHECKING:
    import numpy as np

    from automl_cli.data.survey import Fault
    from automl_cli.data.unlabelled import ImageReading, NamedImages
    from automl_cli.data.unlabelled_arrays import ArrayOptions, UnlabelledArray
    from automl_cli.nn.evaluation import EvaluationExamples


SHOWN_FAULTS = 20
"""Pictures that an error names."""


class Prediction(Struct, frozen=True, kw_only=True):
    """The most probable classes of one image, best first, by name with their probabilities; and all logits where asked."""

    file: str
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    logits: tuple[float, ...] | None = None

    @property
    def document(self) -> dict[str, Any]:
        """The prediction as `--json` writes it."""
        best = [{"class": name, "probability": share} for name, share in zip(self.classes, self.probabilities, strict=True)]
        logits = {} if self.logits is None else {"logits": list(self.logits)}
        return {"file": self.file, **best[0], "best": best, **logits}


class Predictions(Struct, frozen=True, kw_only=True):
    """Predictions in the order of the images, what was skipped and why, and the number of files that are no pictures."""

    model: str
    classes: tuple[str, ...]
    predictions: tuple[Prediction, ...]
    skipped: tuple[tuple[str, str], ...]
    left_out: int

    @property
    def document(self) -> dict[str, Any]:
        """The predictions as `--json` writes them."""
        return {
            "model": self.model,
            "classes": list(self.classes),
            "predictions": [prediction.document for prediction in self.predictions],
            "skipped": [{"file": name, "reason": reason} for name, reason in self.skipped],
            "left_out": self.left_out,
        }


def predict(
    path: Path,
    places: Sequence[Path | UnlabelledArray],
    options: ArrayOptions,
    *,
    top: int | None = None,
    skip_broken: bool = False,
    logits: bool = False,
) -> Predictions:
    """Name the `top` most probable classes (all, for None) of pictures and arrays by the model in a file.

    Raises DataError that names all places that are missing, or all pictures that cannot be read unless they are skipped;
    ArtifactError for a model of anything but images.
    """
    from automl_cli.data.survey import BrokenPictures
    from automl_cli.data.unlabelled import ImageReading, gathered

    model = read_artifact(path, ModelBody).body
    if (facts := facts_of(model.child)) is None:
        raise ArtifactError(
            f"{path}: automl predict names images, and this model is of the problem {model.child.problem.name!r}"
        )
    found = gathered(places, options)
    reading = ImageReading(facts.image_shape, typed_dataset(model.child.problem), is_streamed(model.child))
    stream = _Stream(found, reading, skip_broken=skip_broken)
    predictions = tuple(_predictions(path, model, facts, stream, top=top, logits=logits))
    if stream.faults and not skip_broken:
        raise BrokenPictures("to be named", stream.faults, len(found))
    if stream.faults and not predictions:
        raise _none_left(stream.faults)
    return Predictions(
        model=str(path),
        classes=facts.classes,
        predictions=predictions,
        skipped=tuple((fault.file, fault.reason) for fault in stream.faults),
        left_out=found.left_out,
    )


def _none_left(faults: Sequence[Fault]) -> DataError:
    """Return the error for pictures of which none can be read, though broken ones are left out."""
    lines = "".join(f"\n  {fault.file}: {fault.reason}" for fault in faults[:SHOWN_FAULTS])
    more = f"\n  and {len(faults) - SHOWN_FAULTS:,} more" if len(faults) > SHOWN_FAULTS else ""
    return DataError(
        f"none of what is to be named can be read, {counted(len(faults), 'picture')}:{lines}{more}\nMend them, or give others"
    )


class _Stream:
    """Images as `nn.streaming` takes them, without labels. `good` are the names of those that were read, `faults` the rest.

    Once one cannot be read and is not to be skipped, the others are only looked at: nothing more is predicted.
    """

    labels = None

    def __init__(self, found: NamedImages, reading: ImageReading, *, skip_broken: bool) -> None:
        self._found, self._reading, self._skips = found, reading, skip_broken
        self.good: list[str] = []
        self.faults: list[Fault] = []

    def __len__(self) -> int:
        return len(self._found)

    def centres(self, *, depth: int) -> Generator[np.ndarray, None, None]:
        """Yield the images that can be read, in order, each (height, width, channels) uint8."""
        from automl_cli.data.survey import Fault

        for name, image in zip(self._found.names, self._found.images(self._reading, depth=depth), strict=True):
            if isinstance(image, Fault):
                self.faults.append(image)
            elif self._skips or not self.faults:
                self.good.append(name)
                yield image


def _predictions(
    path: Path, model: ModelBody, facts: ImageFacts, stream: _Stream, *, top: int | None, logits: bool
) -> Iterator[Prediction]:
    import numpy as np

    from automl_cli.children.prediction import largest_batch
    from automl_cli.nn.streaming import StreamedExamples

    largest, moments = largest_batch(facts.image_shape), moments_of(model.preparation)
    few = len(stream) <= 2 * facts.test_examples  # many more deserve a full batch, and wait for its compilation
    like, done = (facts.test_examples if few else max(facts.test_examples, largest)), 0

    def examples(*, size: int | None, smaller: bool) -> EvaluationExamples:
        most = size or largest
        size = -(-like // -(-like // most)) if smaller else most
        view = augmentation_of(model.child).view
        return StreamedExamples(stream, moments=moments, largest_batch=size, smaller=False, view=view)

    network = predictor(model, weights_beside(path, model))
    with closing(network.predictions(examples, count=len(stream), like=like)) as batches:
        for outputs in batches:
            names, done = stream.good[done : done + len(outputs)], done + len(outputs)
            if not np.isfinite(outputs).all():
                raise RunFailed(
                    f"{path}: the network gives numbers that are not finite, first for one of {names[0]} and the next"
                )
            yield from _named(names, outputs, facts.classes, top=top, logits=logits)


def _named(
    names: Sequence[str], outputs: np.ndarray, classes: tuple[str, ...], *, top: int | None, logits: bool
) -> Iterator[Prediction]:
    import numpy as np

    exact = outputs.astype(np.float64)
    shares = np.exp(exact - exact.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    order = np.argsort(-exact, axis=1, kind="stable")[:, :top]
    for row, name in enumerate(names):
        best = order[row].tolist()
        yield Prediction(
            file=name,
            classes=tuple(classes[index] for index in best),
            probabilities=tuple(shares[row, best].tolist()),
            logits=tuple(outputs[row].tolist()) if logits else None,
        )


def as_csv(found: Predictions) -> str:
    """Return the predictions as CSV with a header: file, class, probability, class_2, probability_2, …, and logits by class
    where there are any.

    A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)  # a name may hold a carriage return
    count = len(found.predictions[0].classes) if found.predictions else 0
    ranks = ["" if rank == 0 else f"_{rank + 1}" for rank in range(count)]
    has_logits = bool(found.predictions) and found.predictions[0].logits is not None
    logits = [safe_cell(f"logit {name}") for name in found.classes] if has_logits else []
    writer.writerow(["file", *(f"{title}{rank}" for rank in ranks for title in ("class", "probability")), *logits])
    for one in found.predictions:
        best = zip(map(safe_cell, one.classes), one.probabilities, strict=True)
        writer.writerow([safe_cell(one.file), *(value for pair in best for value in pair), *(one.logits or ())])
    return file.getvalue()
