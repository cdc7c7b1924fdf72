"""Predict perturbations, each by models that have not used its response."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from echoes.io.arrays import Ints
from echoes.io.command import parser, run
from echoes.io.errors import InputError
from echoes.io.files import load_record
from echoes.io.memory import keep_freed_memory
from echoes.models.held_out import Member, outer_folds, predict_folds, predict_validation
from echoes.models.kernels import load_kernels, load_source
from echoes.models.pair_folds import drop_extra, folds_of_pairs
from echoes.models.task import build_task
from echoes.models.training_subsets import training_subsets
from echoes.models.transfer import load_aligned, unseen_task
from echoes.network.features import load_groups
from echoes.scoring.out_of_fold import HeldOutPart, save_part
from echoes.screen import record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--perturbations", required=True, help="npz of the screen")
    options.add_argument("--settings", required=True, help="json of the experiment's settings")
    rows = options.add_mutually_exclusive_group(required=True)
    rows.add_argument("--part", type=int, help="number of the part to hold out, from 0")
    rows.add_argument(
        "--validation", action="store_true", help="learn from all and predict the validation genes"
    )
    options.add_argument("--output", required=True, help="npz of the predictions")
    args = options.parse_args(argv)
    keep_freed_memory()

    settings = load_record(args.settings)
    parts = settings["crossval"]["parts"]
    if args.part is not None and not 0 <= args.part < parts:
        raise InputError(
            "--part",
            "",
            str(args.part),
            expected=f"0 to {parts - 1}",
            remedy=f"{args.settings} has {parts} parts: choose one of them.",
        )
    # Paths in the settings start at the folder of the data set's results.
    folder = Path(args.settings).parent.parent
    members = _load_members(args.perturbations, settings["members"], folder)
    if "unseen" in settings["crossval"]:
        other = load_aligned(folder / settings["crossval"]["unseen"])
        members = [
            replace(each, task=unseen_task(each.task, *other, validation=args.validation))
            for each in members
        ]
    if args.validation or "unseen" in settings["crossval"]:
        part = predict_validation(members, inner=settings["inner"])
    else:
        part = _predict_part(args.perturbations, members, settings, args.part)
    save_part(args.output, part)


def _predict_part(
    perturbations: str, members: list[Member], settings: Mapping[str, Any], number: int
) -> HeldOutPart:
    """Predict the folds of a part, each from what it may learn from."""
    crossval, inner = settings["crossval"], settings["inner"]
    own = slice(number, None, crossval["parts"])
    if "pairs" in crossval:
        plan = folds_of_pairs(record.load_sets(perturbations)[0], crossval)
        part = predict_folds(
            members,
            plan.rows()[own],
            inner=inner,
            progress=_log_progress,
            training=plan.training[own],
            last_use=True,
        )
        return drop_extra(part, plan.held_out[own], plan.extra[own])
    if settings.get("split"):
        folds = [_test_rows(perturbations)]
    else:
        folds = outer_folds(members[0].task, crossval["folds"])
    training = None
    if "training" in crossval:
        (silenced,) = record.load_fields(perturbations, "silenced")
        training = training_subsets(
            silenced.tolist(), folds, crossval["training"], crossval["seed"]
        )[own]
    return predict_folds(
        members,
        folds[own],
        inner=inner,
        progress=_log_progress,
        training=training,
        last_use=True,
    )


def _test_rows(perturbations: str) -> Ints:
    """Rows that the split of the screen holds out."""
    test = record.load_test(perturbations)
    if test is None:
        raise InputError(
            perturbations,
            "",
            "the screen has no split",
            expected="perturbations that are held out",
            remedy="Delete the file and run the workflow again.",
        )
    return np.flatnonzero(test)


def _load_members(
    perturbations: str, settings: Mapping[str, Mapping[str, Any]], folder: Path
) -> list[Member]:
    """Load the experiment, or the members of an ensemble, with their kernels and features."""
    deltas, weights, control, genes, *silenced = record.load_fields(
        perturbations, "truth", "weights", "control", "genes", "silenced", "validation_silenced"
    )
    sets = [one for part in record.load_sets(perturbations) for one in part]
    sizes = {"G": len(genes), "r": len(sets)}
    groups = dict(zip("nv", map(len, silenced), strict=True))
    members = []
    for name, member in settings.items():
        kernels, features = member["kernels"], member["features_file"]
        task = build_task(
            deltas,
            weights,
            control,
            genes.tolist(),
            np.concatenate(silenced).tolist(),
            load_kernels(folder / kernels, **sizes) if kernels else None,
            np.vstack(load_groups(folder / features, **groups)) if features else None,
            [
                load_source(source, folder / path, r=len(sets))
                for source, path in member["sources"].items()
            ],
            sets,
        )
        members.append(Member(name, tuple(member["models"]), task, member))
    return members


def _log_progress(done: int, folds: int, seconds_left: float) -> None:
    log.info("fold %d of %d, about %.0f s left", done, folds, seconds_left)


if __name__ == "__main__":
    run(main)
