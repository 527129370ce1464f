"""The interface of a problem: the data that children are trained on, and how they are scored."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from automl_cli.core.flags import Flag
from automl_cli.core.protocols import Report


class Problem(Protocol):
    """The data that children are trained on and the way they are scored: one file of `problems/`, found by listing or from an
    installed package (entry-point group `automl_cli.problems`, value "module:attribute"). Importing it imports no JAX; `open`
    does.

    `dataset` is always one of its `dataset_type`, with a field `source`; facts are one of its `facts_type`, with the fields
    `train_examples`, `validation_examples` and `test_examples`. Both are plain data.
    """

    name: str
    dataset_type: Any
    facts_type: Any

    flags: tuple[Flag, ...]
    """Flags about its data set. Flags of one name mean the same in all problems."""

    def dataset(self, given: Mapping[str, Any], start: Any) -> Any:
        """Return the data set to start from, changed as these flags ask. Raises UserError for what does not fit."""
        ...

    def facts(self, dataset: Any, *, needed: bool = True, whole: bool = False) -> Any:
        """Return what is known of a data set before anything is trained on it. Raises DataError where it is missing or broken.
        A well-known one may be missing where the data are not needed. With `whole` all of it is to be tested on, and nothing is
        split off."""
        ...

    def account(self, dataset: Any) -> tuple[str, ...]:
        """Return what was read of a data set: a line about its examples, then one for each thing that was done to them. Nothing
        for a data set that is not here."""
        ...

    def other(self, dataset: Any, facts: Any, source: str) -> Any:
        """Return the data set of another source, with examples like those that these facts describe."""
        ...

    def check_alike(self, source: str, facts: Any, trained: Any) -> None:
        """Raise DataError where a model cannot be tested on this source, which has `facts`, because the data of its training,
        with the facts `trained`, were different."""
        ...

    def check(self, child: Any) -> None:
        """Raise UserError for roles that do not go with the data of this child, before anything is trained."""
        ...

    def prepare(self, child: Any, report: Report) -> None:
        """Prepare the files that all workers read."""
        ...

    def open(self, child: Any, *, with_validation: bool = False, report: Report | None = None) -> Any:
        """Open the data as children are trained on it, as a `children.learning.Learning`. `with_validation` trains on the
        validation examples too. A problem whose data sets have a field `folds` takes `fold` as well, the number of the fold
        that validates."""
        ...

    def test(self, child: Any, preparation: Mapping[str, tuple[float, ...]], *, whole: bool = False) -> Any:
        """Open the test split as a `children.learning.Testing`, prepared as in the training that had this preparation; with
        `whole` all examples of the data set."""
        ...

    def doubts(self, dataset: Any, facts: Any) -> Iterator[str]:
        """Yield advice on a data set that can be searched on, such as another metric, in a sentence each."""
        ...
