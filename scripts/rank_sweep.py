"""Rank the runs of a sweep by their inner score; the held-out score is in the table too."""

from collections.abc import Sequence
from pathlib import Path

from echoes.io.command import parser, run, whole
from echoes.io.files import load_record
from echoes.scoring.bootstrap import DRAWS, resample
from echoes.scoring.out_of_fold import common_rows, load_parts, take_rows
from echoes.scoring.sweep import Run, rank_runs
from echoes.scoring.tables import save_csv
from echoes.screen import record


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    options.add_argument(
        "--runs", required=True, help="json of the runs; their parts are in ../{run}/held_out"
    )
    options.add_argument("--seed", type=whole(0), required=True, help="seed of the bootstrap")
    options.add_argument("--output", required=True, help="table of the ranking")
    args = options.parse_args(argv)

    truth, weights, baseline, names = record.load_fields(
        args.perturbations, "truth", "weights", "baseline", "perturbations"
    )
    folder = Path(args.runs).absolute().parents[1]
    entries = load_record(args.runs)["runs"]
    rows = common_rows(
        {folder / each["name"] / "held_out": each["parts"] for each in entries if "split" in each},
        len(truth),
    )
    truth, weights, baseline = take_rows(rows, truth, weights, baseline)
    runs = []
    for entry in entries:
        parts = folder / entry["name"] / "held_out"
        split, width = entry.get("split", False), truth.shape[1]
        predictions = load_parts(parts, entry["parts"], some=split, G=width)
        predictions = predictions.restrict(rows)
        inner_score = predictions.inner_score[predictions.fold]
        runs.append(Run(entry["name"], entry["varied"], inner_score, predictions.prediction))
    counts = resample(len(truth), DRAWS, args.seed, names[rows])
    save_csv(args.output, rank_runs(runs, truth, weights, baseline, counts))


if __name__ == "__main__":
    run(main)
