"""The figure of an experiment, by what it holds and whether it can be drawn."""

from __future__ import annotations

import io
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from echoes.report.heatmaps import colour_limit, draw, most_variable
from echoes.scoring.predictions import Predictions

RNG = np.random.default_rng(0)
TRUTH = RNG.standard_normal((5, 150)) * np.linspace(0.1, 3, 150)
PREDICTION = RNG.standard_normal((5, 150))
CORRELATION = RNG.uniform(-0.9, 0.9, 150)
SYMBOLS = ["A", "B", "C", "D", "E"]
#: The gene of each perturbation is one of those that vary most.
OWN = np.zeros(TRUTH.shape, dtype=bool)
OWN[range(5), range(149, 144, -1)] = True


def predictions_of(
    reference: np.ndarray,
    prediction: np.ndarray,
    names: list[str],
    correlation: np.ndarray,
    *,
    measured: bool = False,
) -> Predictions:
    """Predictions that a protocol compares with what is given; the other truth is all zero."""
    return Predictions(
        genes=np.array([f"G{i}" for i in range(reference.shape[1])]),
        perturbations=np.array(names),
        truth=reference if measured else np.zeros_like(reference),
        prediction=prediction,
        gene_correlation=correlation,
        validation=np.empty((0, reference.shape[1])),
        reconstruction=None if measured else reference,
    )


def figure_of(correlation: np.ndarray = CORRELATION, **options: int) -> Figure:
    predictions = predictions_of(TRUTH, PREDICTION, SYMBOLS, correlation)
    return draw(predictions, title="The title", own=OWN, **options)


def parts(figure: Figure) -> tuple[Axes, Axes, Axes, Axes]:
    """Truth, prediction, histogram and colour bar."""
    by_title = {axes.get_title(): axes for axes in figure.axes if axes.images}
    bar = next(axes for axes in figure.axes if "log2" in axes.get_ylabel())
    (histogram,) = (axes for axes in figure.axes if "Pearson" in axes.get_xlabel())
    assert len(figure.axes) == 4
    return by_title["Truth, rebuilt from its components"], by_title["Prediction"], histogram, bar


def png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=20)
    return stream.getvalue()


def test_heat_maps_share_one_scale() -> None:
    figure = figure_of()
    left, right, _, bar = parts(figure)
    shown = most_variable(TRUTH, 100)
    limit = colour_limit(TRUTH[:, shown], OWN[:, shown])
    for axes, values in ((left, TRUTH), (right, PREDICTION)):
        (image,) = axes.images
        assert image.get_clim() == (-limit, limit)
        assert image.get_cmap().name == "RdBu_r"
        assert np.array_equal(image.get_array(), values[:, shown])
        assert "100 most variable" in axes.get_xlabel()
    assert bar.get_ylim() == (-limit, limit)
    assert figure.get_suptitle() == "The title"
    assert [label.get_text() for label in left.get_yticklabels()] == SYMBOLS


def test_colours_are_spent_on_the_other_genes() -> None:
    truth = np.tile(np.linspace(-0.2, 0.2, 100), (4, 1))
    own = np.zeros(truth.shape, dtype=bool)
    own[range(4), range(4)] = True
    truth[own] = -2.0
    assert colour_limit(truth, own) == pytest.approx(0.2, abs=0.011)
    # Without the marks, the falls are four of the largest 5 %.
    assert colour_limit(truth, np.zeros_like(own)) > 0.19
    truth[0, 50:] = np.nan
    assert colour_limit(truth, own) == pytest.approx(0.2, abs=0.011)
    assert colour_limit(np.zeros((2, 3)), np.zeros((2, 3), dtype=bool)) == 1
    assert colour_limit(np.full((1, 3), np.nan), np.zeros((1, 3), dtype=bool)) == 1


def test_the_falls_of_the_silenced_genes_are_marked() -> None:
    left, right, _, bar = parts(figure_of())
    shown = most_variable(TRUTH, 100).tolist()
    for axes in (left, right):
        (dots,) = axes.lines
        found = {(int(y), shown[int(x)]) for x, y in zip(*dots.get_data(), strict=True)}
        assert found == {(row, 149 - row) for row in range(5) if 149 - row in shown}
    falls = [TRUTH[row, 149 - row] for row in range(5) if 149 - row in shown]
    label = bar.get_ylabel().replace("−", "-")
    assert f"itself: {min(falls):.2g} … {max(falls):.2g}" in label


def test_the_most_variable_genes_in_order() -> None:
    truth = np.array([[0.0, 1, 5, 0, -1], [0.0, -1, 5, 3, 1], [0.0, 0, 5, 0, 0]])
    # Columns 1 and 4 vary alike and keep their order, 0 and 2 do not vary at all.
    assert most_variable(truth, 10).tolist() == [3, 1, 4, 0, 2]
    assert most_variable(truth, 2).tolist() == [3, 1]
    variance = TRUTH.var(axis=0)[most_variable(TRUTH, 100)]
    assert len(variance) == 100
    assert (np.diff(variance) <= 0).all()
    assert variance[-1] >= np.sort(TRUTH.var(axis=0))[50]


