"""The ground floor: what every search has, whatever it searches. Standard library and msgspec; no files, clock, JAX or NumPy.

The modules:

    errors      one tree of errors, with "did you mean"
    wording     msgspec's errors in words of ours
    numbers     numbers and durations as users give and read them
    bounds      bounds of numbers as data
    flags       a flag as a row of data, and requests that hold what was said by rows
    commands    commands of ours as they are printed
    settings    settings of strategies and the like, checked and completed
    streams     random streams, a function of root seed and purpose
    decisions   decisions, the ordered decisions of a space, genotypes
    trials      proposals, tasks, measurements, outcomes
    plugins     a space as a plug-in, and a plug-in with its options settled
    protocols   strategy, evaluator, executor: what each promises
"""
