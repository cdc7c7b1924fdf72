"""The sections of the benchmark: which processes are measured, and what is kept of them.

This module and what it imports stay small: a measured process starts with the peak memory of
the one that starts it.
"""

from __future__ import annotations

import dataclasses
import json
import re
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from side_by_side import names
from side_by_side.process import MeasurementError, call, execute
from side_by_side.workspace import (
    ALPHAS,
    OTHERS,
    SHARED,
    Size,
    Workspace,
    alphas,
    generate,
    knockout,
    published,
)

Record = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Run:
    """Where one run of the benchmark keeps its files, and how much it measures."""

    work: Path
    size: Size

    def data(self, perturbations: int | None = None) -> Path:
        """Make the generated data set, with so many perturbations."""
        count = perturbations or self.size.perturbations
        return generate(self.work / f"data_{count}", self.size, count)

    def raw(self, section: str) -> Path:
        """Name the file of a section's measurements."""
        return self.work / f"{section}.json"

    def prepared(self) -> Workspace:
        """Copy the workflow beside the generated data set, with one experiment an extra α."""
        experiments = {f"alphas_{count}": alphas(count) for count in range(1, len(ALPHAS) + 1)}
        settings = published("competition", self.data(), self.size, experiments)
        return Workspace.make(self.work / "prepared", settings)


def say(text: str) -> None:
    """Tell the reader how far it is."""
    print(text, flush=True)


def attempt(task: str, **arguments: Any) -> Record:
    """Run a task whose failure shall not end the others; without result then."""
    try:
        return call(task, **arguments)
    except MeasurementError as error:
        say(f"  failed: {error}")
        return {"timed_out": False}


def _joined(records: list[Record], *largest: str) -> Record:
    """Join repeated measurements: all times, their median, the largest of other numbers."""
    seconds = [record["seconds"] for record in records]
    return {
        **records[0],
        **{key: max(record[key] for record in records) for key in ("memory_mb", *largest)},
        "seconds": statistics.median(seconds),
        "all_seconds": seconds,
    }


def diffusion(run: Run) -> Record:
    """Diffusion from many genes, on the real network where it is there and on the made one."""
    folders = {}
    if SHARED.is_dir():
        shared = Workspace.make(run.work / "prepared", knockout())
        folders["STRING v11.5, shared data"] = shared.prepare("network/adjacency.npz")
    folders["generated"] = run.prepared().prepare("network/adjacency.npz")
    available = call("diffusion:backends")["found"]
    methods = [m for m in names.DIFFUSION if not m.startswith("echoes") or m in available]
    networks: Record = {}
    for label, folder in folders.items():
        solution = str(run.work / "reference.npy")
        common: Record = {"folder": str(folder), "count": run.size.starts}
        network = call("diffusion:reference", output=solution, **common)
        limit = 5 * run.size.limit
        found: dict[str, list[Record]] = {}
        for turn in range(run.size.repeats):
            for method in methods:
                if turn and names.DIFFUSION[method] != "repeated":
                    continue
                say(f"  {label}: {method}, {turn + 1}")
                record = attempt(
                    "diffusion:measure",
                    limit=limit,
                    method=method,
                    sample=run.size.sample,
                    solution=solution,
                    **common,
                )
                if "seconds" in record:
                    found.setdefault(method, []).append(record)
                elif record["timed_out"]:
                    # What it took at least.
                    record |= {"method": method, "seconds": limit, "all_seconds": [limit]}
                    found[method] = [record]
        networks[label] = {
            **network,
            "methods": [
                _joined(records, "residual", "error") if "residual" in records[0] else records[0]
                for records in found.values()
            ],
        }
    return {"networks": networks}


