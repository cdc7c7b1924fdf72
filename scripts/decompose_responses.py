"""Find the principal components of the responses."""

import logging
from collections.abc import Sequence

from echoes.io.command import parser, run
from echoes.models.components import decompose, save_components
from echoes.screen import record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--perturbations", required=True, help="npz of the aligned tables")
    args.add_argument("--n-components", type=int, required=True, help="how many components")
    args.add_argument("--output", required=True, help="npz of the components")
    given = args.parse_args(argv)

    (responses,) = record.load_fields(given.perturbations, "responses")
    components = decompose(responses, given.n_components)
    log.info(
        "%d components explain %.8f of the variance",
        given.n_components,
        components.explained_variance.sum(),
    )
    save_components(given.output, components)


if __name__ == "__main__":
    run(main)
