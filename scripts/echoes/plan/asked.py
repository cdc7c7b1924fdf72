"""What is predicted beside the screen: a table of perturbations, named genes, or every gene."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from echoes.plan import gaps, paths
from echoes.plan.experiments import Experiment
from echoes.plan.networks import Network
from echoes.plan.settings import ConfigError

#: Value of `dataset: validation:` for every gene of the network.
EVERY = "all"
#: Text between the genes of a set where the data set has none.
BETWEEN = "+"


def table(dataset: Mapping[str, Any]) -> str | None:
    """Path of the table of perturbations to predict; None if they are not in a table."""
    given = dataset["validation"]
    return given if isinstance(given, str) and given != EVERY else None


def genes(dataset: Mapping[str, Any]) -> list[str]:
    """List the genes that are named in the configuration, if any; those of a set are joined."""
    given = dataset["validation"]
    each = given["genes"] if isinstance(given, Mapping) else []
    between = dataset["pairs"]["separator"] or BETWEEN
    return [between.join(sorted(one)) if isinstance(one, list) else one for one in each]


def separator(dataset: Mapping[str, Any]) -> str | None:
    """Text between the genes of a perturbation; None if all perturbations have one gene."""
    given = dataset["validation"]
    sets = isinstance(given, Mapping) and any(isinstance(one, list) for one in given["genes"])
    found: str | None = dataset["pairs"]["separator"]
    return BETWEEN if found is None and sets else found


def baselines(config: Mapping[str, Any], complete: Mapping[str, Any]) -> list[str]:
    """List the baselines; by default there is one more in a screen with pairs.

    Parameters
    ----------
    config, complete
        The configuration as it was read, and with all defaults.
    """
    given = "baselines" in config
    more = not given and complete["dataset"]["pairs"]["separator"] is not None
    return [*gaps.baselines(complete, given=given), *(["additive"] if more else [])]


def pair_folds(crossval: Mapping[str, Any], dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Collect how pairs are held out, for the settings of jobs; empty without pairs."""
    if separator(dataset) is None:
        return {}
    folds = crossval["folds"] if crossval["scheme"] == "k_fold" else None
    pairs = {key: crossval[key] for key in ("genes_seen", "pairs_of_held_out")}
    return {"folds": folds, "pairs": pairs}


def check_pairs(config: Mapping[str, Any], experiments: Mapping[str, Experiment]) -> None:
    """Refuse what cannot be done yet in a screen with pairs.

    Raises
    ------
    ConfigError
        When an experiment is of the published protocol, has a learning curve or sources of genes,
        names are those of guides, or every gene is to be predicted.
    """
    dataset = config["dataset"]
    if separator(dataset) is None:
        return
    sections = {*config["priors"], *config["gene_features"]}
    problems = {
        "dataset: guides": any(
            dataset["guides"][way] is not None for way in ("separator", "pattern", "table")
        ),
        "dataset: validation: all": every_gene(dataset),
        "dataset: incomplete_genes: keep": gaps.keeps_gaps(dataset),
    }
    for name, each in experiments.items():
        place = f"experiments: {name}"
        problems[f"{place}: protocol: published"] = not each.held_out
        problems[f"{place}: members"] = bool(each.members)
        problems[f"{place}: crossval: scheme: split"] = each.split
        problems[f"{place}: learning_curve"] = each.training is not None
        problems[f"{place}: sources"] = bool(sections & {*each.sources})
    for place, wrong in problems.items():
        if wrong:
            raise ConfigError(
                place,
                "it does not know perturbations of several genes",
                expected="held-out experiments with `models:`, without learning curves, priors, "
                "gene_features, guides, gaps and given splits, where there are pairs",
                remedy="Remove it, or `dataset: pairs:` and the pairs.",
            )


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
        and experiment.unseen is None
        and not networks[experiment.network].shuffle
    )


def answers(
    experiment: Experiment, dataset: Mapping[str, Any], networks: Mapping[str, Network]
) -> bool:
    """Say whether an experiment writes predictions of genes that are named, or of every gene."""
    if every_gene(dataset):
        return predicts_every_gene(experiment, networks)
    return bool(genes(dataset)) and experiment.held_out


def check(
    config: Mapping[str, Any],
    experiments: Mapping[str, Experiment],
    networks: Mapping[str, Network],
) -> None:
    """Check that experiments can predict what is asked for; see the functions below.

    Raises
    ------
    ConfigError
        When they cannot.
    """
    check_every_gene(config["dataset"], experiments, networks)
    check_pairs(config, experiments)


def pair_files(dataset: Mapping[str, Any]) -> dict[str, str]:
    """Path of the table of pairs, by ``pairs``; empty without pairs."""
    several = dataset["pairs"]["separator"] is not None
    return {"pairs": f"{paths.DATASET}/pair_scores.csv"} if several else {}


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
