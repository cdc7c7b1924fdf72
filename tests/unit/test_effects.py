"""Long tables of effects, written as each program writes them, and compared with plain loops."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from echoes.io.errors import InputError
from echoes.screen import effect_screen
from echoes.screen.effect_screen import weights_of_t
from echoes.screen.effects import PRESETS, Effects, read_effects
from echoes.screen.guides import GENE_NAMES, Guides
from echoes.screen.matrix_screen import screen_of_deltas
from echoes.screen.record import Screen, require_complete
from echoes.screen.table import read_wide
from screens import name_genes

PLAIN = {"perturbation": "perturbation", "gene": "gene", "effect": "effect"}
NAMES = ("TP53", "MYC", "EPAS1")
GENES = ("B2M", "MYC", "A1BG", "TP53")


def screen_of_effects(
    effects: Effects, controls: list[str], *, guides: Guides, drop: bool = False
) -> Screen:
    return effect_screen.screen_of_effects(
        effects, controls, guides=guides, name_genes=name_genes, drop_incomplete=drop
    )


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def long_frame(seed: int = 0, gaps: int = 3) -> pd.DataFrame:
    """Effects of all pairs but `gaps`, with a standard error; rows in a random order."""
    rng = np.random.default_rng(seed)
    pairs = pd.MultiIndex.from_product([NAMES, GENES], names=["perturbation", "gene"])
    frame = pairs.to_frame(index=False)
    frame["effect"] = rng.normal(size=len(frame)).round(5)
    frame["se"] = rng.uniform(0.05, 0.5, size=len(frame)).round(5)
    frame["t"] = frame["effect"] / frame["se"]
    frame["p"] = rng.uniform(size=len(frame)).round(5)
    return frame.iloc[rng.permutation(len(frame))[gaps:]].reset_index(drop=True)


def slow_screen(rows: list[dict[str, Any]], scale: float = 1.0) -> dict[str, Any]:
    """Responses, weights and baseline by loops over dictionaries."""
    names = list(dict.fromkeys(row["perturbation"] for row in rows))
    genes = list(dict.fromkeys(row["gene"] for row in rows))
    effect = {(r["perturbation"], r["gene"]): float(r["effect"]) * scale for r in rows}
    t = {(r["perturbation"], r["gene"]): r.get("t") for r in rows}
    responses = [[effect.get((n, g), math.nan) for g in genes] for n in names]
    weights, baseline = [], []
    for n in names:
        here = [g for g in genes if (n, g) in effect]
        raw = {}
        for g in here:
            value = t[n, g]
            raw[g] = 1.0 if value is None else min(abs(float(value)) + 0.1, 10.0) ** 2
            if value is not None and g == n:
                raw[g] = 0.0
        scaled = {g: raw[g] * len(here) / sum(raw.values()) for g in here}
        weights.append([scaled.get(g, 0.0) for g in genes])
        errors = []
        for g in here:
            column = [effect[m, g] for m in names if (m, g) in effect]
            errors.append(scaled[g] * abs(effect[n, g] - sum(column) / len(column)))
        baseline.append(sum(errors) / len(here))
    return {
        "perturbations": names,
        "genes": genes,
        "responses": responses,
        "weights": weights,
        "baseline": baseline,
    }


def assert_equals_slow(screen: Screen, expected: dict[str, Any]) -> None:
    assert screen.perturbations.tolist() == expected["perturbations"]
    assert screen.genes.tolist() == expected["genes"]
    assert np.isnan(screen.control).all()
    assert np.array_equal(screen.truth, screen.responses, equal_nan=True)
    for name in ("responses", "weights", "baseline"):
        np.testing.assert_allclose(getattr(screen, name), expected[name], rtol=1e-12, atol=1e-12)


def deseq2(frame: pd.DataFrame, path: Path) -> None:
    """As write.csv(as.data.frame(results)), with genes and perturbations in columns."""
    frame.assign(baseMean=3.5, pvalue=0.1).rename(
        columns={"effect": "log2FoldChange", "se": "lfcSE", "t": "stat", "p": "padj"}
    ).to_csv(path, quoting=csv.QUOTE_NONNUMERIC)


def limma(frame: pd.DataFrame, path: Path) -> None:
    frame.assign(AveExpr=4.0, B=-3.0).rename(
        columns={"perturbation": "contrast", "gene": "ID", "effect": "logFC", "p": "adj.P.Val"}
    ).to_csv(path, sep="\t", index=False)


def edger(frame: pd.DataFrame, path: Path) -> None:
    """As topTags, which names no column for genes but those of the annotation."""
    frame.drop(columns=["t", "se"]).assign(logCPM=5.0, F=2.0).rename(
        columns={"gene": "genes", "effect": "logFC", "p": "FDR"}
    ).to_csv(path, sep=";", decimal=",", index=False)


def seurat(frame: pd.DataFrame, path: Path) -> None:
    """As FindAllMarkers: row names that R made unique, genes in a column of their own."""
    frame.drop(columns=["t", "se"]).assign(p_val=0.1).rename(
        columns={"perturbation": "cluster", "effect": "avg_log2FC", "p": "p_val_adj"}
    ).set_axis([f"{g}{i}" for i, g in enumerate(frame["gene"])]).to_csv(path)


def scanpy(frame: pd.DataFrame, path: Path) -> None:
    """As rank_genes_groups_df, with the groups as a category."""
    frame.rename(
        columns={
            "perturbation": "group",
            "gene": "names",
            "effect": "logfoldchanges",
            "t": "scores",
            "p": "pvals_adj",
        }
    ).astype({"group": "category"}).to_parquet(path, index=False)


WRITERS = {
    "deseq2": deseq2,
    "limma": limma,
    "edger": edger,
    "seurat": seurat,
    "scanpy": scanpy,
}


def test_each_preset_is_tested() -> None:
    assert WRITERS.keys() == PRESETS.keys()


@pytest.mark.parametrize("program", WRITERS)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("packed", [False, True])
def test_presets(tmp_path: Path, program: str, seed: int, packed: bool) -> None:
    frame, path = long_frame(seed), tmp_path / "table"
    WRITERS[program](frame, path)
    if packed and program != "scanpy":
        path.write_bytes(gzip.compress(path.read_bytes()))
    effects = read_effects(path, PRESETS[program], scale="log2")
    np.testing.assert_allclose(effects.effect, frame["effect"], rtol=1e-15)
    assert effects.padj is not None
    np.testing.assert_allclose(effects.padj, frame["p"], rtol=1e-15)
    assert (effects.standard_error is None) == (program != "deseq2")
    has_t = program not in {"edger", "seurat"}
    assert (effects.t is not None) == has_t
    screen = screen_of_effects(effects, [], guides=GENE_NAMES)
    rows = frame if has_t else frame.drop(columns="t")
    assert_equals_slow(screen, slow_screen(rows.to_dict("records")))


def test_row_names_of_one_perturbation_are_genes(tmp_path: Path) -> None:
    text = '"log2FoldChange"\t"lfcSE"\t"stat"\t"padj"\t"contrast"\n'
    text += '"TP53"\t1\t2\t0.5\tNA\t"MYC"\n"A"\tNA\tNA\tNA\tNA\t"MYC"\n"B"\t-3\t1\t-3\t0.5\t"MYC"\n'
    effects = read_effects(write(tmp_path / "x.txt", text), PRESETS["deseq2"], scale="log2")
    screen = screen_of_effects(effects, [], guides=GENE_NAMES)
    # A gene without an effect was not measured.
    assert screen.genes.tolist() == ["TP53", "B"]
    assert screen.responses.tolist() == [[1, -3]]
    total = 0.6**2 + 3.1**2
    np.testing.assert_allclose(screen.weights, [[2 * 0.6**2 / total, 2 * 3.1**2 / total]])


def test_t_from_the_standard_error_and_scale(tmp_path: Path) -> None:
    frame, path = long_frame(7), tmp_path / "x.csv"
    frame.to_csv(path, index=False)
    screen = screen_of_effects(
        read_effects(path, PLAIN | {"standard_error": "se"}, scale="ln"), [], guides=GENE_NAMES
    )
    assert_equals_slow(screen, slow_screen(frame.to_dict("records"), 1 / math.log(2)))


def test_three_layouts_of_one_screen(tmp_path: Path) -> None:
    frame = long_frame(3, gaps=0).sort_values(["perturbation", "gene"])
    wide = frame.pivot_table(index="perturbation", columns="gene", values="effect")
    wide.reset_index().to_parquet(tmp_path / "wide.parquet", index=False)
    wide.T.to_csv(tmp_path / "rows.csv")
    frame.to_csv(tmp_path / "long.tsv", sep="\t", index=False)
    screens = [
        screen_of_deltas(
            read_wide(tmp_path / name, genes_in=genes_in, name_column=None, allow_missing=False),
            [],
            guides=GENE_NAMES,
            scale="ln",
            file=name,
        )
        for name, genes_in in (("wide.parquet", "columns"), ("rows.csv", "rows"))
    ]
    long = read_effects(tmp_path / "long.tsv", PLAIN, scale="ln")
    screens.append(screen_of_effects(long, [], guides=GENE_NAMES))
    for field in dataclasses.fields(Screen):
        first, *others = (np.asarray(getattr(screen, field.name)) for screen in screens)
        for other in others:
            numbers = first.dtype.kind == "f"
            assert np.array_equal(first, other, equal_nan=numbers), field.name
    require_complete(screens[0], "x")


def test_missing_pairs_are_not_zero(tmp_path: Path) -> None:
    frame, path = long_frame(1, gaps=4), tmp_path / "x.csv"
    frame.to_csv(path, index=False)
    screen = screen_of_effects(read_effects(path, PLAIN, scale="log2"), [], guides=GENE_NAMES)
    assert np.isnan(screen.responses).sum() == 4
    assert np.array_equal(screen.weights == 0, np.isnan(screen.responses))
    with pytest.raises(InputError, match="as 4 of 12 pairs"):
        require_complete(screen, path)


def test_a_pair_twice(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.csv",
        "perturbation,gene,effect\nP,A,1\n\nP,B,2\nQ,A,3\nP,B,2\nP,A,1\n",
    )
    message = r"line 4 and line 6: perturbation P and gene B stand twice \(2 rows repeat a pair\)"
    with pytest.raises(InputError, match=message):
        read_effects(path, PLAIN, scale="log2")
    pd.read_csv(path).to_parquet(tmp_path / "x.parquet", index=False)
    with pytest.raises(InputError, match="row 2 and row 4: perturbation P and gene B stand twice"):
        read_effects(tmp_path / "x.parquet", PLAIN, scale="log2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("perturbation,gene,effect\nP,A,1\nP,B,x1\n", "column effect, line 3: 'x1' is not a finit"),
        ("perturbation,gene,effect\nP,A,inf\n", "column effect, line 2: 'inf' is not a finite"),
        ("perturbation,gene,effect\nP,A,1\n,B,1\n", "column perturbation, line 3: an empty name"),
        ("perturbation,gene,effect\nP,A,1\nP,B\n", "line 3: 2 fields separated by commas"),
        ("perturbation,gene,effect\n", "there are no rows"),
        ("perturbation;gene;logFC\nP;A;1\n", "the column of the effect .* separated by semicolons"),
        (
            ",perturbation,effect\nTP53,P,1\nMYC,P,1\nTP531,Q,1\nMYC1,Q,1\n",
            r"no row name occurs twice, though there are 2 perturbations \(TP53, MYC1\)",
        ),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, text: str, message: str) -> None:
    columns = PLAIN | ({"gene": ""} if text.startswith(",") else {})
    with pytest.raises(InputError, match=message):
        read_effects(write(tmp_path / "x.csv", text), columns, scale="log2")


def test_roles() -> None:
    with pytest.raises(ValueError, match="expected perturbation, gene, effect"):
        read_effects("x.csv", {"perturbation": "p", "gene": "g"}, scale="log2")
    with pytest.raises(ValueError, match=r"columns are .*, q"):
        read_effects("x.csv", PLAIN | {"q": "q"}, scale="log2")


SPLIT = "perturbation,gene,effect,split,label\nT_1,A,1,Train,up\nV_1,A,9,{0},up\nT_1,B,2,Train,no\n"


def test_splits_and_labels(tmp_path: Path) -> None:
    text = SPLIT.format("test") + "T_2,A,3,Train,up\nV_1,C,5,test,no\nctrl,A,7,Train,up\n"
    columns = PLAIN | {"split": "split", "label": "label"}
    effects = read_effects(write(tmp_path / "x.csv", text), columns, scale="log2")
    assert effects.label is not None
    assert effects.label.tolist() == ["up", "up", "no", "up", "no", "up"]
    assert effects.split is not None
    assert effects.split.tolist() == ["Train", "test", "Train", "Train"]
    screen = screen_of_effects(
        effects, ["ctrl"], guides=Guides(separator="_", pattern=None, table=None)
    )
    assert screen.perturbations.tolist() == ["T_1", "T_2"]
    assert screen.silenced.tolist() == ["T", "T"]
    # C is measured in the validation only, and nothing of the validation is taken over.
    assert screen.genes.tolist() == ["A", "B"]
    assert np.array_equal(screen.responses, [[1, 2], [3, np.nan]], equal_nan=True)
    assert screen.baseline.tolist() == [0.5, 1.0]
    assert screen.validation_ids.tolist() == ["V_1"]
    assert screen.validation_silenced.tolist() == ["V"]


def test_splits_that_are_refused(tmp_path: Path) -> None:
    columns = PLAIN | {"split": "split"}
    text = SPLIT.format("test") + "T_1,C,1,test,no\n"
    with pytest.raises(InputError, match="line 2 and line 5: perturbation T_1 belongs to 'Train'"):
        read_effects(write(tmp_path / "x.csv", text), columns, scale="log2")
    effects = read_effects(write(tmp_path / "y.csv", SPLIT.format("fold 1")), columns, scale="log2")
    with pytest.raises(InputError, match="'fold 1' is not known"):
        screen_of_effects(effects, [], guides=GENE_NAMES)
    text = SPLIT.format("test").replace("Train", "test")
    effects = read_effects(write(tmp_path / "z.csv", text), columns, scale="log2")
    with pytest.raises(InputError, match="there is no perturbation to learn from"):
        screen_of_effects(effects, [], guides=GENE_NAMES)


def test_a_perturbation_without_weight(tmp_path: Path) -> None:
    text = "perturbation,gene,effect,t\nA,A,-3,9\nB,A,1,2\nB,B,1,1\n"
    effects = read_effects(write(tmp_path / "x.csv", text), PLAIN | {"t": "t"}, scale="log2")
    with pytest.raises(InputError, match="perturbation A: no gene besides the silenced one"):
        screen_of_effects(effects, [], guides=GENE_NAMES)


def test_weights_by_hand() -> None:
    t = np.array([[0.9, -20.0, 5.0, np.nan], [1.9, 0.0, np.nan, 3.0]])
    measured = np.array([[True, True, True, True], [True, True, False, True]])
    itself = np.array([[False, False, True, False], [False, False, False, True]])
    weights = weights_of_t(t, measured, itself)
    np.testing.assert_allclose(weights[0], np.array([1, 100, 0, 0]) * 4 / 101, rtol=1e-15)
    np.testing.assert_allclose(weights[1], np.array([4, 0.01, 0, 0]) * 3 / 4.01, rtol=1e-15)


def test_more_rows_than_a_block(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    names, genes = [f"perturbation {i}" for i in range(600)], [f"gene {j}" for j in range(500)]
    pairs = pd.MultiIndex.from_product([names, genes], names=["perturbation", "gene"])
    frame = pairs.to_frame(index=False).assign(effect=rng.normal(size=300_000))
    frame.to_csv(tmp_path / "x.csv", index=False)
    assert (tmp_path / "x.csv").stat().st_size > 2 << 22
    effects = read_effects(tmp_path / "x.csv", PLAIN, scale="log2")
    screen = screen_of_effects(effects, [], guides=GENE_NAMES)
    assert screen.perturbations.tolist() == names
    assert screen.genes.tolist() == genes
    assert np.array_equal(screen.responses, frame["effect"].to_numpy().reshape(600, 500))
