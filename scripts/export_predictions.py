"""Write predicted and measured responses in the formats of other programs."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from echoes.io.command import parser, run
from echoes.io.files import load_record
from echoes.io.tables import Matrix
from echoes.report import export
from echoes.report.provenance import control_name, provenance
from echoes.scoring import predictions
from echoes.scoring.out_of_fold import load_part, load_parts, take_rows
from echoes.screen import record


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--dataset", required=True, help="name of the data set")
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    options.add_argument("--predictions", required=True, help="npz of all predictions")
    options.add_argument("--parts", nargs="?", help="folder of the parts, if held out")
    options.add_argument("--validation", nargs="?", help="npz of the validation genes, if held out")
    options.add_argument("--summary", required=True, help="json of the experiment's results")
    options.add_argument(
        "--files", nargs="+", required=True, help="oof, validation, h5ad or effects =file"
    )
    args = options.parse_args(argv)

    files = dict(each.split("=", 1) for each in args.files)
    summary = load_record(args.summary)
    known, unknown = _read_responses(args, summary["settings"])
    for content, row_names, part in (
        ("oof", "pert_symbol", known),
        ("validation", "pert_id", unknown),
    ):
        if content in files:
            names, genes = tuple(part.perturbations.tolist()), tuple(part.genes.tolist())
            export.save_wide(files[content], row_names, Matrix(names, genes, part.predicted))
    if "effects" in files:
        export.save_effects(files["effects"], export.join([known, unknown]))
    if "h5ad" in files:
        (control,) = record.load_fields(args.perturbations, "control")
        measured_control = None if np.isnan(control).all() else control
        zero = export.control_response(control_name(summary), known.genes)
        export.save_h5ad(
            files["h5ad"],
            export.join([known, unknown, zero]),
            provenance(args.dataset, summary),
            control=measured_control,
        )


def _read_responses(
    args: argparse.Namespace, settings: Mapping[str, Any]
) -> tuple[export.PredictedResponses, export.PredictedResponses]:
    """Read the responses of the measured perturbations and of those to predict."""
    # First the parts, of which the errors alone are kept: they take the most memory.
    fold, rows, errors, errors_of_unknown = None, None, None, None
    if args.parts:
        some = settings.get("split", False)
        out_of_fold = load_parts(args.parts, settings["crossval"]["parts"], some=some)
        rows, fold, errors = out_of_fold.rows, out_of_fold.fold, export.expected_error(out_of_fold)
        del out_of_fold
        if args.validation:
            errors_of_unknown = export.expected_error(load_part(args.validation))
    made = predictions.load(args.predictions)
    silenced, ids, silenced_by_ids = record.load_fields(
        args.perturbations, "silenced", "validation_ids", "validation_silenced"
    )
    if rows is not None:
        (silenced,) = take_rows(rows, silenced)
    known = export.out_of_fold_responses(
        made.perturbations,
        silenced,
        made.genes,
        predicted=made.prediction,
        measured=made.truth,
        # In the published protocol each perturbation is a fold.
        fold=np.arange(len(silenced)) if fold is None else fold,
        expected_error=errors,
    )
    unknown = export.validation_responses(
        ids,
        silenced_by_ids,
        made.genes,
        predicted=made.validation,
        expected_error=errors_of_unknown,
    )
    return known, unknown


if __name__ == "__main__":
    run(main)
