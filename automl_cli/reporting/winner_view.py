"""Shows the winner of a run: drawn, in words, what it does to images, and the commands that take it further."""

import base64
import io
from collections.abc import Iterator
from typing import Any, NamedTuple

from automl_cli.core.errors import AutomlError
from automl_cli.core.spaces import SearchSpace
from automl_cli.plugins.kind import Kind
from automl_cli.plugins.listing import kind_named, kind_of
from automl_cli.plugins.registry import attribute
from automl_cli.plugins.sheets import cost_facts
from automl_cli.references import open_any
from automl_cli.reporting.drawings import drawings_of
from automl_cli.reporting.escaping import shown
from automl_cli.reporting.markup import commands, facts, folded, laid_out, paragraph
from automl_cli.reporting.next_steps import steps_after
from automl_cli.reporting.runs import History
from automl_cli.store.file_names import BEST_FILE
from automl_cli.store.reports import RunSummary
from automl_cli.store.study import Found, FoundBody, joined_in_words
from automl_cli.values.dataset import dataset_of
from automl_cli.values.sheet import Lines

IMAGES_SHOWN = 6
"""Images on which an augmentation is shown."""
JPEG_QUALITY, PNG_COLOURS = 72, 48


class WinningValue(NamedTuple):
    """The value that a run found: its kind, the value, and how it was found, where `best.json` is there."""

    kind: Kind
    value: Any
    found: Found | None


def winner_section(history: History, run: RunSummary, space: SearchSpace | None) -> Iterator[str]:
    """Yield the winner as HTML; nothing where no trial has succeeded."""
    if run.best is None:
        return
    winner = _winning_value(history, run, space)
    drawn = [] if winner is None else [*drawings_in_html(winner.kind, winner.value), *_pictures(winner)]
    said = [] if winner is None else list(_words(winner, folds=bool(drawn)))
    steps = list(steps_after(history, run))
    further = ["<h4>Take it further</h4>", commands(steps)] if steps else []
    about = "".join((*said, facts(_facts(run, winner)), *further))
    if len(drawn) == 1:
        yield f'<div class="beside">{drawn[0]}<div>{about}</div></div>'
    else:
        yield f'<div class="drawings">{"".join(drawn)}</div>{about}'


def _facts(run: RunSummary, winner: WinningValue | None) -> Iterator[tuple[str, str]]:
    assert run.best is not None
    yield "score", f"{run.best.score:.4f} in trial {run.best.trial}, reward {run.best.reward:.4f}"
    if run.joined:
        yield BEST_FILE, joined_in_words(run.joined)
    if winner is not None and winner.found is not None:
        child = winner.found.child
        yield from cost_facts(winner.found.costs, () if child is None else child.problem.facts.get("image_shape", ()))
    for name, value in run.best.metrics.items():
        if name not in ("parameters", "multiply_adds"):
            yield name.replace("_", " "), f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def _winning_value(history: History, run: RunSummary, space: SearchSpace | None) -> WinningValue | None:
    """Return what `best.json` holds, else what the best trial stands for; None where neither is known."""
    assert run.best is not None
    best = history.path / BEST_FILE
    if best.is_file():
        body = open_any(str(best)).artifact.body
        found = body.found if isinstance(body, FoundBody) else None
        if found is not None and found.trial == run.best.trial:
            return WinningValue(kind_of(body), body.value, found)
    return None if space is None else WinningValue(kind_named(space.plugin.produces), space.decode(run.best.genotype), None)


def drawings_in_html(kind: Kind, value: Any) -> Iterator[str]:
    """Yield each drawing of a value with its title."""
    for drawn in drawings_of(kind, value):
        yield (
            f'<figure class="drawing"><figcaption><b>{shown(drawn.title)}</b></figcaption><div class="scrolls" role="region" '
            f'tabindex="0" aria-label="{shown(drawn.title)}">{drawn.svg}</div></figure>'
        )


def _words(winner: WinningValue, *, folds: bool) -> Iterator[str]:
    """Yield the winner in words: those of its drawings, where there are any."""
    drawings = [drawn.words for drawn in drawings_of(winner.kind, winner.value)]
    if said := drawings or (winner.kind.words(winner.value) if winner.kind.words else ()):
        text = laid_out(Lines("\n".join(said)))
        yield folded("the same in words", text) if folds else text


def _pictures(winner: WinningValue) -> Iterator[str]:
    """Yield what an augmentation does to a few images of the data it was found on, or why that cannot be shown."""
    dataset = dataset_of(winner.found.child) if winner.found is not None else None
    if winner.kind.pictures is None or dataset is None:
        return
    from automl_cli.data.examples import example_images

    try:
        images, about = example_images(dataset, IMAGES_SHOWN)
        sheet = attribute(winner.kind.pictures)(winner.value, images, title=f"images of {dataset.source}", flip=about.flip)
    except AutomlError as error:
        yield paragraph(f"What it does to images is not shown: {error}", kind="note")
        return
    kind, data = _compressed(sheet)
    picture = base64.b64encode(data).decode()
    title = f"What each of its parts does to images of {dataset.source}"
    yield (
        f'<figure class="picture"><figcaption><b>{shown(title)}</b></figcaption>'
        f'<img alt="{shown(title)}" src="data:image/{kind};base64,{picture}"></figure>'
    )


def _compressed(png: bytes) -> tuple[str, bytes]:
    """Return the picture as a PNG of few colours or as a JPEG, whichever is smaller, behind the name of its format."""
    from PIL import Image

    few, photo = io.BytesIO(), io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").quantize(PNG_COLOURS).save(few, format="PNG", optimize=True)
        picture.convert("RGB").save(photo, format="JPEG", quality=JPEG_QUALITY, optimize=True)
    return min(("png", few.getvalue()), ("jpeg", photo.getvalue()), key=lambda pair: len(pair[1]))
