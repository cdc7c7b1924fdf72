"""Perturbations of several genes: their names are taken apart once, when a screen is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np

from echoes.io.arrays import Strings
from echoes.io.errors import InputError
from echoes.io.files import StrPath
from echoes.screen.effect_screen import NameGenes
from echoes.screen.record import Screen, gene_sets, own_positions


def with_pairs(
    screen: Screen,
    separator: str,
    controls: Sequence[str],
    name_genes: NameGenes,
    *,
    file: StrPath,
) -> Screen:
    """Take the names of pairs apart, and give the weight 0 to each of their own genes.

    ``B+A`` and ``A+B`` are one set of genes, as are ``A+control`` and ``A``. In a screen whose
    silenced genes weigh nothing, those of pairs weigh nothing either; the weights of the other
    genes of a row grow so that its sum stays.

    Parameters
    ----------
    screen
        A screen in which `silenced` has the names of the table.
    separator
        Text between the genes of a name.
    controls
        Labels of controls, where ``*`` stands for any text.
    name_genes
        Finds the names that silenced genes have among the response genes.
    file
        The file of the names, for error messages.

    Raises
    ------
    InputError
        When a name has no gene, or an empty one.
    """

    def take_apart(names: Strings) -> Strings:
        joined = []
        for name in names.tolist():
            parts = [part.strip() for part in name.split(separator)]
            own = [p for p in parts if not any(fnmatchcase(p, label) for label in controls)]
            if not own or "" in own:
                raise InputError(
                    file,
                    f"perturbation {name}",
                    f"it is no list of genes with {separator!r} between them",
                    expected="the name of a gene before and after each separator",
                    remedy="Correct the name, or `dataset: pairs: {separator: …}`.",
                )
            found = name_genes(own, screen.genes.tolist())
            joined.append(separator.join(sorted(set(found))))
        return np.array(joined, dtype=np.str_)

    silenced = take_apart(screen.silenced)
    weights = screen.weights.copy()
    own = own_positions(gene_sets(silenced, separator), screen.genes.tolist())
    own = own.reshape(len(silenced), -1)
    single = (own >= 0).sum(axis=1) <= 1
    rows, k = np.nonzero(own >= 0)
    # Weights of 1 everywhere are no weights: then the silenced genes count like all others.
    if (weights != 1).any():
        sums = weights.sum(axis=1, keepdims=True)
        weights[rows, own[rows, k]] = np.where(single[rows], weights[rows, own[rows, k]], 0.0)
        weights *= sums / np.maximum(weights.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    return dataclasses.replace(
        screen,
        silenced=silenced,
        validation_silenced=take_apart(screen.validation_silenced),
        weights=weights,
        separator=separator,
    )
