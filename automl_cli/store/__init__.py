"""The only place that touches JSON on disk.

modules:
    encoding        values to JSON text and back, errors with the failing path
    files           files that are whole or absent
    agreement       does what a file says follow from what else it says?
    bodies          the body of each kind of artifact
    cells           the bodies of cells and of the networks they are scaled to
    reports         the body of a report
    configuration   files of flags, in TOML
    artifact        header, kinds, read, write, upgrade, JSON Schema
    journal         the file of trials: append-only, group commit, torn tails
    names           the names of all files and directories
    run_directory   create, refuse, resume, overwrite, lock
"""
