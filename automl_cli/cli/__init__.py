"""The command line: one file per command, which parses, calls one function and renders.

The modules:

    app       the table of commands, each loaded when it is asked for
    help      how help is laid out: groups of options, examples
    signatures      from rows of flags to what typer reads
    search_command  a search command, made of rows and a docstring
    options   flags that several commands share
    errors    errors as one or two lines on stderr, and as exit codes
    console   stdout for data, stderr for talk
    interruption   Ctrl-C that is not lost

and a module for every row of `app.COMMANDS`.
"""
