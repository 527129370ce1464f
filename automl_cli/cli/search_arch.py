"""`automl search-arch`: find a network architecture."""

from automl_cli.cli.search_command import search_command


@search_command("search-arch")
def search_arch() -> None:
    """Search a network architecture: a controller proposes, children are trained and scored, the scores teach the controller.

    The run directory then holds best.json, which every other command accepts. The same seed gives the same file, with any
    number of workers, and also when the search was interrupted and resumed. With --evaluator table no network is trained: they
    are looked up in a table of your own.

    Examples:
        automl search-arch --out runs/first
        automl search-arch --out runs/first --resume --trials 100
        automl search-arch --dataset cifar10 --data-dir ~/tfds --train-examples 2000 --epochs 1 --trials 4
        automl search-arch --preset paper --dry-run
    """
