"""Builds the evaluator in the process that measures children."""

from automl_cli.core.protocols import Evaluator, EvaluatorSetup
from automl_cli.plugins.registry import EVALUATORS
from automl_cli.store.encoding import convert
from automl_cli.store.timings_in_force import use_timings
from automl_cli.values.timings import TimingTable


def built_evaluator(setup: EvaluatorSetup) -> Evaluator:
    """Build the evaluator. From now on this process chooses forms of convolution by the timing table of the setup, so that
    what another machine has as its table changes no bits."""
    if setup.timings is not None:
        use_timings(convert(setup.timings, TimingTable, "setup: timings"))
    evaluator: Evaluator = EVALUATORS.load(setup.evaluator.name)(setup)
    return evaluator
