"""Scales the winner after a search to another data set, and trains it there in a process of its own.

That process is `automl train --resume`, so the weights are those that it gives by hand, on all cores; the workers of the search
are gone. It ends with this one, however this one ends.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from automl_cli.core.errors import RunFailed
from automl_cli.core.numbers import by_times, counted
from automl_cli.running.talk import Talk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from automl_cli.store.reports import State, TransferSummary
    from automl_cli.store.study import StudySettings, TransferSettings

INTERRUPTED = 130
"""The exit code of a command that was interrupted."""

PROGRAM = """
import signal, sys
from automl_cli.system.process import die_with
die_with(int(sys.argv.pop(1)))
from automl_cli.__main__ import main
signal.signal(signal.SIGTERM, signal.default_int_handler)
main(say_interrupted=False)
"""
"""Asked to end, it ends as by Ctrl-C, which leaves the terminal as it was; but what goes on with the work only the parent says.
Ctrl-C itself reaches the parent alone."""


def transfer(run: Path, settings: "StudySettings", talk: Talk) -> "TransferSummary | None":
    """Scale the winner of the run, train it if that was settled, and return the result. None where nothing is scaled."""
    from automl_cli.jobs.transfer import prepare_training, scale_winner, transfer_of

    if settings.transfer is None:
        return None
    scale_winner(run, settings)
    scaled = transfer_of(run, settings)
    assert scaled is not None
    if scaled.state in ("training", "trained"):
        directory = prepare_training(run, settings)
        what = "training the scaled winner" if scaled.state == "training" else "the scaled winner is trained already"
        talk.say(f"{directory}: {what}, {size_in_words(scaled)}")
        _train(directory, quiet=talk.quiet)
    return transfer_of(run, settings)


def transfer_in_words(settings: "TransferSettings", state: "State" = "planned") -> str:
    """Return in words whether the winner will be, or was, only scaled or also trained."""
    data = f"{by_times(settings.image_shape)}, {counted(settings.classes, 'class/classes')}"
    scaled = f"scaled to {settings.dataset.source} as {settings.stack} ({data})"
    trained = f"trained there for {counted(settings.epochs, 'epoch')}"
    reason = (settings.problem or "").partition(". ")[0]
    if state == "trained":
        return f"the winner so far is {scaled} and {trained} already; another winner would be scaled and trained anew"
    if state == "written":
        why = f"nothing is trained on it, since {reason}"
        return f"the winner so far is {scaled} already, {why}; another winner would be scaled anew"
    if settings.problem is None:
        return f"the winner will be {scaled} and {trained}"
    return f"the winner will be {scaled} and written; nothing will be trained on it, since {reason}"


def last_words(found: "TransferSummary") -> "Iterator[str]":
    """Yield the lines that tell a user the result of a transfer."""
    if found.state == "trained":
        assert found.test_accuracy is not None
        top5 = "" if found.test_top5_accuracy is None else f", top-5 {found.test_top5_accuracy:.4f}"
        yield f"{found.network}: {size_in_words(found)}"
        epochs = counted(found.epochs, "epoch")
        yield f"transfer: top-1 {found.test_accuracy:.4f}{top5} on the test part of {found.target} after {epochs}"
    else:
        yield f"{found.network}: the winner scaled to {found.target}, {size_in_words(found)}"
        yield f"nothing was trained on {found.target}: {found.problem}"
        yield f"train it with: {found.command}"


def size_in_words(found: "TransferSummary") -> str:
    """Return the stack of the scaled winner and its costs, in words."""
    from automl_cli.reporting.figures import size

    assert found.parameters is not None
    assert found.multiply_adds is not None
    image = f"one image of {by_times(found.image_shape)}, {counted(found.classes, 'class/classes')}"
    return f"{found.stack} (F = {found.filters}): {size(found.parameters, found.multiply_adds)} for {image}"


def _train(directory: Path, *, quiet: bool) -> None:
    """Run the training to its end. RunFailed where it fails; the training process has printed the cause."""
    from automl_cli.system.process import users_environment

    arguments = ["train", "--resume", "--out", str(directory), *(["--quiet"] if quiet else [])]
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", PROGRAM, str(os.getpid()), *arguments],
        env=users_environment() | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        code = process.wait()
    finally:
        process.terminate()  # nothing happens to one that has ended
        process.wait()
    if code in (INTERRUPTED, -signal.SIGINT):
        raise KeyboardInterrupt
    if code != 0:
        raise RunFailed(f"the winner was found and scaled; its training in {directory} {_ending(code, directory)}")


def _ending(code: int, directory: Path) -> str:
    """Return in words how a process ended that was not interrupted. One that was not killed has printed the cause.

    >>> _ending(1, Path("run/transfer"))
    'ended with exit code 1'
    """
    from automl_cli.training.directory import resume_training_command

    if code > 0:
        return f"ended with exit code {code}"
    why = ", as happens where memory runs out (a stack with fewer filters needs less)" if code == -signal.SIGKILL else ""
    return f"was killed by {signal.Signals(-code).name}{why}. Go on with: {resume_training_command(directory)}"
