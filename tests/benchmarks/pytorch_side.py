"""PyTorch's side of the comparisons: a process that reads one JSON job per line and answers one JSON result per line.

It needs only torch and NumPy, in an environment of their own. Networks are the plain data of `values.network` as JSON;
images are float32 (examples, height, width, channels) in an .npz file; augmentation, update rule and validation are those
of our side.
"""

import ctypes
import json
import os
import resource
import sys
import time
from typing import Any

if os.environ.get("BENCHMARK_KEEPS_HEAP"):
    # The same three settings as `automl_cli.nn.heap`.
    for parameter, value in ((-8, 1), (-4, 0), (-1, 2**31 - 1)):
        ctypes.CDLL(None).mallopt(parameter, value)

import numpy as np
import torch
from pytorch_networks import OPERATIONS, Network
from torch.nn import functional

torch.set_num_threads(1)


def spent() -> float:
    """Seconds of computing of this process and of the compilers that it ran."""
    compilers = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + compilers.ru_utime + compilers.ru_stime


def warm_up_compiler() -> None:
    """Compile a small network, so that what is done once in a process is part of no figure."""
    small = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU())
    torch.compile(small)(torch.zeros(2, 3, 8, 8)).sum().backward()


def crop(images: torch.Tensor, windows: torch.Tensor, flip: bool) -> torch.Tensor:
    """Upsample and cut at random, by matrices as on our side: images (batch, channels, height, width)."""
    offsets = torch.randint(len(windows), (2, len(images)))
    cropped = torch.einsum("bij,bcjw,bkw->bcik", windows[offsets[0]], images, windows[offsets[1]])
    if not flip:
        return cropped
    return torch.where(torch.rand(len(images), 1, 1, 1) < 0.5, cropped.flip(3), cropped)


