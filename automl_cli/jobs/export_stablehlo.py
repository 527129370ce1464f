"""A trained model as StableHLO with the weights inside, by `jax.export`.

The program takes any number of images in the data's own units and gives logits; what is done to images first is part of it. It
runs on CPU, CUDA and TPU. It is made for being deployed, not for being kept: JAX reads such files with versions that are at
most six months newer than the one that wrote them (https://docs.jax.dev/en/latest/export/export.html, compatibility), so the
date and the command that writes it again stand beside it.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_cli.core.shell_commands import command_line
from automl_cli.jobs.exported_model import EXAMPLES, ProgramFiles, facts_beside, image_facts_of, readme_of
from automl_cli.kinds.model import ModelBody
from automl_cli.problems.image_learning import as_inputs
from automl_cli.references import Opened
from automl_cli.training.evaluate import predictor, weights_beside
from automl_cli.values.dataset import ImageFacts

if TYPE_CHECKING:
    from automl_cli.children.prediction import Predictor

PROGRAM = "model.jaxexport"
PLATFORMS = ("cpu", "cuda", "tpu")

MONTHS = 6
"""JAX reads programs of versions that are older by up to so many months."""


def write_stablehlo(opened: Opened[ModelBody], out: Path, *, overwrite: bool) -> Path:
    """Write the program of a model with a README that calls it, and return the path of the program.

    Raises UserError for files in the way, before any work.
    """
    files = ProgramFiles(out, PROGRAM, "stablehlo")
    model, facts = opened.artifact.body, image_facts_of(opened)
    files.check(overwrite=overwrite)
    program = _program(model, facts, predictor(model, weights_beside(Path(opened.place), model)))
    promise = _promise(opened, out)
    return files.write(program, _readme(opened, files, promise), facts_beside(opened, files, **promise))


def promise_of(facts: dict[str, Any]) -> str:
    """Return what is said of how long a program can be read, from the facts beside it."""
    return (
        f"JAX promises to read {facts['file']} with versions up to {MONTHS} months newer than {facts['jax']}, which wrote it: "
        f"until {facts['readable_until']} at the latest. Write it again then: {facts['written_again_by']}"
    )


def months_later(day: date, months: int) -> date:
    """Return the same day so many months later, or the last day of that month.

    >>> months_later(date(2026, 8, 31), 6)
    datetime.date(2027, 2, 28)
    """
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _promise(opened: Opened[ModelBody], out: Path) -> dict[str, Any]:
    today = datetime.now(UTC).date()
    again = command_line("export", opened.place, "--format", "stablehlo", "--out", out, "--overwrite")
    return {
        "jax": version("jax"),
        "written": today.isoformat(),
        "readable_until": months_later(today, MONTHS).isoformat(),
        "written_again_by": again,
        "platforms": list(PLATFORMS),
    }


def _program(model: ModelBody, facts: ImageFacts, trained: Predictor) -> bytes:
    """Return the program, traced with XLA's own operations: the fast ones of a CPU are slow on other devices."""
    import jax
    import numpy as np

    from automl_cli.nn.ops.backend import native_operations

    (examples,) = jax.export.symbolic_shape(EXAMPLES)
    images: Any = jax.ShapeDtypeStruct((examples, *facts.image_shape), np.float32)  # type: ignore[no-untyped-call]
    look, network = as_inputs(model.child, model.preparation), trained.function()
    with native_operations():
        exported = jax.export.export(jax.jit(lambda images: network(look(images))), platforms=PLATFORMS)(images)
    return bytes(exported.serialize())


def _readme(opened: Opened[ModelBody], files: ProgramFiles, promise: dict[str, Any]) -> str:
    shape = ", ".join(map(str, image_facts_of(opened).image_shape))
    code = f"""from pathlib import Path

import jax
import numpy as np

model = jax.export.deserialize(bytearray(Path("{PROGRAM}").read_bytes()))
images = np.zeros((5, {shape}), np.float32)
logits = np.asarray(model.call(images))"""
    more = f"""
It was written on {promise["written"]} by JAX {promise["jax"]}. JAX promises to read it with versions up to {MONTHS} months
newer than that, so until {promise["readable_until"]} at the latest. Write it again then:

```bash
{promise["written_again_by"]}
```

To keep the model for longer, keep its `model.json` and weights, or export it as `flax` or `torch`. Read such a file only from
somebody you trust: a program is code.
"""
    return readme_of(opened, files, needs="`pip install jax flatbuffers`", code=code, more=more)
