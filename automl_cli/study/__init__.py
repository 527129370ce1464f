"""The study: a strategy proposes, children are measured, the strategy learns. Read `loop` first, then `proposals`.

loop              the loop that joins strategy, executor and journal
proposals         which trial is asked when, and what the strategy knows then
grouping          which trials go to one worker together
evaluation_cache  which genotypes are evaluated already, and the seeds of children
ended             the winner of a study that has ended
incumbent         the ranking of trials, and the artifact that says what was found
session           a study with its strategy and executor by name, in a run directory
"""