def train(job: dict[str, Any]) -> dict[str, Any]:
    """From specification to child trained on the first `job["examples"]` images; then some steps alone. Where
    `job["compiled"]` says so, the training step runs compiled, and `compile` is what its first run takes more than others."""
    if job["compiled"]:
        torch._dynamo.reset()  # else one network's programs count against the number that another may have
    data = {name: torch.from_numpy(array) for name, array in np.load(job["data"]).items()}
    layout = torch.channels_last if job["channels_last"] else torch.contiguous_format
    train_images, validation_images = (
        data[name].permute(0, 3, 1, 2).contiguous(memory_format=layout) for name in ("train_images", "validation_images")
    )
    train_images, labels = train_images[: job["examples"]], data["train_labels"].long()[: job["examples"]]
    validation_labels, windows = data["validation_labels"].long(), data["windows"]
    start = spent(), time.perf_counter()
    torch.manual_seed(job["seed"])
    model = Network(job["network"], job["image"], job["classes"]).to(memory_format=layout)
    trained = torch.compile(model) if job["compiled"] else model
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=1e-4, nesterov=True)
    size, score, validation = job["batch_size"], 0.0, 0.0
    steps: list[float] = []

    def step(chosen: torch.Tensor) -> None:
        begin = spent()
        images = crop(train_images[chosen], windows, job["flip"]).contiguous(memory_format=layout)
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(trained(images), labels[chosen]).backward()
        optimizer.step()
        steps.append(spent() - begin)

    rates = iter(job["rates"])
    for _ in range(job["epochs"]):
        model.train()
        for chosen in torch.randperm(len(labels))[: len(labels) // size * size].reshape(-1, size):
            optimizer.param_groups[0]["lr"] = next(rates)
            step(chosen)
        begin = spent()
        model.eval()
        with torch.no_grad():
            parts = [model(part).argmax(1) for part in validation_images.split(job["validation_batch"])]
        validation += spent() - begin
        score = float((torch.cat(parts) == validation_labels).float().mean())
    whole = spent() - start[0], time.perf_counter() - start[1]
    model.train()
    for _ in range(job["steps"]):
        step(torch.arange(size))
    steady = float(np.median(steps[-job["steps"] :]))
    found = {"cpu": whole[0], "wall": whole[1], "step": steady, "validation": validation, "score": score}
    return {**found, "compile": steps[0] - steady} if job["compiled"] else found


def agreement(job: dict[str, Any]) -> dict[str, float]:
    """Do what our side did for `example`, from the same parameters on the same images. Returns how far apart the two are, as
    `_apart` has it; of parameters and running means what two steps changed. PyTorch's running variances are the unbiased ones.
    """
    given = np.load(job["example"])
    model = Network(job["network"], job["image"], job["classes"])
    start, end = (_from_ours(model, given, when) for when in ("start", "end"))
    model.load_state_dict(start, strict=False)
    optimizer = torch.optim.SGD(model.parameters(), job["rates"][0], momentum=0.9, weight_decay=1e-4, nesterov=True)
    images, labels = torch.from_numpy(given["images"]).permute(0, 3, 1, 2), torch.from_numpy(given["labels"]).long()
    losses = []
    for _ in range(2):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    reached = model.state_dict()
    kinds = (dict(model.named_parameters()), [name for name in end if name.endswith("running_mean")])
    changes = [{name: (reached[name] - start[name], end[name] - start[name]) for name in kind} for kind in kinds]
    apart = np.concatenate([_changes_apart(kind) for kind in changes])
    model.load_state_dict(end, strict=False)  # over what was reached
    model.eval()
    with torch.no_grad():
        logits = model(torch.from_numpy(np.load(job["data"])["validation_images"]).permute(0, 3, 1, 2))
    return {
        "losses": _apart(torch.stack(losses), torch.from_numpy(given["losses"])),
        "changes of an array by two steps, median": float(np.median(apart)),
        "worst": float(apart.max()),
        "validation logits": _apart(logits, torch.from_numpy(given["logits"])),
    }


def _changes_apart(changes: dict[str, tuple[torch.Tensor, torch.Tensor]]) -> list[float]:
    """Of each array; of those that hardly change compared with the others, as a part of a hundredth of the largest change: what
    reaches only units that are switched off is rounding."""
    floor = max(float(expected.square().mean()) for _, expected in changes.values()) ** 0.5 / 100
    return [_apart(found, expected, floor) for found, expected in changes.values()]


def _from_ours(model: Network, arrays: Any, when: str) -> dict[str, torch.Tensor]:
    """Our arrays under PyTorch's names, with its order of axes: a depthwise kernel has one channel for each filter."""
    order = {1: (0,), 2: (1, 0), 3: (2, 0, 1), 4: (3, 2, 0, 1)}
    found = {theirs: torch.from_numpy(arrays[f"{when}.{ours}"]) for theirs, ours in model.places().items()}
    turned = {name: tensor.permute(order[tensor.ndim]) for name, tensor in found.items()}
    return {name: tensor[:, None] if tensor.ndim == 3 else tensor for name, tensor in turned.items()}


def _apart(found: torch.Tensor, expected: torch.Tensor, floor: float = 0.0) -> float:
    """The root mean square of the difference, as a part of that of what is expected, or of `floor` if that is larger."""
    return float((found - expected).square().mean().sqrt() / max(float(expected.square().mean().sqrt()), floor))


def operation(job: dict[str, Any]) -> dict[str, Any]:
    """One separable unit with its batch norm, or one pool: forward and all gradients, in the better memory format."""
    best, (height, width, channels) = float("inf"), job["image"]
    for layout in (torch.contiguous_format, torch.channels_last):
        module = OPERATIONS[job["operation"]["type"]](job["operation"], (height, width, channels))
        module.to(memory_format=layout)
        x = torch.randn(job["batch"], channels, height, width).contiguous(memory_format=layout).requires_grad_()
        times = []
        for _ in range(job["repeats"] + 2):
            begin = time.process_time()
            y = module(x)
            torch.autograd.grad(y, (x, *module.parameters()), torch.ones_like(y))
            times.append(time.process_time() - begin)
        best = min(best, float(np.median(times[2:])))
    return {"seconds": best}


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(os.environ["BENCHMARK_CORE"])})
    if os.environ.get("BENCHMARK_COMPILES"):
        warm_up_compiler()
    print(json.dumps({"imports": time.process_time(), "torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps({"train": train, "agreement": agreement, "operation": operation}[job["kind"]](job)), flush=True)
