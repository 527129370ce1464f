"""PyTorch's side of `convolutions.py`: a process that reads one convolution per line as JSON and answers with its time.

It needs only torch and NumPy, in an environment of their own.
"""

import json
import os
import sys
import time
from typing import Any

import numpy as np
import torch
from torch.nn import functional

torch.set_num_threads(1)


def convolution(job: dict[str, Any]) -> dict[str, float]:
    """The value and the gradients of one convolution, that of the input only where it is wanted, seconds of computing, in the
    better memory format. Padding is k // 2."""
    (height, width, batch, channels), (rows, columns, _, filters) = job["shape"], job["kernel"]
    how = {"stride": job["stride"], "padding": (rows // 2, columns // 2)}
    best = float("inf")
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.randn(batch, channels, height, width).contiguous(memory_format=layout).requires_grad_(job["of_input"])
        kernel = torch.randn(filters, channels, rows, columns).contiguous(memory_format=layout).requires_grad_()
        gradient = torch.randn_like(functional.conv2d(x, kernel, **how))
        wanted, times = ((x, kernel) if job["of_input"] else (kernel,)), []
        for _ in range(job["repeats"] + 2):
            begin = time.process_time()
            torch.autograd.grad(functional.conv2d(x, kernel, **how), wanted, gradient)
            times.append(time.process_time() - begin)
        best = min(best, float(np.median(times[2:])))
    return {"seconds": best}


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(os.environ["BENCHMARK_CORE"])})
    print(json.dumps({"torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        print(json.dumps(convolution(json.loads(line))), flush=True)
