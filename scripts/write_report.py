"""Write the page of a run: one HTML file that shows and explains its results without a network."""

import argparse
import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from echoes.io.arrays import Bools, Floats, Ints, Strings
from echoes.io.command import parser, run
from echoes.io.files import atomic_path, load_record
from echoes.models.kernels import load_source
from echoes.models.leaning import leaning_weights
from echoes.network.diffusion import load_diffusions
from echoes.network.graph import load_matrix, read_genes
from echoes.network.neighbourhood import neighbourhood
from echoes.network.nodes import RESPONSE, SILENCED
from echoes.report.checks import read_checks
from echoes.report.page.build import build_page
from echoes.report.page.choice import most_explored
from echoes.report.page.data import largest_weights
from echoes.report.page.networks import is_null, networks_of
from echoes.report.page.run import EveryGene, Explored, Perturbation, Run, Surrounding
from echoes.scoring import predictions as predicted
from echoes.scoring.coverage import LEVELS, ONE_DEVIATION
from echoes.scoring.out_of_fold import OutOfFold, load_part, load_parts
from echoes.screen import record

#: Most nodes of a neighbourhood beside the silenced gene.
NODES = 14
#: Fewer cells than this are few.
FEW_CELLS = 30


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    args = _options().parse_args(argv)

    folder = Path(args.experiments).parent
    entries = load_record(args.experiments)["experiments"]
    named = [each["name"] for each in entries if each["kind"] == "experiment"]
    summaries = {name: load_record(folder / name / "summary.json") for name in named}
    perturbations, further, genes = record.load_fields(
        args.perturbations, "perturbations", "validation_ids", "genes"
    )
    screen = _Screen(perturbations, further, genes, record.load_test(args.perturbations))
    sets = [one for part in record.load_sets(args.perturbations) for one in part]
    networks = {
        name: _Network.load(folder / "networks" / name, alpha)
        for name, alpha in (each.rsplit("=", 1) for each in args.networks)
    }
    surroundings = {name: one.surroundings(sets) for name, one in networks.items()}
    cells = load_record(args.cells) if args.cells else None
    names = [*screen.perturbations.tolist(), *screen.validation_ids.tolist()]
    ordered = _order(entries, summaries)
    fit = most_explored(len(screen.perturbations), len(names), len(screen.genes))
    explored = [_explore(folder, each, summaries[each["name"]], screen) for each in ordered[:fit]]
    (truth,) = record.load_fields(args.perturbations, "truth")
    page = build_page(
        Run(
            dataset=args.dataset,
            genes=screen.genes,
            truth=truth,
            perturbations=_perturbations(names, sets, screen, networks, cells),
            explored=explored,
            unexplored=[each["name"] for each in ordered[fit:]],
            experiments=entries,
            summaries=summaries,
            screen=load_record(Path(args.perturbations).with_name("summary.json")),
            comparison=pd.read_csv(folder / "comparison.csv"),
            differences=pd.read_csv(folder / "differences.csv"),
            scores=pd.read_parquet(folder / "perturbation_scores.parquet"),
            surroundings=surroundings,
            coverage={name: one.counts for name, one in networks.items()},
            checks=read_checks(Path(args.perturbations).with_name("checks.md")),
            cells=cells,
            bounds=pd.read_csv(args.upper_bound) if args.upper_bound else None,
            curves={
                name: pd.read_csv(folder / name / "learning_curve.csv") for name in args.curves
            },
            twins=_twins(args.twins),
            pairs=pd.read_csv(args.pairs) if args.pairs else None,
            every=_every_gene(folder, [each["name"] for each in ordered], args.every_gene),
            sweeps={name: pd.read_csv(folder / "sweeps" / f"{name}.csv") for name in args.sweeps},
        ),
        load_record(args.charts),
    )
    with atomic_path(args.output) as path:
        path.write_text(page, encoding="utf-8")


