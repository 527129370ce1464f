"""The flags of a search about the transfer of its winner."""

from automl_cli.core.flags import Flag

AFTER = "What becomes of the winner"

TRANSFER = (
    Flag(
        name="transfer",
        type=str,
        panel=AFTER,
        metavar="NAME|PATH",
        help="Scale the winner to this data set; train it there if the data are here. imagenet and the like need not be.",
        recorded="transfer.dataset.source",
    ),
    Flag(
        name="transfer-image-size",
        type=int,
        panel=AFTER,
        metavar="PIXELS",
        help="Height and width of its images.",
        at_least=1,
        recorded="transfer.dataset.image_size",
    ),
    Flag(
        name="transfer-epochs",
        type=int,
        panel=AFTER,
        metavar="N",
        help="How long it is trained. [default: by preset]",
        at_least=1,
        recorded="transfer.epochs",
    ),
    Flag(
        name="stack",
        type=str,
        panel=AFTER,
        metavar="N@P",
        help="Repeats and channels of the last cell. [default: 6@768, from 64 pixels on 4@1056]",
        recorded="transfer.stack",
    ),
    Flag(
        name="filters",
        type=int,
        panel=AFTER,
        metavar="F",
        help="Filters of the first cells, whatever P is.",
        at_least=1,
        recorded="transfer.filters",
    ),
)
