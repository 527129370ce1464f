"""The data set that a network is meant for. It may be absent, since the facts of well-known sets are published."""

from contextlib import suppress

import msgspec
from msgspec import Struct

from automl_cli.core.errors import DataError
from automl_cli.data.images import image_facts
from automl_cli.data.opening import check_numbers
from automl_cli.data.published import published_facts
from automl_cli.values.dataset import DatasetReference, ImageFacts


class Target(Struct, frozen=True):
    """A data set that a network is meant for. `problem` says why it cannot be read here, or is None."""

    dataset: DatasetReference
    facts: ImageFacts
    problem: str | None = None


def target_of(dataset: DatasetReference) -> Target:
    """Return the facts of the data set; published ones for a well-known set that is not here.

    A well-known set whose pictures differ in size is taken at its usual size, unless one is given. Raises DataError if there
    are no facts.
    """
    check_numbers(dataset)
    try:
        return Target(dataset, image_facts(dataset))
    except DataError as error:
        if (published := published_facts(dataset)) is None:
            raise
        usual = msgspec.structs.replace(dataset, image_size=published.image_shape[0])
        if dataset.image_size is None:
            with suppress(DataError):
                return Target(usual, image_facts(usual))
        return Target(usual, published, str(error))
