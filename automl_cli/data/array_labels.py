"""Labels in arrays: whole numbers with any start and gaps, text, one-hot rows. The classes keep the labels as their names."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from automl_cli.core.errors import DataError
from automl_cli.core.numbers import counted

LISTED = 8


class NamedLabels(NamedTuple):
    """The label of every example as whole number or text (examples,), and the form in which it was stored."""

    labels: np.ndarray
    form: str


def named_labels(stored: np.ndarray, count: int, where: str) -> NamedLabels:
    """Return the labels of `count` images from an array (examples,), (examples, 1) or one-hot (examples, classes).

    Raises DataError, naming the first example, for labels of any other form.
    """
    check_labels(stored.shape, stored.dtype, count, where)
    column = stored.reshape(count, -1)
    if column.shape[1] > 1:
        return NamedLabels(_from_one_hot(column, where), f"one-hot rows of {column.shape[1]}")
    labels = column[:, 0]
    if labels.dtype.kind == "S":
        return NamedLabels(np.char.decode(labels, "utf-8", "replace"), "text")
    if labels.dtype.kind == "U":
        return NamedLabels(labels, "text")
    if labels.dtype.kind == "f":
        if (odd := np.flatnonzero(~np.isfinite(labels) | (labels != np.floor(labels)))).size:
            raise DataError(
                f"{where} holds {labels[odd[0]]:g} at example {odd[0]} ({counted(len(odd), 'label')} of the kind); labels are "
                "classes: whole numbers, text or one-hot rows"
            )
        return NamedLabels(labels.astype(np.int64), "whole numbers stored as floating-point ones")
    return NamedLabels(labels.astype(np.int64) if labels.dtype.kind == "b" else labels, "whole numbers")


def classes_of(labels: np.ndarray, where: str) -> np.ndarray:
    """Return the different labels in order, (classes,). Raises DataError unless there are at least two."""
    classes = np.unique(labels)
    if len(classes) < 2:
        raise DataError(f"{where} holds the label {_listed(classes)} alone; classification needs at least two classes")
    return classes


def indices_in(classes: np.ndarray, labels: np.ndarray, where: str) -> np.ndarray:
    """Return the labels (examples,) as int32 indices into the classes (classes,).

    Raises DataError, naming them, for labels that are none of the classes.
    """
    alike = (classes.dtype.kind == "U") == (labels.dtype.kind == "U")
    unknown = np.setdiff1d(labels, classes) if alike else np.unique(labels)
    if unknown.size:
        found, known = ("", "") if alike else (_kind_in_words(one) for one in (unknown, classes))
        raise DataError(
            f"{where} holds the labels {_listed(unknown)}{found}, which no training example has; "
            f"those of training are {_listed(classes)}{known}"
        )
    return np.searchsorted(classes, labels).astype(np.int32)


def check_labels(shape: tuple[int, ...], dtype: np.dtype[Any], count: int, where: str) -> None:
    """Raise DataError unless arrays of this shape and type may hold the labels of `count` images. Their numbers are not
    needed."""
    if dtype.hasobject:
        raise DataError(f"{where} holds Python objects, which are not read; save text labels with labels.astype(str)")
    if dtype.kind not in "biufSU":
        raise DataError(f"{where} holds {dtype}; labels are whole numbers, text or one-hot rows")
    if len(shape) not in (1, 2) or 0 in shape:
        raise DataError(f"{where} has shape {shape}; labels are (examples,), (examples, 1) or one-hot (examples, classes)")
    if shape[0] != count:
        raise DataError(f"{where} has {counted(shape[0], 'label')} for {counted(count, 'picture')}; there must be one for each")


def _from_one_hot(rows: np.ndarray, where: str) -> np.ndarray:
    if rows.dtype.kind in "SU":
        raise DataError(f"{where} has {rows.shape[1]} columns of text; labels are one column, or one-hot rows of numbers")
    wrong = np.flatnonzero(((rows != 0) & (rows != 1)).any(axis=1) | (rows.sum(axis=1) != 1))
    if wrong.size:
        raise DataError(
            f"{where} has {rows.shape[1]} columns, but row {wrong[0]} is not one-hot ({_listed(rows[wrong[0]])}; "
            f"{counted(len(wrong), 'row')} of the kind): one 1 among zeros says the class; "
            "several labels for one picture are not learnt"
        )
    labels: np.ndarray = rows.argmax(axis=1)
    return labels


def _listed(values: np.ndarray) -> str:
    return ", ".join(map(str, values[:LISTED].tolist())) + (f", … {len(values)} in all" if len(values) > LISTED else "")


def _kind_in_words(labels: np.ndarray) -> str:
    return " as text" if labels.dtype.kind == "U" else " as numbers"
