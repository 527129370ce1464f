"""Find what is trained by the flag that names it: a file, the directory of a run, or a reference."""

from contextlib import suppress
from typing import Any, NamedTuple

from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.core.shell_commands import command_line
from automl_cli.plugins.kind import Kind
from automl_cli.plugins.listing import kind_of, kinds, kinds_of_flag
from automl_cli.plugins.roles import filling_named
from automl_cli.plugins.trainables import is_trainable
from automl_cli.references import WHAT_IS_TRAINED, MissingInRun, Opened, UnknownReference, open_any, open_artifact
from automl_cli.store.artifact import WrongKind
from automl_cli.store.file_names import BEST_FILE


def network_flags() -> tuple[str, ...]:
    """Return the flags of `automl train` that name what is trained: arch, cell, network."""
    return tuple(dict.fromkeys(kind.flag for kind in kinds().values() if kind.flag is not None and is_trainable(kind)))


def train_command(body: Any, place: str) -> str | None:
    """Return the command that trains what this place holds, or None where nothing can."""
    kind = kind_of(body)
    if kind.flag is None or not is_trainable(kind):
        return None
    return command_line("train", f"--{kind.flag}", place, *kind.train_flags(body))


class NamedTrainable(NamedTuple):
    """A flag and the name given with it: a file, the directory of a run, or a reference."""

    flag: str
    name: str

    def open(self) -> Opened[Any]:
        """Read the artifact. Raises ArtifactError for a kind that the flag does not take, naming the flag that does.

        `--network` takes any network that goes by a name alone.
        """
        by_name = (WHAT_IS_TRAINED,) if self.flag == WHAT_IS_TRAINED else ()
        try:
            return open_artifact(self.name, *(kind.body for kind in kinds_of_flag(self.flag)), by_name=by_name)
        except (WrongKind, MissingInRun, UnknownReference) as error:
            if (flag := self._fitting_flag()) in (None, self.flag):
                raise
            if isinstance(error, UnknownReference):
                raise ArtifactError(f"{self.name} is a name that --{self.flag} does not take; give it with --{flag}") from error
            if isinstance(error, WrongKind):
                raise ArtifactError(f"{error}; give it with --{flag}") from error
            if not isinstance(error, MissingInRun):
                raise ArtifactError(f"--{self.flag} does not take {self.name!r}; give it with --{flag}") from error
            what = str(error).partition(";")[0]
            raise ArtifactError(f"{what}; to train the {BEST_FILE} in it, give it with --{flag}") from error

    @property
    def is_there(self) -> bool:
        """Whether the flag takes the name."""
        try:
            return bool(self.open())
        except UserError:
            return False

    def _fitting_flag(self) -> str | None:
        with suppress(UserError):
            if filling_named(WHAT_IS_TRAINED, self.name) is not None:
                return WHAT_IS_TRAINED
            kind: Kind = kind_of(open_any(self.name).artifact.body)
            return kind.flag if is_trainable(kind) else None
        return None


def named_by(**flags: str | None) -> NamedTrainable | None:
    """Return what one of `network_flags` names, or None where none was given. Raises UserError where two were."""
    given = [NamedTrainable(flag, name) for flag, name in flags.items() if name is not None]
    if len(given) > 1:
        raise UserError(f"--{given[0].flag} and --{given[1].flag} both say what is trained; give one of them")
    return given[0] if given else None


def needed(named: NamedTrainable | None) -> NamedTrainable:
    """Return what was named. Raises UserError where nothing was."""
    if named is None:
        raise UserError(
            "nothing says what is trained: give --arch or --cell with the best.json of a search (--cell also takes a name that "
            "`automl references` lists), or --network with a network.json or the name of a network made by experts, such as "
            "resnet-20"
        )
    return named
