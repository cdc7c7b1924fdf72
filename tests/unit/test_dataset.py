"""A data set as a whole: all its tables and settings together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from echoes.io.errors import InputError
from screens import read_table

NAMES, GENES = ["TP53", "MYC", "EPAS1"], ["TP53", "B2M", "MYC", "A1BG"]
DELTAS = pd.DataFrame(
    np.random.default_rng(3).normal(size=(3, 4)).round(4), index=NAMES, columns=GENES
)
CONTROL = pd.Series([3.0, 0.5, 2.0, 0.0], index=GENES)


def write_deltas(path: Path, frame: pd.DataFrame = DELTAS) -> Path:
    frame.to_parquet(path)
    return path


def write_long(path: Path, frame: pd.DataFrame = DELTAS) -> Path:
    table = frame.rename_axis("perturbation").reset_index().melt("perturbation", var_name="gene")
    table.rename(columns={"value": "effect"}).dropna().to_csv(path, index=False)
    return path


def weights_by_hand(error: float) -> np.ndarray:
    """The competition's weights with t = delta / error, by loops."""
    weights = []
    for name, row in DELTAS.iterrows():
        squares = [
            0.0 if gene == name else min(abs(delta) / error + 0.1, 10.0) ** 2
            for gene, delta in row.items()
        ]
        weights.append([square * len(GENES) / sum(squares) for square in squares])
    return np.array(weights)


def test_three_layouts_of_one_screen(tmp_path: Path) -> None:
    means = pd.concat([DELTAS + CONTROL, CONTROL.to_frame("non-targeting").T])
    means.to_csv(tmp_path / "means.csv", index_label="pert_symbol")
    pd.DataFrame({"gene": GENES[::-1], "expression": CONTROL[::-1].to_numpy()}).to_csv(
        tmp_path / "control.csv", index=False
    )
    known = tmp_path / "control.csv"
    screens = [
        read_table("means", tmp_path / "means.csv")[0],
        read_table("deltas", write_deltas(tmp_path / "d.parquet"), control_expression=known)[0],
        read_table("effects", write_long(tmp_path / "long.csv"), control_expression=known)[0],
    ]
    for screen in screens:
        assert screen.silenced.tolist() == screen.perturbations.tolist() == NAMES
        order = [screen.genes.tolist().index(gene) for gene in GENES]
        np.testing.assert_allclose(screen.truth[:, order], DELTAS, rtol=0, atol=1e-12)
        np.testing.assert_allclose(screen.responses, screen.truth, rtol=0, atol=1e-12)
        assert screen.control[order].tolist() == CONTROL.tolist()
        assert (screen.weights == 1).all()
        np.testing.assert_allclose(screen.baseline, screens[0].baseline, rtol=1e-12)


@pytest.mark.parametrize("layout", ["deltas", "effects"])
def test_weights_from_a_common_standard_error(tmp_path: Path, layout: str) -> None:
    write = write_deltas if layout == "deltas" else write_long
    screen, _ = read_table(layout, write(tmp_path / "table"), standard_error=0.3)
    np.testing.assert_allclose(screen.weights, weights_by_hand(0.3), rtol=1e-12)
    mean = DELTAS.to_numpy().mean(axis=0)
    expected = (weights_by_hand(0.3) * abs(DELTAS.to_numpy() - mean)).mean(axis=1)
    np.testing.assert_allclose(screen.baseline, expected, rtol=1e-12)


def test_the_standard_error_is_on_the_scale_of_the_table(tmp_path: Path) -> None:
    natural = write_deltas(tmp_path / "ln", DELTAS * np.log(2))
    one, _ = read_table("deltas", natural, standard_error=0.3 * np.log(2), scale="ln")
    np.testing.assert_allclose(one.weights, weights_by_hand(0.3), rtol=1e-9)


def test_a_table_with_t_takes_no_standard_error(tmp_path: Path) -> None:
    path = write_long(tmp_path / "x.csv")
    table = pd.read_csv(path)
    table.assign(t=table["effect"] / 0.3).to_csv(path, index=False)
    screen, _ = read_table("effects", path, columns={"t": "t"})
    np.testing.assert_allclose(screen.weights, weights_by_hand(0.3), rtol=1e-12)
    with pytest.raises(InputError, match="the table has t or standard errors of its own"):
        read_table("effects", path, columns={"t": "t"}, standard_error=0.3)


@pytest.mark.parametrize("layout", ["deltas", "effects"])
def test_genes_with_gaps(tmp_path: Path, layout: str) -> None:
    frame = DELTAS.copy()
    frame.loc["MYC", "B2M"] = np.nan
    path = (write_deltas if layout == "deltas" else write_long)(tmp_path / "x", frame)
    with pytest.raises(InputError, match="`incomplete_genes: drop`"):
        read_table(layout, path)
    screen, _ = read_table(layout, path, incomplete_genes="drop")
    assert screen.genes.tolist() == ["TP53", "MYC", "A1BG"]
    np.testing.assert_array_equal(screen.truth, DELTAS[["TP53", "MYC", "A1BG"]])
    frame.loc["TP53", :] = np.nan
    if layout == "deltas":
        write_deltas(path, frame)
        with pytest.raises(InputError, match="none of 4 response genes is measured in all 3 rows"):
            read_table(layout, path, incomplete_genes="drop")


