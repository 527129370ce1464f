"""The rows about how long children are trained, in the search and after it."""

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

AFTER_SEARCH = (
    Flag(
        name="retrain-top",
        type=int,
        panel=HOW,
        metavar="K",
        help="Train the K best again, longer and on new seeds, before the winner is named.",
        at_least=0,
        recorded="retrain_top",
    ),
    Flag(
        name="retrain-epochs",
        type=int,
        panel=HOW,
        metavar="N",
        help="How long those are trained. [default: 3 times --epochs]",
        at_least=1,
        recorded="retrain_epochs",
    ),
    Flag(
        name="retrain-seeds",
        type=int,
        panel=HOW,
        metavar="N",
        help="On how many seeds each is trained again; the best mean wins.",
        at_least=1,
        recorded="retrain_seeds",
    ),
    Flag(
        name="baseline",
        type=bool,
        negatable=True,
        panel=HOW,
        help="Whether the winner is compared with what one makes by hand, trained as long. [default: of quick searches]",
        recorded="has_baseline",
        of_children=True,
    ),
)
