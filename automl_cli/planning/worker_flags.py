"""The flags of a search that are about where children are trained and when it gives up."""

from automl_cli.core.flags import Flag

WHERE = "Where children are trained"

WORKERS = (
    Flag(
        name="executor",
        type=str,
        panel=WHERE,
        metavar="local|serial|ray",
        help="Worker processes here, one after the other in this process, or a Ray cluster; the result is the same. "
        "[default: local]",
        recorded="executor",
        changeable=True,
    ),
    Flag(
        name="workers",
        type=int,
        panel=WHERE,
        metavar="N",
        help="How many at a time. [default: one per GPU, else per core; as many as the cluster has room for]",
        at_least=1,
        recorded="workers",
        changeable=True,
    ),
    Flag(
        name="ray-address",
        type=str,
        panel=WHERE,
        metavar="HOST:PORT|auto",
        help="The Ray cluster to compute on. [default: $RAY_ADDRESS, else one of this machine's own]",
        recorded="cluster.address",
        changeable=True,
    ),
    Flag(
        name="child-cpus",
        type=int,
        panel=WHERE,
        metavar="N",
        help="Cores that Ray sets aside for each worker. [default: 1]",
        at_least=1,
        recorded="cluster.child_cpus",
        changeable=True,
    ),
    Flag(
        name="child-gpus",
        type=float,
        panel=WHERE,
        metavar="SHARE",
        help="GPUs that Ray sets aside for each worker: 0, 1 or a fraction. [default: 1 where this machine has GPUs]",
        at_least=0,
        at_most=1,
        recorded="cluster.child_gpus",
        changeable=True,
    ),
    Flag(
        name="trial-timeout",
        type=float,
        panel=WHERE,
        metavar="SECONDS",
        help="End a child that takes longer.",
        above=0,
        recorded="trial_timeout_seconds",
        changeable=True,
    ),
    Flag(
        name="max-failures",
        type=int,
        panel=WHERE,
        metavar="N",
        help="Stop after so many failures in a row. [default: 5]",
        at_least=1,
        recorded="max_failures",
    ),
    Flag(
        name="time-budget",
        type=float,
        panel=WHERE,
        metavar="SECONDS",
        help="Stop after this long, all sessions together; the result then depends on the machine.",
        above=0,
        recorded="time_budget_seconds",
        changeable=True,
    ),
)
