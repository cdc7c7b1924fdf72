"""Leave one perturbation out, fit on the others, and predict it and the validation genes."""

import logging
from collections.abc import Sequence

from echoes.io.command import parser, run
from echoes.io.files import load_record
from echoes.models.components import load_scores
from echoes.models.published import leave_one_out, save_fold, summarise_fold
from echoes.models.regression import Regression
from echoes.network.features import load_groups

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--features", required=True, help="npz of the features")
    options.add_argument("--components", required=True, help="npz of the response's components")
    options.add_argument("--settings", required=True, help="json of the experiment's settings")
    options.add_argument("--fold", type=int, required=True, help="row to leave out, from 0")
    options.add_argument("--output", required=True, help="npz of the fold")
    args = options.parse_args(argv)

    settings = load_record(args.settings)
    train, validation = load_groups(args.features)
    scores = load_scores(args.components, n=len(train))
    models, regression = settings["models"], Regression.from_settings(settings["regression"])
    fold = leave_one_out(train, validation, scores, args.fold, models, regression)
    for name, fit, seconds in zip(models, fold.fits, fold.seconds, strict=True):
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
    save_fold(args.output, summarise_fold(fold))


if __name__ == "__main__":
    run(main)
