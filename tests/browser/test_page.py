"""The page of results in Chromium: what a reader sees, does and is protected from."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from echoes.report.page.build import build_page
from echoes.report.page.charts import bundle
from pages import ENDING, HOSTILE, make_curve, make_every, make_pairs, make_run

#: Most milliseconds until something is there.
PATIENCE = 10_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium")
    # The sandbox does not work for the superuser, as in a container.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield started
        started.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    more: dict[str, Any] = {"curves": {"echo": make_curve()}, "pairs": make_pairs()}
    run = make_run(n=12, v=2, G=60, every=make_every(), **more)
    path.write_text(build_page(run, bundle()), encoding="utf-8")
    return path


class Watched:
    """A page that is open, and what it did that it must not do."""

    def __init__(self, browser: Browser, file: Path, width: int = 1280, scheme: str = "light"):
        self.page: Page = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            reduced_motion="reduce",
        )
        self.page.set_default_timeout(PATIENCE)
        self.told: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.told.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.told.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.told.append("a dialog"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("#comparison-chart svg")

    def explore(self) -> None:
        self.page.locator("#explorer").scroll_into_view_if_needed()
        self.page.wait_for_selector("#gene-chart svg")

    def __getitem__(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def overflow(self) -> int:
        wider: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return wider

    def close(self) -> None:
        """Close the page; it has told nothing, and has asked for nothing but itself."""
        url = self.page.url.partition("#")[0]
        self.page.close()
        told = [each for each in self.told if "discrete height" not in each]
        assert told == []
        assert [each for each in self.asked if not each.startswith(("data:", url))] == []
        assert len([each for each in self.asked if each.startswith(url)]) == 1


@pytest.fixture
def opened(browser: Browser, file: Path) -> Iterator[Watched]:
    watched = Watched(browser, file)
    yield watched
    watched.close()


def test_a_page_draws_its_charts_and_asks_for_nothing(opened: Watched) -> None:
    opened.explore()
    for chart in ("comparison", "overview", "agreement", "gene"):
        assert opened[f"#{chart}-chart svg"].count() == 1
    assert opened["#e-network circle"].count() == 4
    assert opened["#e-top tbody tr"].count() > 0


def test_a_hostile_name_stays_text(opened: Watched) -> None:
    opened["#look-up-gene"].fill(HOSTILE)
    opened["#look-up button"].click()
    opened["#e-head h3"].wait_for()
    assert opened["#e-head h3"].text_content() == HOSTILE
    assert f"{HOSTILE} has no link." in (opened["#e-head"].text_content() or "")
    assert HOSTILE in (opened["#e-network"].text_content() or "")
    opened["#g-name"].fill(HOSTILE)
    opened["#g-name"].press("Enter")
    assert HOSTILE in (opened["#g-head"].text_content() or "")
    opened["#p-table .flag"].first.hover()
    assert HOSTILE in (opened["#tip"].text_content() or "")
    assert opened["img"].count() == 0


def test_the_explorer_follows_a_choice(opened: Watched) -> None:
    opened.explore()
    opened["#e-name"].fill("ko3")
    opened["#e-name"].press("Enter")
    assert opened["#e-head h3"].text_content() == "KO3"
    assert "measured" in (opened["#e-head .note"].text_content() or "")
    before = opened["#e-leans"].text_content()
    opened["#e-experiment"].select_option("echo_rewired")
    assert opened["#e-leans"].text_content() != before
    top = opened["#e-top"].text_content()
    opened["#e-kind"].select_option("specific")
    assert opened["#e-top"].text_content() != top
    # A gene to predict: by its name, and by that of its perturbation.
    for name in ("NEW0", "new_0"):
        opened["#e-name"].fill(name)
        opened["#e-name"].press("Enter")
        assert opened["#e-head h3"].text_content() == "new_0"
    assert "nothing to compare" in (opened["#e-agreement-note"].text_content() or "")
    opened["#e-name"].fill("nobody")
    opened["#e-name"].press("Enter")
    assert "There is no nobody here." in (opened["#e-head"].text_content() or "")


def test_values_in_the_page_are_those_of_the_run(opened: Watched) -> None:
    run = make_run(n=12, v=2, G=60)
    opened.explore()
    opened["#g-name"].fill("GENE30")
    opened["#g-name"].press("Enter")
    gene = run.genes.tolist().index("GENE30")
    rows = opened["#g-top tbody tr"]
    for number in range(3):
        cells = rows.nth(number).locator("th, td").all_text_contents()
        row = [each.name for each in run.perturbations].index(cells[0])
        for text, value in zip(
            cells[1:], (run.truth[row, gene], run.explored[0].prediction[row, gene]), strict=True
        ):
            assert abs(float(text.replace("−", "-")) - value) < 0.0051


def test_intervals_of_perturbations_are_drawn_and_explained(opened: Watched) -> None:
    assert opened["#overview-chart .layer_1_marks line"].count() == 12
    assert "count as one" in (opened["#p-text"].text_content() or "")
    cell = opened["#p-table tbody tr"].filter(has_text="KO3").locator("td").first
    assert cell.locator("small").text_content() == "0.25 … 0.40"
    opened["#p-metric"].select_option("discrimination_cosine")
    assert opened["#p-table small"].count() == 0
    assert "count as one" not in (opened["#p-text"].text_content() or "")


def test_learning_curves_and_pairs_of_a_chosen_figure(opened: Watched) -> None:
    assert opened["#curve-metric"].input_value() == "r2_mean"
    opened["#curve-metric"].select_option("discrimination_l1")
    opened.page.wait_for_function(
        "document.getElementById('curve-chart').ariaLabel.includes('4: 0.70 (0.60 … 0.80)')"
    )
    opened["#pairs-metric"].select_option("mae")
    opened["#pairs-seen"].select_option("1")
    opened.page.wait_for_function(
        "document.getElementById('pairs-chart').ariaLabel.includes('echo 0.200 (0.100 … 0.300)')"
    )
    assert "7 pairs" in (opened["#pairs-text"].text_content() or "")
    echo = opened["#pairs-table tbody tr"].filter(has_text="echo").locator("td")
    assert echo.all_text_contents()[:2] == ["0.2000.100 … 0.300", "0.0500.010 … 0.100"]


def test_any_gene_of_the_network_can_be_looked_up(opened: Watched) -> None:
    opened["#look-up-gene"].fill("far")
    opened["#look-up button"].click()
    assert opened["#v-head h3"].text_content() == "FAR"
    assert "not silenced in the screen" in (opened["#v-head"].text_content() or "")
    rows = opened["#v-top tbody tr"].all_text_contents()
    assert rows == ["GENE1+0.25+0.200.10", f"{ENDING}+0.15+0.10–"]
    opened["#v-name"].fill(HOSTILE)
    opened["#v-name"].press("Enter")
    assert opened["#v-head h3"].text_content() == HOSTILE
    opened["#v-name"].fill("KO1")
    opened["#v-name"].press("Enter")
    opened["#v-head .link"].click()
    assert opened["#e-head h3"].text_content() == "KO1"
    opened["#look-up-gene"].fill("nobody")
    opened["#look-up button"].click()
    assert "nor among the genes of the network" in (opened["#look-up-note"].text_content() or "")


def test_tables_sort_filter_and_open_a_perturbation(opened: Watched) -> None:
    first = opened["#comparison-table tbody tr"].first.locator("th")
    title = opened["#comparison-table thead button"].first
    title.click()
    assert (first.text_content() or "").startswith("echo")
    title.click()
    assert (first.text_content() or "").startswith("mean")
    opened["#comparison-metric"].select_option("mae")
    assert "log2 units" in (opened["#comparison-text"].text_content() or "")
    opened["#p-search"].fill("KO1")
    assert opened["#p-table tbody tr"].count() == 3  # KO1, KO10, KO11
    opened["#p-table tbody .link"].first.click()
    assert opened["#e-head h3"].text_content() == "KO1"
    opened["#p-search"].fill("")
    opened["#p-warned"].check()
    assert opened["#p-table tbody tr"].count() == 1


def test_the_keyboard_alone_reaches_the_explorer(opened: Watched) -> None:
    def focused() -> str:
        name: str = opened.page.evaluate(
            "document.activeElement.id || document.activeElement.tagName"
        )
        return name

    opened.page.keyboard.press("Tab")
    assert opened.page.evaluate("document.activeElement.className") == "skip"
    for _ in range(12):
        opened.page.keyboard.press("Tab")
        if focused() == "look-up-gene":
            break
    assert focused() == "look-up-gene"
    opened.page.keyboard.type("KO5")
    opened.page.keyboard.press("Enter")
    assert opened["#e-head h3"].text_content() == "KO5"
    assert focused() == "e-name"
    opened.page.keyboard.press("Tab")
    assert focused() == "e-experiment"
    opened.page.keyboard.press("ArrowDown")
    assert opened["#e-experiment"].input_value() == "echo_rewired"
    # The explanation of a figure is there for the keyboard too.
    opened["#comparison-table thead button"].nth(0).focus()
    opened.page.keyboard.press("Tab")
    assert opened["#tip"].is_visible()
    assert "baseline" in (opened["#tip"].text_content() or "")
    opened.page.keyboard.press("Escape")
    assert not opened["#tip"].is_visible()


def test_both_colour_schemes(browser: Browser, file: Path) -> None:
    def paper(watched: Watched) -> str:
        colour: str = watched.page.evaluate("getComputedStyle(document.body).backgroundColor")
        return colour

    found = {}
    for scheme in ("light", "dark"):
        watched = Watched(browser, file, scheme=scheme)
        found[scheme] = paper(watched)
        watched["#scheme"].click()
        found[f"not {scheme}"] = paper(watched)
        watched.page.wait_for_timeout(200)
        watched.close()
    assert found["light"] == found["not dark"] != found["dark"] == found["not light"]


def test_a_phone_needs_no_sideways_scrolling(browser: Browser, file: Path) -> None:
    watched = Watched(browser, file, width=390)
    watched.explore()
    assert watched.overflow() <= 0
    assert watched["#agreement-chart svg"].bounding_box()["width"] <= 390  # type: ignore[index]
    watched.close()


def test_labels_do_not_cover_each_other(opened: Watched) -> None:
    opened.explore()
    boxes = opened.page.evaluate(
        "[...document.querySelectorAll('#agreement-chart .mark-text text')].map("
        "each => { const b = each.getBoundingClientRect(); return [b.x, b.y, b.right, b.bottom] })"
    )
    named = [box for box in boxes if box[2] > box[0]]
    assert len(named) > 3
    for i, a in enumerate(named):
        for b in named[:i]:
            # A pixel of overlap cannot be seen: the heights of boxes are those of lines.
            apart = a[2] < b[0] + 2 or b[2] < a[0] + 2 or a[3] < b[1] + 4 or b[3] < a[1] + 4
            assert apart, (a, b)


@pytest.mark.parametrize("lacking", ["everything", "predictions"])
def test_a_page_of_little_is_a_page(lacking: str, browser: Browser, tmp_path: Path) -> None:
    run = make_run(
        v=0, experiments=("echo",), surroundings={}, coverage={}, checks=(), differences={},
        scores=make_run().scores.iloc[:0],
    )  # fmt: skip
    if lacking == "predictions":
        run = make_run(explored=[])
    path = tmp_path / "report.html"
    path.write_text(build_page(run, bundle()), encoding="utf-8")
    watched = Watched(browser, path)
    if lacking == "everything":
        watched.explore()
    watched.close()
