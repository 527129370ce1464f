"""The weights of a model under the names that they have in the exported network, in the layout of its library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from automl_cli.jobs.network_source.graph import NodeGraph, PlannedLayer
from automl_cli.jobs.network_source.layout import Plan, Step
from automl_cli.values.operations import ActivationOperation

if TYPE_CHECKING:
    import numpy as np

Format = Literal["flax", "torch"]
Role = Literal["kernel", "depthwise", "norm", "betas"]
Arrays = Mapping[str, "np.ndarray"]


def tensors_of(graph: NodeGraph, plan: Plan, weights: Arrays, betas: Sequence[str], format: Format) -> dict[str, np.ndarray]:  # noqa: A002
    """Return the arrays of the exported network by name, from the weights of the model; `betas` are the trained parameters of
    its activation."""
    found: dict[str, np.ndarray] = {}
    for node in graph.nodes:
        for layer in node.layers:
            if layer.block in plan.paths:
                for inner, role, source in _parts(layer, weights):
                    path = ".".join(filter(None, (_written(plan.paths[layer.block], format), inner)))
                    found |= {f"{path}.{name}": array for name, array in _arrays(role, source, weights, betas, format)}
    linear = {name: weights[f"parameters.classifier.{name}"] for name in ("weights", "bias")}
    if format == "torch":
        return found | {"classifier.weight": linear["weights"].T, "classifier.bias": linear["bias"]}
    return found | {"classifier.kernel": linear["weights"], "classifier.bias": linear["bias"]}


def _written(path: Sequence[Step], format: Format) -> str:  # noqa: A002
    """Return the path of a module as the keys of its library name it."""
    parts = []
    for step in path:
        if isinstance(step, str):
            parts.append(step)
        elif step[0] == "sequence" and format == "flax":
            parts += ["layers", str(step[1])]
        else:
            parts.append(str(step[1]))
    return ".".join(parts)


def _parts(layer: PlannedLayer, weights: Arrays) -> Iterator[tuple[str, Role, str]]:
    """Yield the modules with weights in a layer: attribute, what they are, and the place of their weights in the model."""
    place, operation = f"blocks.{layer.block}", layer.operation
    if isinstance(operation, ActivationOperation):
        yield "", "betas", place
        return
    alone = getattr(operation, "order", "") in ("conv", "bn")
    if f"parameters.{place}.kernel" in weights:
        yield "" if alone else "conv", "kernel", f"{place}.kernel"
    if f"parameters.{place}.depthwise" in weights:
        yield "depthwise", "depthwise", f"{place}.depthwise"
    for name in ("pointwise", "even", "odd"):
        if f"parameters.{place}.{name}" in weights:
            yield name, "kernel", f"{place}.{name}"
    if f"parameters.{place}.norm.scale" in weights:
        yield "" if alone else "norm", "norm", f"{place}.norm"
    for inside in (place, f"{place}.norm"):
        if f"parameters.{inside}.betas" in weights:
            yield "act", "betas", inside


def _arrays(
    role: Role,
    source: str,
    weights: Arrays,
    betas: Sequence[str],
    format: Format,  # noqa: A002
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the arrays of one module by the names that its library gives them."""
    import numpy as np

    torch = format == "torch"
    match role:
        case "kernel":
            kernel = weights[f"parameters.{source}"]
            yield ("weight", kernel.transpose(3, 2, 0, 1)) if torch else ("kernel", kernel)
        case "depthwise":
            kernel = weights[f"parameters.{source}"]
            yield ("weight", kernel.transpose(2, 0, 1)[:, None]) if torch else ("kernel", kernel[:, :, None])
        case "norm":
            names = ("weight", "bias", "running_mean", "running_var") if torch else ("scale", "bias", "mean", "var")
            own = ("parameters.{}.scale", "parameters.{}.offset", "statistics.{}.mean", "statistics.{}.variance")
            for name, at in zip(names, own, strict=True):
                yield name, weights[at.format(source)]
            if torch:
                yield "num_batches_tracked", np.array(0, np.int64)
        case "betas":
            for number, beta in enumerate(betas):  # none for a ReLU
                yield beta, weights[f"parameters.{source}.betas"][number]
