"""Predict what happens if any gene of the network is silenced, by one fit on the whole screen."""

import argparse
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from echoes.io.arrays import Floats, Ints, positions
from echoes.io.command import parser, run, whole
from echoes.io.files import load_record
from echoes.models.all_genes import FittedExperiment, fit_experiment
from echoes.models.kernels import Kernels, extend_kernels, load_kernels, reach
from echoes.models.task import build_task
from echoes.network.diffusion import diffuse, load_diffusions
from echoes.network.features import transform
from echoes.network.graph import degree, has_link, load_matrix, read_genes, read_positions
from echoes.network.nodes import RESPONSE, SILENCED, read_nodes
from echoes.report.gene_predictions import Block, make_block, write_blocks
from echoes.screen import record

log = logging.getLogger(__name__)

#: Genes that are predicted together. It is a constant, so that the last digits do not depend on
#: the number of workers.
BLOCK = 512


@dataclass(frozen=True)
class Predictor:
    """All that the prediction of a block of genes needs; processes get a copy.

    Parameters
    ----------
    fitted
        The experiment.
    adjacency, laplacian
        (N, N) matrices of the network.
    genes
        N names of its genes.
    kernels
        Kernels of the training perturbations.
    training
        For each α, (n, N) features of the training perturbations.
    measured
        (G,) positions of the response genes in the network.
    silenced
        (n,) positions of the silenced genes in the network.
    settings
        Settings of the experiment: alphas, tolerance and transformation.
    """

    fitted: FittedExperiment
    adjacency: sparse.csr_array[np.float64]
    laplacian: sparse.csr_array[np.float64]
    genes: Sequence[str]
    kernels: Kernels
    training: Sequence[Floats]
    measured: Ints
    silenced: Ints
    settings: dict[str, Any]

    def predict(self, block: Ints) -> Block:
        """Predict the genes at these positions in the network."""
        diffusion = self.settings["diffusion"]
        walks = [
            self.diffuse(block, alpha, diffusion["tolerance"]) for alpha in diffusion["alphas"]
        ]
        reached = reach(walks, self.measured)
        features = features_of(walks, self.adjacency, self.settings)
        kernels = extend_kernels(self.kernels, self.training, features, reached)
        own = positions(block.tolist(), self.measured.tolist())
        predicted, error = self.fitted.predict(kernels, own)
        return make_block(
            [self.genes[i] for i in block],
            np.isin(block, self.silenced),
            predicted=predicted,
            centre=self.fitted.centre,
            expected_error=error,
        )

    def diffuse(self, block: Ints, alpha: float, tolerance: float) -> Floats:
        """Solve the walks from some genes: a factorisation would have to be made for each block."""
        return diffuse(
            self.adjacency,
            self.laplacian,
            block,
            alpha,
            tolerance=tolerance,
            backend="iterative",
            memory_gb=0,
            workers=1,
        ).x


def features_of(
    walks: Sequence[Floats], adjacency: sparse.csr_array[np.float64], settings: dict[str, Any]
) -> list[Floats]:
    """Transform the diffusions of each α to features."""
    degrees = degree(adjacency)
    return [transform(walk, degrees, settings["features"]["transform"]) for walk in walks]


_PREDICTOR: list[Predictor] = []


def _start(predictor: Predictor) -> None:
    """Keep the predictor in a process of the pool, and compute on one thread there."""
    threadpool_limits(1)
    _PREDICTOR[:] = [predictor]


def _predict(block: Ints) -> Block:
    return _PREDICTOR[0].predict(block)


def predict_all(predictor: Predictor, genes: Ints, workers: int) -> Iterator[Block]:
    """Predict genes in blocks, in order, in several processes."""
    blocks = np.split(genes, range(BLOCK, len(genes), BLOCK))
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start, (predictor,)) as pool:
        for number, block in enumerate(pool.map(_predict, blocks), 1):
            log.info("block %d of %d", number, len(blocks))
            yield block


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    options.add_argument("--settings", required=True, help="json of the experiment's settings")
    options.add_argument("--adjacency", required=True, help="npz of the adjacency matrix")
    options.add_argument("--laplacian", required=True, help="npz of the random-walk Laplacian")
    options.add_argument("--genes", required=True, help="table of the genes of the network")
    options.add_argument("--coverage", required=True, help="table of the node of each gene")
    options.add_argument("--diffusions", nargs="+", required=True, help="npz files, in order")
    options.add_argument("--workers", type=whole(1), required=True, help="most processes")
    options.add_argument("--output", required=True, help="parquet of all predictions")
    options.add_argument("--largest", required=True, help="table of the largest effects")
    args = options.parse_args(argv)

    predictor, response = _load(args)
    linked = np.flatnonzero(has_link(predictor.adjacency))
    names = np.array(predictor.genes)[linked]
    order = linked[np.argsort(names, kind="stable")]
    log.info("%d genes to predict", len(order))
    write_blocks(
        args.output, args.largest, response, predict_all(predictor, order, max(args.workers, 1))
    )


def _load(args: argparse.Namespace) -> tuple[Predictor, list[str]]:
    """Load the screen and the network, and fit the experiment."""
    settings = next(iter(load_record(args.settings)["members"].values()))
    deltas, weights, control, genes, silenced = record.load_fields(
        args.perturbations, "truth", "weights", "control", "genes", "silenced"
    )
    folder = Path(args.settings).parent.parent
    kernels = load_kernels(folder / settings["kernels"], G=len(genes))
    task = build_task(deltas, weights, control, genes.tolist(), silenced.tolist(), kernels, None)
    with threadpool_limits(1):
        fitted = fit_experiment(task, settings["models"], settings)
    adjacency = load_matrix(args.adjacency)
    count, n = adjacency.shape[0], len(silenced)
    nodes = {
        role: read_positions(args.genes, read_nodes(args.coverage, role, names.tolist()), count)
        for role, names in ((RESPONSE, genes), (SILENCED, silenced))
    }
    walks = [load_diffusions(path, n=n, N=count).train for path in args.diffusions]
    predictor = Predictor(
        fitted=fitted,
        adjacency=adjacency,
        laplacian=load_matrix(args.laplacian),
        genes=read_genes(args.genes),
        kernels=kernels,
        training=features_of(walks, adjacency, settings),
        measured=nodes[RESPONSE],
        silenced=nodes[SILENCED],
        settings=settings,
    )
    return predictor, genes.tolist()


if __name__ == "__main__":
    run(main)
