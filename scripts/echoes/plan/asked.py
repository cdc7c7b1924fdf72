"""What is predicted beside the screen: a table of perturbations, named genes, or every gene."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from echoes.plan.experiments import Experiment
from echoes.plan.networks import Network
from echoes.plan.settings import ConfigError

#: Value of `dataset: validation:` for every gene of the network.
EVERY = "all"


def table(dataset: Mapping[str, Any]) -> str | None:
    """Path of the table of perturbations to predict; None if they are not in a table."""
    given = dataset["validation"]
    return given if isinstance(given, str) and given != EVERY else None


def genes(dataset: Mapping[str, Any]) -> list[str]:
    """List the genes that are named in the configuration, if any."""
    given = dataset["validation"]
    return list(given["genes"]) if isinstance(given, Mapping) else []


def every_gene(dataset: Mapping[str, Any]) -> bool:
    """Say whether every gene of the network is to be predicted."""
    return bool(dataset["validation"] == EVERY)


def predicts_every_gene(experiment: Experiment, networks: Mapping[str, Network]) -> bool:
    """Say whether an experiment can predict every gene of its network.

    It must learn from the kernels of a network of real links alone. On a shuffled network a
    prediction is a yardstick and no answer; and features, priors and tables of genes are made
    for the perturbations of the screen.
    """
    return (
        experiment.kind == "experiment"
        and experiment.held_out
        and experiment.inputs == {"kernels"}
        and not experiment.sources
        and not networks[experiment.network].shuffle
    )


def answers(
    experiment: Experiment, dataset: Mapping[str, Any], networks: Mapping[str, Network]
) -> bool:
    """Say whether an experiment writes predictions of genes that are named, or of every gene."""
    if every_gene(dataset):
        return predicts_every_gene(experiment, networks)
    return bool(genes(dataset)) and experiment.held_out


def check_every_gene(
    dataset: Mapping[str, Any],
    experiments: Mapping[str, Experiment],
    networks: Mapping[str, Network],
) -> None:
    """Check that an experiment can predict every gene, if that is asked for.

    Raises
    ------
    ConfigError
        When there is none.
    """
    if every_gene(dataset) and not any(
        predicts_every_gene(each, networks) for each in experiments.values()
    ):
        raise ConfigError(
            "dataset: validation",
            f"{EVERY}, but none of {', '.join(experiments)} can predict every gene",
            expected="a held-out experiment with `models: [echo]`, on a network that is not "
            "shuffled, without `sources:`",
            remedy="Add such an experiment, or name the genes: `validation: {genes: […]}`.",
        )
