"""Ctrl-C while XLA is compiling, which it does in threads that no interruption reaches."""

from tests.cli.searches import start

COMPILE = """
import os, signal, threading
from automl_cli.cli.app import COMMANDS

def compile_long() -> None:
    import jax

    def long(x):
        for _ in range(4000):
            x = jax.numpy.sin(x) @ x
        return x

    program = jax.jit(long).lower(jax.numpy.ones((9, 9)))
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        program.compile()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        raise

COMMANDS["references"] = COMMANDS["references"]._replace(target="__main__:compile_long")
"""


def test_an_interrupted_compilation_is_not_waited_for_and_brings_nothing_down():
    with start(["references"], before=COMPILE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "interrupted\n"
        assert process.wait(timeout=60) == 130
