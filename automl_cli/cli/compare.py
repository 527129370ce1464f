"""`automl compare`: values of one role against each other, each at its best learning rate over several seeds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from automl_cli.cli.signatures import taking
from automl_cli.planning.compare_flags import comparison_flags

if TYPE_CHECKING:
    from automl_cli.planning.compare_flags import ComparisonRequest


@taking(comparison_flags())
def compare(**given: Any) -> None:
    """Compare optimizers, activation functions or augmentations: each at its best learning rate, over several seeds.

    Values are found or published ones. The rate of a value is the one with the best validation score after one epoch, as in
    searches. At that rate it is trained on each seed, and each of these trainings reads the test part once, at its end.
    Network, data and recipe are those of the search for such values unless flags say otherwise. With --problem rules minimise a
    function instead. What diverges is said in the table. A killed comparison goes on with --resume and loses no training that
    has ended.

    Examples:
        automl compare --optimizer sgd,momentum,adam,lion,runs/opt
        automl compare --activation relu,swish,gelu,runs/act/best.json --network resnet-20
        automl compare --augment none,flip-crop,trivialaugment,runs/policy --seeds 5
        automl compare --optimizer 'adam,clip(g, 1e-3) * 2' --learning-rates 0.01,0.1
        automl compare --optimizer sgd,momentum,adam,powersign --problem rosenbrock
        automl compare --optimizer sgd,adam --preset paper --data-dir ~/tfds --dry-run
        automl compare --resume --out runs/compared
    """
    from automl_cli.cli.comparing import check_place, compare_on_data, compare_on_problem, show_plan

    request = _asked(given)
    check_place(given)
    if request.problem is not None:
        compare_on_problem(request, given)
    elif given["dry_run"]:
        show_plan(request, given)
    else:
        compare_on_data(request, given)


def _asked(given: Mapping[str, Any]) -> "ComparisonRequest":
    from automl_cli.planning.compare_flags import ComparisonRequest

    request = ComparisonRequest(**{name: given[name] for name in ComparisonRequest.rows()})
    request.check()
    return request
