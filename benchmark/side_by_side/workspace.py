"""Data sets to measure on, and Snakemake runs that compute what the measurements need."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from side_by_side.process import ROOT, MeasurementError, Outcome, Record, execute, user_variables

#: Real data beside the repository; measured on where they are.
SHARED = ROOT.parent / "shared" / "data"

#: Restart parameters of the experiment with so many of them: 1 … 4.
ALPHAS = (0.75, 0.5, 0.25, 0.9)
#: Folder of the one network of all runs, below the folder of results.
NETWORK = "networks/string"


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    name: str
    genes: int  # of the generated network
    links: int
    perturbations: int
    validation: int  # silenced genes without a response
    responses: int  # genes of a response
    components: int  # principal components of the responses
    starts: int  # genes that a diffusion starts from
    rows: int  # of the large file of links
    repeats: int  # of a fast method
    sample: int  # start genes that a slow method is measured on
    limit: float  # seconds of a fit of skglm, compilation included; a diffusion has five times it
    growth_genes: tuple[int, ...]
    growth_starts: tuple[int, ...]
    growth_rows: tuple[int, ...]  # perturbations of a fold
    scale: tuple[tuple[int, int, int, int, int], ...]  # n, N, G, A and T of the jobs of the model
    large: tuple[int, int]  # perturbations and response genes of a large screen
    #: The same of a screen as large as they get, genes of its network, links, and seconds after
    #: which its run is killed.
    largest: tuple[int, int, int, int, float]
    cells: tuple[int, int, int, int]  # of a screen: cells, genes, entries a cell, perturbations
    scale_folds: int  # most perturbations of which a fold of the published protocol is measured


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
        *((n, 17_000, 8_000, 3, 35) for n in (125, 250, 500, 1_000, 2_000)),
        *((250, 9_000, 8_000, 3, 35), (250, 17_000, 2_000, 3, 35)),
        *((250, 17_000, 8_000, 1, 35), (250, 17_000, 8_000, 3, 10)),
        (1_000, 5_000, 2_000, 1, 20),
    ),
    large=(2_000, 8_000),
    largest=(10_000, 8_000, 21_000, 460_000, 600),
    cells=(300_000, 20_000, 1_000, 2_000),
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
    large=(150, 300),
    largest=(300, 200, 1_500, 20_000, 10),
    cells=(10_000, 2_000, 100, 50),
    scale_folds=80,
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


def settings(name: str, folder: Path, size: Size, experiments: Mapping[str, Any]) -> Record:
    """Configure experiments on a generated data set, without baselines."""
    files = {key: str(folder / file) for key, file in FILES.items()}
    return {
        "dataset": {"name": name, **{key: files[key] for key in ("means", "truth", "validation")}},
        "networks": {"string": {key: files[key] for key in ("links", "info")}},
        "response": {"n_components": size.components},
        "experiments": dict(experiments),
        "baselines": [],
        "submission": {"padding": size.validation, "sample": files["sample-submission"]},
    }


def shared_settings() -> Record:
    """Configure the real data beside the repository; nothing but its network is computed."""
    tables = SHARED / "knockout"
    return {
        "dataset": {
            "name": "knockout",
            "means": str(tables / "training_data_means.csv"),
            "truth": str(tables / "training_data_ground_truth_table.csv"),
            "validation": str(tables / "pert_ids_val.csv"),
        },
        "networks": {"string": shared_links()},
        "experiments": {"published": published("ridge")},
        "baselines": [],
    }


def shared_links() -> Record:
    """Configure the files of the real network beside the repository."""
    links = str(SHARED / "string" / "9606.protein.{}.v11.5.txt.gz")
    return {key: links.format(key) for key in ("links", "info")}


def published(*models: str, alphas: int = 1) -> Record:
    """Configure an experiment of the published protocol with so many restart parameters."""
    return {
        "protocol": "published",
        "models": list(models),
        "diffusion": {"alphas": list(ALPHAS[:alphas])},
    }


@dataclass(frozen=True)
class Workspace:
    """A folder that Snakemake runs in, and the configuration that it runs with."""

    path: Path
    settings: Record
    code: Path = ROOT  # the repository whose workflow runs

    @property
    def dataset(self) -> Path:
        """The folder of results."""
        return self.path / "results" / str(self.settings["dataset"]["name"])

    @property
    def benchmarks(self) -> Path:
        """The folder of the time and memory of each job."""
        return self.path / "benchmarks" / self.dataset.name

    def clear(self) -> Workspace:
        """Remove all files of earlier runs."""
        shutil.rmtree(self.path, ignore_errors=True)
        return self

    def snakemake(self, *arguments: str, cores: int = 2, limit: float | None = None) -> Outcome:
        """Run Snakemake in this folder, as a user does; kill it after `limit` seconds."""
        self.path.mkdir(parents=True, exist_ok=True)
        config = self.path / f"{self.settings['dataset']['name']}.json"
        config.write_text(json.dumps(self.settings), encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", f"--snakefile={self.code / 'Snakefile'}"]
        command += [f"--configfile={config}", "--nocolor", "--cores", str(cores)]
        # A run that was aborted leaves a lock and incomplete files.
        command += ["--nolock", "--rerun-incomplete"]
        return execute(
            [*command, *arguments], folder=self.path, limit=limit, variables=user_variables()
        )

    def measure(self, *arguments: str) -> Record:
        """Run to the end; record time and memory, and the seconds of each stage."""
        outcome = self.snakemake(*arguments)
        return {
            "stages": self.stages(),
            "seconds": outcome.seconds,
            "memory_mb": outcome.memory,
        }

    def prepare(self, *files: str) -> Path:
        """Compute results, named below the folder of results, where they are out of date."""
        self.snakemake("--", *map(self._target, files))
        return self.dataset

    def job(self, file: str) -> Outcome:
        """Run the job that makes a result once more, without Snakemake, and measure it.

        Raises
        ------
        MeasurementError
            When Snakemake does not show its command.
        """
        target, mark = self._target(file), "Shell command: "
        text = self.snakemake("-n", "-p", "--force", "--", target).text
        commands = [line.removeprefix(mark) for line in text.splitlines() if line.startswith(mark)]
        commands = [command for command in commands if target in command]
        if not commands:
            raise MeasurementError(f"Snakemake shows no command for {file}:\n{text}")
        # Jobs that this one needs stand before it.
        return execute(["bash", "-euo", "pipefail", "-c", commands[-1]], folder=self.path)

    def _target(self, file: str) -> str:
        return str((self.dataset / file).relative_to(self.path))

    def stages(self) -> Record:
        """Count the jobs of each rule and sum their seconds, from Snakemake's benchmarks."""
        stages: Record = {}
        for table in sorted(self.benchmarks.rglob("*.tsv")):
            header, row = table.read_text(encoding="utf-8").splitlines()[:2]
            seconds = float(dict(zip(header.split("\t"), row.split("\t"), strict=True))["s"])
            stage = stages.setdefault(_rule(table), {"jobs": 0, "seconds": 0.0})
            stage["jobs"] += 1
            stage["seconds"] += seconds
        return stages


