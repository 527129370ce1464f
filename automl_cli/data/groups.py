"""Splits of examples in groups that must stay together, such as pictures of one person: stratified as well as they allow.

A group goes where the classes then come nearest to their shares, the largest groups first, those of one size in a seeded order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from automl_cli.core.errors import DataError
from automl_cli.core.random_streams import stream_seed


class _Grouped(NamedTuple):
    """The group of each example, (examples,) from 0, and the examples of each class in each group, (groups, classes)."""

    of_example: np.ndarray
    counts: np.ndarray


def whole_groups(labels: np.ndarray, groups: np.ndarray, wanted: np.ndarray, *, seed: int, purpose: str) -> np.ndarray:
    """Draw groups that together have about the wanted number of each class; return the increasing indices of their examples.

    Groups of several examples give their share of each class, as nearly as they can be added up, and single examples the rest.
    `labels` and `groups` are (examples,), `wanted` (classes,). At least one group is drawn and one is left. Raises DataError
    for a single group.
    """
    grouped = _grouped(labels, groups)
    sizes = grouped.counts.sum(1)
    if len(sizes) < 2:
        raise DataError(
            f"{len(labels):,} examples are to be divided between two splits, but are all of one group, and groups stay "
            "together; make smaller groups"
        )
    share = grouped.counts[sizes > 1].sum(0) / np.maximum(grouped.counts.sum(0), 1)
    drawn, chosen = _nearest(grouped, wanted * share, seed, purpose)
    still = wanted - drawn
    for group in _in_order(grouped, seed, purpose) if len(chosen) + 1 < len(sizes) else ():
        label = int(grouped.counts[group].argmax())
        if sizes[group] == 1 and still[label] > 0 and len(chosen) + 1 < len(sizes):
            still[label] -= 1
            chosen.append(group)
    if not chosen:
        chosen = [int(sizes.argmin())]
    return np.flatnonzero(np.isin(grouped.of_example, chosen))


def _nearest(grouped: _Grouped, wanted: np.ndarray, seed: int, purpose: str) -> tuple[np.ndarray, list[int]]:
    """Return the examples of each class in those groups of several that come nearest to what is wanted of them, and the
    groups."""
    drawn, chosen, weight = np.zeros(len(wanted), np.int64), list[int](), 1.0 / np.maximum(wanted, 1)
    for group in (one for one in _in_order(grouped, seed, purpose) if grouped.counts[one].sum() > 1):
        after = drawn + grouped.counts[group]
        nearer = _distance(after, wanted, weight) < _distance(drawn, wanted, weight)
        if nearer and len(chosen) + 1 < len(grouped.counts):
            drawn, chosen = after, [*chosen, group]
    return drawn, chosen


def groups_dealt(labels: np.ndarray, groups: np.ndarray, folds: int, *, seed: int) -> np.ndarray:
    """Deal whole groups out into folds; return the fold of each example, (examples,) from 0, the largest fold first.

    `labels` and `groups` are (examples,). Raises DataError for fewer groups than folds.
    """
    grouped = _grouped(labels, groups)
    if len(grouped.counts) < folds:
        raise DataError(
            f"--folds is {folds}, but the examples are of {len(grouped.counts)} groups, which stay together; give less"
        )
    wanted = grouped.counts.sum(0) / folds
    weight = 1.0 / np.maximum(wanted, 1.0)
    dealt, fold_of = np.zeros((folds, len(wanted))), np.zeros(len(grouped.counts), np.int64)
    for place, group in enumerate(_in_order(grouped, seed, "folds")):
        with_it = dealt + grouped.counts[group]
        costs = [
            _distance(after, wanted, weight) - _distance(before, wanted, weight)
            for after, before in zip(with_it, dealt, strict=True)
        ]
        fold = place if place < folds else int(np.argmin(costs))
        dealt[fold], fold_of[group] = with_it[fold], fold
    ranks = np.argsort(np.argsort(-dealt.sum(1), kind="stable"), kind="stable")
    fold_of_example: np.ndarray = ranks[fold_of[grouped.of_example]]
    return fold_of_example


def _grouped(labels: np.ndarray, groups: np.ndarray) -> _Grouped:
    _, of_example = np.unique(groups, return_inverse=True)
    counts = np.zeros((int(of_example.max()) + 1, int(labels.max()) + 1), np.int64)
    np.add.at(counts, (of_example, labels), 1)
    return _Grouped(of_example, counts)


def _in_order(grouped: _Grouped, seed: int, purpose: str) -> Iterator[int]:
    """Yield the groups, the largest first, those of one size in an order drawn by the seed."""
    generator = np.random.Generator(np.random.Philox(key=stream_seed(seed, purpose, "groups")))
    shuffled = generator.permutation(len(grouped.counts))
    return iter(shuffled[np.argsort(-grouped.counts.sum(1)[shuffled], kind="stable")].tolist())


def _distance(counts: np.ndarray, wanted: np.ndarray, weight: np.ndarray) -> float:
    return float((np.square(counts - wanted) * weight).sum())
