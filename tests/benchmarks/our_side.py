"""Our side of the comparisons: a process that reads one JSON job per line and answers one JSON result per line."""

import dataclasses
import json
import os
import sys
import time
from typing import Any

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
from children_of import child_on

from automl_cli.children.trainer import Trainer
from automl_cli.data import ImageSplit, load_images
from automl_cli.nn import ops
from automl_cli.nn.engines import library
from automl_cli.nn.evaluation import outputs_of
from automl_cli.nn.networks import build_network
from automl_cli.nn.ops.relu_recomputed import relu
from automl_cli.nn.ops.units import Unit, activations
from automl_cli.plugins.roles import typed_dataset
from automl_cli.problems.image_learning import ImageLearningTask
from automl_cli.values.child import Child
from automl_cli.values.dataset import DatasetReference
from automl_cli.values.network import Network
from automl_cli.values.operations import Operation
from automl_cli.values.recipe import Recipe

trainers: dict[str, Trainer] = {}


def child_of_job(job: dict[str, Any]) -> Child:
    """The child of a job, as `same_work` and PyTorch's side train it: Nesterov momentum, standard augmentation."""
    network = msgspec.convert(job["network"], Network)
    return child_on(msgspec.convert(job["dataset"], DatasetReference), msgspec.convert(job["recipe"], Recipe), network=network)


def trainer_of(job: dict[str, Any]) -> Trainer:
    """For the first `job["examples"]` of the training images."""
    key = json.dumps([job["dataset"], job["examples"], job["recipe"], job["engine"]])
    if key not in trainers:
        child = child_of_job(job)
        trainers[key] = Trainer(child, engine=job["engine"])
        data = load_images(typed_dataset(child.problem))
        first = ImageSplit(*(array[: job["examples"]] for array in (data.train.images, data.train.labels)))
        trainers[key].learning = ImageLearningTask(child, dataclasses.replace(data, train=first))
    return trainers[key]


def model_of(job: dict[str, Any]) -> Any:
    return build_network(msgspec.convert(job["network"], Network), tuple(job["image"]), job["classes"], seed=job["seed"])


def train(job: dict[str, Any]) -> dict[str, Any]:
    """From specification to trained child; then some steps alone."""
    trainer = trainer_of(job)
    start = time.process_time(), time.perf_counter()
    child, model = child_of_job(job), model_of(job)
    progress = trainer.train(child, model=model, epochs=job["epochs"], seed=job["seed"])
    whole = time.process_time() - start[0], time.perf_counter() - start[1]
    engine, batches = trainer.engine(child, model), trainer.learning.batches(child)
    state, steps = engine.initial(), []
    while len(steps) < job["steps"] + 2:
        epoch = batches.epoch(job["seed"], len(steps))
        for _ in range(batches.steps):
            begin = time.process_time()
            state, _ = engine.step(state, *next(epoch), job["recipe"]["learning_rate"])
            jax.block_until_ready(state)
            steps.append(time.process_time() - begin)
    begin = time.process_time()
    outputs_of(engine, state, trainer.learning.validation(child, like_training=job["engine"] == "blocks"))
    return {
        "cpu": whole[0],
        "wall": whole[1],
        "step": float(np.median(steps[2:])),
        "validation": job["epochs"] * (time.process_time() - begin),
        "score": progress.scores[-1] if progress.scores else 0.0,
    }


def fill(job: dict[str, Any]) -> dict[str, Any]:
    """One step and one validation batch: enough to compile whatever a training needs."""
    trainer = trainer_of(job)
    child = child_of_job(job)
    engine = trainer.engine(child, model_of(job))
    images, labels = next(trainer.learning.batches(child).epoch(job["seed"], 0))
    state, loss = engine.step(engine.initial(), images, labels, job["rates"][0])
    engine.outputs(state, images)
    return {"loss": float(loss)}


def example(job: dict[str, Any]) -> dict[str, Any]:
    """Two steps on one batch, and the validation images at the end, with everything that another framework needs to do the
    same: its start, images, labels, losses, its end, logits. All of it is written to the file `job["example"]`.

    The offsets of batch norm start at 6, a quarter of them at -6. With the usual 0 so many activations stand near 0, where the
    gradient jumps, that in networks of cells the first gradients in float32 and in float64 differ by several per cent.
    """
    trainer = trainer_of(job)
    child = child_of_job(job)
    engine = trainer.engine(child, model_of(job))
    start, random = engine.arrays(engine.initial()), np.random.default_rng(0)
    start |= {
        name: np.where(random.random(array.shape) < 0.25, -6, 6).astype(np.float32)
        for name, array in start.items()
        if name.startswith("parameters.") and name.endswith(".norm.offset")
    }
    state = engine.state(start)
    found = {f"start.{name}": array for name, array in start.items()}
    images, labels = next(trainer.learning.batches(child).epoch(job["seed"], 0))
    losses = []
    for _ in range(2):
        state, loss = engine.step(state, images, labels, job["rates"][0])
        losses.append(float(loss))
    found |= {f"end.{name}": array for name, array in engine.arrays(state).items()}
    examples = trainer.learning.validation(child, like_training=job["engine"] == "blocks")
    found["logits"] = outputs_of(engine, state, examples)
    np.savez(job["example"], images=images, labels=labels, losses=np.array(losses), **found)
    return {"losses": losses}


def operation(job: dict[str, Any]) -> dict[str, Any]:
    """One unit with its batch norm, or one pool: forward and all gradients, as the programs that children are made of."""
    unit = msgspec.convert(job["operation"], Operation)
    random, (*size, channels), nothing = np.random.default_rng(0), job["image"], np.float32(0)
    x = jnp.asarray(random.normal(size=(*size, job["batch"], channels)), jnp.float32)
    block = (
        library.unit(unit, channels, activations(unit, relu)[0])
        if isinstance(unit, Unit)
        else library.pool(unit, (size[0], size[1]))
    )
    page = jnp.asarray(random.normal(size=block.size), jnp.float32) if block.size else nothing
    gradient, place = jnp.zeros_like(page) if block.size else nothing, jnp.int32(0) if block.size else nothing
    given = (jnp.zeros(unit.filters), jnp.ones(unit.filters), np.bool(False)) if isinstance(unit, Unit) else ()
    times = []
    for _ in range(job["repeats"] + 2):
        begin = time.process_time()
        output, products, kept = block.forward(page, place, ((x,),), given)
        found, gradient = block.backward(page, place, ((x,),), given, output, kept, (output,), gradient)
        jax.block_until_ready((products, found, gradient))
        times.append(time.process_time() - begin)
    return {"seconds": float(np.median(times[2:]))}


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(os.environ["BENCHMARK_CORE"])})
    greeting = {"imports": time.process_time(), "jax": jax.__version__, "operations": sorted(ops.__all__)}
    print(json.dumps(greeting), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        print(
            json.dumps({"train": train, "fill": fill, "example": example, "operation": operation}[job["kind"]](job)), flush=True
        )
