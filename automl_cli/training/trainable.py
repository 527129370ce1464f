"""What is trained, by the flag that names it: a file, the directory of a run, or a reference."""

from contextlib import suppress
from typing import Any, NamedTuple

from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.core.shell_commands import command_line
from automl_cli.plugins.kind import Kind
from automl_cli.plugins.listing import kind_of, kinds, kinds_of_flag
from automl_cli.plugins.roles import filling_named
from automl_cli.plugins.trainables import is_trainable
from automl_cli.references import WHAT_IS_TRAINED, Opened, open_any, open_artifact


def network_flags() -> tuple[str, ...]:
    """The flags of `automl train` that name what is trained: arch, cell, network."""
    return tuple(dict.fromkeys(kind.flag for kind in kinds().values() if kind.flag is not None and is_trainable(kind)))


def train_command(body: Any, place: str) -> str | None:
    """The command, as it is typed, that trains what this place holds; None where nothing does."""
    kind = kind_of(body)
    if kind.flag is None or not is_trainable(kind):
        return None
    return command_line("train", f"--{kind.flag}", place, *kind.train_flags(body))


class NamedTrainable(NamedTuple):
    """What the user named with a flag: a file, the directory of a run, or a reference."""

    flag: str
    name: str

    def open(self) -> Opened[Any]:
        """The artifact, which must be of a kind that the flag takes; `--network` takes any network that goes by a name alone.

        ArtifactError names the flag that takes it.
        """
        by_name = WHAT_IS_TRAINED if self.flag == WHAT_IS_TRAINED else None
        try:
            return open_artifact(self.name, *(kind.body for kind in kinds_of_flag(self.flag)), by_name=by_name)
        except ArtifactError as error:
            if (flag := self._fitting_flag()) in (None, self.flag):
                raise
            raise ArtifactError(f"{error}; give it with --{flag}") from error

    def _fitting_flag(self) -> str | None:
        with suppress(UserError):
            if filling_named(WHAT_IS_TRAINED, self.name) is not None:
                return WHAT_IS_TRAINED
            kind: Kind = kind_of(open_any(self.name).artifact.body)
            return kind.flag if is_trainable(kind) else None
        return None


def named_by(**flags: str | None) -> NamedTrainable | None:
    """What was named, by the flags of `network_flags`; None where nothing was. UserError where two were."""
    given = [NamedTrainable(flag, name) for flag, name in flags.items() if name is not None]
    if len(given) > 1:
        raise UserError(f"--{given[0].flag} and --{given[1].flag} both say what is trained; give one of them")
    return given[0] if given else None


def needed(named: NamedTrainable | None) -> NamedTrainable:
    """What was named. UserError where nothing was."""
    if named is None:
        raise UserError(
            "nothing says what is trained: give --arch or --cell with the best.json of a search (--cell also takes a name that "
            "`automl references` lists), or --network with a network.json or the name of a network made by experts, such as "
            "resnet-20"
        )
    return named
