"""The journal: every prefix of it is one, a torn tail is cut and kept, a bad line is named, a full disk leaves it whole."""

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from automl_cli.core.errors import ArtifactError, RunFailed
from automl_cli.core.trials import Measurement, Outcome, Stage, Status
from automl_cli.store import journal as journal_module
from automl_cli.store.journal import Asked, Ended, Journal, Record, Started, Told, cut_torn_tail, read_records
from automl_cli.store.journal_tail import JournalTail
from automl_cli.store.ledger import read_trials
from tests.store.lines import unsigned

RECORDS: list[Record] = [
    Started(at=1.0, executor="local", workers=2),
    Asked(trial=0, stage=Stage.SEARCH, genotype=(0, 1), log_probability=-1.5, seed=2**52 + 1, epochs=3),
    Asked(trial=1, stage=Stage.SEARCH, genotype=(2, 1), log_probability=None, seed=2, epochs=3),
    Told(trial=1, stage=Stage.SEARCH, outcome=Outcome(Status.FAILED, message="é: no such file"), reused=None, elapsed=0.5),
    Told(
        trial=0,
        stage=Stage.SEARCH,
        outcome=Outcome(Status.OK, Measurement((0.25, 0.5), {"steps": 7})),
        reused=None,
        elapsed=0.75,
    ),
    Ended(reason="finished", elapsed=1.0),
]


def written(path: Path, records: list[Record]) -> bytes:
    journal = Journal(path)
    for record in records:
        journal.append(record)
    journal.close()
    return path.read_bytes()


def test_records_are_read_back_in_order(tmp_path: Path) -> None:
    written(tmp_path / "journal.jsonl", RECORDS)
    assert list(read_records(tmp_path / "journal.jsonl")) == RECORDS


def test_trials_join_what_was_asked_with_what_was_told(tmp_path: Path) -> None:
    written(tmp_path / "journal.jsonl", RECORDS)
    trials = list(read_trials(tmp_path / "journal.jsonl"))
    assert [(trial.number, trial.outcome.status, trial.proposal.log_probability) for trial in trials] == [
        (1, Status.FAILED, None),
        (0, Status.OK, -1.5),
    ]


def test_a_journal_that_is_not_there_yet_has_no_records(tmp_path: Path) -> None:
    assert list(read_records(tmp_path / "journal.jsonl")) == []
    assert cut_torn_tail(tmp_path / "journal.jsonl") is None


@pytest.mark.parametrize(
    "use",
    [
        Journal,
        lambda path: list(read_records(path)),
        cut_torn_tail,
        lambda path: list(JournalTail(path, Record).added()),
    ],
)
def test_a_pipe_in_the_place_of_a_journal_is_refused_and_not_waited_for(use: Callable[[Path], object], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "journal.jsonl")
    with pytest.raises(ArtifactError, match=r"journal\.jsonl is no regular file"):
        use(tmp_path / "journal.jsonl")


def test_every_byte_prefix_is_a_journal_and_can_be_continued(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = written(path, RECORDS)
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        complete = whole[:length].count(b"\n")
        torn = whole[:length].rpartition(b"\n")[2]
        assert list(read_records(path)) == RECORDS[:complete], "a reader passes over the torn tail"
        aside = cut_torn_tail(path)
        assert (aside is None) == (not torn)
        if aside is not None:
            assert aside.read_bytes() == torn
            aside.unlink()
        assert written(path, RECORDS[complete:]) == whole


def test_torn_tails_are_numbered_and_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = written(path, RECORDS[:2])
    for number, tail in enumerate([b'{"rec', b"\0\0\0\0", b"not json\n"], start=1):
        path.write_bytes(whole + tail)
        assert cut_torn_tail(path) == tmp_path / f"journal.torn-{number}"
        assert path.read_bytes() == whole
        assert (tmp_path / f"journal.torn-{number}").read_bytes() == tail


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"{\n", r"journal\.jsonl:2: not JSON: "),
        (b'{"record": "aksed"}\n', r"journal\.jsonl:2: record: invalid value 'aksed'"),
        (b'{"record": "ended", "reason": "finished"}\n', r"journal\.jsonl:2: elapsed: is missing"),
    ],
)
def test_a_bad_line_in_the_middle_is_named_by_file_and_line(line: bytes, text: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    lines = written(path, RECORDS).splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], line, *lines[2:]]))
    with pytest.raises(ArtifactError, match=text):
        list(read_records(path))
    assert cut_torn_tail(path) is None


