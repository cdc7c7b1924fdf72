"""Copies of the workflow in temporary folders, where Snakemake runs and nothing else is touched."""

from __future__ import annotations

import compileall
import copy
import fcntl
import os
import py_compile
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

import starts
from echoes.plan.settings import overlay

Serve = Callable[[dict[str, bytes], bool], str]

ROOT = Path(__file__).resolve().parents[2]
TRACKED = ("Snakefile", "config.yaml", "config", "workflow", "scripts", "profiles", "envs")
#: Rules that only gather files.
TARGETS = ("all", "default", "total")

#: A data set so small that its whole run takes seconds: 6 perturbations, 3 to predict.
SIMULATION = {
    "network_genes": 120,
    "network_links": 400,
    "perturbations": 6,
    "validation_genes": 3,
    "response_genes": 40,
    "isolated": 1,
}
#: The experiments of the example that stand beside `published`, left out.
ALONE: dict[str, Any] = dict.fromkeys(
    ("published_held_out", "echo", "echo_base", "echo_rewired", "echo_permuted")
)
#: Settings in which no penalised fit takes long.
QUICK: dict[str, Any] = {
    "crossval": {"parts": 2},
    "response": {"n_components": 3},
    "regression": {"inner_folds": 2},
    "submission": {"padding": 2},
    "baselines": ["mean"],
}
#: The example with `published` alone.
SMALL = {**QUICK, "experiments": {"published": {"models": ["ridge"]}, **ALONE}}
#: The same data as files of a user, and an experiment with settings of its own.
LOCAL = {
    **QUICK,
    "dataset": {
        "name": "small",
        "means": "data/means.csv",
        "truth": "data/truth.csv",
        "validation": "data/validation.csv",
    },
    "networks": {
        "string": {"links": "data/links.txt.gz", "info": "data/info.txt.gz"},
        "rewired": {"of": "string", "shuffle": "links"},
        "permuted": {"of": "string", "shuffle": "labels"},
    },
    "experiments": {
        "published": {"protocol": "published", "models": ["ridge"]},
        "second": {
            "protocol": "published",
            "models": ["ridge", "elastic_net"],
            "diffusion": {"alphas": [0.25, 0.5, 0.75]},
            "features": {"variance_percentile": 60},
            "response": {"n_components": 2},
        },
    },
}
ECHO = {
    "models": ["echo"],
    "diffusion": {"alphas": [0.25, 0.75]},
    "features": {"transform": "log"},
}
#: Experiments of every kind that is held out, all baselines and a sweep; `published` stays.
HELD_OUT = {
    "echo": {"blends": [0.5, 1], "penalties": [1, 10]},
    "blend": {"shares": [0.5, 1]},
    "inner_crossval": {"folds": 3},
    "experiments": {
        "second": None,
        "echo": ECHO,
        "echo_base": {"models": ["echo"], "echo": {"kernels": []}},
        "echo_rewired": {"like": "echo", "network": "rewired"},
        "echo_permuted": {"like": "echo", "network": "permuted"},
        "linear": {
            "models": ["ridge", "elastic_net"],
            "features": {"variance_percentile": 60},
            "crossval": {"parts": 1},
        },
        "ensemble": {"members": ["echo", "linear"]},
    },
    "baselines": [
        *("zero", "mean", "median", "weighted_median", "reweighted_median", "blend", "nearest"),
        "bilinear",
    ],
    "sweeps": {
        "alphas": {
            "experiment": "echo",
            "grid": {
                "diffusion.alphas": [[0.25], [0.25, 0.75]],
                "echo.kernels": [["network"], ["profile"]],
            },
        }
    },
}


@dataclass(frozen=True)
class Outcome:
    """How a run of Snakemake ended, what it printed, and its log file, which a dry run has not."""

    status: int
    text: str
    log: str = ""

    @property
    def ran(self) -> Counter[str]:
        """How many jobs of each rule were started."""
        text = self.log or self.text
        jobs = re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):$", text, re.MULTILINE)
        return Counter(job for job in jobs if job not in TARGETS)


