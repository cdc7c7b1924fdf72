"""The configuration, its schema, its documentation and the environment say the same."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import starts
from echoes.models.catalogue import MODELS
from echoes.plan.checks import local_file
from echoes.plan.plan import Plan
from echoes.plan.settings import ConfigError, overlay
from echoes.plan.validation import check_schema

ROOT = Path(__file__).resolve().parents[2]
SCHEMA_FILE = ROOT / "workflow/schemas/config.schema.yaml"
OTHERS = [*sorted((ROOT / "config").glob("*.yaml")), ROOT / "tests/workflow/knockout.yaml"]

Node = dict[str, Any]
Path_ = tuple[str, ...]


def load(path: Path) -> Node:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


SCHEMA = load(SCHEMA_FILE)
CONFIG = load(ROOT / "config.yaml")


def resolved(node: Node) -> Node:
    """Put what a node refers to into the node."""
    result: Node = {}
    references = [part for part in [node, *node.get("allOf", [])] if "$ref" in part]
    for reference in references:
        keys = reference["$ref"].removeprefix("#/").split("/")
        result |= resolved(reduce(lambda part, key: part[key], keys, SCHEMA))
    return result | node


def schema_keys(node: Node, path: Path_ = ()) -> Iterator[tuple[Path_, Node]]:
    """Walk over all keys that a schema allows; `*` stands for a free name."""
    node = resolved(node)
    for key, value in node.get("properties", {}).items():
        yield (*path, key), resolved(value)
        yield from schema_keys(value, (*path, key))
    if inner := node.get("additionalProperties"):
        for part in branches(inner):
            yield from schema_keys(part, (*path, "*"))


def branches(node: Node) -> Iterator[Node]:
    """Give a schema and all that it may lead to by `then` and `else`."""
    node = resolved(node)
    yield node
    for key in ("then", "else"):
        if key in node:
            yield from branches(node[key])


def config_keys(node: Node, path: Path_ = ()) -> Iterator[Path_]:
    """Walk over all keys of a config, with `*` for the name of an experiment."""
    for key, value in node.items():
        name = "*" if path in (("experiments",), ("networks",)) else key
        if name != "*":
            yield (*path, name)
        if isinstance(value, dict):
            yield from config_keys(value, (*path, name))


ALLOWED = dict(schema_keys(SCHEMA))


def error_of(config: Node) -> str:
    with pytest.raises(ConfigError) as caught:
        check(config)
    return str(caught.value)


def check(config: Node) -> None:
    """Check a configuration as the workflow does."""
    check_schema(config, SCHEMA)
    plan = Plan(config, SCHEMA)
    check_schema({**config, "experiments": plan.run_settings}, SCHEMA)


@pytest.mark.parametrize("path", sorted(set(config_keys(CONFIG))), ids=".".join)
def test_a_key_of_the_config_is_in_the_schema(path: Path_) -> None:
    assert path in ALLOWED


@pytest.mark.parametrize("path", ALLOWED, ids=".".join)
def test_a_key_of_the_schema_is_described(path: Path_) -> None:
    assert ALLOWED[path].get("description", "").endswith(".")


def test_every_object_of_the_schema_refuses_unknown_keys() -> None:
    def walk(node: Any) -> Iterator[Node]:
        if isinstance(node, dict):
            if "properties" in node and "type" in node:
                yield node
            for value in node.values():
                yield from walk(value)

    for node in walk(SCHEMA):
        assert node.get("additionalProperties") is False, node


@pytest.mark.parametrize("path", [ROOT / "config.yaml", *OTHERS], ids=lambda path: path.name)
def test_a_config_is_valid(path: Path) -> None:
    check(load(path))


RIDGE = {"protocol": "published", "models": ["ridge"]}
MEMBERS = {"members": ["echo", "echo_base"]}
BAD = {
    "unknown section": ({"difusion": {}}, "difusion"),
    "unknown key": ({"diffusion": {"alpha": 0.5}}, "alpha"),
    "unknown key of an experiment": ({"experiments": {"a": RIDGE | {"alphas": [0.5]}}}, "alphas"),
    "number as text": (yaml.safe_load("diffusion: {tolerance: 1e-3}"), "tolerance"),
    "alpha of 0": ({"diffusion": {"alphas": [0]}}, "alphas"),
    "alpha of 1": ({"diffusion": {"alphas": [0.5, 1]}}, "alphas"),
    "alpha above 1": ({"diffusion": {"alphas": [1.5]}}, "alphas"),
    "alpha twice": ({"diffusion": {"alphas": [0.5, 0.50]}}, "alphas"),
    "no alpha": ({"diffusion": {"alphas": []}}, "alphas"),
    "alpha of an experiment": (
        {"experiments": {"published": {"diffusion": {"alphas": [1.0]}}}},
        "alphas",
    ),
    "experiment named by a path": ({"experiments": {"../x": RIDGE}}, "../x"),
    **{
        f"experiment named {name}": ({"experiments": {name: RIDGE}}, name)
        for name in ("networks", "perturbations", "sweeps", "simulated")
    },
    "experiment named by a blank at the end": ({"experiments": {"a ": RIDGE}}, "a "),
    "experiment with a hidden name": ({"experiments": {".a": RIDGE}}, ".a"),
    "experiment named by a wildcard": ({"experiments": {"{a}": RIDGE}}, "{a}"),
    "sweep with a reserved name": ({"sweeps": {"networks": None}}, "networks"),
    "unknown protocol": ({"experiments": {"a": RIDGE | {"protocol": "all"}}}, "all"),
    "published echo": ({"experiments": {"a": RIDGE | {"models": ["echo"]}}}, "echo"),
    "published ensemble": ({"experiments": {"a": RIDGE | MEMBERS}}, "a"),
    "ensemble of one": ({"experiments": {"a": {"members": ["b"]}}}, "members"),
    "ensemble of one twice": ({"experiments": {"a": MEMBERS | {"members": ["b"] * 2}}}, "members"),
    "ensemble with alphas": (
        {"experiments": {"a": MEMBERS | {"diffusion": {"alphas": [0.5]}}}},
        "diffusion",
    ),
    "ensemble with penalties": (
        {"experiments": {"a": MEMBERS | {"echo": {"penalties": [1]}}}},
        "echo",
    ),
    "ensemble with models": ({"experiments": {"a": MEMBERS | {"models": ["mean"]}}}, "a"),
    "neither models nor members": ({"experiments": {"a": {"protocol": "held_out"}}}, "a"),
    "network of an experiment by its settings": (
        {"experiments": {"published": {"network": {"self_loop": 0}}}},
        "network",
    ),
    "unknown network": ({"experiments": {"published": {"network": "none"}}}, "none"),
    "unknown shuffle": ({"networks": {"a": {"of": "string", "shuffle": "genes"}}}, "shuffle"),
    "shuffled without a base": ({"networks": {"a": {"shuffle": "links"}}}, "of"),
    "channel that STRING has not": ({"networks": {"a": {"channels": ["x"]}}}, "channels"),
    "list of links without a file": ({"networks": {"a": {"edges": None}}}, "edges"),
    "list of links with a negative scale": (
        {"networks": {"a": {"edges": "a.csv", "scale": -1}}},
        "scale",
    ),
    "column 0": ({"networks": {"a": {"edges": "a.csv", "source": 0}}}, "source"),
    "union of one": ({"networks": {"a": {"union": ["string"]}}}, "union"),
    "mean without weights": ({"networks": {"a": {"mean": ["string", "rewired"]}}}, "mean"),
    "names without a table": ({"names": {"name": "a", "symbol": "b"}}, "table"),
    "shuffled with settings": ({"networks": {"rewired": {"self_loop": 2}}}, "self_loop"),
    "unknown scale": ({"dataset": {"scale": "log1p"}}, "log1p"),
    "experiment named as a table": ({"experiments": {"comparison.csv": RIDGE}}, "comparison.csv"),
    "unknown transform": ({"features": {"transform": "square"}}, "square"),
    "blend above 1": ({"echo": {"blends": [0.5, 1.5]}}, "blends"),
    "no blend": ({"echo": {"blends": []}}, "blends"),
    "unknown kernel": ({"echo": {"kernels": ["graph"]}}, "graph"),
    "penalty of 0 of echo": ({"echo": {"penalties": [0]}}, "penalties"),
    "one inner fold of echo": ({"inner_crossval": {"folds": 1}}, "folds"),
    "no parts": ({"crossval": {"parts": 0}}, "parts"),
    "unknown baseline": ({"baselines": ["mode"]}, "mode"),
    "baseline twice": ({"baselines": ["mean", "mean"]}, "baselines"),
    "baselines left out": ({"baselines": None}, "baselines"),
    "sweep without a grid": ({"sweeps": {"a": {"experiment": "echo"}}}, "grid"),
    "sweep over nothing": ({"sweeps": {"a": {"experiment": "echo", "grid": {}}}}, "grid"),
    "sweep over no values": (
        {"sweeps": {"a": {"experiment": "echo", "grid": {"models": []}}}},
        "models",
    ),
    "sweep over what no experiment sets": (
        {"sweeps": {"a": {"experiment": "echo", "grid": {"diffusion.tolerance": [1]}}}},
        "tolerance",
    ),
    "backend of an experiment's diffusion": (
        {"experiments": {"published": {"diffusion": {"backend": "dense"}}}},
        "backend",
    ),
    "seed of text": ({"seed": "x"}, "seed"),
    "seed below 0": ({"seed": -1}, "seed"),
    "seed of 5.0": ({"seed": 5.0}, "seed"),
    "folds of 5.0": ({"inner_crossval": {"folds": 5.0}}, "folds"),
    "folds of an experiment of 5.0": (
        {"experiments": {"echo": {"inner_crossval": {"folds": 5.0}}}},
        "folds",
    ),
    "seed of yes": ({"seed": True}, "seed"),
    "a key that is a number": ({3: 4}, "3"),
    "data set that is a path": ({"dataset": "data/means.csv"}, "dataset"),
    "data set named by a date": ({"dataset": {"name": date(2020, 1, 1)}}, "name"),
    "data set with a name of 300 letters": ({"dataset": {"name": "n" * 300}}, "name"),
    "experiment with a name of 300 letters": ({"experiments": {"e" * 300: RIDGE}}, "experiments"),
    "network with a name of 300 letters": ({"networks": {"n" * 300: {}}}, "networks"),
    "network that is a text": ({"networks": {"a": "string"}}, "a"),
    "prior of nothing": ({"priors": {"a": None}}, "a"),
    "experiments in a list": ({"experiments": ["echo"]}, "experiments"),
    "control that is a number": ({"dataset": {"control": 5}}, "control"),
    "gene to predict with a line break": (
        {"dataset": {"validation": {"genes": ["A\nB"]}}},
        "genes",
    ),
    "gene to predict with a space": ({"dataset": {"validation": {"genes": [" A"]}}}, "genes"),
    "guide pattern that is none": ({"dataset": {"guides": {"pattern": "(?P<gene>.+"}}}, "pattern"),
    "guide pattern of a prior": (
        {"priors": {"a": {"means": "a.csv", "guides": {"pattern": "a+"}}}},
        "pattern",
    ),
    "data set named by a path": ({"dataset": {"name": "../x"}}, "../x"),
    "unknown model": ({"experiments": {"published": {"models": ["lasso"]}}}, "lasso"),
    "model twice": ({"experiments": {"published": {"models": ["ridge"] * 2}}}, "models"),
    "no model": ({"experiments": {"published": {"models": []}}}, "models"),
    "folder with a wildcard": ({"pathvars": {"logs": "{x}"}}, "logs"),
    "threshold above 1": ({"networks": {"string": {"score_threshold": 2}}}, "score_threshold"),
    "negative padding": ({"submission": {"padding": -1}}, "padding"),
    "padding of a half": ({"submission": {"padding": 0.5}}, "padding"),
    "version as a number": ({"networks": {"string": {"version": 11.5}}}, "version"),
    "checksum cut short": ({"networks": {"string": {"checksums": {"links": "abc"}}}}, "links"),
    "no means": ({"dataset": {"means": None}}, "means"),
    "penalty of 0": ({"regression": {"penalties": [0, 1]}}, "penalties"),
    "one inner fold": ({"regression": {"inner_folds": 1}}, "inner_folds"),
    "no components": ({"response": {"n_components": 0}}, "n_components"),
    "percentile above 100": ({"features": {"variance_percentile": 101}}, "variance_percentile"),
}


@pytest.mark.parametrize(("changes", "name"), BAD.values(), ids=BAD)
def test_a_bad_config_is_refused_by_name(changes: Node, name: str) -> None:
    message = error_of(overlay(CONFIG, changes))
    assert re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", message), message
    assert message.startswith("configuration: ")
    assert "; expected " in message
    assert "\n" not in message.replace("\\n", "")


#: Values of a path, and what is said of each.
PATHS = {
    "data/{x}.csv": "data/{x}.csv has braces or angle brackets",
    "data/<x>.csv": "data/<x>.csv has braces or angle brackets",
    "<x>/a.csv": "<x>/a.csv has braces or angle brackets",
    "http://[::1": "'http://[::1'; expected a path, or a URL with a server",
    "http://:80/a.csv": "'http://:80/a.csv'; expected a path, or a URL with a server",
    "https://example.org:99999/a": "'https://example.org:99999/a'; expected a path, or a URL",
    "a\0.csv": r"'a\x00.csv'; expected a path, or a URL",
    "a\nb.csv": r"'a\nb.csv'; expected a path, or a URL",
    "a" * 300 + ".csv": ".csv: there is no such file",
    ".": ".: there is no such file",
    "s3://a/b.csv": "s3://a/b.csv names no local file",
}


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
def test_a_bad_path_is_refused(path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        local_file(path, "dataset: means", remedy="Correct the path.")
    message = str(caught.value)
    assert message.startswith("configuration: dataset: means: ")
    assert PATHS[path] in message
    assert len(message) < 2000


GOOD = {
    "names that only begin like a reserved one": {
        "experiments": {"network": RIDGE, "sweeps_2": RIDGE, "a b'c": RIDGE}
    },
    "base alone": {"experiments": {"echo": {"echo": {"kernels": []}}}},
    "ensemble in three parts": {"experiments": {"a": MEMBERS | {"crossval": {"parts": 3}}}},
    "no baselines": {"baselines": []},
    "every model as a baseline": {
        "baselines": [*MODELS],
        "experiments": {**dict.fromkeys(CONFIG["experiments"]), "a": RIDGE},
    },
    "sweep": {"sweeps": {"a": {"experiment": "echo", "grid": {"echo.kernels": [[], ["both"]]}}}},
    "sweep left out": {"sweeps": {"a": None}},
}


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD)
def test_a_good_config_is_taken(changes: Node) -> None:
    check(overlay(CONFIG, changes))


def test_no_experiments_are_refused() -> None:
    assert "experiments: there is none" in error_of(CONFIG | {"experiments": {}})


def test_no_dataset_is_refused_by_name() -> None:
    assert "`dataset:` is missing" in error_of({"seed": 1})


def test_snakemake_shows_the_error(pristine: Any, tmp_path: Path) -> None:
    work = pristine.copy(tmp_path / "main")
    work.change(networks={"string": {"score_threshold": 2}})
    text = work.snakemake("--dry-run", fails=True).text
    assert "networks: string: score_threshold: 2; expected number, at least 0, at most 1" in text
    assert "Traceback" not in text


def test_snakemake_shows_a_key_that_is_there_twice(pristine: Any, tmp_path: Path) -> None:
    work = pristine.copy(tmp_path / "main")
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    (work.path / "config.yaml").write_text(f"{text}\nsweeps: {{}}\n", encoding="utf-8")
    text = work.snakemake("--dry-run", fails=True).text
    assert "config.yaml: sweeps: lines " in text
    assert "Traceback" not in text


#: Files that are no configuration, and what Snakemake says, which reads them before the workflow.
NO_CONFIG = {
    "latin-1": ("dataset: {name: für}".encode("latin-1"), "UnicodeDecodeError: 'utf-8' codec"),
    "UTF-16": ("dataset: {name: a}".encode("utf-16"), "UnicodeDecodeError: 'utf-8' codec"),
    "empty": (b"", "Config file must be given as JSON or YAML with keys at top level"),
    "a list": (b"- dataset", "Config file must be given as JSON or YAML with keys at top level"),
    "cut short": (b"dataset: {name: a", "Config file is not valid JSON or YAML"),
    "an object of Python": (
        b"seed: !!python/object/apply:os.mkdir [made]",
        "Config file is not valid JSON or YAML",
    ),
}


def test_a_file_that_is_no_configuration(pristine: Any, tmp_path: Path) -> None:
    work = pristine.copy(tmp_path / "main")
    for content, message in NO_CONFIG.values():
        (work.path / "bad.yaml").write_bytes(content)
        before = set(work.path.iterdir())
        status, text = starts.snakemake(["--cores=1", "--configfile=bad.yaml"], work.path, 100)
        assert status == 1
        assert message in text
        assert set(work.path.iterdir()) <= before | {work.path / ".snakemake"}


def test_every_rule_of_the_cluster_profile_is_one_of_the_workflow() -> None:
    profile = load(ROOT / "profiles/slurm/profile.yaml")
    paths = (ROOT / "workflow/rules").glob("*.smk")
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    named = {*profile["set-resources"], *profile["slurm-array-jobs"].split(",")}
    assert named <= set(re.findall(r"^(?:rule|checkpoint) (\w+):$", text, re.MULTILINE))


#: Locks that are installed into one environment.
TOGETHER = [
    ("requirements.lock", "requirements-browser.lock"),
    ("requirements.lock", "requirements-cluster.lock"),
    ("requirements.lock", "requirements-fuzz.lock"),
    ("requirements-docs.lock",),
    ("requirements-scverse.lock",),
]
LOCKS = sorted(path.name for path in ROOT.glob("*.lock"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def locked(*names: str) -> dict[str, Requirement]:
    """Read locks that are installed together: packages, as far as they hold for Python 3.11."""
    here = {
        "python_version": "3.11",
        "python_full_version": "3.11.9",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
    }
    packages: dict[str, Requirement] = {}
    for name in names:
        text = (ROOT / name).read_text(encoding="utf-8")
        for line in text.replace("\\\n", " ").splitlines():
            requirement = Requirement(line.partition("--hash=")[0].strip())
            if requirement.marker is None or requirement.marker.evaluate(here):
                package = canonicalize_name(requirement.name)
                other = packages.setdefault(package, requirement)
                assert other.specifier == requirement.specifier, f"two versions of {package}"
    return packages


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_exact_versions_and_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links", text)
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert blocks
    for block in blocks:
        assert re.match(r"[\w.\[\]-]+==[^ ;*]+( ; [^\n]+)? \\\n", block), block[:80]
        assert re.search(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$", block, re.MULTILINE), block[:80]
        assert len(set(re.findall("sha256:.{64}", block))) == block.count("--hash=")


@pytest.mark.parametrize("names", TOGETHER, ids=" ".join)
def test_locks_of_one_environment_have_one_version_of_each_package(names: tuple[str, ...]) -> None:
    assert locked(*names)


def test_each_group_of_the_project_has_a_lock_that_fits() -> None:
    groups = PROJECT["dependency-groups"]
    wanted = {f"requirements-{name}.lock": each for name, each in groups.items() if name != "dev"}
    wanted["requirements.lock"] = [*PROJECT["project"]["dependencies"], *groups["dev"]]
    assert sorted(wanted) == LOCKS == sorted({name for names in TOGETHER for name in names})
    for name, requirements in wanted.items():
        packages = locked(name)
        for text in requirements:
            needed = Requirement(text)
            (version,) = packages[canonicalize_name(needed.name)].specifier
            assert needed.specifier.contains(version.version), (name, text)


def test_what_the_benchmark_adds_has_exact_versions() -> None:
    lines = (ROOT / "benchmark/requirements.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"#.*|[\w-]+==[0-9][\w.]*", line) for line in lines)


def test_the_environment_has_the_versions_of_the_lock() -> None:
    environment = load(ROOT / "envs/echoes.yaml")
    packages = locked("requirements.lock")
    pins = dict(re.split(r" =", pin) for pin in environment["dependencies"])
    assert pins.pop("python") == "3.11"
    # conda-forge splits matplotlib; the base has what draws to files.
    pins["matplotlib"] = pins.pop("matplotlib-base")
    for name, version in pins.items():
        locked_version = str(packages[name].specifier).removeprefix("==")
        # A file that was packed anew for PyPI is no new version elsewhere.
        assert re.sub(r"[.]post\d+$", "", locked_version) == version, name


def test_the_environment_has_all_that_the_rules_need() -> None:
    dependencies = PROJECT["project"]["dependencies"]
    needed = {canonicalize_name(Requirement(text).name) for text in dependencies}
    pinned = {pin.split(" ")[0] for pin in load(ROOT / "envs/echoes.yaml")["dependencies"]}
    assert pinned - {"python", "matplotlib-base"} == needed - {"snakemake", "matplotlib"}
    assert needed <= locked("requirements.lock").keys()
