"""Tables in the layout of PerturbQA: pairs of a perturbation and a gene with labels and a split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]

#: Columns of a table, as `dataset: columns:` names them.
COLUMNS = {"perturbation": "pert", "gene": "gene", "effect": "label", "split": "split"}


def question_table(
    effects: Array,
    perturbations: Sequence[str],
    genes: Sequence[str],
    *,
    pairs: int,
    test: float = 0.25,
    seed: int = 0,
) -> pd.DataFrame:
    """Ask of random genes whether each perturbation changes them.

    Parameters
    ----------
    effects
        (n, G) numbers; the label is 1 for the third of the asked pairs with the largest ones.
    perturbations, genes
        Names of the n perturbations and of the G genes.
    pairs
        Number of genes that are asked for each perturbation.
    test
        Share of the perturbations whose split is test.
    seed
        Seed of the choice of genes and of the split.
    """
    random = np.random.default_rng(seed)
    n = len(perturbations)
    asked = np.array([random.choice(len(genes), pairs, replace=False) for _ in range(n)])
    chosen = np.take_along_axis(effects, asked, axis=1)
    split = np.where(random.permutation(n) < test * n, "test", "train")
    return pd.DataFrame({
        "pert": np.repeat(np.asarray(perturbations), pairs),
        "gene": np.asarray(genes)[asked.ravel()],
        "label": (chosen > np.quantile(chosen, 2 / 3)).astype(int).ravel(),
        "split": np.repeat(split, pairs),
    })  # fmt: skip


def network_effects(
    links: npt.NDArray[np.intp],
    n_nodes: int,
    silenced: Sequence[int],
    n_genes: int,
    *,
    seed: int = 0,
) -> Array:
    """Effects (n, G) that are alike for silenced genes with the same neighbours, plus noise.

    Parameters
    ----------
    links
        (E, 2) positions of linked nodes.
    n_nodes
        Number of nodes.
    silenced
        Nodes of the n silenced genes.
    n_genes
        Number of response genes, G.
    seed
        Seed of the effects.
    """
    random = np.random.default_rng(seed)
    hidden = random.normal(size=(n_nodes, 12))
    for _ in range(2):
        total = hidden.copy()
        np.add.at(total, links[:, 0], hidden[links[:, 1]])
        np.add.at(total, links[:, 1], hidden[links[:, 0]])
        hidden = total / np.linalg.norm(total, axis=1, keepdims=True)
    signal = hidden[np.asarray(silenced)] @ random.normal(size=(12, n_genes))
    effects: Array = signal + 0.5 * random.normal(size=signal.shape)
    return effects
