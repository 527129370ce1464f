"""The forms of convolution against each other and against PyTorch, and the timing table that the rule chooses by.

    python tests/benchmarks/convolutions.py --torch-python PYTHON [--core 0]
    python tests/benchmarks/convolutions.py --fit amd-zen-4 [--core 0]

The first measures the value and both gradients of single convolutions, of images without that of the input, which nobody needs:
by a program in every form that can compute them, by NumPy in every form, and by PyTorch in the better of its two memory
formats; each by itself, some times in a row. The second measures this machine as `automl doctor
--calibrate` does and writes the table of its family. Some minutes each on an idle core.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
TABLES = HERE.parents[1] / "automl_cli" / "nn" / "ops" / "timings"
REPEATS = 11
IMAGE_CHANNELS = 3


def cases() -> list[Any]:
    """The convolutions of the table: kinds of kernels and strides, on maps of 8 x 8 to 32 x 32."""
    from automl_cli.nn.calibration import case

    return [
        case(8, 32, 24, (3, 3), 36),
        case(8, 64, 36, (7, 7), 48),
        case(8, 64, 36, (1, 7), 48),
        case(8, 64, 36, (3, 3), 48, (2, 2)),
        case(8, 64, 36, (5, 7), 48, (2, 3)),
        case(16, 64, 24, (3, 3), 36),
        case(16, 32, 48, (3, 3), 48),
        case(16, 32, 16, (3, 3), 16),
        case(16, 64, 24, (5, 5), 36),
        case(16, 64, 24, (7, 1), 36),
        case(16, 64, 36, (3, 3), 48, (2, 2)),
        case(16, 64, 36, (7, 3), 48, (2, 2)),
        case(16, 64, 36, (3, 5), 48, (1, 2)),
        case(32, 64, 3, (3, 3), 36),
        case(32, 64, 24, (3, 3), 36),
        case(32, 32, 16, (3, 3), 16),
        case(32, 32, 36, (5, 5), 48),
        case(32, 32, 24, (1, 7), 36),
        case(32, 64, 24, (1, 1), 36),
        case(32, 64, 24, (3, 3), 36, (2, 2)),
        case(32, 64, 24, (5, 5), 36, (2, 2)),
        case(32, 64, 3, (3, 3), 36, (2, 2)),
    ]


def described(case: Any) -> str:
    """A convolution in words."""
    (height, width, batch, channels), (rows, columns, _, filters) = case.shape, case.kernel
    steps = "" if case.stride == (1, 1) else f", stride {case.stride[0]}×{case.stride[1]}"
    return f"{batch} × {height}×{width}, {channels} → {filters}, {rows}×{columns}{steps}"


class Measured(NamedTuple):
    """Seconds of computing by form, those of programs and those of NumPy, and the form that each rule chooses."""

    programs: dict[str, float]
    by_numpy: dict[str, float]
    chosen: str
    chosen_of_numpy: str


def measured(case: Any) -> Measured:
    """The times of all forms."""
    import jax.numpy as jnp
    import numpy as np

    from automl_cli.nn.calibration import medians, value_and_gradients
    from automl_cli.nn.compilation import compiled
    from automl_cli.nn.ops.dispatch import applicable_forms, choose_chunks, choose_form, possible_chunks

    random = np.random.default_rng(0)
    shapes = case.shape, case.kernel, (*case.outputs, case.batch, case.kernel[3])
    arrays = [random.normal(size=shape).astype(np.float32) for shape in shapes]
    given = tuple(map(jnp.asarray, arrays))
    how = {"pads": case.pads, "dilation": case.dilation}
    chosen, chunks = choose_form(*case[:3], **how), choose_chunks(*case[:3], **how)
    forms = [(form, number) for form in applicable_forms(case) for number in _chunks(form, chunks, possible_chunks(case))]
    of_input = has_input_gradient(case)

    def program(form: str, number: int) -> Callable[..., Any]:
        both = value_and_gradients(form, case, chunks=number)

        def of_kernel(*given: Any) -> Any:
            value, (_, gradient) = both(*given)
            return value, gradient

        return compiled(both if of_input else of_kernel).for_fixed_shapes()

    programs = {_name(form, number): program(form, number) for form, number in forms}
    of_numpy, chosen_of_numpy = numpy_forms(case)
    return Measured(
        {name: medians({name: (form, given)})[name] for name, form in programs.items()},
        {name: medians({name: (form, (*arrays,))})[name] for name, form in of_numpy.items()},
        _name(chosen, chunks if chosen == "direct" else 1),
        chosen_of_numpy,
    )


def has_input_gradient(case: Any) -> bool:
    """Whether the input is no image."""
    return bool(case.kernel[2] > IMAGE_CHANNELS)


def numpy_forms(case: Any) -> tuple[dict[str, Callable[..., Any]], str]:
    """Value and both gradients by NumPy in each form, by name, and the name of the form that a child's network takes."""
    import numpy as np

    from automl_cli.nn.numpy_ops.convolution import Convolution, Joined
    from automl_cli.nn.numpy_ops.fourier import Fourier2d
    from automl_cli.nn.numpy_ops.fourier_1d import Fourier1d
    from automl_cli.nn.numpy_ops.taps import OfImages, Taps
    from automl_cli.values.operations import ConvolutionUnit

    size, sides, (channels, filters) = case.shape[:2], case.kernel[:2], case.kernel[2:]
    of_one_map: dict[str, Any] = {} if sides == (1, 1) else {"Fourier1d": Fourier1d} if 1 in sides else {"Fourier2d": Fourier2d}
    wanted = [has_input_gradient(case)]
    if not wanted[0]:
        of_one_map["OfImages"] = OfImages
    forms = {name: Joined(form(size, sides, case.stride), size) for name, form in of_one_map.items()}

    def value_and_gradients(form: Any) -> Callable[..., Any]:
        def compute(x: Any, kernel: Any, gradient: Any) -> Any:
            y, saved = form.forward([x], kernel)
            of_kernel = np.empty_like(kernel)
            return y, form.backward(saved, gradient, of_kernel, wanted), of_kernel

        return compute

    unit = ConvolutionUnit(kernel=sides, filters=filters, stride=case.stride)
    all_forms = {**forms, "Taps": Taps([size], size, sides, case.stride)}
    chosen = Convolution(unit, (channels,), (size,), (not wanted[0],)).form
    return {name: value_and_gradients(form) for name, form in all_forms.items()}, chosen


