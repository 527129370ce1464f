"""Says what was done to the pictures of a set to read them: a sentence for each kind, with a count and an example."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from automl_cli.core.numbers import by_times, counted
from automl_cli.data.copies import in_two_classes
from automl_cli.data.survey import Survey
from automl_cli.values.dataset import DatasetReference

HOW = {
    "crop": "cropped: the largest window of that shape in the middle is kept",
    "pad": "padded: margins were added",
    "squash": "squashed: their proportions were changed",
}
"""`resize` of a data set -> what it did, in words."""


@dataclass(frozen=True)
class Looked:
    """The pictures of a set after the look at their headers: a row for each, as in the survey.

    `names` are how they are shown; `kept` and `copied`, (pictures,) bool, say which are used and which are left out as copies
    of pictures in a later split; `skipped` are those that cannot be read; `shape` is that of the prepared pictures.
    """

    survey: Survey
    names: Sequence[str]
    labels: Sequence[str]
    kept: np.ndarray
    copied: np.ndarray
    skipped: Sequence[str]
    shape: tuple[int, int, int]

    def notes(self, reference: DatasetReference) -> Iterator[str]:
        """Yield what was done to them."""
        yield from self._of_formats(reference.background)
        yield from self._of_sizes(reference)
        yield from self._of_copies()
        if self.skipped:
            yield f"left out: {counted(len(self.skipped), 'broken picture')} ({self.skipped[0]})"

    def _are(self, rows: np.ndarray, words: str) -> Iterator[str]:
        """Yield the words about these rows, with their number and the first of them, if there are any."""
        if len(found := np.flatnonzero(rows.astype(bool) & self.kept)):
            yield f"{words.format(counted(len(found), 'picture'))} ({self.names[int(found[0])]})"

    def _of_formats(self, background: str) -> Iterator[str]:
        survey = self.survey
        yield from self._are(survey.trait("transparent"), f"transparency was laid on {background} in {{}}")
        yield from self._are(survey.trait("deep"), "16 bits were scaled to 8 in {}")
        yield from self._are(survey.trait("floating"), f"values from 0 to {survey.white:g} were scaled to 8 bits in {{}}")
        yield from self._are(survey.trait("animated"), "the first frame was taken of {} with several")
        if self.shape[2] == 3:
            yield from self._are(survey.trait("grey"), "grey became colour in {}")

    def _of_sizes(self, reference: DatasetReference) -> Iterator[str]:
        height, width, _ = self.shape
        extents = self.survey.traits[:, :2].astype(np.int64)
        scaled = (extents != (height, width)).any(axis=1)
        if not scaled[self.kept].any():
            return
        least, most = (by_times(extreme(extents[scaled & self.kept], axis=0).tolist()) for extreme in (np.min, np.max))
        span = least if least == most else f"{least} to {most}"
        chosen = "" if reference.image_size is not None else "; --image-size chooses another size"
        yield from self._are(scaled, f"brought to {height}×{width}: {{}} of {span} pixels{chosen}")
        how = HOW[reference.resize]
        yield from self._are(extents[:, 0] * width != extents[:, 1] * height, f"of another shape: {{}}, {how}")

    def _of_copies(self) -> Iterator[str]:
        if len(copied := np.flatnonzero(self.copied)):
            words = counted(len(copied), "copy/copies")
            yield f"left out: {words} of pictures that stand in a later split ({self.names[int(copied[0])]})"
        rows = np.flatnonzero(self.kept)
        content = self.survey.content[rows]
        values, counts = np.unique(content[content != 0], return_counts=True)
        if many := int((counts > 1).sum()):
            names = " and ".join(self.names[row] for row in rows[content == values[counts > 1][0]][:2].tolist())
            yield f"{counted(many, 'picture')} found more than once; copies stay in one split ({names})"
        if both := in_two_classes(content, [self.labels[row] for row in rows.tolist()]):
            names = " and ".join(self.names[int(rows[row])] for row in both[0])
            yield f"the same picture stands in two classes: {names}{f', and {len(both) - 1:,} more' if len(both) > 1 else ''}"
