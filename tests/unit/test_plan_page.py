"""The files that the page of a run is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from echoes.plan import page
from echoes.plan.plan import Plan
from echoes.plan.results import final_files
from echoes.plan.settings import overlay

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text("utf-8"))
SHORT: dict[str, Any] = {"dataset": {"name": "own", "means": "means.csv"}}
ECHO = {"models": ["echo"]}


def plan(**changes: Any) -> Plan:
    return Plan(overlay(SHORT, changes), SCHEMA)


def test_every_run_has_a_page() -> None:
    assert "<results>/<dataset>/report.html" in final_files(plan())


def test_a_shuffled_network_is_drawn_as_the_one_that_it_shuffles() -> None:
    made = plan(
        networks={"string": {}, "permuted": {"of": "string", "shuffle": "labels"}},
        experiments={"shuffled": ECHO | {"network": "permuted"}},
    )
    assert page.networks(made) == {"string": "0.25"}
    files = page.network_files(made)
    assert "<results>/<dataset>/networks/string/diffusion/alpha~0.25.npz" in files
    assert not any("permuted" in file for file in files)


def test_predictions_with_their_kernels_and_those_of_the_published_protocol() -> None:
    published = {"protocol": "published", "models": ["ridge"]}
    made = plan(
        experiments={"echo": ECHO, "published": published},
        dataset={"validation": {"genes": ["X"]}},
    )
    files = [file.removeprefix("<results>/<dataset>/") for file in page.prediction_files(made)]
    assert files[:2] == ["echo/summary.json", "echo/held_out/0.npz"]
    assert "echo/held_out/validation.npz" in files
    assert "networks/string/kernels/log_alphas~0.25.npz" in files
    assert files[-2:] == ["published/summary.json", "published/predictions.npz"]
    assert page.curve_files(made) == page.sweep_files(made) == []


def test_tables_of_pairs_and_of_every_gene() -> None:
    made = plan(
        networks={"string": {}, "permuted": {"of": "string", "shuffle": "labels"}},
        dataset={"validation": "all"},
        experiments={
            "echo": ECHO,
            "shuffled": ECHO | {"network": "permuted"},
            "bare": {"models": ["mean"]},
        },
    )
    assert page.every_gene(made) == ["echo"]
    assert page.every_gene_files(made) == ["<results>/<dataset>/echo/top_effects.csv"]
    named = plan(experiments={"echo": ECHO}, dataset={"validation": {"genes": ["X"]}})
    assert page.every_gene(named) == []


def test_without_a_network_none_is_drawn() -> None:
    made = plan(experiments={"bare": {"models": ["mean"]}})
    assert page.networks(made) == {}
    assert page.network_files(made) == []
