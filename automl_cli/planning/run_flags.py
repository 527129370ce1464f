"""The flags of a search that are about the run: where it is written, how much is shown."""

from pathlib import Path

from automl_cli.core.flags import GENERAL, Flag

RUN = "The run"

RUN_ROWS = (
    Flag(name="out", type=Path, panel=RUN, metavar="DIR", help="The run directory. [default: runs/<command>-<time>]"),
    Flag(name="resume", type=bool, default=False, panel=RUN, help="Continue the run in --out."),
    Flag(
        name="resume-or-start",
        type=bool,
        default=False,
        panel=RUN,
        help="Continue what is in --out, or start it there: the same command each time, safe in a loop.",
    ),
    Flag(name="overwrite", type=bool, default=False, panel=RUN, help="Replace the run in --out."),
    Flag(
        name="repeat",
        type=int,
        panel=RUN,
        metavar="N",
        help="Search N times, with seeds s, s + 1, …, each in seed-<s>/ of the run directory.",
        at_least=1,
    ),
    Flag(
        name="config",
        type=Path,
        panel=RUN,
        metavar="FILE.toml|RUN",
        help="A file of flags by name, such as trials = 64; flags on the command line win. Or a run, to search it anew.",
    ),
    Flag(
        name="write-config",
        type=Path,
        panel=RUN,
        metavar="FILE.toml",
        help="Write these flags, or those of the run in --config, to a new file for --config, and search nothing.",
    ),
    Flag(name="dry-run", type=bool, default=False, panel=RUN, help="Say what would be done and how long it may take."),
    Flag(name="json", type=bool, default=False, panel=GENERAL, help="One JSON document on stdout, and nothing else."),
    Flag(name="verbose", short="v", type=bool, default=False, panel=RUN, help="A line for every trial."),
    Flag(name="quiet", short="q", type=bool, default=False, panel=RUN, help="No progress, only warnings and errors."),
    Flag(
        name="nice",
        type=int,
        panel=RUN,
        metavar="N",
        help="Give way to other programs: raise the niceness by N, that of workers too.",
        at_least=0,
        at_most=19,
    ),
    Flag(
        name="tensorboard",
        type=bool,
        default=False,
        panel=RUN,
        help="Write the curves for TensorBoard too, into tensorboard/ of the run directory.",
    ),
    Flag(name="log-file", type=Path, panel=RUN, metavar="FILE", help="Append a line for every trial to this file."),
)
"""About the run and not about the search: nothing of them is asked again on resume, and no file of flags has them."""
