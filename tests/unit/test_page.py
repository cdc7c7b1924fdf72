"""The page of a run: numbers that come back, texts that stay texts, true conclusions."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from echoes.report.checks import checks_table, read_checks
from echoes.report.page import charts, choice
from echoes.report.page.build import build_page
from echoes.report.page.choice import choose, share_rows
from echoes.report.page.citations import ARTICLES, PROGRAM
from echoes.report.page.compact import json_text, pack, pack_places, pack_positive
from echoes.report.page.metrics import EVERY, METRICS, OF_PERTURBATIONS
from echoes.report.page.run import Perturbation, Run
from echoes.report.page.words import Outcome, conclusions
from echoes.scoring.learning_curve import METRICS as LEARNING
from echoes.scoring.pairs import METRICS as PAIRS
from pages import ENDING, HOSTILE, make_curve, make_every, make_pairs, make_run

ROOT = Path(__file__).parents[2]
NAN = (math.nan,) * 3


#: The script of the charts takes a second; a test in the browser has it.
DRAWING = {"charts": charts.charts(), "javascript": "/* charts */"}


def page_of(run: Run) -> str:
    """The page of a run, whose charts are not drawn."""
    return build_page(run, DRAWING)


class Elements(HTMLParser):
    """The tags of a page, and what stands in its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.scripts: dict[str, str] = {}
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "script":
            self.inside = dict(attrs).get("id") or f"code-{len(self.scripts)}"

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.scripts[self.inside] = self.scripts.get(self.inside, "") + data


def data_of(page: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Elements(page).scripts["data"])
    return data


def text_of(page: str) -> str:
    body = page[page.index("<body>") : page.index('<script type="application/json"')]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body)))


def test_numbers_come_back_within_half_a_step() -> None:
    values = np.array([[-2.0, 0.1, np.nan], [0.0, 1.5, -0.3]])
    packed = pack(values)
    codes = np.frombuffer(base64.b64decode(packed.text), "<i2").astype(float).reshape(2, 3)
    assert codes[0, 2] == -32768
    codes[0, 2] = np.nan
    assert np.nanmax(np.abs(codes * packed.record["step"] - values)) <= packed.record["step"] / 2
    assert packed.record["step"] == pytest.approx(2 / 32767)


@pytest.mark.parametrize("values", [np.empty((0, 3)), np.full((2, 2), np.nan), np.zeros((1, 2))])
def test_numbers_that_are_none_or_zero(values: np.ndarray[Any, Any]) -> None:
    assert pack(values).record["step"] == 1.0
    assert len(base64.b64decode(pack_positive(values).text)) == values.size


def test_expected_errors_come_back_within_two_percent() -> None:
    values = np.array([np.nan, 0.0, 1e-3, 0.05, 0.051, 4.0])
    packed = pack_positive(values)
    codes = np.frombuffer(base64.b64decode(packed.text), np.uint8).astype(float)
    assert codes[:2].tolist() == [0, 0]
    found = np.exp(packed.record["lowest"] + (codes[2:] - 1) * packed.record["step"])
    assert np.abs(found / values[2:] - 1).max() < 0.02


def test_json_cannot_end_the_element_that_holds_it() -> None:
    value = {"name": [HOSTILE, ENDING, "\u2029"], "number": math.nan}
    text = json_text(value)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {"name": [HOSTILE, ENDING, "\u2029"], "number": None}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("https://host/9606.protein.links.v12.0.txt.gz", "string, STRING 12.0, species 9606, conf"),
        ("data/9606.protein.links.v11.5.txt", "string, links of 9606.protein.links.v11.5.txt, co"),
        ("data/10090.protein.links.v12.0.txt", "string, links of 10090.protein.links.v12.0.txt,"),
        ("data/<img src=x>.txt", "string, links of <img src=x>.txt, confidence"),
    ],
)
def test_links_are_of_string_where_the_name_of_the_file_says_so(source: str, expected: str) -> None:
    run = make_run()
    for summary in run.summaries.values():
        summary["links"]["source"] = source
    page = page_of(run)
    assert expected in text_of(page)
    assert "img" not in Elements(page).tags


def test_a_hostile_name_is_text_everywhere() -> None:
    page = page_of(make_run())
    elements = Elements(page)
    assert "img" not in elements.tags
    assert not any(name.startswith("on") for name, _ in elements.attributes)
    assert HOSTILE not in page
    assert page.count("</script>") == page.count("<script")
    assert HOSTILE in data_of(page)["genes"]
    assert HOSTILE in text_of(page)


