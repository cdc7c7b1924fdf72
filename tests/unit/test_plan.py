"""The plan: what a configuration asks for, without Snakemake and without data."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from echoes.models.catalogue import MODELS, PROTOCOLS
from echoes.plan import asked, checks, paths
from echoes.plan.plan import Plan, count_folds
from echoes.plan.results import final_files
from echoes.plan.settings import SECTIONS, ConfigError, complete, defaults, overlay
from echoes.plan.validation import check_keys, check_schema

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text("utf-8"))
EXAMPLE = yaml.safe_load((ROOT / "config.yaml").read_text("utf-8"))
#: The least that a configuration says.
SHORT: dict[str, Any] = {"dataset": {"name": "own", "means": "means.csv"}}


def plan(**changes: Any) -> Plan:
    return Plan(overlay(SHORT, changes), SCHEMA)


def refused(**changes: Any) -> str:
    with pytest.raises(ConfigError) as error:
        plan(**changes)
    return str(error.value)


# ---- Defaults -------------------------------------------------------------------------------


def test_what_is_left_out_has_the_defaults_of_the_schema() -> None:
    config = plan().config
    assert config["diffusion"]["tolerance"] == 1e-10
    assert config["networks"]["string"]["edge_multiplicity"] == 2
    assert config["dataset"]["genes_in"] == "columns"
    assert plan().settings("perturbations")["control"] == ["non-targeting"]
    assert set(SECTIONS) <= set(config)


def test_every_key_has_one_default_or_must_be_set_or_is_optional() -> None:
    found = defaults(SCHEMA, SCHEMA)
    for section in SECTIONS:
        assert (
            found[section].keys()
            == SCHEMA["properties"][section]
            .get("properties", SCHEMA["$defs"].get(section, {}).get("properties"))
            .keys()
        )


def test_a_config_with_a_dataset_has_nothing_of_the_example() -> None:
    assert list(plan().experiments) == ["echo"]
    assert list(plan(experiments={"mine": {"models": ["mean"]}}).experiments) == ["mine"]
    assert list(plan(networks={"mine": {}}).networks) == ["mine"]


def test_defaults_are_not_shared_between_plans() -> None:
    plan().config["echo"]["kernels"].append("more")
    assert "more" not in plan().config["echo"]["kernels"]


@pytest.mark.parametrize("name", ["config.yaml", "config/own.yaml", "config/kaggle.yaml"])
def test_the_configs_of_the_repository_are_valid(name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    config = yaml.safe_load((ROOT / name).read_text("utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(config)
    Plan(config, SCHEMA)


def test_all_defaults_together_are_valid() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator(SCHEMA).validate(complete(SHORT, SCHEMA))


@pytest.mark.parametrize(
    ("text", "place", "lines"),
    [
        ("seed: 1\ndataset: {name: a}\nseed: 2\n", "seed", (1, 3)),
        ("dataset:\n  name: a\n  name: a\n", "dataset: name", (2, 3)),
        ("sweeps:\n  - {a: 1}\n  - {b: {c: 1,\n c: 2}}\n", "sweeps: b: c", (3, 4)),
        ('{"seed": 1,\n "seed": 2}', "seed", (1, 2)),
    ],
)
def test_a_key_that_a_file_has_twice(
    tmp_path: Path, text: str, place: str, lines: tuple[int, int]
) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        check_keys([str(path)])
    assert f"{path}: {place}: lines {lines[0]} and {lines[1]} have the same key" in str(
        caught.value
    )


def test_a_key_in_several_places_is_no_key_twice(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("a: {name: 1}\nb: {name: 2, c: [{name: 1}, {name: 1}]}\n", encoding="utf-8")
    check_keys([str(path), str(tmp_path / "none.yaml")])
    (tmp_path / "empty.yaml").write_text("", encoding="utf-8")
    check_keys([str(tmp_path / "empty.yaml")])


def test_infinite_numbers_are_refused() -> None:
    assert "network" in refused(networks={"string": {"self_loop": float("inf")}})
    assert "nan" in refused(echo={"penalties": [1, float("nan")]})


# ---- Experiments ----------------------------------------------------------------------------


def test_like_takes_what_is_not_set() -> None:
    many = plan(
        experiments={
            "echo": {"models": ["echo"], "diffusion": {"alphas": [0.25]}, "network": "string"},
            "twin": {"like": "echo", "network": "rewired"},
            "third": {"like": "twin", "diffusion": {"alphas": [0.5]}},
        },
        networks={"string": {}, "rewired": {"of": "string", "shuffle": "links"}},
    )
    assert many.everything["twin"].models == ("echo",)
    assert many.everything["twin"].network == "rewired"
    assert many.everything["third"].network == "rewired"
    assert many.everything["third"].sections["diffusion"]["alphas"] == [0.5]
    assert many.everything["echo"].network == "string"


def test_like_in_a_circle_is_refused() -> None:
    text = refused(experiments={"a": {"like": "b"}, "b": {"like": "a"}})
    assert "a → b → a" in text


def test_like_of_nothing_is_refused() -> None:
    text = refused(experiments={"a": {"like": "other"}, "b": {"models": ["mean"]}})
    assert "experiments: a: like: there is no other; expected one of b" in text


def test_an_ensemble_like_an_experiment_with_models_has_members_alone() -> None:
    experiments = {
        "a": {"models": ["mean"]},
        "b": {"models": ["median"]},
        "both": {"like": "a", "members": ["a", "b"]},
    }
    assert plan(experiments=experiments).everything["both"].models == ()


@pytest.mark.parametrize(
    ("experiment", "words"),
    [
        ({}, "neither models nor members"),
        ({"models": ["mean"], "members": ["a", "b"]}, "it has models and members"),
        ({"models": ["forest"]}, "there is no model forest"),
        (
            {"models": ["echo"], "protocol": "published"},
            "echo cannot be evaluated by the published",
        ),
        (
            {"models": ["echo"], "network": "none"},
            "there is no network none; expected one of string",
        ),
        ({"members": ["x", "y"]}, "x is no experiment that is held out"),
        ({"members": ["x", "y"], "echo": {"kernels": []}}, "an ensemble has no `echo:`"),
        (
            {"members": ["x", "y"], "protocol": "published"},
            "an ensemble cannot have `protocol",
        ),
    ],
)
def test_an_experiment_that_cannot_be(experiment: dict[str, Any], words: str) -> None:
    text = refused(experiments={"it": experiment})
    assert words in text
    assert text.startswith("configuration: experiments: it")


def test_an_unknown_baseline_is_refused() -> None:
    assert "there is no model forest" in refused(baselines=["forest"])


def test_an_ensemble_of_ensembles_is_refused() -> None:
    experiments = {
        "a": {"models": ["mean"]},
        "b": {"models": ["median"]},
        "c": {"members": ["a", "b"]},
        "d": {"members": ["a", "c"]},
    }
    assert "c is an ensemble itself" in refused(experiments=experiments)


def test_an_experiment_that_is_named_like_a_baseline_is_refused() -> None:
    assert "experiments: mean" in refused(experiments={"mean": {"models": ["mean"]}})


def test_no_experiment_is_refused() -> None:
    assert "there is none" in refused(experiments={"echo": None})


def test_parts_are_no_more_than_folds() -> None:
    crossval = {"scheme": "k_fold", "folds": 3, "parts": 7}
    echo = plan(experiments={"echo": {"models": ["echo"], "crossval": crossval}}).everything["echo"]
    assert (echo.folds, echo.parts) == (3, 3)
    assert plan(experiments={"echo": {"models": ["echo"], "crossval": {"parts": 7}}}).everything[
        "echo"
    ].parts == 7  # fmt: skip


# ---- Networks -------------------------------------------------------------------------------


NETWORKS = {
    "string": {"score_threshold": 0.5},
    "strict": {"like": "string", "score_threshold": 0.9},
    "old": {"version": "11.5"},
    "rewired": {"of": "strict", "shuffle": "links"},
    "permuted": {"of": "string", "shuffle": "labels"},
}


def test_networks_share_downloads_and_links() -> None:
    found = plan(networks=NETWORKS).networks
    assert {name: (each.tables["links"], each.source) for name, each in found.items()} == {
        "string": ("string", "string"),
        "strict": ("string", "strict"),
        "old": ("old", "old"),
        "rewired": ("string", "strict"),
        "permuted": ("string", "string"),
    }
    assert (found["rewired"].unshuffled, found["rewired"].graph) == ("strict", "rewired")
    assert (found["permuted"].unshuffled, found["permuted"].graph) == ("string", "string")


def test_files_are_named_after_networks() -> None:
    many = plan(
        networks=NETWORKS,
        experiments={
            "a": {"models": ["echo"], "network": "rewired"},
            "b": {"models": ["echo"], "network": "permuted"},
        },
    )
    assert many.input_files("a") == [
        "<results>/<dataset>/networks/rewired/kernels/log_alphas~0.25.npz"
    ]
    assert many.network("b").diffusion_files([0.25]) == [
        "<results>/<dataset>/networks/string/diffusion/alpha~0.25.npz"
    ]
    assert many.permutation_seed("permuted") == 0
    assert many.permutation_seed("rewired") == []


def test_alphas_and_scale_where_nothing_is_chosen() -> None:
    many = plan(
        baselines=["nearest"],
        experiments={
            "echo": {"models": ["echo"]},
            "ridge": {"models": ["ridge"]},
            "published": {"models": ["elastic_net"], "protocol": "published"},
            "chosen": {"models": ["echo"], "diffusion": {"alphas": [0.5]}},
            "degree": {"models": ["ridge"], "features": {"transform": "degree"}},
        },
    )
    found = {
        name: (one.sections["diffusion"]["alphas"], one.sections["features"]["transform"])
        for name, one in many.everything.items()
    }
    assert found == {
        "echo": ([0.25], "log"),
        "ridge": ([0.75], "none"),
        "published": ([0.75], "none"),
        "chosen": ([0.5], "log"),
        "degree": ([0.75], "degree"),
        "nearest": ([0.25], "log"),
    }
    everywhere = plan(diffusion={"alphas": [0.9]}, features={"transform": "none"})
    assert everywhere.experiments["echo"].sections["diffusion"]["alphas"] == [0.9]
    assert everywhere.experiments["echo"].sections["features"]["transform"] == "none"


@pytest.mark.parametrize("alpha", [0.99995, 1 - 1e-9, 1 - 1e-12])
def test_alphas_that_no_residual_certifies_are_refused(alpha: float) -> None:
    message = refused(experiments={"near": {"models": ["echo"], "diffusion": {"alphas": [alpha]}}})
    assert message.startswith(
        f"configuration: experiments: near: diffusion: alphas: {alpha!r} is so near 1"
    )
    assert "expected at most 0.9999" in message


def test_a_smaller_tolerance_allows_alphas_nearer_to_one() -> None:
    near = {"near": {"models": ["echo"], "diffusion": {"alphas": [0.99995]}}}
    many = plan(experiments=near, diffusion={"tolerance": 1e-12})
    assert many.experiments["near"].sections["diffusion"]["alphas"] == [0.99995]


def test_networks_share_the_tables_that_they_have_in_common() -> None:
    found = plan(
        networks={
            "string": {},
            "physical": {"network_type": "physical"},
            "strict": {"like": "string", "score_threshold": 0.9},
            "looped": {"like": "strict", "self_loop": 0.5},
            "measured": {"channels": ["experiments"]},
            "own": {"links": "links.txt", "info": "info.txt"},
            "named": {"links": "links.txt", "info": "info.txt", "aliases": "aliases.txt"},
        }
    ).networks
    common = {"info": "string", "aliases": "string"}
    assert found["string"].tables == found["strict"].tables == {"links": "string"} | common
    assert found["physical"].tables == {"links": "physical"} | common
    assert found["measured"].tables == {"links": "measured"} | common
    # Local files stay offline.
    assert found["own"].tables == {"links": "own", "info": "own"}
    assert found["named"].tables == {"links": "own", "info": "own", "aliases": "named"}
    # A self-loop is no setting of the links, nor are other names of genes.
    assert {name: each.source for name, each in found.items()} == {
        name: {"looped": "strict", "named": "own"}.get(name, name) for name in found
    }
    assert found["own"].aliases is None
    url = "https://stringdb-downloads.org/download/{0}.v12.0/9606.{0}.v12.0.txt.gz"
    assert found["physical"].string_source("links") == url.format("protein.physical.links")
    assert found["measured"].string_source("links") == url.format("protein.links.full")
    assert found["measured"].string_source("aliases") == url.format("protein.aliases")


REGULONS = {"edges": "r.tsv", "source": "tf", "target": "gene"}
KINDS = {
    "both": {"union": ["string", "regulons"]},
    "string": {},
    "regulons": REGULONS,
    "again": {"like": "regulons", "self_loop": 0},
    "core": {"intersection": ["both", "again"]},
    "same": {"intersection": ["both", "regulons"], "edge_multiplicity": 1},
    "mean": {"mean": {"string": 2, "again": 1}},
    "rewired": {"of": "both", "shuffle": "links"},
}


def test_networks_of_every_kind() -> None:
    found = plan(networks=KINDS).networks
    assert list(found) == list(KINDS)
    assert {name: each.kind for name, each in found.items()} == {
        **dict.fromkeys(("both", "core", "same", "mean"), "combined"),
        "string": "string",
        "regulons": "edges",
        "again": "edges",
        "rewired": "shuffled",
    }
    assert {name: each.source for name, each in found.items()} == {
        **{name: name for name in KINDS},
        "again": "regulons",
        "same": "core",
        "rewired": "both",
    }
    assert found["core"].part_sources == ("both", "regulons")
    assert (found["mean"].parts, found["mean"].how) == ({"string": 2, "again": 1}, "mean")
    assert found["regulons"].settings["scale"] == 1
    assert found["regulons"].settings["score_threshold"] == 0
    # Names are looked up in the aliases of the network of STRING that it is made of.
    assert found["core"].aliases == found["rewired"].aliases == "string"
    assert found["regulons"].aliases is None


def test_aliases_may_be_left_out() -> None:
    found = plan(networks={"string": {}, "plain": {"like": "string", "aliases": False}}).networks
    assert found["string"].aliases == "string"
    assert found["plain"].aliases is None
    # Both read the same links, but find other genes in them.
    assert found["plain"].source == "string"
    assert plan(networks={"plain": {"aliases": False}}).alias_files("plain", "aliases") == []


def test_a_table_of_names_replaces_the_aliases(tmp_path: Path) -> None:
    table = tmp_path / "names.tsv"
    table.touch()
    many = plan(networks=KINDS, names={"table": str(table)})
    assert "aliases" not in many.networks["string"].tables
    assert many.alias_files("both", "aliases") == []
    assert many.local_files(stored=True)["names: table"] == [str(table)]
    assert many.settings("echo")["members"]["echo"]["names"] == {
        "table": {"name": None, "symbol": None}
    }


def test_the_records_of_each_kind_of_network() -> None:
    experiments = {name: {"models": ["echo"], "network": name} for name in KINDS}
    many = plan(networks=KINDS, experiments=experiments, baselines=[])
    folder = "<results>/<dataset>/networks"
    assert many.receipts("string", "aliases") == [f"{folder}/string/source/aliases.json"]
    assert many.receipts("string", "links") == [f"{folder}/string/source/links.json"]
    assert many.receipts("again", "links") == [f"{folder}/regulons/links.json"]
    assert many.receipts("rewired", "links") == [f"{folder}/both/links.json"]
    assert many.receipts("rewired", "info") == []
    assert many.network_summary("rewired") == [f"{folder}/both/summary.json"]
    for name in KINDS:
        assert "r.tsv" not in json.dumps(many.settings(name))
    network = many.settings("rewired")["members"]["rewired"]["network"]
    assert (network["name"], network["of"], network["union"]) == (
        *("rewired", "both"),
        ["string", "regulons"],
    )
    assert network["networks"]["regulons"]["source"] == "tf"
    assert network["networks"]["string"]["score_threshold"] == 0.5


@pytest.mark.parametrize(
    ("networks", "words"),
    [
        ({"a": {"of": "b", "shuffle": "links"}, "c": {}}, "there is no b; expected a network that"),
        (
            {"a": {"of": "b", "shuffle": "links"}, "b": {"of": "c", "shuffle": "links"}, "c": {}},
            "b is shuffled itself",
        ),
        ({"a": {"union": ["b", "c"]}, "c": {}}, "networks: a: union: there is no b; expected a"),
        (
            {"a": {"mean": {"b": 1, "c": 1}}, "b": {"of": "c", "shuffle": "links"}, "c": {}},
            "networks: a: mean: b is shuffled itself",
        ),
        (
            {"a": {"union": ["b", "c"]}, "b": {"intersection": ["a", "c"]}, "c": {}},
            "networks: b: intersection: a → b → a is a circle",
        ),
        ({"a": {"union": ["a", "c"]}, "c": {}}, "networks: a: union: a → a is a circle"),
        (
            {"a": {"union": ["b", "c"], "mean": {"b": 1, "c": 1}}, "b": {}, "c": {}},
            "networks: a: it has `union:` and `mean:`; expected one of them",
        ),
    ],
)
def test_networks_that_cannot_be(networks: dict[str, Any], words: str) -> None:
    assert words in refused(networks=networks)


@pytest.mark.parametrize(
    ("networks", "words"),
    [
        ({"a": {"edges": "r.tsv", "species": 9606}}, "networks: a: species: there is no such key"),
        ({"a": {"union": ["b"]}, "b": {}}, "networks: a: union: ['b']; expected at least 2"),
        ({"a": {"like": "b", "wieght": "w"}, "b": REGULONS}, "Did you mean `weight:`?"),
        ({"a": {"channels": ["text"]}}, "networks: a: channels: 0: 'text'; expected `neighb"),
        ({"a": {"like": "b"}, "c": {}}, "networks: a: like: there is no b"),
        ({"a": {"mean": {"b": 0, "c": 1}}, "b": {}, "c": {}}, "networks: a: mean: b: 0; expected"),
    ],
)
def test_keys_of_each_kind_of_network(networks: dict[str, Any], words: str) -> None:
    pytest.importorskip("jsonschema")
    check_schema({**SHORT, "networks": KINDS}, SCHEMA)
    with pytest.raises(ConfigError) as error:
        check_schema({**SHORT, "networks": networks}, SCHEMA)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"name": "old", "symbol": "new"}, "names: `name:` without `table:`"),
        ({"table": "n.csv", "symbol": "new"}, "names: `symbol:` without `name:`"),
    ],
)
def test_columns_of_no_table_of_names(names: dict[str, Any], words: str) -> None:
    assert words in refused(names=names)


# ---- Which files and settings an experiment has ---------------------------------------------


def test_an_experiment_without_a_network_needs_none() -> None:
    many = plan(experiments={"constant": {"models": ["mean", "median"]}})
    assert many.input_files("constant") == []
    assert many.network_summary("constant") == []
    member = many.settings("constant")["members"]["constant"]
    assert member["kernels"] is None
    assert "network" not in member
    assert "diffusion" not in member


def test_settings_hold_what_models_read_and_no_more() -> None:
    many = plan(experiments={"a": {"models": ["nearest"]}, "b": {"models": ["ridge"]}})
    member = many.settings("a")["members"]["a"]
    assert member["features"] == {"transform": "log"}
    assert member["inner_crossval"] == {"folds": 10}
    assert not {"echo", "regression", "response", "blend"} & member.keys()
    member = many.settings("b")["members"]["b"]
    assert member["features_file"] == "b/features.npz"
    assert "inner_crossval" not in member
    assert many.settings("b")["inner"] is False


def test_members_of_an_ensemble_have_inner_folds() -> None:
    many = plan(
        experiments={
            "a": {"models": ["mean"]},
            "b": {"models": ["ridge"]},
            "both": {"members": ["a", "b"]},
        }
    )
    members = many.settings("both")["members"]
    assert list(members) == ["a", "b"]
    assert all(member["inner_crossval"] == {"folds": 10} for member in members.values())


def test_where_files_lie_is_no_setting(tmp_path: Path) -> None:
    links = str(tmp_path / "links.txt.gz")
    many = plan(networks={"string": {"links": links}})
    assert links not in json.dumps(many.settings("echo"))
    assert many.networks["string"].string_source("links") == links
    assert many.networks["string"].string_source("info") == (
        "https://stringdb-downloads.org/download/protein.info.v12.0/9606.protein.info.v12.0.txt.gz"
    )


def test_the_comparison_lists_baselines_then_experiments_then_published_ones() -> None:
    found = Plan(EXAMPLE, SCHEMA).comparison()["experiments"]
    assert [each["name"] for each in found] == [
        *("zero", "mean", "median", "weighted_median", "reweighted_median", "blend", "nearest"),
        *("bilinear", "published_held_out", "echo", "echo_base", "echo_rewired", "echo_permuted"),
        "published",
    ]
    assert found[0] == {"name": "zero", "kind": "baseline", "protocol": "held_out", "parts": 1}


def test_an_experiment_of_five_thousand_parts() -> None:
    many = plan(experiments={"a": {"models": ["mean"], "crossval": {"parts": 5000}}})
    assert len(paths.part_files(many.everything["a"])) == 5000
    assert many.settings("a")["crossval"] == {"folds": None, "parts": 5000}


# ---- Sweeps ---------------------------------------------------------------------------------


def test_a_sweep_of_512_runs(tmp_path: Path) -> None:
    grid = {
        "diffusion.alphas": [[a / 10] for a in range(1, 9)],
        "echo.penalties": [[float(p)] for p in range(1, 9)],
        "echo.blends": [[b / 8] for b in range(1, 9)],
    }
    many = plan(sweeps={"wide": {"experiment": "echo", "grid": grid}})
    assert len(many.runs) == 512
    runs = many.sweep("wide")["runs"]
    assert runs[0]["name"] == "wide.0"
    assert runs[0]["varied"] == {
        "diffusion.alphas": [0.1],
        "echo.penalties": [1.0],
        "echo.blends": [0.125],
    }
    assert many.runs["wide.511"].sections["echo"]["penalties"] == [8.0]
    assert many.settings("wide.3")["inner"] is True
    records = json.loads(many.write(tmp_path).read_text("utf-8"))
    assert len(records["sweeps/wide.json"]["runs"]) == 512


def test_a_sweep_over_networks_and_models() -> None:
    grid = {"network": ["string", "strict"], "models": [["echo"], ["nearest"]]}
    many = plan(networks=NETWORKS, sweeps={"s": {"experiment": "echo", "grid": grid}})
    assert [(run.network, run.models) for run in many.runs.values()] == [
        ("string", ("echo",)),
        ("string", ("nearest",)),
        ("strict", ("echo",)),
        ("strict", ("nearest",)),
    ]


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        ({"experiment": "none", "grid": {"echo.blends": [[1]]}}, "sweeps: s: experiment: none"),
        ({"experiment": "echo", "grid": {"network.self_loop": [1]}}, "grid: network.self_loop"),
    ],
)
def test_a_sweep_that_cannot_be(sweep: dict[str, Any], words: str) -> None:
    assert words in refused(sweeps={"s": sweep})


def test_a_sweep_of_a_published_experiment_is_refused() -> None:
    experiments = {"p": {"models": ["ridge"], "protocol": "published"}}
    sweep = {"experiment": "p", "grid": {"diffusion.alphas": [[0.5]]}}
    assert "sweeps: s: experiment: p" in refused(experiments=experiments, sweeps={"s": sweep})


# ---- The file of records --------------------------------------------------------------------


def test_the_plan_is_written_once_and_named_by_what_it_holds(tmp_path: Path) -> None:
    one, same, other = (
        each.write(tmp_path) for each in (plan(), plan(), plan(echo={"kernels": []}))
    )
    assert one == same != other
    assert len(list(tmp_path.iterdir())) == 2
    records = json.loads(one.read_text("utf-8"))
    assert records["echo/settings.json"] == plan().settings("echo")


# ---- Checks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            {"string": {"version": "11.5"}},
            "string: this key is no longer used; expected `net",
        ),
        ({"network": {"self_loop": 1}}, "network: this key is no longer used; expected `net"),
        ({"diffusion": {"shuffle": "links"}}, "diffusion: shuffle: this key is no longer used"),
        ({"echo": {"inner_folds": 3}}, "expected `inner_crossval: {folds: …}`"),
        (
            {"experiments": {"e": {"network": {"score_threshold": 0.7}}}},
            "experiments: e: network: this key is no longer used",
        ),
        (
            {"experiments": {"e": {"diffusion": {"shuffle": "links"}}}},
            "experiments: e: diffusion: shuffle: this key is no longer used",
        ),
    ],
)
def test_an_old_key_is_answered_with_the_new_one(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as error:
        checks.check_renamed(config)
    assert words in str(error.value)


def test_the_name_of_a_network_is_no_old_key() -> None:
    checks.check_renamed({"experiments": {"e": {"network": "string"}, "none": None}})


def test_the_example_among_files_of_ones_own_is_refused() -> None:
    config = overlay(EXAMPLE, {"dataset": {"means": "mine.csv"}})
    with pytest.raises(ConfigError, match=r"dataset: truth.*dataset: means"):
        Plan(config, SCHEMA)


def test_missing_files_are_named_with_their_key(tmp_path: Path) -> None:
    text = ""
    with pytest.raises(ConfigError) as error:
        plan(dataset={"source": "a shelf"}).local_files()
    text = str(error.value)
    assert "dataset: means: means.csv: there is no such file" in text
    assert "a shelf" in text
    means = tmp_path / "means.csv"
    means.touch()
    files = plan(dataset={"means": str(means)}).local_files()
    assert files["dataset: means"] == [str(means)]
    assert files["dataset: truth"] == files["networks: string: links"] == []


def test_what_is_no_local_file_is_refused() -> None:
    with pytest.raises(ConfigError, match="names no local file"):
        plan(dataset={"means": "https://example.org/means.csv"}).local_files()
    url = "https://example.org/links.txt.gz"
    files = plan(networks={"string": {"links": url}}).local_files(stored=True)
    assert files["networks: string: links"] == []
    with pytest.raises(ConfigError, match=r"networks: a: edges: http.* names no local file"):
        plan(networks={"a": REGULONS | {"edges": url}}).local_files(stored=True)


def test_a_file_url_is_a_local_file(tmp_path: Path) -> None:
    path = tmp_path / "the means.csv"
    path.touch()
    assert plan(dataset={"means": path.as_uri()}).local_files()["dataset: means"] == [str(path)]


# ---- Light, and the same everywhere ----------------------------------------------------------


def test_the_plan_imports_no_numpy() -> None:
    code = (
        "import sys; import echoes.plan.plan, echoes.plan.document, echoes.plan.imports; "
        "assert not {'numpy', 'pandas', 'scipy', 'snakemake'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT / "scripts")


def test_every_model_has_a_function_and_reads_what_there_is() -> None:
    for name, model in MODELS.items():
        module, _, function = model.function.partition(":")
        file = ROOT / "scripts" / f"{module.replace('.', '/')}.py"
        assert f"def {function}(" in file.read_text("utf-8"), name
        assert set(model.protocols) <= set(PROTOCOLS)
        for path in model.reads:
            section, _, key = path.partition(".")
            assert section in SECTIONS
            assert not key or key in defaults(SCHEMA, SCHEMA)[section]


def test_folds_are_counted() -> None:
    assert count_folds(["fold\tpert_symbol\n", "0\tA\n", "1\tB\n"]) == 2
    assert count_folds(["fold\tpert_symbol\n"]) == 0


# ---- The data set ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dataset", "place", "problem"),
    [
        ({"means": None}, "dataset: it has no table", "one of means, deltas, effects and h5ad"),
        ({"deltas": "d.csv"}, "dataset: it has means and deltas", "one of means"),
        (
            {"preset": "deseq2"},
            "dataset: preset: this is a setting for a table of effects",
            "means",
        ),
        (
            {"means": None, "effects": "e.csv", "truth": "t.csv"},
            "dataset: truth: this is a setting for a table of means or deltas",
            "effects",
        ),
        (
            {"control_expression": "c.csv"},
            "dataset: control_expression: this is a setting for a table of deltas or effects",
            "means",
        ),
        (
            {"cells": {"batch": "b"}},
            "dataset: cells: this is a setting for a table of h5ad",
            "means",
        ),
        (
            {"means": None, "h5ad": "x.h5ad", "standard_error": 0.1},
            "dataset: standard_error: this is a setting for a table of means or deltas or effects",
            "h5ad",
        ),
        (
            {"means": None, "h5ad": "x.h5ad"},
            "dataset: cells: it does not say which column has the perturbation",
            "`layout:` or `perturbation:`",
        ),
        ({"scale": "counts"}, "dataset: scale: counts in a table of means", "log2, ln or log10"),
        (
            {"truth": "t.csv", "standard_error": 0.1},
            "dataset: standard_error: the table of truth has weights of its own",
            "one of truth and standard_error",
        ),
        (
            {"guides": {"separator": "_", "table": "g.csv"}},
            "dataset: guides: it has separator and table",
            "one of separator, pattern and table",
        ),
        *(
            (
                {"guides": {"pattern": pattern}},
                f"dataset: guides: pattern: {problem}",
                "(?P<gene>…)",
            )
            for pattern, problem in {
                "(?P<gene>.+": "'(?P<gene>.+': this is no regular expression (missing )",
                "*": "'*': this is no regular expression (nothing to repeat at position 0)",
                "(?P<gene>a{99999999999})": "'(?P<gene>a{99999999999})': this is no regular",
                "(.+)_g[0-9]": "'(.+)_g[0-9]': it has no group named gene",
                "weissman_guides": "'weissman_guides': it has no group named gene",
            }.items()
        ),
    ],
)
def test_settings_that_do_not_fit_the_table(
    dataset: dict[str, Any], place: str, problem: str
) -> None:
    message = refused(dataset=dataset)
    assert place in message
    assert problem in message


@pytest.mark.parametrize(
    ("dataset", "control"),
    [
        ({}, ["non-targeting"]),
        ({"control": "ctrl"}, ["ctrl"]),
        ({"control": ["a", "b*"]}, ["a", "b*"]),
        ({"means": None, "deltas": "d.csv"}, []),
        ({"means": None, "effects": "e.csv", "control": "ctrl"}, ["ctrl"]),
        ({"means": None, "h5ad": "x", "cells": {"layout": "scperturb"}}, []),
        ({"means": None, "h5ad": "x", "cells": {"perturbation": "gene"}}, ["non-targeting"]),
    ],
)
def test_the_controls_of_a_table(dataset: dict[str, Any], control: list[str]) -> None:
    assert plan(dataset=dataset).settings("perturbations")["control"] == control


def test_upper_bounds_are_made_where_there_may_be_replicates() -> None:
    file = "<results>/<dataset>/upper_bound.csv"
    assert plan().bound_files == []
    assert file not in plan().shared_files()
    cells = {"means": None, "h5ad": "x", "cells": {"layout": "gears"}}
    for dataset in ({"guides": {"separator": "_"}}, {"guides": {"table": "g.csv"}}, cells):
        assert plan(dataset=dataset).bound_files == [file]
        assert file in plan(dataset=dataset).shared_files()


def test_cells_have_files_of_their_own() -> None:
    assert plan().cell_files("cells.npz") == []
    cells = plan(dataset={"means": None, "h5ad": "x", "cells": {"layout": "gears"}})
    assert cells.cell_files("cells.npz") == ["<results>/<dataset>/perturbations/cells.npz"]
    settings = cells.settings("perturbations")
    assert (settings["scale"], settings["cells"]["most_genes"]) == ("counts", 5000)
    assert "cells" not in plan().settings("perturbations")
    assert plan().settings("perturbations")["scale"] == "log2"


def test_settings_of_the_data_set_have_no_paths() -> None:
    made = plan(dataset={"truth": "t.csv", "guides": {"table": "g.csv"}})
    assert ".csv" not in json.dumps(made.settings("perturbations"))


def test_a_column_of_splits_gives_perturbations_to_predict() -> None:
    effects = {"means": None, "effects": "e.csv"}
    assert not plan(dataset=effects).has_validation
    assert plan(dataset=effects | {"columns": {"split": "split"}}).has_validation
    assert plan(dataset={"validation": "v.csv"}).has_validation


@pytest.mark.parametrize(
    ("validation", "table", "genes"),
    [("v.csv", "v.csv", []), ({"genes": ["A", "B"]}, None, ["A", "B"]), ("all", None, [])],
)
def test_what_is_asked_for(validation: Any, table: str | None, genes: list[str]) -> None:
    made = plan(dataset={"validation": validation})
    dataset = made.config["dataset"]
    assert (asked.table(dataset), asked.genes(dataset)) == (table, genes)
    assert made.has_validation == (validation != "all")
    assert made.settings("perturbations").get("validation_genes", []) == genes
    files = [path.rpartition("/")[2] for path in final_files(made) if "/echo/" in path]
    assert ("submission.csv" in files) == (table is not None)
    assert ("gene_predictions.parquet" in files) == (table is None)


@pytest.mark.parametrize(
    "changes",
    [
        {"protocol": "published", "models": ["ridge"]},
        {"models": ["ridge"]},
        {"models": ["mean"]},
        {"network": "rewired"},
        {"sources": ["rewired"]},
    ],
)
def test_experiments_that_cannot_predict_every_gene(changes: dict[str, Any]) -> None:
    one = {"models": ["echo"], **changes}
    with pytest.raises(ConfigError, match="none of echo can predict every gene"):
        plan(
            dataset={"validation": "all"},
            networks={"string": {}, "rewired": {"of": "string", "shuffle": "links"}},
            experiments={"echo": one},
        )


# ---- Exports --------------------------------------------------------------------------------


def test_without_the_key_no_predictions_are_exported() -> None:
    assert plan().config["export"] == []
    echo = plan().experiments["echo"]
    files = paths.result_files(echo, validation=True)
    assert not [file for file in files if file.endswith((".h5ad", "predictions.parquet"))]


@pytest.mark.parametrize(
    ("formats", "validation", "expected"),
    [
        ([], True, {}),
        (["parquet"], False, {"oof": "oof_predictions.parquet"}),
        (
            ["effects", "parquet"],
            True,
            {
                "oof": "oof_predictions.parquet",
                "validation": "validation_predictions.parquet",
                "effects": "effects.parquet",
            },
        ),
        (["h5ad"], True, {"h5ad": "predictions.h5ad"}),
    ],
)
def test_the_chosen_formats_give_the_files(
    formats: list[str], validation: bool, expected: dict[str, str]
) -> None:
    files = paths.export_files("echo", formats, validation=validation)
    assert files == {name: f"<results>/<dataset>/echo/{file}" for name, file in expected.items()}
    echo = plan().experiments["echo"]
    results = paths.result_files(echo, validation=validation, export=formats)
    assert results == [*paths.result_files(echo, validation=validation), *files.values()]


def test_a_published_experiment_has_no_parts() -> None:
    published = {"protocol": "published", "models": ["ridge"]}
    made = plan(
        dataset={"validation": "v.csv"},
        experiments={"a": published, "b": {"like": "a", "protocol": "held_out"}},
    )
    assert paths.part_files(made.experiments["a"]) == made.validation_file("a") == []
    assert len(paths.part_files(made.experiments["b"])) == 4
    assert len(made.validation_file("b")) == 1


# ---- Gaps and splits ------------------------------------------------------------------------


def test_models_that_cannot_learn_from_gaps_are_refused() -> None:
    gaps = {"name": "own", "means": "means.csv", "incomplete_genes": "keep"}
    kept = plan(dataset=gaps)
    assert list(kept.baselines) == [name for name in plan().baselines if name != "bilinear"]
    assert kept.settings("perturbations")["incomplete_genes"] == "keep"
    message = refused(dataset=gaps, experiments={"one": {"models": ["ridge"]}})
    assert message.startswith("configuration: experiments: one: models: ridge cannot learn from")
    assert "echo" in message
    message = refused(dataset=gaps, baselines=["mean", "bilinear"])
    assert message.startswith("configuration: baselines: bilinear cannot learn from")
    drop = {**gaps, "incomplete_genes": "drop"}
    assert "bilinear" in plan(dataset=drop).baselines


#: A table with a split.
SPLIT: dict[str, Any] = {
    "dataset": {"name": "qa", "effects": "qa.csv", "columns": {"split": "split"}},
    "crossval": {"scheme": "split"},
}


def test_a_split_is_one_fold_of_one_part() -> None:
    made = Plan(SPLIT, SCHEMA)
    assert not made.has_validation
    assert made.settings("perturbations")["hold_out_test"] is True
    for name in ("echo", "nearest"):
        settings = made.settings(name)
        assert settings["split"] is True
        assert settings["crossval"] == {"folds": None, "parts": 1}
    assert all(each["split"] for each in made.comparison()["experiments"])
    folds = Plan({**SPLIT, "crossval": {"scheme": "k_fold"}}, SCHEMA)
    assert folds.has_validation
    assert "hold_out_test" not in folds.settings("perturbations")
    assert "split" not in folds.settings("echo")
    assert not any("split" in each for each in folds.comparison()["experiments"])


def test_a_split_is_of_all_experiments_and_needs_a_column() -> None:
    with pytest.raises(ConfigError, match="split in two, but not in zero"):
        Plan(
            {**SPLIT, "crossval": {}}
            | {"experiments": {"two": {"models": ["mean"], "crossval": {"scheme": "split"}}}},
            SCHEMA,
        )
    assert "split, but no column says" in refused(crossval={"scheme": "split"})


def checked(config: dict[str, Any]) -> Plan:
    """Check a configuration by the schema, then plan it."""
    check_schema(config, SCHEMA)
    return Plan(config, SCHEMA)


@pytest.mark.parametrize("folder", ["<results>/simulated", "results/simulated"])
def test_a_file_of_the_example_alone_is_refused(folder: str) -> None:
    text = refused(dataset={"means": f"{folder}/training_data_means.csv"})
    assert "is a file of the embedded example" in text
    assert "simulate_example.py --folder data" in text


@pytest.mark.parametrize(
    ("changes", "meant"),
    [
        ({"dataset": {"mean": "x"}}, "`means:`"),
        ({"networks": {"string": {"score_treshold": 0.5}}}, "`score_threshold:`"),
        ({"networks": {"x": {"like": "sting"}}}, "string"),
        ({"networks": {"x": {"of": "strng", "shuffle": "links"}}}, "string"),
        ({"networks": {"x": {"union": ["string", "sting"]}}}, "string"),
        ({"experiments": {"x": {"like": "ech"}, "echo": {"models": ["echo"]}}}, "echo"),
        ({"experiments": {"x": {"models": ["Echo"]}}}, "echo"),
        ({"experiments": {"x": {"models": ["echo"], "network": "String"}}}, "string"),
        (
            {"experiments": {"x": {"members": ["eco", "echo"]}, "echo": {"models": ["echo"]}}},
            "echo",
        ),
        ({"experiments": {"x": {"models": ["echo"], "sources": ["cels"]}}}, "cells"),
        ({"crossval": {"scheme": "unseen", "prior": "cels"}}, "cells"),
        ({"crossval": {"scheme": "kfold"}}, "k_fold"),
        ({"baselines": ["means"]}, "mean"),
        ({"echo": {"objective": "scores"}}, "score"),
        ({"sweeps": {"s": {"experiment": "ecko", "grid": {"models": [["mean"]]}}}}, "echo"),
        ({"sweeps": {"s": {"experiment": "echo", "grid": {"eco.blends": [[1]]}}}}, "echo"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(changes: dict[str, Any], meant: str) -> None:
    base = {
        **SHORT,
        "networks": {"string": {"score_threshold": 0.5}},
        "priors": {"cells": {"deltas": "a.csv"}},
        "experiments": {"echo": {"models": ["echo"]}},
    }
    with pytest.raises(ConfigError, match=f" Did you mean {meant}\\?$"):
        checked(overlay(base, changes))


def test_no_name_is_guessed_where_none_is_alike() -> None:
    assert refused(baselines=["qqq"]).endswith("Correct the name.")
