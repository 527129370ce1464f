"""`automl search-activation`: find an activation function."""

from automl_cli.cli.search_command import search_command


@search_command("search-activation")
def search_activation() -> None:
    """Search an activation function: each is a formula, which takes the place of every ReLU of a network that is then trained.

    The run directory then holds best.json, which every other command accepts: --activation RUN in other searches and in train,
    and `automl export` for a file of Python. A function that is not finite where it would be used is a trial without a score,
    and costs no training. Two formulas for one function are trained once.

    Examples:
        automl search-activation --out runs/act
        automl search-activation --network resnet-20 --dataset cifar10 --data-dir ~/tfds --trials 16
        automl search-activation --space-option units=2 --strategy ppo --trials 200
        automl search-activation --preset paper --dry-run
    """
