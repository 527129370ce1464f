"""The command `automl`: a table of commands, each loaded when it is asked for.

Listing the commands imports none of them, so `automl --help` stays fast. A command is one row here and one function in a file
of its own: its parameters are the flags, its docstring the help.
"""

import inspect
import os
import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer

import automl_cli
from automl_cli.cli.errors import INTERRUPTED, Interrupted, report_error
from automl_cli.cli.help import CONTEXT_SETTINGS, Command, CommandGroup
from automl_cli.cli.interruption import hold
from automl_cli.cli.options import Debug
from automl_cli.core.errors import UserError, unknown_name
from automl_cli.core.numbers import check_whole
from automl_cli.system.jax_settings import set_settings_aside


class Row(NamedTuple):
    """Row of a command: its function, its group in the help, and its help in one line."""

    target: str
    panel: str
    summary: str


SEARCH, USE, LOOK = "Search", "Use what was found", "Look around"

COMMANDS: dict[str, Row] = {
    "search-arch": Row("automl_cli.cli.search_arch:search_arch", SEARCH, "Search a network architecture."),
    "search-cell": Row("automl_cli.cli.search_cell:search_cell", SEARCH, "Search a cell that networks are stacked from."),
    "search-activation": Row("automl_cli.cli.search_activation:search_activation", SEARCH, "Search an activation function."),
    "search-optimizer": Row("automl_cli.cli.search_optimizer:search_optimizer", SEARCH, "Search an update rule."),
    "search-augment": Row("automl_cli.cli.search_augment:search_augment", SEARCH, "Search an augmentation policy."),
    "train": Row("automl_cli.cli.train:train", USE, "Train a network or a cell to the end, test it once."),
    "evaluate": Row("automl_cli.cli.evaluate:evaluate", USE, "Score a trained model on the test split."),
    "predict": Row("automl_cli.cli.predict:predict", USE, "Name the classes of pictures by a trained model."),
    "compare": Row("automl_cli.cli.compare:compare", USE, "Compare optimizers, activations or policies over seeds."),
    "measure": Row("automl_cli.cli.measure:measure", USE, "Count parameters and multiply-adds of a network."),
    "export": Row("automl_cli.cli.export:export", USE, "Write a model, a function, a rule or a policy."),
    "augment": Row("automl_cli.cli.augment:augment", USE, "Write augmented copies of a folder of pictures."),
    "report": Row("automl_cli.cli.report:report", USE, "Show what runs found, how it went, and what it cost."),
    "spaces": Row("automl_cli.cli.spaces:spaces", LOOK, "List the search spaces, or the decisions of one."),
    "strategies": Row("automl_cli.cli.strategies:strategies", LOOK, "List the strategies of searches, or the options of one."),
    "evaluators": Row("automl_cli.cli.evaluators:evaluators", LOOK, "List the ways to score a child, or the options of one."),
    "datasets": Row("automl_cli.cli.datasets:datasets", LOOK, "List the data sets, and which of them are here."),
    "references": Row("automl_cli.cli.references:references", LOOK, "List the published results that have a name here."),
    "show": Row("automl_cli.cli.show:show", LOOK, "Show what an artifact holds, in words."),
    "validate": Row("automl_cli.cli.validate:validate", LOOK, "Check that files are sound artifacts."),
    "cache": Row("automl_cli.cli.cache:cache", LOOK, "Show or remove what is kept between runs to save time."),
    "doctor": Row("automl_cli.cli.doctor:doctor", LOOK, "Examine this machine and installation, and try a program."),
    "schema": Row("automl_cli.cli.schema:schema", LOOK, "Print the JSON Schema of a kind of artifact."),
}


class LazyGroup(CommandGroup):
    """A group whose commands are the rows of `COMMANDS`."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Command | None:
        """Return a command with only its name and summary, for help and completion, without loading it."""
        row = COMMANDS.get(cmd_name)
        return row and Command(cmd_name, help=row.summary, rich_help_panel=row.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Load the command that the arguments begin with. Raises UserError for an unknown one."""
        if args[0] in COMMANDS:
            return args[0], load_command(args[0]), args[1:]
        if ctx.resilient_parsing:
            return None, None, args[1:]
        raise unknown_name("command", args[0], COMMANDS)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Show the help of a command at once. Typer would import Pydantic first, for a tenth of a second."""
        if len(args) == 2 and args[0] in COMMANDS and args[1] in ctx.help_option_names and not ctx.resilient_parsing:
            command = load_command(args[0])
            context = command.context_class(command, info_name=args[0], parent=ctx, **command.context_settings)
            typer.echo(command.get_help(context))
            ctx.exit()
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command. An interruption is held until work can stop, and passed on as `Interrupted`."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            hold(interrupt)
            raise Interrupted(*interrupt.args) from interrupt


def load_command(name: str) -> Command:
    """Import the module of a command and return the command."""
    module, attribute = COMMANDS[name].target.split(":")
    single = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=CONTEXT_SETTINGS)
    single.command(name, cls=Command)(_with_debug_flag(getattr(import_module(module), attribute)))
    command = typer.main.get_command(single)
    assert isinstance(command, Command)
    return command


def _with_debug_flag(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --debug, which `run` obeys, to a function, and refuse whole numbers that files cannot hold."""

    @wraps(function)
    def command(*, debug: bool = False, **given: Any) -> Any:
        for name, value in given.items():
            check_whole(name.replace("_", "-"), value)
        return function(**given)

    signature = inspect.signature(function)
    flag = inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Debug)
    command.__signature__ = signature.replace(parameters=[*signature.parameters.values(), flag])  # type: ignore[attr-defined]
    command.__annotations__ = {**function.__annotations__, "debug": Debug}
    return command


app = typer.Typer(
    name="automl", cls=LazyGroup, rich_markup_mode=None, context_settings=CONTEXT_SETTINGS, pretty_exceptions_enable=False
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"automl-cli {automl_cli.__version__}")
        raise typer.Exit


@app.callback(epilog="Start here: automl search-arch")
def automl(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
    debug: Debug = False,
) -> None:
    """Let a controller propose networks, train them, and learn from their scores."""


def run(arguments: list[str], *, say_interrupted: bool = True) -> int:
    """Run one command line and return its exit code.

    With `say_interrupted` false, an interruption is left for the process that started this one to report."""
    try:
        _check_text(arguments)
        set_settings_aside()
        code = typer.main.get_command(app).main(arguments or ["--help"], prog_name="automl", standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:  # before there was a command to invoke, which typer says by this alone
            raise Interrupted
    except Exception as error:
        if "--debug" in arguments:
            raise
        if isinstance(error, Interrupted) and not say_interrupted:
            return INTERRUPTED
        return report_error(error)
    return code if isinstance(code, int) else 0


def _check_text(arguments: list[str]) -> None:
    """Raise UserError for an argument that is not UTF-8: no message and no file could name it."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise _no_text(argument) from None


def _no_text(argument: str) -> UserError:
    """Return the error for an argument whose bytes are no text, or none in the encoding of the locale."""
    try:
        text = os.fsencode(argument).decode()
    except UnicodeError:
        return UserError(f"{argument!r} on the command line is not text in UTF-8; give the file another name")
    return UserError(f"{text} on the command line has letters that this locale lacks; set PYTHONUTF8=1, or a locale with UTF-8")