def test_the_page_may_run_its_own_scripts_only_and_load_nothing() -> None:
    page = page_of(make_run())
    policy = re.search(r'Security-Policy" content="([^"]*)"', page)
    assert policy
    rules = html.unescape(policy[1])
    assert rules.startswith("default-src 'none'")
    assert "unsafe-eval" not in rules
    scripts = [text for name, text in Elements(page).scripts.items() if name.startswith("code-")]
    assert len(scripts) == 2
    for text in scripts:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in rules
    assert not re.search(r'(?:src|href)="(?!#)', page)


def test_the_same_run_makes_the_same_page() -> None:
    assert page_of(make_run()) == page_of(make_run())


def test_every_figure_is_explained() -> None:
    assert set(OF_PERTURBATIONS) | {*LEARNING} | {*PAIRS} <= set(EVERY)
    page = page_of(make_run())
    for name in ("score", "mae"):
        assert html.escape(METRICS[name].text, quote=True).replace("&#x27;", "&#39;") in page


def test_the_parts_that_a_run_may_lack() -> None:
    run = make_run(
        v=0,
        experiments=("echo",),
        surroundings={},
        coverage={},
        checks=(),
        differences={},
        scores=make_run().scores.iloc[:0],
    )
    explored = [dataclasses.replace(run.explored[0], error=None, leans=None, network=None)]
    data = data_of(page_of(dataclasses.replace(run, explored=explored)))
    assert data["experiments"][0]["leans"] is None
    assert data["scores"] == {}
    page = page_of(dataclasses.replace(run, explored=[]))
    assert data_of(page)["experiments"] == []


def test_the_parts_that_a_run_may_have() -> None:
    cells = {
        "cells": [3, 40],
        "expression_left": [0.7, None],
        "most_left": 0.5,
        "controls": {"NT": 9},
        "batches": {"": [1, 2]},
    }
    bounds = pd.DataFrame(
        {
            "kind": ["upper_bound"],
            "metric": ["r2_mean"],
            "value": [0.6],
            "lower": [0.5],
            "upper": [0.7],
        }
    )
    sweep = pd.DataFrame({"run": [HOSTILE] * 25, "score": np.arange(25.0)})
    run = make_run(
        cells=cells, bounds=bounds, curves={"echo": make_curve()}, sweeps={"grid": sweep}
    )
    page = page_of(run)
    text = text_of(page)
    assert "70% (median of 1)" in text
    assert "upper bound, by replicates" in text
    assert "the best of all models would reach an R² of 0.60" in text
    assert "5 more rows are in sweeps/grid.csv" in text
    data = data_of(page)
    assert data["bounds"] == {"r2_mean": 0.6}
    assert [row["training"] for row in data["curves"]["echo"]] == [2, 4]


def test_figures_of_perturbations_have_their_intervals() -> None:
    data = data_of(page_of(make_run()))
    scores = data["scores"]
    assert scores["pearson_mean"]["echo"][2] == pytest.approx([0.2, 0.15, 0.3])
    assert scores["discrimination_cosine"]["echo"][2] == [pytest.approx(0.2)]
    assert "respond together count as one" in data["interval"]
    for name, metric in EVERY.items():
        assert data["metrics"][name]["title"] == metric.title


def test_pairs_of_genes() -> None:
    page = page_of(make_run(pairs=make_pairs()))
    assert "Pairs of genes" in text_of(page)
    rows = data_of(page)["pairs"]
    assert len(rows) == 12
    assert rows[-1]["value_lower"] is None
    assert {row["group"] for row in rows} == {"experiment", "baseline"}
    assert "Pairs of genes" not in text_of(page_of(make_run()))


def test_every_gene_of_the_network() -> None:
    every = make_every()
    page = page_of(make_run(every=every))
    text, arrays, data = text_of(page), Elements(page).scripts, data_of(page)
    assert "3 genes with a link, predicted by echo" in text
    assert "echo_slow predicts them too" in text
    assert data["every"]["measured"] == [0]
    assert data["every"]["genes"] == every.genes
    codes = np.frombuffer(base64.b64decode(arrays["array-every-genes"]), "<u2")
    assert codes.reshape(3, 2).tolist() == every.largest.tolist()
    step = data["arrays"]["every-beyond"]["step"]
    found = np.frombuffer(base64.b64decode(arrays["array-every-beyond"]), "<i2") * step
    np.testing.assert_allclose(found.reshape(3, 2), every.beyond_mean, atol=step)
    assert HOSTILE not in page


