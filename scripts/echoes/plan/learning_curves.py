"""Learning curves: a run of an experiment for each number of training perturbations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from echoes.plan.experiments import Experiment
from echoes.plan.settings import ConfigError


def learning_curves(
    experiments: Mapping[str, Experiment], named: Mapping[str, Any]
) -> dict[str, dict[int, Experiment]]:
    """Make the runs of all learning curves.

    Parameters
    ----------
    experiments
        The experiments by name.
    named
        Their settings by name, after `settings.inherit`.

    Returns
    -------
    dict
        Name of an experiment → number of training perturbations → the run, smallest number first.

    Raises
    ------
    ConfigError
        When the protocol of an experiment with a learning curve is not ``held_out``.
    """
    curves = {}
    for name, experiment in experiments.items():
        sizes = named[name].get("learning_curve")
        if not sizes:
            continue
        if not experiment.held_out:
            raise ConfigError(
                f"experiments: {name}: learning_curve",
                f"the {experiment.protocol} protocol has none",
                expected="an experiment with `protocol: held_out`",
                remedy="Remove `learning_curve:`, or set `protocol: held_out`.",
            )
        curves[name] = {
            size: replace(
                experiment, name=f"{name}.{size}_perturbations", kind="size", training=size
            )
            for size in sorted(sizes)
        }
    return curves