def _options() -> argparse.ArgumentParser:
    """List the options of the command."""
    options = parser(__doc__)
    options.add_argument("--dataset", required=True, help="name of the data set")
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    options.add_argument(
        "--experiments",
        required=True,
        help="json of the experiments; their files, and tables that compare them, are beside it",
    )
    options.add_argument(
        "--networks",
        nargs="*",
        default=[],
        help="networks that are shown, each with a restart parameter: name=alpha",
    )
    options.add_argument("--cells", nargs="?", help="json of the cells, if any")
    options.add_argument("--upper-bound", nargs="?", help="table of upper bounds, if any")
    options.add_argument(
        "--curves", nargs="*", default=[], help="experiments with a learning curve"
    )
    options.add_argument("--pairs", nargs="?", help="table of pairs, if any")
    options.add_argument(
        "--every-gene", nargs="*", default=[], help="experiments that predict every gene"
    )
    options.add_argument("--sweeps", nargs="*", default=[], help="names of sweeps")
    options.add_argument(
        "--twins", nargs="*", default=[], help="experiment=its twin=how the network is shuffled"
    )
    options.add_argument("--charts", required=True, help="json of charts and what draws them")
    options.add_argument("--output", required=True, help="the page, html")
    return options


def _every_gene(
    folder: Path, ordered: Sequence[str], experiments: Sequence[str]
) -> EveryGene | None:
    """Load the largest effects of every gene, of the first experiment that has them."""
    names = [name for name in ordered if name in experiments]
    if not names:
        return None
    table = pd.read_csv(
        folder / names[0] / "top_effects.csv",
        dtype={"perturbation": "string", "gene": "string"},
        # There may be a gene called NA.
        keep_default_na=False,
        na_values={"expected_error": [""]},
    )
    first = table[table["rank"] == 1]
    shape = len(first), -1
    places, response = pd.factorize(table["gene"], sort=True)

    def numbers(name: str) -> Floats:
        return table[name].to_numpy(np.float64).reshape(shape)

    return EveryGene(
        experiment=names[0],
        genes=first["perturbation"].tolist(),
        measured=first["measured"].to_numpy() == 1,
        names=response.tolist(),
        largest=places.reshape(shape),
        predicted=numbers("predicted"),
        beyond_mean=numbers("beyond_mean"),
        error=numbers("expected_error"),
        others=names[1:],
    )


class _Screen(NamedTuple):
    """What the page shows of a screen beside its responses; see `record.Screen`."""

    perturbations: Strings
    validation_ids: Strings
    genes: Strings
    test: Bools | None


def _twins(entries: Sequence[str]) -> dict[str, dict[str, str]]:
    """Collect the twins of each experiment."""
    twins: dict[str, dict[str, str]] = {}
    for experiment, twin, shuffle in (each.split("=") for each in entries):
        twins.setdefault(experiment, {})[twin] = shuffle
    return twins


