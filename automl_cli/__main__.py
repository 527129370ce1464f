"""The entry point: `automl`, or `python -m automl_cli`."""

import os
import sys
from contextlib import suppress
from typing import NoReturn

INTERRUPTED = 130
"""As in `cli.errors`, which is not imported yet when the first Ctrl-C may come."""


def main(*, say_interrupted: bool = True) -> None:
    """Run the command line. Ctrl-C ends it with 130 from here on, while the first modules are imported too; that it did may be
    left for the process that started this one to say."""
    try:
        from automl_cli.cli.app import run
        from automl_cli.cli.interruption import deliver_again, end_on_request

        deliver_again()
        end_on_request()
        code = run(sys.argv[1:], say_interrupted=say_interrupted)
    except KeyboardInterrupt:
        if say_interrupted:
            sys.stderr.write("interrupted\n")
        _leave_at_once()  # from in here, where the frames that it came through are still alive
    if code == INTERRUPTED:
        _leave_at_once()
    sys.exit(code)


def _leave_at_once() -> NoReturn:
    """End the process without taking it apart. XLA compiles in threads of its own, which an interruption does not reach: taking
    JAX apart would wait for them, half a minute for a large network, and then crash over what they still use."""
    if "logging" in sys.modules:
        sys.modules["logging"].shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
