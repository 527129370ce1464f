"""Metrics folded over batches equal those of all outputs at once."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_cli.core.protocols import Diverged
from automl_cli.nn.evaluation import EvaluationBatch, evaluate, outputs_of
from automl_cli.nn.metrics import Accuracy, BalancedAccuracy, MeanSquaredError, Metric, Perplexity, TopAccuracy
from automl_cli.nn.streaming import StreamedExamples

CLASSES, SIZE = 7, 8


def accuracy(logits, labels):
    return float(np.mean(logits.argmax(-1) == labels))


def top_3(logits, labels):
    """Fewer than three logits stand before that of the label: larger ones, or as large ones of classes before it."""
    own, places = logits[np.arange(len(labels)), labels][:, None], np.arange(CLASSES)
    before = (logits > own) | ((logits == own) & (places < labels[:, None]))
    return float(np.mean(before.sum(-1) < 3))


def balanced_accuracy(logits, labels):
    right = logits.argmax(-1) == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


AT_ONCE = [(Accuracy(), accuracy), (TopAccuracy(3), top_3), (BalancedAccuracy(CLASSES), balanced_accuracy)]
any_split = given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, SIZE), min_size=1, max_size=6))
"""A seed, and the sizes of the batches."""


def example_logits(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return coarse logits, of which some are equal, and labels without one of the classes."""
    random = np.random.default_rng(seed)
    logits = random.integers(-3, 4, (count, CLASSES)).astype(np.float32)
    return logits, random.integers(0, CLASSES - 1, count).astype(np.int32)


def folded(metric: Metric, outputs: np.ndarray, targets: np.ndarray, sizes: list[int]) -> float:
    """Return the metric over batches of these sizes, with outputs on the device."""
    counted, cuts = metric.start(), np.cumsum(sizes)[:-1]
    for part, of_it in zip(np.split(outputs, cuts), np.split(targets, cuts), strict=True):
        counted = metric.add(counted, jnp.asarray(part), of_it)
    return metric.result(counted)


@pytest.mark.parametrize(("metric", "at_once"), AT_ONCE, ids=lambda value: getattr(value, "__name__", ""))
@any_split
def test_shares_of_any_split_into_batches_are_those_of_all_logits_bit_for_bit(metric, at_once, seed, sizes):
    logits, labels = example_logits(seed, sum(sizes))
    assert folded(metric, logits, labels, sizes) == at_once(logits, labels)


@any_split
def test_squared_errors_of_any_split_are_averaged_over_all_numbers(seed, sizes):
    outputs, targets = np.random.default_rng(seed).normal(size=(2, sum(sizes), 3)).astype(np.float32)
    expected = np.square(outputs.astype(np.float64) - targets).mean()
    np.testing.assert_allclose(folded(MeanSquaredError(), outputs, targets, sizes), expected, rtol=1e-12)


@any_split
def test_perplexity_of_any_split_is_that_of_the_mean_cross_entropy_of_a_token(seed, sizes):
    random = np.random.default_rng(seed)
    logits = (5 * random.normal(size=(sum(sizes), 4, 11))).astype(np.float32)
    words = random.integers(0, 11, (sum(sizes), 4)).astype(np.int32)
    shares = np.exp(logits.astype(np.float64))
    shares /= shares.sum(-1, keepdims=True)
    expected = np.exp(-np.log(np.take_along_axis(shares, words[..., None], -1)).mean())
    np.testing.assert_allclose(folded(Perplexity(), logits, words, sizes), expected, rtol=1e-5)


def test_balanced_accuracy_counts_every_class_alike():
    labels, logits = np.array([0, 0, 0, 1]), np.array([[1, 0]] * 4)
    assert folded(Accuracy(), logits, labels, [4]) == 0.75
    assert folded(BalancedAccuracy(2), logits, labels, [4]) == 0.5


def test_the_perplexity_of_uniform_logits_is_the_number_of_words():
    words = np.zeros((8, 5), np.int32)
    np.testing.assert_allclose(folded(Perplexity(), np.ones((8, 5, 9), np.float32), words, [8]), 9, rtol=1e-6)


def test_every_metric_says_which_results_are_better():
    directions = {type(metric): metric.better for metric in (*(pair[0] for pair in AT_ONCE), Perplexity(), MeanSquaredError())}
    higher = dict.fromkeys((Accuracy, TopAccuracy, BalancedAccuracy), "higher")
    assert directions == higher | dict.fromkeys((Perplexity, MeanSquaredError), "lower")


class Same:
    """An engine whose outputs are its inputs."""

    def outputs(self, state, inputs):
        return inputs


class Rows:
    """Logits in padded batches of one size."""

    carry = None

    def __init__(self, logits: np.ndarray, labels: np.ndarray | None) -> None:
        self._logits, self._labels = logits, labels

    def batches(self):
        for start in range(0, len(self._logits), SIZE):
            part = self._logits[start : start + SIZE]
            filled = np.concatenate([part, np.repeat(part[-1:], SIZE - len(part), 0)])
            labels = None if self._labels is None else self._labels[start : start + SIZE]
            yield EvaluationBatch(jnp.asarray(filled), len(part), labels)


def test_several_metrics_in_one_pass_do_not_count_what_fills_a_batch_up():
    logits, labels = example_logits(0, 2 * SIZE + 3)
    found = evaluate(Same(), None, Rows(logits, labels), [metric for metric, _ in AT_ONCE])
    assert found == tuple(at_once(logits, labels) for _, at_once in AT_ONCE)
    np.testing.assert_array_equal(outputs_of(Same(), None, Rows(logits, None)), logits)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_output_that_is_not_finite_is_a_diverged_network(bad):
    logits, labels = example_logits(0, 2 * SIZE)
    logits[SIZE, 0] = bad
    with pytest.raises(Diverged, match="outputs of the network are not finite"):
        evaluate(Same(), None, Rows(logits, labels), [Accuracy()])


class Pictures:
    """A stream of grey pictures that records when it is closed."""

    labels = np.zeros(50, np.int32)
    closed = False

    def __len__(self) -> int:
        return 50

    def centres(self, *, depth: int):
        try:
            for place in range(50):
                yield np.full((4, 4, 3), place, np.uint8)
        finally:
            self.closed = True


class Exploded:
    """An engine with no finite output."""

    def outputs(self, state, inputs):
        return inputs[:, 0, 0] * np.nan


def test_an_evaluation_that_diverges_closes_its_stream_at_once():
    """Decoding threads must end even while the traceback is still referenced."""
    pictures = Pictures()
    moments = (np.zeros(3, np.float32), np.ones(3, np.float32))
    examples = StreamedExamples(pictures, moments=moments, largest_batch=4)
    with pytest.raises(Diverged) as caught:
        evaluate(Exploded(), None, examples, [Accuracy()])
    assert pictures.closed
    assert caught.value.__traceback__ is not None


def test_a_perplexity_beyond_all_numbers_is_infinite_and_said_by_no_warning():
    assert Perplexity().result((1e6, 10)) == np.inf
