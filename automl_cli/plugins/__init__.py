"""Finds parts by name, by listing folders and from installed packages, and asks them what the tool needs to know.

registry      strategies, evaluators and executors: a name -> "module:attribute", imported on first use
discovery     search spaces: the package `search_spaces`, entry points, a file that the user names
space_checks  what a space declares, and what its functions give for one genotype
listing       kinds and problems: the files of their packages, and entry points
kind          the row of a kind
roles         what stands in the roles of a child
same_data     whether data are those that a run was started with, wherever they lie now
trainables    what `automl train` makes of an artifact
sheets        rows that the sheets of several kinds have in common
"""
