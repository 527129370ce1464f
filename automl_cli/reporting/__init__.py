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
leaderboard  a list of runs in words
trainings   directories of trainings as histories, and one of them in figures
training_sections  trainings in words and curves
made_by_hand  whether a winner beats what people would make by hand
pareto      the front of score against length
summary     one history in figures
statistics  best so far, means of the top k, intervals, rank tests, over arrays of repeats
trial_table  trials as rows, as CSV and as Parquet
optuna_journal  a run as a study of Optuna
comparison  groups of repeats against a baseline
compared    values of one role against each other, on data and on analytic problems
confusion   what a model takes for what, class by class
figures     figures as text: whole numbers, means with their intervals
sections    summaries and comparisons in words
drawing     curves as text
drawings    drawings of a value as SVG, and in words
drawing_files  drawings of a value as one file, SVG or PNG
curves_drawn   curves as SVG
column_drawn   steps one behind the other, and what skips some
graph_drawn    graphs in layers
arcs_drawn     nodes in a row, and the ways between them
formula_drawn  formulas in mathematical notation
nodes_drawn    boxes, pills, circles and arrow heads
layer_order    the order of layers in which few connections cross
layered_layout  where the items of layers lie
svg         elements of SVG, and the colours
terminal    sections for a terminal of 80 columns
image_files  where images may be written
plots       plots of runs and comparisons as SVG and PNG
pictures    what a value does to images, by the row of its kind
contact_sheet  what the sub-policies of an augmentation do to a few images, as PNG

and one HTML page, whose style and script are `page.css` and `page.js`:

page           chapters and sections as one file
run_view       the sections about one run
winner_view    what was found: drawn, in words, and the commands that take it further
next_steps     those commands
training_view  the chapter about one training
view           the pieces of a page, named
shown_trials   which trials are shown one by one, and each in words
learned        what a strategy learned, read from the journal
learned_view   that as strips of shades
tradeoff       score against cost, the front, and published networks
tradeoff_view  that as charts and tables
run_charts     charts about one run
comparison_charts  charts about several
charts         axes, marks and legends as one figure
scales         numbers as places, and round numbers for ticks
markup         parts of a description as HTML
escaping       any text as text
"""
