"""Faults of files of cells, one row a fault, for each function that reads such a file."""

from __future__ import annotations

import bz2
import gzip
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import read_cells
import read_prior
from cell_files import TEXT, simulate, write_cells
from echoes.io.errors import InputError, printable
from echoes.io.files import save_record
from echoes.screen.guides import GENE_NAMES
from echoes.screen.h5ad_screen import read_h5ad_screen
from echoes.screen.prior import read_prior as read_prior_file
from screens import dataset_settings, name_genes
from unit.test_h5ad_screen import CELLS
from unit.test_pseudobulk import write as write_bulk

Change = Callable[[Any], None]

SETTINGS = {
    "cells": dataset_settings(
        "h5ad",
        control=["non-targeting"],
        scale="counts",
        cells={**CELLS, "perturbation": "target_gene", "batch": "batch"},
    ),
    "pseudobulk": dataset_settings(
        "h5ad", scale="counts", cells={**CELLS, "layout": "replogle_pseudobulk"}
    ),
}
KINDS = [("cells", "csr"), ("cells", "csc"), ("cells", "dense"), ("pseudobulk", "dense")]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """A good file of each kind."""
    folder = tmp_path_factory.mktemp("h5ad")
    made = {}
    for what, kind in KINDS:
        path = folder / f"{what}_{kind}.h5ad"
        made[what, kind] = (
            write_cells(path, simulate(), kind=kind)
            if what == "cells"
            else write_bulk(path, kind=kind)
        )
    return made


def read(path: Path, what: str, *, prior: bool = False) -> None:
    if prior:
        read_prior_file(path, SETTINGS[what], GENE_NAMES, name_genes, threads=1)
    else:
        read_h5ad_screen(path, SETTINGS[what], GENE_NAMES, name_genes, threads=1, halve=True)


