"""The flags of `automl search-augment` alone."""

from automl_cli.core.errors import UserError
from automl_cli.core.flags import Flag, Request

AUGMENT = (
    Flag(
        name="operations",
        type=str,
        panel="What is searched",
        metavar="A,B,…",
        help="The operations that policies are made of, such as Rotate,Color,Invert. [default: all that the mapping defines]",
        recorded="space.options.operations",
    ),
)
"""Rows that stand for an option of the space of the same name."""


def options_by_flag(request: Request) -> dict[str, str]:
    """Return the options of the space that have a flag of their own and were given by it.

    Raises UserError for one that --space-option gives, too.
    """
    given = {row.name: value for row in AUGMENT if (value := getattr(request, row.attribute)) is not None}
    if twice := [name for name in given if name in (request.space_option or {})]:
        raise UserError(f"--{twice[0]} and --space-option {twice[0]}=… say the same; give one of them")
    return given