def _chunks(form: str, chosen: int, possible: list[int]) -> list[int]:
    """The numbers of chunks that a form is measured with."""
    return sorted({1, chosen, possible[len(possible) // 2], possible[-1]}) if form == "direct" else [1]


def _name(form: str, chunks: int) -> str:
    return form if chunks == 1 else f"{form}, {chunks} chunks"


def compare(asked: argparse.Namespace) -> None:
    """Measure all convolutions and record them."""
    from results import record, table
    from sides import Side

    from automl_cli.store.timings_in_force import timings_in_force

    script = str(HERE / "pytorch_convolutions.py")
    torch = Side([asked.torch_python, script], core=asked.core, environment={"OMP_NUM_THREADS": "1"})
    rows, lost, lost_of_numpy, speeds, best_speeds = [], [], [], [], []
    for case in cases():
        found = measured(case)
        of_input = has_input_gradient(case)
        asked_of_torch = {"shape": case.shape, "kernel": case.kernel, "stride": case.stride, "of_input": of_input}
        theirs = torch.ask(**asked_of_torch, repeats=REPEATS)["seconds"]
        best, best_of_numpy = (min(times, key=times.__getitem__) for times in (found.programs, found.by_numpy))
        program, ours = found.programs[found.chosen], found.by_numpy[found.chosen_of_numpy]
        lost.append(program / found.programs[best])
        lost_of_numpy.append(ours / found.by_numpy[best_of_numpy])
        speeds.append(theirs / ours)
        best_speeds.append(theirs / min(ours, program))
        programs = [f"{form} {1e3 * found.programs[form]:.2f}" for form in (best, found.chosen)]
        by_numpy = [f"{form} {1e3 * found.by_numpy[form]:.2f}" for form in (best_of_numpy, found.chosen_of_numpy)]
        ratios = [f"{ratio:.2f}" for ratio in (theirs / ours, theirs / program, lost_of_numpy[-1], lost[-1])]
        rows.append([described(case), *by_numpy, *programs, f"{1e3 * theirs:.2f}", *ratios])
        print(*rows[-1], sep=" | ", flush=True)
    torch.close()
    text = (
        "Value and both gradients, of images without that of the input; ms of computing, medians. On one thread NumPy trains "
        f"networks of convolutions, in the form of least cost, which takes {max(lost_of_numpy):.2f} times as long as its best "
        f"at most; PyTorch {torch.greeting['torch']} takes {min(speeds):.2f} to {max(speeds):.2f} times as long. Programs "
        f"compute all else; their form is chosen by the table {timings_in_force().name} and takes {max(lost):.2f} times as "
        f"long as the best at most. PyTorch takes at least {min(best_speeds):.2f} times as long as the better of both. "
        f"Load meanwhile: {os.getloadavg()[2]:.1f} on {os.cpu_count()} cores."
    )
    columns = [
        "batch × map, channels → filters, kernel",
        "NumPy: best",
        "NumPy: chosen",
        "program: best",
        "program: chosen",
        "PyTorch",
        "PyTorch / NumPy",
        "PyTorch / program",
        "chosen / best, NumPy",
        "chosen / best, program",
    ]
    record(
        "Forms of convolution",
        "tests/benchmarks/convolutions.py --torch-python PYTHON",
        f"{text}\n\n{table(columns, rows)}",
    )


def write_table(name: str) -> None:
    """Measure this machine and write its table as that of a family."""
    import msgspec

    from automl_cli.nn.calibration import measure_timings
    from automl_cli.store.encoding import document
    from automl_cli.system.machine import cpu_fields

    numbers = [
        f"{what} {cpu_fields()[field]}"
        for what, field in (("family", "cpu family"), ("model", "model"))
        if field in cpu_fields()
    ]
    table = measure_timings(lambda done, total: print(f"{done} of {total}", flush=True))
    (TABLES / f"{name}.json").write_bytes(
        document(msgspec.structs.replace(table, name=name, cpu=", ".join([table.cpu, *numbers])))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", type=int, default=0)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--torch-python", help="the interpreter of an environment with torch and NumPy")
    what.add_argument("--fit", metavar="NAME", help="the family of this CPU, such as amd-zen-4")
    asked = parser.parse_args()
    os.sched_setaffinity(0, {asked.core})
    from automl_cli.system.process import set_up_this_process

    set_up_this_process()
    if asked.fit:
        write_table(asked.fit)
    else:
        compare(asked)


if __name__ == "__main__":
    main()
