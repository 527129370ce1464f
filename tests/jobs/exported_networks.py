"""Networks of every kind with random weights, and their exported source as modules."""

import importlib.util
import random
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import jax
import numpy as np
from safetensors.numpy import save_file

from automl_cli.children.activation import function
from automl_cli.children.prediction import _load, expected_weights
from automl_cli.jobs.network_source.preparation import Preparation, preprocess_text
from automl_cli.jobs.network_source.source import network_source
from automl_cli.nn.networks import build_network
from automl_cli.values.activation import NAMED, ActivationFunction
from automl_cli.values.expert_networks import convnet, resnet, wide_resnet
from automl_cli.values.network import Block, Network, Shape
from automl_cli.values.operations import (
    ActivationOperation,
    AveragePool,
    ConvolutionUnit,
    FactorizedReduction,
    MaxPool,
    Normalisation,
    SeparableUnit,
    Subsampling,
)
from automl_cli.values.skeleton import Stack, cell_network, stack
from tests.tables import PLUGINS

CLASSES = ("cat", "dog", 'a "quoted" name')
PREPARATION = Preparation(shape=(5, 6, 1), mean=(1.0,), std=(2.0,), resize="crop", share=1.0, margin=(255,), zoom=None)


def sampled(space: str, seed: int, **options):
    """A random value of a space."""
    plugin = PLUGINS[space]
    chosen = {option.name: option.default for option in plugin.options} | options
    draw = random.Random(seed)
    genotype = tuple(draw.randrange(len(decision.choices)) for decision in plugin.decisions(chosen).decisions)
    return plugin.decode(chosen, genotype)


def searched(variant: str, layers: int, seed: int) -> Network:
    """A random network of the space `cnn`."""
    return sampled("cnn", seed, variant=variant, layers=layers, curriculum_start=layers)


def cells(seed: int, image: Shape, chosen: Stack | None = None, **options) -> Network:
    """A random pair of cells, stacked."""
    return cell_network(sampled("nasnet", seed, **options), chosen or stack("cifar", repeats=1, filters=4), image)


def odd_ones() -> Network:
    """Every operation and rule of padding: even kernels, strides, dilation, names that are taken, outputs of several sizes."""
    return Network(
        (
            Block("a", ConvolutionUnit((2, 4), 5, (2, 1), dilation=2), ("image",)),
            Block("b", ConvolutionUnit((2, 2), 5, padding="same"), ("a",)),
            Block("n", Normalisation("bn"), ("a",)),
            Block("c", AveragePool((2, 3), (2, 2), padding="valid"), ("n",)),
            Block("d", ConvolutionUnit((3, 2), 4, (2, 2), order="conv"), ("b",)),
            Block("e", MaxPool((2, 2), (1, 1)), ("image",)),
            Block("f.x", ConvolutionUnit((3, 3), 4, (3, 2), order="conv-bn", padding="valid"), ("e", "image")),
            Block("f.eval", ConvolutionUnit((3, 3), 4, (2, 2), order="act-conv-bn", padding="same"), ("f.x",)),
            Block("f", ActivationOperation(), ("f.eval",)),
            Block("one", FactorizedReduction(1, "act-conv-bn"), ("e",)),
            Block("two", FactorizedReduction(3), ("e",)),
            Block("s.1", SeparableUnit(5, 3, 2, 2), ("e",)),
            Block("s.2", SeparableUnit(5, 3, 1, 2), ("s.1",)),
            Block("more", Subsampling(2, 5), ("e",)),
        ),
        ("c", "d", "f", "one", "two", "s.2", "more"),
    )


SMALL: Mapping[str, tuple[Network, Shape, str]] = {
    "strided cnn": (searched("strides", 5, 3), (9, 7, 3), "relu"),
    "pooled cnn": (searched("pooling", 3, 1), (8, 8, 1), "relu"),
    "plain chain": (convnet(3, 4), (7, 7, 2), "prelu"),
    "residual": (resnet(8), (8, 8, 3), "x * sigmoid(beta * x) + beta2 * sin(x)"),
    "pre-activated": (wide_resnet(10, 1), (9, 9, 1), "elu"),
    "cells with both joins": (cells(94, (8, 8, 1)), (8, 8, 1), "swish"),
    "odd ones": (odd_ones(), (9, 8, 2), "swish"),
}
"""Network, shape of its images, and activation."""


def activation(text: str) -> ActivationFunction:
    """An activation by name or as a formula."""
    return NAMED.get(text) or ActivationFunction(text)


def random_weights(module, seed: int) -> dict[str, np.ndarray]:
    """Weights and running statistics that keep activations of about one size."""
    draw, found = np.random.default_rng(seed), {}
    for name, array in expected_weights(module).items():
        last = name.rpartition(".")[2]
        fan = np.prod(array.shape[:2] if array.ndim == 3 else array.shape[:-1])
        value = {
            "variance": lambda shape: draw.uniform(0.5, 2, shape),
            "scale": lambda shape: draw.uniform(0.5, 1.5, shape),
            "betas": lambda shape: draw.uniform(0.3, 1.7, shape),
            "offset": lambda shape: draw.normal(0, 0.3, shape),
            "mean": lambda shape: draw.normal(0, 0.3, shape),
            "bias": lambda shape: draw.normal(0, 0.3, shape),
        }.get(last, lambda shape, fan=fan: draw.normal(0, fan**-0.5, shape))
        found[name] = value(array.shape).astype(np.float32)
    return found


def written(folder: Path, network: Network, image: Shape, act: str, weights, library: str) -> Path:
    """Write the source of a network and its weights."""
    preprocess = preprocess_text(PREPARATION, library)
    text, arrays = network_source(network, image, CLASSES, activation(act), weights, library, preprocess=preprocess)
    file = folder / f"network_{library}.py"
    file.write_text(f'"""Doc."""\n\n{text}', encoding="utf-8")
    save_file({name: np.array(array, order="C") for name, array in arrays.items()}, file.with_suffix(".safetensors"))
    return file


def imported(file: Path) -> ModuleType:
    """Import a file as a module."""
    spec = importlib.util.spec_from_file_location(f"{file.stem}_{abs(hash(file))}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def expected(network: Network, image: Shape, act: str, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Random weights of a network, images, and the logits that this package gives for them."""
    module = build_network(network, image, len(CLASSES), seed=0, activation=function(activation(act)))
    weights = random_weights(module, seed)
    _load(module, weights)
    images = np.random.default_rng(seed).normal(size=(2, *image)).astype(np.float32)
    return weights, images, computed(lambda images: module(images, train=False), images)


COMPILED_FAST = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}
"""Options of the compiler for a program that runs once."""


def computed(function, images: np.ndarray) -> np.ndarray:
    """What a function of JAX gives for images, compiled in little time."""
    program = jax.jit(lambda images: function(images)).lower(images).compile(compiler_options=COMPILED_FAST)  # noqa: PLW0108
    return np.asarray(program(images))


def logits(file: Path, images: np.ndarray, library: str) -> np.ndarray:
    """The logits that an exported network gives for images (batch, height, width, channels)."""
    network = imported(file).load()
    if library == "torch":
        import torch

        with torch.inference_mode():
            return network(torch.from_numpy(images).permute(0, 3, 1, 2)).numpy()
    with jax.numpy_rank_promotion("allow"):
        return computed(network, images)
