"""Names and the code they stand for, imported on first use.

A table maps a name to "module:attribute". Listing a table imports nothing, so `--help` stays fast; asking for an unknown name
raises UserError with the nearest known one.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from automl_cli.core.errors import unknown_name

STRATEGIES: Mapping[str, str] = {
    "random": "automl_cli.strategies.random_search:RandomSearch",
    "reinforce": "automl_cli.strategies.reinforce:Reinforce",
    "ppo": "automl_cli.strategies.ppo:PPO",
    "evolution": "automl_cli.strategies.evolution:Evolution",
    "exhaustive": "automl_cli.strategies.exhaustive:Exhaustive",
}
EVALUATORS: Mapping[str, str] = {
    "image": "automl_cli.evaluators.image:ImageEvaluator",
    "table": "automl_cli.evaluators.table:TableEvaluator",
    "analytic": "automl_cli.evaluators.analytic:AnalyticEvaluator",
}
EXECUTORS: Mapping[str, str] = {
    "serial": "automl_cli.executors.serial:SerialExecutor",
    "local": "automl_cli.executors.local:LocalExecutor",
}


def load(what: str, table: Mapping[str, str], name: str) -> Any:
    """The attribute that the name stands for; `what` names the table in the error."""
    if name not in table:
        raise unknown_name(what, name, table)
    module, attribute = table[name].split(":")
    return getattr(import_module(module), attribute)
