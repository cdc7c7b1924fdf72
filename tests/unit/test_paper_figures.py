"""The figures of a data set for papers: which there are, what they hold, and always the same."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.figure import Figure

from echoes.models.catalogue import MODELS
from echoes.models.held_out import predict
from echoes.plan import figures
from echoes.plan.plan import Plan
from echoes.plan.results import final_files
from echoes.plan.settings import overlay
from echoes.plan.twins import Twin, find_twins
from echoes.report import (
    calibration_figure,
    comparison_figure,
    learning_curve,
    network_figure,
    perturbation_figure,
    style,
)
from echoes.scoring.coverage import LEVELS
from tasks import SETTINGS, example_task

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text("utf-8"))
SHORT = {
    "dataset": {"name": "own", "means": "data/means.csv"},
    "networks": {
        "string": {"score_threshold": 0.5},
        "rewired": {"of": "string", "shuffle": "links"},
        "other": {"score_threshold": 0.9},
    },
}
ECHO = {"models": ["echo"]}
PUBLISHED = {"protocol": "published", "models": ["ridge"]}


def plan(experiments: dict[str, Any], **changes: Any) -> Plan:
    return Plan(overlay({**SHORT, "experiments": experiments}, changes), SCHEMA)


@pytest.mark.parametrize(
    ("experiments", "changes", "expected"),
    [
        ({"published": PUBLISHED}, {"baselines": []}, []),
        ({"published": PUBLISHED}, {}, ["comparison", "perturbations"]),
        ({"ridge": {"models": ["ridge"]}}, {}, ["comparison", "perturbations"]),
        ({"echo": ECHO}, {}, ["comparison", "perturbations", "calibration"]),
        (
            {"echo": {**ECHO, "learning_curve": [20]}},
            {"baselines": []},
            ["comparison", "perturbations", "calibration", "learning_curve"],
        ),
        (
            {"echo": ECHO, "twin": {"like": "echo", "network": "rewired"}},
            {},
            ["comparison", "perturbations", "calibration", "network_help"],
        ),
    ],
)
def test_a_figure_without_data_is_not_among_the_outputs(
    experiments: dict[str, Any], changes: dict[str, Any], expected: list[str]
) -> None:
    made = plan(experiments, **changes)
    assert figures.names(made) == expected
    paths = [path for path in final_files(made) if "/figures/" in path]
    assert sorted(path.partition("/figures/")[2] for path in paths) == sorted(
        f"{name}.{kind}" for name in expected for kind in style.FORMATS
    )
    assert figures.FORMATS == style.FORMATS


def test_twins_differ_in_nothing_but_a_shuffled_network() -> None:
    made = plan({
        "echo": ECHO,
        "twin": {"like": "echo", "network": "rewired"},
        "on_another": {"like": "echo", "network": "other"},
        "other_settings": {"like": "twin", "diffusion": {"alphas": [0.5]}},
        "without_network": {"models": ["mean"], "network": "rewired"},
        "both": {"members": ["echo", "twin"]},
    })  # fmt: skip
    assert find_twins(made) == [Twin("echo", "twin", "string", "links")]
    assert "<results>/<dataset>/networks/string/adjacency.npz" in figures.tables(made)
    assert figures.calibrated(made) == ["echo", "twin", "on_another", "other_settings", "both"]


def test_twins_of_ensembles_are_twins_member_by_member() -> None:
    made = plan({
        "echo": ECHO,
        "slow": {"like": "echo", "diffusion": {"alphas": [0.5]}},
        "echo_twin": {"like": "echo", "network": "rewired"},
        "slow_twin": {"like": "slow", "network": "rewired"},
        "both": {"members": ["echo", "slow"]},
        "both_twin": {"members": ["echo_twin", "slow_twin"]},
        "crossed": {"members": ["slow_twin", "echo_twin"]},
        "half": {"members": ["echo", "slow_twin"]},
    })  # fmt: skip
    assert [(each.experiment, each.twin) for each in find_twins(made)] == [
        *(("echo", "echo_twin"), ("slow", "slow_twin"), ("both", "both_twin"))
    ]


@pytest.mark.parametrize("model", sorted({*MODELS} - {"additive", "transfer"}))
def test_models_with_expected_errors_are_those_with_an_inner_loop(model: str) -> None:
    found = predict(example_task(to_predict=2), [model], SETTINGS)
    assert (found.inner is not None) == MODELS[model].expected_errors


RANDOM = np.random.default_rng(0)
NAMES = ["echo", "echo_rewired", "mean", "$x_{"]


def comparison(names: list[str] = NAMES) -> pd.DataFrame:
    """Metrics of some experiments; the last one is far below the others."""
    rows = []
    for place, name in enumerate(names):
        for metric in comparison_figure.METRICS:
            value = 1.0 - place if place < len(names) - 1 else -30.0
            if (name, metric) == ("mean", "pearson_mean"):
                value = np.nan
            kind = "baseline" if name == "mean" else "experiment"
            bounds = (value - 0.2, value + 0.1)
            rows.append((name, kind, "held_out", metric, value, *bounds))
    rows.append(("published", "experiment", "published", "mape", 1.0, 0.5, 2.0))
    columns = ["experiment", "kind", "protocol", "metric", "value", "lower", "upper"]
    return pd.DataFrame(rows, columns=columns)


def by_perturbation(count: int, names: list[str] = NAMES) -> pd.DataFrame:
    return pd.DataFrame([
        (name, f"GENE{row}", metric, np.nan if row == 1 else RANDOM.normal())
        for name in names
        for row in range(count)
        for metric in perturbation_figure.METRICS
    ], columns=["experiment", "pert_symbol", "metric", "value"])  # fmt: skip


def drawn(figure: Figure, folder: Path, name: str = "a") -> dict[str, bytes]:
    """Save a figure in all formats; a warning is an error."""
    paths = [folder / f"{name}.{kind}" for kind in style.FORMATS]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        style.save(figure, paths, dpi=30)
    return {path.suffix: path.read_bytes() for path in paths}


def test_the_comparison_has_a_row_for_each_experiment_best_first(tmp_path: Path) -> None:
    bounds = pd.DataFrame({"kind": ["upper_bound"], "metric": ["r2_mean"], "value": [0.8]})
    with style.style():
        figure = comparison_figure.draw(comparison(), {"echo_rewired"}, bounds)
        first, correlation, *_ = figure.axes
        assert [label.get_text() for label in first.get_yticklabels()] == NAMES
        # What is far below has an arrow and its number; the others are not squeezed by it.
        assert [text.get_text() for text in correlation.texts] == [" −30.00"]
        assert correlation.get_xlim()[0] > -1
        legend = [text.get_text() for text in figure.legends[0].get_texts()]
        files = drawn(figure, tmp_path)
    assert legend == [
        *("experiment", "its twin on a shuffled network", "baseline", "no skill", "upper bound")
    ]
    # Names and numbers are text, in a font that is in the PDF as such.
    assert b">echo_rewired<" in files[".svg"]
    assert b">$x_{<" in files[".svg"]
    assert b"/FontFile2" in files[".pdf"]
    assert b"/Type3" not in files[".pdf"]
    assert not re.search(rb"<dc:date>|CreationDate", files[".svg"] + files[".pdf"])


def test_the_same_tables_make_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for name in "ab":
        with style.style():
            made.append(drawn(comparison_figure.draw(comparison(), ()), tmp_path, name))
    assert made[0] == made[1]


def test_the_best_experiments_are_chosen_with_one_twin() -> None:
    many = comparison(["a", "twin", "b", "c", "d", "mean"])
    assert perturbation_figure.chosen(many, {"twin"}) == ["a", "twin", "b", "c"]
    alone = many[many["kind"] == "baseline"]
    assert perturbation_figure.chosen(alone, ()) == ["mean"]


@pytest.mark.parametrize("count", [2, 80, 3000])
def test_few_perturbations_have_names_and_thousands_have_lines(count: int, tmp_path: Path) -> None:
    scores = by_perturbation(count, NAMES[:2])
    with style.style():
        figure = perturbation_figure.draw(scores, NAMES[:2], {"echo_rewired"})
        first, *_ = figure.axes
        labels = [label.get_text() for label in first.get_yticklabels()]
        files = drawn(figure, tmp_path)
    term = scores[(scores["metric"] == "term") & (scores["experiment"] == "echo")]
    # The one that is not known stands at the end.
    order = term.sort_values("value", ascending=False)["pert_symbol"].tolist()
    if count <= 80:
        assert labels == order
    else:
        (names,) = first.texts
        assert names.get_text().split("\n")[1:3] == order[:2]
    assert len(files[".svg"]) < 2_000_000


def test_calibration_has_a_panel_for_each_experiment(tmp_path: Path) -> None:
    table = pd.DataFrame({
        "level": LEVELS,
        "coverage": LEVELS,
        "coverage_p10": np.array(LEVELS) - 0.1,
        "coverage_p90": np.minimum(np.array(LEVELS) + 0.1, 1),
        "mean_half_width": np.array(LEVELS) / 10,
    })  # fmt: skip
    for count in (1, 5):
        tables = {f"e{i}": table for i in range(count)} | {"few": table.iloc[:0]}
        with style.style():
            figure = calibration_figure.draw(tables)
            titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
            drawn(figure, tmp_path)
        assert titles == [*tables]
        (words,) = figure.axes[count].texts
        assert words.get_text() == "no intervals"
        assert figure.axes[0].texts[0].get_text() == "68 %: ± 0.068 log2"


def test_learning_curves_of_several_experiments_share_their_panels(tmp_path: Path) -> None:
    metrics = {"score": "Score", "r2_mean": "R² of deviations"}
    table = pd.DataFrame({"training": [20, 40, 43]})
    for name in metrics:
        for end in ("", "_lower", "_upper"):
            table[f"{name}{end}"] = np.arange(3.0)
    with style.style():
        figure = learning_curve.draw({"one": table, "$two": table}, metrics)
        drawn(figure, tmp_path)
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert ticks == ["20", "43"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one", "$two"]


@pytest.mark.parametrize("count", [0, 24, 3000])
def test_network_help_counts_the_better_ones(count: int, tmp_path: Path) -> None:
    gained = np.linspace(-0.5, 1, count)
    pair = network_figure.Help("echo", "twin", np.arange(float(count)), gained)
    with style.style():
        figure = network_figure.draw([pair, pair])
        files = drawn(figure, tmp_path)
    (text,) = figure.axes[0].texts
    if count:
        better = int((gained > 0).sum())
        assert f"better for {better:,} of {count:,}" in text.get_text()
    else:
        assert text.get_text() == "no perturbation to compare"
    assert len(files[".svg"]) < 1_000_000
