"""What is found by name, by listing or from installed packages; and what every such thing is asked.

registry      strategies, evaluators and executors: a name -> "module:attribute", imported on first use
discovery     search spaces: the package `search_spaces`, entry points, a file that the user names
space_checks  what a space declares, and what its functions give for one genotype
listing       kinds and problems: the files of their packages, and entry points
kind          the row of a kind
roles         what stands in the roles of a child
trainables    what `automl train` makes of an artifact
sheets        rows that the sheets of several kinds have in common
"""
