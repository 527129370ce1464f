"""Measures how fast this machine computes."""

import time


def matrix_speed(seconds: float = 0.1) -> float:
    """Measure the multiplications and additions per second of one core in a product of 512 x 512 matrices.

    Seconds of computing, not of the clock: what else the machine is doing now says nothing about the days to come.
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