#: Faults of the bytes of a file.
BYTES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "no HDF5 file"),
    "a table": (lambda _: b"gene,TP53\nA,1\n", "no HDF5 file"),
    "a web page": (lambda _: b"<html>", "no HDF5 file"),
    "gzip": (gzip.compress, "compressed by gzip"),
    "bzip2": (bz2.compress, "no HDF5 file"),
    "cut short": (lambda content: content[: len(content) // 2], "cut short"),
    "the last byte": (lambda content: content[:-1], "cut short"),
}


@pytest.mark.parametrize("fault", BYTES)
@pytest.mark.parametrize("what", ["cells", "pseudobulk"])
def test_a_file_that_is_none(
    files: dict[tuple[str, str], Path], tmp_path: Path, what: str, fault: str
) -> None:
    change, message = BYTES[fault]
    path = tmp_path / "a.h5ad"
    path.write_bytes(change(files[what, "dense"].read_bytes()))
    for prior in (False, True):
        with pytest.raises(InputError, match=message) as caught:
            read(path, what, prior=prior)
        assert_one_line(caught.value, path)


def assert_one_line(error: InputError, path: Path) -> None:
    said = printable(str(error))
    assert str(path) in said
    assert "; expected " in said
    assert len(said) < 2000


def value(number: float) -> Change:
    """Put a number into the first entry of the matrix."""

    def change(file: Any) -> None:
        data = file["X"] if isinstance(file["X"], h5py.Dataset) else file["X/data"]
        data[(0,) * data.ndim] = number

    return change


def texts(path: str, change: Callable[[list[str]], list[str]]) -> Change:
    """Change the texts of an index, or the different texts of a column."""

    def do(file: Any) -> None:
        values = [text.decode() for text in file[path][:]]
        attributes = dict(file[path].attrs)
        del file[path]
        file.create_dataset(path, data=np.array(change(values), dtype=object), dtype=TEXT)
        file[path].attrs.update(attributes)

    return do


def without(*paths: str) -> Change:
    def change(file: Any) -> None:
        for path in paths:
            del file[path]

    return change


def single(path: str, content: Any = 5) -> Change:
    """Put other contents in the place of an array."""

    def change(file: Any) -> None:
        del file[path]
        file[path] = content

    return change


def odd_type(file: Any) -> None:
    """Make integers of six bytes, which NumPy has not."""
    kind = h5py.h5t.STD_I64LE.copy()
    kind.set_size(6)
    _empty(file, kind)


def bits(file: Any) -> None:
    _empty(file, h5py.h5t.STD_B16LE)


def _empty(file: Any, kind: Any) -> None:
    """Put a list of zeros of this type in the place of the values of the matrix."""
    length = len(file["X/data"])
    del file["X/data"]
    h5py.h5d.create(file["X"].id, b"data", kind, h5py.h5s.create_simple((length,)))


def no_rows(file: Any) -> None:
    for name in [name for name in file["obs"] if isinstance(file["obs"][name], h5py.Dataset)]:
        kept = file["obs"][name][:0]
        del file["obs"][name]
        file["obs"].create_dataset(name, data=kept, dtype=TEXT if kept.dtype == object else None)
    for name in ("target_gene", "batch", "guide"):
        if name in file["obs"]:
            del file[f"obs/{name}/codes"]
            file[f"obs/{name}/codes"] = np.array([], dtype=np.int8)
    if isinstance(file["X"], h5py.Dataset):
        columns = file["X"].shape[1]
        del file["X"]
        file["X"] = np.zeros((0, columns), dtype=np.float32)
    else:
        file["X"].attrs["shape"] = np.array([0, file["X"].attrs["shape"][1]])


def texts_in_matrix(file: Any) -> None:
    shape = (len(file["obs/_index"]), len(file["var/_index"]))
    del file["X"]
    file.create_dataset("X", data=np.full(shape, "1", dtype=object), dtype=TEXT)


ALL = {f"{what} {kind}" for what, kind in KINDS}
SPARSE = {"cells csr", "cells csc"}
OF_CELLS = SPARSE | {"cells dense"}
BULK = {"pseudobulk dense"}
#: Faults of what is in a file: how it gets it, what is said, and of which files.
FAULTS: dict[str, tuple[Change, str, set[str]]] = {
    "no matrix": (without("X"), "there is no matrix X", ALL),
    "no table of cells": (without("obs"), "no file of anndata", ALL),
    "no table of genes": (without("var"), "no file of anndata", ALL),
    "no names of genes": (without("var/_index"), "a table without an index", ALL),
    "no column": (without("obs/target_gene"), "there is no column 'target_gene'", OF_CELLS),
    "no batch": (without("obs/batch"), "there is no column 'batch'", OF_CELLS),
    "no numbers of cells": (
        without("obs/num_cells_filtered"),
        "there is no column 'num_cells_filtered'",
        BULK,
    ),
    "text": (texts_in_matrix, "the layout of a matrix of object", ALL),
    "a fraction": (value(0.5), r"0\.5 is no count of molecules", OF_CELLS),
    "-1": (value(-1), "-1 is no (count|number) of", ALL),
    "no number": (value(np.nan), "nan is no (count|number) of", ALL),
    "infinity": (value(np.inf), "inf is no (count|number) of", ALL),
    "1e30": (value(1e30), r"1e\+30 is no (count|number) of", ALL),
    "an empty name of a gene": (
        texts("var/_index", lambda names: ["", *names[1:]]),
        "row 1 has no name",
        OF_CELLS,
    ),
    "a gene with a line break": (
        texts("var/_index", lambda names: ["A\nB", *names[1:]]),
        "control character",
        OF_CELLS,
    ),
    "a gene twice": (
        texts("var/_index", lambda names: [names[1], *names[1:]]),
        "stand more than once: g1",
        OF_CELLS,
    ),
    "no names of cells that are text": (
        texts("obs/target_gene/categories", lambda names: ["", *names[1:]]),
        "the entry is empty or NaN",
        OF_CELLS,
    ),
    "a label with an escape": (
        texts("obs/target_gene/categories", lambda names: ["A\x1b[2J", *names[1:]]),
        "control character",
        OF_CELLS,
    ),
    "no control": (
        texts("obs/target_gene/categories", lambda names: [*names[:-1], "other"]),
        "no cell has the label 'non-targeting'",
        OF_CELLS,
    ),
    "no cells": (no_rows, "no cell|there are no|no row is named|all 0|0 cells", ALL),
    "a code without text": (
        lambda file: file["obs/target_gene/codes"].write_direct(np.full(120, 99, np.int8)),
        "code 99",
        OF_CELLS,
    ),
    "an index out of range": (
        lambda file: file["X/indices"].write_direct(
            np.full(len(file["X/indices"]), 5000, np.int32)
        ),
        "an index is not below",
        SPARSE,
    ),
    "pointers that go back": (
        lambda file: file["X/indptr"].write_direct(file["X/indptr"][:][::-1].copy()),
        "indptr does not fit",
        SPARSE,
    ),
    "another shape": (
        lambda file: file["X"].attrs.__setitem__("shape", np.array([120, 31])),
        "the matrix has 120 × 31 entries",
        SPARSE,
    ),
    **{
        f"a single number for {part}": (single(f"X/{part}"), "of what is no list", SPARSE)
        for part in ("data", "indices", "indptr")
    },
    "texts for indices": (single("X/indices", ["a"]), "of what is no list", SPARSE),
    "a single number for the index": (single("obs/_index"), "column of 0 dimensions", ALL),
    "a single number for codes": (
        single("obs/target_gene/codes"),
        "column of 0 dimensions",
        OF_CELLS,
    ),
    "codes that are no whole numbers": (
        single("obs/target_gene/codes", [0.5] * 120),
        "codes of the type float64",
        OF_CELLS,
    ),
    "more cells than labels": (
        single("obs/target_gene/codes", [0] * 60 + [4] * 59),
        "119 entries for 120 rows",
        OF_CELLS,
    ),
    "a matrix of numbers of cells": (
        single("obs/num_cells_filtered", [[1.0]] * 10),
        "column of 2 dimensions",
        BULK,
    ),
    "numbers of six bytes": (odd_type, "it is damaged .data type '<i6' not understood", SPARSE),
    "bits": (bits, "this part cannot be read", SPARSE),
    "a negative shape": (
        lambda file: file["X"].attrs.__setitem__("shape", np.array([-120, -30])),
        "the matrix has -120 × -30 entries",
        SPARSE,
    ),
    "a shape of text": (
        lambda file: file["X"].attrs.__setitem__("shape", "120, 30"),
        "of a matrix of the shape",
        SPARSE,
    ),
    "one end of a shape": (
        lambda file: file["X"].attrs.__setitem__("shape", np.array([120])),
        "of a matrix of the shape",
        SPARSE,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_said_in_one_line(
    files: dict[tuple[str, str], Path], tmp_path: Path, fault: str
) -> None:
    change, message, kinds = FAULTS[fault]
    for what, kind in KINDS:
        if f"{what} {kind}" in kinds:
            path = tmp_path / f"{what}_{kind}.h5ad"
            shutil.copyfile(files[what, kind], path)
            with h5py.File(path, "a") as file:
                change(file)
            for prior in (False, True):
                with pytest.raises(InputError) as caught:
                    read(path, what, prior=prior)
                assert re.search(message, str(caught.value)), (what, kind, str(caught.value))
                assert_one_line(caught.value, path)


def test_the_good_files_are_read(files: dict[tuple[str, str], Path]) -> None:
    for (what, _), path in files.items():
        read(path, what)
        read(path, what, prior=True)


@pytest.mark.parametrize("prior", [False, True])
@pytest.mark.parametrize("fault", ["no column", "a fraction"])
def test_a_command_with_a_fault_writes_nothing(
    files: dict[tuple[str, str], Path], tmp_path: Path, fault: str, prior: bool
) -> None:
    path = tmp_path / "a.h5ad"
    shutil.copyfile(files["cells", "csr"], path)
    with h5py.File(path, "a") as file:
        FAULTS[fault][0](file)
    save_record(tmp_path / "settings.json", SETTINGS["cells"], 3)
    before = sorted(tmp_path.iterdir())
    outputs = ["output", "summary"] if prior else ["output", "statistics", "halves", "facts"]
    arguments = [
        f"--settings={tmp_path / 'settings.json'}",
        f"--{'table' if prior else 'h5ad'}={path}",
        "--threads=1",
        *(f"--{name}={tmp_path / 'out' / name}" for name in outputs),
    ]
    with pytest.raises(InputError, match=re.escape(str(path))):
        (read_prior if prior else read_cells).main(arguments)
    assert sorted(tmp_path.iterdir()) == before
