"""All models by name: what each reads, which inputs it needs, and the function that fits it.

To add a model, write a module in this package and add an entry here. Nothing here imports
numpy: the Snakefile reads this list each time it is read.
"""

from __future__ import annotations

from dataclasses import dataclass

#: The two ways to evaluate an experiment, which are never mixed.
PROTOCOLS = ("published", "held_out")
#: Inputs that a model may need besides the responses: inner products of network features of the
#: silenced genes (kernels), or the features themselves.
INPUTS = ("kernels", "features")


@dataclass(frozen=True)
class Model:
    """What the workflow must know about a model before it runs.

    Parameters
    ----------
    function
        ``module:name`` of the function that takes a task and settings and gives a prediction.
    reads
        Sections of an experiment's settings that it reads, or single keys as ``section.key``.
    inputs
        Inputs that it needs besides the responses; names in `INPUTS`.
    protocols
        Protocols that it can be evaluated by; names in `PROTOCOLS`.
    gaps
        Whether it learns from responses of which some were not measured.
    """

    function: str
    reads: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ("held_out",)
    gaps: bool = False

    @property
    def module(self) -> str:
        """Dotted name of the module that its function is in."""
        return self.function.partition(":")[0]

    @property
    def expected_errors(self) -> bool:
        """Whether its inner loop predicts the training rows, which tells how large errors are."""
        return "inner_crossval" in self.reads


_LINEAR = ("features", "response", "regression")

MODELS: dict[str, Model] = {
    "zero": Model("echoes.models.baselines:zero", gaps=True),
    "mean": Model("echoes.models.baselines:mean", gaps=True),
    "median": Model("echoes.models.baselines:median", gaps=True),
    "weighted_median": Model("echoes.models.baselines:weighted_median", gaps=True),
    "reweighted_median": Model("echoes.models.baselines:reweighted_median", gaps=True),
    "blend": Model("echoes.models.baselines:blend", ("blend", "inner_crossval"), gaps=True),
    "nearest": Model(
        "echoes.models.baselines:nearest",
        ("inner_crossval", "features.transform"),
        ("kernels",),
        gaps=True,
    ),
    "bilinear": Model("echoes.models.baselines:bilinear", ("inner_crossval", "response")),
    "transfer": Model("echoes.models.transfer:transfer", ("transfer",)),
    "additive": Model("echoes.models.pairs:additive"),
    "echo": Model(
        "echoes.models.echo:echo",
        ("echo", "inner_crossval", "features.transform"),
        ("kernels",),
        gaps=True,
    ),
    "ridge": Model("echoes.models.regression:ridge", _LINEAR, ("features",), PROTOCOLS),
    "elastic_net": Model("echoes.models.regression:elastic_net", _LINEAR, ("features",), PROTOCOLS),
}
