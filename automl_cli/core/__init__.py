"""The ground floor: what every search has, whatever it searches. Standard library and msgspec; no files, clock, JAX or NumPy.

The modules:

    errors      one tree of errors, with "did you mean"
    numbers     whole numbers as users give and read them
    streams     random streams, a function of root seed and purpose
    decisions   decisions, the ordered decisions of a space, genotypes
    trials      proposals, tasks, measurements, outcomes
    plugins     a space as a plug-in, and a plug-in with its options settled
    protocols   strategy, evaluator, executor: what each promises
"""
