"""Download an .h5ad file of cells, check it, and write a receipt."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

from echoes.io.command import parser, run
from echoes.io.contents import h5ad_problem
from echoes.io.download import LogProgress, fetch
from echoes.io.files import save_json


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--source", required=True, help="URL of the file")
    options.add_argument("--checksum", nargs="?", help="its SHA-256, or its MD5 as md5:…; or none")
    options.add_argument("--output", required=True, type=Path, help="the downloaded file")
    options.add_argument("--receipt", required=True, type=Path, help="JSON: source, size, SHA-256")
    args = options.parse_args(argv)

    checksum = args.checksum or ""
    md5 = checksum.removeprefix("md5:") if checksum.startswith("md5:") else None
    sha256 = None if md5 else checksum or None
    receipt = fetch(
        args.source,
        args.output,
        sha256=sha256,
        md5=md5,
        contents=h5ad_problem,
        progress=LogProgress(),
    )
    save_json(args.receipt, dataclasses.asdict(receipt))
    logging.info("%s: %d bytes, SHA-256 %s", args.output, receipt.bytes, receipt.sha256)


if __name__ == "__main__":
    run(main)
