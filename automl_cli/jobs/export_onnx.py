"""A trained model as ONNX, by jax2onnx (optional: `pip install 'automl-cli[onnx]'`).

The program takes any number of images in the data's own units and gives logits; what is done to images first is part of it. It
consists of the usual operators on (batch, channels, height, width), such as Conv and MaxPool. Before anything is written, ONNX
Runtime computes it and is compared with the model.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_cli.core.errors import RunFailed, UserError
from automl_cli.jobs.exported_model import EXAMPLES, IMAGES, LOGITS, ProgramFiles, facts_beside, image_facts_of, readme_of
from automl_cli.kinds.model import ModelBody
from automl_cli.problems.image_learning import as_inputs
from automl_cli.references import Opened
from automl_cli.store.encoding import document
from automl_cli.training.evaluate import predictor, weights_beside
from automl_cli.values.dataset import ImageFacts

if TYPE_CHECKING:
    import numpy as np

PROGRAM = "model.onnx"

OPSET = 18
"""Version of the operators: those of ONNX 1.13 (2022), which ONNX Runtime reads from 1.14 on."""

TOLERANCE = 1e-4
"""Largest difference of logits from those of the model, as a share of the largest logit."""

PACKAGES = ("jax2onnx", "onnx", "onnxruntime")


def write_onnx(opened: Opened[ModelBody], out: Path, *, overwrite: bool) -> Path:
    """Write the program of a model with a README that calls it, and return the path of the program.

    Raises UserError, before any work, for a package that is missing and for files in the way; and, before anything is
    written, for an operation that ONNX lacks.
    """
    files = ProgramFiles(out, PROGRAM, "onnx")
    facts = image_facts_of(opened)
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise UserError(f"--format onnx needs {', '.join(missing)}, not installed here: pip install 'automl-cli[onnx]'")
    files.check(overwrite=overwrite)
    beside = facts_beside(opened, files, opset=OPSET)
    program = _program(opened, facts, beside)
    _check(program, opened, facts)
    shape = ", ".join(map(str, facts.image_shape))
    code = f"""import numpy as np
import onnxruntime

model = onnxruntime.InferenceSession("{PROGRAM}")
{IMAGES} = np.zeros((5, {shape}), np.float32)
({LOGITS},) = model.run(["{LOGITS}"], {{"{IMAGES}": {IMAGES}}})"""
    return files.write(program, readme_of(opened, files, needs="`pip install onnxruntime`", code=code), beside)


def _function(opened: Opened[ModelBody]) -> Any:
    """Return the model as a new traceable function from images to logits."""
    model = opened.artifact.body
    network = predictor(model, weights_beside(Path(opened.place), model)).function()
    look = as_inputs(model.child, model.preparation)
    return lambda images: network(look(images))


def _program(opened: Opened[ModelBody], facts: ImageFacts, beside: dict[str, Any]) -> bytes:
    import jax
    import jax2onnx
    import numpy as np
    import onnx

    from automl_cli.nn.conversion import convertible

    (examples,) = jax.export.symbolic_shape(EXAMPLES)
    images: Any = jax.ShapeDtypeStruct((examples, *facts.image_shape), np.float32)  # type: ignore[no-untyped-call]
    logging.getLogger("onnx_ir").setLevel(logging.ERROR)  # it warns of axes that ONNX infers anyway
    try:
        with _short_compilation():
            function = convertible(_function(opened), images)
            model: Any = jax2onnx.to_onnx(
                function, [images], model_name="model", opset=OPSET, input_names=[IMAGES], output_names=[LOGITS]
            )
    except NotImplementedError as error:
        raise UserError(
            f"{opened.place}: ONNX, as jax2onnx writes it, has no counterpart for a part of this network: {error}; export it "
            "with --format flax, torch or stablehlo"
        ) from error
    model.producer_name, model.producer_version = "automl-cli", opened.artifact.tool.rpartition(" ")[2]
    onnx.helper.set_model_props(model, {"automl": document(beside).decode()})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@contextmanager
def _short_compilation() -> Iterator[None]:
    """Have XLA optimise nothing: jax2onnx compiles 150 small programs when it is used for the first time, each run once."""
    import jax

    before = jax.config.read("jax_disable_most_optimizations")  # type: ignore[no-untyped-call]
    jax.config.update("jax_disable_most_optimizations", True)  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", before)  # type: ignore[no-untyped-call]


def _check(program: bytes, opened: Opened[ModelBody], facts: ImageFacts) -> None:
    """Check that ONNX Runtime gives the logits of the model for some pictures of noise. Raises RunFailed if not."""
    import jax
    import numpy as np
    import onnxruntime

    images = np.random.default_rng(0).integers(0, 256, (3, *facts.image_shape)).astype(np.float32)
    session = onnxruntime.InferenceSession(program, providers=["CPUExecutionProvider"])
    found = session.run([LOGITS], {IMAGES: images})[0]
    wanted = np.asarray(jax.jit(_function(opened))(images))
    if (error := difference(found, wanted)) > TOLERANCE:
        raise RunFailed(
            f"{opened.place}: the logits of the converted program differ by {error:.1e} of the largest, more than "
            f"{TOLERANCE:g}; nothing was written. Export it with --format flax, torch or stablehlo"
        )


def difference(found: np.ndarray, wanted: np.ndarray) -> float:
    """Return the largest difference of logits (examples, classes), as a share of the largest of those that are wanted."""
    import numpy as np

    return float(np.abs(found - wanted).max() / max(float(np.abs(wanted).max()), 1e-30))
