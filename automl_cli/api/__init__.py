"""The Python API: the words of the command line as functions, called as attributes of `automl_cli`.

words      their keywords, with types: the flags of the commands, with underscores
given      from what a program gives (arrays, functions, results of earlier calls) to the values of flags
searching  `search`
result     what a search gives back: a run directory with its winner and its trials
training   `train`, `evaluate`, and what a training gives back
using      `build`, `export` and `predict`
reports    `report`
ask_tell   a strategy without a study: ask, tell
talking    where progress goes: stderr, or the output of a notebook's cell

Both rooms of the top floor call the same functions below: flags are checked by the same rows, runs have the same files, errors
are the same exceptions. Nothing heavy is imported before one of the functions is called.
"""
