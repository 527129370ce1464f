"""`automl search-cell`: find a cell that networks are stacked from."""

from typing import Annotated

import typer

from automl_cli.cli import search_options as options
from automl_cli.cli import table_options as tables
from automl_cli.cli.options import Json
from automl_cli.cli.searching import run_search

Space = Annotated[
    str | None,
    typer.Option(
        "--space", metavar="NAME|FILE.py", help="What is searched; see `automl spaces`. [default: nasnet]", show_default=False,
        rich_help_panel=options.WHAT,
    ),
]  # fmt: skip


def search_cell(
    *,
    preset: options.Preset = None,
    space: Space = None,
    space_options: options.SpaceOptions = None,
    dataset: options.Dataset = None,
    data_dir: options.DataDir = None,
    train_examples: options.TrainExamples = None,
    image_size: options.ImageSize = None,
    metric: options.Metric = None,
    max_parameters: options.MaxParameters = None,
    max_multiply_adds: options.MaxMultiplyAdds = None,
    strategy: options.StrategyName = None,
    strategy_options: options.StrategyOptions = None,
    start_from: options.StartFrom = None,
    trials: options.Trials = None,
    epochs: options.Epochs = None,
    reward_exponent: options.RewardExponent = None,
    retrain_top: options.RetrainTop = None,
    retrain_epochs: options.RetrainEpochs = None,
    reuse: options.Reuse = None,
    seed: options.Seed = None,
    in_flight: options.InFlight = None,
    evaluator: options.EvaluatorName = None,
    evaluator_options: options.EvaluatorOptions = None,
    table: tables.Table = None,
    encoding_column: tables.EncodingColumn = None,
    reward_column: tables.RewardColumn = None,
    report_columns: tables.ReportColumns = None,
    cost_columns: tables.CostColumns = None,
    executor: options.ExecutorName = None,
    workers: options.Workers = None,
    trial_timeout: options.TrialTimeout = None,
    max_failures: options.MaxFailures = None,
    time_budget: options.TimeBudget = None,
    transfer: options.Transfer = None,
    transfer_image_size: options.TransferImageSize = None,
    transfer_epochs: options.TransferEpochs = None,
    stack: options.Stack = None,
    filters: options.Filters = None,
    out: options.Out = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    repeat: options.Repeat = None,
    config: options.Config = None,
    dry_run: options.DryRun = False,
    json: Json = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    log_file: options.LogFile = None,
) -> None:
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
    run_search("search-cell", default_space="nasnet", flags=locals())
