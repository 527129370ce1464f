"""The entry point: `automl`, or `python -m automl_cli`."""

import sys


def main() -> None:
    """Run the command line. Ctrl-C ends it with 130 from here on, while the first modules are imported too."""
    try:
        from automl_cli.cli.app import run
        from automl_cli.cli.interruption import deliver_again

        deliver_again()
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
