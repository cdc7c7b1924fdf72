"""Compute results a second time, from the files and settings on record, and compare them."""

import logging
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from echoes.io.command import NOT_CONVERGED, parser, run, whole
from echoes.io.files import load_json, save_json
from echoes.report.verification import changed_inputs, differences, link_inputs, recorded_inputs

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[1]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or with those of the process."""
    options = parser(__doc__)
    options.add_argument("--results", type=Path, required=True, help="folder of a data set's")
    options.add_argument("--cores", type=whole(1), default=1, help="jobs at a time")
    args = options.parse_args(argv)

    record = load_json(args.results / "config.json")
    files = record["files"] | recorded_inputs(args.results)
    # The example's files are made by the workflow, below the folder of all results.
    below = args.results.resolve().parent
    files = {
        path: digest
        for path, digest in files.items()
        if not path.startswith("<") and not Path(path).resolve().is_relative_to(below)
    }
    problems = changed_inputs(files)
    if problems:
        _end(problems, f"{len(problems)} of {len(files)} input files have changed")
    with tempfile.TemporaryDirectory(prefix="echoes-") as top:
        # As deep as paths may go up.
        folder = Path(top, *"abcdefgh")
        folder.mkdir(parents=True)
        link_inputs(files, Path.cwd(), folder)
        save_json(folder / "config.json", record["config"] | {"pathvars": {}})
        command = [sys.executable, "-m", "snakemake", f"--snakefile={ROOT / 'Snakefile'}"]
        command += ["--configfile=config.json", f"--cores={args.cores}", "--nocolor"]
        second = subprocess.run(  # noqa: S603 - no argument comes from data
            command, cwd=folder, check=False, capture_output=True, text=True
        )
        if second.returncode:
            _end([second.stdout[-5000:] + second.stderr[-5000:]], "the second run failed")
        alike, different = differences(args.results, folder / "results" / args.results.name)
    if different:
        _end(different, f"{len(different)} files differ, {alike} are alike")
    log.info("%d files alike, %d input files unchanged", alike, len(files))


def _end(lines: Sequence[str], summary: str) -> None:
    """Write lines and a summary, and end with a status that is not 0."""
    for line in lines:
        log.error("%s", line)
    log.error("%s", summary)
    sys.exit(NOT_CONVERGED)


if __name__ == "__main__":
    run(main)
