"""The files beside the exported program of a model: a README that calls it, and the same facts as JSON.

Two formats share a directory: the names of the files tell them apart. A README is the mark of an export: where it is missing,
files that stand in the way are left alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.core.numbers import by_times, counted
from automl_cli.kinds.model import ModelBody
from automl_cli.plugins.roles import typed_dataset
from automl_cli.problems.image_learning import augmentation_of, is_streamed
from automl_cli.references import Opened
from automl_cli.store.encoding import document
from automl_cli.store.files import ANOTHER_OUT, cannot_write, replace_file
from automl_cli.values.dataset import DatasetReference, ImageFacts, facts_of

IMAGES, LOGITS, EXAMPLES = "images", "logits", "examples"
"""Names of the input, of the output, and of their first axis."""


class ProgramFiles(Struct, frozen=True):
    """The files of a program in one format: its own, its README and its facts."""

    directory: Path
    name: str
    format: str

    @property
    def program(self) -> Path:
        """Return the file of the program."""
        return self.directory / self.name

    @property
    def readme(self) -> Path:
        """Return the README beside it."""
        return self.directory / f"README-{self.format}.md"

    @property
    def facts(self) -> Path:
        """Return the JSON file beside it."""
        return self.directory / f"{self.name}.json"

    @property
    def written_by(self) -> str:
        """Return the words of the README by which an export is known."""
        return f"`{self.name}` was written by"

    def check(self, *, overwrite: bool) -> None:
        """Raise UserError where a file is in the way that is not to be replaced, or is no part of an export."""
        there = [file for file in (self.program, self.readme, self.facts) if file.exists()]
        if not there:
            return
        if not (self.readme.is_file() and self.written_by.encode() in self.readme.read_bytes()):
            raise UserError(f"{there[0]} was not written by an export, so it stays; choose another --out")
        if not overwrite:
            raise UserError(f"{there[0]} exists already: replace it with --overwrite, or choose another --out")

    def write(self, program: bytes, readme: str, facts: dict[str, Any]) -> Path:
        """Write the three files, and return that of the program. The README comes first: it marks the export."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(self.directory, error, hint=ANOTHER_OUT) from error
        replace_file(self.readme, readme.encode(), hint=ANOTHER_OUT)
        replace_file(self.facts, document(facts), hint=ANOTHER_OUT)
        replace_file(self.program, program, hint=ANOTHER_OUT)
        return self.program


def image_facts_of(opened: Opened[ModelBody]) -> ImageFacts:
    """Return the facts of the images of a model. Raises ArtifactError for a model of another problem."""
    child = opened.artifact.body.child
    if (facts := facts_of(child)) is None:
        raise ArtifactError(
            f"{opened.place}: models of the problem {child.problem.name!r} are not exported, those of images are"
        )
    return facts


def inside(model: ModelBody) -> tuple[str, ...]:
    """Return what the program itself does to images before the network sees them, a sentence each."""
    view = augmentation_of(model.child).view
    whitened = (
        "the mean of the training images is subtracted, channel by channel, and their standard deviation divides the rest"
    )
    return (whitened, *(() if view is None else ("the middle is shown as large as in training: enlarged by 1.25, then cut",)))


def before(model: ModelBody, facts: ImageFacts) -> tuple[str, ...]:
    """Return what was done to pictures before they became images of the program, a sentence each."""
    dataset: DatasetReference = typed_dataset(model.child.problem)
    height, width, channels = facts.image_shape
    size = by_times((height, width))
    how = {
        "crop": f"of a picture of another size the largest window of the shape {size} in its middle is brought to that size",
        "pad": f"a picture of another size is brought into {size} whole, with margins of the colour {dataset.background}",
        "squash": f"a picture of another size is brought to {size} whole, its proportions changed",
    }
    middle = f"the middle of a picture, 7/8 of its shorter side, is brought to {size}"
    colours = "grey" if channels == 1 else "red, green and blue"
    decoded = (
        f"pictures are upright, of 8 bits (0 is black, 255 white), in {colours}, what is transparent laid on "
        f"{dataset.background}; of an animated picture it is the first frame"
    )
    return (
        decoded,
        f"{middle if is_streamed(model.child) else how[dataset.resize]}, bilinearly with antialiasing",
    )


def facts_beside(opened: Opened[ModelBody], files: ProgramFiles, **more: Any) -> dict[str, Any]:
    """Return the facts of a program as they are written in JSON, with those of its format."""
    model, facts = opened.artifact.body, image_facts_of(opened)
    shape = [EXAMPLES, *facts.image_shape]
    return {
        "file": files.name,
        "format": files.format,
        "tool": opened.artifact.tool,
        **more,
        "input": {"name": IMAGES, "type": "float32", "shape": shape, "units": "those of the training data, 0 to 255 for bytes"},
        "output": {"name": LOGITS, "type": "float32", "shape": [EXAMPLES, len(facts.classes)]},
        "classes": list(facts.classes),
        "done_inside": list(inside(model)),
        "done_before": list(before(model, facts)),
        "weights_sha256": model.weights_digest,
        "test_accuracy": model.scores.get("test_accuracy"),
        "parameters": model.parameters,
        "multiply_adds": model.multiply_adds,
    }


def readme_of(opened: Opened[ModelBody], files: ProgramFiles, *, needs: str, code: str, more: str = "") -> str:
    """Return the README of a program: what it needs, code that calls it, what goes in and comes out, and the classes."""
    model, facts = opened.artifact.body, image_facts_of(opened)
    names = "\n".join(f"{index}. {printable(name)}" for index, name in enumerate(facts.classes))
    test = model.scores.get("test_accuracy")
    accuracy = "" if test is None else f"Test accuracy {test:.4f}, "
    title = (
        f"A classifier of {counted(len(facts.classes), 'class/classes')}, trained on {printable(model.child.problem.source)}"
    )
    return f"""# {title}

{files.written_by} {opened.artifact.tool}. It needs {needs} and nothing else:

```python
{code}
print(logits.argmax(-1))
```

`{IMAGES}` is float32 (any number, {", ".join(map(str, facts.image_shape))}) in the units of the training data: 0 to 255 for
bytes. `{LOGITS}` is float32 (that number, {len(facts.classes)}); the largest is the class.
{more}
Done inside the program:

{_listed(inside(model))}

Done before, as in training (`automl predict` does it):

{_listed(before(model, facts))}

Classes:

{names}

{accuracy}{counted(model.parameters, "parameter")}, {counted(model.multiply_adds, "multiply-add")} for one image. The same
facts as JSON: `{files.facts.name}`.
"""


def _listed(sentences: tuple[str, ...]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def printable(text: str) -> str:
    """Return a name as one line of text that shows what it is."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
