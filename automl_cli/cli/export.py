"""`automl export`: writes a model, an activation function, an update rule or a policy as one file without this tool."""

from pathlib import Path
from typing import Annotated

import typer

from automl_cli.cli.options import Json

Named = Annotated[
    str,
    typer.Argument(
        metavar="ARTIFACT|NAME|FORMULA",
        help="The model.json of a training, the best.json of search-activation, search-optimizer or search-augment, the "
        "directory of either, the name of a published function, rule or policy, or a formula.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Where to. [default: export, beside the artifact]", show_default=False),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="Of a function or a rule: jax (JAX and Optax) or torch (PyTorch). Of a policy: pillow (Python for any loader) or "
        "json. Of a model: flax or torch (a readable file of Python and its weights), onnx, or stablehlo. [default: the first]",
        show_default=False,
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what was exported there.")]


def export(
    named: Named,
    *,
    out: Out = None,
    format: Format = None,  # noqa: A002
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write a model, an activation function, an update rule or a policy as one file without this tool.

    A trained model becomes network_flax.py, which defines its network in plain Flax, or network_torch.py, a torch.nn.Module,
    each with its weights beside it; how pictures are prepared is part of the file. Or it becomes a program with the weights
    inside: ONNX for ONNX Runtime and others (pip install 'automl-cli[onnx]'), or StableHLO, which JAX reads for half a year. A
    README beside a program shows how it is called, and what is done to pictures first.

    A function or rule that was found, published or written by hand becomes a readable file of Python: activation.py with a
    function of jax.numpy or a torch.nn.Module, optimizer.py with an Optax transformation or a torch.optim.Optimizer. Its
    docstring has the formula, where it comes from, and how it is used. An augmentation policy becomes augmentation.py, which
    needs Pillow and NumPy only and goes into a loader of PyTorch, TensorFlow or Keras, or augmentation.json, with every
    argument spelled out.

    Examples:
        automl export runs/final
        automl export runs/final --format torch
        automl export runs/final/model.json --format onnx --out exported
        automl export runs/act
        automl export powersign-ld --format torch --out exported
        automl export autoaugment-cifar10 --out exported
        automl export 'g * exp(sign(g) * sign(m))' --out exported
    """
    from automl_cli.cli.console import talk_console, write_json, write_line
    from automl_cli.jobs.export import export as write
    from automl_cli.jobs.export import place_beside, to_export

    opened = to_export(named)
    exported = write(opened, out or place_beside(opened), format=format, overwrite=overwrite)
    if json:
        write_json(exported.document)
    else:
        write_line(str(exported.file))
    if exported.note is not None:
        talk_console().print(f"note: {exported.note}", soft_wrap=True)
