"""Download one file of STRING, or copy a local file; check it, and write a receipt."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from echoes.io.command import parser, run
from echoes.io.download import fetch
from echoes.io.files import save_json

#: Seconds between two lines of progress on the log.
INTERVAL = 10.0


class Progress:
    """Log the progress of a download, at most one line in each interval."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, done: int, total: int | None) -> None:
        """Log the number of bytes received so far, unless the last line is too recent."""
        now = time.monotonic()
        if now - self._last >= INTERVAL:
            self._last = now
            whole = f" of {total / 1e6:.1f}" if total else ""
            logging.info("%.1f%s MB", done / 1e6, whole)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--source", required=True, help="URL or path of the file")
    options.add_argument("--sha256", nargs="?", help="SHA-256 of the file; empty for any")
    options.add_argument(
        "--output", required=True, type=Path, help="the downloaded file, not unpacked"
    )
    options.add_argument("--receipt", required=True, type=Path, help="JSON: source, size, SHA-256")
    args = options.parse_args(argv)
    receipt = fetch(
        args.source,
        args.output,
        sha256=args.sha256 or None,
        progress=Progress(),
    )
    save_json(args.receipt, dataclasses.asdict(receipt))
    logging.info("%s: %d bytes, SHA-256 %s", args.output, receipt.bytes, receipt.sha256)


if __name__ == "__main__":
    run(main)
