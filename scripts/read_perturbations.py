"""Read a data set's tables, align and check them, and store them for the later stages."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

from echoes.io.command import parser, run
from echoes.io.files import save_json
from echoes.io.tables import write_rows
from echoes.screen import competition, record
from echoes.screen.scale import BASES, scale_warnings

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--means", required=True, help="table of mean expression")
    options.add_argument(
        "--truth", nargs="?", help="table of deltas, weights and baselines, if any"
    )
    options.add_argument("--validation", nargs="?", help="table of genes to predict, if any")
    options.add_argument("--control", required=True, help="name of the control row")
    options.add_argument(
        "--guide-separator", nargs="?", help="text between a gene and its guide in a name, if any"
    )
    options.add_argument(
        "--scale", choices=BASES, required=True, help="logarithm of the values in the tables"
    )
    options.add_argument("--output", required=True, help="npz of the screen, in log2")
    options.add_argument(
        "--folds",
        required=True,
        help="table of the folds, with the perturbation that each leaves out",
    )
    options.add_argument("--summary", required=True, help="json of counts, checksums and warnings")
    args = options.parse_args(argv)

    screen = competition.read_perturbations(
        *(args.means, args.truth, args.validation, args.control, args.guide_separator),
        scale=args.scale,
    )
    warnings = scale_warnings(screen, args.scale)
    for warning in warnings:
        log.warning("%s: %s", args.means, warning)
    tables = {"means": args.means, "truth": args.truth, "validation": args.validation}
    summary = {
        "control": args.control,
        "scale": args.scale,
        "perturbations": len(screen.perturbations),
        "silenced_genes": len(set(screen.silenced.tolist())),
        "response_genes": len(screen.genes),
        "validation": len(screen.validation_ids),
        "inputs": {
            name: {"path": path, "sha256": _sha256(path)} for name, path in tables.items() if path
        },
        "warnings": warnings,
    }
    log.info(
        "%(perturbations)d perturbations × %(response_genes)d genes, %(validation)d to predict",
        summary,
    )
    record.save(args.output, screen)
    rows = enumerate(screen.perturbations.tolist())
    write_rows(args.folds, ["fold", "pert_symbol"], rows, delimiter="\t")
    save_json(args.summary, summary)


def _sha256(path: str) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


if __name__ == "__main__":
    run(main)
