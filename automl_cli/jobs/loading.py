"""Gives what an artifact holds to a program in Python: `automl_cli.load`."""

from os import PathLike, fspath
from typing import Any

from msgspec import Struct

from automl_cli.core.errors import ArtifactError
from automl_cli.plugins.listing import kind_named, kind_of, kinds
from automl_cli.plugins.registry import attribute
from automl_cli.references import open_any
from automl_cli.store.study import FoundBody


class Loaded(Struct, frozen=True, kw_only=True):
    """Contents of an artifact.

    kind   the name of its kind, such as "optimizer-rule"
    value  the value as plain data, such as a `values.optimizer.UpdateRule`; the body of an artifact that has no value
    name   the published name that was given, or None
    place  the file that it was read from, or the name or the formula
    words  the value in words, such as its formula
    """

    kind: str
    value: Any
    name: str | None
    place: str
    words: tuple[str, ...]

    def build(self, **settings: Any) -> Any:
        """Return the value as an object that computes; JAX is imported now.

            optimizer-rule  learning_rate (a number or a schedule; that of its search unless given), total_steps, seed,
                            weight_decay -> an optax.GradientTransformation
            activation      nothing -> a function f(x, *betas) whose betas stay as they start unless given; channels -> a
                            flax.nnx module with betas that are trained, one number per channel
            augmentation-policy
                            flip (whether half of the images are mirrored) -> a function (images, key) -> images of batches
                            (batch, height, width, channels) uint8, with a random key of JAX
            architecture, cell, network
                            image_shape, classes (of a cell also stack, such as "1@96"), seed, activation (a name) -> a
                            flax.nnx module from images (batch, height, width, channels) to logits (batch, classes)

        Raises ArtifactError for a kind that is not built, UserError for settings that do not fit.
        """
        builder = kind_named(self.kind).library
        if builder is None:
            able = ", ".join(row.name for row in kinds().values() if row.library is not None)
            raise ArtifactError(f"{self.place}: nothing is built of {self.kind!r}, but of: {able}")
        return attribute(builder)(self.value, **settings)


def load(path_or_name: str | PathLike[str]) -> Loaded:
    """Return what a file, the directory of a run, a published name or a formula holds. Raises UserError for an unknown name and
    for a formula that cannot be read, ArtifactError for a file that is no artifact."""
    text = fspath(path_or_name)
    opened = open_any(text)
    body, is_value = opened.artifact.body, isinstance(opened.artifact.body, FoundBody)
    return Loaded(
        kind=kind_of(body).name,
        value=body.value if is_value else body,
        name=text if opened.published else None,
        place=opened.place,
        words=tuple(getattr(body, "words", ())),
    )
