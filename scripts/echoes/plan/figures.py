"""The figures of a data set for papers: which there are, and the tables that they are drawn of."""

from __future__ import annotations

from echoes.models.catalogue import MODELS
from echoes.plan import paths
from echoes.plan.plan import Plan
from echoes.plan.twins import find_twins

#: Formats of each figure.
FORMATS = ("pdf", "svg", "png")
#: What each figure is called in a report.
TITLES = {
    "comparison": "All scores, drawn",
    "perturbations": "Scores by perturbation",
    "calibration": "Calibration of expected errors",
    "learning_curve": "Learning curves",
    "network_help": "What the network adds, by links",
}


def names(plan: Plan) -> list[str]:
    """List the figures of a data set: those that there is something to draw for.

    Parameters
    ----------
    plan
        The plan of the run.

    Returns
    -------
    list
        Some of ``comparison`` and ``perturbations``, where an experiment or a baseline is held
        out; ``calibration``, where an experiment has expected errors; ``learning_curve``; and
        ``network_help``, where an experiment has a twin on a shuffled network.
    """
    found = ["comparison", "perturbations"] if plan.compared else []
    found += ["calibration"] if calibrated(plan) else []
    found += ["learning_curve"] if plan.curves else []
    return found + (["network_help"] if find_twins(plan) else [])


def files(plan: Plan, kind: str) -> dict[str, str]:
    """Paths of the figures in one format, by their names."""
    return {name: f"{paths.DATASET}/figures/{name}.{kind}" for name in names(plan)}


def caption(name: str) -> str:
    """Path of the caption of a figure in a report, seen from the rules."""
    return f"../report/figure_{name}.rst"


def final_files(plan: Plan) -> list[str]:
    """List the paths of all figures in all formats."""
    return [path for kind in FORMATS for path in files(plan, kind).values()]


def calibrated(plan: Plan) -> list[str]:
    """List the held-out experiments whose predictions have expected errors.

    These are ensembles, and experiments with an inner loop in each of their models.
    """
    return [
        name
        for name, each in plan.experiments.items()
        if each.held_out
        and (each.members or all(MODELS[model].expected_errors for model in each.models))
    ]


def tables(plan: Plan) -> list[str]:
    """List the paths of all tables that the figures are drawn of, besides those of comparisons."""
    found = [paths.experiment_file(name, "calibration.csv") for name in calibrated(plan)]
    found += [paths.experiment_file(name, "learning_curve.csv") for name in plan.curves]
    for network in dict.fromkeys(each.network for each in find_twins(plan)):
        for file in ("adjacency.npz", "genes.tsv", "coverage.tsv"):
            found.append(paths.network_file(network, file))
    return found
