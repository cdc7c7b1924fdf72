"""Common parts of all scripts: options, the log on standard error, and the exit status."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from typing import NoReturn

from echoes.io.errors import InputError, NotConvergedError

#: Exit status if a solver did not converge, and after bad input.
NOT_CONVERGED = 1
BAD_INPUT = 2


def parser(description: str | None) -> argparse.ArgumentParser:
    """Make a parser of options whose help shows the script's docstring and all defaults."""
    return argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )


def run(main: Callable[[], None]) -> NoReturn:
    """Run the ``main`` of a script with a log on standard error, and end the process.

    The exit status is 0 after success, 2 after bad input, and 1 if a solver did not converge; the
    last two print one line instead of a traceback. Any other exception is a defect of the program
    and shows its traceback.
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
