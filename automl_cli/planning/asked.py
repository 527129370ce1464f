"""Holds what is asked of a search: flags over those of a file, or over a recorded run that is searched anew."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from automl_cli.core.errors import UserError
from automl_cli.core.spaces import SearchSpace
from automl_cli.planning.anew import RecordedSearch, read_configuration, search_anew
from automl_cli.planning.flags import DEFAULT_SPACES
from automl_cli.planning.request import SearchRequest, request_over
from automl_cli.planning.resolve import plan_search
from automl_cli.store.study import StudySettings


class AskedSearch(NamedTuple):
    """The request of a command; `recorded` is the run that is searched anew, if one is."""

    command: str
    request: SearchRequest
    recorded: RecordedSearch | None = None

    @property
    def default_space(self) -> str:
        """The space of the command where none is named."""
        return DEFAULT_SPACES[self.command]

    def settled(self, *, data_needed: bool = True) -> tuple[StudySettings, SearchSpace]:
        """Return the settings of the new study, and its space. Raises UserError for what does not fit."""
        if self.recorded is not None:
            return search_anew(self.command, self.recorded, self.request)
        return plan_search(self.command, self.request, default_space=self.default_space, data_needed=data_needed)

    def repeats(self, given: int | None) -> int | None:
        """Return how many searches are asked for; where a run is searched anew, as many as that made."""
        return self.recorded.repeats if given is None and self.recorded is not None else given

    def by_the_clock(self) -> Iterator[str]:
        """Yield the flags by which the clock had a say in what the recorded run found."""
        if self.recorded is not None:
            settings = self.recorded.settings
            limits = {"--time-budget": settings.time_budget_seconds, "--trial-timeout": settings.trial_timeout_seconds}
            yield from (flag for flag, seconds in limits.items() if seconds is not None)


def asked_search(command: str, given: Mapping[str, Any], config: Path | None, *, resume: bool) -> AskedSearch:
    """Return what was asked for: values by attribute over what the configuration says. Raises UserError for what means nothing,
    and for a recorded run to be searched anew and resumed at once."""
    before: SearchRequest | RecordedSearch = SearchRequest() if config is None else read_configuration(config)
    if not isinstance(before, RecordedSearch):
        return AskedSearch(command, request_over(before, given))
    if resume:
        raise UserError(
            "--resume and --resume-or-start go on with the run in --out, and --config RUN searches one anew; give one of them"
        )
    return AskedSearch(command, request_over(SearchRequest(), given), before)
