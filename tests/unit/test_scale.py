"""Values on another scale than the config says, and what does not look like it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from echoes.example import files, simulate
from echoes.example.parameters import Parameters
from echoes.io.arrays import Floats
from echoes.screen.record import Screen
from echoes.screen.scale import BASES, MANY_GENES, scale_warnings, to_log2
from screens import read_competition

LIMIT = math.log2(1 + 1e4)


def screen(control: Floats, responses: Floats | None = None, scale: str = "log2") -> Screen:
    """A screen whose tables had these values and were said to be on this scale."""
    genes = len(control)
    if responses is None:
        responses = np.zeros((1, genes))
    responses = to_log2(responses, scale)
    return Screen(
        perturbations=np.array([f"P{i}" for i in range(len(responses))]),
        silenced=np.array([f"P{i}" for i in range(len(responses))]),
        genes=np.array([f"G{j}" for j in range(genes)]),
        control=to_log2(control, scale),
        responses=responses,
        truth=responses,
        weights=np.ones_like(responses),
        baseline=np.ones(len(responses)),
        validation_ids=np.array([], dtype=np.str_),
        validation_silenced=np.array([], dtype=np.str_),
    )


def cells(
    molecules: int, *, genes: int = 15_000, spread: float = 2.0, overdispersion: float = 0.5
) -> Floats:
    """Mean over cells of ln(1 + 10⁴·share), the most expressed gene first."""
    random = np.random.default_rng(0)
    share = np.sort(np.exp(random.normal(0, spread, genes)))[::-1]
    share /= share.sum()
    total = np.zeros(genes)
    for _ in range(100):
        expected = share * molecules * np.exp(random.normal(0, 0.3))
        shape = 1 / overdispersion
        counts = random.poisson(expected * random.gamma(shape, overdispersion, genes))
        total += np.log1p(1e4 * counts / counts.sum())
    return np.asarray(total / 100)


CELLS = {molecules: cells(molecules) for molecules in (2000, 10_000)}


def test_conversion() -> None:
    values = np.array([[0.0, 0.1, 13.0], [-1.5, 1e-300, 1 / 3]])
    assert to_log2(values, "log2").tobytes() == values.tobytes()
    np.testing.assert_allclose(to_log2(np.log([1.0, 2, 9]), "ln"), np.log2([1.0, 2, 9]))
    np.testing.assert_allclose(to_log2(np.log10([1.0, 2, 9]), "log10"), np.log2([1.0, 2, 9]))


@pytest.mark.parametrize(
    "parameters", [Parameters(), Parameters(seed=1, noise=0.3), Parameters(response_genes=580)]
)
def test_the_example_raises_no_alarm(tmp_path: Path, parameters: Parameters) -> None:
    paths = {
        name: tmp_path / name
        for name in (
            *("links", "info", "means", "truth", "validation"),
            *("sample_submission", "validation_truth"),
        )
    }
    files.write(simulate.simulate(parameters), **paths)
    data = read_competition(paths["means"], paths["truth"], None, scale="log2")
    assert scale_warnings(data, "log2") == []


@pytest.mark.parametrize("scale", BASES)
@pytest.mark.parametrize("molecules", CELLS)
@pytest.mark.parametrize("genes", [15_000, 5127, 300])
def test_the_true_scale_raises_no_alarm(scale: str, molecules: int, genes: int) -> None:
    control = CELLS[molecules] / math.log(BASES[scale])
    for part in (control[:genes], control[-genes:]):
        assert scale_warnings(screen(part, scale=scale), scale) == []
    assert scale_warnings(screen(control[::5], scale=scale), scale) == []


@pytest.mark.parametrize("genes", [15_000, 5127, MANY_GENES])
@pytest.mark.parametrize("molecules", CELLS)
@pytest.mark.parametrize(
    ("true", "claimed"), [("ln", "log2"), ("log10", "log2"), ("log10", "ln"), ("log2", "ln")]
)
def test_another_base_is_named(true: str, claimed: str, molecules: int, genes: int) -> None:
    control = CELLS[molecules][:genes] / math.log(BASES[true])
    (warning,) = scale_warnings(screen(control, scale=claimed), claimed)
    assert warning.startswith("the genes of the control add up to ")
    assert f"if the values are {claimed}" in warning
    assert f"set `dataset: scale: {true}`" in warning


def test_natural_logarithms_of_few_genes_are_not_seen() -> None:
    control = CELLS[10_000][: MANY_GENES - 1]
    assert scale_warnings(screen(control), "log2") == []


def test_log2_that_is_said_to_be_decimal_is_above_the_limit() -> None:
    control = CELLS[10_000] / math.log(2)
    (warning,) = scale_warnings(screen(control, scale="log10"), "log10")
    assert f"gene G0, the control: expression {control[0]:.4g} is the highest" in warning
    assert "above 4.00, the log10 of 1 + 10^4" in warning


def test_the_highest_impossible_value_is_named() -> None:
    responses = np.zeros((3, 4))
    responses[1, 2] = 17.5
    responses[2, 0] = 13.0
    (warning,) = scale_warnings(screen(np.array([0.5, 1.25, 2.0, 0.1]), responses), "log2")
    assert warning.startswith("gene G2, perturbation P1: expression 19.5 is the highest value")
    assert "above 13.29, the log2 of 1 + 10^4 (2 of 16 are)" in warning
    assert "dataset: scale:" in warning


def test_a_gene_with_all_molecules_is_possible() -> None:
    assert scale_warnings(screen(np.array([LIMIT, 0.0])), "log2") == []
    assert len(scale_warnings(screen(np.array([LIMIT + 1e-4, 0.0])), "log2")) == 1


@pytest.mark.parametrize("scale", BASES)
def test_raw_counts(scale: str) -> None:
    control = np.array([0.0, 3, 120, 41])
    limit, counts = scale_warnings(screen(control, scale=scale), scale)
    assert "gene G2, the control: expression 120 is the highest value" in limit
    assert "whole numbers only, up to 120: these look like raw counts" in counts


def test_a_few_small_whole_numbers_are_no_counts() -> None:
    assert scale_warnings(screen(np.array([1.0, 2, 0, 3])), "log2") == []


def test_negative_expression_is_named() -> None:
    responses = np.array([[0.0, -1.0], [-0.5, -1.5]])
    (warning,) = scale_warnings(screen(np.array([0.25, 1.0]), responses), "log2")
    assert warning.startswith("gene G1, perturbation P1: expression -0.5 is the lowest value")
    assert "(2 of 6 are)" in warning


def test_rounding_below_zero_is_no_negative_expression() -> None:
    responses = np.array([[-0.3 - 1e-12]])
    assert scale_warnings(screen(np.array([0.3]), responses), "log2") == []


@pytest.mark.parametrize(
    ("total", "warned"), [(1e4, False), (1.4e4, False), (1.6e4, True), (1e5, True)]
)
def test_more_molecules_than_a_cell_has(total: float, warned: bool) -> None:
    share = 1 / np.arange(1, 200) ** 0.5
    control = np.log2(1 + total * share / share.sum())
    assert control.max() < LIMIT
    warnings = scale_warnings(screen(control), "log2")
    assert len(warnings) == warned
    assert all(f"add up to {total:,.0f} molecules" in warning for warning in warnings)
    assert all("counts per million" in warning for warning in warnings)


def test_nothing_overflows() -> None:
    assert len(scale_warnings(screen(np.array([1e6 + 0.5, 1.0])), "log2")) == 1


def test_real_knock_outs_are_no_shares_of_ten_thousand() -> None:
    """They are log2 of counts of bulk samples, each of which has millions of molecules."""
    folder = Path(__file__).resolve().parents[3] / "shared/data/knockout"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    means = folder / "training_data_means.csv"
    data = read_competition(means, None, None, scale="log2")
    negative, limit = scale_warnings(data, "log2")
    assert negative.startswith("gene TCL1B, perturbation OVOL1: expression -0.1526 is the lowest")
    assert limit.startswith("gene MALAT1, perturbation GCM1: expression 18.56 is the highest")
