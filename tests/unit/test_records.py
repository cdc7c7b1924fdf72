"""Records between stages: each damage and each swap is seen by the function that reads the file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from echoes.io.errors import InputError
from echoes.io.files import load_json, load_record, save_json, save_record
from echoes.io.records import Layout
from echoes.models import components, kernels, published, transfer
from echoes.network import diffusion, features, graph, links
from echoes.network.nodes import read_nodes
from echoes.scoring import comparison, out_of_fold, predictions, scored
from echoes.scoring.tables import save_csv
from echoes.screen import halves, record
from placed import arrays_of, put

#: Length of each axis: no two are alike, so that no array may take another one's place.
SIZES = dict(zip("nvGFkTrNmCLSdpe", range(2, 20), strict=False)) | {
    "N": 50,
    "d": 2,
    "H": 17,
    "two": 2,
    "E": 2,
    "M": 3,
    "B": 4,
}

#: Path below the results, layout and reader of every kind of record.
RECORDS: dict[str, tuple[str, Layout, Callable[..., Any]]] = {
    "screen": ("a/perturbations/perturbations.npz", record._LAYOUT, record.load),
    "links": ("a/networks/x/links.npz", links._LAYOUT, links.load_links),
    "diffusion": (
        "a/networks/x/diffusion/alpha~0.5.npz",
        diffusion._LAYOUT,
        diffusion.load_diffusions,
    ),
    "kernels": ("a/networks/x/kernels/log.npz", kernels._LAYOUT, kernels.load_kernels),
    "source": (
        "a/priors/x/kernel.npz",
        kernels._SOURCE,
        lambda path: kernels.load_source("x", path),
    ),
    "halves": (
        "a/perturbations/halves.npz",
        halves._LAYOUT,
        # The genes of the screen are those of the halves of this test.
        lambda path: halves.load(
            path, *(arrays_of(path)[name] for name in ("perturbations", "genes"))
        ),
    ),
    "aligned": ("a/priors/x/aligned.npz", transfer._LAYOUT, transfer.load_aligned),
    "adjacency": ("a/networks/x/adjacency.npz", graph._LAYOUT, graph.load_matrix),
    "features": ("a/x/features.npz", features._LAYOUT, features.load_features),
    "components": ("a/x/components.npz", components._LAYOUT, components.load_components),
    "fold": ("a/x/folds/1.npz", published._LAYOUT, published.load_fold),
    "part": ("a/x/held_out/1.npz", out_of_fold._LAYOUT, out_of_fold.load_part),
    "predictions": ("a/x/predictions.npz", predictions._LAYOUT, predictions.load),
    "metrics": ("a/x/metrics.npz", scored._LAYOUT, scored.load),
}


def made(layout: Layout) -> dict[str, np.ndarray]:
    """Make arrays of a layout."""
    arrays = {}
    for name, text in layout.arrays.items():
        kind, *axes = text.split()
        shape = [SIZES[axis] for axis in axes]
        values = np.arange(np.prod(shape, dtype=int)).reshape(shape)
        types = {"int": int, "bool": bool, "str": str}
        arrays[name] = values.astype(types.get(kind, float))
    # Matrices, links and parts have more to be true.
    if "indptr" in arrays:
        m, p = SIZES["m"], SIZES["p"]
        arrays |= {"indices": np.zeros(m, dtype=int), "indptr": np.minimum(np.arange(p), m)}
        arrays["shape"] = np.array([p - 1, p - 1])
    if "source" in arrays:
        arrays["source"] = np.zeros_like(arrays["source"])
        arrays["names"] = np.array([f"G{i}" for i in range(SIZES["N"])])
    return arrays


@pytest.fixture(params=RECORDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def written(folder: Path, kind: str) -> tuple[Path, Layout, Callable[..., Any]]:
    place, layout, load = RECORDS[kind]
    layout.save(folder / place, made(layout))
    load(folder / place)
    return folder / place, layout, load


def test_a_record_moves_with_its_folder(tmp_path: Path, kind: str) -> None:
    path, _, load = written(tmp_path / "results", kind)
    (tmp_path / "results").rename(tmp_path / "other")
    load(tmp_path / "other" / path.relative_to(tmp_path / "results"))
    (tmp_path / "link").symlink_to("other")
    load(tmp_path / "link" / path.relative_to(tmp_path / "results"))


@pytest.mark.parametrize("other", ["data set", "folder", "file"])
def test_a_record_in_the_place_of_another_one(tmp_path: Path, kind: str, other: str) -> None:
    path, layout, load = written(tmp_path, kind)
    parts = list(path.relative_to(tmp_path).parts)
    at = {"data set": 0, "folder": -2 if parts[-2] != "folds" else 1, "file": -1}[other]
    parts[at] = f"2{parts[at]}"
    moved = tmp_path.joinpath(*parts)
    moved.parent.mkdir(parents=True, exist_ok=True)
    path.rename(moved)
    wanted = "/".join(moved.parts[-layout.depth :])
    problem = f"{moved}: this is the file {'/'.join(path.parts[-layout.depth :])}; expected the "
    with pytest.raises(InputError, match=re.escape(f"{problem}file {wanted}. Delete the file")):
        load(moved)


def test_numbers_that_are_none(tmp_path: Path, kind: str) -> None:
    path, layout, load = written(tmp_path, kind)
    arrays = made(layout)
    numbers = [name for name, text in layout.arrays.items() if text.startswith(("float", "gap"))]
    assert numbers
    for name in numbers:
        if name not in arrays_of(path) or (kind == "source" and name == "reach"):
            continue
        spoilt = arrays[name].copy()
        spoilt.flat[-1] = np.nan if layout.arrays[name].startswith("float") else -np.inf
        layout.save(path, arrays | {name: spoilt})
        place = [length - 1 for length in spoilt.shape]
        text = f"{path}: {name}{place}: {spoilt.flat[-1]}; expected a finite number. Delete the "
        with pytest.raises(InputError, match=re.escape(text)):
            load(path)


def test_arrays_of_another_shape_or_type(tmp_path: Path, kind: str) -> None:
    path, layout, load = written(tmp_path, kind)
    arrays = made(layout)
    for name, array in arrays.items():
        if kind == "source" and name == "reach":
            continue
        if array.dtype.kind == "U":
            wrong = [np.ones(array.shape)]
        else:
            wrong = [array.astype(str), array[None], np.ones((*array.shape, 2))]
        for other in wrong:
            layout.save(path, arrays | {name: other})
            with pytest.raises(InputError, match=rf"{name}: .* of shape .*; expected .* of shape"):
                load(path)
        # The same letter has the same length; the other arrays say which.
        axis = next(iter(layout.arrays[name].split()[1:]), "")
        if axis and sum(axis in text.split() for text in layout.arrays.values()) > 1:
            layout.save(path, arrays | {name: np.concatenate([array, array])})
            with pytest.raises(InputError, match=r"of shape .*; expected .* of shape"):
                load(path)


def test_a_record_without_its_place(tmp_path: Path, kind: str) -> None:
    path, layout, load = written(tmp_path, kind)
    np.savez(path, **made(layout))
    with pytest.raises(InputError, match=r"cannot read .*place"):
        load(path)


def test_lengths_that_the_reader_knows(tmp_path: Path) -> None:
    path, layout, load = written(tmp_path, "fold")
    fold = load(path, T=SIZES["T"], v=SIZES["v"])
    assert fold.held_out.shape == (SIZES["T"],)
    with pytest.raises(InputError, match=r"held_out: .* of shape \(7,\); expected float of shape"):
        load(path, T=SIZES["T"] + 1)
    # An empty array may lack its last axes.
    layout.save(path, made(layout) | {"validation": np.empty((0, SIZES["T"]))})
    assert load(path, v=0, T=SIZES["T"]).validation.shape == (0, SIZES["T"])


def matrix(folder: Path, **changes: Any) -> Path:
    path = folder / "a" / "networks" / "x" / "adjacency.npz"
    graph.save_matrix(path, sp.csr_array(np.array([[1.0, 2, 0], [2, 1, 0], [0, 0, 1]])))
    arrays = arrays_of(path)
    for name, (place, value) in changes.items():
        arrays[name][place] = value
    put(path, arrays, 4)
    return path


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"indices": (0, 3)}, "must be < 3"),
        ({"indices": (0, 1 << 30)}, "must be < 3"),
        ({"indices": (0, -1)}, "must be >= 0"),
        ({"indptr": (1, 99)}, "expected a matrix that this workflow wrote"),
        ({"indptr": (3, 99)}, "expected a matrix that this workflow wrote"),
        ({"data": (0, np.nan)}, "data[0]: nan; expected a finite number"),
        ({"shape": (0, 2)}, "expected a matrix that this workflow wrote"),
        ({"shape": (1, 4)}, "a matrix of shape [3, 4]; expected a square one"),
    ],
)
def test_a_matrix_that_is_none(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    assert graph.load_matrix(matrix(tmp_path)).toarray()[0, 1] == 2
    path = matrix(tmp_path, **changes)
    with pytest.raises(InputError, match=re.escape(problem)) as caught:
        graph.load_matrix(path)
    assert caught.value.file == str(path)
    assert "Delete the file" in caught.value.remedy


def test_genes_of_a_network_in_another_order(tmp_path: Path) -> None:
    header, *rows = "gene index role connected", "A 0 - 1", "C 1 - 1", "B 2 - 0", "D 3 - 0"
    path = tmp_path / "genes.tsv"

    def write(*lines: str) -> Path:
        text = "".join(f"{line}\n" for line in (header, *lines))
        path.write_text(text.replace(" ", "\t"))
        return path

    assert graph.read_genes(write(*rows)) == ("A", "C", "B", "D")
    for lines in (
        [rows[1], rows[0], *rows[2:]],
        ["C 0 - 1", "A 1 - 1", *rows[2:]],
        ["A 0 - 1", "A 1 - 1", *rows[2:]],
        ["B 0 - 0", "A 1 - 1", "C 2 - 1", "D 3 - 0"],
        [*rows[:3], "D 4 - 0"],
        [*rows[:3], "D 3 0"],
        [*rows[:3], "D x - 0"],
    ):
        with pytest.raises(InputError, match="the genes are in another order"):
            graph.read_genes(write(*lines))
    with pytest.raises(InputError, match="4 genes; expected the 5 of the matrix"):
        graph.read_positions(write(*rows), ["A"], 5)


#: Records of JSON and the depth of their places.
JSON_RECORDS = {
    "a/experiments.json": 2,
    "a/sweeps/x.json": 3,
    "a/perturbations/settings.json": 3,
    "a/priors/x/settings.json": 4,
    "a/echo/settings.json": 3,
    "a/networks/x/summary.json": 4,
    "a/networks/x/source/links.json": 5,
}


@pytest.mark.parametrize("name", JSON_RECORDS)
def test_a_record_of_json_in_the_place_of_another_one(tmp_path: Path, name: str) -> None:
    path, depth = tmp_path / name, JSON_RECORDS[name]
    save_record(path, {"seed": 1}, depth)
    assert load_record(path) == {"seed": 1}
    (tmp_path / "a").rename(tmp_path / "b")
    for at in range(len(Path(name).parts) - 1):
        parts = ["b", *Path(name).parts[1:]]
        parts[at] = "a" if at == 0 else "other"
        moved = tmp_path.joinpath(*parts)
        moved.parent.mkdir(parents=True, exist_ok=True)
        moved.write_bytes((tmp_path / "b").joinpath(*Path(name).parts[1:]).read_bytes())
        wanted = "/".join(moved.parts[-depth:])
        problem = f"{moved}: this is the file {name}; expected the file {wanted}. Delete the file"
        if wanted == name:
            continue
        with pytest.raises(InputError, match=re.escape(problem)):
            load_record(moved)
    # The results as a whole may move.
    (tmp_path / "new").mkdir()
    (tmp_path / "b").rename(tmp_path / "new" / "a")
    assert load_record(tmp_path / "new" / name) == {"seed": 1}


def test_scores_of_another_experiment(tmp_path: Path) -> None:
    names = ["A", "NA", "C"]
    for name, more in (("one", 0.0), ("other", 0.25)):
        scores = pd.DataFrame({"pert_symbol": names, "score": [0.1, -3, more], "mape": [1, 2, 1.5]})
        save_csv(tmp_path / "a" / name / "fold_scores.csv", scores)
        means = {"mean_fold_score": scores["score"].mean(), "mape": 1.5}
        path = tmp_path / "a" / name / "summary.json"
        save_record(path, {"published_protocol": means}, 3)
        assert comparison.read_published(path.parent, names).equals(scores)
    file = tmp_path / "a/one/fold_scores.csv"
    whole = file.read_text(encoding="utf-8")
    other = (tmp_path / "a/other/fold_scores.csv").read_text(encoding="utf-8")
    for text, problem in (
        (
            other,
            "column score: the mean is -0.883333; expected -0.966667, as summary.json",
        ),
        (whole[:-3], "column mape: the mean is"),
        (
            whole.rpartition("C")[0],
            "column pert_symbol: the perturbations A, NA; expected A, NA, C",
        ),
        (whole.replace("C,", "D,"), "column pert_symbol: the perturbations A, NA, D"),
        (whole.replace("-3", "x"), "it cannot be read"),
        (whole.replace("mape", "x"), "it cannot be read"),
        ("", "it cannot be read"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=re.escape(f"{file}: {problem}")) as caught:
            comparison.read_published(file.parent, names)
        assert "Delete the file and run the workflow again." in str(caught.value)


def test_every_kind_of_record_is_tried() -> None:
    root = Path(__file__).resolve().parents[2] / "scripts/echoes"
    kinds = {
        path.stem
        for path in root.rglob("*.py")
        if re.search(r"= Layout\(\n? *[{_]", path.read_text(encoding="utf-8"))
    }
    tried = {load.__module__.rpartition(".")[2] for _, _, load in RECORDS.values()}
    # Readers of these take more than a path.
    assert kinds <= tried | {"record", "kernels", "halves"}


def spoilt_text(text: str) -> list[bytes]:
    """Spoil a table or a record in ways that leave no file of this kind."""
    data = text.encode()
    return [b"", data[: len(data) // 2], b"\xff" + data, data.replace(b"e", b"\0"), b"[1]", b"{}"]


@pytest.mark.parametrize("kind", range(6))
def test_spoilt_tables_of_nodes(tmp_path: Path, kind: int) -> None:
    genes, coverage = tmp_path / "genes.tsv", tmp_path / "coverage.tsv"
    lines = "gene\tindex\trole\tconnected\nA\t0\ttrain\t1\nB\t1\t\t1\nC\t2\t\t0\n"
    nodes = "name\trole\tmatched\thow\tcandidates\nA\tsilenced\tA\texact\t\n"
    genes.write_bytes(spoilt_text(lines)[kind])
    coverage.write_bytes(spoilt_text(nodes)[kind])
    for read in (
        lambda: graph.read_positions(genes, ["A", "B"], 3),
        lambda: read_nodes(coverage, "silenced", ["A"]),
    ):
        with pytest.raises(InputError, match=r"(genes|coverage)\.tsv: .* Delete the file|run"):
            read()


@pytest.mark.parametrize("kind", range(6))
def test_spoilt_settings(tmp_path: Path, kind: int) -> None:
    path = tmp_path / "a" / "echo" / "settings.json"
    save_record(path, {"experiment": "echo", "members": {"echo": {}}}, 3)
    path.write_bytes(spoilt_text(path.read_text(encoding="utf-8"))[kind])
    with pytest.raises(InputError, match=r"settings\.json: .* Delete the file"):
        load_record(path)


def test_a_key_that_a_record_lacks_is_the_fault_of_the_file(tmp_path: Path) -> None:
    save_json(tmp_path / "a.json", {"one": {"two": 2}})
    record = load_json(tmp_path / "a.json")
    assert record == {"one": {"two": 2}}
    for look in (lambda: record["x"], lambda: record["one"]["x"]):
        with pytest.raises(
            InputError, match=r"a\.json: there is no x; expected a record that this workflow wrote"
        ):
            look()
