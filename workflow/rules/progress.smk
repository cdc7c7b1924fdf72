"""Progress: what a run tells of its folds while it goes; a dry run and a job tell nothing.

Needs: perturbations/summary.json, as soon as the first fold has been made.
Makes: resources.csv beside the benchmarks, where these tell what their jobs asked for.
"""

import logging
import subprocess
import time

from snakemake.logging import logger
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent


class FoldProgress(logging.Handler):
    """Follows the events of a run, and tells how many folds of an experiment are done."""

    def __init__(self, dag):
        super().__init__()
        self.dag = dag
        # By experiment: when its first job started, when jobs ended since, all its folds, and
        # the folds of each job that is left.
        self.begin, self.ends, self.folds, self.left = {}, {}, {}, {}
        self.running, self.news = {}, []

    def emit(self, record):
        """Follow an event; whatever goes wrong here, the run goes on."""
        try:
            self.follow(record)
        except Exception as error:
            logger.removeHandler(self)
            logger.debug(f"progress of folds: {error!r}")

    def follow(self, record):
        """Note which jobs start and end, and tell the news when Snakemake tells its own."""
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_INFO:
            if makes_folds(record.rule_name, record.wildcards):
                name = record.wildcards["experiment"]
                self.running[record.jobid] = name
                self.begin.setdefault(name, time.monotonic())
        elif event == LogEvent.JOB_FINISHED:
            if record.job_id in self.running:
                self.end(self.running.pop(record.job_id), record.job_id)
        elif event == LogEvent.PROGRESS:
            for name in dict.fromkeys(self.news):
                # As quiet as Snakemake is about its own steps.
                extra = {"quietness": Quietness.PROGRESS}
                logger.info(self.describe(name), extra=extra)
            self.news.clear()

    def end(self, name, jobid):
        """Note the end of a job with folds of an experiment."""
        if name not in self.folds:
            # Only now: the checkpoint has run, and which jobs are to run is settled.
            sizes = {
                job: job_folds(job.wildcards_dict)
                for job in self.dag.jobs
                if makes_folds(job.rule.name, job.wildcards_dict)
                and job.wildcards_dict["experiment"] == name
            }
            self.folds[name] = sum(sizes.values())
            self.left[name] = {
                self.dag.jobid(job): sizes[job]
                for job in self.dag.needrun_jobs()
                if job in sizes
            }
        self.left[name].pop(jobid, None)
        self.ends.setdefault(name, []).append(time.monotonic() - self.begin[name])
        self.news.append(name)

    def describe(self, name):
        """Write in a line how far the folds of an experiment are."""
        from echoes.report.progress import describe, time_left

        left = self.left[name]
        done = self.folds[name] - sum(left.values())
        seconds = time_left(self.ends[name], len(left))
        return describe(name, done, self.folds[name], seconds)


def makes_folds(name, wildcards):
    """Tell whether a job of the named rule leaves perturbations out and predicts them."""
    return name == "loo_fold" or (
        name == "predict_held_out" and wildcards["part"] != "validation"
    )


def job_folds(wildcards):
    """Count the folds of a job that makes some."""
    from echoes.report.progress import part_size

    if "fold" in wildcards:
        return 1
    name = wildcards["experiment"]
    own = SETTINGS[name]["crossval"]
    folds = own["folds"]
    if own["scheme"] == "leave_one_out":
        path = rules.read_perturbations.output.summary
        with open(path, encoding="utf-8") as record:
            folds = json.load(record)["silenced_genes"]
    return part_size(folds, int(wildcards["part"]), len(parts(name)))


def end_of_run():
    """Set run times right and tabulate resources; whatever goes wrong, the run is over."""
    tasks = [] if workflow.local_exec else [set_starts]
    if workflow.output_settings.benchmark_extended:
        tasks.append(tabulate_resources)
    for task in tasks:
        try:
            task()
        except Exception as error:
            logger.debug(f"{task.__name__}: {error!r}")


def set_starts():
    """Record when jobs on other machines started; Snakemake takes their end (its issue 517)."""
    records = workflow.persistence
    for job in workflow.dag.finished_jobs:
        if job.benchmark and not job.is_local:
            with open(job.benchmark, encoding="utf-8") as table:
                header, values = (next(table).split("\t") for _ in range(2))
            seconds = float(dict(zip(header, values))["s"])
            for path in map(str, job.output):
                records._clear_cache()
                record = records._read_record(path)
                record.starttime = record.endtime - seconds
                records._write_record(path, record)


def tabulate_resources():
    """Tell what all jobs so far asked for and used."""
    folder = Path(rules.compare_experiments.benchmark).parent
    command = [sys.executable, "scripts/tabulate_resources.py"]
    command += ["--benchmarks", folder, "--output", folder / "resources.csv"]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    logger.info(
        f"\nResources of all jobs so far, in {folder}/resources.csv too:\n{table}",
        extra={"quietness": Quietness.PROGRESS},
    )


onstart:
    sys.path.insert(0, str(Path("scripts").absolute()))
    logger.addHandler(FoldProgress(workflow.dag))


onsuccess:
    end_of_run()


onerror:
    end_of_run()
