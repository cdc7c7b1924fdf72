"""Files of each version of anndata are read with h5py alone; others get one message."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from cell_files import TABLES, TEXT, Cells, simulate, write_cells
from echoes.io.errors import InputError
from echoes.io.h5ad import (
    column_names,
    open_h5ad,
    read_labels,
    read_names,
    read_numbers,
    row_count,
)
from echoes.io.h5ad_matrix import blocks, find_matrix, matrix_names

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "h5ad"
real = pytest.mark.skipif(not SHARED.exists(), reason="the shared files are not here")


def whole(path: Path, name: str, limit: int | None = None) -> np.ndarray:
    with open_h5ad(path) as h5ad:
        matrix = find_matrix(h5ad, name)
        parts = [block.values.toarray() for block in blocks(matrix, limit)]
    return np.concatenate(parts, axis=1 if matrix.kind == "csc" else 0)


@pytest.mark.parametrize("tables", TABLES)
def test_tables(tmp_path: Path, tables: str) -> None:
    cells = simulate()
    cells.obs["gene α"] = ["Ä"] * 60 + ["β"] * 60
    if tables == "fields":  # these are of bytes
        del cells.obs["gene α"]
    path = write_cells(tmp_path / "a.h5ad", cells, tables=tables)
    with open_h5ad(path) as h5ad:
        assert column_names(h5ad, "obs") == tuple(sorted(cells.obs))
        assert row_count(h5ad, "obs") == 120
        assert read_names(h5ad, "obs", None).tolist() == cells.cells
        assert read_names(h5ad, "var", None).tolist() == cells.genes
        for column, values in cells.obs.items():
            labels = read_labels(h5ad, "obs", column)
            assert labels.texts[labels.codes].tolist() == values
            assert labels.texts.tolist() == sorted(set(values))


def test_missing_values(tmp_path: Path) -> None:
    path = write_cells(tmp_path / "a.h5ad", Cells(np.eye(3), ["a", "b", "c"], {}))
    with h5py.File(path, "a") as file:
        obs = file["obs"]
        category = obs.create_group("category")
        category["codes"], category["categories"] = np.array([1, -1, 0], dtype="i1"), [b"x", b"y"]
        nullable = obs.create_group("nullable")
        nullable["values"], nullable["mask"] = [3, 1, 5], [False, True, False]
        obs["number"], obs["yes"] = [1.5, np.nan, 2.0], [True, False, True]
        obs["whole"] = [1.0, np.nan, 12.0]
    with open_h5ad(path) as h5ad:
        assert read_labels(h5ad, "obs", "category").codes.tolist() == [1, -1, 0]
        assert read_numbers(h5ad, "obs", "nullable").tolist()[::2] == [3.0, 5.0]
        assert np.isnan(read_numbers(h5ad, "obs", "nullable")[1])
        assert read_numbers(h5ad, "obs", "number").tolist()[::2] == [1.5, 2.0]
        assert read_numbers(h5ad, "obs", "yes").tolist() == [1, 0, 1]
        labels = read_labels(h5ad, "obs", "whole")
        assert [labels.texts[k] for k in labels.codes if k >= 0] == ["1", "12"]
        assert labels.codes[1] == -1
        with pytest.raises(InputError, match="not all entries are numbers"):
            read_numbers(h5ad, "obs", "category")
        with pytest.raises(InputError, match="column category: row 2 has no name, as 1 of 3"):
            read_names(h5ad, "obs", "category")


@pytest.mark.parametrize("kind", ["csr", "csc", "dense"])
@pytest.mark.parametrize("limit", [1, 40, 1000, None])
def test_blocks(tmp_path: Path, kind: str, limit: int | None) -> None:
    cells = simulate(1)
    path = write_cells(tmp_path / "a.h5ad", cells, kind=kind)
    assert np.array_equal(whole(path, "X", limit), cells.values)
    with open_h5ad(path) as h5ad:
        matrix = find_matrix(h5ad, "X")
        sizes = [(len(block.values.data), block.values.shape) for block in blocks(matrix, limit)]
    lines = [shape[1 if kind == "csc" else 0] for _, shape in sizes]
    if limit and kind != "dense":
        assert all(
            size <= limit or count == 1 for (size, _), count in zip(sizes, lines, strict=True)
        )
    assert (len(sizes) == 1) == (limit is None or (kind != "dense" and limit >= cells.values.size))


@real
def test_file_of_0_5() -> None:
    path = SHARED / "anndata-v0.5.0.h5ad"
    with open_h5ad(path) as h5ad:
        assert matrix_names(h5ad) == ("X", "raw")
        assert row_count(h5ad, "obs") == 700
        labels = read_labels(h5ad, "obs", "bulk_labels")
        assert len(set(labels.codes.tolist())) == 10
        assert "CD34+" in labels.texts
        phase = read_labels(h5ad, "obs", "phase")
        assert phase.texts.tolist() == ["G1", "G2M", "S"]
        assert read_names(h5ad, "var", None)[0] == read_names(h5ad, "raw.var", None)[0]
        counts = read_numbers(h5ad, "obs", "n_genes")
        assert counts.min() > 100
        assert find_matrix(h5ad, "X").kind == "dense"
        assert find_matrix(h5ad, "raw").kind == "csr"
    assert whole(path, "X").shape == (700, 765)
    with h5py.File(path) as file:
        raw = file["raw.X"]
        stored = whole(path, "raw", 10_000)
        assert np.count_nonzero(stored) == np.count_nonzero(raw["data"][:])
        assert stored.sum(dtype=float) == pytest.approx(raw["data"][:].sum(dtype=float))


@real
@pytest.mark.parametrize("version", ["0.7.0", "0.7.8"])
def test_files_of_0_7(version: str) -> None:
    path = SHARED / f"anndata-v{version}.h5ad"
    with open_h5ad(path) as h5ad:
        assert matrix_names(h5ad) == ("X", "raw", "layers/array", "layers/sparse")
        labels = read_labels(h5ad, "obs", "obs_cat")
        assert len(labels.codes) == 30
        assert labels.codes.min() >= 0
        assert len(read_names(h5ad, "raw/var", "var_cat")) == 40
        with h5py.File(path) as file:
            numbers = file["obs/int64"][:].tolist()
            first = file["obs/__categories/obs_cat"].asstr()[file["obs/obs_cat"][0]]
        assert read_numbers(h5ad, "obs", "int64").tolist() == numbers
        assert labels.texts[labels.codes[0]] == first
    for name, columns in (("X", 20), ("raw", 40), ("layers/array", 20), ("layers/sparse", 20)):
        assert whole(path, name, 50).shape == (30, columns)


@real
def test_file_without_a_matrix() -> None:
    with open_h5ad(SHARED / "anndata-v0.11.4.h5ad") as h5ad:
        assert row_count(h5ad, "obs") == 10
        with pytest.raises(InputError, match="there is no matrix X; there are none"):
            find_matrix(h5ad, "X")


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.h5ad"
    with pytest.raises(InputError, match="there is no such file"), open_h5ad(path):
        pass
    path.write_text("gene,value\n")
    with pytest.raises(InputError, match="this is no HDF5 file"), open_h5ad(path):
        pass
    path.write_bytes(gzip.compress(b"x"))
    with pytest.raises(InputError, match="compressed by gzip"), open_h5ad(path):
        pass
    content = write_cells(path, simulate()).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="the file is cut short"), open_h5ad(path):
        pass
    for group, kind in (("mod", "MuData"), ("matrix", "Cell Ranger"), ("a", "no file of anndata")):
        with h5py.File(path, "w") as file:
            file.create_group(group)
        with pytest.raises(InputError, match=kind), open_h5ad(path):
            pass


def _nest(file: h5py.File) -> None:
    del file["obs/guide"]
    file.create_group("obs/guide").attrs["encoding-type"] = "awkward-array"


def _wide(file: h5py.File) -> None:
    del file["obs/guide"]
    file["obs/guide"] = np.zeros((120, 2))


def _code(file: h5py.File) -> None:
    file["obs/guide/codes"][5] = 99


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_nest, "obs, column guide: the layout awkward-array is not read"),
        (_wide, "the layout of a column of 2 dimensions is not read"),
        (_code, "obs, column guide: this part cannot be read .*code 99"),
    ],
)
def test_columns_that_are_not_read(
    tmp_path: Path, change: Callable[[h5py.File], None], message: str
) -> None:
    path = write_cells(tmp_path / "a.h5ad", simulate())
    with h5py.File(path, "a") as file:
        change(file)
    with open_h5ad(path) as h5ad, pytest.raises(InputError, match=message):
        read_labels(h5ad, "obs", "guide")


def _encoding(file: h5py.File) -> None:
    file["X"].attrs["encoding-type"] = "coo_matrix"


def _index(file: h5py.File) -> None:
    file["X/indices"][100] = 30


def _negative(file: h5py.File) -> None:
    file["X/indices"][100] = -1


def _pointer(file: h5py.File) -> None:
    file["X/indptr"][5] = 0


def _last(file: h5py.File) -> None:
    file["X/indptr"][-1] += 1


def _shape(file: h5py.File) -> None:
    file["X"].attrs["shape"] = np.array([120, 31])


def _texts(file: h5py.File) -> None:
    del file["X"]
    file.create_dataset("X", data=np.full((120, 30), "1", dtype=object), dtype=TEXT)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_encoding, "the layout coo_matrix is not read"),
        (_index, "an index is not below 30"),
        (_negative, "an index is not below 30"),
        (_pointer, "indptr does not fit"),
        (_last, "indptr does not fit"),
        (_shape, "the matrix has 120 × 31 entries, the tables 120 cells and 30 genes"),
        (_texts, "the layout of a matrix of object"),
    ],
)
def test_matrices_that_are_not_read(
    tmp_path: Path, change: Callable[[h5py.File], None], message: str
) -> None:
    path = write_cells(tmp_path / "a.h5ad", simulate())
    with h5py.File(path, "a") as file:
        change(file)
    with pytest.raises(InputError, match=message):
        whole(path, "X")


def test_damaged_block(tmp_path: Path) -> None:
    path = write_cells(tmp_path / "a.h5ad", simulate(), compression="gzip")
    with h5py.File(path) as file:
        offset = file["X/data"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[offset : offset + 40] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"X, entries 0 to .* cannot be read"):
        whole(path, "X")


@pytest.mark.parametrize("version", ["csr", "csc", "dense"])
def test_files_that_anndata_writes(tmp_path: Path, version: str) -> None:
    anndata = pytest.importorskip("anndata")
    pandas = pytest.importorskip("pandas")
    from scipy import sparse

    cells = simulate(2)
    values = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "dense": np.asarray}[version](
        cells.values
    )
    obs = pandas.DataFrame(cells.obs, index=cells.cells)
    obs["batch"] = obs["batch"].astype("category")
    obs["count"] = pandas.array([1, None] * 60, dtype="Int64")
    data = anndata.AnnData(values, obs=obs, var=pandas.DataFrame(index=cells.genes))
    data.raw = data.copy()
    data.layers["counts"] = values
    for compression in (None, "gzip"):
        path = tmp_path / f"{compression}.h5ad"
        data.write_h5ad(path, compression=compression)
        for name in ("X", "raw", "layers/counts"):
            assert np.array_equal(whole(path, name), cells.values)
        with open_h5ad(path) as h5ad:
            for column, texts in cells.obs.items():
                assert read_names(h5ad, "obs", column).tolist() == texts
            assert read_names(h5ad, "var", None).tolist() == cells.genes
            assert np.isnan(read_numbers(h5ad, "obs", "count")[1])