def elastic_net(run: Run) -> Record:
    """One fold, and single elastic nets of it."""
    workspace = run.prepared()
    folder = str(workspace.prepare("alphas_1/features.npz", "alphas_1/components.npz") / "alphas_1")
    folds = []
    for number in (0, run.size.perturbations // 2):
        ours = []
        for turn in range(run.size.repeats):
            say(f"  fold {number}: {names.ECHOES_FOLD}, {turn + 1}")
            ours.append(
                call("elastic_net:fold", method=names.ECHOES_FOLD, folder=folder, number=number)
            )
        say(f"  fold {number}: {names.SCIKIT_LEARN}")
        theirs = call("elastic_net:fold", method=names.SCIKIT_LEARN, folder=folder, number=number)
        # The record of the median, so that its parts add up; every time is kept beside it.
        middle = sorted(ours, key=lambda record: float(record["seconds"]))[len(ours) // 2]
        folds += [
            {**middle, "fold": number, "all_seconds": [record["seconds"] for record in ours]},
            {**theirs, "fold": number, "all_seconds": [theirs["seconds"]]},
        ]

    single = []
    for penalty in names.SINGLE:
        for method, turns in (
            (names.ECHOES_FOLD, run.size.repeats),
            (names.SKGLM, 1),
            (names.SCIKIT_LEARN, 1),
        ):
            say(f"  single fit at {penalty:g}: {method}")
            records = [
                attempt(
                    "elastic_net:single",
                    limit=run.size.limit if method == names.SKGLM else None,
                    method=method,
                    folder=folder,
                    number=0,
                    penalty=penalty,
                )
                for _ in range(turns)
            ]
            if all("seconds" in record for record in records):
                single.append(_joined(records, "gap"))
            else:
                single.append({**records[0], "method": method, "penalty": penalty})
    return {"folds": folds, "single": single}


def _stage(table: Path, top: Path) -> str:
    """Name the rule that a table of run times is of."""
    families = {"folds": "loo_fold", "held_out": "predict_held_out"}
    own = {"build_kernels", "diffuse", "download_string", "gunzip_string", *families}
    parent = table.parent.name
    return families.get(parent, parent) if parent in own and table.parent != top else table.stem


def _stages(workspace: Workspace) -> Record:
    """Sum the seconds of all jobs by rule."""
    top = workspace.path / "benchmarks" / workspace.dataset.name
    stages: Record = {}
    for table in sorted(top.rglob("*.tsv")):
        header, row = table.read_text(encoding="utf-8").splitlines()[:2]
        seconds = float(dict(zip(header.split("\t"), row.split("\t"), strict=True))["s"])
        stage = stages.setdefault(_stage(table, top), {"jobs": 0, "seconds": 0.0})
        stage["jobs"] += 1
        stage["seconds"] += seconds
    return stages


def _start_up(run: Run, *command: str) -> float:
    """Median time of a process that does nothing."""
    return statistics.median(
        execute([sys.executable, *command]).seconds for _ in range(2 * run.size.repeats)
    )


def whole_run(run: Run) -> Record:
    """From files to a submission, as a user runs it."""
    experiments = {"published": {"protocol": "published", "models": ["ridge", "elastic_net"]}}
    settings = published("competition", run.data(), run.size, experiments)
    workspace = Workspace.make(run.work / "whole_run", settings, fresh=True)
    say("  snakemake --cores 2")
    outcome = workspace.snakemake()
    folds = workspace.dataset / "published" / "folds"
    say("  snakemake -n")
    dry = [workspace.snakemake("-n") for _ in range(max(3, run.size.repeats))]
    if "Nothing to be done" not in dry[-1].text:
        say("  warning: the run is not finished")
    say("  parts of a fold")
    script = str(workspace.path / "scripts" / "loo_fold.py")
    jobs = [workspace.job("published/folds/0.npz") for _ in range(run.size.repeats)]
    return {
        "seconds": outcome.seconds,
        "cores": 2,
        "silenced": run.size.perturbations + run.size.validation,
        "folds": len(list(folds.glob("*.npz"))),
        "memory_mb": outcome.memory,
        "stages": _stages(workspace),
        "fits": call("elastic_net:fitted", folder=str(folds)),
        "dry_run_seconds": statistics.median(one.seconds for one in dry),
        "all_dry_run_seconds": [one.seconds for one in dry],
        "fold_seconds": statistics.median(job.seconds for job in jobs),
        "fold_memory_mb": max(job.memory for job in jobs),
        "start_seconds": {
            "python": _start_up(run, "-c", "pass"),
            "numpy": _start_up(run, "-c", "import numpy"),
            "fold script": _start_up(run, script, "--help"),
            "snakemake": _start_up(run, "-m", "snakemake", "--version"),
        },
    }


def comparison(run: Run) -> Record:
    """Add the echo model, all baselines and their comparison to a finished run."""
    experiments = {"published": {"protocol": "published", "models": ["ridge"]}}
    settings = published("competition", run.data(), run.size, experiments)
    workspace = Workspace.make(run.work / "comparison", settings, fresh=True)
    say("  a run without them")
    workspace.snakemake()
    # What is not said here is as config.yaml has it.
    del settings["experiments"]["echo"], settings["baselines"]
    say("  the same with them")
    before = _stages(workspace)
    outcome = workspace.snakemake()
    stages = {
        name: stage for name, stage in _stages(workspace).items() if stage != before.get(name)
    }
    return {
        "seconds": outcome.seconds,
        "memory_mb": outcome.memory,
        "stages": stages,
    }


def links(run: Run) -> Record:
    """Unpack a file of links as large as STRING's for human, and build its network."""
    data = run.data()
    folder = run.work / "large_links"
    folder.mkdir(exist_ok=True)
    files = {"links": str(folder / "links.txt.gz"), "info": str(folder / "info.txt.gz")}
    note = folder / "made.json"
    if not note.exists():
        say("  write the file")
        made = call(
            "large_links:write",
            links=files["links"],
            info=files["info"],
            names=str(data / "info.txt.gz"),
            rows=run.size.rows,
        )
        note.write_text(json.dumps(made), encoding="utf-8")
    settings = published("large", data, run.size)
    settings["string"] |= files
    settings["experiments"] = {"published": {"protocol": "published", "models": ["ridge"]}}
    workspace = Workspace.make(run.work / "prepared", settings)
    say("  prepare")
    workspace.prepare("network/summary.json", "string/links.txt")
    steps: dict[str, list[Record]] = {}
    for turn in range(max(1, run.size.repeats // 2)):
        for step, file in (
            ("gunzip_string", "string/links.txt"),
            ("build_network", "network/adjacency.npz"),
        ):
            say(f"  {step}, {turn + 1}")
            job = workspace.job(file)
            steps.setdefault(step, []).append({"seconds": job.seconds, "memory_mb": job.memory})
    summary = (workspace.dataset / "network" / "summary.json").read_text(encoding="utf-8")
    return {
        "file": json.loads(note.read_text(encoding="utf-8")),
        "steps": {step: _joined(records) for step, records in steps.items()},
        "network": {k: v for k, v in json.loads(summary).items() if isinstance(v, int)},
        "unpacked_mb": (workspace.dataset / "string" / "links.txt").stat().st_size / 1e6,
    }


def _growing_diffusions(run: Run, competition: Path) -> Iterator[tuple[str, Record]]:
    size = run.size
    silenced = size.perturbations + size.validation
    for genes in size.growth_genes:
        say(f"  diffusion, {genes} genes")
        made = str(run.work / f"network_{genes}.npz")
        if not Path(made).exists():
            call("growth:network", genes=genes, output=made)
        yield "genes", {"adjacency": made, "starts": silenced, "alphas": [0.75]}
    adjacency = str(competition / "network" / "adjacency.npz")
    for starts in size.growth_starts:
        say(f"  diffusion, {starts} perturbations")
        yield "perturbations", {"adjacency": adjacency, "starts": starts, "alphas": [0.75]}
    for count in range(1, len(ALPHAS) + 1):
        say(f"  diffusion, {count} alphas")
        yield "alphas", {"adjacency": adjacency, "starts": silenced, "alphas": ALPHAS[:count]}


def growth(run: Run) -> Record:
    """Diffusions and folds of growing size."""
    size = run.size
    workspace = run.prepared()
    experiments = [f"alphas_{count}" for count in range(1, len(ALPHAS) + 1)]
    competition = workspace.prepare(*(f"{name}/features.npz" for name in experiments))
    diffusions: dict[str, list[Record]] = {}
    for curve, arguments in _growing_diffusions(run, competition):
        record = call("growth:diffusion", repeats=max(1, size.repeats // 2), **arguments)
        diffusions.setdefault(curve, []).append(record)

    most = max(size.growth_rows)
    settings = published("grown", run.data(most), size, {"alphas_1": alphas(1)})
    grown = Workspace.make(run.work / "prepared", settings).prepare("alphas_1/features.npz")
    folds: dict[str, list[Record]] = {"perturbations": [], "alphas": []}
    for rows in size.growth_rows:
        say(f"  fold, {rows} perturbations")
        record = call(
            "growth:fold",
            features=str(grown / "alphas_1" / "features.npz"),
            perturbations=str(grown / "perturbations" / "perturbations.npz"),
            rows=rows,
            components=min(size.components, rows - 2),
        )
        folds["perturbations"].append(record)
    for count, name in enumerate(experiments, start=1):
        say(f"  fold, {count} alphas")
        record = call(
            "growth:fold",
            features=str(competition / name / "features.npz"),
            perturbations=str(competition / "perturbations" / "perturbations.npz"),
            rows=size.perturbations,
            components=size.components,
        )
        folds["alphas"].append({**record, "alphas": count})
    return {"diffusion": diffusions, "folds": folds}


def _large(run: Run, point: tuple[int, int, int, int, int]) -> tuple[Workspace, Workspace, str]:
    """Make a large data set; its runs with the `echo` model, and with its base alone."""
    n, genes, responses, count, components = point
    size = dataclasses.replace(
        run.size, genes=genes, links=26 * genes, validation=10, responses=responses
    )
    name = f"scale_{n}_{genes}_{responses}"
    chosen = list(ALPHAS[:count])
    learns = {"protocol": "held_out", "models": ["echo"], "features": {"transform": "log"}}
    settings = published(
        f"{name}_{count}_{components}",
        generate(run.work / name, size, n),
        dataclasses.replace(size, components=components),
        {
            "published": {"models": ["ridge", "elastic_net"], "diffusion": {"alphas": chosen}},
            "echo": {**learns, "diffusion": {"alphas": chosen}},
        },
    )
    settings["crossval"] = {"scheme": "k_fold", "folds": 10, "parts": 10}
    base = {**learns, "echo": {"kernels": [], "inner_folds": 3}}
    few = {"scheme": "k_fold", "folds": 2, "parts": 1}
    alone = {**settings, "experiments": {**dict.fromkeys(OTHERS), "base": base, "published": None}}
    alone |= {"crossval": few, "baselines": ["mean"]}
    kernels = f"log_alphas~{'+'.join(map(str, chosen))}"
    folder = run.work / "prepared"
    return Workspace.make(folder, settings), Workspace.make(folder, alone), kernels


def scale(run: Run) -> Record:
    """Measure the jobs of data sets of many sizes, each by itself."""
    jobs = []
    for point in run.size.scale:
        n, *_ = point
        workspace, alone, kernels = _large(run, point)
        files = {stage: file.format(kernels=kernels) for stage, (*_, file) in names.STAGES.items()}
        if n > run.size.scale_folds:
            del files["loo_fold"]
        for stage, file in files.items():
            say(f"  {', '.join(map(str, point))}: {stage}")
            which = alone if stage in {"aggregate_held_out", "compare_experiments"} else workspace
            # What it needs is made first, and itself once.
            made = which.prepare(file) / file
            outcome = which.job(file)
            own = made.parent.glob("*.*") if which is alone else [made]
            jobs.append(
                {
                    **dict(zip("nNGAT", point, strict=True)),
                    "stage": stage,
                    "seconds": outcome.seconds,
                    "memory_mb": outcome.memory,
                    "disk_mb": sum(path.stat().st_size for path in own) / 1e6,
                }
            )
    return {"jobs": jobs}


SECTIONS: dict[str, Callable[[Run], Record]] = {
    "diffusion": diffusion,
    "elastic_net": elastic_net,
    "whole_run": whole_run,
    "comparison": comparison,
    "links": links,
    "growth": growth,
    "scale": scale,
}


def processor() -> str:
    """Name the model of the processor."""
    found = re.search(
        r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE
    )
    return found[1] if found else "unknown"