def test_a_preset_with_another_column(tmp_path: Path) -> None:
    path = write_long(tmp_path / "x.csv")
    columns = {"perturbation": "target", "effect": "log2FoldChange"}
    pd.read_csv(path).rename(columns=columns).to_csv(path, index=False)
    with pytest.raises(InputError, match="the column of the perturbation"):
        read_table("effects", path, preset="deseq2")
    screen, _ = read_table("effects", path, preset="deseq2", columns={"perturbation": "target"})
    assert screen.perturbations.tolist() == NAMES


def test_a_silenced_gene_is_found_among_responses_by_another_name(tmp_path: Path) -> None:
    genes = ["ENSG00000141510.18", "B2M", "myc", "A1BG"]
    frame = DELTAS.set_axis(genes, axis=1).rename(index={"TP53": "ENSG00000141510"})
    screen, _ = read_table("deltas", write_deltas(tmp_path / "x", frame), standard_error=0.3)
    assert screen.perturbations.tolist() == ["ENSG00000141510", "MYC", "EPAS1"]
    assert screen.silenced.tolist() == ["ENSG00000141510.18", "myc", "EPAS1"]
    np.testing.assert_allclose(screen.weights, weights_by_hand(0.3), rtol=1e-12)


def test_guides_controls_and_validation_go_through_one_pattern(tmp_path: Path) -> None:
    rows = [f"TP53_+_1.{i}-P1" for i in range(3)] + ["non-targeting_1", "non-targeting_2"]
    frame = pd.DataFrame(np.arange(20.0).reshape(5, 4) % 7, index=rows, columns=GENES)
    validation = tmp_path / "v.csv"
    validation.write_text("pert_id,pert\np1,MYC_-_9.5-P2|MYC_+_7.5-P2\n")
    screen, _ = read_table(
        "means",
        write_deltas(tmp_path / "x", frame),
        validation=validation,
        control=["non-targeting*"],
        guides={"pattern": "weissman_guide"},
    )
    assert screen.silenced.tolist() == ["TP53"] * 3
    np.testing.assert_array_equal(screen.control, frame.iloc[3:].mean())
    assert screen.validation_silenced.tolist() == ["MYC"]


@pytest.mark.parametrize(
    "name", ["non-targeting_2", "NTC", "ctrl", "Non-Targeting", "negative_control-1"]
)
def test_perturbations_that_are_called_like_controls_are_warned_about(
    tmp_path: Path, name: str
) -> None:
    frame = DELTAS.rename(index={"MYC": name})
    _, warnings = read_table("deltas", write_deltas(tmp_path / "x", frame))
    (warning,) = warnings
    assert f"1 perturbations have the name of a control: {name}." in warning
    assert read_table("deltas", write_deltas(tmp_path / "x", frame), control=[name])[1] == []


@pytest.mark.parametrize("name", ["NT5E", "NTRK1", "CTRC", "CONTROLLER", "MOCS1"])
def test_genes_are_no_controls(tmp_path: Path, name: str) -> None:
    frame = DELTAS.rename(index={"MYC": name})
    assert read_table("deltas", write_deltas(tmp_path / "x", frame))[1] == []


def test_a_table_of_the_control_that_is_none_of_this_data_set(tmp_path: Path) -> None:
    table = tmp_path / "c.csv"
    table.write_text("gene,expression\nX,1\nY,2\n")
    with pytest.raises(InputError, match="none of the 4 response genes is there, but X, Y"):
        read_table("deltas", write_deltas(tmp_path / "x"), control_expression=table)


def test_genes_missing_in_the_table_of_the_control_are_unknown(tmp_path: Path) -> None:
    table = tmp_path / "c.csv"
    table.write_text("expression,gene\n1.5,MYC\n")
    screen, _ = read_table("deltas", write_deltas(tmp_path / "x"), control_expression=table)
    np.testing.assert_array_equal(screen.control, [np.nan, np.nan, 1.5, np.nan])


def test_a_long_table_that_is_named_as_a_matrix(tmp_path: Path) -> None:
    path = write_long(tmp_path / "long.csv")
    with pytest.raises(InputError, match=r"a long table of effects.*`dataset: effects:`"):
        read_table("deltas", path)


