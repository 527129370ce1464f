"""Networks of `values.network` in PyTorch, from their plain data: every operation of `values.operations`, and both joins.

The convolutions and the batch norm of a block are named as our modules name them (`nn.networks.modules`), so the arrays of one
side find their place on the other. Tensors are (batch, channels, height, width). It needs nothing but torch.
"""

from functools import reduce
from operator import add
from typing import Any

import torch
from torch import nn
from torch.nn import functional

Plain = dict[str, Any]
Shape = tuple[int, int, int]
"""(height, width, channels), as in `values.operations`."""


class Network(nn.Module):
    """Images to logits."""

    def __init__(self, plain: Plain, image: list[int], classes: int) -> None:
        super().__init__()
        self.plain, self.fan = plain, f"fan_{plain.get('fan', 'in')}"
        shapes: dict[str, Shape] = {"image": (image[0], image[1], image[2])}
        self.operations = nn.ModuleList()
        for block in plain["blocks"]:
            inputs = [shapes[name] for name in block["inputs"]]
            shape = inputs[0] if block.get("join") == "add" else joined_shape(inputs)
            self.operations.append(OPERATIONS[block["operation"]["type"]](block["operation"], shape))
            shapes[block["name"]] = output_shape(block["operation"], shape)
        self.classifier = nn.Linear(joined_shape([shapes[name] for name in plain["outputs"]])[2], classes)
        self.draw()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tensors = {"image": images}
        for block, operation in zip(self.plain["blocks"], self.operations, strict=True):
            inputs = [tensors[name] for name in block["inputs"]]
            tensors[block["name"]] = operation(reduce(add, inputs) if block.get("join") == "add" else join(inputs))
        return self.classifier(join([tensors[name] for name in self.plain["outputs"]]).mean((2, 3)))

    def draw(self) -> None:
        """Initial parameters with the variances of `nn.networks.initialization`."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan = self.fan if module.groups == 1 else "fan_in"  # PyTorch's fan_out knows no groups
                nn.init.kaiming_normal_(module.weight, mode=fan, nonlinearity="relu")
        nn.init.normal_(self.classifier.weight, std=self.classifier.in_features**-0.5)
        nn.init.zeros_(self.classifier.bias)

    def places(self) -> dict[str, str]:
        """Which of our arrays, by name, each parameter and running statistic is."""
        found = {"classifier.weight": "parameters.classifier.weights", "classifier.bias": "parameters.classifier.bias"}
        for number, (block, operation) in enumerate(zip(self.plain["blocks"], self.operations, strict=True)):
            theirs, ours = f"operations.{number}", f"blocks.{block['name']}"
            for name, part in operation.named_children():
                if isinstance(part, nn.Conv2d):
                    found[f"{theirs}.{name}.weight"] = f"parameters.{ours}.{name}"
                else:
                    found |= {f"{theirs}.{name}.weight": f"parameters.{ours}.norm.scale"}
                    found |= {f"{theirs}.{name}.bias": f"parameters.{ours}.norm.offset"}
                    found |= {f"{theirs}.{name}.running_mean": f"statistics.{ours}.norm.mean"}
                    found |= {f"{theirs}.{name}.running_var": f"statistics.{ours}.norm.variance"}
        return found


class Convolution(nn.Module):
    """A convolution and batch norm, with an activation before, behind, or nowhere."""

    def __init__(self, plain: Plain, shape: Shape) -> None:
        super().__init__()
        self.order = plain.get("order", "conv-bn-act")
        kernel, stride, dilation = plain["kernel"], plain.get("stride", (1, 1)), plain.get("dilation", 1)
        self.pads = paddings(shape, kernel, stride, dilation=dilation, rule=plain.get("padding", "half"))
        self.kernel = nn.Conv2d(
            shape[2], plain["filters"], tuple(kernel), tuple(stride), even(self.pads), dilation=dilation, bias=False
        )
        self.norm = nn.BatchNorm2d(plain["filters"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(x) if self.order == "act-conv-bn" else x
        y = self.norm(self.kernel(with_zeros(x, self.pads)))
        return functional.relu(y) if self.order == "conv-bn-act" else y


class Separable(nn.Module):
    """Activation, depthwise and 1 x 1 convolution, batch norm."""

    def __init__(self, plain: Plain, shape: Shape) -> None:
        super().__init__()
        side, stride, dilation, channels = plain["kernel"], plain.get("stride", 1), plain.get("dilation", 1), shape[2]
        self.pads = paddings(shape, (side, side), (stride, stride), dilation=dilation)
        self.depthwise = nn.Conv2d(
            channels, channels, side, stride, even(self.pads), dilation=dilation, groups=channels, bias=False
        )
        self.pointwise = nn.Conv2d(channels, plain["filters"], 1, bias=False)
        self.norm = nn.BatchNorm2d(plain["filters"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.pointwise(self.depthwise(with_zeros(functional.relu(x), self.pads))))


class FactorizedReduction(nn.Module):
    """Half the size by two 1 x 1 convolutions, of the pixels at even and at odd places."""

    def __init__(self, plain: Plain, shape: Shape) -> None:
        super().__init__()
        half = plain["filters"] // 2
        self.order = plain.get("order", "conv-bn")
        self.beyond = (0, shape[1] % 2, 0, shape[0] % 2)  # zeros that the odd places of an odd size end in
        self.even = nn.Conv2d(shape[2], half, 1, 2, bias=False)
        self.odd = nn.Conv2d(shape[2], plain["filters"] - half, 1, 2, bias=False)
        self.norm = nn.BatchNorm2d(plain["filters"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(x) if self.order == "act-conv-bn" else x
        shifted = x[:, :, 1:, 1:]
        if any(self.beyond):
            shifted = functional.pad(shifted, self.beyond)
        return self.norm(torch.cat([self.even(x), self.odd(shifted)], 1))


class Pool(nn.Module):
    """Maximum, or mean in which zeros around do not count. What is padded more behind than in front, PyTorch lets a last window
    reach over."""

    def __init__(self, plain: Plain, shape: Shape) -> None:
        super().__init__()
        self.window, self.stride, rule = tuple(plain["window"]), tuple(plain["stride"]), plain.get("padding", "same")
        (top, bottom), (left, right) = paddings(shape, self.window, self.stride, rule=rule)
        self.front, self.over = (top, left), top != bottom or left != right
        self.kind = plain["type"]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.kind == "max-pool":
            return functional.max_pool2d(x, self.window, self.stride, self.front, ceil_mode=self.over)
        return functional.avg_pool2d(x, self.window, self.stride, self.front, self.over, count_include_pad=False)


class Activation(nn.Module):
    """ReLU."""

    def __init__(self, plain: Plain, shape: Shape) -> None:
        super().__init__()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(x)


class Identity(nn.Module):
    """The join of the inputs."""

    def __init__(self, plain: Plain, shape: Shape) -> None:
        super().__init__()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


OPERATIONS = {
    "convolution": Convolution,
    "separable": Separable,
    "factorized-reduction": FactorizedReduction,
    "max-pool": Pool,
    "average-pool": Pool,
    "activation": Activation,
    "identity": Identity,
}
"""Which module computes an operation. Each is made from the operation and the shape of its joined inputs."""

Pads = tuple[tuple[int, int], tuple[int, int]]
"""Zeros before and behind, of the height and of the width."""


def paddings(shape: Shape, window: Any, stride: Any, *, dilation: int = 1, rule: str = "same") -> Pads:
    """As `values.operations.padding` has them."""

    def of(size: int, side: int, step: int) -> tuple[int, int]:
        reach = dilation * (side - 1) + 1
        if rule == "valid":
            return (0, 0)
        if rule == "half":
            return (reach // 2, (reach - 1) // 2)
        total = max(0, (-(-size // step) - 1) * step + reach - size)
        return (total // 2, total - total // 2)

    return of(shape[0], window[0], stride[0]), of(shape[1], window[1], stride[1])


def is_even(pads: Pads) -> bool:
    """Whether PyTorch's operations can do it themselves."""
    return all(front == behind for front, behind in pads)


