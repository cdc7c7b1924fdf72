"""A small run, made up, for tests of its page."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from echoes.report.page.data import largest_weights
from echoes.report.page.run import EveryGene, Explored, Perturbation, Run, Surrounding

#: A name that would do harm if it were taken for HTML, and one that would end a script.
HOSTILE = "<img src=x onerror=alert(1)>"
ENDING = "</script><!--\u2028&"
METRICS = ("score", "pearson_mean", "r2_mean", "discrimination_cosine", "mae")


def settings(name: str, network: dict[str, Any] | None) -> dict[str, Any]:
    member = {
        "models": ["echo"],
        "kernels": f"networks/{name}",
        "echo": {"rate": 2.0, "race": True},
    }
    if network:
        member["network"] = network
    crossval = {"folds": None, "parts": 1}
    return {
        "experiment": name,
        "protocol": "held_out",
        "crossval": crossval,
        "members": {name: member},
    }


STRING = {"name": "string", "version": "12.0", "species": 9606, "score_threshold": 0.5}
REWIRED = STRING | {"name": "rewired", "of": "string", "shuffle": "links", "seed": 0}
PERMUTED = STRING | {"name": "permuted", "of": "string", "shuffle": "labels", "seed": 0}
NETWORKS: dict[str, dict[str, Any]] = {
    "echo": STRING,
    "echo_rewired": REWIRED,
    "echo_permuted": PERMUTED,
}


def bounds(value: float, metric: str) -> tuple[float, float]:
    """Make an interval of a figure, where it has one."""
    return (value - 0.05, value + 0.1) if metric != "discrimination_cosine" else (np.nan, np.nan)


def make_pairs() -> pd.DataFrame:
    """Make a table of pairs: of one the difference is not known, another has no interval."""
    rows = []
    for experiment, kind in (("echo", "experiment"), ("additive", "baseline")):
        for seen in (2, 1, 0):
            for metric, value in (("pearson_mean", 0.4), ("mae", 0.2)):
                low = np.nan if seen == 0 else value - 0.1
                minus = [0.05, 0.01, 0.1] if experiment == "echo" else [np.nan] * 3
                rows.append([experiment, kind, seen, 7, metric, value, low, value + 0.1, *minus])
    columns = ["experiment", "kind", "genes_seen", "pairs", "metric"]
    columns += [
        f"{name}{end}" for name in ("value", "minus_additive") for end in ("", "_lower", "_upper")
    ]
    return pd.DataFrame(rows, columns=columns)


def make_curve() -> pd.DataFrame:
    """Make a learning curve of two sizes and two figures."""
    curve = pd.DataFrame({"training": [2, 4], "note": ["", "all"]})
    for metric, values in (("r2_mean", (0.1, 0.2)), ("discrimination_l1", (0.6, 0.7))):
        for end, shift in (("", 0.0), ("_lower", -0.1), ("_upper", 0.1)):
            curve[f"{metric}{end}"] = np.array(values) + shift
    return curve


def make_every() -> EveryGene:
    """Make predictions of three genes; one is in the screen, and one name is hostile."""
    beyond = np.array([[0.9, -0.5], [-0.4, -0.3], [0.2, 0.1]])
    return EveryGene(
        "echo",
        ["KO1", HOSTILE, "FAR"],
        np.array([True, False, False]),
        ["GENE1", ENDING],
        np.array([[0, 1], [1, 0], [0, 1]]),
        beyond + 0.05,
        beyond,
        np.array([[0.1, np.nan]] * 3),
        ["echo_slow"],
    )


def make_run(
    n: int = 6,
    v: int = 1,
    G: int = 12,
    *,
    experiments: tuple[str, ...] = ("echo", "echo_rewired", "echo_permuted"),
    figures: dict[tuple[str, str], tuple[float, float, float]] | None = None,
    differences: dict[tuple[str, str, str], tuple[float, float, float]] | None = None,
    **changes: Any,
) -> Run:
    """Make a run of n perturbations, v to predict, and G genes; two names are hostile."""
    random = np.random.default_rng(0)
    genes = np.array([HOSTILE, ENDING, *(f"GENE{k}" for k in range(G - 2))])
    names = [HOSTILE, *(f"KO{k}" for k in range(1, n)), *(f"new_{k}" for k in range(v))]
    truth = random.normal(scale=0.3, size=(n, G))
    truth[0, 0] = -2.0
    perturbations = [
        Perturbation(
            name=name,
            silenced=(HOSTILE if k == 0 else name.replace("new_", "NEW"),),
            measured=k < n,
            own=(k,) if k < min(n, G) else (),
            links={"string": k},
            warnings=(f"{HOSTILE} has no link.",) if k == 0 else (),
        )
        for k, name in enumerate(names)
    ]
    explored = [
        Explored(
            name,
            "string",
            np.vstack([truth, truth[:1].repeat(v, axis=0)]) * 0.8 + 0.01,
            np.full((n + v, G), 0.1),
            largest_weights(random.normal(size=(n + v, n))),
            "kernel ridge regression",
        )
        for name in experiments
    ]
    value = {"echo": 2.0, "mean": 0.0}
    if figures is None:
        figures = {
            (name, metric): (value.get(name, 1.0), value.get(name, 1.0) - 0.5, 3.0)
            for name in (*experiments, "mean")
            for metric in METRICS
        }
    if differences is None:
        differences = {
            (name, other, metric): (1.0, 0.5, 1.5)
            for name in experiments
            for other in (*experiments, "mean")
            for metric in METRICS
        }
    records = [
        {"name": name, "kind": "experiment", "protocol": "held_out", "parts": 1}
        for name in experiments
    ]
    columns = ["value", "lower", "upper"]
    summaries = {
        name: {
            "experiment": name,
            "settings": settings(name, NETWORKS.get(name)),
            "calibration": {"0.5": 0.5, "0.6827": 0.69},
            "choices": {},
            "network": {"genes": 20, "kept_links": 30, "warnings": []},
            "versions": {"python": "3.11"},
            "links": {"source": "data/links.txt", "sha256": "ab"},
        }
        for name in experiments
    }
    given: dict[str, Any] = {
        "dataset": "made <up>",
        "genes": genes,
        "truth": truth,
        "perturbations": perturbations,
        "explored": explored,
        "experiments": [
            {"name": "mean", "kind": "baseline", "protocol": "held_out", "parts": 1},
            *records,
        ],
        "summaries": summaries,
        "screen": {"inputs": {"means": {"path": "means.csv", "sha256": "cd"}}, "warnings": []},
        "comparison": pd.DataFrame([[*key, *numbers] for key, numbers in figures.items()]).set_axis(
            ["experiment", "metric", *columns], axis=1
        ),
        "differences": pd.DataFrame(
            [[*key, *numbers] for key, numbers in differences.items()],
            columns=["experiment", "reference", "metric", *columns],
        ),
        "scores": pd.DataFrame(
            [
                [name, names[row], metric, 0.1 * row, *bounds(0.1 * row, metric)]
                for name in (*experiments, "mean")
                for metric in ("pearson_mean", "discrimination_cosine", "mae")
                for row in range(n)
            ],
            columns=["experiment", "pert_symbol", "metric", *columns],
        ),
        "surroundings": {
            "string": Surrounding(
                0.25,
                [HOSTILE, "GENE1", "GENE2", "OTHER"],
                [([0, 1, 2, 3], [0.5, 0.3, 0.1, 0.1], 1, [(0, 1), (1, 2)])] * (n + v),
            )
        },
        "coverage": {"string": {"silenced": {"exact": n, "unknown": v}}},
        "twins": {"echo": {"echo_rewired": "links", "echo_permuted": "labels"}},
        "checks": [("size", f"{n} perturbations", "passed"), ("names", HOSTILE, "odd names")],
    }
    return Run(**(given | changes))
