"""Rank the settings of a sweep by their inner score, the held-out one beside it."""

from collections.abc import Sequence
from pathlib import Path

from echoes.io.command import parser, run
from echoes.io.files import load_json
from echoes.scoring.bootstrap import DRAWS, resample
from echoes.scoring.out_of_fold import load_parts
from echoes.scoring.sweep import Run, rank_runs
from echoes.scoring.tables import save_csv
from echoes.screen import record


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--perturbations", required=True, help="npz of the screen")
    args.add_argument(
        "--runs", required=True, help="json of the runs; their parts are in ../{run}/held_out"
    )
    args.add_argument("--seed", type=int, required=True, help="seed of the bootstrap")
    args.add_argument("--output", required=True, help="table of the ranking")
    given = args.parse_args(argv)

    truth, weights, baseline = record.load_fields(
        given.perturbations, "truth", "weights", "baseline"
    )
    folder = Path(given.runs).absolute().parents[1]
    runs = []
    for entry in load_json(given.runs)["runs"]:
        predictions = load_parts(folder / entry["name"] / "held_out", entry["parts"])
        inner_score = predictions.inner_score[predictions.fold]
        runs.append(Run(entry["name"], entry["varied"], inner_score, predictions.prediction))
    counts = resample(len(truth), DRAWS, given.seed)
    save_csv(given.output, rank_runs(runs, truth, weights, baseline, counts))


if __name__ == "__main__":
    run(main)
