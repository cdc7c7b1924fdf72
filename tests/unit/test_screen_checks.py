"""What a screen is refused or warned about once all its tables are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from echoes.io.errors import InputError
from echoes.network.string_db import read_info
from echoes.screen.spelling import changed_names
from screens import read_table

NAMES = ["TP53", "MYC", "EPAS1", "GATA1", "KLF1", "SPI1"]
GENES = ["TP53", "B2M", "MYC", "A1BG", "GATA1", "KLF1", "SPI1", "EPAS1", "HBG1", "HBZ"]
RNG = np.random.default_rng(2)
CONTROL = pd.Series(RNG.uniform(1, 6, size=10).round(3), index=GENES)
DELTAS = pd.DataFrame(RNG.normal(size=(6, 10)).round(3) / 2, index=NAMES, columns=GENES)


def means(path: Path, deltas: pd.DataFrame = DELTAS) -> Path:
    table = pd.concat([deltas + CONTROL, CONTROL.to_frame("non-targeting").T])
    table.to_csv(path, index_label="pert_symbol")
    return path


def truth(path: Path, deltas: pd.DataFrame = DELTAS, factor: float = 1.0) -> Path:
    weights = pd.DataFrame(1.0, index=deltas.index, columns=[f"w_{gene}" for gene in GENES])
    error = (deltas - deltas.mean()).abs().mean(axis=1)
    table = pd.concat([deltas, weights], axis=1).assign(baseline_wmae=error * factor)
    table.to_csv(path, index_label="pert_id")
    return path


def refused(path: Path, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        read_table("means", path, **options)  # type: ignore[arg-type]
    return str(caught.value)


def test_a_good_screen_has_no_warnings(tmp_path: Path) -> None:
    _, warnings = read_table("means", means(tmp_path / "m.csv"), truth=truth(tmp_path / "t.csv"))
    assert warnings == []


@pytest.mark.parametrize("value", [1e30, -1e200, 1e308, 65_000.0])
def test_values_that_no_logarithm_has_are_named(tmp_path: Path, value: float) -> None:
    deltas = DELTAS.copy()
    deltas.loc["EPAS1", "HBZ"] = value
    message = refused(means(tmp_path / "m.csv", deltas))
    assert "gene HBZ, perturbation EPAS1" in message
    assert "1 values are as large" in message


@pytest.mark.parametrize("alike", [0.0, 0.25])
def test_responses_that_are_all_the_same(tmp_path: Path, alike: float) -> None:
    message = refused(means(tmp_path / "m.csv", DELTAS * 0 + alike))
    assert "no response differs: all 6 perturbations" in message


@pytest.mark.parametrize("pair", ["TP53+MYC", "TP53|MYC", "MYC_TP53", "MYC, TP53", "A1BG;B2M"])
def test_pairs_of_genes(tmp_path: Path, pair: str) -> None:
    message = refused(means(tmp_path / "m.csv", DELTAS.rename(index={"KLF1": pair})))
    assert f"perturbation {pair}: 1 of 6 names are of several genes" in message
    table = tmp_path / "v.csv"
    table.write_text(f'pert_id,pert\np1,"{pair}"\n')
    assert "of several genes" in refused(means(tmp_path / "m.csv"), validation=table)


@pytest.mark.parametrize("name", ["HLA-A", "MYC-AS1", "RP11_2", "B2M_X"])
def test_other_names_are_no_pairs(tmp_path: Path, name: str) -> None:
    path = means(tmp_path / "m.csv", DELTAS.rename(index={"KLF1": name}))
    assert read_table("means", path)[0].perturbations[4] == name


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("KLF1_+_129.23-P1P2", "pattern: weissman_guide"),
        ("KLF1_+_129.23-P1P2|KLF1_-_1.5-P1", "pattern: weissman_guide"),
        ("12_KLF1_P1P2_ENSG00000105610", "pattern: replogle_transcript"),
        ("KLF1_sg2", "separator: _"),
        ("KLF1_2", "separator: _"),
    ],
)
def test_names_of_guides_without_a_setting(tmp_path: Path, name: str, setting: str) -> None:
    path = means(tmp_path / "m.csv", DELTAS.rename(index={"KLF1": name}))
    message = refused(path)
    assert "1 of 6 names look like those of guides" in message
    assert f"`dataset: guides: {{{setting}}}`" in message


def test_with_the_setting_guides_are_read(tmp_path: Path) -> None:
    path = means(tmp_path / "m.csv", DELTAS.rename(index=lambda name: f"{name}_1"))
    screen, _ = read_table("means", path, guides={"separator": "_"})
    assert screen.silenced.tolist() == NAMES


@pytest.mark.parametrize(
    "spoiled",
    [
        DELTAS.set_axis(np.roll(NAMES, 1)),
        DELTAS.set_axis(np.roll(GENES, 1), axis=1)[GENES],
        -DELTAS,
    ],
    ids=["rows", "genes", "signs"],
)
def test_a_truth_of_other_means(tmp_path: Path, spoiled: pd.DataFrame) -> None:
    table = truth(tmp_path / "t.csv", spoiled)
    message = refused(means(tmp_path / "m.csv"), truth=table)
    assert message.startswith(f"{table}: row ")
    assert "not the means less the control" in message


@pytest.mark.parametrize(
    ("factor", "text"),
    [(np.log(2), "deltas look like ln"), (1 / np.log10(2), "means look like log10")],
)
def test_a_truth_on_another_scale(tmp_path: Path, factor: float, text: str) -> None:
    table = truth(tmp_path / "t.csv", DELTAS * factor)
    _, (warning,) = read_table("means", means(tmp_path / "m.csv"), truth=table)
    assert text in warning


def test_noise_between_truth_and_means_is_no_fault(tmp_path: Path) -> None:
    noisy = DELTAS + np.random.default_rng(0).normal(size=DELTAS.shape) / 4
    _, warnings = read_table("means", means(tmp_path / "m.csv"), truth=truth(tmp_path / "t", noisy))
    assert warnings == []


@pytest.mark.parametrize("size", [1.0, 30.0])
def test_one_wrong_row_does_not_condemn_the_others(tmp_path: Path, size: float) -> None:
    spoiled = DELTAS.copy()
    spoiled.loc["MYC"] = np.random.default_rng(1).normal(size=10) * size
    table = truth(tmp_path / "t.csv", spoiled)
    assert read_table("means", means(tmp_path / "m.csv"), truth=table)[1] == []


@pytest.mark.parametrize("factor", [1e-5, 1e5])
def test_baselines_that_are_no_errors(tmp_path: Path, factor: float) -> None:
    table = truth(tmp_path / "t.csv", factor=factor)
    message = refused(means(tmp_path / "m.csv"), truth=table)
    assert message.startswith(f"{table}: column baseline_wmae, row TP53: ")
    assert "6 of 6 rows are alike" in message


@pytest.mark.parametrize("factor", [0.02, 50.0])
def test_baselines_on_another_scale(tmp_path: Path, factor: float) -> None:
    table = truth(tmp_path / "t.csv", factor=factor)
    _, (warning,) = read_table("means", means(tmp_path / "m.csv"), truth=table)
    assert warning.startswith(f"6 baselines of {table} are more than 10 times")


def test_copied_rows(tmp_path: Path) -> None:
    deltas = DELTAS.copy()
    deltas.loc["MYC"] = deltas.loc["GATA1"]
    _, (warning,) = read_table("means", means(tmp_path / "m.csv", deltas))
    assert "1 perturbations have the responses of another one" in warning
    assert "GATA1 and MYC" in warning


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("KLF1\u200b", "KLF1<U+200B>"),
        ("HLA\u2011A", "HLA<U+2011>A"),
        ("KLF\u00a01", "KLF<U+00A0>1"),
        ("KLF\u20131", "KLF<U+2013>1"),
        ("\u041aLF1", "<U+041A>LF1"),
        ("\uff2bLF1", "<U+FF2B>LF1"),
    ],
)
def test_characters_that_cannot_be_told_apart(tmp_path: Path, name: str, shown: str) -> None:
    path = means(tmp_path / "m.csv", DELTAS.rename(index={"KLF1": name}))
    _, (warning,) = read_table("means", path)
    assert "1 silenced genes have characters that cannot be seen or that look like" in warning
    assert shown in warning


@pytest.mark.parametrize(("one", "other"), [("b2m", "B2M"), ("CAFE\u0301", "CAF\u00c9")])
def test_response_genes_that_look_alike(tmp_path: Path, one: str, other: str) -> None:
    table = pd.read_csv(means(tmp_path / "m.csv"), index_col=0)
    table = table.rename(columns={"A1BG": one, "B2M": other})
    table.to_csv(tmp_path / "m.csv")
    _, (warning,) = read_table("means", tmp_path / "m.csv")
    assert warning.startswith("1 groups of response genes differ in capital letters")
    assert other in warning


@pytest.mark.parametrize("name", ["perturbation", "pert_id", "pert_symbol", "gene"])
def test_genes_named_as_columns_of_the_results(tmp_path: Path, name: str) -> None:
    means(tmp_path / "m.csv")
    table = pd.read_csv(tmp_path / "m.csv", index_col=0).rename(columns={"A1BG": name})
    table.to_csv(tmp_path / "m.csv", index_label="name of a row")
    message = refused(tmp_path / "m.csv", name_column="name of a row")
    assert f"gene {name}: this is the name of a column in the tables" in message


@pytest.mark.parametrize(
    "name", ["1-Mar", "Sep-02", "2021-03-01", "01/03/2021", "43891", "2.31E+13", "#NAME?", "TRUE"]
)
def test_names_that_a_spreadsheet_made(tmp_path: Path, name: str) -> None:
    table = pd.read_csv(means(tmp_path / "m.csv"), index_col=0).rename(columns={"A1BG": name})
    table.to_csv(tmp_path / "m.csv")
    _, (warning,) = read_table("means", tmp_path / "m.csv")
    assert warning.startswith("1 response genes have names that a spreadsheet or another program")
    assert f": {name}. " in warning


def test_ids_of_entrez_are_no_days() -> None:
    assert changed_names([str(number) for number in range(43880, 43900)]) == []
    assert changed_names(["MARCH1", "SEPT2", "DEC1", "NOV", "NANS", "ENSG00000000003"]) == []


@pytest.mark.parametrize("name", ["batch", "mean_umi", "UMI_count_unfiltered", "energy_p_value"])
def test_columns_that_are_no_genes(tmp_path: Path, name: str) -> None:
    table = pd.read_csv(means(tmp_path / "m.csv"), index_col=0).rename(columns={"A1BG": name})
    table.to_csv(tmp_path / "m.csv")
    _, (warning,) = read_table("means", tmp_path / "m.csv")
    assert warning.startswith(f"1 response genes have names that are no genes': {name}. They are")


@pytest.mark.parametrize(
    "name", ["NTC-1", "EGFP", "LacZ", "AAVS1", "sgNegCtrl3", "no-target", "ctrl+ctrl", "NT_1|NT_2"]
)
def test_controls_of_many_names(tmp_path: Path, name: str) -> None:
    path = means(tmp_path / "m.csv", DELTAS.rename(index={"KLF1": name}))
    _, (warning,) = read_table("means", path)
    assert warning.startswith(f"1 perturbations have the name of a control: {name}. ")


@pytest.mark.parametrize("name", ["WT1", "GFPT1", "NTF3", "NT5E"])
def test_genes_are_no_controls(tmp_path: Path, name: str) -> None:
    path = means(tmp_path / "m.csv", DELTAS.rename(index={"KLF1": name}))
    assert read_table("means", path)[1] == []


@pytest.mark.parametrize("name", ["KLF1_+_129.23-P1P2", "KLF1_2"])
def test_guides_among_the_perturbations_to_predict(tmp_path: Path, name: str) -> None:
    table = tmp_path / "v.csv"
    table.write_text(f"pert_id,pert\np1,{name}\np2,HBZ\n")
    message = refused(means(tmp_path / "m.csv"), validation=table)
    assert f"1 of 8 names look like those of guides: {name}; expected" in message


def test_genes_to_predict_twice_or_measured(tmp_path: Path) -> None:
    table = tmp_path / "v.csv"
    table.write_text("pert_id,pert\np1,HBZ\np2,MYC\np3,HBZ\n")
    _, warnings = read_table("means", means(tmp_path / "m.csv"), validation=table)
    assert [warning.split(":")[0] for warning in warnings] == [
        "1 genes to predict are named more than once",
        "1 genes to predict were silenced in the screen",
    ]


def test_a_control_among_the_perturbations_to_predict(tmp_path: Path) -> None:
    table = tmp_path / "v.csv"
    table.write_text("pert_id,pert\np1,non-targeting\np2,HBZ\n")
    _, (warning,) = read_table("means", means(tmp_path / "m.csv"), validation=table)
    assert "1 perturbations to predict have the name of a control: non-targeting" in warning


def test_the_table_of_proteins_of_string_11_0(tmp_path: Path) -> None:
    table = tmp_path / "info.txt"
    table.write_text(
        "protein_external_id\tpreferred_name\tprotein_size\tannotation\n9606.P\tA\t1\tx\n"
    )
    assert read_info(table) == {"9606.P": "A"}
