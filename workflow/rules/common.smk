"""Helpers of the rules: what an experiment's settings are, and which files a config names."""

import json
import math
import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from snakemake.exceptions import WorkflowError

# A rule's `python` is the one that runs Snakemake, unless an environment of the rule replaces it.
os.environ.update(
    PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
)

EXAMPLE = "<results>/simulated/"

STRING_URL = (
    "https://stringdb-downloads.org/download/protein.{table}.v{version}/"
    "{species}.protein.{table}.v{version}.txt.gz"
)


wildcard_constraints:
    alpha=r"[0-9.e-]+",
    experiment=r"[A-Za-z0-9][\w.-]*",
    fold=r"\d+",
    rewired="|_rewired",
    table="links|info",


def settings(own):
    """An experiment's settings: the sections of the config, overlaid with its own."""
    sections = ("diffusion", "features", "response", "regression")
    return {**own, **{name: {**config[name], **own.get(name, {})} for name in sections}}


EXPERIMENTS = {
    name: settings(own)
    for name, own in config["experiments"].items()
    if own is not None
}

EXPERIMENT_FILES = [
    "oof_predictions.csv",
    "fold_scores.csv",
    "summary.json",
    "figure.png",
    "figure.pdf",
    *(["submission.csv"] if config["dataset"]["validation"] else []),
]


def optional(dpath, within):
    """A setting, or nothing at all where it is null."""
    find = lookup(dpath=dpath, within=within)

    def value(wildcards):
        setting = find(wildcards) if callable(find) else find
        return [] if setting is None else setting

    return value


def rewired(wildcards):
    """Which network an experiment's diffusions are on: `_rewired`, or nothing for the real one."""
    shuffle = EXPERIMENTS[wildcards.experiment]["diffusion"]["shuffle"]
    return "_rewired" if shuffle == "links" else ""


def library(*modules):
    """The library modules that a script reaches: an edited one runs its rule again."""
    return [f"scripts/echoes/{module}.py" for module in ("__init__", *modules)]


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
    # A file below <results> is made by a rule, and need not be there yet.
    if not path.startswith("<") and not Path(path).is_file():
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
    with open(
        checkpoints.read_perturbations.get().output.folds, encoding="utf-8"
    ) as table:
        folds = sum(1 for _ in table) - 1
    return collect(
        "<results>/<dataset>/{experiment}/folds/{fold}.npz",
        experiment=wildcards.experiment,
        fold=range(folds),
    )


def fold_folder(wildcards, input):
    """The folder of an experiment's folds: thousands of paths would not fit a command line."""
    return str(Path(input.folds[0]).parent)


def experiment_settings(wildcards):
    """An experiment's settings as JSON, for its summary."""
    return json.dumps(EXPERIMENTS[wildcards.experiment], sort_keys=True)
