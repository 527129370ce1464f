"""`automl search-arch`: find a network architecture."""

from typing import Annotated

import typer

from automl_cli.cli import search_options as options
from automl_cli.cli import table_options as tables
from automl_cli.cli.options import Json
from automl_cli.cli.searching import run_search

Space = Annotated[
    str | None,
    typer.Option(
        "--space", metavar="NAME|FILE.py", help="What is searched; see `automl spaces`. [default: cnn]", show_default=False,
        rich_help_panel=options.WHAT,
    ),
]  # fmt: skip


def search_arch(
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
    run_search("search-arch", default_space="cnn", flags=locals())
