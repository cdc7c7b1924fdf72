"""Make a screen of a long table of effects; pairs that the table does not have are missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from echoes.io.arrays import Bools, Floats, Ints, Strings
from echoes.io.errors import InputError, abbreviate
from echoes.screen.effects import Effects
from echoes.screen.guides import Guides, guide_genes, pool_controls
from echoes.screen.matrix_screen import baseline_of_mean, complete_genes
from echoes.screen.record import Screen

#: Finds the names that silenced genes have among the response genes: takes silenced genes and
#: response genes, gives for each silenced gene the name of its response, or else its own name.
NameGenes = Callable[[Sequence[str], Sequence[str]], Sequence[str]]

#: Largest value of |t| + `T_OFFSET` in a weight, as in the competition.
LARGEST_T, T_OFFSET = 10.0, 0.1
#: Values of the column `split`, in small letters, of perturbations to learn from and to predict.
TRAINING_SPLITS = ("train", "training")
VALIDATION_SPLITS = ("val", "valid", "validation", "test")


def weights_of_t(t: Floats, measured: Bools, itself: Bools) -> Floats:
    """Compute the competition's weights from statistics.

    A weight is the square of min(|t| + 0.1, 10), and 0 for the silenced gene itself. Each row is
    scaled to sum to its number of measured genes.

    Parameters
    ----------
    t
        (n, G) statistics; a measured pair without one has the weight 0.
    measured
        (n, G) whether a pair is measured; others have the weight 0.
    itself
        (n, G) whether the gene is the silenced gene.

    Returns
    -------
    array
        (n, G) weights; 0 for a whole row in which no pair has a weight.
    """
    counted = measured & ~itself & ~np.isnan(t)
    square = np.where(counted, np.minimum(np.abs(t) + T_OFFSET, LARGEST_T) ** 2, 0.0)
    total = square.sum(axis=1, keepdims=True)
    scaled: Floats = square * measured.sum(axis=1, keepdims=True) / np.where(total > 0, total, 1.0)
    return scaled


def weigh_by_error(screen: Screen, standard_error: float) -> Screen:
    """Weigh a screen without t as if all its responses had the same standard error.

    Parameters
    ----------
    screen
        The screen.
    standard_error
        Standard error of the responses, log2 units; t is the response over it.

    Returns
    -------
    Screen
        With the weights of `weights_of_t` and the baseline that follows from them.
    """
    itself = screen.genes == screen.silenced[:, None]
    measured = ~np.isnan(screen.truth)
    weights = weights_of_t(screen.truth / standard_error, measured, itself)
    baseline = baseline_of_mean(screen.truth, weights)
    return dataclasses.replace(screen, weights=weights, baseline=baseline)


def screen_of_effects(
    effects: Effects,
    controls: Sequence[str],
    *,
    guides: Guides,
    name_genes: NameGenes,
    drop_incomplete: bool,
    hold_out: bool = False,
) -> Screen:
    """Make a screen of a long table: pairs that the table does not have are NaN, not 0.

    With a column ``split``, perturbations of the validation or test are only named, as
    perturbations to predict, and their effects are left out; or they are marked as held out. The
    expression of the control is not known: NaN. With t, the weights are those of `weights_of_t`,
    otherwise 1; 0 where a pair is missing.

    Parameters
    ----------
    effects
        The table.
    controls
        Labels of controls among the perturbations, which are left out; usually there are none.
    guides
        How the silenced gene follows from the name of a perturbation.
    name_genes
        Finds the name that silenced genes have among the response genes.
    drop_incomplete
        Whether to leave out genes that are not measured in all perturbations of the screen.
    hold_out
        Whether the perturbations of the test belong to the screen, as its `Screen.test`.

    Returns
    -------
    Screen
        Perturbations and genes in the order in which the table first has them, log2 units.

    Raises
    ------
    InputError
        When a name does not lead to a gene, a split is unknown, no perturbation is left to learn
        from, a perturbation has no measured pair with a weight, or a gene is silenced by guides to
        learn from and by others that are held out.
    """
    is_perturbation = ~pool_controls(effects.perturbations.tolist(), controls, file=effects.file)
    training = _is_training(effects)
    learnt = np.flatnonzero(is_perturbation & training)
    predicted = np.flatnonzero(is_perturbation & ~training)
    if effects.split is not None and not (len(learnt) and len(predicted)):
        purpose, names = (
            ("predict", VALIDATION_SPLITS) if len(learnt) else ("learn from", TRAINING_SPLITS)
        )
        raise InputError(
            effects.file,
            "column of the split",
            f"there is no perturbation to {purpose}",
            expected=f"perturbations with the split {' or '.join(names)}",
            remedy="Correct the column, or do not name it.",
        )
    test = None
    if hold_out:
        learnt, predicted = np.flatnonzero(is_perturbation), predicted[:0]
        test = ~training[learnt]
    genes, responses, t = _matrices(effects, learnt)
    if drop_incomplete:
        keep = complete_genes(responses, genes.tolist(), effects.file)
        genes, responses = genes[keep], np.ascontiguousarray(responses[:, keep])
        t = t if t is None else np.ascontiguousarray(t[:, keep])
    names = effects.perturbations[np.concatenate([learnt, predicted])].tolist()
    of_guides = guide_genes(names, guides, file=effects.file)
    silenced = np.array(name_genes(of_guides, genes.tolist()), dtype=np.str_)
    if test is not None:
        _refuse_shared_genes(effects, silenced[test], silenced[~test])
    measured = ~np.isnan(responses)
    weights = measured.astype(np.float64)
    if t is not None:
        weights = weights_of_t(t, measured, genes == silenced[: len(learnt), None])
    _refuse_weightless(effects, learnt, weights)
    return Screen(
        perturbations=effects.perturbations[learnt],
        silenced=silenced[: len(learnt)],
        genes=genes,
        control=np.full(len(genes), np.nan),
        responses=responses,
        truth=responses,
        weights=weights,
        baseline=baseline_of_mean(responses, weights),
        validation_ids=effects.perturbations[predicted],
        validation_silenced=silenced[len(learnt) :],
        test=test,
    )


def _matrices(effects: Effects, learnt: Ints) -> tuple[Strings, Floats, Floats | None]:
    """Response genes, and effects and t of the given perturbations; NaN where not measured."""
    position = np.full(len(effects.perturbations), -1, dtype=np.intp)
    position[learnt] = np.arange(len(learnt))
    rows = position[effects.row]
    # A gene that is measured in none of these perturbations cannot be learnt.
    used = (rows >= 0) & ~np.isnan(effects.effect)
    genes, columns = np.unique(effects.column[used], return_inverse=True)

    def matrix(values: Floats) -> Floats:
        result = np.full((len(learnt), len(genes)), np.nan)
        result[rows[used], columns] = values[used]
        return result

    t = None if effects.t is None else matrix(effects.t)
    return effects.genes[genes], matrix(effects.effect), t


def _refuse_weightless(effects: Effects, learnt: Ints, weights: Floats) -> None:
    empty = learnt[weights.sum(axis=1) == 0]
    if len(empty):
        named = abbreviate(effects.perturbations[empty].tolist())
        raise InputError(
            effects.file,
            f"perturbation {named}",
            "no gene besides the silenced one has an effect and, if there is such a column, a t",
            expected="at least one measured gene for each perturbation",
            remedy="Remove the rows of these perturbations.",
        )


def _refuse_shared_genes(effects: Effects, test: Strings, training: Strings) -> None:
    """Refuse genes of which some guides are held out and others are not."""
    shared = np.intersect1d(test, training)
    if len(shared):
        raise InputError(
            effects.file,
            "column of the split",
            f"guides of {abbreviate(shared.tolist())} are in the training set and in the test set",
            expected="all guides of a gene in one of the two",
            remedy="Correct the column: a guide tells what another guide of its gene does.",
        )


def _is_training(effects: Effects) -> Bools:
    if effects.split is None:
        return np.ones(len(effects.perturbations), dtype=np.bool_)
    splits = np.char.lower(effects.split)
    known = np.isin(splits, [*TRAINING_SPLITS, *VALIDATION_SPLITS])
    if not known.all():
        unknown = sorted(set(effects.split[~known].tolist()))
        raise InputError(
            effects.file,
            "column of the split",
            f"{abbreviate([repr(name) for name in unknown])} is not known",
            expected=", ".join([*TRAINING_SPLITS, *VALIDATION_SPLITS]),
            remedy="Rename the split, or do not name the column.",
        )
    return np.isin(splits, TRAINING_SPLITS)
