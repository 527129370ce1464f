"""The forms of convolution against each other and against PyTorch, and the timing table that the rule chooses by.

    python tests/benchmarks/convolutions.py --torch-python PYTHON [--core 0]
    python tests/benchmarks/convolutions.py --fit amd-zen-4 [--core 0]

The first measures the value and both gradients of single convolutions, as one program, in every form that can compute them, and
by PyTorch in the better of its two memory formats. The second measures this machine as `automl doctor --calibrate` does and
writes the table of its family. One or two minutes each on an idle core.
"""

import argparse
import os
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TABLES = HERE.parents[1] / "automl_cli" / "nn" / "ops" / "timings"
REPEATS = 11


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


def measured(case: Any) -> tuple[dict[str, float], str]:
    """Seconds of computing by form, and the form that the rule chooses."""
    import jax.numpy as jnp
    import numpy as np

    from automl_cli.nn.calibration import medians, value_and_gradients
    from automl_cli.nn.compilation import compiled
    from automl_cli.nn.ops.dispatch import applicable_forms, choose_chunks, choose_form, possible_chunks

    random = np.random.default_rng(0)
    shapes = case.shape, case.kernel, (*case.outputs, case.batch, case.kernel[3])
    given = tuple(jnp.asarray(random.normal(size=shape), jnp.float32) for shape in shapes)
    how = {"pads": case.pads, "dilation": case.dilation}
    chosen, chunks = choose_form(*case[:3], **how), choose_chunks(*case[:3], **how)
    forms = [(form, number) for form in applicable_forms(case) for number in _chunks(form, chunks, possible_chunks(case))]
    programs = {
        _name(form, number): (compiled(value_and_gradients(form, case, chunks=number)).for_fixed_shapes(), given)
        for form, number in forms
    }
    return medians(programs), _name(chosen, chunks if chosen == "direct" else 1)


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
    rows, lost, speeds = [], [], []
    for case in cases():
        times, chosen = measured(case)
        theirs = torch.ask(shape=case.shape, kernel=case.kernel, stride=case.stride, repeats=REPEATS)["seconds"]
        best = min(times, key=lambda form: times[form])
        lost.append(times[chosen] / times[best])
        speeds.append(theirs / times[chosen])
        shown = [f"{form} {1e3 * times[form]:.2f}" for form in (best, chosen)]
        others = ", ".join(f"{form} {1e3 * times[form]:.2f}" for form in sorted(times, key=lambda form: times[form])[1:4])
        rows.append([described(case), *shown, f"{1e3 * theirs:.2f}", f"{speeds[-1]:.2f}", f"{lost[-1]:.2f}", others])
        print(*rows[-1], sep=" | ", flush=True)
    torch.close()
    text = (
        f"Value and both gradients, ms of computing, medians, in turn; chosen by the table {timings_in_force().name}. The "
        f"chosen form takes {max(lost):.2f} times as long as the best at most; PyTorch {torch.greeting['torch']} takes "
        f"{min(speeds):.2f} to {max(speeds):.2f} times as long as the chosen form. Load meanwhile: {os.getloadavg()[2]:.1f} on "
        f"{os.cpu_count()} cores."
    )
    columns = [
        "batch × map, channels → filters, kernel",
        "best form",
        "chosen form",
        "PyTorch",
        "PyTorch / chosen",
        "chosen / best",
    ]
    record(
        "Forms of convolution",
        "tests/benchmarks/convolutions.py --torch-python PYTHON",
        f"{text}\n\n{table([*columns, 'next best'], rows)}",
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
