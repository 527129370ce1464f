"""Everything that is plugged in, by discovery. `contracts/` crosses these tables with laws: a new row needs no new test."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from automl_cli.cli.app import COMMANDS
from automl_cli.core.decisions import Choice
from automl_cli.core.plugins import Plugin, SearchSpace
from automl_cli.plugins.discovery import plugins
from automl_cli.plugins.registry import EVALUATORS, EXECUTORS, STRATEGIES
from automl_cli.store.artifact import KINDS

__all__ = [
    "COMMAND_NAMES",
    "EVALUATORS",
    "EXECUTORS",
    "KINDS",
    "PLUGINS",
    "PRESET_LABELS",
    "ROOT",
    "SPACES",
    "STRATEGIES",
    "decisions_text",
]

ROOT = Path(__file__).parent.parent

PLUGINS: Mapping[str, Plugin] = plugins()

COMMAND_NAMES = tuple(COMMANDS)


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
