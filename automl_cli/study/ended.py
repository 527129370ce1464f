"""Names the winner of a study that has ended, by its journal alone: without strategy, executor or anything new on record."""

from pathlib import Path

from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Stage, Status
from automl_cli.plugins.listing import kind_named
from automl_cli.store.journal import Ended, Record, placed_records
from automl_cli.store.ledger import Ledger
from automl_cli.store.study import StudySettings
from automl_cli.study.incumbent import Winner, ranking_of
from automl_cli.study.limits import OverLimit
from automl_cli.study.retraining import winner_on_record


def ended_winner(journal: Path, settings: StudySettings, space: SearchSpace) -> Winner | None:
    """Return the winner of a study whose journal says that it is finished; None where there may be more to do."""
    joins = kind_named(space.plugin.produces).joins
    ranking = ranking_of(settings, joins=joins, standing_for=space.canonical)
    ledger, over_limit, told = Ledger(), OverLimit(), 0
    last: Record | None = None
    for place, last in placed_records(journal):
        trial = ledger.take(last, place)
        if trial is None or trial.task.stage is not Stage.SEARCH:
            continue
        told += 1
        if trial.outcome.status is Status.OVER_LIMIT:
            over_limit.add(trial.number)
        if trial.reused is None:
            ranking.add(trial)
    best = ranking.best()
    finished = isinstance(last, Ended) and last.reason == "finished"
    searching = any(stage is Stage.SEARCH for stage, *_ in ledger.open)
    if not finished or not best or searching or not over_limit.is_enough(told, settings.trials):
        return None
    winner = winner_on_record(best, ledger.outcomes, settings, joins=joins, searched=True)
    return None if settings.retrain_top and winner.retraining is None else winner
