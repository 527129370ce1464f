"""PyTorch's side of the comparisons: a process that reads one JSON job per line and answers one JSON result per line.

It needs only torch and NumPy, in an environment of their own. Networks are the plain data of `core.networks` as JSON;
images are float32 (examples, height, width, channels) in an .npz file; augmentation, update rule and validation are those
of our side.
"""

import ctypes
import json
import os
import sys
import time
from typing import Any

if os.environ.get("BENCHMARK_KEEPS_HEAP"):
    # The same three settings as `automl_cli.nn.heap`.
    for parameter, value in ((-8, 1), (-4, 0), (-1, 2**31 - 1)):
        ctypes.CDLL(None).mallopt(parameter, value)

import numpy as np
import torch
from torch import nn
from torch.nn import functional

torch.set_num_threads(1)


class Network(nn.Module):
    """A network of convolution units and max pools."""

    def __init__(self, plain: dict[str, Any], image: list[int], classes: int) -> None:
        super().__init__()
        self.plain = plain
        shapes = {"image": tuple(image)}
        self.units = nn.ModuleDict()
        for block in plain["blocks"]:
            inputs = [shapes[name] for name in block["inputs"]]
            height, width = max(shape[0] for shape in inputs), max(shape[1] for shape in inputs)
            channels, operation = sum(shape[2] for shape in inputs), block["operation"]
            stride = operation.get("stride", [1, 1])
            if operation["type"] == "convolution":
                kernel, filters = operation["kernel"], operation["filters"]
                padding = [side // 2 for side in kernel]
                convolution = nn.Conv2d(channels, filters, tuple(kernel), tuple(stride), tuple(padding), bias=False)
                nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
                self.units[block["name"].replace(".", "_")] = nn.Sequential(convolution, nn.BatchNorm2d(filters), nn.ReLU())
                channels = filters
            shapes[block["name"]] = (-(-height // stride[0]), -(-width // stride[1]), channels)
        outputs = [shapes[name] for name in plain["outputs"]]
        self.classifier = nn.Linear(sum(shape[2] for shape in outputs), classes)
        nn.init.normal_(self.classifier.weight, std=self.classifier.in_features**-0.5)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tensors = {"image": images}
        for block in self.plain["blocks"]:
            joined = join([tensors[name] for name in block["inputs"]])
            operation = block["operation"]
            if operation["type"] == "convolution":
                tensors[block["name"]] = self.units[block["name"].replace(".", "_")](joined)
            else:
                tensors[block["name"]] = functional.max_pool2d(joined, operation["window"], operation["stride"], ceil_mode=True)
        return self.classifier(join([tensors[name] for name in self.plain["outputs"]]).mean((2, 3)))


def join(tensors: list[torch.Tensor]) -> torch.Tensor:
    if len(tensors) == 1:
        return tensors[0]
    height, width = max(tensor.shape[2] for tensor in tensors), max(tensor.shape[3] for tensor in tensors)
    padded = []
    for tensor in tensors:
        rows, columns = height - tensor.shape[2], width - tensor.shape[3]
        around = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
        padded.append(functional.pad(tensor, around) if rows or columns else tensor)
    return torch.cat(padded, 1)


def crop(images: torch.Tensor, windows: torch.Tensor, flip: bool) -> torch.Tensor:
    """Upsample and cut at random, by matrices as on our side: images (batch, channels, height, width)."""
    offsets = torch.randint(len(windows), (2, len(images)))
    cropped = torch.einsum("bij,bcjw,bkw->bcik", windows[offsets[0]], images, windows[offsets[1]])
    if not flip:
        return cropped
    return torch.where(torch.rand(len(images), 1, 1, 1) < 0.5, cropped.flip(3), cropped)


def train(job: dict[str, Any]) -> dict[str, Any]:
    """From specification to trained child; then some steps alone."""
    data = {name: torch.from_numpy(array) for name, array in np.load(job["data"]).items()}
    layout = torch.channels_last if job["channels_last"] else torch.contiguous_format
    train_images, validation_images = (
        data[name].permute(0, 3, 1, 2).contiguous(memory_format=layout) for name in ("train_images", "validation_images")
    )
    labels, validation_labels, windows = data["train_labels"].long(), data["validation_labels"].long(), data["windows"]
    start = time.process_time(), time.perf_counter()
    torch.manual_seed(job["seed"])
    model = Network(job["network"], job["image"], job["classes"]).to(memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=1e-4, nesterov=True)
    size, score = job["batch_size"], 0.0

    def step(chosen: torch.Tensor) -> None:
        images = crop(train_images[chosen], windows, job["flip"]).contiguous(memory_format=layout)
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(model(images), labels[chosen]).backward()
        optimizer.step()

    rates = iter(job["rates"])
    for _ in range(job["epochs"]):
        model.train()
        for chosen in torch.randperm(len(labels))[: len(labels) // size * size].reshape(-1, size):
            optimizer.param_groups[0]["lr"] = next(rates)
            step(chosen)
        model.eval()
        with torch.no_grad():
            parts = [model(part).argmax(1) for part in validation_images.split(job["validation_batch"])]
        score = float((torch.cat(parts) == validation_labels).float().mean())
    whole = time.process_time() - start[0], time.perf_counter() - start[1]
    model.train()
    steps = []
    for _ in range(job["steps"]):
        begin = time.process_time()
        step(torch.arange(size))
        steps.append(time.process_time() - begin)
    return {"cpu": whole[0], "wall": whole[1], "step": float(np.median(steps)), "score": score}


def agreement(job: dict[str, Any]) -> dict[str, float]:
    """Do what our side did for `example`, from the same parameters on the same images. Returns how far apart the two are: the
    largest difference of each kind as a part of the largest value.

    Of the running statistics the means are compared: PyTorch's variances are the unbiased ones.
    """
    given = np.load(job["example"])
    model = Network(job["network"], job["image"], job["classes"])
    model.load_state_dict(_from_ours(job["network"], given, "start"), strict=False)
    optimizer = torch.optim.SGD(model.parameters(), job["rates"][0], momentum=0.9, weight_decay=1e-4, nesterov=True)
    images, labels = torch.from_numpy(given["images"]).permute(0, 3, 1, 2), torch.from_numpy(given["labels"]).long()
    losses = []
    for _ in range(2):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    reached, expected = model.state_dict(), _from_ours(job["network"], given, "end")
    apart = {name: _apart(reached[name], expected[name]) for name in expected if not name.endswith("running_var")}
    model.load_state_dict(expected, strict=False)
    model.eval()
    with torch.no_grad():
        logits = model(torch.from_numpy(np.load(job["data"])["validation_images"]).permute(0, 3, 1, 2))
    return {
        "losses": _apart(torch.stack(losses), torch.from_numpy(given["losses"])),
        "state after two steps": max(apart.values()),
        "validation logits": _apart(logits, torch.from_numpy(given["logits"])),
    }


def _from_ours(network: dict[str, Any], arrays: Any, when: str) -> dict[str, torch.Tensor]:
    """Our arrays under PyTorch's names, with its order of axes."""
    places = {"classifier.weight": "parameters.classifier.weights", "classifier.bias": "parameters.classifier.bias"}
    for block in network["blocks"]:
        if block["operation"]["type"] == "convolution":
            unit, name = f"units.{block['name'].replace('.', '_')}", f"blocks.{block['name']}"
            places |= {f"{unit}.0.weight": f"parameters.{name}.kernel"}
            places |= {f"{unit}.1.weight": f"parameters.{name}.norm.scale", f"{unit}.1.bias": f"parameters.{name}.norm.offset"}
            places |= {f"{unit}.1.running_mean": f"statistics.{name}.norm.mean"}
            places |= {f"{unit}.1.running_var": f"statistics.{name}.norm.variance"}
    order = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}
    found = {theirs: torch.from_numpy(arrays[f"{when}.{ours}"]) for theirs, ours in places.items()}
    return {name: tensor.permute(order[tensor.ndim]) for name, tensor in found.items()}


def _apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).abs().max() / other.abs().max())


class Separable(nn.Module):
    """Activation, depthwise and 1 x 1 convolution, batch norm; zeros around as on our side."""

    def __init__(self, plain: dict[str, Any], channels: int) -> None:
        super().__init__()
        self.kernel, self.stride = plain["kernel"], plain.get("stride", 1)
        padding = self.kernel // 2 if self.stride == 1 else 0
        self.depthwise = nn.Conv2d(channels, channels, self.kernel, self.stride, padding, groups=channels, bias=False)
        self.rest = nn.Sequential(nn.Conv2d(channels, plain["filters"], 1, bias=False), nn.BatchNorm2d(plain["filters"]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(x)
        return self.rest(self.depthwise(x if self.stride == 1 else around(x, self.kernel, self.stride, 0.0)))


class Pool(nn.Module):
    """Maximum, or mean in which zeros around do not count."""

    def __init__(self, plain: dict[str, Any]) -> None:
        super().__init__()
        self.kind, self.window, self.stride = plain["type"], plain["window"][0], plain["stride"][0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.kind == "max-pool":
            return functional.max_pool2d(x, self.window, self.stride, self.window // 2 * (self.stride == 1), ceil_mode=True)
        if self.stride == 1:
            return functional.avg_pool2d(x, self.window, 1, self.window // 2, count_include_pad=False)
        return functional.avg_pool2d(x, self.window, self.stride, ceil_mode=True, count_include_pad=False)


def around(x: torch.Tensor, window: int, stride: int, value: float) -> torch.Tensor:
    """Padding split evenly, the odd pixel at the bottom and right."""
    total = [max(0, (-(-size // stride) - 1) * stride + window - size) for size in x.shape[2:]]
    (top, bottom), (left, right) = ((size // 2, size - size // 2) for size in total)
    return functional.pad(x, (left, right, top, bottom), value=value)


def operation(job: dict[str, Any]) -> dict[str, Any]:
    """One separable unit with its batch norm, or one pool: forward and all gradients, in the better memory format."""
    best, (height, width, channels) = float("inf"), job["image"]
    for layout in (torch.contiguous_format, torch.channels_last):
        module = Separable(job["operation"], channels) if job["operation"]["type"] == "separable" else Pool(job["operation"])
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
    print(json.dumps({"torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps({"train": train, "agreement": agreement, "operation": operation}[job["kind"]](job)), flush=True)
