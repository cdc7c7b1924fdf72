"""The files of the example, in the layouts of STRING and of the competition."""

from __future__ import annotations

import contextlib
import gzip
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np

from echoes.example.network import Network
from echoes.example.responses import BASELINE_DECIMALS, DECIMALS, WEIGHT_DECIMALS, Responses
from echoes.example.simulate import Simulated
from echoes.io.arrays import Ints
from echoes.io.files import StrPath, atomic_path


def write(
    simulated: Simulated,
    *,
    links: StrPath,
    info: StrPath,
    means: StrPath,
    truth: StrPath,
    validation: StrPath,
    sample_submission: StrPath,
    validation_truth: StrPath,
) -> None:
    """Write a data set, byte for byte the same for the same data set.

    A path that ends in ``.gz`` is written compressed.

    Parameters
    ----------
    simulated
        The data set.
    links, info
        The network, in STRING's layout.
    means, truth
        The training set, in the competition's layout.
    validation
        The ids and names of the genes to predict.
    sample_submission
        Table of zeros: a row for each validation gene, then the padding rows.
    validation_truth
        True responses to the validation genes, in the layout of `truth`, by validation id. Its
        baseline is the error of predicting the mean training response.
    """
    network, genes, parameters = simulated.network, simulated.genes, simulated.parameters
    _write_lines(links, _link_lines(network))
    _write_lines(info, _info_lines(network))

    training = simulated.training
    rows = [*(simulated.control + training.deltas), simulated.control]
    names = [*training.perturbations, "non-targeting"]
    # A sum of two rounded numbers is rounded, but for the last bit.
    cells = ",".join([f"%.{DECIMALS}f"] * len(genes))
    lines = (f"{name},{cells % tuple(abs(row))}" for name, row in zip(names, rows, strict=True))
    _write_lines(means, _headed(["pert_symbol", *genes], lines))
    _write_truth(truth, genes, training.perturbations, training, simulated.truth_order)

    ids = [f"pert_{i}" for i in range(1, parameters.validation_genes + parameters.padding + 1)]
    known = ids[: parameters.validation_genes]
    named = zip(simulated.validation.perturbations, known, strict=True)
    lines = (f"{gene},val,{name}" for gene, name in named)
    _write_lines(validation, _headed(["pert", "class", "pert_id"], lines))
    zeros = ",".join(["0.0"] * len(genes))
    _write_lines(
        sample_submission, _headed(["pert_id", *genes], (f"{name},{zeros}" for name in ids))
    )
    _write_truth(
        validation_truth, genes, known, simulated.validation, np.arange(parameters.validation_genes)
    )


def _headed(header: Sequence[str], lines: Iterable[str]) -> Iterator[str]:
    yield ",".join(header)
    yield from lines


def _link_lines(network: Network) -> Iterator[str]:
    proteins = network.proteins
    yield "protein1 protein2 combined_score"
    both = np.concatenate([network.pairs, network.pairs[:, ::-1]])
    order = np.lexsort((both[:, 1], both[:, 0]))
    first, second = both[order].T
    scores = np.concatenate([network.scores, network.scores])[order]
    for a, b, score in zip(first.tolist(), second.tolist(), scores.tolist(), strict=True):
        yield f"{proteins[a]} {proteins[b]} {score}"


def _info_lines(network: Network) -> Iterator[str]:
    yield "#string_protein_id\tpreferred_name\tprotein_size\tannotation"
    columns = (network.proteins, network.names, network.sizes, network.annotations)
    for protein, name, size, annotation in zip(*columns, strict=True):
        if name:
            yield f"{protein}\t{name}\t{size}\t{annotation}"


def _write_truth(
    path: StrPath, genes: Sequence[str], ids: Sequence[str], responses: Responses, order: Ints
) -> None:
    """Write deltas, weights and baselines, one row an id."""
    deltas = ",".join([f"%.{DECIMALS}f"] * len(genes))
    weights = ",".join([f"%.{WEIGHT_DECIMALS}f"] * len(genes))
    lines = (
        f"{ids[i]},{deltas % tuple(responses.deltas[i])},{weights % tuple(responses.weights[i])},"
        f"{responses.baseline[i]:.{BASELINE_DECIMALS}f}"
        for i in order.tolist()
    )
    header = ["pert_id", *genes, *(f"w_{gene}" for gene in genes), "baseline_wmae"]
    _write_lines(path, _headed(header, lines))


def _write_lines(path: StrPath, lines: Iterable[str]) -> None:
    with _writing(path) as stream:
        stream.writelines(f"{line}\n" for line in lines)


@contextlib.contextmanager
def _writing(path: StrPath) -> Iterator[TextIO]:
    """Open text for writing, compressed where the name says so."""
    with atomic_path(path) as partial, partial.open("wb") as raw:
        if Path(path).suffix == ".gz":
            # The header holds neither a time nor a name, so that bytes repeat.
            with (
                gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
                io.TextIOWrapper(packed, encoding="utf-8", newline="") as stream,
            ):
                yield stream
        else:
            with io.TextIOWrapper(raw, encoding="utf-8", newline="") as stream:
                yield stream
