"""Everything that is plugged in, by discovery. `contracts/` crosses these tables with laws: a new row needs no new test."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from automl_cli.cli.app import COMMANDS
from automl_cli.core.decisions import Choice
from automl_cli.core.spaces import Plugin, SearchSpace
from automl_cli.plugins.discovery import plugins
from automl_cli.plugins.listing import bodies, kinds, problems
from automl_cli.plugins.registry import EVALUATORS, EXECUTORS, STRATEGIES

__all__ = [
    "BODIES",
    "COMMAND_NAMES",
    "EVALUATORS",
    "EVALUATOR_REQUESTS",
    "EXECUTORS",
    "KINDS",
    "PLUGINS",
    "PRESET_LABELS",
    "PROBLEMS",
    "PROBLEM_DATASETS",
    "ROOT",
    "SPACES",
    "STRATEGIES",
    "decisions_text",
]

ROOT = Path(__file__).parent.parent

PLUGINS: Mapping[str, Plugin] = plugins()

COMMAND_NAMES = tuple(COMMANDS)

KINDS, BODIES, PROBLEMS = kinds(), bodies(), problems()

EXAMPLE = ROOT / "examples" / "table"

EVALUATOR_REQUESTS: Mapping[str, Mapping[str, Any]] = {
    "analytic": {"space": f"{ROOT}/tests/tiny_space.py", "evaluator_option": {"noise": "0.1", "group": "3"}},
    "density": {"space": "autoaugment", "train_examples": 200, "epochs": 1, "evaluator_option": {"versions": "2"}},
    "table": {
        "space": f"{EXAMPLE}/three_edges.py",
        "table": f"{EXAMPLE}/three_edges.csv",
        "reward_column": "valid",
        "report_columns": "test",
    },
    "trained": {"space": f"{ROOT}/tests/tiny_space.py", "space_option": {"layers": "1"}, "train_examples": 200, "epochs": 1},
}
"""A small search by every evaluator, as it is asked for."""

PROBLEM_DATASETS: Mapping[str, Mapping[str, Any]] = {"images": {"source": "digits", "train_examples": 200}}
"""A small data set of every problem."""


def _settings(plugin: Plugin) -> Iterator[tuple[str, Mapping[str, Choice]]]:
    """Options to try a space with: the defaults, those of every preset, and every choice of every option that lists them."""
    yield plugin.name, {}
    for name, preset in plugin.presets.items():
        yield f"{plugin.name}-{name}", preset.space_options
    for option in plugin.options:
        for choice in option.choices:
            yield f"{plugin.name}-{option.name}={choice}", {option.name: choice}


SPACES: Mapping[str, SearchSpace] = {
    label: SearchSpace(plugin, options) for plugin in PLUGINS.values() for label, options in _settings(plugin)
}
"""Every space, with every set of options worth trying, under a label."""

PRESET_LABELS = {f"{name}-{preset}" for name, plugin in PLUGINS.items() for preset in plugin.presets}
"""Labels of those that presets choose, which may change without a new version of the space."""


def decisions_text(space: SearchSpace) -> list[str]:
    """The decisions, one line each."""
    lines = []
    for decision in space.decisions.decisions:
        member = decision.membership
        place = "" if member is None else f" (anchor {member.anchor}, item {member.item})"
        lines.append(f"{decision.name}: {', '.join(map(repr, decision.choices))}{place}")
    return lines