def even(pads: Pads) -> tuple[int, int]:
    """What is given to a convolution: nothing where zeros have to be put around by hand."""
    return (pads[0][0], pads[1][0]) if is_even(pads) else (0, 0)


def with_zeros(x: torch.Tensor, pads: Pads) -> torch.Tensor:
    """Zeros put around by hand where they are not even."""
    return x if is_even(pads) else functional.pad(x, (*pads[1], *pads[0]))


def output_shape(operation: Plain, shape: Shape) -> Shape:
    """As `values.operations` has it, from the operation's stride and padding."""
    if operation["type"] in ("activation", "identity"):
        return shape
    step = operation.get("stride", 1)
    stride = (2, 2) if operation["type"] == "factorized-reduction" else (step, step) if isinstance(step, int) else step
    side = operation.get("kernel", operation.get("window", 1))
    lost = [length - 1 for length in side] if operation.get("padding") == "valid" else (0, 0)
    height, width = (-(-(size - less) // step) for size, less, step in zip(shape, lost, stride, strict=False))
    return (height, width, operation.get("filters", shape[2]))


def joined_shape(shapes: list[Shape]) -> Shape:
    """Of the concatenation: largest height and width, sum of the channels."""
    return (max(shape[0] for shape in shapes), max(shape[1] for shape in shapes), sum(shape[2] for shape in shapes))


def join(tensors: list[torch.Tensor]) -> torch.Tensor:
    """Zeros around to the largest height and width, evenly, the odd pixel at the bottom and right; side by side."""
    if len(tensors) == 1:
        return tensors[0]
    height, width = max(tensor.shape[2] for tensor in tensors), max(tensor.shape[3] for tensor in tensors)
    padded = []
    for tensor in tensors:
        rows, columns = height - tensor.shape[2], width - tensor.shape[3]
        around = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
        padded.append(functional.pad(tensor, around) if rows or columns else tensor)
    return torch.cat(padded, 1)
