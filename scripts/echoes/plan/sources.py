"""Further sources of likeness that experiments name: networks, priors and tables of genes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from echoes.plan import asked, paths
from echoes.plan.experiments import Experiment
from echoes.plan.settings import ConfigError, nearest

#: Sections of the configuration with sources by name.
SECTIONS = ("networks", "priors", "gene_features")


def check_names(config: Mapping[str, Any]) -> None:
    """Check that no two sources have one name.

    Raises
    ------
    ConfigError
        When two have.
    """
    counts = Counter(name for section in SECTIONS for name in config[section])
    for name, count in counts.items():
        if count > 1:
            sections = [section for section in SECTIONS if name in config[section]]
            raise ConfigError(
                f"{sections[-1]}: {name}",
                f"{sections[0]} has this name, too",
                expected="a name of its own for each source",
                remedy="Rename one of them.",
            )


def check_sources(experiment: Experiment, config: Mapping[str, Any]) -> None:
    """Check the sources that an experiment names.

    Raises
    ------
    ConfigError
        When there is none of this name, it is the network of the experiment, or no model of the
        experiment learns from sources.
    """
    known = [name for section in SECTIONS for name in config[section]]
    for name in experiment.sources:
        if name not in known or name == experiment.network:
            problem = "is its network already" if name in known else "is no source"
            others = [each for each in known if each != experiment.network]
            raise ConfigError(
                f"experiments: {experiment.name}: sources",
                f"{name} {problem}",
                expected=f"some of {', '.join(others)}" if others else "no sources: there are none",
                remedy="Remove it."
                if name in known
                else nearest(
                    name,
                    others,
                    "Correct the name, or add it under networks, priors or gene_features.",
                ),
            )
    if experiment.sources and "echo" not in experiment.models:
        raise ConfigError(
            f"experiments: {experiment.name}: sources",
            f"{', '.join(experiment.models)} cannot learn from them",
            expected="`models: [echo]`",
            remedy="Remove the sources, or choose this model.",
        )


def unseen_files(experiment: Experiment) -> dict[str, str]:
    """Path of the responses that an experiment learns from instead of the screen, by ``unseen``."""
    prior = experiment.unseen
    return {} if prior is None else {"unseen": f"priors/{prior}/aligned.npz"}


def crossval_settings(experiment: Experiment, config: Mapping[str, Any]) -> dict[str, Any]:
    """Collect the settings that say what is held out and what is learnt from.

    Runs of a learning curve draw training subsets; screens with pairs hide genes; and an unseen
    cell line is predicted from a prior.
    """
    settings: dict[str, Any] = {"folds": experiment.folds, "parts": experiment.parts}
    if experiment.training is not None:
        settings |= {"training": experiment.training, "seed": config["seed"]}
    settings |= asked.pair_folds(experiment.sections["crossval"], config["dataset"])
    return {**settings, **unseen_files(experiment)}


def check(experiment: Experiment, config: Mapping[str, Any]) -> None:
    """Check the sources of an experiment, and the prior that it may learn from.

    Raises
    ------
    ConfigError
        As `check_sources` and `check_unseen` do.
    """
    check_sources(experiment, config)
    check_unseen(experiment, config)


def check_unseen(experiment: Experiment, config: Mapping[str, Any]) -> None:
    """Check the prior that an experiment learns from instead of the screen.

    Raises
    ------
    ConfigError
        When there is no prior of this name, or the experiment is published or a learning curve.
    """
    prior = experiment.unseen
    if prior is None:
        return
    if prior not in config["priors"]:
        raise ConfigError(
            "crossval: prior",
            f"there is no prior {prior}",
            expected=f"one of {', '.join(config['priors']) or 'the priors: there are none'}",
            remedy=nearest(
                prior,
                config["priors"],
                "Correct the name, or add the other cells under `priors:`.",
            ),
        )
    if not experiment.held_out or experiment.training is not None:
        raise ConfigError(
            f"experiments: {experiment.name}: crossval",
            "unseen with the published protocol or a learning curve",
            expected="`protocol: held_out`, without `learning_curve:`",
            remedy="Choose another scheme for this experiment.",
        )


def source_file(experiment: Experiment, name: str, config: Mapping[str, Any]) -> str:
    """Path of the kernels of a source, relative to the folder of the data set."""
    if name in config["networks"]:
        return f"networks/{name}/kernels/{paths.kernels_name(experiment)}.npz"
    section = "priors" if name in config["priors"] else "gene_features"
    return f"{section}/{name}/kernel.npz"
