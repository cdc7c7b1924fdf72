"""What all command lines share: a log on standard error, and one line for bad input."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from typing import NoReturn

from echoes.io.errors import InputError, NotConvergedError

#: Exit status of a command whose solver missed its tolerance, and of one that was given bad input.
NOT_CONVERGED = 1
BAD_INPUT = 2


def parser(description: str | None) -> argparse.ArgumentParser:
    """Make an argument parser that shows a script's docstring and all defaults."""
    return argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )


def run(main: Callable[[], None]) -> NoReturn:
    """Run a script's ``main`` with a log, and end the process with its exit status.

    Bad input ends it with status 2, a solver that misses its tolerance with status 1, both
    with one line on standard error instead of a traceback. Every other exception is a defect
    and keeps its traceback.
    """
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S"
    )
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except FileNotFoundError as error:
        print(f"error: {error.filename or error}: there is no such file.", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except (IsADirectoryError, NotADirectoryError, PermissionError) as error:
        print(f"error: {error.filename}: {error.strerror}.", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except NotConvergedError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(NOT_CONVERGED)
    sys.exit(0)
