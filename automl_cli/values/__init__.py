"""What genotypes decode to and what children are trained by, as frozen plain data and pure functions.

The modules:

    operations          what a block of a network does: its effect on a shape, its exact costs
    network             a graph of blocks, its shapes and its exact costs
    cell                normal and reduction cells, what their operations are made of, ScheduledDropPath
    edge_cell           operations on the edges of a small graph, as in tabular benchmarks
    skeleton            networks from cells: N, F, stems, the auxiliary head
    recipe              how a child is trained
    published_recipes   how networks of cells are trained to the end
    dataset             which data
    engine              which engine computes with a network
"""
