"""Files that the page of a run is made of."""

from __future__ import annotations

from echoes.plan import asked, paths
from echoes.plan.plan import Plan


def networks(plan: Plan) -> dict[str, str]:
    """List the networks that the page draws, and the restart parameter of their walks.

    They are the networks that experiments learn from, where shuffled ones stand for those that
    they shuffle; the parameter is the first one of the first experiment on it.
    """
    drawn: dict[str, str] = {}
    for each in plan.experiments.values():
        for one in plan.members(each.name):
            if one.inputs and one.network in plan.networks:
                base = plan.networks[one.network].unshuffled
                drawn.setdefault(base, str(one.sections["diffusion"]["alphas"][0]))
    return drawn


def network_files(plan: Plan) -> list[str]:
    """List the paths of the files of the networks that are drawn."""
    files = ("genes.tsv", "coverage.tsv", "adjacency.npz", "diffusion/alpha~{alpha}.npz")
    return [
        paths.network_file(name, file.format(alpha=alpha))
        for name, alpha in networks(plan).items()
        for file in files
    ]


def prediction_files(plan: Plan) -> list[str]:
    """List the paths of predictions of experiments, and of the kernels that they follow from."""
    files: list[str] = []
    for name, each in plan.experiments.items():
        files.append(paths.experiment_file(name, "summary.json"))
        files += paths.part_files(each) or [paths.experiment_file(name, "predictions.npz")]
        files += plan.validation_file(name)
        kernels = [one for one in plan.members(name) if each.held_out and "kernels" in one.inputs]
        files += [f"{paths.DATASET}/{paths.kernels_file(one)}" for one in kernels]
    return list(dict.fromkeys(files))


def every_gene(plan: Plan) -> list[str]:
    """List the experiments that predict every gene of their network, where that is asked for."""
    dataset = plan.config["dataset"]
    return [
        name
        for name, each in plan.experiments.items()
        if asked.every_gene(dataset) and asked.answers(each, dataset, plan.networks)
    ]


def every_gene_files(plan: Plan) -> list[str]:
    """List the paths of the tables of what happens if any gene is silenced."""
    return [paths.experiment_file(name, "top_effects.csv") for name in every_gene(plan)]


def curve_files(plan: Plan) -> list[str]:
    """List the paths of the tables of learning curves."""
    return [paths.experiment_file(name, "learning_curve.csv") for name in plan.curves]


def sweep_files(plan: Plan) -> list[str]:
    """List the paths of the tables that rank sweeps."""
    return [f"{paths.DATASET}/sweeps/{name}.csv" for name in plan.sweeps]
