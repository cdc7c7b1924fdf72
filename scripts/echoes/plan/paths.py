"""Paths of all files that depend on a configuration.

They contain ``<results>`` and ``<dataset>``, which Snakemake replaces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from echoes.plan.experiments import Experiment

#: Folder of a data set's results.
DATASET = "<results>/<dataset>"

#: STRING's server; https://string-db.org/cgi/download
STRING_URL = (
    "https://stringdb-downloads.org/download/{stem}.v{version}/{species}.{stem}.v{version}.txt.gz"
)


def string_url(settings: Mapping[str, Any], table: str) -> str:
    """URL of a table of STRING on its server.

    Parameters
    ----------
    settings
        Settings of the network: species, version, type of network and channels.
    table
        ``links``, ``info`` or ``aliases``. The channels are in the full table of links alone.
    """
    stem = f"protein.{table}"
    if table == "links":
        physical = ".physical" if settings["network_type"] == "physical" else ""
        full = "" if settings["channels"] is None else ".full"
        stem = f"protein{physical}.links{full}"
    return STRING_URL.format(stem=stem, **settings)


def network_file(network: str, file: str) -> str:
    """Path of a file of a network."""
    return f"{DATASET}/networks/{network}/{file}"


def experiment_file(experiment: str, file: str) -> str:
    """Path of a file of an experiment."""
    return f"{DATASET}/{experiment}/{file}"


def kernels_name(experiment: Experiment) -> str:
    """Name of an experiment's kernels: the settings that they depend on, besides the network."""
    alphas = "+".join(map(str, experiment.sections["diffusion"]["alphas"]))
    return f"{experiment.sections['features']['transform']}_alphas~{alphas}"


def kernels_file(experiment: Experiment) -> str:
    """Path of an experiment's kernels, relative to the folder of the data set."""
    return f"networks/{experiment.network}/kernels/{kernels_name(experiment)}.npz"


def features_file(experiment: Experiment) -> str:
    """Path of an experiment's features, relative to the folder of the data set."""
    return f"{experiment.name}/features.npz"


def part_files(experiment: Experiment) -> list[str]:
    """Paths of the parts of an experiment's out-of-fold predictions, one file for each job."""
    return [
        experiment_file(experiment.name, f"held_out/{part}.npz") for part in range(experiment.parts)
    ]


def result_files(experiment: Experiment, *, validation: bool) -> list[str]:
    """Paths of the final files of an experiment: tables, figures and submission.

    Parameters
    ----------
    experiment
        The experiment.
    validation
        Whether there are perturbations to predict.
    """
    files = ["oof_predictions.csv", "fold_scores.csv", "summary.json", "figure.png", "figure.pdf"]
    files += ["calibration.csv", "uncertainty.parquet"] if experiment.held_out else []
    files += ["submission.csv"] if validation else []
    return [experiment_file(experiment.name, file) for file in files]


def comparison_files(sweeps: Sequence[str]) -> list[str]:
    """Paths of the tables that compare experiments, and of those that rank sweeps."""
    files = ["comparison.csv", "comparison.md", "differences.csv"]
    files += ["perturbation_scores.parquet", "gene_scores.parquet"]
    files += [f"sweeps/{sweep}.csv" for sweep in sweeps]
    return [f"{DATASET}/{file}" for file in files]
