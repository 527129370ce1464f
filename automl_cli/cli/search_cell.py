"""`automl search-cell`: find a cell that networks are stacked from."""

from automl_cli.cli.search_command import search_command


@search_command("search-cell")
def search_cell() -> None:
    """Search a cell: children are small stacks of it that are trained, or rows of a table that are looked up.

    The run directory then holds best.json, which `train --cell`, `measure` and `show` accept. With --transfer it also holds
    network.json, the winner scaled to another data set; where that set is here the network is trained on it, in transfer/ of
    the run directory. With --evaluator table no child is trained: strategies can be compared on a published benchmark, or on a
    table of your own, in seconds.

    Examples:
        automl search-cell --out runs/cell
        automl search-cell --transfer imagenet
        automl search-cell --dataset cifar10 --transfer ./photos --transfer-image-size 96
        automl search-cell --space my_space.py --config my_table.toml
    """
