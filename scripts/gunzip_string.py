"""Unpack one gzip file of STRING, or copy a file that is not compressed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from echoes.io.command import parser, run
from echoes.io.contents import unpack


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--input", required=True, type=Path, help="the gzip file")
    options.add_argument("--output", required=True, type=Path, help="the unpacked text")
    args = options.parse_args(argv)
    written = unpack(args.input, args.output)
    logging.info("%s: %d bytes", args.output, written)


if __name__ == "__main__":
    run(main)
