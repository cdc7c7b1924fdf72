"""What single jobs of many sizes take, and a model of their cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from side_by_side.process import Record, say
from side_by_side.tables import Bar, Records, cells, number, table
from side_by_side.workspace import ALPHAS, NETWORK, Run, Workspace, generate, published

TITLE = "What a job takes, by size"
BARS: tuple[Bar, ...] = ()

#: Stage → the terms that its time is a sum of, those of its memory and of what it writes, and the
#: file that its job makes. n perturbations, N genes of the network, G response genes, A restart
#: parameters, T components.
STAGES = {
    "read_perturbations": (("nG",), ("nG",), "perturbations/perturbations.npz"),
    "diffuse": (("N", "nN"), ("N", "nN"), f"{NETWORK}/diffusion/alpha~0.75.npz"),
    "build_kernels": (
        ("AnN", "An²N", "nG"),
        ("AnN", "An²", "nG"),
        f"{NETWORK}/kernels/log_alphas~{{alphas}}.npz",
    ),
    "loo_fold": (("AnN", "An²N", "AnNT"), ("AnN", "AN"), "published/folds/0.npz"),
    "predict_held_out": (
        ("nG", "n²G", "An²", "n³"),
        ("nG", "n²", "An²"),
        "echo/held_out/0.npz",
    ),
    "aggregate_held_out": (("nG", "n²G"), ("nG", "n²"), "base/summary.json"),
    "compare_experiments": (("nG", "n²G"), ("nG", "n²", "n"), "comparison.csv"),
}
#: What is fitted → its name in the report and its unit.
COSTS = {
    "seconds": ("time, s", "s"),
    "memory_mb": ("peak memory, MB", "MB"),
    "disk_mb": ("disk, MB", "MB"),
}
#: n at which the model is written down, and N, G, A and T.
FORESEEN = (100, 500, 2_000, 10_000)
OTHERS = (17_000, 8_000, 3, 35)


def _workspaces(run: Run, point: tuple[int, int, int, int, int]) -> tuple[Workspace, Workspace]:
    """Make a large data set; its runs with the `echo` model, and with its base alone."""
    n, genes, responses, count, components = point
    size = dataclasses.replace(
        run.size,
        genes=genes,
        links=26 * genes,
        validation=10,
        responses=responses,
        components=components,
    )
    name = f"scale_{n}_{genes}_{responses}"
    data = generate(run.work / name, size, n)
    model = {"models": ["echo"], "features": {"transform": "log"}}
    sized = Run(run.work, size)
    whole = sized.workspace(
        "prepared",
        f"{name}_{count}_{components}",
        {
            "published": published("ridge", "elastic_net", alphas=count),
            "echo": {**model, "diffusion": {"alphas": list(ALPHAS[:count])}},
        },
        data,
    )
    whole.settings["crossval"] = {"scheme": "k_fold", "folds": 10, "parts": 10}
    base = {**model, "echo": {"kernels": []}, "inner_crossval": {"folds": 3}}
    alone = {
        **whole.settings,
        "experiments": {"base": base},
        "crossval": {"scheme": "k_fold", "folds": 2, "parts": 1},
        "baselines": ["mean"],
    }
    return whole, dataclasses.replace(whole, settings=alone)


def measure(run: Run) -> Record:
    """Measure the jobs of data sets of many sizes, each by itself."""
    jobs = []
    for point in run.size.scale:
        whole, alone = _workspaces(run, point)
        alphas = "+".join(map(str, ALPHAS[: point[3]]))
        for stage, (_, _, file) in STAGES.items():
            if stage == "loo_fold" and point[0] > run.size.scale_folds:
                continue
            say(f"  {', '.join(map(str, point))}: {stage}")
            several = stage in {"aggregate_held_out", "compare_experiments"}
            workspace = alone if several else whole
            # What it needs is made first, and itself once.
            path = workspace.prepare(file.format(alphas=alphas)) / file.format(alphas=alphas)
            outcome = workspace.job(file.format(alphas=alphas))
            written = path.parent.glob("*.*") if several else [path]
            jobs.append(
                {
                    **dict(zip("nNGAT", point, strict=True)),
                    "stage": stage,
                    "seconds": outcome.seconds,
                    "memory_mb": outcome.memory,
                    "disk_mb": sum(path.stat().st_size for path in written) / 1e6,
                }
            )
    return {"jobs": jobs}


def write(records: Records) -> Iterator[str]:
    """Write the cost model, the points that it was fitted on, and what it says of larger runs."""
    from side_by_side import cost  # numpy would make the process large that measures

    jobs = records["scale"]["jobs"]
    yield (
        "A job's cost is a constant and terms in the numbers of perturbations n, network genes N, "
        "response genes G, restart parameters A and components T, none below 0, fitted so that "
        "relative errors are small. **Off**: the largest relative error at a point. **Largest "
        "unseen**: the same where the points of the largest n are predicted from the others. "
        "**Grows with**: the power of n between the two largest n that were measured. A "
        "fold of `predict_held_out` is one of ten of `echo`; a comparison is of two."
    )
    of_stage = {stage: [job for job in jobs if job["stage"] == stage] for stage in STAGES}
    models = {
        (stage, what): cost.fit(
            of_stage[stage],
            time if what == "seconds" else space,
            what,
        )
        for stage, (time, space, _) in STAGES.items()
        for what in COSTS
    }
    yield from table(
        ["stage", "of a job", "model", "off", "largest unseen", "grows with"],
        (
            [
                f"`{stage}`" if what == "seconds" else "",
                COSTS[what][0],
                model.formula(),
                f"{model.off:.0%}",
                "–" if model.unseen is None else f"{model.unseen:+.0%}",
                f"n^{cost.exponent(of_stage[stage], what):.2f}",
            ]
            for (stage, what), model in models.items()
        ),
    )
    yield "By it, at N = 17,000, G = 8,000, A = 3, T = 35, a job takes:"
    yield from table(
        ["stage", *(f"n = {n:,}" for n in FORESEEN)],
        (
            [
                f"`{stage}`",
                *(
                    ", ".join(
                        f"{number(models[stage, what].at(n, *OTHERS), 2)} {unit}"
                        for what, (_, unit) in COSTS.items()
                    )
                    for n in FORESEEN
                ),
            ]
            for stage in STAGES
        ),
    )
    yield "Seconds, peak memory, size of what it writes. The points:"
    yield from table(
        ["stage", "n", "N", "G", "A", "T", "time, s", "peak MB", "disk, MB"],
        (
            [f"`{job['stage']}`", *cells(job, *"nNGAT", *COSTS)]
            for stage in STAGES
            for job in of_stage[stage]
        ),
    )
