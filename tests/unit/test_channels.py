"""STRING's channels: combined by hand, by its own file, and as chosen."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from echoes.io.errors import InputError
from echoes.io.tables import read_columns
from echoes.network.channels import CHANNELS, channel_columns, recombine
from echoes.network.string_db import read_info, read_links

FULL = [
    "neighborhood",
    "neighborhood_transferred",
    "fusion",
    "cooccurence",
    "homology",
    "coexpression",
    "coexpression_transferred",
    "experiments",
    "experiments_transferred",
    "database",
    "database_transferred",
    "textmining",
    "textmining_transferred",
    "combined_score",
]
DETAILED = [
    "neighborhood",
    "fusion",
    "cooccurence",
    "coexpression",
    "experimental",
    "database",
    "textmining",
    "combined_score",
]
STRING = Path(__file__).resolve().parents[3] / "shared/data/string"
REAL = STRING / "9606.protein.links.full.v12.0.txt.gz"


def slow(row: dict[str, int], channels: tuple[str, ...]) -> float:
    """Score of one pair by the formula, in plain Python."""
    prior = 0.041

    def above_prior(score: int) -> float:
        return max(score / 1000 - prior, 0) / (1 - prior)

    rest = 1.0
    for channel in channels:
        both = 1 - (1 - above_prior(row[channel])) * (
            1 - above_prior(row.get(f"{channel}_transferred", 0))
        )
        if channel in {"cooccurence", "textmining"}:
            both *= 1 - row.get("homology", 0) / 1000
        rest *= 1 - both
    return 1000 * ((1 - rest) * (1 - prior) + prior)


@pytest.mark.parametrize("channels", [CHANNELS, ("textmining",), ("cooccurence", "experiments")])
def test_recombined_scores_against_plain_python(channels: tuple[str, ...]) -> None:
    rng = np.random.default_rng(0)
    table = {name: rng.integers(0, 1001, 300) * (rng.random(300) < 0.5) for name in FULL}
    columns = channel_columns("x", FULL, channels)
    result = recombine({key: [table[c] for c in names] for key, names in columns.items()})
    for i, score in enumerate(result.tolist()):
        row = {name: int(values[i]) for name, values in table.items()}
        exact = slow(row, channels)
        if any(row[c] or row.get(f"{c}_transferred") for c in channels):
            # A whole number may be missed by the last bit.
            assert score in {math.floor(exact - 1e-9), math.floor(exact + 1e-9)}
        else:
            assert score == 0


def test_one_known_pair() -> None:
    # 1 − (1 − 0.479666)(1 − 0.061522) = 0.511678 above the prior; times 0.959, plus 0.041.
    assert recombine({"experiments": [np.array([501])], "database": [np.array([100])]}) == [531]


def test_columns_of_a_channel() -> None:
    assert channel_columns("x", FULL, ["experiments", "fusion"]) == {
        "experiments": ("experiments", "experiments_transferred"),
        "fusion": ("fusion",),
        "homology": ("homology",),
    }
    assert channel_columns("x", DETAILED, ["experiments"]) == {"experiments": ("experimental",)}
    with pytest.raises(InputError, match=r"no channel genes; expected neighborhood, fusion"):
        channel_columns("x", FULL, ["genes"])
    with pytest.raises(InputError, match=r"no column for channel fusion.*links\.full"):
        channel_columns("x", ["protein1", "protein2", "combined_score"], ["fusion"])
    with pytest.raises(ValueError, match="no channel"):
        recombine({})


def write(path: Path, header: list[str], rows: list[dict[str, int]]) -> None:
    lines = [f"protein1 protein2 {' '.join(header)}\n"]
    for i, row in enumerate(rows):
        numbers = " ".join(str(row.get(name, 0)) for name in header)
        lines += [f"p{i} p{i + 1} {numbers}\n", f"p{i + 1} p{i} {numbers}\n"]
    path.write_text("".join(lines))


def test_links_of_chosen_channels(tmp_path: Path) -> None:
    path = tmp_path / "links.txt"
    rows = [
        {"experiments": 501, "database": 100, "textmining": 900, "combined_score": 950},
        {"textmining": 900, "combined_score": 900},
        {"experiments_transferred": 300, "combined_score": 300},
    ]
    info = {f"p{i}": f"G{i}" for i in range(4)}
    write(path, FULL, rows)
    chosen, counts = read_links(path, info, set(info.values()), 0, ["experiments", "database"])
    assert chosen.weight.tolist() == [
        0.531,
        int(slow({**dict.fromkeys(FULL, 0), **rows[2]}, ("experiments", "database"))) / 1000,
    ]
    assert [
        (chosen.names[i], chosen.names[j])
        for i, j in zip(chosen.source, chosen.target, strict=True)
    ] == [
        ("G0", "G1"),
        ("G2", "G3"),
    ]
    assert counts.kept == 6
    links, _ = read_links(path, info, set(info.values()), 0.4, ["experiments", "database"])
    assert links.weight.tolist() == [0.531]
    combined, _ = read_links(path, info, set(info.values()), 0)
    assert combined.weight.tolist() == [0.95, 0.9, 0.3]


def test_detailed_links(tmp_path: Path) -> None:
    path = tmp_path / "links.txt"
    write(path, DETAILED, [{"experimental": 501, "database": 100, "textmining": 900}])
    links, _ = read_links(path, {"p0": "A", "p1": "B"}, {"A"}, 0, ["database", "experiments"])
    assert links.weight.tolist() == [0.531]


def test_a_bad_score_of_a_channel_names_its_column(tmp_path: Path) -> None:
    path = tmp_path / "links.txt"
    write(path, DETAILED, [{"experimental": 1, "database": 1001}])
    with pytest.raises(InputError, match="column database, line 2: 1001"):
        read_links(path, {"p0": "A", "p1": "B"}, {"A"}, 0, ["experiments", "database"])


@pytest.mark.skipif(not REAL.exists(), reason="the shared STRING file is not here")
def test_all_channels_give_the_combined_score_of_the_real_file() -> None:
    columns = channel_columns(REAL, FULL, CHANNELS)
    names = [*dict.fromkeys(c for group in columns.values() for c in group), "combined_score"]
    table = read_columns(REAL, dict.fromkeys(names, pa.int32()), delimiter=" ", quoting=False)
    scores = {k: [table.column(c).to_numpy() for c in group] for k, group in columns.items()}
    difference = recombine(scores) - table.column("combined_score").to_numpy()
    assert len(difference) == 2 * 174_962
    assert np.abs(difference).max() <= 1
    assert np.mean(difference == 0) >= 0.989


@pytest.mark.skipif(not REAL.exists(), reason="the shared STRING file is not here")
def test_links_of_all_channels_of_the_real_file() -> None:
    info = read_info(STRING / "9606.protein.info.v12.0.txt.gz")
    core = {"TP53", "MYC"}
    combined, _ = read_links(REAL, info, core, 0)
    channels, _ = read_links(REAL, info, core, 0, CHANNELS)
    assert len(channels.weight) > 100
    np.testing.assert_array_equal(channels.source, combined.source)
    np.testing.assert_allclose(channels.weight, combined.weight, atol=0.00101)
