"""The rows about how long children are trained."""

from automl_cli.core.flags import Flag, said_or_none

HOW = "How it is searched"

FIDELITY = (
    Flag(name="epochs", type=int, panel=HOW, metavar="N", help="How long each is trained.", at_least=1, recorded="epochs"),
    Flag(
        name="early-stop",
        type=str,
        panel=HOW,
        choices=("asha", "none"),
        help="asha: train all for a ninth of --epochs, the best third of them for a third, and the best of those to the end.",
        recorded="early_stop.by",
        as_recorded=said_or_none,
        of_children=True,
    ),
)
