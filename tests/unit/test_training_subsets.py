"""Random training subsets: nested, dealt by name, whole genes, and never a held-out row."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from echoes.io.errors import InputError
from echoes.models.held_out import Member, predict_folds
from echoes.models.inner_loop import assign_folds
from echoes.models.training_subsets import training_subsets
from tasks import SETTINGS, example_task

GENES = [f"G{i:02}" for i in range(23)]
FOLDS = assign_folds(GENES, 4)


def test_subsets_are_nested_and_never_hold_what_is_predicted() -> None:
    for small, large in ((3, 5), (5, 12), (12, 17)):
        smaller, larger = (training_subsets(GENES, FOLDS, n, 7) for n in (small, large))
        for few, many, held_out in zip(smaller, larger, FOLDS, strict=True):
            assert (len(few), len(many)) == (small, large)
            assert set(few) < set(many)
            assert not set(many) & set(held_out)
            assert few.tolist() == sorted(few)


def test_the_order_of_rows_does_not_matter_but_the_seed_does() -> None:
    order = np.random.default_rng(0).permutation(len(GENES))
    shuffled = [GENES[i] for i in order]
    folds = [np.flatnonzero(np.isin(order, rows)) for rows in FOLDS]
    one, other = training_subsets(GENES, FOLDS, 6, 0), training_subsets(shuffled, folds, 6, 0)
    for rows, moved in zip(one, other, strict=True):
        assert {GENES[i] for i in rows} == {shuffled[i] for i in moved}
    again = training_subsets(GENES, FOLDS, 6, 1)
    assert any(a.tolist() != b.tolist() for a, b in zip(one, again, strict=True))
    # Each fold has an order of its own.
    assert len({tuple(rows) for rows in one}) == len(FOLDS)


def test_guides_of_a_gene_are_all_in_a_subset_or_none() -> None:
    silenced = [gene for gene in GENES[:9] for _ in range(3)]
    for size, expected in ((3, 3), (8, 6), (11, 9)):
        for rows in training_subsets(silenced, assign_folds(silenced, 9), size, 0):
            assert len(rows) == expected
            names = [silenced[i] for i in rows]
            assert all(names.count(name) == 3 for name in names)


def test_a_smaller_fold_says_that_it_learns_from_all(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    # 23 genes in 4 folds: three folds hold out 6 and learn from 17, one learns from 18.
    subsets = training_subsets(GENES, FOLDS, 18, 0)
    assert [len(rows) for rows in subsets] == [17, 17, 17, 18]
    assert len(caplog.messages) == 3
    assert caplog.messages[0] == "fold 0 learns from all its 17 perturbations"


def test_more_than_any_fold_has_is_refused() -> None:
    with pytest.raises(InputError, match=r"19 training .* learns from 18 at most"):
        training_subsets(GENES, FOLDS, 19, 0)


@pytest.mark.parametrize("model", ["echo", "ridge", "nearest", "mean"])
def test_a_fold_sees_its_subset_alone(model: str) -> None:
    task = example_task(m=12, to_predict=0)
    folds = assign_folds(task.training_groups, 3)
    training = training_subsets([f"G{i:02}" for i in range(12)], folds, 5, 0)

    def fit(deltas: np.ndarray) -> np.ndarray:
        changed = example_task(m=12, to_predict=0)
        changed.deltas[:] = deltas
        members = [Member(model, (model,), changed, SETTINGS)]
        part = predict_folds(
            members, folds[:1], inner=False, progress=lambda *_: None, training=training[:1]
        )
        return part.prediction

    expected = fit(task.deltas)
    unseen = task.deltas.copy()
    unseen[np.setdiff1d(np.arange(12), training[0])] = 1e6
    np.testing.assert_array_equal(fit(unseen), expected)
    assert np.abs(fit(task.deltas + 1) - expected).max() > 0
