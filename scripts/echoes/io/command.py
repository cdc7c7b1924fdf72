"""Common parts of all scripts: options, the log on standard error, and the exit status."""

from __future__ import annotations

import argparse
import errno
import logging
import math
import os
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from typing import NoReturn

from echoes.io.errors import InputError, NotConvergedError, printable

#: Exit status if a solver did not converge, and after bad input or a failure of the machine.
NOT_CONVERGED = 1
BAD_INPUT = 2

_MEMORY = "Run fewer jobs at a time (`--cores`), or give the job more memory (`mem_mb`)."
#: What to do, by the number of the system's error.
_REMEDIES = {
    errno.ENOSPC: "Free space there, and run again.",
    errno.EDQUOT: "Free space there or ask for a larger quota, and run again.",
    errno.EFBIG: "Raise the limit of file sizes (`ulimit -f`), and run again.",
    errno.EROFS: "Choose a folder that can be written to.",
    errno.EACCES: "Ask for permission, or choose another folder.",
    errno.EPERM: "Ask for permission, or choose another folder.",
    errno.EEXIST: "A file stands where a folder is needed: move it away.",
    errno.ENOTDIR: "A file stands where a folder is needed: move it away.",
    errno.EISDIR: "A folder stands where a file is needed: move it away.",
    errno.ENAMETOOLONG: "Choose shorter names of the data set, its networks and experiments.",
    errno.EMFILE: "Raise the limit of open files (`ulimit -n`), and run again.",
    errno.ENOMEM: _MEMORY,
    errno.EIO: "The disk or its connection fails: have it checked, and run again.",
    errno.ESTALE: "The disk or its connection fails: have it checked, and run again.",
}


def parser(description: str | None) -> argparse.ArgumentParser:
    """Make a parser of options whose help shows the script's docstring and all defaults."""
    return argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )


def text(given: str) -> str | None:
    """Read an option that may be left out by giving nothing, as ``--option=``."""
    return given or None


def whole(lowest: int) -> Callable[[str], int]:
    """Make a type of options: whole numbers from the lowest one on."""

    def read(text: str) -> int:
        number = int(text)
        if number < lowest:
            raise argparse.ArgumentTypeError(f"{text}; expected {lowest} or more")
        return number

    read.__name__ = "whole number"
    return read


def between(
    lowest: float, highest: float = math.inf, *, ends: bool = True
) -> Callable[[str], float]:
    """Make a type of options: finite numbers in a range, with or without its ends."""

    def read(text: str) -> float:
        number = float(text)
        inside = lowest <= number <= highest if ends else lowest < number < highest
        if not inside or math.isinf(number):
            border = "" if ends else ", without the ends"
            raise argparse.ArgumentTypeError(
                f"{text}; expected a number from {lowest:g} to {highest:g}{border}"
            )
        return number

    read.__name__ = "number"
    return read


def run(main: Callable[[], None]) -> NoReturn:
    """Run the ``main`` of a script with a log on standard error, and end the process.

    The exit status is 0 after success, 2 after bad input or a failure of the machine (a full disk,
    no permission, no memory), and 1 if a solver did not converge; the last two print one line
    instead of a traceback. Any other exception is a defect of the program and shows its traceback.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        main()
    except (InputError, NotConvergedError) as error:
        _end(str(error), BAD_INPUT if isinstance(error, InputError) else NOT_CONVERGED)
    except MemoryError as error:
        _end(f"not enough memory{f' ({error})' if str(error) else ''}. {_MEMORY}", BAD_INPUT)
    except BrokenExecutor:
        _end(f"a process of this job was killed, as happens without memory. {_MEMORY}", BAD_INPUT)
    except OSError as error:
        _end(_describe(error), BAD_INPUT)
    sys.exit(0)


class _Lines(logging.Formatter):
    """A line of the log without anything that a terminal would obey."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return printable(super().formatMessage(record))


def _end(message: str, status: int) -> NoReturn:
    """End the process with one line on standard error."""
    print(f"error: {printable(message)}", file=sys.stderr)
    sys.exit(status)


def _describe(error: OSError) -> str:
    """Say which file the system refused, why, and what to do."""
    if error.errno == errno.ENOENT:
        return f"{error.filename}: there is no such file."
    remedy = _REMEDIES.get(error.errno or 0, "Correct this, and run again.")
    # What libraries add to the system's words takes several lines.
    reason = os.strerror(error.errno) if error.errno else str(error).partition("\n")[0]
    names = [
        os.fsdecode(name)
        for name in (error.filename,)
        if isinstance(name, str | bytes | os.PathLike)
    ]
    return f"{': '.join([*names, reason])}. {remedy}"
