"""`automl search-optimizer`: find an update rule."""

from automl_cli.cli.search_command import search_command


@search_command("search-optimizer")
def search_optimizer() -> None:
    """Search an update rule: each is a formula of the gradient and its averages, with which a small network is trained.

    Seven learning rates are tried for one epoch each, then the network is trained anew at the best. The run directory then
    holds best.json, which every other command accepts: --optimizer RUN in other searches and in train, and `automl export` for
    a file of Python. A rule that explodes or ignores the gradient is a trial without a score.

    Examples:
        automl search-optimizer --out runs/opt
        automl search-optimizer --space-option decays=true --strategy evolution
        automl search-optimizer --network convnet-2x32 --dataset cifar10 --data-dir ~/tfds --trials 16
        automl search-optimizer --preset paper --dry-run
    """
