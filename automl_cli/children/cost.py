"""The cost model of a child: the duration of a training.

    START_SECONDS + epochs * (3 * training examples + validation examples) * 2 * multiply-adds / (EFFICIENCY * speed)

seconds on one core, since the backward pass costs twice the forward pass. Good to a factor of two.
"""

from collections.abc import Mapping
from typing import Any

START_SECONDS = 2.0
"""Seconds to build and compile a child with an empty cache."""

EFFICIENCY = 1.0
"""Speed of training, relative to that of a large matrix product. It is not far below 1, since large kernels take fewer
operations than counted: random networks of space cnn reached 1.3 on 8 x 8 images and 1.7 on 32 x 32 ones, on a shared CPU."""


def child_seconds(facts: Mapping[str, Any], *, epochs: int, multiply_adds: float, speed: float) -> float:
    """Return the seconds of one training by the cost model.

    `facts` are the problem's facts as plain data. `speed` counts multiplications and additions per second, two per
    multiply-add.
    """
    examples = 3 * facts["train_examples"] + facts["validation_examples"]
    return START_SECONDS + epochs * examples * 2 * multiply_adds / (EFFICIENCY * speed)
