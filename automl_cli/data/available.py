"""What can be used as a data set here: for people who look around, and for `automl datasets`."""

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
    """One data set that was found. `problem` says why it cannot be used as it is; then nothing more is known of it."""

    name: str
    kind: Literal["embedded", "tfds"]
    facts: ImageFacts | None = None
    problem: str | None = None


def datasets_here(data_dir: str | None) -> tuple[AvailableDataset, ...]:
    """The embedded sets, then what is prepared under the data directory, by name."""
    embedded = [_looked_at(name, "embedded", None) for name in EMBEDDED]
    prepared = [_looked_at(name, "tfds", data_dir) for name in prepared_names(tfds_folder(data_dir))]
    return (*embedded, *prepared)


def prepared_names(folder: Path) -> list[str]:
    """Names of the sets under a TFDS folder, with their configuration where they have one."""
    versions = [*folder.glob("*/*/dataset_info.json"), *folder.glob("*/*/*/dataset_info.json")]
    return sorted({path.parent.parent.relative_to(folder).as_posix() for path in versions})


def _looked_at(name: str, kind: Literal["embedded", "tfds"], data_dir: str | None) -> AvailableDataset:
    try:
        return AvailableDataset(name=name, kind=kind, facts=image_facts(DatasetReference(source=name, data_dir=data_dir)))
    except DataError as error:
        return AvailableDataset(name=name, kind=kind, problem=str(error))
