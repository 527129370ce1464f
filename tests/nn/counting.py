"""Programs compiled in a search of cells: `python -m tests.nn.counting 20` prints their number after each random cell.

Programs are traced, so that all that depends on shapes happens, but neither compiled nor run: every result is zeros. That
spoils the blocks of this process, hence a process of its own.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from automl_cli.children import optimizer
from automl_cli.core.spaces import SearchSpace
from automl_cli.nn import losses
from automl_cli.nn.compilation import Program
from automl_cli.nn.engines import BlocksEngine
from automl_cli.nn.networks import build_network
from automl_cli.plugins.roles import by_names, value_of
from search_spaces.nasnet import QUICK, SPACE
from tests.study.worlds import DIGITS

IMAGE, CLASSES, SEED = (8, 8, 1), 10, 0


def programs_after_each_cell(cells: int) -> Iterator[int]:
    """Yield the number of compiled programs after each random cell of the quick preset, trained for a step and scored."""
    space, loss = SearchSpace(SPACE, QUICK.space_options), losses.CrossEntropy()
    rule = optimizer.transformation(value_of(by_names({"optimizer": QUICK.child.optimizer})["optimizer"]), QUICK.child.recipe)
    images, labels = np.zeros((32, *IMAGE), np.float32), np.zeros(32, np.int32)
    made = 0

    def traced(program: Program, arguments: tuple[Any, ...]) -> Callable[..., Any]:
        nonlocal made
        made += 1
        results = jax.eval_shape(program._function, *arguments)
        return lambda *arguments: jax.tree.map(lambda result: np.zeros(result.shape, result.dtype), results)

    Program._compile = traced  # type: ignore[method-assign]
    for trial in range(cells):
        network = space.placed(space.sample(SEED, trial), DIGITS)
        engine = BlocksEngine(build_network(network, IMAGE, CLASSES, seed=0), loss=loss, update_rule=rule)
        state = engine.initial()
        engine.outputs(state, images)
        engine.step(state, images, labels, 0.1)
        yield made


if __name__ == "__main__":
    print(*programs_after_each_cell(int(sys.argv[1])))
