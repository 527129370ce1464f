"""The flags of searches that do not search the network: which one is trained."""

from automl_cli.core.flags import Flag
from automl_cli.plugins.roles import names_of

PANEL = "What else children are made of"
NETWORK_FLAGS = ("arch", "cell", "network")


def network_rows() -> tuple[Flag, ...]:
    """Return the rows of the flags, of which one may be given."""
    experts = ", ".join(names_of("network"))
    helps = {
        "arch": "The network that is trained: one that a search found, or its run.",
        "cell": "The network that is trained: a stack of a found or published cell, as for its search.",
        "network": f"The network that is trained: {experts}; or a scaled cell. [default: the preset's]",
    }
    return tuple(
        Flag(
            name=name,
            type=str,
            panel=PANEL,
            metavar="ARTIFACT|NAME" if name != "arch" else "ARTIFACT",
            help=helps[name],
            recorded="child.roles.network.value",
            of_children=True,
        )
        for name in NETWORK_FLAGS
    )
