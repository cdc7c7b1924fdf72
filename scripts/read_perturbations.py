"""Read a data set's tables, align and check them, and store them for the later stages."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

from echoes.io.command import parser, run
from echoes.io.files import save_json
from echoes.io.tables import write_rows
from echoes.screen import competition, record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--means", required=True, help="table of mean expression")
    args.add_argument("--truth", nargs="?", help="table of deltas, weights and baselines, if any")
    args.add_argument("--validation", nargs="?", help="table of genes to predict, if any")
    args.add_argument("--control", default="non-targeting", help="name of the control row")
    args.add_argument(
        "--guide-separator", nargs="?", help="what stands between a gene and its guide, if any"
    )
    args.add_argument("--output", required=True, help="npz of the aligned tables")
    args.add_argument("--folds", required=True, help="table of the folds and what each leaves out")
    args.add_argument("--summary", required=True, help="json of counts and checksums")
    given = args.parse_args(argv)

    data = competition.read_perturbations(
        given.means, given.truth, given.validation, given.control, given.guide_separator
    )
    tables = {"means": given.means, "truth": given.truth, "validation": given.validation}
    summary = {
        "control": given.control,
        "perturbations": len(data.perturbations),
        "silenced_genes": len(set(data.silenced.tolist())),
        "response_genes": len(data.genes),
        "validation": len(data.validation_ids),
        "inputs": {
            name: {"path": path, "sha256": _sha256(path)} for name, path in tables.items() if path
        },
    }
    log.info(
        "%(perturbations)d perturbations × %(response_genes)d genes, %(validation)d to predict",
        summary,
    )
    record.save(given.output, data)
    write_rows(
        given.folds, ["fold", "pert_symbol"], enumerate(data.perturbations.tolist()), delimiter="\t"
    )
    save_json(given.summary, summary)


def _sha256(path: str) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


if __name__ == "__main__":
    run(main)
