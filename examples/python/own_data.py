"""Arrays of one's own, an evaluator of one's own, and the winner as a module of PyTorch.

    python examples/python/own_data.py runs/own      (half a minute on two cores)

The images are those of scikit-learn, taken as a program has them: two arrays. The search scores networks in worker processes
by the function in `separability.py`; the winner is trained on the same arrays and written as a file of PyTorch with its weights
beside it.
"""

import sys
from pathlib import Path

from sklearn.datasets import load_digits

import automl_cli as automl

EVALUATOR = Path(__file__).with_name("separability.py")


def main(folder: str) -> None:
    """Search, train and export into this folder."""
    out = Path(folder)
    images, labels = load_digits(return_X_y=True)
    images = (images.reshape(-1, 8, 8) * 15.9).astype("uint8")  # (examples, height, width), 0 to 255
    dataset = {"train": (images[:1400], labels[:1400]), "test": (images[1400:], labels[1400:])}

    found = automl.search(
        "arch",
        dataset=dataset,
        evaluator=f"{EVALUATOR}:separability",
        space_option={"layers": 2},
        trials=3,
        out=out / "search",
    )
    for row in sorted(found.trials, key=lambda row: row.score or 0, reverse=True):
        print(f"trial {row.trial}: {row.score:.4f}, {row.metrics['parameters']:,} parameters")

    model = automl.train(arch=found, epochs=2, out=out / "model")
    print(f"test accuracy {model.scores['test_accuracy']:.4f}")
    print(automl.export(model, format="torch", out=out / "export").file)


if __name__ == "__main__":  # worker processes may import this file
    main(sys.argv[1] if len(sys.argv) > 1 else "runs/own")
