"""Read a data set's tables, align and check them, and store them for the later stages."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from echoes.io.command import parser, run
from echoes.io.files import atomic_path, load_record, save_record, sha256_of
from echoes.io.tables import write_rows
from echoes.network import aliases
from echoes.network.matches import name_finder
from echoes.report.checks import checks_table
from echoes.screen import record
from echoes.screen.dataset import Tables, read_screen

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--settings", required=True, help="json of the data set's settings")
    options.add_argument(
        "--table", required=True, help="table of means, deltas or effects, or npz from cells"
    )
    options.add_argument(
        "--truth", nargs="?", help="table of deltas, weights and baselines, if any"
    )
    options.add_argument("--validation", nargs="?", help="table of genes to predict, if any")
    options.add_argument("--control", nargs="?", help="table of the controls' expression, if any")
    options.add_argument("--guides", nargs="?", help="table of guides and their genes, if any")
    aliases.add_options(options)
    options.add_argument("--facts", nargs="?", help="json of what is known of cells, if any")
    options.add_argument("--output", required=True, help="npz of the screen, in log2")
    options.add_argument(
        "--folds",
        required=True,
        help="table of the folds, with the perturbation that each leaves out",
    )
    options.add_argument("--checks", required=True, help="table of what was checked, markdown")
    options.add_argument("--summary", required=True, help="json of counts, checksums and warnings")
    args = options.parse_args(argv)

    settings = load_record(args.settings)
    tables = Tables(args.table, args.truth, args.validation, args.control, args.guides)
    screen, checks = read_screen(tables, settings, name_finder(aliases.read_option(args)))
    warnings = [warning for check in checks for warning in check.warnings]
    for warning in warnings:
        log.warning("%s: %s", args.table, warning)
    facts = load_record(args.facts) if args.facts else None
    files = {"truth": args.truth, "validation": args.validation, "guides": args.guides}
    files |= {settings["layout"]: args.table, "control_expression": args.control}
    files["names"] = args.names
    summary = _summarise(screen, settings, files) | {"warnings": warnings}
    if facts is not None:
        summary["inputs"][settings["layout"]] = facts["input"]
        summary["warnings"] = [*facts["warnings"], *warnings]
    log.info(
        "%(perturbations)d perturbations × %(response_genes)d genes, %(validation)d to predict",
        summary,
    )
    record.save(args.output, screen)
    rows = enumerate(screen.perturbations.tolist())
    write_rows(args.folds, ["fold", "pert_symbol"], rows, delimiter="\t")
    with atomic_path(args.checks) as path:
        rows_of_checks = [(check.name, check.figure, check.warnings) for check in checks]
        path.write_text(checks_table(rows_of_checks), encoding="utf-8")
    # Data set, perturbations, file.
    save_record(args.summary, summary, 3)


def _summarise(
    screen: record.Screen, settings: dict[str, Any], files: dict[str, str | None]
) -> dict[str, Any]:
    """Count what is in the screen, and note the files that it was read from."""
    silenced = set(screen.silenced.tolist())
    measured = int(np.count_nonzero(~np.isnan(screen.truth)))
    gaps = {} if measured == screen.truth.size else {"measured_pairs": measured}
    split = {} if screen.test is None else {"test": int(np.count_nonzero(screen.test))}
    return {
        "layout": settings["layout"],
        "control": settings["control"],
        "scale": settings["scale"],
        "perturbations": len(screen.perturbations),
        "silenced_genes": len(silenced),
        "measured_silenced_genes": len(silenced & set(screen.genes.tolist())),
        "response_genes": len(screen.genes),
        "validation": len(screen.validation_ids),
        **gaps,
        **split,
        "inputs": {
            name: {"path": path, "sha256": sha256_of(path)} for name, path in files.items() if path
        },
    }


if __name__ == "__main__":
    run(main)
