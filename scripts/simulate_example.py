"""Simulate a data set with a known network signal, in the real file formats."""

from __future__ import annotations

import dataclasses
import logging
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
}
_OUTPUTS = {
    "links": "STRING's links",
    "info": "STRING's protein info",
    "means": "mean expression of each perturbation and of the control",
    "truth": "deltas, weights and baselines of the training set",
    "validation": "ids and names of the genes to predict",
    "sample_submission": "zero rows for all ids",
    "validation_truth": "deltas, weights and baselines of the genes to predict",
}


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def main(argv: Sequence[str] | None = None) -> None:
    """Simulate a screen and write its files."""
    parser = command.parser(__doc__)
    for field in dataclasses.fields(Parameters):
        help_text, default = _PARAMETERS[field.name], field.default
        parser.add_argument(
            _option(field.name), type=type(default), default=default, help=help_text
        )
    for name, content in _OUTPUTS.items():
        help_text = f"output: {content}; compressed where the name ends in .gz"
        parser.add_argument(_option(name), type=Path, required=True, help=help_text)
    args = vars(parser.parse_args(argv))

    parameters = Parameters(**{name: args[name] for name in _PARAMETERS})
    files.write(simulate.simulate(parameters), **{name: args[name] for name in _OUTPUTS})
    logging.info(
        "simulated %d perturbations and %d genes to predict on %d links",
        parameters.perturbations,
        parameters.validation_genes,
        parameters.network_links,
    )


if __name__ == "__main__":
    command.run(main)