def test_a_matrix_that_is_named_as_effects(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name a matrix of perturbations and genes by `deltas:`"):
        read_table("effects", write_deltas(tmp_path / "x"))


def test_a_matrix_on_its_side_is_warned_about(tmp_path: Path) -> None:
    rows, columns = [f"G{i}" for i in range(120)], [f"P{i}" for i in range(50)]
    values = np.random.default_rng(0).normal(size=(120, 50))
    path = write_deltas(tmp_path / "x", pd.DataFrame(values, index=rows, columns=columns))
    (warning,) = [w for w in read_table("deltas", path)[1] if "genes_in" in w]
    assert "120 perturbations (G0, G1" in warning
    assert not [w for w in read_table("deltas", path, genes_in="rows")[1] if "genes_in" in w]


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_long_table_with_gaps_is_the_matrix_with_gaps(tmp_path: Path, share: float) -> None:
    random = np.random.default_rng(0)
    genes = [f"G{i}" for i in range(12)]
    frame = pd.DataFrame(random.normal(size=(6, 12)), index=["G3", *"ABCDE"], columns=genes)
    frame = frame.mask(random.random((6, 12)) < share)
    # The long table names genes in the order of the matrix, too.
    long = frame.rename_axis("perturbation").reset_index().melt("perturbation", var_name="gene")
    long.rename(columns={"value": "effect"}).dropna().to_csv(tmp_path / "long.csv", index=False)
    wide = write_deltas(tmp_path / "wide", frame)
    one, _ = read_table("deltas", wide, incomplete_genes="keep", standard_error=0.3)
    other, _ = read_table(
        "effects", tmp_path / "long.csv", incomplete_genes="keep", standard_error=0.3
    )
    rows = [other.perturbations.tolist().index(name) for name in frame.index]
    for name in ("truth", "weights"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name)[rows], atol=1e-12)
    np.testing.assert_allclose(one.baseline, other.baseline[rows], atol=1e-12)
    assert np.isnan(one.truth).any() == (share > 0)
    assert (one.weights[np.isnan(one.truth)] == 0).all()
    if not share:
        refusing, _ = read_table("deltas", wide, standard_error=0.3)
        assert refusing.truth.tobytes() == one.truth.tobytes()


def test_a_perturbation_without_any_gene_is_refused(tmp_path: Path) -> None:
    frame = DELTAS.copy()
    frame.loc["MYC"] = np.nan
    with pytest.raises(InputError, match="perturbation MYC: no response gene is measured"):
        read_table("deltas", write_deltas(tmp_path / "x", frame), incomplete_genes="keep")


def split_table(path: Path, splits: list[str], *, names: list[str] = NAMES) -> Path:
    """A table in the layout of PerturbQA, with a split for each of the perturbations."""
    table = pd.DataFrame({
        "pert": np.repeat(names, 3),
        "gene": ["A1BG", "B2M", "ACTB"] * len(names),
        "label": [0, 1, 0, 1, 0, 1, 1, 1, 0],
        "split": np.repeat(splits, 3),
    })  # fmt: skip
    table.drop(index=1).to_csv(path, index=False)
    return path


PERTURBQA = {
    "columns": {"perturbation": "pert", "gene": "gene", "effect": "label", "split": "split"},
    "incomplete_genes": "keep",
}


def test_a_given_split_is_held_out(tmp_path: Path) -> None:
    path = split_table(tmp_path / "k562.csv", ["train", "Test", "TRAIN"])
    screen, _ = read_table("effects", path, **PERTURBQA, hold_out_test=True)
    assert screen.perturbations.tolist() == NAMES
    assert screen.test is not None
    assert screen.test.tolist() == [False, True, False]
    assert len(screen.validation_ids) == 0
    genes = screen.genes.tolist()
    assert np.argwhere(np.isnan(screen.truth)).tolist() == [[0, genes.index("B2M")]]
    assert set(screen.truth[~np.isnan(screen.truth)]) == {0.0, 1.0}
    to_predict, _ = read_table("effects", path, **PERTURBQA)
    assert to_predict.test is None
    assert to_predict.validation_ids.tolist() == ["MYC"]


def test_a_split_within_a_gene_is_refused(tmp_path: Path) -> None:
    names = ["TP53_1", "TP53_2", "MYC_1"]
    path = split_table(tmp_path / "x.csv", ["train", "test", "train"], names=names)
    with pytest.raises(InputError, match="guides of TP53 are in the training set and in the test"):
        read_table("effects", path, **PERTURBQA, guides={"separator": "_"}, hold_out_test=True)
    path = split_table(tmp_path / "x.csv", ["train", "train", "train"])
    with pytest.raises(InputError, match="no perturbation to predict"):
        read_table("effects", path, **PERTURBQA, hold_out_test=True)
    table = pd.read_csv(split_table(path, ["train", "test", "train"]))
    table.loc[3, "split"] = "train"
    table.to_csv(path, index=False)
    with pytest.raises(InputError, match="MYC belongs to 'test' and to 'train'"):
        read_table("effects", path, **PERTURBQA, hold_out_test=True)
