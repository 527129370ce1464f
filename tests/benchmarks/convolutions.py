"""The forms of convolution against each other on a CPU: the measurements that `ops.choice` was fitted to.

    python tests/benchmarks/convolutions.py [--core 0]

Value and both gradients as one program, in milliseconds, for every form that can compute a convolution; the one that the rule
chooses is marked. Where it is not the fastest, the last column says how much slower it is. Some three minutes.
"""

import argparse
import os
import time
from typing import Any, NamedTuple

REPEATS = 11


class Case(NamedTuple):
    """A convolution of a batch of 32 maps."""

    side: int
    channels: int
    kernel: tuple[int, int]
    filters: int
    stride: tuple[int, int] = (1, 1)
    dilation: int = 1

    def __str__(self) -> str:
        steps = "" if self.stride == (1, 1) else f", stride {self.stride[0]}×{self.stride[1]}"
        dilated = "" if self.dilation == 1 else f", dilation {self.dilation}"
        sides = "×".join(map(str, self.kernel))
        return f"{self.side}×{self.side}, {self.channels} → {self.filters}, {sides}{steps}{dilated}"


CASES = [
    *(Case(8, 1, kernel, 36) for kernel in ((5, 5), (7, 1), (1, 3))),
    *(Case(8, 48, kernel, 36) for kernel in ((3, 3), (5, 7), (7, 1), (1, 7))),
    *(Case(side, channels, (3, 3), channels) for side, channels in ((8, 16), (16, 8), (16, 16), (16, 32), (32, 4), (32, 8))),
    *(Case(32, channels, (1, 7), channels) for channels in (4, 16, 36)),
    *(Case(32, 8, (3, 5), 5), Case(16, 8, (5, 5), 3), Case(16, 3, (7, 7), 1), Case(32, 4, (3, 3), 8), Case(32, 16, (3, 3), 8)),
    *(Case(32, 3, kernel, 36) for kernel in ((3, 3), (5, 5), (7, 7), (7, 1), (1, 5))),
    *(Case(32, 24, kernel, 36) for kernel in ((3, 3), (5, 5), (7, 3))),
    *(Case(32, 8, (3, 3), 8, (2, 2)), Case(32, 16, (3, 3), 16, (2, 2)), Case(16, 36, (7, 3), 48, (2, 2))),
    *(Case(32, 36, (1, 5), 36, (2, 3)), Case(32, 36, (7, 1), 36, (2, 1)), Case(32, 3, (7, 7), 48, (2, 3))),
    Case(12, 36, (7, 3), 64, (3, 2)),
    *(Case(32, 4, (3, 3), 4, dilation=2), Case(16, 8, (3, 3), 8, dilation=2), Case(16, 32, (3, 3), 32, dilation=2)),
]


def measured(case: Case) -> tuple[dict[str, float], str]:
    """Form -> seconds of computing, the median; and the chosen form."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from automl_cli.nn.compilation import compiled
    from automl_cli.nn.ops import convolution as face
    from automl_cli.nn.ops import native
    from automl_cli.nn.ops.convolution import ANY_PADS, FORMS
    from automl_cli.nn.ops.dispatch import choose_form

    random = np.random.default_rng(0)
    shapes = (case.side, case.side, 32, case.channels), (*case.kernel, case.channels, case.filters)
    x, kernel = (jnp.asarray(random.normal(size=shape), jnp.float32) for shape in shapes)
    pads = native.half(jnp.zeros((*(case.dilation * (side - 1) + 1 for side in case.kernel), 1, 1)))
    usual = case.dilation == 1

    def program(form: str) -> Any:
        more = {"pads": pads, "dilation": case.dilation} if form in ANY_PADS else {}

        def both(x: Any, kernel: Any) -> Any:
            value, pull = jax.vjp(lambda *given: FORMS[form](*given, case.stride, **more), x, kernel)
            return value, pull(value)

        return compiled(both)

    programs = {form: program(form) for form in FORMS if _can(form, case, usual=usual)}
    expected = face(x, kernel, stride=case.stride, dilation=case.dilation)
    times: dict[str, list[float]] = {form: [] for form in programs}
    for _ in range(REPEATS + 1):
        for form, run in programs.items():
            start = time.process_time()
            value, _ = jax.block_until_ready(run(x, kernel))
            times[form].append(time.process_time() - start)
            np.testing.assert_allclose(value, expected, atol=1e-3)
    chosen = choose_form(x.shape, kernel.shape, case.stride, usual=usual)
    return {form: float(np.median(seconds[1:])) for form, seconds in times.items()}, chosen


def _can(form: str, case: Case, *, usual: bool) -> bool:
    """Whether a form computes this case, and is not another one under its name."""
    match form:
        case "native":
            return True
        case "shift_gemm":
            return case.stride == (1, 1)
        case "pointwise":
            return usual and case.kernel == (1, 1)
        case "dft_1d":
            return usual and 1 in case.kernel and case.kernel != (1, 1)
        case "direct":
            return usual and case.stride == (1, 1)
    return usual


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", type=int, default=0)
    asked = parser.parse_args()
    os.sched_setaffinity(0, {asked.core})
    from automl_cli.system.process import keep_heap, process_settings

    keep_heap()
    os.environ.update(process_settings())
    from results import record, table

    names, rows, lost = ("native", "direct", "shift_gemm", "dft_1d", "dft_2d"), [], []
    for case in CASES:
        times, chosen = measured(case)
        marked = {
            form: f"**{1e3 * seconds:.2f}**" if form == chosen else f"{1e3 * seconds:.2f}" for form, seconds in times.items()
        }
        ratio = times.get(chosen, 0) / min(times.values())
        lost.append(ratio)
        rows.append([str(case), *(marked.get(name, "") for name in names), f"{ratio:.2f}" if ratio > 1 else ""])
        print(*rows[-1], flush=True)
    text = (
        f"Batch 32; median of {REPEATS}, in turn. The chosen form takes {max(lost):.2f} times as long as the fastest at most. "
        f"Load meanwhile: {os.getloadavg()[2]:.1f} on {os.cpu_count()} cores."
    )
    columns = ["convolution", *names, "chosen / fastest"]
    record("Forms of convolution", "tests/benchmarks/convolutions.py", f"{text}\n\n{table(columns, rows)}")


if __name__ == "__main__":
    main()
