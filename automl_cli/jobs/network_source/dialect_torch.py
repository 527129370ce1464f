"""Networks in PyTorch: channels first, kernels (filters, channels, height, width)."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import ClassVar

from automl_cli.jobs.network_source.dialect import Convolved
from automl_cli.jobs.network_source.printing import Called, Code, Keyword
from automl_cli.jobs.network_source.units import Argument
from automl_cli.values.activation import ActivationFunction
from automl_cli.values.expressions.source_torch import DIALECT
from automl_cli.values.expressions.statements import statements
from automl_cli.values.expressions.writer import helpers

_SAME_PADDING = '''def same_padding(
    x: Tensor,
    window: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...] = (1, 1),
) -> list[int]:
    """Return the padding for `F.pad` that gives size / stride outputs, rounded up.

    It is even, with an odd pixel at the bottom and right: that of TensorFlow and JAX,
    which PyTorch's own padding is not at stride 2.
    """
    padding = []
    for axis in (1, 0):
        size, reach = x.shape[2 + axis], dilation[axis] * (window[axis] - 1) + 1
        total = max((-(-size // stride[axis]) - 1) * stride[axis] + reach - size, 0)
        padding += [total // 2, total - total // 2]
    return padding'''

_SAME_CONV = '''class SameConv2d(nn.Conv2d):
    """A convolution with the padding of `same_padding`."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(
            F.pad(x, same_padding(x, self.kernel_size, self.stride, self.dilation))
        )'''

_EVEN_CONV = '''class EvenConv2d(nn.Conv2d):
    """A convolution with half of its kernel as padding in front, and one less behind if
    the kernel is even."""

    def forward(self, x: Tensor) -> Tensor:
        height = self.dilation[0] * (self.kernel_size[0] - 1)
        width = self.dilation[1] * (self.kernel_size[1] - 1)
        padding = ((width + 1) // 2, width // 2, (height + 1) // 2, height // 2)
        return super().forward(F.pad(x, padding))'''

_CONCATENATE = '''def concatenate(*maps: Tensor) -> Tensor:
    """Concatenate channels, with zeros around smaller maps; an odd row or column of
    them goes to the bottom or right."""
    height = max(x.shape[2] for x in maps)
    width = max(x.shape[3] for x in maps)
    padded = []
    for x in maps:
        rows, columns = height - x.shape[2], width - x.shape[3]
        around = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
        padded.append(F.pad(x, around))
    return torch.cat(padded, dim=1)'''


class TorchDialect:
    """PyTorch's words (`dialect.NetworkDialect`)."""

    imports: ClassVar[Mapping[str, str]] = {
        "cache": "from functools import cache",
        "Path": "from pathlib import Path",
        "torch": "import torch",
        "F": "import torch.nn.functional as F",
        "load_file": "from safetensors.torch import load_file",
        "Tensor": "from torch import Tensor, nn",
    }
    helpers: ClassVar[Mapping[str, str]] = {
        "same_padding": _SAME_PADDING,
        "SameConv2d": _SAME_CONV,
        "EvenConv2d": _EVEN_CONV,
        "concatenate": _CONCATENATE,
    }
    base: ClassVar[str] = "nn.Module"
    method: ClassVar[str] = "forward"
    array: ClassVar[str] = "Tensor"
    rngs: ClassVar[bool] = False
    sequence: ClassVar[str] = "nn.Sequential"
    listing: ClassVar[str] = "nn.ModuleList"
    relu: ClassVar[str] = "F.relu"
    relu_module: ClassVar[str] = "nn.ReLU()"

    def convolution(self, convolved: Convolved) -> Code:
        """Return a convolution without bias."""
        head = {"same": "SameConv2d", "even-half": "EvenConv2d"}.get(convolved.rule, "nn.Conv2d")
        arguments: list[Code] = [str(convolved.channels), str(convolved.filters), str(convolved.kernel)]
        if convolved.kernel == (1, 1):
            head, arguments[2] = "nn.Conv2d", "1"
        elif convolved.rule == "half":
            arguments.append(Keyword("padding", _half(convolved)))
        for name, value in (("stride", convolved.stride), ("dilation", convolved.dilation)):
            if value is not None:
                arguments.append(Keyword(name, str(value)))
        if convolved.depthwise:
            arguments.append(Keyword("groups", str(convolved.channels)))
        return Called(head, (*arguments, Keyword("bias", "False")))

    def norm(self, channels: Argument) -> Code:
        """Return batch norm."""
        return Called("nn.BatchNorm2d", (str(channels), Keyword("eps", "1e-5")))

    def linear(self, features: int, classes: int) -> Code:
        """Return a linear layer."""
        return Called("nn.Linear", (str(features), str(classes)))

    def concatenated(self, terms: Sequence[Code], *, padded: bool) -> Code:
        """Return the concatenation along the channels, of terms of any size where `padded`."""
        if padded:
            return Called("concatenate", tuple(terms))
        return Called("torch.cat", (Called("[", tuple(terms)), Keyword("dim", "1")))

    def pooled(self, family: str, rule: str) -> str:
        """Return the body of a pooling class."""
        padding = "padding = same_padding(x, self.window, self.stride)"
        if family == "max-pool":
            padded = 'padded = F.pad(x, padding, value=float("-inf"))'
            return f"{padding}\n{padded}\nreturn F.max_pool2d(padded, self.window, self.stride)"
        if rule == "valid":
            return "return F.avg_pool2d(x, self.window, self.stride)"
        total = "total = F.avg_pool2d(F.pad(x, padding), self.window, self.stride)"
        inside = "inside = F.pad(torch.ones_like(x[:1, :1]), padding)"
        return f"{padding}\n{total}\n{inside}\nreturn total / F.avg_pool2d(inside, self.window, self.stride)"

    def features(self, name: str) -> str:
        """Return global average pooling of a variable."""
        return f"{name}.mean(dim=(2, 3))"

    def odd_pixels(self, name: str) -> str:
        """Return the pixels from row 1 and column 1 on, and zeros behind them."""
        return f"F.pad({name}[:, :, 1:, 1:], (0, 1, 0, 1))"

    def subsampled(self, name: str) -> str:
        """Return the statements that return every `self.step`-th pixel, with channels of zeros."""
        return f"{name} = {name}[:, :, :: self.step, :: self.step]\nreturn F.pad({name}, (0, 0, 0, 0, 0, self.more))"

    def activation(self, function: ActivationFunction) -> str:
        """Return the class `Activation` of a function."""
        body = statements(function.tree, DIALECT)
        lines = list[str]()
        starts = zip(function.betas, function.starts, strict=True)
        made = [f"self.{beta} = nn.Parameter(torch.full((channels,), {start!r}))" for beta, start in starts]
        if made:
            lines += ["    def __init__(self, channels: int) -> None:", "        super().__init__()"]
            lines += [f"        {line}" for line in made] + [""]
        lines.append("    def forward(self, x: Tensor) -> Tensor:")
        lines += [f"        {beta} = self.{beta}[:, None, None]" for beta in function.betas]
        lines += [f"        {line}" for line in (*body.lines, f"return {body.result}")]
        says = f"{function.expression}{', with one number of each beta per channel' if made else ''}."
        about = wrap(f'    """{says}"""', 88, subsequent_indent="    ", break_long_words=False)
        head = ["class Activation(nn.Module):", *about, ""]
        return "\n\n\n".join((*map(_typed, helpers(function.tree, DIALECT)), "\n".join((*head, *lines))))


def _half(convolved: Convolved) -> str:
    """Return half of an odd kernel as padding."""
    if isinstance(convolved.kernel, tuple):
        reach = convolved.dilation if isinstance(convolved.dilation, int) else 1
        if not isinstance(convolved.dilation, str):
            return str(tuple(reach * (side // 2) for side in convolved.kernel))
    sides = [f"{convolved.kernel}[{axis}] // 2" for axis in (0, 1)]
    if convolved.dilation is not None:
        sides = [f"{convolved.dilation} * ({side})" for side in sides]
    return f"({', '.join(sides)})"


def _typed(text: str) -> str:
    return text.replace("(x):", "(x: Tensor) -> Tensor:")
