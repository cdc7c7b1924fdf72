"""Screens of cells: each layout gives what loops over cells give, and bad files one message."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cell_files import PLACES, TABLES, Cells, logarithms, simulate, slow_screen, write_cells
from echoes.io.errors import InputError
from echoes.io.h5ad import open_h5ad, read_names
from echoes.io.h5ad_matrix import blocks, find_matrix
from echoes.screen.cell_groups import LAYOUTS, CellLayout, group_cells
from echoes.screen.cells import CellScreen, gene_names, screen_of_cells
from echoes.screen.guides import GENE_NAMES, Guides

REAL = Path(__file__).resolve().parents[2].parent / "shared/data/h5ad/anndata-v0.5.0.h5ad"
PLAIN = LAYOUTS["cell_eval"]
ALL = {
    "guides": GENE_NAMES,
    "guides_of_a_gene": "merged",
    "several_genes": "refuse",
    "fewest_cells": 1,
    "fewer_cells": "refuse",
}


def screen(
    path: Path,
    layout: CellLayout = PLAIN,
    matrix: str = "X",
    scale: str = "counts",
    most_genes: int | None = None,
    lowest_expression: float | None = None,
    threads: int = 2,
    add_ids: bool = False,
    halve: bool = False,
    **options: Any,
) -> CellScreen:
    with open_h5ad(path) as h5ad:
        stored = find_matrix(h5ad, matrix)
        groups = group_cells(h5ad, layout, **{**ALL, **options})
        return screen_of_cells(
            stored,
            groups,
            gene_names(h5ad, stored.var, layout.genes, add_ids=add_ids),
            scale=scale,
            most_genes=most_genes,
            lowest_expression=lowest_expression,
            threads=threads,
            halve=halve,
        )


def compare(found: CellScreen, cells: Cells, batches: bool = False) -> None:
    batch = cells.obs["batch"] if batches else [""] * len(cells.values)
    x = logarithms(cells.values)
    expected = slow_screen(x, cells.obs["target_gene"], batch, cells.genes, "non-targeting")
    assert found.screen.perturbations.tolist() == expected["names"]
    assert found.screen.genes.tolist() == cells.genes
    assert found.degrees == pytest.approx(expected["degrees"] + expected["prior"][0], rel=1e-10)
    close = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(found.screen.control, expected["control"], **close)
    np.testing.assert_allclose(found.screen.responses, expected["delta"], **close)
    np.testing.assert_allclose(found.t, expected["t"], **close)
    np.testing.assert_allclose(found.screen.weights, expected["weights"], **close)
    np.testing.assert_allclose(found.screen.baseline, expected["baseline"], **close)
    np.testing.assert_allclose(
        found.screen.responses, found.t * found.standard_error, rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
@pytest.mark.parametrize("tables", TABLES)
def test_each_layout_of_tables(tmp_path: Path, kind: str, tables: str) -> None:
    cells = simulate()
    compare(screen(write_cells(tmp_path / "a.h5ad", cells, kind=kind, tables=tables)), cells)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
def test_each_place_of_the_matrix(tmp_path: Path, place: str, kind: str) -> None:
    cells = simulate(1)
    path = write_cells(tmp_path / "a.h5ad", cells, kind=kind, place=place)
    compare(screen(path, matrix=PLACES[place]), cells)


@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
@pytest.mark.parametrize("number", ["u1", "i4", "i8", "f2", "f4", "f8"])
def test_each_type_of_numbers(tmp_path: Path, kind: str, number: str) -> None:
    cells = simulate(2)
    cells = dataclasses.replace(cells, values=cells.values.astype(number))
    options: dict[str, Any] = {"compression": "gzip"} if number != "f4" else {}
    if kind != "dense":
        options["indices"] = "i8"
    compare(screen(write_cells(tmp_path / "a.h5ad", cells, kind=kind, **options)), cells)


@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
def test_batches(tmp_path: Path, kind: str) -> None:
    cells = simulate(3)
    path = write_cells(tmp_path / "a.h5ad", cells, kind=kind)
    found = screen(path, dataclasses.replace(PLAIN, batch="batch"))
    compare(found, cells, batches=True)
    assert set(found.facts.batches) == {"b0", "b1", "b2"}
    one = screen(path, dataclasses.replace(PLAIN, batch=None))
    assert not np.allclose(found.screen.responses, one.screen.responses)


@pytest.mark.parametrize("kind", ["csr", "csc"])
@pytest.mark.parametrize(("scale", "base"), [("log2", 2), ("ln", np.e), ("log10", 10)])
def test_logarithms_are_taken_as_they_are(
    tmp_path: Path, kind: str, scale: str, base: float
) -> None:
    cells = simulate(4)
    x = np.array(logarithms(cells.values)) * np.log(2) / np.log(base)
    path = write_cells(tmp_path / "a.h5ad", dataclasses.replace(cells, values=x), kind=kind)
    found = screen(path, scale=scale)
    compare(found, cells)
    assert found.facts.molecules is None
    counts = screen(write_cells(tmp_path / "b.h5ad", cells, kind=kind))
    np.testing.assert_allclose(found.facts.expression_left, counts.facts.expression_left)


def test_entries_in_any_order_and_in_two_pieces_are_one_count(tmp_path: Path) -> None:
    import h5py

    cells = simulate(5)
    path = write_cells(tmp_path / "a.h5ad", cells)
    with h5py.File(path, "a") as file:
        data, indices, pointers = (file["X"][name][:] for name in ("data", "indices", "indptr"))
        rows = [np.arange(a, b)[::-1] for a, b in itertools.pairwise(pointers)]
        order = np.concatenate(rows)
        # The first entry of the file becomes two, of which one is 0.
        file["X/data"][...], file["X/indices"][...] = data[order], indices[order]
        for name, extra in (("data", 0.0), ("indices", indices[order][0])):
            content = np.insert(file["X"][name][:], 0, extra)
            del file["X"][name]
            file["X"][name] = content
        file["X/indptr"][1:] += 1
    compare(screen(path), cells)


def test_facts(tmp_path: Path) -> None:
    cells = simulate(6)
    label = np.array(cells.obs["target_gene"])
    for kind in ("csr", "csc"):
        facts = screen(write_cells(tmp_path / f"{kind}.h5ad", cells, kind=kind)).facts
        share = cells.values / cells.values.sum(axis=1, keepdims=True)
        for p, name in enumerate(facts.perturbations.tolist()):
            gene = cells.genes.index(name)
            left = share[label == name, gene].mean() / share[label == "non-targeting", gene].mean()
            assert facts.expression_left[p] == pytest.approx(left, rel=1e-6)
            assert facts.cells[p] == np.count_nonzero(label == name)
        assert facts.molecules is not None
        control = cells.values[label == "non-targeting"]
        levels = [0.05, 0.25, 0.5, 0.75, 0.95]
        np.testing.assert_allclose(facts.molecules[1], np.quantile(control.sum(axis=1), levels))
        np.testing.assert_allclose(
            facts.detected[1], np.quantile((control > 0).sum(axis=1), levels)
        )
        assert facts.controls == {"non-targeting": len(control)}


def test_response_genes_follow_from_control_cells_only(tmp_path: Path) -> None:
    cells = simulate(7)
    cells.values[np.array(cells.obs["target_gene"]) != "non-targeting", 29] += 500
    cells.values[np.array(cells.obs["target_gene"]) == "non-targeting", 29] = 0
    path = write_cells(tmp_path / "a.h5ad", cells)
    everything = screen(path).screen
    some = screen(path, most_genes=10)
    highest = np.sort(everything.control)[::-1]
    assert len(some.screen.genes) == 10
    assert set(some.screen.control.tolist()) == set(highest[:10].tolist())
    assert "g29" not in some.screen.genes
    assert some.facts.genes == (30, 10)
    above = screen(path, lowest_expression=float(highest[4])).screen
    assert len(above.genes) == 5
    with pytest.raises(InputError, match="no gene has a mean of 99 or more"):
        screen(path, lowest_expression=99)


def test_guides_apart_and_merged(tmp_path: Path) -> None:
    cells = simulate(8)
    path = write_cells(tmp_path / "a.h5ad", cells)
    layout = dataclasses.replace(PLAIN, guide="guide")
    apart = screen(path, layout, guides_of_a_gene="apart").screen
    assert apart.perturbations.tolist() == [f"g{i}_{k}" for i in range(4) for k in (1, 2)]
    assert apart.silenced.tolist() == [f"g{i}" for i in range(4) for _ in (1, 2)]
    merged = screen(path, layout).screen
    assert merged.perturbations.tolist() == ["g0", "g1", "g2", "g3"]
    # The same from names of guides alone.
    by_guide = CellLayout("guide", ("non-targeting*",), None, None, None, None)
    way = Guides(separator="_", pattern=None, table=None)
    for how, expected in (("apart", apart), ("merged", merged)):
        other = screen(path, by_guide, guides=way, guides_of_a_gene=how).screen
        for name in ("perturbations", "silenced", "responses", "weights"):
            assert np.array_equal(getattr(other, name), getattr(expected, name))


def test_guide_of_two_genes(tmp_path: Path) -> None:
    cells = simulate(9)
    cells.obs["guide"] = ["same" if name == "g0" else "x" for name in cells.obs["target_gene"]]
    path = write_cells(tmp_path / "a.h5ad", cells)
    with pytest.raises(InputError, match="guide x has cells with two labels"):
        screen(path, dataclasses.replace(PLAIN, guide="guide"), guides_of_a_gene="apart")


def gears(cells: Cells) -> Cells:
    names = {"non-targeting": "ctrl", "g0": "g0+ctrl", "g1": "ctrl+g1", "g2": "g2+g3"}
    labels = [names.get(name, "g3+ctrl") for name in cells.obs["target_gene"]]
    return dataclasses.replace(
        cells,
        obs={"condition": labels},
        var={"gene_name": cells.genes},
        genes=[f"E{i}" for i in range(len(cells.genes))],
    )


def test_gears(tmp_path: Path) -> None:
    cells = simulate(10)
    path = write_cells(tmp_path / "a.h5ad", gears(cells))
    layout = LAYOUTS["gears"]
    with pytest.raises(InputError, match=r"1 perturbations silence several genes: g2\+g3"):
        screen(path, layout)
    left = screen(path, layout, several_genes="leave_out")
    assert left.screen.perturbations.tolist() == ["g0", "g1", "g3"]
    assert left.facts.several == {"g2+g3": cells.obs["target_gene"].count("g2")}
    kept = screen(path, layout, several_genes="keep").screen
    assert kept.silenced.tolist() == ["g0", "g1", "g2+g3", "g3"]
    genes = kept.genes.tolist()
    assert (kept.weights[2] == 0).tolist() == [name in {"g2", "g3"} for name in genes]
    plain = screen(write_cells(tmp_path / "b.h5ad", cells)).screen
    np.testing.assert_allclose(kept.responses, plain.responses, rtol=1e-12)


def test_only_perturbations_of_several_genes(tmp_path: Path) -> None:
    cells = simulate(21)
    labels = ["a+b" if name != "non-targeting" else "ctrl" for name in cells.obs["target_gene"]]
    path = write_cells(tmp_path / "a.h5ad", dataclasses.replace(cells, obs={"condition": labels}))
    layout = dataclasses.replace(LAYOUTS["gears"], genes=None)
    with pytest.raises(InputError, match="no cell but controls has a perturbation that is used"):
        screen(path, layout, several_genes="leave_out")
    assert screen(path, layout, several_genes="keep").screen.silenced.tolist() == ["a+b"]


@pytest.mark.parametrize(
    ("preset", "column", "control"),
    [
        ("competition", "sgrna_symbol", "non-targeting"),
        ("replogle_cells", "gene", "non-targeting"),
        ("virtual_cell_challenge", "target_gene", "non-targeting"),
        ("scperturb", "perturbation", "control"),
        ("gears", "condition", "ctrl"),
        ("cell_eval", "target_gene", "non-targeting"),
    ],
)
def test_each_preset(tmp_path: Path, preset: str, column: str, control: str) -> None:
    cells = simulate(11)
    labels = [name if name != "non-targeting" else control for name in cells.obs["target_gene"]]
    layout = LAYOUTS[preset]
    named = dataclasses.replace(
        cells,
        obs={column: labels},
        var={layout.genes: cells.genes} if layout.genes else {},
        genes=[f"ENSG{i}" for i in range(30)] if layout.genes else cells.genes,
    )
    compare(screen(write_cells(tmp_path / "a.h5ad", named), layout), cells)


def test_perturbations_with_few_cells_are_named(tmp_path: Path) -> None:
    cells = simulate(12)
    cells.obs["target_gene"][:3] = ["rare"] * 3
    path = write_cells(tmp_path / "a.h5ad", cells)
    found = screen(path, fewest_cells=4, fewer_cells="leave_out")
    assert found.facts.too_few == {"rare": 3}
    assert "rare" not in found.screen.perturbations
    with pytest.raises(InputError, match=r"1 of 5 perturbations have fewer cells than 4: rare \(3"):
        screen(path, fewest_cells=4)
    with pytest.raises(InputError, match="5 of 5 perturbations have fewer cells than 999"):
        screen(path, fewest_cells=999, fewer_cells="leave_out")


def test_cells_in_batches_without_control_are_left_out(tmp_path: Path) -> None:
    cells = simulate(13)
    label = cells.obs["target_gene"]
    moved = [i for i in range(40) if label[i] != "non-targeting"]
    for i in moved:
        cells.obs["batch"][i] = "alone"
    path = write_cells(tmp_path / "a.h5ad", cells)
    found = screen(path, dataclasses.replace(PLAIN, batch="batch"))
    assert found.facts.without_control == {"alone": len(moved)}
    rest = [i for i in range(len(label)) if i not in moved]
    some = Cells(
        cells.values[rest],
        cells.genes,
        {key: [values[i] for i in rest] for key, values in cells.obs.items()},
    )
    compare(found, some, batches=True)


def test_empty_cells_count_as_cells(tmp_path: Path) -> None:
    cells = simulate(14)
    cells.values[[0, 50, 119]] = 0
    for kind in ("csr", "csc"):
        compare(screen(write_cells(tmp_path / f"{kind}.h5ad", cells, kind=kind)), cells)


def test_same_names_of_genes(tmp_path: Path) -> None:
    cells = simulate(15)
    cells.var = {"symbol": ["g0", *cells.genes[:-1]]}
    path = write_cells(tmp_path / "a.h5ad", cells)
    layout = dataclasses.replace(PLAIN, genes="symbol")
    with pytest.raises(InputError, match="1 names of genes stand more than once: g0"):
        screen(path, layout)
    genes = screen(path, layout, add_ids=True).screen.genes.tolist()
    assert genes[:3] == ["g0 (g0)", "g0 (g1)", "g1"]


@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
@pytest.mark.parametrize(
    ("value", "scale", "message"),
    [
        (0.5, "counts", "X, cell cell7, gene g3: 0.5 is no count of molecules"),
        (-1, "counts", "X, cell cell7, gene g3: -1 is no count of molecules"),
        (np.nan, "counts", "X, cell cell7, gene g3: nan is no count of molecules"),
        (np.inf, "counts", "X, cell cell7, gene g3: inf is no count of molecules"),
        (20, "log2", "X, cell cell7, gene g3: 20 is no log2 of 1"),
        (-0.1, "ln", "X, cell cell7, gene g3: -0.1 is no ln of 1"),
    ],
)
def test_a_value_that_is_not_on_the_scale(
    tmp_path: Path, kind: str, value: float, scale: str, message: str
) -> None:
    cells = simulate(16)
    if scale != "counts":
        cells.values = np.log1p(cells.values)
    cells.values[7, 3] = value
    path = write_cells(tmp_path / "a.h5ad", cells, kind=kind)
    with pytest.raises(InputError, match=message):
        screen(path, scale=scale)


def test_normalised_values_name_the_matrix_with_counts(tmp_path: Path) -> None:
    path = write_cells(tmp_path / "a.h5ad", simulate(17), place="layers/counts")
    with pytest.raises(InputError, match="The file also has layers/counts: counts there"):
        screen(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"controls": ("ctrl",)}, "obs, column target_gene: no cell has the label 'ctrl'"),
        ({"controls": ()}, "no label of control cells is given"),
        ({"controls": ("*",)}, "all 5 labels are controls"),
        ({"perturbation": "gene"}, "no column 'gene'; there are batch, guide, target_gene"),
        ({"batch": "gem"}, "no column 'gem'"),
        ({"genes": "symbol"}, "var: there is no column 'symbol'; there are none"),
    ],
)
def test_labels_that_do_not_fit(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = write_cells(tmp_path / "a.h5ad", simulate(18))
    with pytest.raises(InputError, match=message):
        screen(path, dataclasses.replace(PLAIN, **change))


@pytest.mark.parametrize("text", ["", "nan", "NaN"])
@pytest.mark.parametrize("tables", ["fields", "categorical", "string-array"])
def test_a_cell_without_label(tmp_path: Path, text: str, tables: str) -> None:
    cells = simulate(19)
    cells.obs["target_gene"][8] = text
    path = write_cells(tmp_path / "a.h5ad", cells, tables=tables)
    with pytest.raises(InputError, match="cell cell8: the entry is empty or NaN, as in 1 of 120"):
        screen(path)


def test_control_cells_may_be_called_none(tmp_path: Path) -> None:
    cells = simulate(22)
    labels = ["None" if name == "non-targeting" else name for name in cells.obs["target_gene"]]
    path = write_cells(tmp_path / "a.h5ad", dataclasses.replace(cells, obs={"target_gene": labels}))
    compare(screen(path, dataclasses.replace(PLAIN, controls=("None",))), cells)


def test_threads_do_not_change_a_bit(tmp_path: Path) -> None:
    cells = simulate(20, cells=1500, genes=50, perturbations=6)
    path = write_cells(tmp_path / "a.h5ad", cells)
    layout = dataclasses.replace(PLAIN, batch="batch")
    one, four = (screen(path, layout, threads=threads) for threads in (1, 4))
    for name in ("responses", "weights", "baseline", "control"):
        assert getattr(one.screen, name).tobytes() == getattr(four.screen, name).tobytes()
    assert one.t.tobytes() == four.t.tobytes()


@pytest.mark.skipif(not REAL.exists(), reason="the shared files are not here")
def test_real_file_of_0_5(tmp_path: Path) -> None:
    # Blood cells, no screen: their types stand for perturbations.
    layout = CellLayout("bulk_labels", ("Dendritic",), None, None, None, None)
    found = screen(REAL, layout, matrix="raw", scale="ln")
    with open_h5ad(REAL) as h5ad:
        label = read_names(h5ad, "obs", "bulk_labels").tolist()
        genes = read_names(h5ad, "raw.var", None)
        values = next(blocks(find_matrix(h5ad, "raw"))).values.toarray().astype(np.float64)
    few = np.sort(np.random.default_rng(0).choice(len(genes), 40, replace=False))
    x = (values[:, few] * np.log2(np.e)).tolist()
    expected = slow_screen(x, label, [""] * 700, genes[few].tolist(), "Dendritic")
    assert found.screen.perturbations.tolist() == expected["names"]
    close = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(found.screen.control[few], expected["control"], **close)
    np.testing.assert_allclose(found.screen.responses[:, few], expected["delta"], **close)
    some = np.array(expected["t"]) / found.t[:, few]
    # The prior is that of other genes, so that t differs by a factor for each gene.
    np.testing.assert_allclose(some, np.broadcast_to(some[0], some.shape), rtol=1e-9)
    with pytest.raises(InputError, match=r"X, cell .*-1, gene .* is no count"):
        screen(REAL, layout, matrix="X")