def test_places_of_many_genes() -> None:
    assert pack_places(np.array([[1, 65_535]])).record == {"kind": "uint16"}
    packed = pack_places(np.array([1, 65_536]))
    assert packed.record == {"kind": "uint32"}
    assert np.frombuffer(base64.b64decode(packed.text), "<u4").tolist() == [1, 65_536]


def test_gaps_are_kept_as_gaps() -> None:
    run = make_run()
    run.truth[1, 3] = np.nan
    page = page_of(run)
    codes = np.frombuffer(base64.b64decode(Elements(page).scripts["array-truth"]), "<i2")
    assert np.flatnonzero(codes == -32768).tolist() == [1 * 12 + 3]


def test_rows_of_one_fit_share_their_errors() -> None:
    fits = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]])
    error = fits[[0, 0, 1, 0]].copy()
    own: list[tuple[int, ...]] = [(0,), (1,), (2,), ()]
    for row, genes in enumerate(own):
        error[row, list(genes)] = 9.0
    each = [Perturbation(str(k), (str(k),), measured=True, own=o) for k, o in enumerate(own)]
    shared, places = share_rows(error, each)
    assert places == [0, 0, 1, 0]
    for row, place in enumerate(places):
        others = [gene for gene in range(4) if gene not in own[row]]
        assert shared[place][others].tolist() == error[row][others].tolist()


def test_a_large_screen_has_the_genes_that_change_most_and_the_silenced_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = make_run(n=3, v=0, G=40)
    run.truth[:, 20:] *= 10
    run.truth[:, :3] = 0.0
    limit = 300
    monkeypatch.setattr(choice, "MOST_BYTES", limit)
    shown = choose(run)
    assert len(shown.genes) < 40
    assert {0, 1, 2} <= set(shown.genes.tolist())
    assert set(shown.genes[3:].tolist()) <= set(range(20, 40))
    page = page_of(run)
    arrays = Elements(page).scripts
    assert sum(len(text) for name, text in arrays.items() if name.startswith("array-")) <= limit + 9
    assert f"the {len(shown.genes)} of 40 response genes that change most" in text_of(page)
    assert "echo_rewired, echo_permuted" in text_of(page)


def test_a_small_screen_shows_all_experiments_and_a_larger_one_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert choose(make_run()).left_out == []
    assert choice.most_explored(80, 100, 5127) > 6
    monkeypatch.setattr(choice, "MORE_BYTES", 1)
    assert choose(make_run()).left_out == ["echo_permuted"]
    assert choose(make_run(unexplored=["more"])).left_out == ["echo_permuted", "more"]
    assert choice.most_explored(585, 585, 4000) == 2
    # Not even the genes of one fit: a second one would be read for nothing.
    assert choice.most_explored(10_000, 10_000, 8000) == 1


def outcome(**changes: Any) -> Outcome:
    figures = {
        ("echo", "score"): (9.75, 7.39, 12.3),
        ("mean", "score"): (-0.42, -0.5, -0.3),
        ("nearest", "score"): (1.65, 0.9, 2.4),
        ("echo", "discrimination_cosine"): (0.84, 0.8, 0.88),
    }
    given: dict[str, Any] = {
        "figures": figures,
        "differences": {
            ("echo", "nearest", "score"): (8.1, 6.0, 10.0),
            ("echo", "rewired", "score"): (4.2, 2.6, 6.0),
            ("echo", "permuted", "score"): (4.1, 2.5, 6.0),
        },
        "experiments": ["echo"],
        "baselines": ["mean", "nearest"],
        "twins": {"echo": {"rewired": "links", "permuted": "labels"}},
        "perturbations": 24,
        "coverage": {"echo": 0.69},
        "bounds": {},
    }
    return Outcome(**(given | changes))


