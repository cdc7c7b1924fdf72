"""Build the random-walk Laplacian I − A·D⁻¹ of an adjacency matrix."""

from collections.abc import Sequence

from echoes.io.arrays import load_matrix, save_matrix
from echoes.io.command import parser, run
from echoes.network.graph import random_walk_laplacian


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--adjacency", required=True, help="npz of the adjacency matrix")
    args.add_argument("--output", required=True, help="npz of the Laplacian")
    given = args.parse_args(argv)

    laplacian = random_walk_laplacian(load_matrix(given.adjacency))
    save_matrix(given.output, laplacian)


if __name__ == "__main__":
    run(main)
