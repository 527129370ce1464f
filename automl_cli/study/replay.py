"""Replays a journal: brings a search to the state in which the records left it."""

from collections.abc import Iterable, Sequence

from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.core.numbers import counted
from automl_cli.core.protocols import canonical
from automl_cli.core.trials import Stage
from automl_cli.store.earlier_trials import check_head, split_head
from automl_cli.store.journal import Asked, Ended, Record, Started, Told
from automl_cli.store.rung_records import AtRung, Promoted
from automl_cli.store.study import EarlierRun
from automl_cli.study.grouping import TaskGroups
from automl_cli.study.proposals import ProposalQueue
from automl_cli.study.retraining import FinalTrainings


def told_first(
    records: Iterable[Record], search: ProposalQueue, taken_over: Sequence[EarlierRun], *, place: str
) -> Iterable[Record]:
    """Tell the strategy what was taken over from earlier runs, and return the other records."""
    head, rest = split_head(records)
    check_head(place, head, taken_over)
    if head:
        search.take_over((record.genotype, record.outcome) for record in head)
    return rest


def replay(records: Iterable[Record], search: ProposalQueue, *, groups: TaskGroups, after: FinalTrainings, place: str) -> float:
    """Bring the search to the state that the records leave it in, and return the seconds of all their sessions.

    Raises ArtifactError or UserError for a record that cannot stand there; `place` names the journal.
    """
    earlier_seconds = session_seconds = 0.0
    for record in records:
        match record:
            case Asked(stage=Stage.SEARCH):
                _replay_asked(record, search, place)
            case Asked() | Told(stage=Stage.RETRAIN | Stage.BASELINE):
                after.replay(record)
            case AtRung() | Promoted() | Told():
                _replay_course(record, search, groups, place)
            case Started():
                earlier_seconds, session_seconds = earlier_seconds + session_seconds, 0.0
            case Ended(reason="failed"):
                search.forgive()
        if isinstance(record, AtRung | Told | Ended):
            session_seconds = record.elapsed
    return earlier_seconds + session_seconds


def _replay_asked(record: Asked, search: ProposalQueue, place: str) -> None:
    if search.asked_all:
        raise ArtifactError(
            f"{place}: trial {record.trial} was asked, but study.json has only {counted(search.trials, 'trial')}: changed by "
            "hand? Give --trials as many as there were, or more"
        )
    if record.trial != search.next or not search.may_ask():
        raise ArtifactError(f"{place}: trial {record.trial} was asked out of order")
    asked = search.ask()
    if asked.epochs != record.epochs:
        trained, said = (counted(epochs, "epoch") for epochs in (record.epochs, asked.epochs))
        text = f"was trained for {trained}, and study.json, which was changed by hand, says {said}; put that back"
        raise ArtifactError(f"{place}: trial {record.trial} {text}")
    if (asked.genotype, asked.seed) != (record.genotype, record.seed):
        was, now = canonical(record.genotype), canonical(asked.genotype)
        raise UserError(
            f"{place}: trial {record.trial} was {was}, and now the strategy proposes {now}: study.json was changed by hand, or "
            "the code was. Resume with the versions that study.json names, or start a new run"
        )
    search.enter(record)


def _replay_course(record: AtRung | Promoted | Told, search: ProposalQueue, groups: TaskGroups, place: str) -> None:
    """Take the record of a training that ended, of a promotion, or of the end of a trial."""
    if record.trial not in search.open:
        raise ArtifactError(f"{place}: trial {record.trial} was told but not asked")
    if (problem := search.rungs.replay(record)) is not None:
        raise ArtifactError(f"{place}: trial {record.trial} {problem}")
    if isinstance(record, Promoted):
        search.promote(record)
    elif isinstance(record, Told):
        trial, _ = search.settle(record)
        groups.replay(trial)
