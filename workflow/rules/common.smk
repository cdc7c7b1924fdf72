"""The plan: read and check the configuration; rules take their files and settings from the plan.

Needs: the configuration.
Makes: nothing.
"""

import os
import re
import sys
from functools import cache
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

# A rule's `python` is the one that runs Snakemake, unless an environment of the rule replaces it.
os.environ.update(
    PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
)

#: Folder of the plan, and of code that is fetched if the workflow is in a remote repository.
CACHE_FOLDER = Path(".snakemake", "echoes")


def workflow_folder():
    """Folder of the workflow, relative if it is below the working directory; None if it is remote."""
    here = Path(workflow_folder.__code__.co_filename)
    if not here.exists():
        return None
    root = here.resolve().parents[2]
    return root.relative_to(Path.cwd()) if root.is_relative_to(Path.cwd()) else root


def scripts_file(file):
    """Path of a file of the folder scripts/; the file is fetched if the workflow is remote."""
    if FOLDER is not None:
        return FOLDER / "scripts" / file
    path = CACHE_FOLDER / "scripts" / file
    try:
        fetched = Path(workflow.source_path(f"../../scripts/{file}")).read_bytes()
    except (KeyError, OSError, ValueError, WorkflowError):
        return path
    if not path.exists() or path.read_bytes() != fetched:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(fetched)
    return path


FOLDER = workflow_folder()
for file in ("__init__", "plan/__init__", "plan/imports"):
    code_file = scripts_file(f"echoes/{file}.py")
sys.path.insert(0, str(code_file.absolute().parents[2]))

from echoes.plan.imports import reached_modules

if FOLDER is None:
    for file in (
        "plan/checksums",
        "plan/page",
        "plan/results",
        "plan/validation",
        "report/provenance",
        "report/console",
        "report/results",
    ):
        reached_modules(f"echoes/{file}.py", scripts_file)

from echoes.plan import asked, checks, figures, page, paths
from echoes.plan.plan import Plan, count_folds
from echoes.plan.results import final_files
from echoes.plan.settings import ConfigError
from echoes.plan.twins import find_twins
from echoes.plan.validation import check_keys, check_schema


@cache
def code(script, modules=()):
    """Library modules that a script imports: if one of them changes, the rule runs again."""
    return list(map(scripts_file, reached_modules(script, scripts_file, modules)))


def make_plan():
    """Check the configuration, make the plan and find the files that it names."""
    schema_file = Path(workflow.source_path("../schemas/config.schema.yaml"))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # Ten times as fast in C.
    schema = yaml.load(schema_file.read_text(encoding="utf-8"), Loader=loader)
    try:
        check_keys(workflow.configfiles)
        checks.check_renamed(config)
        check_schema(config, schema)
        plan = Plan(config, schema)
        if plan.run_settings:
            # The settings of a sweep's runs must be valid too.
            check_schema({**config, "experiments": plan.run_settings}, schema)
        # Snakemake looks for files in an object store.
        provider = workflow.storage_settings.default_storage_provider
        return plan, plan.local_files(stored=provider is not None)
    except ConfigError as error:
        raise WorkflowError(str(error)) from None


def match_any(names):
    """Regular expression that matches the given names and no others."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


def setting(key):
    """Function that looks up a setting of an experiment, such as diffusion/alphas, for a rule."""
    group, _, name = key.partition("/")

    def value(wildcards):
        setting = PLAN.everything[wildcards.experiment].sections[group][name]
        return [] if setting is None else setting

    return value


PLAN, LOCAL_FILES = make_plan()
PLAN_FILE = str(PLAN.write(CACHE_FOLDER))
CONFIG, KERNELS = PLAN.config, PLAN.kernels


wildcard_constraints:
    alpha=r"[0-9.e-]+",
    experiment=match_any(PLAN.everything),
    fold=r"\d+",
    network=match_any(PLAN.networks),
    part=r"\d+|validation",
    sweep=match_any(PLAN.sweeps),
    table="links|info|aliases",


def fold_files(wildcards):
    """Files of the folds of a published experiment; their number is in the table of folds."""
    # Snakemake's own `open` fetches the file where it is in an object store.
    with checkpoints.read_perturbations.get().output.folds.open() as table:
        folds = count_folds(list(table))
    files = [f"folds/{fold}.npz" for fold in range(folds)]
    return [paths.experiment_file(wildcards.experiment, file) for file in files]


def folder_of(files):
    """Folder of the given files: thousands of paths would be too long for a command line."""
    return Path(files[0]).parent


def named_records(wildcards, input):
    """Records of earlier stages that are copied into a summary, as name=file."""
    names = ("dataset", "network", "links", "info", "aliases")
    return [f"{name}={input[name]}" for name in names if input[name]]
