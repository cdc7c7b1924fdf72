"""Fetch one file of STRING, check it, and write down what was fetched."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from echoes.io.command import parser, run
from echoes.io.download import fetch
from echoes.io.files import save_json

# Seconds after which a line is due, even if not a tenth of the file has come.
_PATIENCE = 10.0


class Progress:
    """A line on the log for each tenth of a file, and when nothing was said for a while."""

    def __init__(self) -> None:
        self._tenths = 0
        self._spoken = time.monotonic()

    def __call__(self, done: int, total: int | None) -> None:
        """Take note of the bytes that have come."""
        tenths = 10 * done // total if total else 0
        now = time.monotonic()
        if tenths == self._tenths and now - self._spoken < _PATIENCE:
            return
        self._tenths, self._spoken = tenths, now
        if total:
            logging.info("%.1f of %.1f MB (%d %%)", done / 1e6, total / 1e6, 100 * done // total)
        else:
            logging.info("%.1f MB", done / 1e6)


def _size(text: str) -> int | None:
    return int(text) if text else None


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--source", required=True, help="URL or path of the file")
    options.add_argument("--output", required=True, type=Path, help="where the file shall stand")
    options.add_argument("--receipt", required=True, type=Path, help="JSON: what was fetched")
    options.add_argument("--sha256", nargs="?", help="SHA-256 of the file; empty for any")
    options.add_argument("--size", nargs="?", type=_size, help="bytes of the file; empty for any")
    options.add_argument("--attempts", type=int, default=5, help="how often to try")
    arguments = options.parse_args(argv)
    receipt = fetch(
        arguments.source,
        arguments.output,
        sha256=arguments.sha256 or None,
        size=arguments.size,
        attempts=arguments.attempts,
        progress=Progress(),
    )
    save_json(arguments.receipt, dataclasses.asdict(receipt))
    logging.info("%s: %d bytes, SHA-256 %s", arguments.output, receipt.bytes, receipt.sha256)


if __name__ == "__main__":
    run(main)
