"""The files of an exported model: a module of Python, and its weights."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from automl_cli.core.errors import ArtifactError, UserError, unknown_name
from automl_cli.jobs.network_source.about import Subject, docstring
from automl_cli.jobs.network_source.preparation import preparation_of, preprocess_text
from automl_cli.jobs.network_source.source import network_source
from automl_cli.jobs.network_source.tensors import Format
from automl_cli.kinds.model import ModelBody
from automl_cli.plugins.roles import value_of
from automl_cli.problems.image_learning import moments_of
from automl_cli.references import Opened
from automl_cli.store.files import ANOTHER_OUT, cannot_write, replace_file
from automl_cli.training.evaluate import predictor, weights_beside
from automl_cli.values.activation import ActivationFunction
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.child import Child
from automl_cli.values.dataset import dataset_of, facts_of
from automl_cli.values.network import Network

if TYPE_CHECKING:
    import numpy as np

MODULES: dict[Format, str] = {"flax": "network_flax", "torch": "network_torch"}
"""Names of the modules. They differ, so that both formats can lie in one directory."""


def write_network_source(opened: Opened[ModelBody], directory: Path, *, format: str, overwrite: bool) -> Path:  # noqa: A002
    """Write a trained network as Python, with its weights beside it, and return the file of Python.

    Raises UserError for an unknown format and for files that exist already, ArtifactError for a model that the format has no
    words for; nothing is written then.
    """
    chosen = _format(format)
    module, weights_file = (directory / f"{MODULES[chosen]}{suffix}" for suffix in (".py", ".safetensors"))
    for file in (module, weights_file):
        if file.exists() and not overwrite:
            raise UserError(f"{file} exists already: replace it with --overwrite, or choose another --out")
    model, place = opened.artifact.body, Path(opened.place)
    network, activation = _parts(model.child, opened.place, chosen)
    weights = weights_beside(place, model)
    predictor(model, weights)  # checks that they are those of this network
    text, data = _source(opened, network, activation, weights, chosen)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(directory, error, hint=ANOTHER_OUT) from error
    replace_file(weights_file, data, hint=ANOTHER_OUT)
    replace_file(module, text.encode(), hint=ANOTHER_OUT)
    return module


def _format(text: str) -> Format:
    for known in get_args(Format):
        if text == known:
            return known  # type: ignore[no-any-return]
    raise unknown_name("format of source", text, get_args(Format))


def _parts(child: Child, place: str, chosen: Format) -> tuple[Network, ActivationFunction]:
    """Return the network and the activation of a child. Raises ArtifactError for a child with other ones."""
    if facts_of(child) is None:
        raise ArtifactError(
            f"{place}: format {chosen!r} writes networks for images, and this one is for {child.problem.name!r}"
        )
    found = {}
    for role, wanted in (("network", Network), ("activation", ActivationFunction), ("augmentation", Augmentation)):
        filling = child.roles[role]
        found[role] = value = value_of(filling)
        if not isinstance(value, wanted):
            raise ArtifactError(f"{place}: format {chosen!r} has no words for the {role} of kind {filling.kind!r}")
    return found["network"], found["activation"]


def _source(
    opened: Opened[ModelBody], network: Network, activation: ActivationFunction, weights: dict[str, np.ndarray], chosen: Format
) -> tuple[str, bytes]:
    """Return the text of the module and the bytes of its weights."""
    model, facts, dataset = opened.artifact.body, facts_of(opened.artifact.body.child), dataset_of(opened.artifact.body.child)
    assert facts is not None
    assert dataset is not None
    augmentation: Augmentation = value_of(model.child.roles["augmentation"])
    prepared = preparation_of(facts, dataset, augmentation, moments_of(model.preparation))
    text, arrays = network_source(
        network,
        facts.image_shape,
        facts.classes,
        activation,
        weights,
        chosen,
        preprocess=preprocess_text(prepared, chosen),
    )
    data = _safetensors(arrays)
    subject = Subject(
        model=model,
        tool=opened.artifact.tool,
        facts=facts,
        digests=_digests(opened, data),
        module=MODULES[chosen],
        takes=prepared.takes,
        network=network,
    )
    return f"{docstring(subject, chosen)}\n\n{text}", data


def _safetensors(arrays: dict[str, np.ndarray]) -> bytes:
    """Return arrays as a safetensors file, the same bytes for the same arrays."""
    import numpy as np
    from safetensors.numpy import save

    return bytes(save({name: np.array(array, order="C") for name, array in sorted(arrays.items())}))


def _digests(opened: Opened[Any], data: bytes) -> dict[str, str]:
    """Return SHA-256 of the weights of this export, of the model, its weights, and of what stands in its roles."""
    model: ModelBody = opened.artifact.body
    return {
        "the weights here": hashlib.sha256(data).hexdigest(),
        "the model": opened.digest,
        "its weights": model.weights_digest,
        **{f"its {role}": digest for role, digest in opened.artifact.inputs.items()},
    }
