"""How time and memory grow with genes, perturbations and restart parameters."""

from __future__ import annotations

import dataclasses
import gzip
from collections.abc import Iterator
from pathlib import Path

from side_by_side import methods
from side_by_side.process import Record, call, say
from side_by_side.tables import Bar, Records, cells, number, table
from side_by_side.workspace import ALPHAS, FILES, NETWORK, Run, generate, published

TITLE = "How cost grows"
BARS = (
    Bar(
        "memory of the diffusion of every gene of a network of 20,000",
        4_000,
        "MB",
        lambda records: records["growth"]["every_gene"]["memory_mb"],
    ),
)


def _diffusions(run: Run, adjacency: str) -> Iterator[tuple[str, Record]]:
    """Yield curves and arguments of each point."""
    size = run.size
    silenced = size.perturbations + size.validation
    for genes in size.growth_genes:
        network = str(run.work / f"network_{genes}.npz")
        if not Path(network).exists():
            call("growth:network", genes=genes, output=network)
        yield "genes", {"adjacency": network, "starts": silenced, "alphas": ALPHAS[:1]}
    for starts in size.growth_starts:
        yield "perturbations", {"adjacency": adjacency, "starts": starts, "alphas": ALPHAS[:1]}
    for count in range(1, len(ALPHAS) + 1):
        yield "alphas", {"adjacency": adjacency, "starts": silenced, "alphas": ALPHAS[:count]}


def _fold(folder: Path, experiment: str, rows: int, components: int) -> Record:
    """Measure a fold, its features included."""
    say(f"  fold, {rows} perturbations, {experiment}")
    record = call(
        "elastic_net:fold",
        method=methods.EXACT,
        folder=str(folder),
        experiment=experiment,
        rows=rows,
        components=components,
        number=0,
    )
    return {
        **{key: record[key] for key in ("features", "components", "elastic_net_seconds")},
        "rows": rows,
        "seconds": record["whole_seconds"],
        "memory_mb": record["memory_mb"],
    }


def _every_gene(run: Run) -> Record:
    """Measure the job that diffuses every gene of the largest network."""
    genes = run.size.growth_genes[-1]
    size = dataclasses.replace(
        run.size, genes=genes, links=26 * genes, validation=10, responses=100
    )
    name = f"every_gene_{genes}"
    model = {"echo": {"models": ["echo"], "diffusion": {"alphas": [ALPHAS[0]]}}}
    data = generate(run.work / name, size, 20)
    workspace = Run(run.work, size).workspace("every_gene", name, model, data)
    workspace.settings["submission"] = {"padding": 0, "sample": None}
    with gzip.open(data / FILES["info"], "rt", encoding="utf-8") as info:
        names = [line.split("\t")[1] for line in info][1:]
    workspace.settings["dataset"]["validation"] = {"genes": sorted(set(names))}
    file = f"{NETWORK}/diffusion/alpha~{ALPHAS[0]}.npz"
    written = workspace.prepare(file) / file
    say("  diffusion of every gene")
    outcome = workspace.job(file)
    return {
        "seconds": outcome.seconds,
        "memory_mb": outcome.memory,
        "disk_mb": written.stat().st_size / 1e6,
    }


def measure(run: Run) -> Record:
    """Measure diffusions and folds of growing size."""
    size = run.size
    workspace = run.prepared()
    experiments = list(workspace.settings["experiments"])
    competition = workspace.prepare(*(f"{name}/features.npz" for name in experiments))
    diffusions: dict[str, list[Record]] = {}
    for curve, arguments in _diffusions(run, str(competition / NETWORK / "adjacency.npz")):
        say(f"  diffusion by {curve}")
        record = call("growth:diffusion", repeats=max(1, size.repeats // 2), **arguments)
        diffusions.setdefault(curve, []).append(record)

    data = run.data(max(size.growth_rows))
    large = run.workspace("prepared", "grown", {"alphas_1": published("ridge")}, data)
    grown = large.prepare("alphas_1/features.npz")
    folds = {
        "perturbations": [
            _fold(grown, "alphas_1", rows, min(size.components, rows - 2))
            for rows in size.growth_rows
        ],
        "alphas": [
            {**_fold(competition, name, size.perturbations, size.components), "alphas": count}
            for count, name in enumerate(experiments, start=1)
        ],
    }
    return {"diffusion": diffusions, "folds": folds, "every_gene": _every_gene(run)}


def write(records: Records) -> Iterator[str]:
    """Write the tables of both."""
    record = records["growth"]
    titles = {
        "genes": "genes of the network",
        "perturbations": "perturbations, one α",
        "alphas": "restart parameters (0.75, 0.5, 0.25, 0.9)",
    }
    yield "**Diffusion** by " + "; ".join(titles.values()) + ":"
    keys = ("genes", "entries", "starts", "alphas", "seconds", "iterations", "memory_mb")
    yield from table(
        ["genes", "entries", "perturbations", "α", "time, s", "iterations", "peak MB"],
        (cells(one, *keys) for curve in titles for one in record["diffusion"][curve]),
    )
    every = record["every_gene"]
    yield (
        f"All genes of a network as large as the fourth, in the job of the workflow: "
        f"{number(every['seconds'])} s and {number(every['memory_mb'])} MB for all of its "
        f"processes together; it writes {number(every['disk_mb'])} MB."
    )
    yield "**One fold** (standardise, ridge, elastic net) by perturbations and by α:"
    fold_keys = ("rows", "alphas", "features", "seconds", "elastic_net_seconds", "memory_mb")
    yield from table(
        ["perturbations", "α", "features", "time, s", "elastic net, s", "peak MB"],
        (
            cells({"alphas": 1, **one}, *fold_keys)
            for curve in ("perturbations", "alphas")
            for one in record["folds"][curve]
        ),
    )
