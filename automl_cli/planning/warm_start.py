"""Find what a search starts from: the trials of an earlier run, or genotypes of what was found or published before.

same space, evaluator, data, roles, recipe, epochs, reward    the run's trials are told first, as if measured here
same space, something else differs                            the best of the run are proposed first, and measured here
another space, an artifact, a published name                  what it found is proposed first, if this space holds it
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import SpaceError, UserError
from automl_cli.core.protocols import StrategyFactory
from automl_cli.core.spaces import SearchSpace, SpaceReference
from automl_cli.planning.request import SearchRequest
from automl_cli.plugins.listing import kind_of
from automl_cli.plugins.registry import STRATEGIES
from automl_cli.references import open_any
from automl_cli.references.written import is_there
from automl_cli.store.artifact import read_artifact
from automl_cli.store.consistency import alike, first_difference
from automl_cli.store.earlier_trials import trials_of_run
from automl_cli.store.encoding import plain
from automl_cli.store.file_names import BEST_FILE, STUDY_FILE
from automl_cli.store.journal import TakenOver
from automl_cli.store.run_layout import runs_in
from automl_cli.store.study import EarlierRun, FoundBody, StudySettings

MOST_BEST = 10
"""Of a run that was measured otherwise, one genotype for ten trials of this search is proposed first, and at most so many."""

MEASURED_BY = ("evaluator", "child", "epochs", "early_stop", "reward")
"""Settings on which the reward of a genotype depends, but for the seed."""


class Start(NamedTuple):
    """Start of a search: genotypes that it proposes first, and runs whose trials it is told before.

    `seen` is how many genotypes with a meaning of their own those runs measured.
    """

    genotypes: tuple[Genotype, ...] = ()
    taken_over: tuple[EarlierRun, ...] = ()
    seen: int = 0

    def constants(self, strategy: str) -> dict[str, Any]:
        """Return the settings of the strategy that follow."""
        known = STRATEGIES.load(strategy).settings.__struct_fields__
        found = {"start_from": [list(genotype) for genotype in self.genotypes], "seen": self.seen}
        return {name: value for name, value in found.items() if value and name in known}


def starting(request: SearchRequest, space: SearchSpace, strategy: str, measured: Mapping[str, Any]) -> Start:
    """Return what the search starts from. `measured` are the settings that children are measured by, and the trials.

    Raises UserError for a strategy that can do nothing with it, ArtifactError for another kind of artifact, SpaceError for what
    the space does not hold.
    """
    factory: StrategyFactory = STRATEGIES.load(strategy)
    genotypes: list[Genotype] = []
    runs: list[EarlierRun] = []
    records: list[TakenOver] = []
    for name in request.start_from or ():
        found = _runs_named(name)
        if not found or not _same(found[0][1].space, space.reference()):
            genotypes.append(_genotype(name, space))  # first: where the space does not hold it, no other strategy helps
            _check_proposes(factory, strategy, name, "it has no trials that were measured so")
            continue
        for run, settings in found:
            if (other := _difference(settings, measured)) is not None:
                _check_proposes(factory, strategy, str(run), f"there, {other}, so that its scores do not count here")
                genotypes += _best(run, settings, space, most=max(1, min(MOST_BEST, measured["trials"] // 10)))
            elif not factory.earlier:
                raise UserError(f"--start-from {run}: strategy {strategy!r} takes nothing from an earlier search; leave it out")
            elif (offered := trials_of_run(run)) is None:
                raise UserError(f"--start-from {run}: no trial of it has ended; wait until one has, or leave it out")
            else:
                runs.append(offered[0])
                records += offered[1]
    meanings = {space.canonical(space.decisions.check(record.genotype)) for record in records}
    return Start(tuple(dict.fromkeys(genotypes)), tuple(runs), len(meanings))


def why_not_told(request: SearchRequest, settings: StudySettings) -> Iterator[str]:
    """Yield, for each run whose trials are not told first though it is of the same space, what differs."""
    measured = {name: getattr(settings, name) for name in MEASURED_BY}
    for name in request.start_from or ():
        for run, recorded in _runs_named(name):
            if _same(recorded.space, settings.space) and (other := _difference(recorded, measured)) is not None:
                yield (
                    f"--start-from {run}: there, {other}, so that its scores do not count here; the best of it are proposed "
                    "first, and measured anew"
                )


def _check_proposes(factory: StrategyFactory, strategy: str, name: str, why: str) -> None:
    """Raise UserError for a strategy that proposes no genotypes which it is given."""
    if not factory.starts_from_genotypes:
        able = [known for known in STRATEGIES.names() if STRATEGIES.load(known).starts_from_genotypes]
        takes = "takes only trials that were measured as its own are" if factory.earlier else "takes nothing of the kind"
        raise UserError(
            f"--start-from is for strategy {' or '.join(able)}, which builds on genotypes that it is given; {strategy!r} "
            f"{takes}, and of {name} it would have genotypes alone: {why}. Give --strategy {able[0]} with it"
        )


def _runs_named(name: str) -> list[tuple[Path, StudySettings]]:
    """Return the run in a directory, or the repeats of a search, each with its settings; none for anything else."""
    if not is_there(name) or not Path(name).is_dir():
        return []
    return [(run, read_artifact(run / STUDY_FILE, StudySettings).body) for run in runs_in(Path(name))]


def _difference(recorded: StudySettings, measured: Mapping[str, Any]) -> str | None:
    """Return in words what a run was measured by otherwise; None where nothing differs."""
    there = _measuring(**{name: getattr(recorded, name) for name in MEASURED_BY})
    here = _measuring(**{name: measured[name] for name in MEASURED_BY})
    if alike(there, here):
        return None
    path, one, other = first_difference(there, here)
    if (name := path.lstrip(".")).startswith("early_stop"):
        stops = (recorded.early_stop, measured["early_stop"])
        name, (one, other) = "--early-stop", ("none" if stop is None else stop.words for stop in stops)
    return f"{name} is {one} and here {other}"


def _measuring(evaluator: Any, child: Any, epochs: int, early_stop: Any, reward: Any) -> Any:
    trained = {"epochs": epochs, "early_stop": early_stop}
    return plain({**trained, "evaluator": evaluator, "reward": reward, "child": child and child.portable})


def _best(run: Path, settings: StudySettings, space: SearchSpace, *, most: int) -> Sequence[Genotype]:
    """Return the genotypes of the best trials of a run, its winner first, and those before others that were trained longer."""
    offered = trials_of_run(run)
    scored = [
        (len(measurement.scores), settings.reward.of(measurement), -place, record.genotype)
        for place, record in enumerate([] if offered is None else offered[1])
        if (measurement := record.outcome.measurement) is not None
    ]
    if not scored:
        raise UserError(f"--start-from {run}: no trial of it has a score; leave it out, or wait until one has")
    ranked = [genotype for *_, genotype in sorted(scored, reverse=True)]
    first = [_genotype(str(run), space)] if (run / BEST_FILE).is_file() else []
    return list(dict.fromkeys([*first, *map(space.decisions.check, ranked)]))[:most]


def _genotype(name: str, space: SearchSpace) -> Genotype:
    opened = open_any(name)
    body = opened.artifact.body
    if not isinstance(body, FoundBody):
        raise UserError(
            f"--start-from takes what a search found, or a published value of that kind; {opened.place} is "
            f"{opened.artifact.schema}"
        )
    found = body.found
    if found is not None and _same(found.space, space.reference()):
        return space.decisions.check(found.genotype)
    if space.plugin.encode is None or kind_of(body).name != space.plugin.produces:
        raise SpaceError(f"--start-from: {opened.place} is not of space {space.plugin.name!r} with the options of this search")
    try:
        return space.encode(body.value)  # type: ignore[attr-defined]
    except SpaceError as error:
        raise SpaceError(f"--start-from: {opened.place} is not in this search space: {error}") from error


def _same(one: SpaceReference, other: SpaceReference) -> bool:
    """Whether a genotype means the same in both spaces. The path of a space's own file does not matter."""
    return msgspec.structs.replace(one, file=None) == msgspec.structs.replace(other, file=None)
