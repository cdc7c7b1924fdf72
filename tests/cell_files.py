"""Small screens of cells, written as each version of anndata writes them, and slow references."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy import sparse, special

TEXT = h5py.string_dtype()


@dataclass
class Cells:
    """A matrix of cells and genes with what is known of both."""

    values: np.ndarray
    genes: list[str]
    obs: dict[str, list[str]]
    cells: list[str] = field(default_factory=list)
    var: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cells = self.cells or [f"cell{i}" for i in range(len(self.values))]


def simulate(
    seed: int = 0, cells: int = 120, genes: int = 30, perturbations: int = 4, batches: int = 3
) -> Cells:
    """Draw counts of cells of g0, g1, … and non-targeting, in random order."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, perturbations + 1, cells)
    mean = rng.lognormal(0, 1.5, genes)
    level = np.repeat(mean[None], cells, axis=0) * rng.lognormal(0, 0.4, (cells, 1))
    for cell in np.flatnonzero(label < perturbations):
        level[cell, label[cell]] *= 0.2
        level[cell, 5 + label[cell]] *= 3
    names = [f"g{i}" for i in range(genes)]
    labels = [names[i] if i < perturbations else "non-targeting" for i in label]
    obs = {
        "target_gene": labels,
        "batch": [f"b{i}" for i in rng.integers(0, batches, cells)],
        "guide": [f"{name}_{rng.integers(1, 3)}" for name in labels],
    }
    return Cells(rng.poisson(level).astype(np.float32), names, obs)


def write_matrix(
    parent: Any,
    name: str,
    values: np.ndarray,
    kind: str,
    *,
    old: bool = False,
    indices: str = "i4",
    **options: Any,
) -> None:
    if kind == "dense":
        data = parent.create_dataset(name, data=values, **options)
        data.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        return
    exact = values.astype(np.float64)
    stored = sparse.csr_array(exact) if kind == "csr" else sparse.csc_array(exact)
    group = parent.create_group(name)
    if old:
        group.attrs["h5sparse_format"] = kind.encode()
        group.attrs["h5sparse_shape"] = np.array(values.shape)
    else:
        group.attrs["encoding-type"] = f"{kind}_matrix"
        group.attrs["encoding-version"] = "0.1.0"
        group.attrs["shape"] = np.array(values.shape)
    group.create_dataset("data", data=stored.data.astype(values.dtype), **options)
    group.create_dataset("indices", data=stored.indices.astype(indices), **options)
    group.create_dataset("indptr", data=stored.indptr.astype(indices))


def write_fields(file: Any, name: str, index: list[str], columns: dict[str, list[str]]) -> None:
    """Write a table as anndata 0.5 and 0.6 did: fields, and the categories in uns."""
    arrays: dict[str, np.ndarray] = {"index": np.array(index).astype("S")}
    for column, values in columns.items():
        categories, codes = np.unique(values, return_inverse=True)
        arrays[column] = codes.astype(np.int8)
        file[f"uns/{column}_categories"] = categories.astype("S")
    kinds = [(key, array.dtype) for key, array in arrays.items()]
    table = np.empty(len(index), dtype=kinds)
    for key, array in arrays.items():
        table[key] = array
    file[name] = table


def write_group(
    file: Any, name: str, index: list[str], columns: dict[str, list[str]], how: str
) -> None:
    """Write a table as anndata does since 0.7; `how` is the way of texts."""
    group = file.create_group(name)
    version = "0.1.0" if how == "__categories" else "0.2.0"
    group.attrs.update({"encoding-type": "dataframe", "encoding-version": version})
    group.attrs["_index"] = "_index"
    group.attrs.create("column-order", np.array([*columns], dtype=object), dtype=TEXT)
    group.create_dataset("_index", data=np.array(index, dtype=object), dtype=TEXT)
    for column, values in columns.items():
        categories, codes = np.unique(values, return_inverse=True)
        texts = categories.astype(object)
        if how == "string-array":
            data = np.array(values, dtype=object)
            group.create_dataset(column, data=data, dtype=TEXT).attrs["encoding-type"] = how
        elif how == "__categories":
            known = group.require_group("__categories").create_dataset(
                column, data=texts, dtype=TEXT
            )
            known.attrs["ordered"] = False
            group.create_dataset(column, data=codes.astype(np.int8))
            group[column].attrs["categories"] = known.ref
        elif how == "nullable-string-array":
            nested = group.create_group(column)
            nested.attrs["encoding-type"] = how
            nested.create_dataset("values", data=np.array(values, dtype=object), dtype=TEXT)
            nested.create_dataset("mask", data=np.zeros(len(values), dtype=bool))
        else:
            nested = group.create_group(column)
            nested.attrs["encoding-type"] = "categorical"
            nested.create_dataset("codes", data=codes.astype(np.int8))
            nested.create_dataset("categories", data=texts, dtype=TEXT)


#: Layouts of tables: how a version of anndata writes obs and var.
TABLES = ("fields", "__categories", "string-array", "nullable-string-array", "categorical")
#: Where the matrix stands, and its name.
PLACES = {"X": "X", "raw/X": "raw", "raw.X": "raw", "layers/counts": "layers/counts"}