@dataclass
class Workspace:
    """A folder with a copy of the workflow, and the settings that it runs with."""

    path: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def change(self, **changes: Any) -> None:
        """Overlay the settings."""
        self.settings = overlay(self.settings, changes)

    def command(self, *arguments: str) -> list[str]:
        """Write the settings down, and return the command of a run with them."""
        overlay = self.path / "test.yaml"
        text = yaml.safe_dump(self.settings, sort_keys=False)
        if not overlay.exists() or overlay.read_text(encoding="utf-8") != text:
            overlay.write_text(text, encoding="utf-8")
        start = [sys.executable, "-m", "snakemake", "--nocolor"]
        return [*start, f"--configfile={overlay.name}", *arguments]

    def snakemake(
        self, *arguments: str, cores: int = 2, fails: bool = False, **environment: str
    ) -> Outcome:
        """Run Snakemake, which must succeed unless it is to fail."""
        command = self.command(f"--cores={cores}", *arguments)
        earlier = self._logs()
        if environment:
            run = subprocess.run(
                command,
                cwd=self.path,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                check=False,
                timeout=3000,
            )
            status, text = run.returncode, run.stdout
        else:
            options = command[command.index("snakemake") + 1 :]
            status, text = starts.snakemake(options, self.path, 3000)
        assert (status != 0) == fails, text
        logs = sorted(self._logs() - earlier)
        return Outcome(status, text, "".join(path.read_text(encoding="utf-8") for path in logs))

    def _logs(self) -> set[Path]:
        """Return Snakemake's log files."""
        return set(self.path.glob(".snakemake/log/*.snakemake.log"))

    def planned(self, *arguments: str) -> Counter[str]:
        """Count the jobs of each rule that a run would start."""
        text = self.snakemake("--dry-run", *arguments).text
        table = re.search(r"^Job stats:\njob +count\n[- ]+\n((?:\w+ +\d+\n)+)", text, re.MULTILINE)
        if table is None:
            assert "Nothing to be done" in text, text
            return Counter()
        jobs = Counter({rule: int(n) for rule, n in map(str.split, table[1].splitlines())})
        assert jobs["total"] == sum(jobs.values()) - jobs["total"]
        for target in TARGETS:
            del jobs[target]
        return jobs

    def copy(self, path: Path) -> Workspace:
        """Copy the folder with its results and what Snakemake remembers of them."""
        shutil.copytree(self.path, path, symlinks=True)
        return Workspace(path, copy.deepcopy(self.settings))

    def file(self, name: str, experiment: str = "published") -> Path:
        """Return a result of an experiment."""
        dataset = self.settings.get("dataset", {}).get("name", "example")
        return self.path / "results" / dataset / experiment / name


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The workflow as it is tracked, without any data; its code is compiled for all copies."""
    path = tmp_path_factory.mktemp("pristine") / "main"
    path.mkdir()
    for name in TRACKED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, path / name)
    # Or each job would compile what it imports; by its content a changed file is known at once.
    mode = py_compile.PycInvalidationMode.CHECKED_HASH
    assert compileall.compile_dir(path / "scripts", quiet=1, invalidation_mode=mode)
    return Workspace(path)


@pytest.fixture(scope="session")
def local(pristine: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The workflow beside the small data set as files of a user; nothing has run."""
    work = pristine.copy(tmp_path_factory.mktemp("local") / "main")
    data = work.path / "data"
    data.mkdir()
    plan = [f"--{key.replace('_', '-')}={value}" for key, value in SIMULATION.items()]
    files = {
        "links": "links.txt.gz",
        "info": "info.txt.gz",
        "means": "means.csv",
        "truth": "truth.csv",
        "validation": "validation.csv",
        "sample-submission": "sample.csv",
        "validation-truth": "validation_truth.csv",
    }
    plan += [f"--{option}={data / name}" for option, name in files.items()]
    subprocess.run(
        [sys.executable, work.path / "scripts/simulate_example.py", "--padding=2", *plan],
        check=True,
        capture_output=True,
    )
    work.change(**LOCAL)
    return work


def run_once(work: Workspace, factory: pytest.TempPathFactory, name: str) -> Workspace:
    """Run to the end on one core, in one of the processes of the tests; each copies that."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made = Workspace(shared / name, work.settings)
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.path.exists():
            first = work.copy(factory.mktemp("first") / "main")
            first.snakemake(cores=1, PYTHONHASHSEED="1", LC_ALL="C")
            first.path.rename(made.path)
    return made.copy(factory.mktemp(name) / "main")


@pytest.fixture(scope="session")
def finished(local: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The small data set, run to the end on one core. Copy it before changing anything."""
    return run_once(local, tmp_path_factory, "finished")


@pytest.fixture(scope="session")
def held_out(local: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """All that can be held out, run to the end on one core. Copy it before changing anything."""
    work = Workspace(local.path, copy.deepcopy(local.settings))
    work.change(**HELD_OUT)
    return run_once(work, tmp_path_factory, "held_out")


@pytest.fixture
def fresh(local: Workspace, tmp_path: Path) -> Workspace:
    """The small data set, where nothing has run; one's own copy."""
    return local.copy(tmp_path / "main")


@pytest.fixture
def done(finished: Workspace, tmp_path: Path) -> Workspace:
    """The small data set after its run; one's own copy."""
    return finished.copy(tmp_path / "main")


@pytest.fixture(scope="session")
def shared_data(pristine: Workspace) -> Path:
    """The real data beside the repository, reached through a link beside the copies."""
    data = ROOT.parent / "shared" / "data"
    if not data.is_dir():
        pytest.skip(f"the real data are not there: {data}")
    return data


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve files on this computer, each answer of a bad server only up to its middle."""
    servers: list[ThreadingHTTPServer] = []

    def start(files: dict[str, bytes], drops: bool) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = files.get(self.path)
                if body is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if drops else body)
                self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
