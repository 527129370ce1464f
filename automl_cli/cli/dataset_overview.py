"""Shows what a data set is and how it is read: `automl datasets SET`."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_cli.core.numbers import by_times, counted, duration

if TYPE_CHECKING:
    from rich.console import RenderableType

    from automl_cli.data.overview import DatasetOverview, LookedAt

SHOWN = 20
"""Classes and broken pictures that are listed; the rest is counted."""


def show_overview(dataset: str, flags: Mapping[str, Any], *, sheet: Path | None, json: bool) -> None:
    """Look at a data set with these flags of reading, by name, and show what was found; write a contact sheet if asked to."""
    from rich.text import Text

    from automl_cli.cli.console import data_console, talk_console, write_json
    from automl_cli.core.visible_text import visible
    from automl_cli.data.overview import look_at
    from automl_cli.problems.images import PROBLEM
    from automl_cli.values.dataset import DatasetReference

    reference = PROBLEM.dataset({**flags, "dataset": dataset}, DatasetReference(source=dataset))
    talk = talk_console()
    with talk.status(Text(f"looking at {visible(dataset)}")) as status:
        looked = look_at(reference, lambda done, total: status.update(f"preparing images {done:,}/{total:,}"))
    if sheet is not None:
        _write_sheet(sheet, looked)
    if json:
        write_json(looked.overview)
        return
    console = data_console()
    for part in _parts(looked.overview):
        console.print(part)
    if sheet is not None:
        talk.print(f"some pictures of every class: {sheet}", soft_wrap=True)


def _write_sheet(path: Path, looked: "LookedAt") -> None:
    from automl_cli.data.contact_sheet import contact_sheet
    from automl_cli.store.files import replace_file

    overview = looked.overview
    names = [counted_class.name for counted_class in overview.classes]
    title = f"{overview.name}: training pictures, {by_times(overview.image_shape)}"
    replace_file(path, contact_sheet(looked.train.images, looked.train.labels, names, title))


def _parts(overview: "DatasetOverview") -> "Iterator[RenderableType]":
    from rich.text import Text

    from automl_cli.cli.console import table

    total = sum(split.examples for split in overview.splits)
    shape, classes = by_times(overview.image_shape), counted(len(overview.classes), "class/classes")
    yield Text(f"{overview.name}: {counted(total, 'picture')} of {shape} in {classes}\n")
    numbers = ("train", "validation", "test")
    rows: list[tuple[object, ...]] = [(one.name, one.train, one.validation, one.test) for one in overview.classes[:SHOWN]]
    if len(overview.classes) > SHOWN:
        rows.append((f"… {len(overview.classes) - SHOWN:,} more", "", "", ""))
    yield table(("class", *numbers), [*rows, ("all", *(split.examples for split in overview.splits))], right=numbers)
    if drawn := [f"{split.name} {split.examples:,}" for split in overview.splits if split.drawn]:
        yield Text(f"\nDrawn by class from the training part of the set: {', '.join(drawn)}")
    yield from _listed("Read so:", overview.notes)
    faults = [f"{fault.file}: {fault.reason}" for fault in overview.broken[:SHOWN]]
    more = [f"and {len(overview.broken) - SHOWN:,} more (--json has all)"] if len(overview.broken) > SHOWN else []
    yield from _listed(f"Cannot be read, left out here ({len(overview.broken):,}):", [*faults, *more])
    yield from _listed("Compared:", [overview.alike.in_words(), _mirror_in_words(overview)])
    yield from _listed("Advice:", overview.advice)
    yield Text(f"\nlooked at in {duration(overview.seconds)}")


def _listed(title: str, lines: "Sequence[str]") -> "Iterator[RenderableType]":
    from rich.padding import Padding
    from rich.text import Text

    if lines:
        yield Text(f"\n{title}")
    for line in lines:
        yield Padding(Text(line), (0, 0, 0, 2), expand=False)


def _mirror_in_words(overview: "DatasetOverview") -> str:
    if (mirror := overview.mirror) is None:
        return "mirrored pictures do not train"
    return (
        f"mirrored pictures train as well: {mirror.recognised_mirrored:.0%} of them look most like their own class, "
        f"{mirror.recognised:.0%} of the pictures themselves"
    )
