"""Runs of Snakemake by a process that has imported it already, which is most of its start."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

#: What a run needs, so that it starts with all of it; the last ones Snakemake imports late.
MODULES = (
    *("snakemake.cli", "snakemake.api", "snakemake.workflow", "snakemake.dag"),
    *("snakemake.executors.local", "snakemake.executors.dryrun", "snakemake.report.html_reporter"),
    *("snakemake.scheduling.greedy", "snakemake.scheduling.milp", "pulp", "jsonschema"),
    *("pandas", "platformdirs", "requests", "smart_open", "snakemake.profiles"),
)
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([*MODULES])


def _main(arguments: Sequence[str], folder: Path, log: str) -> None:
    """Become a run of Snakemake."""
    os.chdir(folder)
    for descriptor, path, flags in ((0, os.devnull, os.O_RDONLY), (1, log, os.O_WRONLY)):
        opened = os.open(path, flags)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.dup2(1, 2)
    from snakemake.cli import main

    main([*arguments])


def snakemake(arguments: Sequence[str], folder: Path, seconds: float) -> tuple[int, str]:
    """Run Snakemake in a folder, and return its status and what it printed."""
    with tempfile.NamedTemporaryFile() as log:
        process = CONTEXT.Process(target=_main, args=(arguments, folder, log.name))
        process.start()
        process.join(seconds)
        alive = process.is_alive()
        if alive:
            process.kill()
            process.join()
        text = Path(log.name).read_text(encoding="utf-8", errors="replace")
    assert not alive, f"not done after {seconds:g} s\n{text}"
    assert process.exitcode is not None
    return process.exitcode, text
