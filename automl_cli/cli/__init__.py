"""The command line: one file per command, which parses, calls one function and renders.

What commands share:

    app               the table of commands, each loaded when it is asked for
    help              how help is laid out: groups of options, examples
    signatures        from rows of flags to what typer reads
    search_command    a search command, made of rows and a docstring
    searching         what every search command does: settle, make or take up runs, run them
    configuring       what a search was asked for: flags over a file, or over a run
    running           runs the study of one run directory
    transferring      scales and trains the winner after a search
    comparing         runs a comparison and prints its table
    accounts          what was read of the data, as the first lines of a search or training
    plans             a plan in words: `--dry-run`
    search_display    a search while it runs
    training_display  a training while it runs
    options           flags that several commands share
    dataset_overview  a data set as it is read: `automl datasets SET`
    option_tables     tables of strategies and evaluators, and of the options of one
    errors            errors as one or two lines on stderr, and as exit codes
    console           stdout for data, stderr for talk
    plain_console     a console that no text can command
    interruption      Ctrl-C, held until work can stop

and a module for every row of `app.COMMANDS`.
"""
