"""The cost model of a child: what a training takes.

    START_SECONDS + epochs * (3 * training examples + validation examples) * 2 * multiply-adds / (EFFICIENCY * speed)

seconds on one core, since the backward pass costs twice the forward pass. Good to a factor of two.
"""

from collections.abc import Mapping
from typing import Any

START_SECONDS = 2.0
"""Building and compiling a child, the cache being empty."""

EFFICIENCY = 1.0
"""Speed of training, as a part of that of a large matrix product. It is not far below 1, since large kernels are not computed
as written: random networks of space cnn reached 1.3 on 8 x 8 images and 1.7 on 32 x 32 ones, on a CPU shared with others."""


def child_seconds(facts: Mapping[str, Any], *, epochs: int, multiply_adds: float, speed: float) -> float:
    """The cost model. `facts` are those of the problem as plain data; `speed` is in multiply-adds and additions per second, two
    for each multiply-add."""
    examples = 3 * facts["train_examples"] + facts["validation_examples"]
    return START_SECONDS + epochs * examples * 2 * multiply_adds / (EFFICIENCY * speed)