def write_cells(
    path: Path,
    cells: Cells,
    *,
    kind: str = "csr",
    tables: str = "categorical",
    place: str = "X",
    **options: Any,
) -> Path:
    """Write a file in a layout; X is made of logarithms where the counts stand elsewhere."""
    old = tables == "fields"
    with h5py.File(path, "w") as file:
        for name, index, columns in (
            ("obs", cells.cells, cells.obs),
            ("var", cells.genes, cells.var),
        ):
            if old:
                write_fields(file, name, index, columns)
            else:
                write_group(file, name, index, columns, tables)
        write_matrix(file, place, cells.values, kind, old=old, **options)
        if place != "X":
            write_matrix(file, "X", np.log1p(cells.values), "dense")
        if place == "raw/X":
            write_group(file, "raw/var", cells.genes, cells.var, tables)
        if place == "raw.X":
            write_fields(file, "raw.var", cells.genes, cells.var)
    return path


def logarithms(values: np.ndarray) -> list[list[float]]:
    """x = log2(1 + 10⁴·UMI/total), cell by cell."""
    rows = []
    for row in values.tolist():
        total = sum(row)
        rows.append([math.log2(1 + 1e4 * value / total) if total else 0.0 for value in row])
    return rows


def slow_screen(
    x: list[list[float]], label: list[str], batch: list[str], genes: list[str], control: str
) -> dict[str, Any]:
    """Effects, t, weights and baseline by loops over cells, each centred before it is squared."""
    names = sorted({name for name in label if name != control})
    columns = range(len(genes))
    means: dict[str, list[float]] = {}
    for b in sorted(set(batch)):
        rows = [x[i] for i in range(len(x)) if label[i] == control and batch[i] == b]
        means[b] = [math.fsum(row[g] for row in rows) / len(rows) for g in columns]
    centred = [[x[i][g] - means[batch[i]][g] for g in columns] for i in range(len(x))]
    n_control = {
        b: sum(label[i] == control and batch[i] == b for i in range(len(x))) for b in means
    }
    residual = [0.0] * len(genes)
    degrees = 0
    for i in range(len(x)):
        if label[i] == control:
            residual = [r + c * c for r, c in zip(residual, centred[i], strict=True)]
    degrees += sum(n_control.values()) - len(means)
    delta, factor = [], []
    for name in names:
        mine = [i for i in range(len(x)) if label[i] == name]
        effect = [math.fsum(centred[i][g] for i in mine) / len(mine) for g in columns]
        delta.append(effect)
        for i in mine:
            residual = [
                r + (c - e) ** 2 for r, c, e in zip(residual, centred[i], effect, strict=True)
            ]
        degrees += len(mine) - 1
        share = {b: sum(batch[i] == b for i in mine) / len(mine) for b in means}
        factor.append(1 / len(mine) + sum(share[b] ** 2 / n_control[b] for b in means))
    variance = [r / degrees for r in residual]
    prior_degrees, prior_variance = slow_prior([v for v in variance if v > 0], degrees)
    moderated = [
        prior_variance
        if math.isinf(prior_degrees)
        else (prior_degrees * prior_variance + degrees * v) / (prior_degrees + degrees)
        for v in variance
    ]
    t = [
        [e / math.sqrt(moderated[g] * factor[p]) for g, e in enumerate(delta[p])]
        for p in range(len(names))
    ]
    weights = []
    for p, name in enumerate(names):
        raw = [0.0 if genes[g] == name else min(abs(t[p][g]) + 0.1, 10) ** 2 for g in columns]
        weights.append([len(genes) * w / sum(raw) for w in raw])
    mean = [sum(row[g] for row in delta) / len(names) for g in columns]
    baseline = [
        sum(w * abs(d - m) for w, d, m in zip(weights[p], delta[p], mean, strict=True)) / len(genes)
        for p in range(len(names))
    ]
    controls = [x[i] for i in range(len(x)) if label[i] == control]
    return {
        "names": names,
        "control": [sum(row[g] for row in controls) / len(controls) for g in columns],
        "delta": delta,
        "variance": variance,
        "degrees": degrees,
        "prior": (prior_degrees, prior_variance),
        "t": t,
        "weights": weights,
        "baseline": baseline,
    }


def slow_prior(variances: list[float], degrees: float) -> tuple[float, float]:
    """Smyth's estimator; trigamma is inverted by bisection."""
    half = degrees / 2
    e = [math.log(v) - special.digamma(half) + math.log(half) for v in variances]
    centre = sum(e) / len(e)
    spread = sum((v - centre) ** 2 for v in e) / (len(e) - 1) - special.polygamma(1, half)
    if spread <= 0:
        return math.inf, math.exp(centre)
    low, high = 1e-12, 1e12
    while high / low > 1 + 1e-15:
        middle = math.sqrt(low * high)
        if not low < middle < high:
            break
        low, high = (middle, high) if special.polygamma(1, middle) > spread else (low, middle)
    return 2 * low, math.exp(centre + special.digamma(low) - math.log(low))
