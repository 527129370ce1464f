"""Carries out searches and trainings from what was asked to the files: the same for the command line and for Python.

searches          a search: settle what is asked, make or take up run directories, run their studies
opening           a directory that is started in or gone on with by one command
studies           one study: data, progress, the winner
trainings         a training: open its directory, show its course
transferring      the winner scaled to another data set and trained there
talk              where progress and warnings go, and how much is said
plain_console  a console that a text cannot command
accounts          what was read of the data, as the first lines
search_display    the course of a search
training_display  the course of a training
notebook_display  the course of either in the output of a notebook's cell
event_files       the course of either as event files for TensorBoard
"""
