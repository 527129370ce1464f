"""A recorded run that is searched anew takes what this machine grants."""

from pathlib import Path

import pytest

from automl_cli.planning import anew
from automl_cli.planning.anew import RecordedSearch, search_anew
from automl_cli.planning.request import SearchRequest
from tests.planning.test_resume import SEARCHED
from tests.study.worlds import settings


@pytest.mark.parametrize(("given", "limit"), [(None, 2 * 10**9), ("4GB", 4 * 10**9)])
def test_it_has_as_many_workers_as_there_is_room_for_by_their_memory_limit(
    given: str | None, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anew, "default_workers", lambda of_each: 3 if of_each == limit else 64)
    recorded = RecordedSearch(Path("study.json"), settings(memory_limit_bytes=2 * 10**9, workers=9, **SEARCHED))
    found, _ = search_anew("search-arch", recorded, SearchRequest(memory_limit=given))
    assert (found.workers, found.memory_limit_bytes) == (3, limit)
