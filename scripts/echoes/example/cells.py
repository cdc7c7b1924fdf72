"""The cells of the example: counts of molecules, drawn from the simulated mean expression."""

from __future__ import annotations

import numpy as np

from echoes.example.simulate import Simulated
from echoes.io.arrays import Floats, Strings
from echoes.io.files import StrPath
from echoes.io.h5ad_write import Category, write_h5ad

#: Label of the control cells, and how many of them there are for each cell of a perturbation.
CONTROL, CONTROLS = "non-targeting", 10
#: Molecules of the middle cell, and the standard deviation of their natural logarithm.
MOLECULES, SPREAD = 5000, 0.3


def draw_cells(simulated: Simulated, cells: int) -> tuple[Floats, Strings]:
    """Draw counts of molecules of each gene in each cell.

    The number of a cell's molecules is log-normal. They fall on the genes by chance, in the shares
    that follow from the mean expression.

    Parameters
    ----------
    simulated
        The data set.
    cells
        Cells of each perturbation; of the control `CONTROLS` times as many.

    Returns
    -------
    counts, labels
        (c, G) molecules, and (c,) perturbation of each cell, in random order.
    """
    rng = np.random.default_rng([simulated.parameters.seed, 1])
    training = simulated.training
    expression = np.vstack([simulated.control + training.deltas, simulated.control])
    shares = np.expm1(np.maximum(expression, 0.0) * np.log(2))
    shares /= shares.sum(axis=1, keepdims=True)
    names = np.array([*training.perturbations, CONTROL])
    of_cell = np.repeat(np.arange(len(names)), [cells] * (len(names) - 1) + [CONTROLS * cells])
    of_cell = rng.permutation(of_cell)
    total = rng.lognormal(np.log(MOLECULES), SPREAD, len(of_cell))
    counts = rng.poisson(shares[of_cell] * total[:, None]).astype(np.float64)
    return counts, names[of_cell]


def write_cells(path: StrPath, simulated: Simulated, cells: int) -> None:
    """Write the cells as an `.h5ad` file, with the column ``target_gene`` of obs."""
    counts, labels = draw_cells(simulated, cells)
    write_h5ad(
        path,
        counts,
        obs_names=("cell", np.array([f"cell_{i}" for i in range(len(labels))])),
        obs={"target_gene": Category(labels)},
        var_names=("gene", np.array(simulated.genes)),
        var={},
        layers={},
        uns={},
    )
