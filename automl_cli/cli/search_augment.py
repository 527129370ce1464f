"""`automl search-augment`: find an augmentation policy."""

from automl_cli.cli.search_command import search_command


@search_command("search-augment")
def search_augment() -> None:
    """Search an augmentation policy: sub-policies of two operations, one of which is drawn for every training image.

    Each policy is scored by a small network that is trained with it. The run directory then holds best.json, which joins the
    sub-policies of the 5 best trials and which every other command accepts: --augment RUN in other searches and in train. Its
    score is that of the best trial alone, until the joined policy is trained. Operations that change the label, such as Invert
    or a mirror, are found out by scores; --operations leaves them out from the start.

    Examples:
        automl search-augment --out runs/policy
        automl search-augment --dataset cifar10 --data-dir ~/tfds --network wrn-16-1 --train-examples 4000
        automl search-augment --operations Rotate,TranslateX,TranslateY,Brightness,Contrast
        automl search-augment --preset paper --dataset svhn_cropped --dry-run
    """
