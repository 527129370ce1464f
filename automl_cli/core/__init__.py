"""Parts that every search has, whatever it searches. Standard library and msgspec only; no files, clock, JAX or NumPy.

errors          the tree of errors, with "did you mean"
msgspec_errors  msgspec's validation errors in our words
numbers         numbers and durations as users write and read them
sizes           amounts of memory as users write and read them
bounds          bounds of numbers, as data
flags           a flag as one row of data, and requests made of such rows
visible_text    every character of a text as one that shows
shell_commands  commands of ours as they are printed for the user to type
settings        settings of strategies and other plug-ins, checked and completed
option_rows     the options of a plug-in as rows: type, default, bounds, choices
random_streams  random draws as a function of root seed and purpose
decisions       decisions, the ordered decisions of a space, genotypes
trials          proposals, tasks, measurements, outcomes
rewards         what a strategy is told of a measurement
plugin_calls    calls of functions that a plug-in brings, and errors its author can use
spaces          a search space as a plug-in, and a space with its options settled
protocols       what a strategy, an evaluator and an executor promise
problem         what a problem promises
"""
