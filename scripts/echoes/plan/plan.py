"""The plan of a run: all experiments, networks and sweeps of a configuration, and their records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from echoes.io.files import atomic_path
from echoes.models.catalogue import MODELS
from echoes.plan import asked, checks, datasets, files, gaps, paths, sources
from echoes.plan.experiments import (
    BASELINE,
    Experiment,
    check_members,
    make_experiment,
    sweep_runs,
)
from echoes.plan.learning_curves import learning_curves
from echoes.plan.networks import Network, read_networks, recorded_settings
from echoes.plan.settings import ConfigError, Settings, check_finite, complete, inherit, overlay


class Plan:
    """All experiments, networks, files and records that follow from a configuration.

    Parameters
    ----------
    config
        A configuration that is valid by the schema.
    schema
        The schema, which has the defaults.

    Attributes
    ----------
    config
        The configuration with all defaults.
    networks
        Networks by name.
    experiments, baselines, runs
        Experiments by name: those of the configuration, the baselines, and the runs of sweeps.
    sweeps
        For each sweep by name: its runs by name, with the settings that vary.
    curves
        For each experiment with a learning curve: its runs by number of training perturbations.
    split
        Whether a given split says what is held out.
    everything
        All experiments, baselines and runs by name, those of learning curves too.
    run_settings
        Settings of the runs by name, in the form of `experiments:`, to be checked by the schema.

    Raises
    ------
    ConfigError
        When the configuration cannot be run.
    """

    def __init__(self, config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
        check_finite(config)
        self.config: Settings = complete(config, schema)
        checks.check_names(self.config["names"])
        self.networks: dict[str, Network] = read_networks(
            self.config["networks"],
            self.config["seed"],
            table_of_names=self.config["names"]["table"] is not None,
        )
        datasets.check_dataset(config["dataset"])
        for name, prior in config.get("priors", {}).items():
            datasets.check_dataset(prior, f"priors: {name}")
        sources.check_names(self.config)
        checks.check_example(self.config, self.networks)
        named = inherit(self.config["experiments"], "experiments")
        if not named:
            raise ConfigError(
                "experiments",
                "there is none",
                expected="at least one",
                remedy="Name one, for instance `experiments: {echo: {models: [echo]}}`.",
            )
        self.experiments = self._make_experiments("experiment", named)
        self.baselines = self._make_experiments("baseline", {
            name: overlay(BASELINE, {"models": [name]})
            for name in asked.baselines(config, self.config)
        })  # fmt: skip
        self.run_settings: Settings = {}
        self.sweeps: dict[str, dict[str, Settings]] = {}
        for sweep, settings in self.config["sweeps"].items():
            if settings is not None:
                self.sweeps[sweep] = {}
                for name, run, varied in sweep_runs(sweep, settings, named):
                    self.run_settings[name] = run
                    self.sweeps[sweep][name] = varied
        self.runs = self._make_experiments("run", self.run_settings)
        self.curves = learning_curves(self.experiments, named)
        self.sizes = {run.name: run for curve in self.curves.values() for run in curve.values()}
        for name, experiment in self.experiments.items():
            if name in self.sizes or name in self.baselines or name in self.runs:
                raise ConfigError(
                    f"experiments: {name}",
                    "a baseline or a run has this name",
                    expected="another name",
                    remedy="Rename the experiment, or take it from `baselines:`.",
                )
            check_members(experiment, self.experiments)
        self.everything = {**self.sizes, **self.runs, **self.baselines, **self.experiments}
        for experiment in self.everything.values():
            sources.check(experiment, self.config)
            gaps.check_models(experiment, self.config["dataset"])
        self.split = gaps.uses_split(self.everything.values(), self.config["dataset"])
        asked.check(self.config, {**self.experiments, **self.sizes}, self.networks)

    def _make_experiments(
        self, kind: str, settings: Mapping[str, Settings]
    ) -> dict[str, Experiment]:
        return {
            name: make_experiment(name, kind, each, self.config) for name, each in settings.items()
        }

    def network(self, experiment: str) -> Network:
        """Get the network of an experiment."""
        return self.networks[self.everything[experiment].network]

    def members(self, experiment: str) -> list[Experiment]:
        """List the experiments that an ensemble averages, or the experiment itself."""
        one = self.everything[experiment]
        return [self.experiments[name] for name in one.members] or [one]

    @property
    def compared(self) -> list[Experiment]:
        """Held-out experiments and baselines, in the order of the comparison."""
        return [
            each for each in (*self.baselines.values(), *self.experiments.values()) if each.held_out
        ]

    @property
    def published(self) -> list[Experiment]:
        """Experiments of the published protocol."""
        return [each for each in self.experiments.values() if not each.held_out]

    @property
    def kernels(self) -> dict[tuple[str, str], Experiment]:
        """For each set of kernels one experiment that uses it, by names of network and kernels."""
        return {
            (network, paths.kernels_name(each)): each
            for each in self.everything.values()
            if "kernels" in each.inputs
            for network in (each.network, *each.sources)
            if network in self.networks
        }

    def source_files(self, one: Experiment) -> dict[str, str]:
        """Paths of the kernels of an experiment's further sources, in the data set's folder."""
        return {name: sources.source_file(one, name, self.config) for name in one.sources}

    @property
    def prior_folders(self) -> dict[str, str]:
        """Folders of the priors, in that of the data set, and their names."""
        return {f"priors/{name}": name for name in self.config["priors"]}

    def model_modules(self, experiment: str) -> list[str]:
        """List the modules, by dotted names, that contain an experiment's models."""
        members = self.members(experiment)
        return sorted({MODELS[model].module for each in members for model in each.models})

    def input_files(self, experiment: str) -> list[str]:
        """List the paths of the kernels and features that an experiment's models learn from."""
        inputs: list[str] = []
        for each in self.members(experiment):
            inputs += [paths.kernels_file(each)] if "kernels" in each.inputs else []
            inputs += self.source_files(each).values()
            inputs += [paths.features_file(each)] if "features" in each.inputs else []
        inputs += sources.unseen_files(self.everything[experiment]).values()
        return [f"{paths.DATASET}/{file}" for file in dict.fromkeys(inputs)]

    def network_summary(self, experiment: str) -> list[str]:
        """List the path of the summary of an experiment's network; empty if no model uses it."""
        network = self._used_network(experiment)
        return [network.unshuffled_file("summary.json")] if network else []

    def receipts(self, experiment: str, table: str) -> list[str]:
        """List the path of the record of where an experiment's links, or names, came from.

        Parameters
        ----------
        experiment
            Name of the experiment. The list is empty if no model of it uses a network.
        table
            ``links``; or ``info`` or ``aliases``, which only networks of STRING have.
        """
        network = self._used_network(experiment)
        if network is None:
            return []
        if table in network.tables:
            return [network.table_file(table, "json")]
        if table == "links":
            return [network.links_file("json")]
        return []

    def alias_files(self, network: str, table: str) -> list[str]:
        """List the path of STRING's ``aliases``, or of their ``info``; empty if not used."""
        owner = self.networks[network].aliases
        return [] if owner is None else [self.networks[owner].table_file(table, "txt")]

    def of_kind(self, kind: str) -> list[str]:
        """List the names of the networks of one kind, such as ``edges``."""
        return [name for name, network in self.networks.items() if network.kind == kind]

    def _used_network(self, experiment: str) -> Network | None:
        """Get the network of an experiment, or of its first member; None if no model uses it."""
        members = self.members(experiment)
        return self.network(members[0].name) if any(each.inputs for each in members) else None

    def validation_file(self, experiment: str) -> list[str]:
        """List the path of the held-out predictions of the validation genes, if there are any."""
        held_out = self.has_validation and self.everything[experiment].held_out
        return [paths.experiment_file(experiment, "held_out/validation.npz")] if held_out else []

    def names(self, *, held_out: bool) -> list[str]:
        """List the names of all experiments of the held-out protocol, or of all others."""
        return [name for name, each in self.everything.items() if each.held_out == held_out]

    def permutation_seed(self, network: str) -> int | list[int]:
        """Return the seed for permuting the silenced genes; an empty list if they are not."""
        one = self.networks[network]
        return int(one.settings["seed"]) if one.shuffle == "labels" else []

    def screen(self, folder: str) -> Settings:
        """Get the settings of the data set (``perturbations``) or of a prior, by its folder."""
        if folder == paths.PERTURBATIONS:
            return dict(self.config["dataset"])
        return dict(self.config["priors"][self.prior_folders[folder]])

    def prior_file(self, prior: str, local: Mapping[str, list[str]]) -> str:
        """Path of the file of a prior, given the local files; it may have to be downloaded."""
        kind = datasets.layout(self.config["priors"][prior])
        found = local[f"priors: {prior}: {kind}"]
        return found[0] if found else f"{paths.DATASET}/priors/{prior}/source/cells.h5ad"

    def numbers_file(self, section: str, source: str, local: Mapping[str, list[str]]) -> str:
        """Path of the numbers of a source: the screen of a prior, or a table of genes."""
        if section == "priors":
            return f"{paths.DATASET}/priors/{source}/screen.npz"
        return local[f"gene_features: {source}: table"][0]

    @property
    def layout(self) -> str:
        """Kind of the data set's main table: ``means``, ``deltas``, ``effects`` or ``h5ad``."""
        return datasets.layout(self.config["dataset"])

    def cell_files(self, *names: str) -> list[str]:
        """List the paths of files that are made of cells; empty if the data set has none."""
        if self.layout != "h5ad":
            return []
        return [f"{paths.DATASET}/{paths.PERTURBATIONS}/{name}" for name in names]

    @property
    def bound_files(self) -> list[str]:
        """List the path of the table of upper bounds; empty if there can be no replicates."""
        replicates = datasets.has_replicates(self.config["dataset"])
        return [f"{paths.DATASET}/upper_bound.csv"] if replicates else []

    def shared_files(self) -> list[str]:
        """List the paths of final files that are of no single experiment."""
        own = [*self.cell_files("cells.md", "cells.png"), *self.bound_files]
        return [*own, *paths.comparison_files(list(self.sweeps)), *paths.curve_files(self.curves)]

    @property
    def has_validation(self) -> bool:
        """Whether there are perturbations to predict: in a table, a column, or named genes."""
        dataset = self.config["dataset"]
        split = None if self.split else dataset["columns"]["split"]
        return bool(asked.table(dataset) or asked.genes(dataset) or split)

    def settings(self, name: str) -> Settings:
        """Collect the settings that an experiment depends on, as ``settings.json`` has them.

        Parameters
        ----------
        name
            Name of the experiment, or ``perturbations`` for the settings of the data set.
        """
        if name == paths.PERTURBATIONS:
            hold_out = {"hold_out_test": True} if self.split else {}
            return datasets.reading_settings(self.config["dataset"]) | hold_out
        if name in self.prior_folders:
            prior = self.config["priors"][self.prior_folders[name]]
            return datasets.reading_settings(prior, prior=True)
        one = self.everything[name]
        if not one.held_out:
            return {
                "experiment": one.name,
                "protocol": one.protocol,
                "models": list(one.models),
                **self._graph_settings(one),
                **one.model_settings(),
            }
        members = self.members(name)
        inner = one.kind == "run"
        return {
            "experiment": one.name,
            "protocol": one.protocol,
            "crossval": sources.crossval_settings(one, self.config),
            **one.split_record,
            "inner": inner,
            "members": {
                each.name: self._member_settings(each, inner=inner or len(members) > 1)
                for each in members
            },
        }

    def _member_settings(self, one: Experiment, *, inner: bool) -> Settings:
        """Collect the settings that the models of one member read."""
        return {
            "models": list(one.models),
            "kernels": paths.kernels_file(one) if "kernels" in one.inputs else None,
            "features_file": paths.features_file(one) if "features" in one.inputs else None,
            "sources": self.source_files(one),
            **(self._graph_settings(one) if one.inputs else {}),
            **self._objective(one.model_settings()),
            **({"inner_crossval": one.sections["inner_crossval"]} if inner else {}),
        }

    def _objective(self, settings: Settings) -> Settings:
        """Choose the objective of a model, if none is set: the score, if there are weights."""
        for section in settings.values():
            if section.get("objective", "") is None:
                weighed = datasets.has_weights(self.config["dataset"])
                section["objective"] = "score" if weighed else "squared"
        return settings

    def _graph_settings(self, one: Experiment) -> Settings:
        """Collect the settings of an experiment's network and of its diffusion."""
        network = self.networks[one.network]
        names = {key: self.config["names"][key] for key in ("name", "symbol")}
        return {
            "network": {"name": network.name, **recorded_settings(self.networks, network.name)},
            # Where other names of genes are looked up.
            "names": {"table": names}
            if self.config["names"]["table"]
            else {"aliases": bool(network.aliases)},
            "diffusion": {
                "alphas": one.sections["diffusion"]["alphas"],
                "tolerance": one.sections["diffusion"]["tolerance"],
            },
        }

    def comparison(self) -> Settings:
        """List the experiments and baselines that are compared, for ``experiments.json``."""
        records = [
            each.record | asked.pair_folds(each.sections["crossval"], self.config["dataset"])
            for each in self.compared
        ]
        return {"experiments": [*records, *(each.record for each in self.published)]}

    def sweep(self, name: str) -> Settings:
        """List the runs of a sweep, for ``sweeps/{sweep}.json``."""
        runs = [
            {"name": run, "varied": varied, "parts": self.runs[run].parts}
            | self.runs[run].split_record
            for run, varied in self.sweeps[name].items()
        ]
        return {"sweep": name, "runs": runs}

    def local_files(self, *, stored: bool = False) -> files.LocalFiles:
        """Find the local files that the configuration names; see `echoes.plan.files`."""
        return files.local_files(self.config, self.networks, stored=stored)

    def write(self, folder: Path) -> Path:
        """Write all records for the jobs to one file, unless it exists; its name is a hash of them.

        The records are not passed on command lines, where one argument can have 128 KiB at most.

        Parameters
        ----------
        folder
            Folder of the file.

        Returns
        -------
        Path
            Path of the file: a JSON object of records, by the names of the files that jobs write.
        """
        records: dict[str, Settings] = {"experiments.json": self.comparison()}
        named = (paths.PERTURBATIONS, *self.prior_folders, *self.everything)
        records |= {f"{name}/settings.json": self.settings(name) for name in named}
        records |= {f"sweeps/{name}.json": self.sweep(name) for name in self.sweeps}
        text = json.dumps(records, ensure_ascii=False)
        file = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:20]}.json"
        if not file.exists():
            with atomic_path(file) as partial:
                partial.write_text(text, encoding="utf-8")
        return file


def count_folds(table: Sequence[str]) -> int:
    """Count the folds in the lines of the table of folds, which has a header."""
    return len([line for line in table if line.strip()]) - 1
