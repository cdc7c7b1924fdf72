"""Compare all experiments and baselines: figures with intervals, and paired differences."""

import json
import logging
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd

from echoes.io.arrays import Floats, Strings, positions
from echoes.io.command import parser, run
from echoes.io.files import atomic_path
from echoes.scoring import comparison
from echoes.scoring.bootstrap import DRAWS, interval, mean_draws, resample
from echoes.screen import record

log = logging.getLogger(__name__)


#: Columns that say what a figure is of.
LABEL = ("experiment", "kind", "protocol")
#: Figures of the published protocol, which are never those of the other one.
PUBLISHED = {"score": "mean_fold_score", "mape": "mape"}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--perturbations", required=True, help="npz of the aligned tables")
    args.add_argument(
        "--held-out",
        required=True,
        help="kind and parts of each experiment that is held out, by name, json",
    )
    args.add_argument(
        "--published", required=True, help="fold scores of each published experiment, json"
    )
    args.add_argument("--seed", type=int, default=0, help="seed of the bootstrap")
    args.add_argument("--comparison", required=True, help="table of all figures")
    args.add_argument("--table", required=True, help="the main figures for a reader, markdown")
    args.add_argument("--differences", required=True, help="table of paired differences")
    args.add_argument("--by-perturbation", required=True, help="parquet of each row's figures")
    args.add_argument("--by-gene", required=True, help="parquet of each gene's figures")
    given = args.parse_args(argv)

    names, symbols, genes, truth, weights, baseline = record.load_fields(
        given.perturbations,
        *("perturbations", "silenced", "genes", "truth", "weights", "baseline"),
    )
    silenced = positions(symbols.tolist(), genes.tolist())
    counts = resample(len(names), DRAWS, given.seed)
    figures: list[dict[str, Any]] = []
    by_row, by_gene = [], []
    drawn: dict[str, dict[str, tuple[float, Floats]]] = {}
    for name, own in json.loads(given.held_out).items():
        found = comparison.figures(
            truth, weights, baseline, silenced, comparison.load(own["parts"])
        )
        summary = comparison.summarise(found, counts)
        label = dict(zip(LABEL, (name, own["kind"], "held_out"), strict=True))
        figures += [_row(label, metric, *three) for metric, three in summary.items()]
        by_row.append(_tidy(label, "pert_symbol", names, found.rows))
        by_gene.append(_tidy(label, "gene", genes, found.genes))
        drawn[name] = {
            metric: (summary[metric][0], comparison.draws(found, metric, counts))
            for metric in comparison.DIFFERENCES
        }
        log.info("%s: score %.5f", name, found.score.total)
    for name, path in json.loads(given.published).items():
        label = dict(zip(LABEL, (name, "experiment", "published"), strict=True))
        table = pd.read_csv(path)
        for column, metric in PUBLISHED.items():
            each = table[column].to_numpy()
            figures.append(_row(label, metric, each.mean(), *interval(mean_draws(each, counts))))
    differences = []
    for one, other in permutations(drawn, 2):
        for metric in comparison.DIFFERENCES:
            (value, draws), (reference, others) = drawn[one][metric], drawn[other][metric]
            label = {"experiment": one, "reference": other}
            differences.append(_row(label, metric, value - reference, *interval(draws - others)))
    for path, labels, rows in (
        (given.comparison, LABEL, figures),
        (given.differences, ("experiment", "reference"), differences),
    ):
        with atomic_path(path) as partial:
            table = pd.DataFrame(rows, columns=[*labels, "metric", "value", "lower", "upper"])
            table.to_csv(partial, index=False, lineterminator="\n")
    with atomic_path(given.table) as partial:
        partial.write_text(_markdown(figures, differences), encoding="utf-8")
    for path, what, tables in (
        (given.by_perturbation, "pert_symbol", by_row),
        (given.by_gene, "gene", by_gene),
    ):
        with atomic_path(path) as partial:
            _join(what, tables).to_parquet(partial, index=False)


def _markdown(figures: Sequence[dict[str, Any]], differences: Sequence[dict[str, Any]]) -> str:
    """Write the main figures as a table, the best held-out score first, published ones last."""
    found = {(row["experiment"], row["metric"]): row for row in figures}
    against = {
        row["experiment"]: row
        for row in differences
        if row["reference"] == "mean" and row["metric"] == "score"
    }
    names = list(dict.fromkeys(row["experiment"] for row in figures))
    scored = [name for name in names if (name, "score") in found]
    scored.sort(key=lambda name: -found[name, "score"]["value"])
    columns = (
        *("", "score, held out", "minus that of `mean`", "better", "Pearson", "of deviations"),
        *("discrimination", "mean fold score, published"),
    )
    lines = [f"| {' | '.join(columns)} |", "|---" + "|---:" * (len(columns) - 1) + "|"]
    for name in [*scored, *(name for name in names if name not in scored)]:
        cells = [
            _cell(found.get((name, "score")), bounds=True),
            _cell(against.get(name), bounds=True),
            _cell(found.get((name, "better_than_baseline")), digits=0),
            _cell(found.get((name, "pearson_control"))),
            _cell(found.get((name, "pearson_mean"))),
            _cell(found.get((name, "discrimination_cosine"))),
            _cell(found.get((name, "mean_fold_score")), bounds=True),
        ]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(row: dict[str, Any] | None, digits: int = 2, *, bounds: bool = False) -> str:
    """Write a figure with its bounds; nothing where it is undefined."""
    if row is None or np.isnan(row["value"]):
        return ""
    # Adding zero: what is rounded to nothing has no sign.
    value, lower, upper = (round(row[key], digits) + 0.0 for key in ("value", "lower", "upper"))
    text = f"{value:.{digits}f}"
    return f"{text} ({lower:.{digits}f} … {upper:.{digits}f})" if bounds else text


def _row(
    label: dict[str, str], metric: str, value: float, lower: float, upper: float
) -> dict[str, Any]:
    """Make a row of a tidy table."""
    return label | {"metric": metric, "value": value, "lower": lower, "upper": upper}


def _tidy(
    label: dict[str, str], what: str, names: Strings, found: dict[str, Floats]
) -> pd.DataFrame:
    """Make a tidy table of the figures of perturbations or genes: a row each and a figure."""
    return pd.concat(
        [
            pd.DataFrame(label | {what: names, "metric": metric, "value": values})
            for metric, values in found.items()
        ],
        ignore_index=True,
    )


def _join(what: str, tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join tidy tables; where there are none, the columns are there all the same."""
    columns = dict.fromkeys((*LABEL, what, "metric"), "string") | {"value": "float64"}
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(columns))
    return table.astype(columns)


if __name__ == "__main__":
    run(main)