def test_three_sentences_where_the_network_helps() -> None:
    best, network, trust = conclusions(outcome())
    assert (
        "its score is 9.75 (7.39 … 12.30), clearly better than the best baseline, nearest" in best
    )
    assert "(difference 8.10 (6.00 … 10.00))" in best
    assert network.startswith("The network helps: echo gains in score 4.20 (2.60 … 6.00) against a")
    assert "4.10 (2.50 … 6.00) against a permuted network" in network
    assert "tell perturbations apart (discrimination 0.84 (0.80 … 0.88)" in trust
    assert "honest: 68 % intervals hold 69 % of measurements" in trust


@pytest.mark.parametrize(
    ("rewired", "permuted", "words"),
    [
        ((1.0, -0.5, 2.0), (1.0, -0.5, 2.0), "It cannot be seen that the network helps"),
        ((1.0, 0.5, 2.0), (1.0, -0.5, 2.0), "Whether the network helps is not clear"),
        ((-1.0, -2.0, -0.5), (1.0, 0.5, 2.0), "The network does harm here"),
        (NAN, NAN, "It cannot be seen that the network helps"),
    ],
)
def test_a_network_that_does_not_plainly_help(rewired: Any, permuted: Any, words: str) -> None:
    differences = {
        ("echo", "rewired", "score"): rewired,
        ("echo", "permuted", "score"): permuted,
    }
    assert conclusions(outcome(differences=differences))[1].startswith(words)


def test_no_null_network_is_said() -> None:
    assert "this run has no null network" in conclusions(outcome(twins={"echo": {}}))[1]


@pytest.mark.parametrize(
    ("difference", "words"),
    [((-1.0, -2.0, -0.5), "worse than"), ((0.1, -1.0, 1.0), "not to be told from")],
)
def test_a_baseline_that_is_as_good_is_named(difference: Any, words: str) -> None:
    told = conclusions(outcome(differences={("echo", "nearest", "score"): difference}))[0]
    assert f"{words} the best baseline, nearest (the mean of the nearest genes" in told


def test_no_baseline_and_no_discrimination() -> None:
    figures = {("echo", "score"): (1.0, 0.0, 2.0), ("echo", "discrimination_cosine"): (0.5, 0.4, 1)}
    told = conclusions(outcome(figures=figures, baselines=[], coverage={"echo": 0.5}))
    assert "no baseline to compare it with" in told[0]
    assert "do not tell perturbations apart" in told[2]
    assert "too narrow" in told[2]
    del figures["echo", "discrimination_cosine"]
    assert "How well echo tells" in conclusions(outcome(figures=figures))[2]


def test_only_the_published_protocol() -> None:
    figures = {("published", "mean_fold_score"): (0.1, -0.02, 0.22)}
    told = conclusions(outcome(figures=figures, experiments=[], twins={}))
    assert len(told) == 3
    assert "published has a mean fold score of 0.10 (−0.02 … 0.22)" in told[0]
    assert "cannot be said" in told[1]
    assert "flatters" in told[2]
    assert len(conclusions(outcome(figures={}, experiments=[], twins={}))) == 3


def test_without_weights_another_figure_leads() -> None:
    figures = {("echo", "r2_mean"): (0.3, 0.2, 0.4), ("mean", "r2_mean"): (0.0, 0.0, 0.0)}
    told = conclusions(outcome(figures=figures))
    assert "R² of deviations is 0.30" in told[0]


def test_checks_are_read_as_they_were_written(tmp_path: Path) -> None:
    odd = "a | b <br> *c* \\\\ `d` [e]"
    path = tmp_path / "checks.md"
    written = [("size", odd, []), ("names", "3", [odd, "Look at it."])]
    path.write_text(checks_table(written), encoding="utf-8")
    assert read_checks(path) == [("size", odd, "passed"), ("names", "3", f"{odd} Look at it.")]


def test_the_page_cites_what_the_repository_does() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert [(one["title"], one["doi"]) for one in cited["references"]] == [
        (article.title, article.doi) for article in ARTICLES
    ]
    assert cited["title"] in PROGRAM
    assert cited["version"] in PROGRAM
    for one, article in zip(cited["references"], ARTICLES, strict=True):
        assert one["authors"][0]["family-names"] in article.authors
        assert str(one["year"]) in article.place


def test_charts_are_valid_and_name_their_data() -> None:
    made = charts.charts()
    for chart in made.values():
        names = {layer["data"]["name"] for layer in chart["layer"] if "data" in layer}
        names |= {chart["data"]["name"]} if "data" in chart else set()
        assert names
        assert "url" not in json.dumps(chart["layer"])
