"""Progress: a line for each finished job, and the results at the end; not in a dry run. Checksums.

Needs: comparison.csv and the other results in its folder, if the run has made them.
Makes: config.json beside comparison.csv; resources.csv in the folder of the benchmarks, if they are extended benchmarks.
"""

import subprocess

from snakemake.io import _IOFile
from snakemake.logging import logger
from snakemake.settings.enums import Quietness

from echoes.io.files import save_json
from echoes.plan.checksums import remember_checksums
from echoes.report.console import JobLines
from echoes.report.provenance import VERSION
from echoes.report.results import result_text

_IOFile.checksum = remember_checksums(_IOFile.checksum)


def write_lines(text):
    """Write to the terminal and the log file, unless `--quiet` hides the progress."""
    logger.info(text, extra={"quietness": Quietness.PROGRESS})


def write_resources():
    """Write the resources that all jobs requested and used, if the benchmarks are extended."""
    if workflow.output_settings.benchmark_extended:
        folder = Path(rules.compare_experiments.benchmark).parent
        options = ["--benchmarks", folder, "--output", folder / "resources.csv"]
        command = [sys.executable, scripts_file("tabulate_resources.py"), *options]
        table = subprocess.run(command, capture_output=True, text=True).stdout
        if table:
            write_lines(f"\nResources of all jobs, in {options[-1]} too:\n{table}")


def write_config():
    """Record the configuration and the files that it names, for scripts/verify_results.py."""
    files = {
        path: "".join(LOCAL_FILES.contents(setting))
        for setting, found in LOCAL_FILES.items()
        for path in found
    }
    record = {"program": f"echoes {VERSION}", "config": config, "files": files}
    folder = Path(rules.compare_experiments.output.comparison).parent
    save_json(folder / "config.json", record)


JOB_LINES = JobLines(write_lines)
if workflow.is_main_process and not workflow.output_settings.dryrun:
    logger.addHandler(JOB_LINES)


onstart:
    output = workflow.output_settings
    if not (output.verbose or output.printshellcmds or output.debug_dag):
        JOB_LINES.show(logger.handlers)


onsuccess:
    if JOB_LINES.complete:
        write_config()
        write_lines(result_text(rules.compare_experiments.output.comparison))
    write_resources()


onerror:
    write_resources()
