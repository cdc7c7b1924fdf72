"""Learning curves: their runs in the plan, their table and their figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from echoes.models.held_out import Member, outer_folds, predict_folds
from echoes.plan import paths
from echoes.plan.plan import Plan
from echoes.plan.settings import ConfigError
from echoes.plan.validation import check_schema
from echoes.report.learning_curve import draw
from echoes.scoring import held_out
from echoes.scoring.bootstrap import resample
from echoes.scoring.learning_curve import METRICS, learning_curve
from echoes.scoring.out_of_fold import load_parts, save_part
from tasks import SETTINGS, example_task

SCHEMA = yaml.safe_load(
    (Path(__file__).resolve().parents[2] / "workflow/schemas/config.schema.yaml").read_text("utf-8")
)


def config(**echo: Any) -> dict[str, Any]:
    return {
        "dataset": {"name": "own", "means": "means.csv"},
        "experiments": {"echo": {"models": ["echo"], **echo}},
    }


def test_a_size_is_a_run_that_is_not_compared() -> None:
    plan = Plan(config(learning_curve=[40, 20]), SCHEMA)
    assert [*plan.curves["echo"]] == [20, 40]
    run = plan.everything["echo.20_perturbations"]
    assert plan.settings(run.name)["crossval"] == {
        "folds": None, "parts": 4, "training": 20, "seed": 0,
    }  # fmt: skip
    assert not plan.settings(run.name)["inner"]
    assert run not in plan.compared
    assert "<results>/<dataset>/echo/learning_curve.png" in plan.shared_files()
    # The experiment itself has the same settings as without a curve.
    without = Plan(config(), SCHEMA)
    assert plan.settings("echo") == without.settings("echo")
    assert plan.comparison() == without.comparison()
    assert paths.curve_files(without.curves) == []


def test_null_leaves_out_the_curve_of_another_experiment() -> None:
    settings = config(learning_curve=[20])
    settings["experiments"]["same"] = {"like": "echo"}
    settings["experiments"]["none"] = {"like": "echo", "learning_curve": None}
    check_schema(settings, SCHEMA)
    assert [*Plan(settings, SCHEMA).curves] == ["echo", "same"]


def test_published_has_no_learning_curve() -> None:
    with pytest.raises(ConfigError, match="learning_curve: the published protocol has none"):
        Plan(config(models=["ridge"], protocol="published", learning_curve=[20]), SCHEMA)


@pytest.mark.parametrize("sizes", [[2], [], [20, 20], [20.5], 20])
def test_bad_sizes_are_refused_by_the_schema(sizes: Any) -> None:
    with pytest.raises(ConfigError, match="learning_curve"):
        check_schema(config(learning_curve=sizes), SCHEMA)


def test_the_table_has_the_metrics_of_each_size_and_can_be_drawn(tmp_path: Path) -> None:
    task = example_task(m=12, to_predict=0)
    folds = outer_folds(task, 3)
    members = [Member("echo", ("echo",), task, SETTINGS)]

    def run(training: Any) -> Any:
        part = predict_folds(
            members, folds, inner=False, progress=lambda *_: None, training=training
        )
        save_part(tmp_path / "0.npz", part)
        return load_parts(tmp_path, 1)

    few = run([np.setdiff1d(np.arange(12), rows)[:4] for rows in folds])
    full = run(None)
    counts = resample(12, 200, 0)
    data = task.deltas, task.weights, np.ones(12), task.silenced
    table = learning_curve({4: few}, full, *data, counts)
    assert table["training"].tolist() == [4, 8]
    # The full training set has the metrics of the experiment itself.
    for row, predictions in enumerate((replace(few, mean=full.mean), full)):
        expected = held_out.compute_metrics(*data, predictions).intervals(counts)
        for name in METRICS:
            found = table.loc[row, [name, f"{name}_lower", f"{name}_upper"]]
            np.testing.assert_array_equal(found.to_numpy(dtype=float), expected[name])
    figure = draw({"a": table}, METRICS)
    labels = [axes.get_ylabel().replace("\n", " ") for axes in figure.axes]
    assert labels == [*METRICS.values(), ""]
    # Of a split, a part of the rows is predicted, and the others are the training set.
    rows = np.array([1, 4, 7, 10])
    of_split = replace(full.restrict(rows), fold=np.zeros(4, dtype=np.intp))
    counts = resample(4, 200, 0)
    table = learning_curve({4: of_split}, of_split, *data, counts)
    assert table["training"].tolist() == [4, 8]
    alone = held_out.compute_metrics(*(part[rows] for part in data), of_split)
    assert table["score"].tolist() == [alone.score.total] * 2
