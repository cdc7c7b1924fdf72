"""Helpers of the rules: what an experiment's settings are, and which files a config names."""

import copy
import itertools
import json
import math
import os
import re
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from snakemake.exceptions import WorkflowError

# A rule's `python` is the one that runs Snakemake, unless an environment of the rule replaces it.
os.environ.update(
    PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
)

SCRIPTS = Path("scripts")
sys.path.insert(0, str(SCRIPTS.absolute()))

from echoes.plan.code import reached_modules


def locate(file):
    """Where a file of the scripts' folder is."""
    return SCRIPTS / file


EXAMPLE = "<results>/simulated/"

STRING_URL = (
    "https://stringdb-downloads.org/download/protein.{table}.v{version}/"
    "{species}.protein.{table}.v{version}.txt.gz"
)


wildcard_constraints:
    alpha=r"[0-9.e-]+",
    experiment=r"[A-Za-z0-9][\w.-]*",
    fold=r"\d+",
    part=r"\d+|validation",
    rewired="|_rewired",
    table="links|info",
    threshold=r"|_threshold~[0-9.e-]+",


SECTIONS = (
    *("network", "diffusion", "features", "response", "regression", "echo"),
    "crossval",
)


def settings(own):
    """An experiment's settings: the sections of the config, overlaid with its own."""
    return {**own, **{name: {**config[name], **own.get(name, {})} for name in SECTIONS}}


def grid(sweep, own):
    """The runs of a sweep by name: the settings of an experiment, and what each run varies."""
    base = config["experiments"].get(own["experiment"])
    if not base or base["protocol"] != "held_out" or "members" in base:
        raise WorkflowError(
            f"configuration: sweeps: {sweep}: experiment: {own['experiment']}; expected the name "
            "of an experiment with `protocol: held_out` and models of its own. Correct it, or add "
            "the experiment."
        )
    for number, values in enumerate(itertools.product(*own["grid"].values())):
        run = copy.deepcopy(base)
        for path, value in zip(own["grid"], values):
            section, _, key = path.rpartition(".")
            (run.setdefault(section, {}) if section else run)[key] = value
        yield f"{sweep}.{number}", {
            "run": run,
            "varied": dict(zip(own["grid"], values)),
        }


def is_held_out(name):
    """Tell whether an experiment, a baseline or a run of a sweep is held out."""
    return SETTINGS[name]["protocol"] == "held_out"


SWEEPS = {name: dict(grid(name, own)) for name, own in config["sweeps"].items() if own}
RUNS = {name: run["run"] for runs in SWEEPS.values() for name, run in runs.items()}
# What a grid makes has to be as valid as what the config says itself.
if RUNS:
    validate({**config, "experiments": RUNS}, "../schemas/config.schema.yaml")

EXPERIMENTS = {
    name: settings(own)
    for name, own in config["experiments"].items()
    if own is not None
}
BASELINES = {
    name: settings(
        {
            "protocol": "held_out",
            "models": [name],
            "features": {"transform": "log"},
            "crossval": {"parts": 1},
        }
    )
    for name in config["baselines"]
}
#: All that is computed, by the name of its folder.
SETTINGS = {
    **{name: settings(own) for name, own in RUNS.items()},
    **BASELINES,
    **EXPERIMENTS,
}
PUBLISHED = [name for name in EXPERIMENTS if not is_held_out(name)]
HELD_OUT = [name for name in SETTINGS if is_held_out(name)]
COMPARED = [name for name in HELD_OUT if name not in RUNS]

#: Models that learn from features; the others learn from kernels.
LINEAR = ["ridge", "elastic_net"]
#: The sections and keys of an experiment's settings that a model reads, where it reads some.
READS = {
    "blend": ["echo.blends", "echo.inner_folds"],
    "nearest": ["echo.inner_folds", "features.transform"],
    "bilinear": ["echo.inner_folds", "response"],
    "echo": ["echo", "features.transform"],
    "ridge": ["echo.inner_folds", "features", "regression", "response"],
    "elastic_net": ["echo.inner_folds", "features", "regression", "response"],
}


def experiment_files(name):
    """The files that an experiment makes for its reader."""
    files = ["oof_predictions.csv", "fold_scores.csv", "summary.json"]
    files += ["figure.png", "figure.pdf"]
    if is_held_out(name):
        files += ["calibration.csv", "uncertainty.parquet"]
    if config["dataset"]["validation"]:
        files += ["submission.csv"]
    return collect(
        "<results>/<dataset>/{experiment}/{file}", experiment=name, file=files
    )