def test_the_most_variable_genes_of_what_was_measured() -> None:
    truth = np.array([[0.0, 1, 9, np.nan], [np.nan, -1, np.nan, np.nan], [4.0, 0, 9, np.nan]])
    assert most_variable(truth, 10).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(("genes", "shown"), [(7, 7), (150, 150), (1000, 150)])
def test_how_many_genes_are_shown(genes: int, shown: int) -> None:
    left, *_ = parts(figure_of(genes=genes))
    assert left.images[0].get_array().shape == (5, shown)  # type: ignore[union-attr]
    assert left.get_xlabel().startswith(f"{shown} ")


def heights(axes: Axes) -> np.ndarray:
    return np.array([bar.get_height() for bar in axes.patches])  # type: ignore[attr-defined]


def test_histogram_density_and_lines() -> None:
    *_, axes, _ = parts(figure_of())
    widths = np.array([bar.get_width() for bar in axes.patches])  # type: ignore[attr-defined]
    assert heights(axes) @ widths == pytest.approx(1)
    zero, density, mean = axes.lines
    assert list(zero.get_xdata()) == [0, 0]
    x, y = density.get_data()
    assert (x[0], x[-1]) == (-1, 1)  # type: ignore[index]
    assert np.trapezoid(y, x) == pytest.approx(1, abs=0.05)
    assert list(mean.get_xdata()) == [CORRELATION.mean()] * 2
    legend = axes.get_legend()
    assert legend is not None
    assert legend.get_title().get_text() == "150 genes"
    assert axes.get_xlim() == (-1, 1)


def test_undefined_correlations_are_counted_and_left_out() -> None:
    correlation = CORRELATION.copy()
    correlation[:30] = np.nan
    *_, axes, _ = parts(figure_of(correlation))
    legend = axes.get_legend()
    assert legend is not None
    assert legend.get_title().get_text() == "120 genes, 30 undefined"
    assert list(axes.lines[-1].get_xdata()) == [correlation[30:].mean()] * 2


def test_all_correlations_undefined() -> None:
    figure = figure_of(np.full(150, np.nan))
    *_, axes, _ = parts(figure)
    assert [text.get_text() for text in axes.texts] == ["undefined for every gene"]
    assert len(axes.lines) == 1
    assert not axes.patches
    assert png(figure)


@pytest.mark.parametrize(
    ("values", "density"),
    [
        ([0.25], False),
        ([0.25, 0.5], False),
        ([0.25, 0.25, 0.25], False),
        ([1.0, 1.0, 1.0], False),
        ([-1.0, 0.0, 1.0], True),
        pytest.param(
            [0.0, 0.0, 1e-170],
            False,
        ),
    ],
)
def test_a_density_needs_values_that_vary(values: list[float], density: bool) -> None:
    figure = figure_of(np.array(values + [np.nan] * (150 - len(values))))
    *_, axes, _ = parts(figure)
    assert len(axes.lines) == 2 + density
    assert heights(axes).sum() > 0
    assert png(figure)


@pytest.mark.parametrize("rows", [1, 2, 30, 31, 60, 61, 300])
def test_few_and_many_perturbations(rows: int) -> None:
    values, symbols = np.full((rows, 3), 0.5), [f"GENE{i}" for i in range(rows)]
    correlation = np.array([0.1, 0.2, 0.4])
    own = np.zeros(values.shape, dtype=bool)
    figure = draw(predictions_of(values, -values, symbols, correlation), title="t", own=own)
    left, *_ = parts(figure)
    named = {
        int(tick): label.get_text()
        for tick, label in zip(left.get_yticks(), left.get_yticklabels(), strict=True)
    }
    assert named == {i: f"GENE{i}" for i in range(0, rows, -(-rows // 60))}
    assert len(named) <= 60
    assert figure.get_size_inches()[1] < 12
    assert png(figure).startswith(b"\x89PNG")


def test_names_are_text_and_not_mathematics() -> None:
    symbols = ["$A", "$B$", r"$\frac{", "_^{", "%#&"]
    with mpl.rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.simplefilter("error")
        predictions = predictions_of(TRUTH, PREDICTION, symbols, CORRELATION)
        figure = draw(predictions, title=r"$\bad{ $ title", own=OWN)
        assert png(figure).startswith(b"\x89PNG")
    left, *_ = parts(figure)
    assert [label.get_text() for label in left.get_yticklabels()] == symbols


def test_the_same_arrays_make_the_same_bytes() -> None:
    assert png(figure_of()) == png(figure_of())


def test_what_was_measured_is_not_called_rebuilt() -> None:
    predictions = predictions_of(TRUTH, PREDICTION, SYMBOLS, CORRELATION, measured=True)
    figure = draw(predictions, title="t", own=OWN)
    by_title = {axes.get_title(): axes for axes in figure.axes if axes.images}
    assert set(by_title) == {"Truth", "Prediction"}
    (image,) = by_title["Truth"].images
    assert np.array_equal(image.get_array(), TRUTH[:, most_variable(TRUTH, 100)])
    assert any("deviations" in axes.get_xlabel() for axes in figure.axes)
