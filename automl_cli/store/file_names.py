"""The names of files and directories that the tool writes: each is typed here and nowhere else in the code.

search      study.json, journal.jsonl, best.json; network.json and transfer/ where the winner is scaled; report.html
comparison  comparison.json, journal.jsonl, comparison.svg
training    training.json, journal.jsonl, checkpoint.safetensors while it runs, weights.safetensors, contents.safetensors,
            model.json

Names that are made of other names are cut to what file systems take: `short_names`.
"""

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
