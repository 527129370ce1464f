"""Any other work of a command.

The modules:

    measure      counts what a network costs
    transfer     the winner of a search scaled to another data set
    validation   checks files; run_checks: a run directory against itself
    export       a trained model as one file that runs by itself
    caches       what is kept between runs to save time
"""