@dataclass(frozen=True)
class _Network:
    """A network, and where walks from the silenced genes go in it."""

    alpha: str
    genes: Sequence[str]
    adjacency: Any
    walks: Path
    matches: Mapping[tuple[str, str], Mapping[str, str]]

    @classmethod
    def load(cls, folder: Path, alpha: str) -> "_Network":
        genes = read_genes(folder / "genes.tsv")
        with (folder / "coverage.tsv").open(encoding="utf-8", newline="") as stream:
            matches = {
                (row["role"], row["name"]): row for row in csv.DictReader(stream, delimiter="\t")
            }
        return cls(
            alpha,
            genes,
            load_matrix(folder / "adjacency.npz"),
            folder / "diffusion" / f"alpha~{alpha}.npz",
            matches,
        )

    @cached_property
    def position(self) -> dict[str, int]:
        """Position of each gene in the network."""
        return {gene: number for number, gene in enumerate(self.genes)}

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Number of names of each role by the way they matched."""
        counts = {
            role: Counter(row["how"] for (of, _), row in self.matches.items() if of == role)
            for role in (SILENCED, RESPONSE)
        }
        return {role: dict(sorted(ways.items())) for role, ways in counts.items()}

    def nodes_of(self, genes: Sequence[str]) -> Ints:
        """Positions of silenced genes in the network."""
        names = [self.matches[SILENCED, gene]["matched"] or gene for gene in genes]
        return np.array([self.position[name] for name in names], dtype=np.intp)

    def links(self, sets: Sequence[Sequence[str]]) -> Ints:
        """Count the links of each perturbation's genes to other genes."""
        entries = np.diff(self.adjacency.indptr) - (self.adjacency.diagonal() != 0)
        return np.array([int(entries[self.nodes_of(genes)].sum()) for genes in sets])

    def warnings(self, gene: str) -> list[str]:
        """Say where the name of a silenced gene was not found as it stands."""
        row = self.matches[SILENCED, gene]
        if row["how"] == "exact":
            return []
        if row["matched"]:
            return [f"{gene} was found in the network as {row['matched']} ({row['how']})."]
        candidates = f": {row['candidates']}" if row["candidates"] else ""
        return [f"The name {gene} has no node in the network ({row['how']}{candidates})."]

    def surroundings(self, sets: Sequence[Sequence[str]]) -> Surrounding:
        """Find the neighbourhoods of all perturbations."""
        rows: list[Any] = []
        used: dict[int, int] = {}
        diffusions = load_diffusions(self.walks, N=len(self.genes), r=len(sets))
        walks = chain(diffusions.train, diffusions.validation)
        for genes, walk in zip(sets, walks, strict=True):
            around = neighbourhood(walk, self.nodes_of(genes), self.adjacency, NODES)
            places = [used.setdefault(int(node), len(used)) for node in around.nodes]
            rows.append((places, around.mass.tolist(), len(genes), around.links))
        return Surrounding(float(self.alpha), [self.genes[node] for node in used], rows)


def _perturbations(
    names: Sequence[str],
    sets: Sequence[tuple[str, ...]],
    screen: "_Screen",
    networks: Mapping[str, _Network],
    cells: Mapping[str, Any] | None,
) -> list[Perturbation]:
    """Describe all perturbations, with what to beware of."""
    own = np.atleast_2d(record.own_positions(sets, screen.genes.tolist()).T).T
    known = (
        {}
        if cells is None
        else {
            name: pair
            for name, *pair in zip(
                *(cells[key] for key in ("perturbations", "cells", "expression_left")), strict=True
            )
        }
    )
    links = {name: one.links(sets) for name, one in networks.items()}
    found = []
    for row, (name, genes) in enumerate(zip(names, sets, strict=True)):
        measured = row < len(screen.perturbations)
        count, left = known.get(name, (None, None)) if measured else (None, None)
        warnings = [
            warning for one in networks.values() for gene in genes for warning in one.warnings(gene)
        ]
        warnings += [
            f"No link in the network {network}: what it does is predicted as for any gene."
            for network, degrees in links.items()
            if degrees[row] == 0
        ]
        if count is not None and count < FEW_CELLS:
            warnings.append(f"Only {count:,} cells were measured: expect noise.")
        if left is not None and cells is not None and left > cells["most_left"]:
            warnings.append(f"{left:.0%} of the gene's expression is left: it may not be silenced.")
        found.append(
            Perturbation(
                name=name,
                silenced=genes,
                measured=measured,
                own=tuple(place for place in own[row].tolist() if place >= 0),
                links={network: int(degrees[row]) for network, degrees in links.items()},
                cells=count,
                expression_left=left,
                warnings=tuple(dict.fromkeys(warnings)),
            )
        )
    return found