def dataset_files():
    """The tables that compare what the data set was predicted with."""
    files = ["comparison.csv", "comparison.md", "differences.csv"]
    files += ["perturbation_scores.parquet", "gene_scores.parquet"]
    files += collect("sweeps/{sweep}.csv", sweep=SWEEPS)
    return collect("<results>/<dataset>/{file}", file=files)


def only(names):
    """A pattern that the given names match and no other."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


def optional(dpath, within):
    """A setting, or nothing at all where it is null."""
    find = lookup(dpath=dpath, within=within)

    def value(wildcards):
        setting = find(wildcards) if callable(find) else find
        return [] if setting is None else setting

    return value


def network_variant(name):
    """Which network an experiment is on, as its folder's name goes on after `network`."""
    own = SETTINGS[name]
    threshold = own["network"]["score_threshold"]
    here = config["network"]["score_threshold"]
    part = "" if threshold == here else f"_threshold~{threshold}"
    return part + ("_rewired" if own["diffusion"]["shuffle"] == "links" else "")


def score_threshold(wildcards):
    """Least confidence of a link of a network."""
    own = wildcards.threshold.removeprefix("_threshold~")
    return own or config["network"]["score_threshold"]


def adjacency_file(wildcards):
    """The adjacency matrix that an experiment is on."""
    return f"<results>/<dataset>/network{network_variant(experiment_of(wildcards))}/adjacency.npz"


def network_summary(wildcards):
    """The record of the network that an experiment is on, before any shuffling."""
    variant = network_variant(wildcards.experiment).removesuffix("_rewired")
    return f"<results>/<dataset>/network{variant}/summary.json"


def genes_file(wildcards):
    """The table of the genes of an experiment's network."""
    variant = network_variant(experiment_of(wildcards)).removesuffix("_rewired")
    return f"<results>/<dataset>/network{variant}/genes.tsv"


def diffusion_files(wildcards):
    """The diffusions that an experiment learns from, in its order."""
    name = experiment_of(wildcards)
    return collect(
        "<results>/<dataset>/diffusion{variant}/alpha~{alpha}.npz",
        variant=network_variant(name),
        alpha=SETTINGS[name]["diffusion"]["alphas"],
    )


def permuted(wildcards):
    """The seed to permute the silenced genes with, or nothing where they stay in their places."""
    own = SETTINGS[experiment_of(wildcards)]
    return config["seed"] if own["diffusion"]["shuffle"] == "labels" else []


def kernels_name(name):
    """What the kernels of an experiment are named: by all that they are made of."""
    own = SETTINGS[name]
    shuffled = "_permuted" if own["diffusion"]["shuffle"] == "labels" else ""
    alphas = "+".join(map(str, own["diffusion"]["alphas"]))
    transform = own["features"]["transform"]
    return f"{transform}{network_variant(name)}{shuffled}_alphas~{alphas}"


#: Kernels by name → an experiment that has them; experiments share what is the same.
KERNELS = {kernels_name(name): name for name in HELD_OUT}


def experiment_of(wildcards):
    """The experiment, or one of those whose kernels are made."""
    if hasattr(wildcards, "kernels"):
        return KERNELS[wildcards.kernels]
    return wildcards.experiment


def kernels_transform(wildcards):
    """The scale that kernels compare diffusions on."""
    return SETTINGS[KERNELS[wildcards.kernels]]["features"]["transform"]


def members(name):
    """The experiments that an ensemble averages, or the experiment itself."""
    if "members" not in SETTINGS[name]:
        return [name]
    for member in SETTINGS[name]["members"]:
        if member not in EXPERIMENTS or not is_held_out(member):
            problem = "no experiment that is held out"
        elif "members" in EXPERIMENTS[member]:
            problem = "an ensemble itself"
        else:
            continue
        raise WorkflowError(
            f"configuration: experiments: {name}: members: {member} is {problem}; expected "
            "experiments with `protocol: held_out` and models of their own. Correct the list."
        )
    return SETTINGS[name]["members"]


