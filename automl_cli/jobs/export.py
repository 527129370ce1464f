"""Exports what an artifact holds as one file that runs without this tool, as the row of its kind says.

Here: a trained model, as StableHLO with the weights inside, by `jax.export`. The program takes any number of images in the
data's own units and gives logits; what is done to images first is part of it. It runs on CPU, CUDA and TPU, and JAX promises to
read it for at least six months of its releases.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from automl_cli.core.errors import ArtifactError, UserError, unknown_name
from automl_cli.core.numbers import counted
from automl_cli.jobs.network_source import MODULES, write_network_source
from automl_cli.kinds.model import ModelBody
from automl_cli.plugins.listing import kind_of, kinds
from automl_cli.plugins.registry import attribute
from automl_cli.problems.image_learning import as_inputs, is_streamed
from automl_cli.references import Opened, open_any, open_written
from automl_cli.store.files import ANOTHER_OUT, cannot_write, replace_file
from automl_cli.training.evaluate import predictor, weights_beside
from automl_cli.training.model_file import model_file
from automl_cli.training.trainable import train_command
from automl_cli.values.dataset import ImageFacts, facts_of

if TYPE_CHECKING:
    from automl_cli.children.prediction import Predictor

PROGRAM, README = "model.jaxexport", "README.md"
WRITTEN_BY = f"`{PROGRAM}` was written by"
"""The words of the README by which an export is known."""
PLATFORMS = ("cpu", "cuda", "tpu")


class Exported(Struct, frozen=True, kw_only=True):
    """One exported file: the kind of what it holds, and its format."""

    kind: str
    format: str
    file: Path

    @property
    def document(self) -> dict[str, Any]:
        """The file as `--json` writes it, with the README beside it where there is one."""
        readme = self.file.with_name(README)
        beside = {"readme": str(readme)} if self.file.name == PROGRAM else {}
        place = {"file": str(self.file), **beside, "bytes": self.file.stat().st_size}
        return {"kind": self.kind, "format": self.format, **place}


def to_export(named: str) -> Opened[Any]:
    """Open what a name stands for: a file, the directory of a search or a training, a published name, or a formula.

    Raises ArtifactError, with the next step, for what nothing is exported of.
    """
    if (written := open_written(named)) is not None:
        return written
    path = Path(named)
    if named.strip() and (path.exists() or path.suffix):
        with suppress(UserError, ArtifactError):
            if kind_of((opened := open_any(named)).artifact.body).export is not None:
                return opened
    elif kind_of((opened := open_any(named)).artifact.body).export is not None:
        return opened
    opened = open_any(str(model_file(path)))
    if kind_of(opened.artifact.body).export is None:
        able = ", ".join(row.name for row in kinds().values() if row.export is not None)
        command = train_command(opened.artifact.body, opened.place)
        first = f"; train it first: {command}" if command else ""
        raise ArtifactError(f"{named}: nothing is exported of {opened.artifact.kind!r}, but of: {able}{first}")
    return opened


def export(opened: Opened[Any], out: Path, *, format: str | None = None, overwrite: bool = False) -> Exported:  # noqa: A002
    """Write what `to_export` opened into a directory, in the default format of its kind or another one of those.

    Raises UserError for a format that the kind does not have, and for a file that exists already.
    """
    kind = kind_of(opened.artifact.body)
    assert kind.export is not None
    chosen = format or kind.formats[0]
    if chosen not in kind.formats:
        raise unknown_name(f"format of {kind.name} artifacts:", chosen, kind.formats)
    return Exported(kind=kind.name, format=chosen, file=attribute(kind.export)(opened, out, chosen, overwrite=overwrite))


def export_model(opened: Opened[ModelBody], out: Path, format: str, *, overwrite: bool) -> Path:  # noqa: A002
    """Write a model as readable source, or its program with a README that calls it, and return the path of the file."""
    if format in MODULES:
        return write_network_source(opened, out, format=format, overwrite=overwrite)
    artifact, path = opened.artifact, Path(opened.place)
    model, facts = artifact.body, facts_of(artifact.body.child)
    if facts is None:
        raise ArtifactError(f"{path}: models of the problem {model.child.problem.name!r} are not exported, those of images are")
    _check_place(out, overwrite=overwrite)
    program = _program(model, facts, predictor(model, weights_beside(path, model)))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(out, error, hint=ANOTHER_OUT) from error
    replace_file(out / README, _readme(model, facts, artifact.tool).encode(), hint=ANOTHER_OUT)  # first: it marks the export
    replace_file(out / PROGRAM, program, hint=ANOTHER_OUT)
    return out / PROGRAM


def _check_place(out: Path, *, overwrite: bool) -> None:
    """Raise UserError where a file is in the way that is not to be replaced, or is no part of an export."""
    there = [name for name in (PROGRAM, README) if (out / name).exists()]
    if not there:
        return
    if not _is_own(out / README):
        raise UserError(f"{out / there[0]} was not written by an export, so it stays; choose another --out")
    if not overwrite:
        raise UserError(f"{out / there[0]} exists already: replace it with --overwrite, or choose another --out")


def _is_own(readme: Path) -> bool:
    """Return whether this is the README of an export, which names the program beside it."""
    return readme.is_file() and WRITTEN_BY.encode() in readme.read_bytes()


def _program(model: ModelBody, facts: ImageFacts, trained: Predictor) -> bytes:
    import jax
    import numpy as np

    (examples,) = jax.export.symbolic_shape("examples")
    images: Any = jax.ShapeDtypeStruct((examples, *facts.image_shape), np.float32)  # type: ignore[no-untyped-call]
    look, network = as_inputs(model.child, model.preparation), trained.function()
    exported = jax.export.export(jax.jit(lambda images: network(look(images))), platforms=PLATFORMS)(images)
    return bytes(exported.serialize())


MIDDLE = "The model expects the middle of a picture, 7/8 of its shorter side, brought to that size with antialiasing."


def _readme(model: ModelBody, facts: ImageFacts, tool: str) -> str:
    height, width, channels = facts.image_shape
    shown = f"\n{MIDDLE}" if is_streamed(model.child) else ""
    names = "\n".join(f"{index}. {name}" for index, name in enumerate(facts.classes))
    return f"""# A classifier of {counted(len(facts.classes), "class/classes")}, trained on {model.child.problem.source}

{WRITTEN_BY} {tool}. It needs `pip install jax flatbuffers` and nothing else:

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
`logits` is float32 (that number, {len(facts.classes)}); the largest is the class:

{names}

Test accuracy {model.scores["test_accuracy"]:.4f}, {counted(model.parameters, "parameter")},
{counted(model.multiply_adds, "multiply-add")} for one image.
"""
