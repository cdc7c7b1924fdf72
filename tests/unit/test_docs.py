"""The pages for readers: every link leads somewhere, and every page stands in the site."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from echoes.plan import figures
from echoes.plan.plan import Plan
from echoes.plan.results import final_files

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted({
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "config/README.md")),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "benchmark").rglob("*.md"),
})  # fmt: skip
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """Anchors of the headings of a page, as git hosts and the site make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-") for head in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_stands_in_the_site() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]
    entries = [value for entry in nav for value in entry.values()]
    listed = {
        path
        for entry in entries
        for path in (
            [entry] if isinstance(entry, str) else [p for one in entry for p in one.values()]
        )
    }
    assert listed == {page.relative_to(ROOT).as_posix() for page in PAGES}


def test_the_site_searches_from_the_disk_with_a_script_of_its_own() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    assert site["plugins"] == ["offline", "search"]
    (script,) = site["extra"]["polyfills"]
    # By this name the plugin knows that it need not load another one from elsewhere.
    assert "iframe-worker" in script
    assert (ROOT / script).is_file()


def test_the_start_is_short() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert len(lines) <= 90


def test_files_that_a_run_ends_with_are_explained() -> None:
    config = {
        "dataset": {"name": "own", "means": "m.csv", "validation": {"genes": ["A"]}},
        "networks": {"string": {}, "rewired": {"of": "string", "shuffle": "links"}},
        "experiments": {
            "echo": {"models": ["echo"], "learning_curve": [20]},
            "twin": {"like": "echo", "network": "rewired"},
        },
        "export": ["h5ad", "effects"],
    }
    plan = Plan(config, SCHEMA)
    assert len(figures.names(plan)) == 5
    page = (ROOT / "docs/files.md").read_text("utf-8")
    for path in final_files(plan):
        name = path.rpartition("/")[2]
        shown = f"figures/{name.partition('.')[0]}" if "/figures/" in path else name
        assert shown in page or name.replace("learning_curve.png", "learning_curve.csv") in page, (
            path
        )


def test_make_alone_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", " ")
    (phony,) = re.findall(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    listed = re.findall(r"^([a-z-]+):.*## \w.*[^.]$", text, re.MULTILINE)
    assert set(phony.split()) - {"help"} == set(listed)
    targets = re.findall(r"^([a-z-]+):(?!=)", text, re.MULTILINE)
    assert targets[0] == "help"
