"""Download one file of STRING, or copy a local file; check it, and write a receipt."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

from echoes.io.command import parser, run
from echoes.io.contents import table_problem
from echoes.io.download import LogProgress, fetch
from echoes.io.files import save_record


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
        contents=table_problem,
        progress=LogProgress(),
    )
    save_record(args.receipt, dataclasses.asdict(receipt), 5)
    logging.info("%s: %d bytes, SHA-256 %s", args.output, receipt.bytes, receipt.sha256)


if __name__ == "__main__":
    run(main)
