"""Names the winner of a study that has ended, by its journal alone: without strategy, executor or anything new on record."""

from pathlib import Path

from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Outcome, Stage, Status
from automl_cli.plugins.listing import kind_named
from automl_cli.store.journal import Asked, Ended, Ledger, Record, Told, placed_records
from automl_cli.store.study import StudySettings
from automl_cli.study.incumbent import Winner, ranking_of, winner_of


def ended_winner(journal: Path, settings: StudySettings, space: SearchSpace) -> Winner | None:
    """Return the winner of a study whose journal says that it is finished; None where there may be more to do."""
    joins = kind_named(space.plugin.produces).joins
    ranking = ranking_of(settings, joins=joins, standing_for=space.canonical)
    ledger, retrained, ended = Ledger(), dict[int, Outcome](), 0
    last: Record | None = None
    for place, last in placed_records(journal):
        if isinstance(last, Asked):
            ledger.ask(last, place)
        elif isinstance(last, Told):
            trial = ledger.tell(last, place)
            if last.stage is Stage.RETRAIN:
                retrained[trial.number] = trial.outcome
            else:
                ranking.add(trial)
                ended += trial.outcome.status is not Status.OVER_LIMIT
    best = ranking.best()
    finished = isinstance(last, Ended) and last.reason == "finished" and ended >= settings.trials and bool(best)
    if not finished or any(trial.number not in retrained for trial in best[: settings.retrain_top]):
        return None
    return winner_of(best, settings, joins=joins, retrained=retrained if settings.retrain_top else None)
