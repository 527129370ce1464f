"""The data sets that can be used on this machine, for `automl datasets`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct

from automl_cli.core.errors import DataError
from automl_cli.data.catalogue import EMBEDDED
from automl_cli.data.images import image_facts
from automl_cli.data.opening import tfds_folder
from automl_cli.values.dataset import DatasetReference, ImageFacts


class AvailableDataset(Struct, frozen=True, kw_only=True):
    """One data set on this machine. If it cannot be used as it is, `problem` says why and `facts` is None."""

    name: str
    kind: Literal["embedded", "tfds"]
    facts: ImageFacts | None = None
    problem: str | None = None


def datasets_here(data_dir: str | None) -> tuple[AvailableDataset, ...]:
    """Return the embedded sets, then the sets prepared under the data directory, by name."""
    built_in = [_available_dataset(name, "embedded", None) for name in EMBEDDED]
    on_disk = [_available_dataset(name, "tfds", data_dir) for name in prepared_names(tfds_folder(data_dir))]
    return (*built_in, *on_disk)


def prepared_names(folder: Path) -> list[str]:
    """Return the names of the sets under a TFDS folder, each with its configuration if it has one."""
    versions = [*folder.glob("*/*/dataset_info.json"), *folder.glob("*/*/*/dataset_info.json")]
    return sorted({path.parent.parent.relative_to(folder).as_posix() for path in versions})


def _available_dataset(name: str, kind: Literal["embedded", "tfds"], data_dir: str | None) -> AvailableDataset:
    try:
        return AvailableDataset(name=name, kind=kind, facts=image_facts(DatasetReference(source=name, data_dir=data_dir)))
    except DataError as error:
        return AvailableDataset(name=name, kind=kind, problem=str(error))
