"""Screens with gaps or with a given split: which models learn from them, what must be set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from echoes.models.catalogue import MODELS
from echoes.plan.experiments import Experiment
from echoes.plan.settings import ConfigError


def keeps_gaps(dataset: Mapping[str, Any]) -> bool:
    """Say whether pairs of a perturbation and a gene may be missing."""
    return bool(dataset["incomplete_genes"] == "keep")


def baselines(config: Mapping[str, Any], *, given: bool) -> list[str]:
    """List the baselines; those of the defaults that cannot learn from gaps are left out.

    Parameters
    ----------
    config
        The configuration with all defaults.
    given
        Whether the configuration names the baselines, which then all count.
    """
    names: list[str] = config["baselines"]
    if given or not keeps_gaps(config["dataset"]):
        return names
    return [name for name in names if MODELS[name].gaps]


def check_models(experiment: Experiment, dataset: Mapping[str, Any]) -> None:
    """Check that the models of an experiment can learn from the gaps that are kept.

    Raises
    ------
    ConfigError
        When one cannot.
    """
    unable = [model for model in experiment.models if not MODELS[model].gaps]
    if keeps_gaps(dataset) and unable:
        able = ", ".join(name for name, model in MODELS.items() if model.gaps)
        baseline = experiment.kind == "baseline"
        raise ConfigError(
            "baselines" if baseline else f"experiments: {experiment.name}: models",
            f"{unable[0]} cannot learn from a screen with gaps, and `dataset: incomplete_genes:` "
            "is keep",
            expected=f"some of {able}",
            remedy="Leave this model out, or set `incomplete_genes: drop`.",
        )


def uses_split(experiments: Iterable[Experiment], dataset: Mapping[str, Any]) -> bool:
    """Say whether a given split is the protocol of all held-out experiments.

    Raises
    ------
    ConfigError
        When only some experiments use it, or no column has it.
    """
    held_out = [each for each in experiments if each.held_out]
    split = [each.name for each in held_out if each.split]
    if not split:
        return False
    others = [each.name for each in held_out if not each.split]
    if others:
        raise ConfigError(
            "crossval: scheme",
            f"split in {split[0]}, but not in {others[0]}",
            expected="the same perturbations held out in all experiments, to compare them",
            remedy="Set `crossval: {scheme: split}` for all, outside of `experiments:`.",
        )
    if dataset["columns"]["split"] is None:
        raise ConfigError(
            "crossval: scheme",
            "split, but no column says what is held out",
            expected="a table of effects with a column of train and test",
            remedy="Name it in `dataset: columns: split:`, or choose another scheme.",
        )
    return True
