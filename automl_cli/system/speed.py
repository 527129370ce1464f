"""Measures how fast this machine computes."""

import time


def matrix_speed(seconds: float = 0.1) -> float:
    """Measure the multiplications and additions per second of one core in a product of 512 x 512 matrices.

    It counts seconds of computing, not of the clock, so that other work on the machine does not distort the estimate.
    """
    import numpy as np

    size = 512
    left = np.ones((size, size), np.float32)
    _ = left @ left
    done, started = 0, time.process_time()
    while (elapsed := time.process_time() - started) < seconds:
        _ = left @ left
        done += 1
    return done * 2 * size**3 / elapsed
