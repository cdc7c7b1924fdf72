"""Data sets to measure on, and copies of the workflow that compute what the measurements need."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from side_by_side.process import ROOT, MeasurementError, Outcome, as_user, execute

#: Real data beside the repository; measured on where they are.
SHARED = ROOT.parent / "shared" / "data"
TRACKED = ("Snakefile", "config.yaml", "config", "workflow", "scripts", "profiles", "envs")

#: Restart parameters of the experiment with so many of them: 1 … 4.
ALPHAS = (0.75, 0.5, 0.25, 0.9)


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Parameters
    ----------
    name
        Of the folder of its files.
    genes, links
        Of the generated network.
    perturbations, validation
        Silenced genes with and without a response.
    responses, components
        Genes of the response, and principal components of it.
    starts
        Genes of the diffusion.
    rows
        Rows of the large file of links.
    repeats
        How often a fast method is measured.
    sample
        Genes of the diffusion that a slow method is measured on.
    limit
        Seconds that a fit of skglm has, compilation included; a diffusion has five times as many.
    growth_genes, growth_starts, growth_rows
        Sizes of the growth curves: genes of the network, start genes, rows of a fold.
    scale
        Sizes n, N, G, A and T of the jobs that the cost model is fitted on.
    scale_folds
        Most perturbations of which a fold of the published protocol is measured.
    """

    name: str
    genes: int
    links: int
    perturbations: int
    validation: int
    responses: int
    components: int
    starts: int
    rows: int
    repeats: int
    sample: int
    limit: float
    growth_genes: tuple[int, ...]
    growth_starts: tuple[int, ...]
    growth_rows: tuple[int, ...]
    scale: tuple[tuple[int, int, int, int, int], ...]
    scale_folds: int


FULL = Size(
    name="full",
    genes=17_000,
    links=440_000,
    perturbations=80,
    validation=60,
    responses=5_127,
    components=35,
    starts=54,
    rows=13_700_000,
    repeats=5,
    sample=4,
    limit=120,
    growth_genes=(5_000, 10_000, 15_000, 20_000),
    growth_starts=(80, 160, 320, 640, 1_280),
    growth_rows=(40, 80, 160, 320),
    scale=(
        *((n, 17_000, 8_000, 3, 35) for n in (125, 250, 500, 1_000)),
        *((250, 9_000, 8_000, 3, 35), (250, 17_000, 2_000, 3, 35)),
        *((250, 17_000, 8_000, 1, 35), (250, 17_000, 8_000, 3, 10)),
        (1_000, 5_000, 2_000, 1, 20),
    ),
    scale_folds=250,
)
SMALL = Size(
    name="small",
    genes=1_500,
    links=20_000,
    perturbations=20,
    validation=10,
    responses=400,
    components=8,
    starts=24,
    rows=300_000,
    repeats=2,
    sample=2,
    limit=60,
    growth_genes=(1_000, 1_500),
    growth_starts=(20, 40),
    growth_rows=(16, 32),
    scale=((40, 800, 300, 2, 8), (80, 800, 300, 2, 8), (80, 1_200, 200, 1, 4)),
    scale_folds=40,
)
SIZES = {size.name: size for size in (FULL, SMALL)}

FILES = {
    "links": "links.txt.gz",
    "info": "info.txt.gz",
    "means": "means.csv",
    "truth": "truth.csv",
    "validation": "validation.csv",
    "sample-submission": "sample_submission.csv",
    "validation-truth": "validation_truth.csv",
}


def generate(folder: Path, size: Size, perturbations: int) -> Path:
    """Make a data set of this size with so many perturbations, where it is not there yet."""
    if (folder / FILES["validation-truth"]).exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {
        "network-genes": size.genes,
        "network-links": size.links,
        "perturbations": perturbations,
        "validation-genes": size.validation,
        "response-genes": size.responses,
        "padding": size.validation,
    }
    options = [f"--{name}={number}" for name, number in numbers.items()]
    options += [f"--{name}={folder / file}" for name, file in FILES.items()]
    execute([sys.executable, ROOT / "scripts" / "simulate_example.py", *options])
    return folder


