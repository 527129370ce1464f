"""A trained network as one file of Python and one of weights."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from automl_cli.jobs.network_source.about import literal_text
from automl_cli.jobs.network_source.dialect import NetworkDialect
from automl_cli.jobs.network_source.dialect_flax import FlaxDialect
from automl_cli.jobs.network_source.dialect_torch import TorchDialect
from automl_cli.jobs.network_source.graph import graph_of
from automl_cli.jobs.network_source.layout import made_in, plan_of
from automl_cli.jobs.network_source.network_text import NetworkWriter
from automl_cli.jobs.network_source.tensors import Format, tensors_of
from automl_cli.jobs.network_source.unit_source import UnitWriter
from automl_cli.values.activation import ActivationFunction
from automl_cli.values.network import Network, Shape

if TYPE_CHECKING:
    import numpy as np

DIALECTS: Mapping[Format, NetworkDialect] = {"flax": FlaxDialect(), "torch": TorchDialect()}

_LOADS: Mapping[Format, str] = {
    "flax": '''def read(weights: str | Path) -> dict[str, jax.Array]:
    """Return the arrays of a safetensors file: size of the header, header, numbers."""
    data = Path(weights).read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    arrays = {}
    for name, entry in json.loads(data[8:start]).items():
        first, end = entry["data_offsets"]
        numbers = jnp.frombuffer(data[start + first : start + end], jnp.float32)
        arrays[name] = numbers.reshape(entry["shape"])
    return arrays


def load(weights: str | Path = WEIGHTS) -> Network:
    """Return the trained network as it predicts; with `network.train()` it trains."""
    network = nnx.eval_shape(lambda: Network(rngs=nnx.Rngs(0)))
    state, arrays = nnx.state(network), read(weights)
    for path, variable in nnx.to_flat_state(state):
        variable.set_value(arrays[".".join(map(str, path))])
    nnx.update(network, state)
    network.eval()
    return network''',
    "torch": '''def load(weights: str | Path = WEIGHTS) -> Network:
    """Return the trained network as it predicts; with `network.train()` it trains."""
    network = Network()
    network.load_state_dict(load_file(weights), strict=True)
    return network.eval()''',
}


def network_source(
    network: Network,
    image: Shape,
    classes: Sequence[str],
    activation: ActivationFunction,
    weights: Mapping[str, np.ndarray],
    format: Format,  # noqa: A002
    *,
    preprocess: str,
) -> tuple[str, dict[str, np.ndarray]]:
    """Return the file without its docstring, and the arrays of its weights by name.

    `image` is (height, width, channels), `weights` are those of the model by the names that they have there, and `preprocess`
    the text of the preparation of images. Raises UserError for an operation that cannot be written.
    """
    dialect, graph = DIALECTS[format], graph_of(network, image)
    plan = plan_of(graph)
    made = [one for row in plan.stored for maker in row.makers for one in made_in(maker)]
    made += [one for row in plan.classes for node in row.nodes for one in node.made or ()]
    units = UnitWriter(dialect, activation, made)
    writer = NetworkWriter(plan, units, len(classes))
    parts = [dialect.activation(activation)] if units.needs_activation() else []
    written = [*(writer.class_text(row) for row in plan.classes), writer.network_text()]
    parts += [*units.texts().values(), *filter(None, [units.twice_text()]), *written]
    constants, *functions = preprocess.split("\n\n\n")
    parts += [*functions, _LOADS[format]]
    helpers = [text for name, text in dialect.helpers.items() if any(_uses(part, name) for part in parts)]
    helpers = [text for name, text in dialect.helpers.items() if any(_uses(part, name) for part in (*parts, *helpers))]
    named = ", ".join(map(literal_text, classes))
    top = "\n".join((_tuple("CLASSES", classes, named), constants, 'WEIGHTS = Path(__file__).with_suffix(".safetensors")'))
    body = "\n\n\n".join((*helpers, *parts))
    text = "\n\n".join((_imports(dialect, f"{top}\n{body}"), f"{top}\n\n\n{body}\n"))
    return text, tensors_of(graph, plan, weights, activation.betas, format)


def _uses(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.]){name}\b", text) is not None


def _imports(dialect: NetworkDialect, text: str) -> str:
    """Return the imports that a text needs, those of the standard library first."""
    lines = [line for name, line in dialect.imports.items() if _uses(text, name)]
    own = [line for line in lines if line.split()[1] in ("json", "functools", "pathlib")]
    others = [line for line in lines if line not in own]
    return "\n\n".join("\n".join(group) for group in (own, others) if group)


def _tuple(name: str, values: Sequence[str], written: str) -> str:
    line = f"{name} = ({written}{',' if len(values) == 1 else ''})"
    if len(line) <= 88:
        return line
    return "\n".join((f"{name} = (", *(f"    {literal_text(value)}," for value in values), ")"))
