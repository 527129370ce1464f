"""From what a user asked to the resolved settings of a study, new or resumed, before anything slow starts.

The modules:

    flags         the rows of all flags of searches
    run_flags     those that are about the run
    transfer_flags   those that are about what becomes of the winner
    transfer      what becomes of the winner, settled before the search
    children      what children are trained by
    request       what was asked, by flags or in a file
    resolve       preset, then flags, then what space, strategy and data imply
    resume        what may change when a study is resumed
    warm_start    the genotypes that a search starts from
    commands      the command that goes on with a search, as it is printed
    estimate      what a search will take
"""
