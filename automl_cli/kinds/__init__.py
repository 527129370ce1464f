"""Kinds of values, one file each: the artifact, its words and checks, the role that it fills, and the names of what builds,
trains and exports it. `plugins.listing` finds the files; another package adds a kind by an entry point in the group
`automl_cli.kinds`.

What searches find:

    architecture  a network as a graph of blocks
    cell          a normal and a reduction cell
    edge_cell     the cell of a tabular benchmark

What goes by a name:

    activation           the function between linear maps
    optimizer_rule       the rule that turns gradients into updates
    augmentation_policy  what is done to training examples

What commands write beside that:

    network     a cell scaled to one kind of image
    training    the settings of `automl train`
    model       a trained child
    comparison  the settings of `automl compare`
    study       the settings of a search
    report      what `automl report --json` prints
"""
