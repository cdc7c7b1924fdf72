"""Simulate a data set with a known network signal, in the real file formats."""

from __future__ import annotations

import dataclasses
import logging
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from echoes.example import files, simulate
from echoes.example.parameters import Parameters
from echoes.io import command

_PARAMETERS = {
    "network_genes": "genes in the network",
    "network_links": "linked pairs of proteins; each is in the file twice",
    "perturbations": "perturbed genes of the training set",
    "validation_genes": "perturbed genes to predict",
    "response_genes": "genes whose response is measured",
    "isolated": "training genes, and as many validation genes, without a link",
    "padding": "rows of the sample submission beyond the validation genes",
    "signal": "share (0 to 1) of the specific response that follows the network",
    "noise": "standard deviation of the measurement (log2 units)",
    "seed": "seed of the random numbers",
    "pairs": "pairs of perturbed genes that are measured too",
    "interaction": "standard deviation of what pairs respond beyond the sum (log2 units)",
}
#: What is written, and the name of the file in the folder that may be given.
_OUTPUTS = {
    "links": ("STRING's links", "9606.protein.links.v12.0.txt.gz"),
    "info": ("STRING's protein info", "9606.protein.info.v12.0.txt.gz"),
    "means": (
        "mean expression of each perturbation and of the control",
        "training_data_means.csv",
    ),
    "truth": (
        "deltas, weights and baselines of the training set",
        "training_data_ground_truth_table.csv",
    ),
    "validation": ("ids and names of the genes to predict", "pert_ids_val.csv"),
    "sample_submission": ("zero rows for all ids", "sample_submission.csv"),
    "validation_truth": (
        "deltas, weights and baselines of the genes to predict",
        "validation_truth.csv",
    ),
}


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _in_folder(parser: ArgumentParser, folder: Path | None, name: str) -> Path:
    """Path of an output that has no path of its own."""
    if folder is None:
        parser.error(f"{_option(name)} or --folder is needed")
    return folder / _OUTPUTS[name][1]


def main(argv: Sequence[str] | None = None) -> None:
    """Simulate a screen and write its files."""
    parser = command.parser(__doc__)
    for field in dataclasses.fields(Parameters):
        help_text, default = _PARAMETERS[field.name], field.default
        parser.add_argument(
            _option(field.name), type=type(default), default=default, help=help_text
        )
    for name, (content, _) in _OUTPUTS.items():
        help_text = f"output: {content}; compressed where the name ends in .gz"
        parser.add_argument(_option(name), type=Path, help=help_text)
    parser.add_argument("--folder", type=Path, help="folder of all outputs that are not named")
    parser.add_argument("--h5ad", type=Path, help="output: the cells of the training set, if any")
    parser.add_argument(
        "--cells",
        type=command.whole(1),
        default=50,
        help="cells of each perturbation; 10 times as many controls",
    )
    args = vars(parser.parse_args(argv))
    paths = {name: args[name] or _in_folder(parser, args["folder"], name) for name in _OUTPUTS}

    parameters = Parameters(**{name: args[name] for name in _PARAMETERS})
    simulated = simulate.simulate(parameters)
    files.write(simulated, **paths)
    if args["h5ad"] is not None:
        # h5py takes a while to import.
        from echoes.example.cells import write_cells

        write_cells(args["h5ad"], simulated, args["cells"])
    logging.info(
        "simulated %d perturbations and %d genes to predict on %d links",
        parameters.perturbations,
        parameters.validation_genes,
        parameters.network_links,
    )


if __name__ == "__main__":
    command.run(main)
