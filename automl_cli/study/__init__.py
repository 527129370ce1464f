"""The study: a strategy proposes, children are measured, the strategy learns. Read `loop` first, then `proposals`.

loop              the loop that joins strategy, executor and journal
proposals         which trial is asked when, and what the strategy knows then
rungs             which children are trained longer, where they are stopped early
limits            the proposals over a limit: how many are drawn again, and when that ends
grouping          which trials go to one worker together
evaluation_cache  which genotypes are evaluated already, and the seeds of children
ended             the winner of a study that has ended
incumbent         the ranking of trials, and the artifact that says what was found
publisher         when `best.json` is written
retraining        what is trained after the search: the best again, and what is made by hand
replay            a journal that is read brings a search to where it was
session           a study with its strategy and executor by name, in a run directory
"""
