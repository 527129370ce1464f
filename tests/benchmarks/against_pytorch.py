"""What a comparison with PyTorch says: the ratios of every figure against each way to run PyTorch, how they stand to the goals,
and which part of the work is behind where ours is slower."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import results
from same_work import Job, better_format
from sides import Side

Found = dict[str, Any]
"""What each side measured on one network, by the name of the side."""

PEERS = {"torch": "PyTorch eager", "torch_heap": "PyTorch with our heap", "torch_compile": "`torch.compile`"}
"""Ways to run PyTorch, by the names of their sides: eager in its better memory format; the same with the setting of the heap
that our processes have; and, where there is a C++ compiler, the training step compiled in the default mode."""

HEAP_GOAL = 1.1
"""The ratio that each figure with a goal should have against PyTorch with our heap."""


class Figure(NamedTuple):
    """A quantity that is compared: its name among what a side measures, and on which of our processes."""

    label: str
    quantity: str
    ours: str


FIGURES = {
    "step": Figure("step", "step", "warm"),
    "again": Figure("whole, all programs known", "cpu", "again"),
    "warm": Figure("whole, programs of others known", "cpu", "warm"),
    "disk": Figure("whole, programs of others known, fresh process", "cpu", "disk"),
    "cold": Figure("whole, new network, no program known", "cpu", "cold"),
}

CAUSES = {
    "step": "maps of a few positions: its share of calls and copies is larger than that of products",
    "steps": "see its step",
    "validation": "see its step",
    "compilation and the rest": "programs that no other network had: some 50 ms of XLA each, whatever their size",
}
"""Why ours is slower where a part of the work is furthest behind."""

Goals = Mapping[str, float]
"""The least median ratio, by figure."""


def measure_pytorch(running: Mapping[str, Side], job: Job, *, peers: tuple[str, ...] = tuple(PEERS)) -> Found:
    """The whole training and the steady step by these ways to run PyTorch, where they are there."""
    better = better_format(running["torch"], job)
    compiled = {name: {**job, "compiled": name == "torch_compile"} for name in peers if name in running}
    return {name: running[name].ask(**one, channels_last=better) for name, one in compiled.items()}


def ratio(one: Found, figure: str, peer: str = "torch") -> float | None:
    """PyTorch's time by ours on one network, or None where one of the two was not measured."""
    _, quantity, ours = FIGURES[figure]
    if peer not in one or ours not in one:
        return None
    theirs: float = one[peer][quantity]
    if figure in ("again", "warm", "disk"):  # what is known is compiled already
        theirs -= one[peer].get("compile", 0.0)
    return theirs / float(one[ours][quantity])


def summary(found: list[Found], goals: Goals) -> str:
    """The table of ratios: a row for each figure, a column for each way to run PyTorch."""
    rows = []
    for name, (label, _, _) in FIGURES.items():
        if any(ratio(one, name) is not None for one in found):
            goal = f"≥ {goals[name]}" if name in goals else "-"
            rows.append([label, goal, *(_spread(found, name, peer) for peer in PEERS)])
    return results.table(["figure: median ratio (lowest to highest)", "goal", *PEERS.values()], rows)


def _ratios(found: list[Found], figure: str, peer: str) -> list[float]:
    return [value for one in found if (value := ratio(one, figure, peer)) is not None]


def _spread(found: list[Found], figure: str, peer: str) -> str:
    values = _ratios(found, figure, peer)
    if not values:
        return "-"
    fewer = f", {len(values)} of them" if len(values) < len(_ratios(found, figure, "torch")) else ""
    return f"{np.median(values):.2f} ({min(values):.2f} to {max(values):.2f}{fewer})"


def verdict(found: list[Found], goals: Goals) -> str:
    """In words, how each figure with a goal stands to it, against PyTorch eager and against PyTorch with our heap."""
    said = []
    for figure, least in goals.items():
        for peer, goal in (("torch", least), ("torch_heap", HEAP_GOAL)):
            if values := _ratios(found, figure, peer):
                middle = float(np.median(values))
                said.append(f"{FIGURES[figure].label} {middle:.2f} of {goal} {'met' if middle >= goal else 'missed'}")
                said[-1] += " with our heap" * (peer == "torch_heap")
    return f"Goals: {'; '.join(said)}."


def compiled_words(found: list[Found]) -> str:
    """In words, what the column of `torch.compile` holds, or why it is empty."""
    seconds = [one["torch_compile"]["compile"] for one in found if "torch_compile" in one]
    if not seconds:
        return "`torch.compile` was not measured: it was not asked for, or found no C++ compiler that it works with."
    return (
        "`torch.compile` (inductor, default mode) compiles the training step; it validates eagerly, which takes less than "
        f"compiling that too. It compiled for {np.median(seconds):.0f} s of computing per network ({min(seconds):.0f} to "
        f"{max(seconds):.0f}), the C++ compiler's included: that is part of a new network and not of known programs."
    )


def listed(one: Found, quantity: str, names: tuple[str, ...], unit: float, form: str) -> str:
    """A quantity of these sides, in their order, in this unit and form."""
    return ", ".join(format(unit * one[name][quantity], form) if name in one else "-" for name in names)


def behind(found: list[Found], names: list[str], steps: int) -> str:
    """A table of every network and figure on which ours is slower than PyTorch eager, with the part of the work that is
    furthest behind and its cause; a sentence where there is none. A training has so many steps."""
    rows = []
    for name, one in zip(names, found, strict=True):
        for figure, (label, quantity, ours) in FIGURES.items():
            value = ratio(one, figure)
            if value is None or value >= 1:
                continue
            if quantity == "step":
                slower = {"step": 1e3 * (one[ours]["step"] - one["torch"]["step"])}
            else:
                mine, theirs = (_parts(one[side], steps) for side in (ours, "torch"))
                slower = {part: mine[part] - theirs[part] for part in mine}
            unit = "ms" if quantity == "step" else "s"
            listed = ", ".join(f"{part} {more:+.2f}" for part, more in slower.items())
            furthest = max(slower, key=slower.__getitem__)
            rows.append([name, label, f"{value:.2f}", f"{listed} {unit}", furthest, CAUSES[furthest]])
    if not rows:
        return "No network is slower than with PyTorch eager on any figure."
    columns = ["slower than PyTorch eager", "figure", "ratio", "ours takes more by", "furthest behind", "cause"]
    return results.table(columns, rows)


def _parts(measured: dict[str, float], steps: int) -> dict[str, float]:
    """Seconds of a whole training: its steps, its validations, and what is left, which is compilation and setting up."""
    stepping, validating = steps * measured["step"], measured["validation"]
    return {"steps": stepping, "validation": validating, "compilation and the rest": measured["cpu"] - stepping - validating}