def member_kernels(wildcards):
    """The kernels of each member of an experiment."""
    return collect(
        "<results>/<dataset>/kernels/{kernels}.npz",
        kernels=[kernels_name(name) for name in members(wildcards.experiment)],
    )


def member_features(wildcards):
    """The features of those members of an experiment that use some."""
    return collect(
        "<results>/<dataset>/{experiment}/features.npz",
        experiment=[
            name
            for name in members(wildcards.experiment)
            if set(SETTINGS[name]["models"]) & set(LINEAR)
        ],
    )


def read_settings(name, *sections):
    """The settings in some sections that an experiment's models read."""
    own = SETTINGS[name]
    reads = {path for model in own["models"] for path in READS.get(model, [])}
    return {
        section: {
            key: value
            for key, value in own[section].items()
            if reads & {section, f"{section}.{key}"}
        }
        for section in sections
    }


def member_settings(wildcards):
    """What the models of an experiment's members read, as JSON."""
    own = {
        name: {
            "models": SETTINGS[name]["models"],
            **read_settings(name, "response", "regression", "echo"),
        }
        for name in members(wildcards.experiment)
    }
    return json.dumps(own)


def part_option(wildcards):
    """Which perturbations a job holds out."""
    if wildcards.part == "validation":
        return "--validation"
    own = SETTINGS[wildcards.experiment]["crossval"]
    option = f"--part {wildcards.part} --parts {len(parts(wildcards.experiment))}"
    return option + (f" --folds {own['folds']}" if own["scheme"] == "k_fold" else "")


def measured_option(wildcards):
    """Say that an experiment's truth is what was measured, where it is."""
    return "--measured" if is_held_out(wildcards.experiment) else ""


def inner_option(wildcards):
    """Ask every model of a sweep for its inner score."""
    return "--inner" if wildcards.experiment in RUNS else ""


def parts(name):
    """The parts that an experiment's folds are shared by: no more than there are folds."""
    own = SETTINGS[name]["crossval"]
    most = own["folds"] if own["scheme"] == "k_fold" else own["parts"]
    return range(min(own["parts"], most))


def part_files(name):
    """The parts that an experiment's out-of-fold predictions are made in."""
    return collect(
        "<results>/<dataset>/{experiment}/held_out/{part}.npz",
        experiment=name,
        part=parts(name),
    )


def experiment_parts(wildcards):
    """The parts of one experiment."""
    return part_files(wildcards.experiment)


def validation_file(wildcards):
    """The predictions of the validation genes, where there are some."""
    if not config["dataset"]["validation"]:
        return []
    return f"<results>/<dataset>/{wildcards.experiment}/held_out/validation.npz"


def compared_parts(wildcards):
    """The parts of all that is compared."""
    return [path for name in COMPARED for path in part_files(name)]


def compared(wildcards, input):
    """Kind and parts of all that is compared, as JSON."""
    paths = iter(input.parts)
    return json.dumps(
        {
            name: {
                "kind": "baseline" if name in BASELINES else "experiment",
                "parts": list(itertools.islice(paths, len(parts(name)))),
            }
            for name in COMPARED
        }
    )


def published_scores(wildcards):
    """The fold scores of the experiments that follow the published protocol."""
    return collect(
        "<results>/<dataset>/{experiment}/fold_scores.csv", experiment=PUBLISHED
    )


def published(wildcards, input):
    """The published experiments and their fold scores, as JSON."""
    return json.dumps(dict(zip(PUBLISHED, input.published)))


def sweep_parts(wildcards):
    """The parts of all runs of a sweep."""
    return [path for name in SWEEPS[wildcards.sweep] for path in part_files(name)]


def sweep_runs(wildcards, input):
    """What each run of a sweep varies, and its parts, as JSON."""
    paths = iter(input.parts)
    return json.dumps(
        {
            name: {
                "varied": run["varied"],
                "parts": list(itertools.islice(paths, len(parts(name)))),
            }
            for name, run in SWEEPS[wildcards.sweep].items()
        }
    )


def code(script):
    """The library modules that a script reaches: an edited one runs its rule again."""
    return [SCRIPTS / file for file in reached_modules(script, locate)]


def check_finite(value, place):
    """Refuse what no schema can: numbers that are none, and infinite ones."""
    if isinstance(value, dict):
        for key, inner in value.items():
            check_finite(inner, f"{place}{key}: ")
    elif isinstance(value, list):
        for inner in value:
            check_finite(inner, place)
    elif isinstance(value, float) and not math.isfinite(value):
        raise WorkflowError(f"configuration: {place}{value}; expected a finite number.")