def _rule(table: Path) -> str:
    """Name the rule that a benchmark file is of: that of its folder, or else that of the file."""
    folder = {"folds": "loo_fold", "held_out": "predict_held_out"}.get(
        table.parent.name, table.parent.name
    )
    return folder if (ROOT / "scripts" / f"{folder}.py").exists() else table.stem


@dataclass(frozen=True)
class Run:
    """Where one run of the benchmark keeps its files, and how much it measures."""

    work: Path
    size: Size

    def data(self, perturbations: int | None = None) -> Path:
        """Make the generated data set, with so many perturbations."""
        count = perturbations or self.size.perturbations
        return generate(self.work / f"data_{count}", self.size, count)

    def workspace(
        self, folder: str, name: str, experiments: Mapping[str, Any], data: Path | None = None
    ) -> Workspace:
        """Give a workspace of this run, on its generated data set unless another is given."""
        config = settings(name, data or self.data(), self.size, experiments)
        return Workspace(self.work / folder, config)

    def prepared(self) -> Workspace:
        """Give the workspace that most sections share, with one experiment an extra α."""
        experiments = {
            f"alphas_{count}": published("ridge", "elastic_net", alphas=count)
            for count in range(1, len(ALPHAS) + 1)
        }
        return self.workspace("prepared", "competition", experiments)
