"""Reads and writes files. No other room touches JSON on disk.

encoding       values to JSON text and back, errors with the failing path
checksums      the checksum at the end of a line
files          files that are whole or absent
places         places that a user chose for output, checked before the work
file_names     the names of all files and directories that are written
short_names    names of files that are made of other names
artifact       header, kinds, read, write, upgrade, JSON Schema
consistency    checks that what a file says follows from what else it says
study          the body of `study.json`, and what every found artifact says
reports        the body of a report
run_groups     the part of it about groups of runs
listings       the document of a list of runs
comparisons    the documents that `automl compare --json` prints
weights        arrays on disk, bound to the artifact that names them
timing_tables  the timing table of this machine: measured families, the calibration of the user
timings_in_force  the timing table that this process uses
config_file    files of flags, in TOML
csv_cells      cells of CSV files that no spreadsheet runs
journal        the file of trials: append-only, group commit, torn tails
ledger         the trials of a journal
rung_records   the records of trials that are trained in steps, each longer
journal_tail   a journal that is being written, read as it grows
training_journal  the file of epochs of a training
earlier_trials  what a search is told first, at the head of its journal
run_layout     the files and directories that a run holds
run_directory  create, refuse, resume, overwrite, lock
"""
