"""Paths of all files that depend on a configuration.

They contain ``<results>`` and ``<dataset>``, which Snakemake replaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from echoes.plan.experiments import Experiment

#: Folder of a data set's results.
DATASET = "<results>/<dataset>"

#: Name of the folder of the screen's files, which no experiment can have.
PERTURBATIONS = "perturbations"

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
    """Paths of the parts of an experiment's out-of-fold predictions, one file for each job.

    The published protocol has none.
    """
    parts = range(experiment.parts) if experiment.held_out else ()
    return [experiment_file(experiment.name, f"held_out/{part}.npz") for part in parts]


def export_files(experiment: str, formats: Sequence[str], *, validation: bool) -> dict[str, str]:
    """Paths of an experiment's predictions in the formats of other programs, by their content.

    Parameters
    ----------
    experiment
        Name of the experiment.
    formats
        Formats that are chosen: ``parquet``, ``h5ad``, ``effects``.
    validation
        Whether there are perturbations to predict.
    """
    files = {}
    if "parquet" in formats:
        files["oof"] = "oof_predictions.parquet"
        if validation:
            files["validation"] = "validation_predictions.parquet"
    if "h5ad" in formats:
        files["h5ad"] = "predictions.h5ad"
    if "effects" in formats:
        files["effects"] = "effects.parquet"
    return {content: experiment_file(experiment, file) for content, file in files.items()}


def result_files(
    experiment: Experiment,
    *,
    validation: bool,
    submission: bool | None = None,
    answers: bool = False,
    export: Sequence[str] = (),
) -> list[str]:
    """Paths of the final files of an experiment: tables, figures, submission, exports.

    Parameters
    ----------
    experiment
        The experiment.
    validation
        Whether there are perturbations to predict.
    submission
        Whether they are written as a submission; None if there are any.
    answers
        Whether there are genes to predict that are named in the configuration, or all genes.
    export
        Formats of other programs that predictions are written in; see `export_files`.
    """
    submission = validation if submission is None else submission
    files = ["oof_predictions.csv", "fold_scores.csv", "summary.json", "figure.png", "figure.pdf"]
    files += ["calibration.csv", "uncertainty.parquet"] if experiment.held_out else []
    files += ["submission.csv"] if submission else []
    files += ["gene_predictions.parquet", "top_effects.csv"] if answers else []
    exported = export_files(experiment.name, export, validation=validation)
    return [*(experiment_file(experiment.name, file) for file in files), *exported.values()]


def curve_files(experiments: Iterable[str]) -> list[str]:
    """Paths of the tables and figures of the learning curves of these experiments."""
    files = ("learning_curve.csv", "learning_curve.png")
    return [experiment_file(experiment, file) for experiment in experiments for file in files]


def comparison_files(sweeps: Sequence[str]) -> list[str]:
    """Paths of the tables that compare experiments, and of those that rank sweeps."""
    files = ["comparison.csv", "comparison.md", "differences.csv"]
    files += ["perturbation_scores.parquet", "gene_scores.parquet"]
    files += [f"sweeps/{sweep}.csv" for sweep in sweeps]
    return [f"{DATASET}/{file}" for file in files]
