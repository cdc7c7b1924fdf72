"""Find the principal components of the responses."""

import logging
from collections.abc import Sequence

from echoes.io.command import parser, run, whole
from echoes.models.components import decompose, save_components
from echoes.screen import record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    options.add_argument(
        "--n-components", type=whole(1), required=True, help="number of components"
    )
    options.add_argument("--output", required=True, help="npz of the components")
    args = options.parse_args(argv)

    (responses,) = record.load_fields(args.perturbations, "responses")
    components = decompose(responses, args.n_components)
    log.info(
        "%d components explain %.8f of the variance",
        args.n_components,
        components.explained_variance.sum(),
    )
    save_components(args.output, components)


if __name__ == "__main__":
    run(main)
