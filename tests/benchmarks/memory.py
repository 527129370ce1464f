"""Memory of a worker that trains many different children.

    python tests/benchmarks/memory.py [--children 200]

Random architectures of the quick preset's space on digits, one epoch each, in one process set up as a worker is. Every child
brings blocks that none before it had; what counts is that the process stops growing.
"""

import argparse
import resource

from automl_cli.system.process import resident_bytes, set_up_this_process

FIRST = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--children", type=int, default=200)
    parser.add_argument("--engine", default="blocks")
    asked = parser.parse_args()
    set_up_this_process()
    sizes = megabytes(asked.children, asked.engine)
    after = sorted({number for number in (FIRST, 50, 100, 150, 200, 300, 500) if number < len(sizes)} | {len(sizes)})
    import results

    rows = [[number, f"{sizes[number - 1]:,.0f}", f"{sizes[number - 1] / sizes[FIRST - 1]:.2f}"] for number in after]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    text = f"Different children of the quick preset of cnn (digits) in one worker, engine {asked.engine}; peak {peak:,.0f} MB."
    tables = results.table(["children", "resident (MB)", f"part of that after {FIRST}"], rows)
    results.record("Memory of a worker", "tests/benchmarks/memory.py", f"{tables}\n\n{text}")


def megabytes(children: int, engine: str) -> list[float]:
    """Resident memory after each child."""
    from children_of import child_of, setup_of

    from automl_cli.core.spaces import SearchSpace
    from automl_cli.core.trials import Task
    from automl_cli.evaluators.trained import TrainedEvaluator
    from search_spaces.cnn import SPACE

    quick = SPACE.presets["quick"]
    space = SearchSpace(SPACE, dict(quick.space_options))
    evaluator, sizes = TrainedEvaluator(setup_of(space, child_of(quick), engine=engine)), []
    for number in range(children):
        evaluator.evaluate(Task(trial=number, genotype=space.sample(0, number), seed=number, epochs=1))
        sizes.append(resident_bytes() / 2**20)
        print(f"{number + 1}: {sizes[-1]:.0f} MB", flush=True)
    return sizes


if __name__ == "__main__":
    main()
