"""A trained network as a readable file of Python that needs one library and nothing of this tool, with its weights beside it.

From the graph of blocks to the text:

    graph          nodes with names, brought into the form in which a person would write them
    units          operations as modules
    names          names of blocks as names of Python
    classes        groups of nodes that are wired alike, as classes with parameters
    layout         the network itself: modules, loops and calls
    tensors        weights under the names that they have there

and as text, in two dialects:

    dialect        what a library is asked for
    dialect_flax   Flax
    dialect_torch  PyTorch
    printing       expressions in lines of limited width
    unit_source    the classes of units
    network_text   the classes of groups, and the network
    preparation    `preprocess`
    about          the docstring
    source         all of it as one file
    writing        the files of a model
"""

from automl_cli.jobs.network_source.writing import MODULES, write_network_source

__all__ = ["MODULES", "write_network_source"]
