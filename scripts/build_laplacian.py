"""Build the random-walk Laplacian I − A·D⁻¹ of an adjacency matrix."""

from collections.abc import Sequence

from echoes.io.command import parser, run
from echoes.network.graph import load_matrix, random_walk_laplacian, save_matrix


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--adjacency", required=True, help="npz of the adjacency matrix")
    options.add_argument("--output", required=True, help="npz of the Laplacian")
    args = options.parse_args(argv)

    laplacian = random_walk_laplacian(load_matrix(args.adjacency))
    save_matrix(args.output, laplacian)


if __name__ == "__main__":
    run(main)
