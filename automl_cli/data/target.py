"""The data set that something is meant for, which may be absent, since images and classes are known of famous sets."""

from contextlib import suppress

import msgspec
from msgspec import Struct

from automl_cli.core.errors import DataError
from automl_cli.data.images import image_facts
from automl_cli.data.opening import check_numbers
from automl_cli.data.published import published_facts
from automl_cli.values.dataset import DatasetReference, ImageFacts


class Target(Struct, frozen=True):
    """A data set that a network is meant for. `problem` says why it cannot be read here, if it cannot."""

    dataset: DatasetReference
    facts: ImageFacts
    problem: str | None = None


def target_of(dataset: DatasetReference) -> Target:
    """The facts of the data set, as published where it is famous and not here. DataError where nothing is known of it.

    A famous set whose pictures differ in size is taken at its usual size, unless one is given.
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
