"""Turns journals and artifacts into figures, tables and one HTML page. Nothing here changes a search or holds its lock.

runs        run directories as histories: settings, trials in order, what was spent
states      how far a run is
gathering   what named directories hold, and the report of all of it
search_course  a search in a few figures, record by record
followed_searches  searches and comparisons as their journals grow
followed_trainings  trainings as their journals grow
following   runs of whatever kind as their journals grow
watching    runs that are followed, as parts of a display
serving     a page on the loopback interface, made anew when its runs have changed
listing     the runs below a directory
leaderboard a list of runs in words
trainings   directories of trainings as histories, and one of them in figures
training_sections  trainings in words and curves
pareto      the front of score against length
summary     one history in figures
statistics  best so far, means of the top k, intervals, rank tests, over arrays of repeats
comparison  groups of repeats against a baseline
compared    values of one role against each other, on data and on analytic problems
confusion   what a model takes for what, class by class
figures     figures as text: whole numbers, means with their intervals
sections    summaries and comparisons in words
drawing     curves as text
drawings    drawings of values as SVG and in words
curves_drawn  curves as SVG
svg         elements of SVG, with the colours
terminal    sections for a terminal of 80 columns
image_files  where images may be written
plots       curves as SVG and PNG
pictures    what a value does to images, by the row of its kind
contact_sheet  what the sub-policies of an augmentation do to a few images, as PNG
page        the HTML page
"""
