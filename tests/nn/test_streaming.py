"""Streamed batches have the interface of batches from arrays: the same order, whole batches, bounded memory."""

import numpy as np
import pytest

from automl_cli.nn.augment.batches import Batches, Examples
from automl_cli.nn.augment.colour_distortion import distort_colours
from automl_cli.nn.augment.pipeline import Pipeline
from automl_cli.nn.evaluation import outputs_of
from automl_cli.nn.streaming import BATCHES_AHEAD, LEAST_AHEAD, StreamedBatches, StreamedExamples

MOMENTS = (np.full(3, 127.5, np.float32), np.full(3, 127.5, np.float32))


class Pictures:
    """A stream whose example i has the value i everywhere, and which counts the requests."""

    def __init__(self, count: int) -> None:
        self.labels = np.arange(count, dtype=np.int32)
        self.asked: list[dict] = []
        self.closed = 0

    def __len__(self) -> int:
        return len(self.labels)

    def array(self, place: int) -> np.ndarray:
        return np.full((4, 4, 3), place, np.uint8)

    def crops(self, places, **asked):
        self.asked.append(asked)
        try:
            for place in places:
                yield self.array(place)
        finally:
            self.closed += 1

    def centres(self, *, depth: int):
        self.asked.append({"depth": depth})
        yield from map(self.array, range(len(self)))

    def arrays(self) -> np.ndarray:
        return np.stack([self.array(place) for place in range(len(self))])


@pytest.mark.parametrize(("count", "size"), [(10, 4), (12, 4), (3, 64)])
@pytest.mark.parametrize("transform", [None, distort_colours])
def test_streamed_batches_equal_batches_of_the_same_images(count, size, transform):
    pictures = Pictures(count)
    streamed = StreamedBatches(pictures, moments=MOMENTS, size=size, flip=True, pipeline=Pipeline(transform))
    prepared = Batches(pictures.arrays(), pictures.labels, moments=MOMENTS, size=size, pipeline=Pipeline(transform))
    assert (streamed.size, streamed.steps) == (prepared.size, prepared.steps)
    for epoch in (0, 3):
        for ours, theirs in zip(streamed.epoch(5, epoch), prepared.epoch(5, epoch), strict=True):
            np.testing.assert_array_equal(ours[1], theirs[1])
            np.testing.assert_array_equal(ours[0], theirs[0])


def test_bytes_become_minus_one_to_one():
    pictures = Pictures(256)
    images, labels = next(StreamedBatches(pictures, moments=MOMENTS, size=256, flip=False, pipeline=Pipeline()).epoch(0, 0))
    order = np.argsort(np.asarray(labels))
    np.testing.assert_allclose(np.asarray(images)[order, 0, 0, 0], np.linspace(-1, 1, 256), atol=1e-6)


@pytest.mark.parametrize(("size", "depth"), [(4, LEAST_AHEAD), (100, BATCHES_AHEAD * 100)])
def test_what_is_asked_for_ahead_is_bounded_by_the_batch_not_by_the_data(size, depth):
    pictures = Pictures(200)
    batches = StreamedBatches(pictures, moments=MOMENTS, size=size, flip=True, pipeline=Pipeline())
    next(batches.epoch(2, 7))
    assert pictures.asked == [{"seed": 2, "epoch": 7, "flip": True, "depth": depth}]


def test_an_epoch_that_is_left_early_closes_its_stream():
    pictures = Pictures(50)
    epoch = StreamedBatches(pictures, moments=MOMENTS, size=4, flip=True, pipeline=Pipeline()).epoch(0, 0)
    next(epoch)
    assert pictures.closed == 0
    epoch.close()
    assert pictures.closed == 1


@pytest.mark.parametrize("smaller", [True, False])
@pytest.mark.parametrize("count", [1, 7, 8, 9, 33])
def test_streamed_examples_are_those_of_arrays(count, smaller):
    pictures = Pictures(count)
    streamed = StreamedExamples(pictures, moments=MOMENTS, largest_batch=8, smaller=smaller)
    prepared = Examples(pictures.arrays(), moments=MOMENTS, largest_batch=8, smaller=smaller)
    shapes = set()

    class Corners:
        def outputs(self, state, inputs):
            shapes.add(inputs.shape)
            return inputs[:, 0, 0]

    for _ in range(2):
        np.testing.assert_array_equal(*(outputs_of(Corners(), None, examples) for examples in (streamed, prepared)))
    assert len(shapes) == 1, "one program"
    assert smaller or shapes.pop()[0] == 8
