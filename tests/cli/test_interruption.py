"""Ctrl-C while XLA is compiling, which it does in threads that no interruption reaches."""

from tests.cli.searches import start

COMPILE = """
import os, signal, threading
import automl_cli.cli.app

def run(arguments, **how):
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
        return 130
    return 0

automl_cli.cli.app.run = run
"""


def test_an_interrupted_compilation_is_not_waited_for_and_brings_nothing_down():
    with start([], before=COMPILE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "interrupted\n"
        assert process.wait(timeout=60) == 130
