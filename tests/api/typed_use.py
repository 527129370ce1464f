"""The Python API as a typed program uses it: read by mypy, never run. A mistake not found is an ignore too many."""

from pathlib import Path

import numpy as np

import automl_cli as automl


def score(child: automl.ProposedChild) -> float:
    """A function of one's own."""
    return 0.0 if child.costs is None else 1 / child.costs.parameters


def use(images: np.ndarray, labels: np.ndarray) -> None:
    """Everything that the API gives, with its types."""
    found: automl.SearchResult = automl.search("arch", dataset=(images, labels), evaluator=score, trials=4, out=Path("run"))
    automl.search("cell", dataset={"train": (images, labels)}, evaluator="score.py:score", activation=found, start_from=[found])
    automl.search("arch", start_from=found)
    model: automl.TrainingResult = automl.train(arch=found, epochs=3, optimizer=automl.load("adam"))
    accuracy: float = automl.evaluate(model, dataset="digits").scores["test_accuracy"]
    reports: int = len(automl.report(found, "runs/other", top=3).runs)
    file: Path = automl.export(model, format="stablehlo").file
    named: str = automl.predict(model, "photo.jpg", Path("holiday"), top=3).predictions[0].classes[0]
    automl.predict(model, images, [images, "photo.jpg"])
    numbers: list[float | None] = [row.score for row in found.trials]
    print(accuracy, reports, file, named, numbers, automl.build(found, seed=1))


def misuse() -> None:
    """Mistakes that mypy finds."""
    automl.search("arhc")  # type: ignore[arg-type]
    automl.search("arch", trials="4")  # type: ignore[arg-type]
    automl.search("arch", trial=4)  # type: ignore[call-arg]
    automl.search("arch", executor="remote")  # type: ignore[arg-type]
    automl.train(arch=3)  # type: ignore[arg-type]
    automl.evaluate("run", split="tset")  # type: ignore[arg-type]
    automl.serach("arch")  # type: ignore[attr-defined]