def test_every_changed_bit_of_a_line_is_found_or_leaves_the_records_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = written(path, RECORDS)
    for at in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
            found, problem = [], ""
            try:
                found = list(read_records(path))
            except ArtifactError as error:
                problem = str(error)
            if problem:
                assert re.match(rf"{path}:[1-6]: ", problem)
            else:
                assert found in (RECORDS[:-1], RECORDS[:-2]), "a torn last line, or one joined with the line before"


def test_a_damaged_line_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(written(path, RECORDS).replace(b"0.25", b"0.75"))
    with pytest.raises(ArtifactError) as caught:
        list(read_records(path))
    assert re.fullmatch(
        rf"{path}:5: the line is not as it was written: its checksum is [0-9a-f]{{8}}, not [0-9a-f]{{8}}, so the file was "
        r"damaged or changed by hand\. Bring it back from a copy; a line that was changed on purpose has no crc",
        str(caught.value),
    )


def test_lines_without_checksums_are_read_as_earlier_versions_wrote_them(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(unsigned(written(path, RECORDS)))
    assert b"crc" not in path.read_bytes()
    assert list(read_records(path)) == RECORDS


def test_a_told_trial_that_was_never_asked_is_an_error(tmp_path: Path) -> None:
    written(tmp_path / "journal.jsonl", [RECORDS[0], RECORDS[3]])
    with pytest.raises(ArtifactError, match=r"journal\.jsonl:2: trial 1 of the search was told but never asked"):
        list(read_trials(tmp_path / "journal.jsonl"))


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        ((0, 2), "2: trial 1 was asked where trial 0 comes next"),
        ((0, 1, 1), "3: trial 0 of the search was asked before"),
        ((0, 1, 4, 4), "4: trial 0 of the search was told before"),
        ((0, 1, 4, 1), "4: trial 0 of the search was asked before"),
    ],
)
def test_records_in_an_order_that_no_study_writes_are_an_error_with_file_and_line(
    order: tuple[int, ...], problem: str, tmp_path: Path
) -> None:
    written(tmp_path / "journal.jsonl", [RECORDS[number] for number in order])
    with pytest.raises(ArtifactError, match=rf"journal\.jsonl:{problem}"):
        list(read_trials(tmp_path / "journal.jsonl"))


def test_a_number_that_is_not_finite_never_reaches_the_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    with pytest.raises(ArtifactError, match=r"log_probability is -inf"):
        journal.append(Asked(trial=0, stage=Stage.SEARCH, genotype=(0,), log_probability=-float("inf"), seed=1, epochs=1))
    journal.close()
    assert (tmp_path / "journal.jsonl").read_bytes() == b""


def test_a_full_disk_leaves_the_journal_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.append(RECORDS[0])
    before = path.read_bytes()
    write, left = os.write, [40]

    def nearly_full(descriptor: int, data: bytes) -> int:
        if left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        step = write(descriptor, data[: left[0]])
        left[0] -= step
        return step

    monkeypatch.setattr(journal_module.os, "write", nearly_full)
    with pytest.raises(RunFailed) as caught:
        journal.append(RECORDS[1])
    assert str(caught.value) == (
        f"cannot write {path}: No space left on device. The journal is whole: mend that, then continue with --resume"
    )
    assert path.read_bytes() == before
    monkeypatch.undo()
    journal.append(RECORDS[1])
    journal.close()
    assert list(read_records(path)) == RECORDS[:2]


def test_records_are_flushed_in_groups_and_on_demand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, flushed = [0.0], []
    monkeypatch.setattr(journal_module.os, "fsync", flushed.append)
    journal = Journal(tmp_path / "journal.jsonl", clock=lambda: clock[0])
    for _ in range(100):
        journal.append(RECORDS[1])
    assert len(flushed) == 0
    clock[0] = journal_module.GROUP_COMMIT_SECONDS
    journal.append(RECORDS[1])
    assert len(flushed) == 1
    journal.sync()
    assert len(flushed) == 1, "nothing new to flush"
    journal.append(RECORDS[1])
    journal.sync()
    assert len(flushed) == 2
    journal.append(RECORDS[1])
    journal.close()
    assert len(flushed) == 3
