"""The ground floor: plain frozen data and pure functions. No files, clock, JAX, NumPy or printing.

The modules:

    errors      one tree of errors, with "did you mean"
    streams     random streams, a function of root seed and purpose
    decisions   decisions, the ordered decisions of a space, genotypes
    trials      proposals, tasks, measurements, outcomes
    operations  what a block of a network does: its effect on a shape, its exact costs
    networks    the value of a network space: a graph of blocks, its shapes and its exact costs
    edge_cells  the value of tabular benchmarks: operations on the edges of a small graph
    cells       the value of a cell space, what its operations are made of, ScheduledDropPath
    stacks      networks from cells: N, F, stems, the auxiliary head
    recipes     how a child is trained
    trainings   how networks of cells are trained to the end
    plugins     a space as a plug-in, and a plug-in with its options settled
    datasets    which data
    protocols   strategy, evaluator, executor: what each promises
"""
