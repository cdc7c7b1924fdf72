"""Leave one perturbation out, fit on the others, and predict it and the validation genes."""

import logging
from collections.abc import Sequence

from echoes.io.arrays import load_arrays, save_arrays
from echoes.io.command import parser, run
from echoes.models.components import reconstruct
from echoes.models.published import leave_one_out
from echoes.models.regression import BACKENDS, NAMES, Regression

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    default = Regression()
    args = parser(__doc__)
    args.add_argument("--features", required=True, help="npz of the features")
    args.add_argument("--components", required=True, help="npz of the response's components")
    args.add_argument("--fold", type=int, required=True, help="row to leave out, from 0")
    args.add_argument("--models", nargs="+", choices=NAMES, required=True, help="to average")
    args.add_argument(
        "--penalties", nargs="+", type=float, default=default.penalties, help="to choose from"
    )
    args.add_argument("--inner-folds", type=int, default=default.inner_folds, help="inner folds")
    args.add_argument("--l1-ratio", type=float, default=default.l1_ratio, help="0 … 1")
    args.add_argument("--backend", choices=BACKENDS, default=default.backend, help="what solves")
    args.add_argument("--gap", type=float, default=default.gap, help="largest relative duality gap")
    args.add_argument(
        "--max-iter", type=int, default=default.max_iter, help="most passes of scikit-learn"
    )
    args.add_argument(
        "--tolerance", type=float, default=default.tolerance, help="where scikit-learn stops"
    )
    args.add_argument("--output", required=True, help="npz of the fold")
    given = args.parse_args(argv)

    train, validation = load_arrays(given.features, "train", "validation")
    scores, axes, mean = load_arrays(given.components, "scores", "axes", "mean")
    how = Regression(
        penalties=tuple(given.penalties),
        inner_folds=given.inner_folds,
        l1_ratio=given.l1_ratio,
        backend=given.backend,
        gap=given.gap,
        max_iter=given.max_iter,
        tolerance=given.tolerance,
    )
    fold = leave_one_out(train, validation, scores, given.fold, given.models, how)
    for name, fit, seconds in zip(given.models, fold.fits, fold.seconds, strict=True):
        log.info(
            "%s: penalty %g, relative duality gap %.3g, of inner fits %.3g, %d unconverged, %.2f s",
            name,
            fit.penalty,
            fit.gap,
            fit.inner_gap,
            fit.unconverged,
            seconds,
        )
        for message in fit.messages:
            log.warning("%s: %s", name, message)
    save_arrays(
        given.output,
        {
            "held_out": reconstruct(fold.held_out, axes, mean),
            "validation": reconstruct(fold.validation, axes, mean),
            "penalty": [fit.penalty for fit in fold.fits],
            "gap": [fit.gap for fit in fold.fits],
            "inner_gap": [fit.inner_gap for fit in fold.fits],
            "unconverged": [fit.unconverged for fit in fold.fits],
            "seconds": fold.seconds,
        },
    )


if __name__ == "__main__":
    run(main)
