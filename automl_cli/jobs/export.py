"""A trained model as one file that runs without this tool: StableHLO with the weights inside, written by `jax.export`.

The program takes any number of images in the data's own units and gives logits; what is done to images first is part of
it. It runs on CPU, CUDA and TPU, and JAX promises to read it for at least six months of its releases.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_cli.core.errors import UserError
from automl_cli.store.artifact import read_artifact
from automl_cli.store.bodies import Model
from automl_cli.store.files import ANOTHER_OUT, cannot_write, replace_file
from automl_cli.training.evaluate import predictor, weights_beside

if TYPE_CHECKING:
    from automl_cli.children.prediction import Predictor

PROGRAM, README = "model.jaxexport", "README.md"
PLATFORMS = ("cpu", "cuda", "tpu")


def export(path: Path, out: Path, *, overwrite: bool = False) -> Path:
    """Write the program of the model in this file, and how to call it, into a directory; the path of the program."""
    artifact = read_artifact(path, Model)
    if not overwrite and (there := [name for name in (PROGRAM, README) if (out / name).exists()]):
        raise UserError(f"{out / there[0]} exists already: replace it with --overwrite, or choose another --out")
    program = _program(artifact.body, predictor(artifact.body, weights_beside(path, artifact.body)))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(out, error, hint=ANOTHER_OUT) from error
    replace_file(out / PROGRAM, program, hint=ANOTHER_OUT)
    replace_file(out / README, _readme(artifact.body, artifact.tool).encode(), hint=ANOTHER_OUT)
    return out / PROGRAM


def _program(model: Model, trained: Predictor) -> bytes:
    import jax
    import numpy as np

    (examples,) = jax.export.symbolic_shape("examples")
    images: Any = jax.ShapeDtypeStruct((examples, *model.image_shape), np.float32)  # type: ignore[no-untyped-call]
    exported = jax.export.export(jax.jit(trained.function()), platforms=PLATFORMS)(images)
    return bytes(exported.serialize())


MIDDLE = "The model expects the middle of a picture, 7/8 of its shorter side, brought to that size with antialiasing."


def _readme(model: Model, tool: str) -> str:
    height, width, channels = model.image_shape
    shown = f"\n{MIDDLE}" if model.recipe.streamed else ""
    names = "\n".join(f"{index}. {name}" for index, name in enumerate(model.class_names))
    return f"""# A classifier of {len(model.class_names)} classes, trained on {model.dataset.source}

`{PROGRAM}` was written by {tool}. It needs `pip install jax flatbuffers` and nothing else:

```python
from pathlib import Path

import jax
import numpy as np

model = jax.export.deserialize(bytearray(Path("{PROGRAM}").read_bytes()))
images = np.zeros((5, {height}, {width}, {channels}), np.float32)
logits = np.asarray(model.call(images))
print(logits.argmax(-1))
```

`images` is float32 (any number, {height}, {width}, {channels}) in the units of the training data: 0 to 255 for bytes.{shown}
`logits` is float32 (that number, {len(model.class_names)}); the largest is the class:

{names}

Test accuracy {model.test_accuracy:.4f}, {model.parameters:,} parameters, {model.multiply_adds:,} multiply-adds for one image.
"""
