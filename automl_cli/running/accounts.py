"""Says what was read of the data of a child, as the first lines of a search or a training."""

from typing import TYPE_CHECKING

from automl_cli.running.talk import Talk

if TYPE_CHECKING:
    from automl_cli.values.child import Child


def say_what_was_read(child: "Child | None", talk: Talk) -> None:
    """Print one line about the examples, and one for each thing that was done to read them; nothing for absent data."""
    from automl_cli.plugins.listing import problem_named
    from automl_cli.plugins.roles import typed_dataset

    if child is not None and not talk.quiet:
        lines = problem_named(child.problem.name).account(typed_dataset(child.problem))
        for number, line in enumerate(lines):
            talk.say(f"  {line}" if number else line)


def warn_of_the_cache(talk: Talk) -> None:
    """Warn, once, where data are prepared in another place than the cache."""
    from automl_cli.data.cache import said_of_the_cache

    for line in said_of_the_cache():
        talk.warn(line)
