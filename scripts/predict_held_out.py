"""Predict perturbations from the others, each by models that have not seen its response."""

import json
import logging
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from echoes.io.arrays import load_arrays, positions, save_arrays
from echoes.io.command import parser, run
from echoes.io.errors import InputError, NotConvergedError
from echoes.models.echo import Echo
from echoes.models.held_out import LINEAR, Settings, inner_score, predict, predict_ensemble
from echoes.models.inner_loop import deal
from echoes.models.regression import Regression
from echoes.models.task import Prediction, Problem
from echoes.models.uncertainty import expected_error
from echoes.screen import record

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parser(__doc__)
    args.add_argument("--perturbations", required=True, help="npz of the aligned tables")
    args.add_argument("--members", required=True, help="settings of each member by name, json")
    args.add_argument("--kernels", nargs="+", required=True, help="npz of each member's kernels")
    args.add_argument(
        "--features", nargs="*", default=[], help="npz of the features of those that use some"
    )
    what = args.add_mutually_exclusive_group(required=True)
    what.add_argument("--part", type=int, help="which part of the perturbations to hold out")
    what.add_argument(
        "--validation", action="store_true", help="learn from all and predict the validation genes"
    )
    args.add_argument("--parts", type=int, default=1, help="how many parts there are")
    args.add_argument(
        "--folds", nargs="?", type=int, help="folds of perturbations; by default one a gene"
    )
    args.add_argument("--inner", action="store_true", help="tell the inner score of every model")
    args.add_argument("--output", required=True, help="npz of the predictions")
    given = args.parse_args(argv)

    members = json.loads(given.members)
    settings = [_settings(own) for own in members.values()]
    linear = [bool(set(how.models) & LINEAR) for how in settings]
    _expect("--kernels", len(given.kernels), len(settings))
    _expect("--features", len(given.features), sum(linear))
    if given.part is not None and not 0 <= given.part < given.parts:
        raise InputError(
            "--part",
            "",
            str(given.part),
            expected=f"0 to {given.parts - 1}",
            remedy="Name one of the --parts.",
        )
    features = iter(given.features)
    problems = [
        _problem(given.perturbations, kernels, next(features) if uses else None)
        for kernels, uses in zip(given.kernels, linear, strict=True)
    ]
    n = problems[0].training

    def learn(parts: Sequence[Problem]) -> Prediction:
        if len(parts) == 1:
            return predict(parts[0], settings[0], inner=given.inner)
        return predict_ensemble(parts, settings, list(members))

    groups = problems[0].groups[:n].tolist()
    if given.folds is not None and not 2 <= given.folds <= len(set(groups)):
        raise InputError(
            "configuration",
            "crossval: folds",
            f"{given.folds} for {len(set(groups))} silenced genes",
            expected="at least 2, and no more than genes",
            remedy="Choose another number, or leave out one perturbation at a time.",
        )
    folds = [] if given.validation else deal(groups, given.folds or n)[given.part :: given.parts]
    results = []
    begin = time.perf_counter()
    for done, rows in enumerate(folds):
        start = time.perf_counter()
        parts = [problem.split(rows) for problem in problems]
        try:
            results.append(_result(parts[0], learn(parts), start))
        except NotConvergedError as error:
            raise NotConvergedError(f"perturbations {rows.tolist()}, {error}") from error
        left = (time.perf_counter() - begin) / (done + 1) * (len(folds) - done - 1)
        log.info("fold %d of %d, about %.0f s left", done + 1, len(folds), left)
    if given.validation:
        results.append(_result(problems[0], learn(problems), time.perf_counter()))
        folds = [np.arange(len(results[0]["prediction"]))]
    # Whatever a model tells of itself, it tells in every fold.
    choices = sorted(results[0]["choices"]) if results else []
    empty = np.empty((0, problems[0].deltas.shape[1]))
    save_arrays(
        given.output,
        {
            "rows": np.concatenate([np.empty(0, dtype=np.intp), *folds]),
            "fold": np.repeat(np.arange(len(folds)), [len(rows) for rows in folds]),
            "prediction": np.concatenate([empty, *(r["prediction"] for r in results)]),
            "spread": np.concatenate([r["spread"] for r in results] or [empty]),
            **{
                name: np.array([r[name] for r in results])
                for name in ("centre", "mean", "quantiles", "inner_score", "seconds")
            },
            "choice_names": np.array(choices, dtype=np.str_),
            "choices": np.array([[r["choices"][name] for name in choices] for r in results]),
        },
    )


def _expect(option: str, found: int, expected: int) -> None:
    """Refuse another number of files than members ask for."""
    if found != expected:
        raise InputError(
            option,
            "",
            f"{found} files",
            expected=f"{expected}, one for each member that uses one",
            remedy="Name them in the order of the members.",
        )


def _settings(own: dict[str, Any]) -> Settings:
    """Read an experiment's settings as the configuration has them, those that its models read."""

    def part(name: str) -> dict[str, Any]:
        return {k: tuple(v) if isinstance(v, list) else v for k, v in own[name].items()}

    return Settings(
        models=tuple(own["models"]),
        **own["response"],
        regression=Regression(**part("regression")),
        echo=Echo(**part("echo")),
    )


def _problem(perturbations: str, kernels: str, features: str | None) -> Problem:
    """Put together what there is to learn from, and the validation genes to predict."""
    truth, weights, control, genes, *symbols = record.load_fields(
        perturbations,
        *("truth", "weights", "control", "genes", "silenced", "validation_silenced"),
    )
    products, shares, known = load_arrays(kernels, "kernels", "reach", "known")
    silenced = np.concatenate(symbols)
    rows = np.empty((len(silenced), 0))
    if features is not None:
        rows = np.vstack(load_arrays(features, "train", "validation"))
    return Problem(
        deltas=truth,
        weights=weights,
        control=control,
        silenced=positions(silenced.tolist(), genes.tolist()),
        kernels=products,
        reach=shares,
        known=known,
        features=rows,
        groups=np.unique(silenced, return_inverse=True)[1],
    )


def _result(problem: Problem, prediction: Prediction, start: float) -> dict[str, Any]:
    """Tell what was predicted, how large an error to expect, and how long it took."""
    spread, quantiles = np.empty((len(prediction.deltas), 0)), np.empty(0)
    if prediction.inner is not None:
        spread, quantiles = expected_error(problem, prediction.inner)
    return {
        "prediction": prediction.deltas,
        "centre": prediction.centre,
        "mean": problem.deltas.mean(axis=0),
        "spread": spread,
        "quantiles": quantiles,
        "inner_score": inner_score(problem, prediction),
        "choices": prediction.choices,
        "seconds": time.perf_counter() - start,
    }


if __name__ == "__main__":
    run(main)
