"""The names of files and directories that the tool writes: each is typed here and nowhere else in the code.

search      study.json, journal.jsonl, best.json; network.json and transfer/ where the winner is scaled; report.html
comparison  comparison.json, journal.jsonl, comparison.svg
training    training.json, journal.jsonl, checkpoint.safetensors while it runs, weights.safetensors, contents.safetensors,
            model.json

Names that are made of other names, such as that of a data set, are cut to what file systems take (`short_name`).
"""

import hashlib

MOST_BYTES = 150
"""Bytes of a name that is made of another one: file systems take 255, and what is put around it needs room."""


LONGEST_NAME = 255
"""Bytes that the name of a file may have at most, on nearly all file systems."""


def short_name(name: str, most_bytes: int = MOST_BYTES) -> str:
    """Return a name for a file: the whole one where it is short, else its beginning and a digest of the whole.

    >>> short_name("flowers"), short_name("花" * 50, 40)
    ('flowers', '花花花花花花花花花花-8247c459')
    """
    encoded = name.encode(errors="surrogateescape")
    if len(encoded) <= most_bytes:
        return name
    digest = hashlib.blake2b(encoded, digest_size=4).hexdigest()
    return f"{encoded[: most_bytes - len(digest) - 1].decode(errors='ignore')}-{digest}"


STUDY_FILE = "study.json"
JOURNAL_FILE = "journal.jsonl"
TORN_JOURNAL = "journal.torn-"
"""The prefix, before a number, of files that keep the rest of a half-written record."""
BEST_FILE = "best.json"
NETWORK_FILE = "network.json"
REPORT_FILE = "report.html"

COMPARISON_FILE = "comparison.json"
COMPARISON_PLOT = "comparison.svg"

TRAINING_FILE = "training.json"
CHECKPOINT_FILE = "checkpoint.safetensors"
WEIGHTS_FILE = "weights.safetensors"
CONTENTS_FILE = "contents.safetensors"
MODEL_FILE = "model.json"

LOCK_FILE = "run.lock"
"""Locked by the process that holds the directory."""

EVENTS = "tensorboard"
"""Inside the directory of a search or a training: event files that TensorBoard shows, where they were asked for."""

EVENT_PREFIX = "events.out.tfevents."
"""The beginning of their names, which TensorBoard's writer gives."""

TRANSFER = "transfer"
"""Inside the directory of a search: the training of its scaled winner."""

SUB_STUDY = "seed-"
"""The prefix, before the seed, of the run directories that `--repeat` makes."""
