"""Turn what a user asked for into the resolved settings of a study, new or resumed, before anything slow starts.

flags            the rows of all flags of searches
run_flags        the rows about the run directory and the display
worker_flags     the rows about where children are trained
memory           how much memory a child may take, and what there is here
network_flags    the rows about the network, where another role is searched
augment_flags    the rows of `search-augment` alone
fidelity_flags   the rows about how long children are trained, in the search and after it
transfer_flags   the rows about what becomes of the winner
compare_flags    the rows of the flags of `automl compare`
compare          from what was asked of a comparison to its settings
request          what was asked, by flags or in a file
resolve          preset, then flags, then what space, strategy and data imply
place            the executor, its workers, and the Ray cluster where there is one
child            the child of a study: problem, recipe, and roles but the one searched
early_stop       which trainings are stopped early, and after how many epochs
after_search     what is trained after the search, and what is made by hand
image_preset     what a preset depends on the images for
fitting          epochs and trials that fit the data
transfer         what becomes of the winner, settled before the search
resume           what may change when a study is resumed
warm_start       the genotypes that a search starts from
population       the first population by known costs: `--warm-start costs`
strategy_rule    the strategy that `--strategy auto` means
asked            a search that is asked for: by flags, or a recorded one anew
anew             a recorded run that is searched anew: `--config RUN`
as_flags         the flags that ask for a recorded search: `--write-config`
resume_commands  the command that goes on with a search, as it is printed
estimate         what a search will take
option_tables    the options of strategies and evaluators, for people who look around
"""
