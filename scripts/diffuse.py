"""Solve the random walk with restart from every silenced gene, for one restart parameter."""

import logging
from collections.abc import Sequence

import numpy as np

from echoes.io.arrays import load_matrix
from echoes.io.command import parser, run
from echoes.network.diffusion import BACKENDS, Diffusions, diffuse, save_diffusions
from echoes.network.graph import read_positions
from echoes.screen import record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--adjacency", required=True, help="npz of the adjacency matrix")
    args.add_argument("--laplacian", required=True, help="npz of the random-walk Laplacian")
    args.add_argument("--genes", required=True, help="table of the genes of the network")
    args.add_argument("--perturbations", required=True, help="npz of the screen")
    args.add_argument("--alpha", type=float, required=True, help="probability of a step, 0 … 1")
    args.add_argument("--tolerance", type=float, required=True, help="largest residual")
    args.add_argument("--backend", choices=BACKENDS, required=True, help="name of the solver")
    args.add_argument(
        "--memory-gb", type=float, required=True, help="memory for a dense matrix, 10⁹ bytes"
    )
    args.add_argument("--workers", type=int, required=True, help="processes for many genes")
    args.add_argument("--output", required=True, help="npz of the diffusions")
    given = args.parse_args(argv)

    training, validation = record.load_fields(
        given.perturbations, "silenced", "validation_silenced"
    )
    symbols, row = np.unique(np.concatenate([training, validation]), return_inverse=True)
    solution = diffuse(
        load_matrix(given.adjacency),
        load_matrix(given.laplacian),
        read_positions(given.genes, symbols.tolist()),
        given.alpha,
        tolerance=given.tolerance,
        backend=given.backend,
        memory_gb=given.memory_gb,
        workers=given.workers,
    )
    log.info(
        "α = %g: %d genes, %s backend, %d iterations, largest residual %.3g",
        given.alpha,
        len(symbols),
        solution.backend,
        solution.iterations,
        solution.residual.max(),
    )
    train, unseen = np.split(solution.x[row], [len(training)])
    residual = solution.residual[row]
    save_diffusions(
        given.output, Diffusions(train, unseen, residual, solution.iterations, solution.backend)
    )


if __name__ == "__main__":
    run(main)