def _order(
    entries: Sequence[Mapping[str, Any]], summaries: Mapping[str, Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Order experiments: those on real networks first, the best of them first of all."""

    def key(entry: Mapping[str, Any]) -> tuple[bool, bool, float]:
        summary = summaries[entry["name"]]
        score = summary.get("held_out", {}).get("score", {}).get("value")
        return is_null(summary), score is None, -(score or 0.0)

    return sorted((each for each in entries if each["name"] in summaries), key=key)


def _explore(
    folder: Path, entry: Mapping[str, Any], summary: Mapping[str, Any], screen: "_Screen"
) -> Explored:
    """Load the predictions of an experiment, and find what they lean on."""
    name = entry["name"]
    n, v, G = len(screen.perturbations), len(screen.validation_ids), len(screen.genes)
    networks = networks_of(summary)
    network = networks[0] if networks else None
    if entry["protocol"] == "published":
        of_all = predicted.load(folder / name / "predictions.npz")
        return Explored(name, network, np.concatenate([of_all.prediction, of_all.validation]))
    place = folder / name / "held_out", entry["parts"]
    some = entry.get("split", False)
    # Before predictions are read: both need much memory.
    folds = load_parts(*place, some=some, spread=False, prediction=False, G=G)
    leans, note = _lean(folder, summary, folds, screen)
    parts = load_parts(*place, some=some, G=G)
    error = _error(parts)
    if not v and len(parts.rows) == n:
        return Explored(name, network, parts.prediction, error, leans, note)
    prediction, errors = (np.full((n + v, G), np.nan) for _ in range(2))
    halves = [(parts.rows, parts, error)]
    if v:
        validation = load_part(folder / name / "held_out" / "validation.npz", G=G)
        halves.append((np.arange(n, n + v), validation, _error(validation)))
    for rows, half, widths in halves:
        prediction[rows] = half.prediction
        if widths is not None:
            errors[rows] = widths
    known = any(widths is not None for *_, widths in halves)
    return Explored(name, network, prediction, errors if known else None, leans, note)


def _error(half: OutOfFold) -> Floats | None:
    """Turn expected errors, where there are any, into half widths, in their place."""
    if not half.quantiles.shape[1]:
        return None
    width = half.spread
    width *= half.quantiles[half.fold, LEVELS.index(ONE_DEVIATION), None]
    return width


def _lean(
    folder: Path, summary: Mapping[str, Any], parts: OutOfFold, screen: "_Screen"
) -> tuple[list[list[tuple[int, float]]] | None, str]:
    """Find what predictions lean on most, where a kernel of the network says it."""
    settings = summary["settings"]
    members = list(settings["members"].values())
    crossval = settings["crossval"]
    # Only this model adds up residuals, and only with kernels.
    learns = members[0].get("echo", {}).get("kernels") and members[0].get("kernels")
    if len(members) != 1 or not learns or {"unseen", "pairs"} & {*crossval}:
        return None, ""
    n, v = len(screen.perturbations), len(screen.validation_ids)
    fold: Ints = np.full(n, -1)
    fold[parts.rows] = parts.fold
    training: Bools = np.ones(n, dtype=np.bool_) if screen.test is None else ~screen.test
    if not settings.get("split"):
        training = np.ones(n, dtype=np.bool_)
    penalties = [
        value
        for choice, value in summary["choices"].items()
        if choice.endswith("_penalty") and "smallest" not in choice and value
    ]
    penalty = penalties[0] if penalties else 1.0
    leans: list[list[tuple[int, float]]] = [[] for _ in range(n + v)]
    path = folder / members[0]["kernels"]
    source = load_source(path.stem, path, r=n + v)
    blocks = leaning_weights(source.kernels, source.known, fold, training, penalty)
    for rows, weights in blocks:
        for row, largest in zip(rows.tolist(), largest_weights(weights), strict=True):
            leans[row] = largest
    note = f"kernel ridge regression on the network's kernel, penalty {penalty:.2g}"
    sources = ", ".join(members[0].get("sources", {}))
    if sources:
        note += f"; the experiment also learns from {sources}, which is not in these weights"
    return leans, note


if __name__ == "__main__":
    run(main)
