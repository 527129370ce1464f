"""Networks in Flax: channels last, kernels (height, width, channels, filters)."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import ClassVar

from automl_cli.jobs.network_source.dialect import Convolved
from automl_cli.jobs.network_source.printing import Called, Code, Keyword
from automl_cli.jobs.network_source.units import Argument
from automl_cli.values.activation import ActivationFunction
from automl_cli.values.expressions.source_jax import DIALECT
from automl_cli.values.expressions.statements import statements
from automl_cli.values.expressions.writer import helpers

_HALF_PADDING = '''def half_padding(kernel: tuple[int, int], dilation: int = 1) -> list[tuple[int, int]]:
    """Return half of the kernel as padding in front, and one less behind if it is even;
    at stride 2 this is not "SAME", whose padding depends on the size of the image."""
    sides = [dilation * (side - 1) for side in kernel]
    return [((side + 1) // 2, side // 2) for side in sides]'''

_CONCATENATE = '''def concatenate(*maps: jax.Array) -> jax.Array:
    """Concatenate channels, with zeros around smaller maps; an odd row or column of
    them goes to the bottom or right."""
    height = max(x.shape[1] for x in maps)
    width = max(x.shape[2] for x in maps)
    padded = []
    for x in maps:
        rows, columns = height - x.shape[1], width - x.shape[2]
        down = (rows // 2, rows - rows // 2)
        across = (columns // 2, columns - columns // 2)
        padded.append(jnp.pad(x, ((0, 0), down, across, (0, 0))))
    return jnp.concatenate(padded, axis=-1)'''


class FlaxDialect:
    """Flax's words (`dialect.NetworkDialect`)."""

    imports: ClassVar[Mapping[str, str]] = {
        "json": "import json",
        "cache": "from functools import cache",
        "Path": "from pathlib import Path",
        "jax": "import jax",
        "jnp": "import jax.numpy as jnp",
        "nnx": "from flax import nnx",
    }
    helpers: ClassVar[Mapping[str, str]] = {"half_padding": _HALF_PADDING, "concatenate": _CONCATENATE}
    base: ClassVar[str] = "nnx.Module"
    method: ClassVar[str] = "__call__"
    array: ClassVar[str] = "jax.Array"
    rngs: ClassVar[bool] = True
    sequence: ClassVar[str] = "nnx.Sequential"
    listing: ClassVar[str] = "nnx.List"
    relu: ClassVar[str] = "nnx.relu"
    relu_module: ClassVar[str] = "nnx.relu"

    def convolution(self, convolved: Convolved) -> Code:
        """Return a convolution without bias."""
        arguments: list[Code] = [str(convolved.channels), str(convolved.filters), str(convolved.kernel)]
        if convolved.stride is not None:
            arguments.append(Keyword("strides", str(convolved.stride)))
        if convolved.dilation is not None:
            arguments.append(Keyword("kernel_dilation", str(convolved.dilation)))
        arguments.append(Keyword("padding", _padding(convolved)))
        if convolved.depthwise:
            arguments.append(Keyword("feature_group_count", str(convolved.channels)))
        return Called("nnx.Conv", (*arguments, Keyword("use_bias", "False"), Keyword("rngs", "rngs")))

    def norm(self, channels: Argument) -> Code:
        """Return batch norm."""
        settings = (Keyword("momentum", "0.9"), Keyword("epsilon", "1e-5"), Keyword("rngs", "rngs"))
        return Called("nnx.BatchNorm", (str(channels), *settings))

    def linear(self, features: int, classes: int) -> Code:
        """Return a linear layer."""
        return Called("nnx.Linear", (str(features), str(classes), Keyword("rngs", "rngs")))

    def concatenated(self, terms: Sequence[Code], *, padded: bool) -> Code:
        """Return the concatenation along the channels, of terms of any size where `padded`."""
        if padded:
            return Called("concatenate", tuple(terms))
        return Called("jnp.concatenate", (Called("[", tuple(terms)), Keyword("axis", "-1")))

    def pooled(self, family: str, rule: str) -> str:
        """Return the body of a pooling class."""
        if family == "max-pool":
            return 'return nnx.max_pool(x, self.window, self.stride, padding="SAME")'
        if rule == "valid":
            return 'return nnx.avg_pool(x, self.window, self.stride, padding="VALID")'
        return "\n".join(
            (
                "return nnx.avg_pool(",
                '    x, self.window, self.stride, padding="SAME", count_include_pad=False',
                ")",
            )
        )

    def features(self, name: str) -> str:
        """Return global average pooling of a variable."""
        return f"{name}.mean(axis=(1, 2))"

    def odd_pixels(self, name: str) -> str:
        """Return the pixels from row 1 and column 1 on, and zeros behind them."""
        return f"jnp.pad({name}[:, 1:, 1:], ((0, 0), (0, 1), (0, 1), (0, 0)))"

    def subsampled(self, name: str) -> str:
        """Return the statements that return every `self.step`-th pixel, with channels of zeros."""
        return f"{name} = {name}[:, :: self.step, :: self.step]\nreturn jnp.pad({name}, (*[(0, 0)] * 3, (0, self.more)))"

    def activation(self, function: ActivationFunction) -> str:
        """Return the class `Activation` of a function."""
        body = statements(function.tree, DIALECT)
        lines = list[str]()
        starts = zip(function.betas, function.starts, strict=True)
        made = [f"self.{beta} = nnx.Param(jnp.full((channels,), {start!r}))" for beta, start in starts]
        if made:
            lines += ["    def __init__(self, channels: int) -> None:", *(f"        {line}" for line in made), ""]
        lines.append("    def __call__(self, x: jax.Array) -> jax.Array:")
        lines += [f"        {beta} = self.{beta}[...]" for beta in function.betas]
        lines += [f"        {line}" for line in (*body.lines, f"return {body.result}")]
        says = f"{function.expression}{', with one number of each beta per channel' if made else ''}."
        about = wrap(f'    """{says}"""', 88, subsequent_indent="    ", break_long_words=False)
        head = ["class Activation(nnx.Module):", *about, ""]
        return "\n\n\n".join((*map(_typed, helpers(function.tree, DIALECT)), "\n".join((*head, *lines))))


def _padding(convolved: Convolved) -> str:
    """Return the padding of a convolution; that of an odd kernel at stride 1 is "SAME" by both rules."""
    if convolved.rule == "valid" and convolved.kernel != (1, 1):
        return '"VALID"'
    needs_half = convolved.rule == "even-half" or (convolved.rule == "half" and convolved.stride is not None)
    if not needs_half or convolved.kernel == (1, 1):
        return '"SAME"'
    dilation = "" if convolved.dilation is None else f", {convolved.dilation}"
    return f"half_padding({convolved.kernel}{dilation})"


def _typed(text: str) -> str:
    return text.replace("(x):", "(x: jax.Array) -> jax.Array:")
