"""Compare an experiment's runs with more and more training perturbations, and draw them."""

from collections.abc import Sequence
from pathlib import Path

from echoes.io.arrays import positions
from echoes.io.command import parser, run, whole
from echoes.io.files import load_record
from echoes.report import style
from echoes.report.learning_curve import draw
from echoes.scoring.bootstrap import DRAWS, resample
from echoes.scoring.learning_curve import METRICS, learning_curve
from echoes.scoring.out_of_fold import load_parts
from echoes.scoring.tables import save_csv
from echoes.screen import record


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    options.add_argument("--settings", required=True, help="json of the experiment's settings")
    options.add_argument(
        "--runs", nargs="+", required=True, help="number of training perturbations=name of the run"
    )
    options.add_argument("--seed", type=whole(0), required=True, help="seed of the bootstrap")
    options.add_argument("--table", required=True, help="csv of the learning curve")
    options.add_argument("--figure", required=True, help="png of the learning curve")
    args = options.parse_args(argv)

    screen = record.load(args.perturbations)
    settings = load_record(args.settings)
    parts, some = settings["crossval"]["parts"], settings.get("split", False)
    experiment = Path(args.settings).parent
    named = dict(entry.split("=", 1) for entry in args.runs)
    full = load_parts(experiment / "held_out", parts, some=some)
    table = learning_curve(
        {
            int(size): load_parts(experiment.parent / name / "held_out", parts, some=some)
            for size, name in named.items()
        },
        full,
        screen.truth,
        screen.weights,
        screen.baseline,
        positions(screen.silenced.tolist(), screen.genes.tolist()),
        resample(len(full.rows), DRAWS, args.seed, screen.perturbations[full.rows]),
    )
    save_csv(args.table, table)
    with style.style():
        style.save(draw({experiment.name: table}, METRICS), [args.figure])


if __name__ == "__main__":
    run(main)
