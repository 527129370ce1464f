"""The journal of a training: what may stand where, and a journal that is read as it grows."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_cli.core.errors import ArtifactError
from automl_cli.store.journal import Ended, Journal, Record, read_records
from automl_cli.store.journal_tail import JournalTail
from automl_cli.store.training_journal import EpochTrained, SessionBegan, TrainingCourse, read_course
from tests.reporting.runs import write_run


def began(epochs: int) -> SessionBegan:
    return SessionBegan(at=0.0, epochs=epochs)


def trained(epoch: int, *, loss: float = 1.0, elapsed: float = 0.0) -> EpochTrained:
    return EpochTrained(epoch=epoch, loss=loss, score=loss / 2, elapsed=elapsed)


def written(path: Path, *records: object) -> Path:
    journal = Journal(path)
    for record in records:
        journal.append(record)  # type: ignore[arg-type]
    journal.close()
    return path


def test_an_epoch_that_was_trained_again_counts_once_and_its_time_twice(tmp_path: Path) -> None:
    first = [began(0), trained(1, elapsed=2.0), trained(2, elapsed=4.0), trained(3, elapsed=6.0)]
    second = [began(1), trained(2, loss=0.5, elapsed=3.0), Ended(reason="interrupted", elapsed=3.5)]
    course = read_course(written(tmp_path / "journal.jsonl", *first, *second))
    assert (course.losses, course.scores) == ([1.0, 0.5], [0.5, 0.25])
    assert (course.seconds, course.sessions, course.ended, course.began_with) == (9.5, 2, "interrupted", 1)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=4), st.integers(1, 8))
def test_sessions_killed_anywhere_give_the_course_of_one_that_was_not(kills: list[tuple[float, float]], epochs: int) -> None:
    """Every session begins after some epoch on record, trains the same figures, and is killed at some share of the rest."""
    course, whole = TrainingCourse(), TrainingCourse()
    for record in session(0, epochs):
        whole.take(record, "")
    for beginning, share in kills:
        start = int(beginning * len(course.losses))
        for record in session(start, start + int(share * (epochs - start))):
            course.take(record, "")
    for record in session(len(course.losses), epochs):
        course.take(record, "")
    assert (course.losses, course.scores) == (whole.losses, whole.scores)
    assert course.sessions == len(kills) + 1


def session(start: int, end: int) -> list[SessionBegan | EpochTrained]:
    return [began(start), *(trained(epoch, loss=1 / epoch) for epoch in range(start + 1, end + 1))]


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        ([trained(1)], r"j.jsonl:1: epoch 1 was trained in no session"),
        ([began(1)], r"j.jsonl:1: a session begins after epoch 1, and 0 epochs are on record"),
        ([began(0), trained(2)], r"j.jsonl:2: epoch 2 was trained where epoch 1 comes next"),
        ([began(0), Ended(reason="failed", elapsed=1.0), trained(1)], r"j.jsonl:3: epoch 1 was trained in no session"),
    ],
)
def test_a_record_that_cannot_stand_there_is_named(tmp_path: Path, records: list[object], problem: str) -> None:
    with pytest.raises(ArtifactError, match=problem):
        read_course(written(tmp_path / "j.jsonl", *records))


def test_a_journal_read_as_it_grows_gives_the_records_of_one_read_at_the_end(tmp_path: Path) -> None:
    """Whatever pieces it arrives in, also in the middle of a line."""
    whole = (write_run(tmp_path / "run", [0.5, None, 0.75]) / "journal.jsonl").read_bytes()
    expected = list(read_records(tmp_path / "run" / "journal.jsonl"))
    for step in (1, 7, 100, len(whole)):
        path = tmp_path / f"grown-{step}.jsonl"
        tail = JournalTail(path, Record)
        assert list(tail.added()) == []
        found = []
        for start in range(0, len(whole), step):
            with path.open("ab") as file:
                file.write(whole[start : start + step])
            found += [record for _, record in tail.added()]
        assert found == expected
        assert not tail.is_replaced()


def test_a_torn_line_waits_for_what_replaces_it_and_a_bad_one_in_the_middle_is_named(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [0.5]) / "journal.jsonl"
    tail, whole = JournalTail(path, Record), path.read_bytes()
    known = len(list(tail.added()))
    path.write_bytes(whole + b"\0\0\0\n")
    assert list(tail.added()) == []
    path.write_bytes(whole + b'{"record":"ended","reason":"finished","elapsed":2.0}\n')
    assert [record for _, record in tail.added()] == [Ended(reason="finished", elapsed=2.0)]
    with path.open("ab") as file:
        file.write(b'{"record":"endet"}\n{"record":"ended","reason":"finished","elapsed":3.0}\n')
    with pytest.raises(ArtifactError, match=rf"journal.jsonl:{known + 2}: "):
        list(tail.added())


def test_another_journal_in_its_place_is_noticed(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [0.5, 0.6]) / "journal.jsonl"
    tail = JournalTail(path, Record)
    list(tail.added())
    shorter = path.read_bytes()[:100]
    path.write_bytes(shorter)
    assert tail.is_replaced()
    tail = JournalTail(path, Record)
    list(tail.added())
    path.unlink()
    assert tail.is_replaced()
