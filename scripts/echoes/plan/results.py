"""The final files of a run."""

from __future__ import annotations

from echoes.plan import asked, figures, paths
from echoes.plan.plan import Plan


def final_files(plan: Plan) -> list[str]:
    """List the paths of all final files: tables, figures, answers and submissions."""
    dataset, export = plan.config["dataset"], plan.config["export"]
    final: list[str] = []
    for each in plan.experiments.values():
        final += paths.result_files(
            each,
            validation=plan.has_validation,
            submission=plan.has_validation and not asked.genes(dataset),
            answers=asked.answers(each, dataset, plan.networks),
            export=export,
        )
    page = f"{paths.DATASET}/report.html"
    return [*final, *plan.shared_files(), *figures.final_files(plan), page]
