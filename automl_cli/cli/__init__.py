"""The command line: one file per command, which parses, calls one function and renders.

What commands share:

    app               the table of commands, each loaded when it is asked for
    help              how help is laid out: groups of options, examples
    signatures        from rows of flags to what typer reads
    search_command    a search command, made of rows and a docstring
    searching         what every search command does: read its flags, run or plan, print
    configuring       what was asked for as a file of flags: `--write-config`
    comparing         runs a comparison and prints its table
    reporting         reports in the terminal, as JSON, as a page; lists of runs
    watching          runs that are followed in the terminal
    serving           a page that follows runs, for a browser of this machine
    plans             a plan in words: `--dry-run`
    options           flags that several commands share
    dataset_overview  a data set as it is read: `automl datasets SET`
    option_tables     tables of strategies and evaluators, and of the options of one
    errors            errors as one or two lines on stderr, and as exit codes
    console           stdout for data, stderr for talk
    interruption      Ctrl-C, held until work can stop

and a module for every row of `app.COMMANDS`.
"""