def published(
    name: str, folder: Path, size: Size, experiments: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Give the settings of the published method on a generated data set."""
    return {
        "dataset": {
            "name": name,
            "means": str(folder / FILES["means"]),
            "truth": str(folder / FILES["truth"]),
            "validation": str(folder / FILES["validation"]),
        },
        "string": {
            "links": str(folder / FILES["links"]),
            "info": str(folder / FILES["info"]),
        },
        "response": {"n_components": size.components},
        "submission": {
            "padding": size.validation,
            "sample": str(folder / FILES["sample-submission"]),
        },
        "experiments": dict.fromkeys(OTHERS) | dict(experiments or {}),
        "baselines": [],
    }


#: Experiments of config.yaml that a measurement leaves out unless it names them.
OTHERS = ("published_held_out", "echo", "echo_base", "echo_rewired", "echo_permuted")


def alphas(count: int) -> dict[str, Any]:
    """Give an experiment with so many restart parameters."""
    return {
        "protocol": "published",
        "models": ["ridge", "elastic_net"],
        "diffusion": {"alphas": list(ALPHAS[:count])},
    }


def knockout() -> dict[str, Any]:
    """Give the settings of the real data beside the repository."""
    return {
        "dataset": {
            "name": "knockout",
            "means": str(SHARED / "knockout" / "training_data_means.csv"),
            "truth": str(SHARED / "knockout" / "training_data_ground_truth_table.csv"),
            "validation": str(SHARED / "knockout" / "pert_ids_val.csv"),
        },
        "string": {
            "version": "11.5",
            "links": str(SHARED / "string" / "9606.protein.links.v11.5.txt.gz"),
            "info": str(SHARED / "string" / "9606.protein.info.v11.5.txt.gz"),
        },
        "response": {"n_components": 25},
        "submission": {"padding": 17, "sample": None},
        "experiments": dict.fromkeys(OTHERS),
        "baselines": [],
    }


@dataclass(frozen=True)
class Workspace:
    """A folder with a copy of the workflow, and the settings that it runs with."""

    path: Path
    settings: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def make(cls, path: Path, settings: dict[str, Any], *, fresh: bool = False) -> Workspace:
        """Copy the workflow as it is now; results of an earlier copy stay unless `fresh`."""
        if fresh:
            shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True, exist_ok=True)
        for name in TRACKED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(
                    source,
                    path / name,
                    ignore=shutil.ignore_patterns("__pycache__"),
                    dirs_exist_ok=True,
                )
            else:
                shutil.copy2(source, path / name)
        return cls(path, settings)

    @property
    def dataset(self) -> Path:
        """The folder of results."""
        return self.path / "results" / str(self.settings["dataset"]["name"])

    def snakemake(self, *arguments: str, cores: int = 2) -> Outcome:
        """Run Snakemake with the settings of this workspace."""
        name = f"{self.settings['dataset']['name']}.json"
        (self.path / name).write_text(json.dumps(self.settings), encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", "--nocolor", "--cores", str(cores)]
        # A run that was aborted leaves a lock and incomplete files.
        command += ["--nolock", "--rerun-incomplete", f"--configfile={name}"]
        return execute([*command, *arguments], folder=self.path, variables=as_user())

    def prepare(self, *files: str) -> Path:
        """Compute results, named below the folder of results, where they are out of date."""
        self.snakemake("--", *self._targets(files))
        return self.dataset

    def command(self, file: str) -> str:
        """Tell the shell command of the job that makes a result.

        Raises
        ------
        MeasurementError
            When Snakemake does not show it.
        """
        target = self._targets([file])
        text = self.snakemake("-n", "-p", "--force", "--", *target).text
        lines = [line.strip() for line in text.splitlines()]
        shown = [line.removeprefix("Shell command: ") for line in lines]
        commands = [line for line in shown if re.match(r"python scripts/", line)]
        if not commands:
            raise MeasurementError(f"Snakemake shows no command for {file}:\n{text}")
        return commands[-1] if len(commands) == 1 else self._of(commands, target[0])

    @staticmethod
    def _of(commands: Sequence[str], target: str) -> str:
        return next(command for command in commands if target in command)

    def _targets(self, files: Sequence[str]) -> list[str]:
        return [str((self.dataset / file).relative_to(self.path)) for file in files]

    def job(self, file: str) -> Outcome:
        """Run the job that makes a result once more, without Snakemake, and measure it."""
        return execute(["bash", "-euo", "pipefail", "-c", self.command(file)], folder=self.path)
