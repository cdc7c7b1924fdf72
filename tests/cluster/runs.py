"""Snakemake's runs on a cluster of this computer, in the background of a test."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.slurm import Slurm
from workflow.conftest import Workspace


@dataclass(frozen=True)
class Run:
    """A run of Snakemake under way."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def text(self) -> str:
        """What it has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait(self, *, fails: bool = False, seconds: float = 900) -> str:
        """Wait for its end, and return what it printed; it must succeed unless it is to fail."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not done after {seconds:g} s\n{self.text}") from None
        assert (status != 0) == fails, self.text
        return self.text


@contextmanager
def snakemake(
    work: Workspace, *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[Run]:
    """Start Snakemake, and leave nothing of it running."""
    log = work.path / f"run{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            work.command(*arguments),
            cwd=work.path,
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Run(process, log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def on_cluster(
    work: Workspace, slurm: Slurm, *arguments: str, **environment: str
) -> AbstractContextManager[Run]:
    """Start Snakemake with the cluster's profile, but a shorter wait for the first news."""
    return snakemake(
        work,
        "--profile=profiles/slurm",
        "--slurm-init-seconds-before-status-checks=8",
        *arguments,
        environment=slurm.environment | environment,
    )
