"""Searches from Python: `automl_cli.search`."""

from typing import Unpack

from automl_cli.api.given import values_of
from automl_cli.api.result import SearchResult
from automl_cli.api.talking import talk_of
from automl_cli.api.words import LEFT_OUT, SearchWords, What
from automl_cli.core.errors import unknown_name

PREFIX = "search-"


def search(what: What, /, **words: Unpack[SearchWords]) -> SearchResult:
    """Search as `automl search-…` does, and return the run: `search("arch", dataset="digits", trials=16)`.

    The keywords are the flags of the command with underscores, and mean the same. Beside names and paths, `dataset` takes
    arrays: (images, labels), or {"train": (images, labels), "test": (images, labels)}; `evaluator` takes a function of a
    `ProposedChild` that returns its score. The run directory is that of the command: `automl report`, `automl train --arch`
    and, with the same data and the same function, `--resume` go on with it.

    Raises UserError for what does not fit, before anything is computed, and RunFailed where no trial succeeded. An interruption
    leaves a run that can be resumed, and names the command.
    """
    from automl_cli.planning.asked import asked_search
    from automl_cli.planning.flags import DEFAULT_SPACES, flags_of
    from automl_cli.running.search_display import check_log_file, check_one_volume
    from automl_cli.running.searches import RunPlace, run_search
    from automl_cli.store.timings_in_force import timings_restored
    from automl_cli.system.process import set_up_for_a_while

    command = f"{PREFIX}{what}"
    if command not in DEFAULT_SPACES:
        known = (name.removeprefix(PREFIX) for name in DEFAULT_SPACES)
        raise unknown_name("search", str(what), known)
    rows = [row for row in flags_of(command) if row.name not in LEFT_OUT]
    talk = talk_of(verbose=bool(words.get("verbose")), quiet=bool(words.get("quiet")))
    values = values_of(words, rows, function="search", talk=talk)
    for row in rows:
        if row.attribute in values:
            row.check(values[row.attribute])
    check_one_volume(verbose=talk.verbose, quiet=talk.quiet)
    check_log_file(values.get("log_file"))
    place = RunPlace(**{name: values[name] for name in RunPlace._fields if name in values})
    talk = talk._replace(log_file=values.get("log_file"), events=values.get("tensorboard", False))
    with set_up_for_a_while(), timings_restored():
        goes_on = place.resume or place.resume_or_start
        finished = run_search(asked_search(command, values, values.get("config"), resume=goes_on), place, talk)
    return SearchResult(finished.path)
