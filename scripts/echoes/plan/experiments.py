"""Experiments, baselines and runs of sweeps: their models, networks and settings."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from echoes.models.catalogue import MODELS
from echoes.plan.settings import SECTIONS, ConfigError, Settings, nearest, overlay

#: Settings of every baseline: log features for `nearest`, and a single job.
BASELINE: Settings = {"features": {"transform": "log"}, "crossval": {"parts": 1}}
#: Largest residual of a diffusion relative to 1 − α, its right side.
LARGEST_ERROR = 1e-6


@dataclass(frozen=True)
class Experiment:
    """One way to predict the perturbations, with all its settings.

    Parameters
    ----------
    name
        Name of the experiment and of its folder.
    kind
        ``experiment``, ``baseline``, ``run`` of a sweep, or ``size`` of a learning curve.
    protocol
        ``held_out`` or ``published``.
    models
        Models whose predictions are averaged; empty for an ensemble.
    members
        Experiments whose predictions an ensemble averages; empty if there are models.
    network
        Name of its network.
    sources
        Names of further sources of likeness of silenced genes.
    sections
        The sections of the configuration, overridden by the keys of the experiment.
    training
        Number of training perturbations that each fold draws; None for all of them.
    """

    name: str
    kind: str
    protocol: str
    models: tuple[str, ...]
    members: tuple[str, ...]
    network: str
    sources: tuple[str, ...]
    sections: Settings = field(hash=False)
    training: int | None = None

    @property
    def held_out(self) -> bool:
        """Whether the protocol is ``held_out``: no response is used before it is predicted."""
        return self.protocol == "held_out"

    @property
    def inputs(self) -> frozenset[str]:
        """Inputs that its models need besides the responses; names in `catalogue.INPUTS`."""
        return frozenset(each for model in self.models for each in MODELS[model].inputs)

    @property
    def split(self) -> bool:
        """Whether a given split says what is held out, instead of folds."""
        return self.held_out and str(self.sections["crossval"]["scheme"]) == "split"

    @property
    def split_record(self) -> Settings:
        """What records say of a split: only a part of the perturbations is predicted."""
        return {"split": True} if self.split else {}

    @property
    def folds(self) -> int | None:
        """Number of folds; None if each silenced gene is a fold, or a split is given."""
        crossval = self.sections["crossval"]
        return int(crossval["folds"]) if crossval["scheme"] == "k_fold" else None

    @property
    def unseen(self) -> str | None:
        """Name of the prior that it learns from instead of the screen; None otherwise."""
        crossval = self.sections["crossval"]
        return str(crossval["prior"]) if crossval["scheme"] == "unseen" else None

    @property
    def parts(self) -> int:
        """Number of jobs that share the folds; at most the number of folds."""
        parts = 1 if self.split or self.unseen else int(self.sections["crossval"]["parts"])
        return parts if self.folds is None else min(parts, self.folds)

    @property
    def record(self) -> Settings:
        """What the list of compared experiments says of it."""
        parts = {"parts": self.parts} if self.held_out else {}
        first = {"name": self.name, "kind": self.kind, "protocol": self.protocol}
        return {**first, **parts, **self.split_record}

    def model_settings(self) -> Settings:
        """Select the settings that its models read, by section."""
        reads = {path for model in self.models for path in MODELS[model].reads}
        selected = {
            section: {
                key: value
                for key, value in self.sections[section].items()
                if reads & {section, f"{section}.{key}"}
            }
            for section in SECTIONS
        }
        return {section: keys for section, keys in selected.items() if keys}


def make_experiment(
    name: str, kind: str, settings: Mapping[str, Any], config: Settings
) -> Experiment:
    """Merge the settings of an experiment with those of the configuration, and check them.

    Parameters
    ----------
    name
        Name of the experiment.
    kind
        ``experiment``, ``baseline`` or ``run``.
    settings
        Settings of the experiment.
    config
        The configuration with all defaults.

    Raises
    ------
    ConfigError
        When it names no model, an unknown model, a model that its protocol cannot evaluate, or an
        unknown network.
    """
    place = {"baseline": "baselines", "run": f"sweeps: {name}"}.get(kind, f"experiments: {name}")
    models, members = settings.get("models", ()), settings.get("members", ())
    protocol = settings.get("protocol", "held_out")
    if bool(models) == bool(members):
        raise ConfigError(
            place,
            "it has models and members" if models else "it has neither models nor members",
            expected="`models:`, or `members:` for an ensemble of other experiments",
            remedy=f"Name some models, such as `models: [echo]`; there are {', '.join(MODELS)}.",
        )
    for model in models:
        _check_model(model, protocol, place if kind == "baseline" else f"{place}: models")
    if members:
        _check_ensemble(place, protocol, settings)
    network = settings.get("network") or next(iter(config["networks"]))
    if network not in config["networks"]:
        raise ConfigError(
            f"{place}: network",
            f"there is no network {network}",
            expected=f"one of {', '.join(config['networks'])}",
            remedy=nearest(
                network, config["networks"], "Correct the name, or add it under `networks:`."
            ),
        )
    sections = {
        section: overlay(config[section], settings.get(section, {})) for section in SECTIONS
    }
    alphas, transform = _where_nothing_is_chosen(models)
    if sections["diffusion"]["alphas"] is None:
        sections["diffusion"]["alphas"] = alphas
    if sections["features"]["transform"] is None:
        sections["features"]["transform"] = transform
    _check_alphas(place, sections["diffusion"])
    return Experiment(
        name,
        kind,
        protocol,
        tuple(models),
        tuple(members),
        network,
        tuple(settings.get("sources", ())),
        sections,
    )


def _check_alphas(place: str, diffusion: Mapping[str, Any]) -> None:
    """Refuse restart parameters so near 1 that the residual of a diffusion certifies nothing.

    A diffusion's right side is 1 − α, so that 0 leaves a residual no larger than that.
    """
    tolerance = float(diffusion["tolerance"])
    # Those of a sweep were not checked against the schema yet.
    alphas = diffusion["alphas"] if isinstance(diffusion["alphas"], list) else []
    for alpha in alphas:
        if isinstance(alpha, float) and 0 < 1 - alpha < tolerance / LARGEST_ERROR:
            raise ConfigError(
                f"{place}: diffusion: alphas",
                f"{alpha!r} is so near 1 that a residual of {tolerance:g} (`diffusion: tolerance`) "
                "does not tell a solution from none",
                expected=f"at most {1 - tolerance / LARGEST_ERROR:.10g}",
                remedy="Choose a smaller restart parameter, or a smaller tolerance.",
            )


def _where_nothing_is_chosen(models: Sequence[str]) -> tuple[list[float], str]:
    """Restart parameters and scale of the diffusions for these models.

    Linear models have those of the published method. Models that compare silenced genes have what
    is best on a real screen (K562).
    """
    if any("kernels" in MODELS[model].inputs for model in models):
        return [0.25], "log"
    return [0.75], "none"


def _check_model(model: str, protocol: str, place: str) -> None:
    """Refuse an unknown model, or one that the protocol cannot evaluate."""
    allowed = [name for name, entry in MODELS.items() if protocol in entry.protocols]
    if model not in allowed:
        raise ConfigError(
            place,
            f"there is no model {model}"
            if model not in MODELS
            else f"{model} cannot be evaluated by the {protocol} protocol",
            expected=f"one of {', '.join(allowed)}",
            remedy="Choose another protocol."
            if model in MODELS
            else nearest(model, allowed, "Correct the name."),
        )


def _check_ensemble(place: str, protocol: str, settings: Mapping[str, Any]) -> None:
    """Refuse settings that belong to the members of an ensemble, and the published protocol."""
    extra = [
        key for key in (*SECTIONS, "network", "sources") if key in settings and key != "crossval"
    ]
    if protocol != "held_out" or extra:
        raise ConfigError(
            place,
            f"an ensemble has no `{extra[0]}:`"
            if extra
            else f"an ensemble cannot have `protocol: {protocol}`",
            expected="only `members:` and `crossval:`, with `protocol: held_out`",
            remedy="Set it in the members instead." if extra else "Set `protocol: held_out`.",
        )


def check_members(experiment: Experiment, experiments: Mapping[str, Experiment]) -> None:
    """Check that each member of an ensemble is a held-out experiment that has models.

    Raises
    ------
    ConfigError
        When a member is not.
    """
    possible = [name for name, each in experiments.items() if each.held_out and each.models]
    for name in experiment.members:
        member = experiments.get(name)
        if member is None or not member.held_out:
            problem = "no experiment that is held out"
        elif member.members:
            problem = "an ensemble itself"
        else:
            continue
        raise ConfigError(
            f"experiments: {experiment.name}: members",
            f"{name} is {problem}",
            expected="experiments with `protocol: held_out` and `models:`",
            remedy=nearest(name, possible, "Correct the list.")
            if name not in experiments
            else "Correct the list.",
        )


def sweep_runs(
    sweep: str, settings: Mapping[str, Any], experiments: Mapping[str, Any]
) -> Iterator[tuple[str, Settings, Settings]]:
    """Yield all runs of a sweep: one for each combination of the values in its grid.

    Parameters
    ----------
    sweep
        Name of the sweep.
    settings
        The experiment that it varies, and the values of each setting (``grid``).
    experiments
        Settings of all experiments by name, after `settings.inherit`.

    Yields
    ------
    name, settings, varied
        Name of the run, all its settings, and those that the sweep varies.

    Raises
    ------
    ConfigError
        When the experiment is not a held-out one with models, or the grid has a key that is no
        setting of an experiment.
    """
    base = experiments.get(settings["experiment"])
    if not base or base.get("protocol", "held_out") != "held_out" or "members" in base:
        raise ConfigError(
            f"sweeps: {sweep}: experiment",
            str(settings["experiment"]),
            expected="the name of an experiment with `protocol: held_out` and `models:`",
            remedy="Correct the name, or add the experiment."
            if base
            else nearest(
                settings["experiment"], experiments, "Correct the name, or add the experiment."
            ),
        )
    grid: Mapping[str, Sequence[Any]] = settings["grid"]
    for path in grid:
        if "." in path and path.partition(".")[0] not in SECTIONS:
            raise ConfigError(
                f"sweeps: {sweep}: grid",
                path,
                expected=f"models, network, or a key of {', '.join(SECTIONS)}",
                remedy=nearest(
                    path.partition(".")[0],
                    SECTIONS,
                    "Write it as section.key, for instance diffusion.alphas.",
                ),
            )
    for number, values in enumerate(itertools.product(*grid.values())):
        varied = dict(zip(grid, values, strict=True))
        changes: Settings = {}
        for path, value in varied.items():
            section, _, key = path.rpartition(".")
            (changes.setdefault(section, {}) if section else changes)[key] = value
        yield f"{sweep}.{number}", overlay(base, changes), varied
