"""From what a user asked to the resolved settings of a study, new or resumed, before anything slow starts.

The modules:

    request       what was asked, by flags or in a file
    resolve       preset, then flags, then what space, strategy and data imply
    resume        what may change when a study is resumed
    warm_start    the genotypes that a search starts from
    estimate      what a search will take
    table_flags   the flags of searches over a table
"""
