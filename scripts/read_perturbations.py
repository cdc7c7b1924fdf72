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
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--means", required=True, help="table of mean expression")
    args.add_argument("--truth", nargs="?", help="table of deltas, weights and baselines, if any")
    args.add_argument("--validation", nargs="?", help="table of genes to predict, if any")
    args.add_argument("--control", required=True, help="name of the control row")
    args.add_argument(
        "--guide-separator", nargs="?", help="text between a gene and its guide, if any"
    )
    args.add_argument("--scale", choices=BASES, required=True, help="logarithm of the tables")
    args.add_argument("--output", required=True, help="npz of the screen, in log2")
    args.add_argument("--folds", required=True, help="table of the folds and what each leaves out")
    args.add_argument("--summary", required=True, help="json of counts, checksums and warnings")
    given = args.parse_args(argv)

    screen = competition.read_perturbations(
        *(given.means, given.truth, given.validation, given.control, given.guide_separator),
        scale=given.scale,
    )
    warnings = scale_warnings(screen, given.scale)
    for warning in warnings:
        log.warning("%s: %s", given.means, warning)
    tables = {"means": given.means, "truth": given.truth, "validation": given.validation}
    summary = {
        "control": given.control,
        "scale": given.scale,
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
    record.save(given.output, screen)
    rows = enumerate(screen.perturbations.tolist())
    write_rows(given.folds, ["fold", "pert_symbol"], rows, delimiter="\t")
    save_json(given.summary, summary)


def _sha256(path: str) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


if __name__ == "__main__":
    run(main)