def check_example():
    """Refuse a configuration that takes some of its files from the embedded example."""
    keys = [("dataset", key) for key in ("means", "truth", "validation")]
    keys += [("string", "links"), ("string", "info"), ("submission", "sample")]
    example, own = [], []
    for section, key in keys:
        path = config[section][key]
        if path and path.startswith(EXAMPLE):
            example.append(f"`{section}: {key}:`")
        elif path or section == "string":
            own.append(f"`{section}: {key}:`")
    if example and own:
        raise WorkflowError(
            f"configuration: {', '.join(example)} still name files of the embedded example, and "
            f"{', '.join(own)} do not; expected all of them or none. "
            "Name your own files, or set a key to null. config/own.yaml has all keys to set."
        )


def local_file(section, key):
    """The local file that a config key names, as a list that is empty where it names none."""
    path = config[section][key] or ""
    scheme = urlsplit(path).scheme
    if scheme in ("http", "https") and section == "string" or not path:
        return []
    if scheme == "file":
        path = unquote(urlsplit(path).path)
    elif scheme:
        raise WorkflowError(
            f"{path}: `{section}: {key}:` names no local file; expected the path of one. "
            "Download it and name its path."
        )
    # A file below <results> is made by a rule, and need not be there yet; one in an object store
    # is for Snakemake to look for.
    stored = workflow.storage_settings.default_storage_provider is not None
    if not path.startswith("<") and not stored and not Path(path).is_file():
        source = config["dataset"]["source"]
        if section == "string":
            remedy = f"Correct the path, or set `string: {key}: null` to fetch it from STRING."
        elif source:
            remedy = f"Get it from {source} and put it there."
        else:
            remedy = "Correct the path."
        raise WorkflowError(
            f"{path}: there is no such file; expected the one that `{section}: {key}:` names. "
            + remedy
        )
    return [path]


check_finite(config, "")
check_example()
if not EXPERIMENTS:
    raise WorkflowError(
        "configuration: experiments: there is none; expected one at least."
    )

# Looked for here, a missing file is told before anything runs and in one line.
STRING_FILES = {table: local_file("string", table) for table in ("links", "info")}


def string_file(wildcards):
    """A table of STRING that is a local file."""
    return STRING_FILES[wildcards.table]


def string_source(wildcards, input):
    """Where a table of STRING comes from: a local file or a URL."""
    if input.local:
        return str(input.local)
    named = config["string"][wildcards.table]
    return named or STRING_URL.format(table=wildcards.table, **config["string"])


def fold_files(wildcards):
    """The folds of an experiment, known once the perturbations have been read."""
    # Snakemake's own `open` fetches the file where it is in an object store.
    table = checkpoints.read_perturbations.get().output.folds
    with table.open(encoding="utf-8") as lines:
        folds = sum(1 for _ in lines) - 1
    return collect(
        "<results>/<dataset>/{experiment}/folds/{fold}.npz",
        experiment=wildcards.experiment,
        fold=range(folds),
    )


def fold_folder(wildcards, input):
    """The folder of an experiment's folds: thousands of paths would not fit a command line."""
    return str(Path(input.folds[0]).parent)


for name in EXPERIMENTS:
    if name in BASELINES or name in RUNS:
        raise WorkflowError(
            f"configuration: experiments: {name}; expected a name that no baseline and no run of "
            "a sweep has. Rename the experiment."
        )
    if is_held_out(name):
        members(name)


def used_settings(name):
    """The settings that an experiment's predictions follow from."""
    own = {key: SETTINGS[name][key] for key in ("protocol", "network", "diffusion")}
    if "members" in SETTINGS[name]:
        return {
            "protocol": own["protocol"],
            "members": {member: used_settings(member) for member in members(name)},
        }
    sections = ["features", "response", "regression"]
    sections += ["echo"] if is_held_out(name) else []
    return {
        **own,
        "models": SETTINGS[name]["models"],
        **read_settings(name, *sections),
    }


def experiment_settings(wildcards):
    """An experiment's settings as JSON, for its summary."""
    return json.dumps(used_settings(wildcards.experiment), sort_keys=True)
