"""Find the genotypes that a search starts from, in networks and cells that were found before or published."""

from collections.abc import Iterable

import msgspec

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import SpaceError, UserError
from automl_cli.core.spaces import SearchSpace, SpaceReference
from automl_cli.plugins.listing import kind_of
from automl_cli.plugins.registry import STRATEGIES
from automl_cli.references import open_any
from automl_cli.store.study import FoundBody


def start_from(names: Iterable[str], space: SearchSpace, strategy: str) -> dict[str, list[list[int]]]:
    """Return the strategy setting `start_from` for these artifacts, each a file, a run directory or a reference.

    Raises UserError for another strategy, ArtifactError for another kind of artifact, SpaceError for what the space does not
    hold.
    """
    if not STRATEGIES.load(strategy).starts_from_genotypes:
        able = [name for name in STRATEGIES.names() if STRATEGIES.load(name).starts_from_genotypes]
        raise UserError(
            f"--start-from is for strategy {' or '.join(able)}, which builds on what it is given; {strategy!r} does not. "
            f"Give --strategy {able[0]} with it"
        )
    return {"start_from": [list(genotype) for genotype in dict.fromkeys(_genotype(name, space) for name in names)]}


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
