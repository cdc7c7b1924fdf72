"""The residuals of the model `echo`: kernel ridge regressions from what is known of silenced genes.

Each kernel with each penalty is an operator, a matrix that turns the residuals of the training
perturbations into those of the perturbations to predict.

Kernel ridge regression: Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning",
2nd edition, Springer, 2009, section 5.8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Bools, Floats, Numbers, Singles
from echoes.models.component_ridge import path_fitter, predict_components
from echoes.models.gap_ridge import gap_ridge
from echoes.models.gaps import mean_response
from echoes.models.knockdown import fill_silenced_entries
from echoes.models.similarity import network_kernel, profile_kernel
from echoes.models.sources import Likeness
from echoes.models.task import Settings, Task

#: Names of kernels in the configuration → shares of the network kernel and the profile kernel.
KERNELS = {"network": (1.0, 0.0), "profile": (0.0, 1.0), "both": (0.5, 0.5)}
#: Name in the configuration of the residual from all sources, with penalties and kernels for each
#: principal component of the responses (see `component_ridge`).
SOURCES = "sources"
#: For up to so many penalties of a kernel, systems are solved; for more, it is decomposed once.
_FEW_PENALTIES = 4


@dataclass(frozen=True)
class Echo:
    """Settings of the model: the candidates that the inner cross-validation weighs.

    Parameters
    ----------
    blends
        Shares of the re-weighted median in the base, 0 … 1.
    kernels
        Names in `KERNELS`, and `SOURCES`; without a kernel there is no residual.
    penalties
        Ridge penalties in units of a kernel's mean diagonal. A residual of 0 is always a
        candidate too.
    inner_folds
        Number of folds of the inner cross-validation.
    objective
        What candidates are weighed by: a name in `objective.OBJECTIVES`.
    rate
        How fast likeness falls with the cosine (see `sources.Likeness`).
    race
        Whether candidates that are clearly behind are not judged on all rows (see `race`).
    """

    blends: tuple[float, ...]
    kernels: tuple[str, ...]
    penalties: tuple[float, ...]
    inner_folds: int
    objective: str
    rate: float
    race: bool

    @property
    def whole(self) -> tuple[str, ...]:
        """Names in `KERNELS` among the kernels: one penalty for all genes."""
        return tuple(name for name in self.kernels if name != SOURCES)

    @property
    def with_profiles(self) -> Bools:
        """(O,) whether the kernel of each operator has a share of profiles."""
        of_kernels = np.array([KERNELS[name][1] > 0 for name in self.whole], dtype=np.bool_)
        return np.repeat(of_kernels, len(self.penalties))

    @classmethod
    def from_settings(cls, settings: Settings) -> Echo:
        """Read the sections ``echo`` and ``inner_crossval`` of an experiment's settings."""
        section = settings["echo"]
        return cls(
            blends=tuple(section["blends"]),
            kernels=tuple(section["kernels"]),
            penalties=tuple(section["penalties"]),
            inner_folds=settings["inner_crossval"]["folds"],
            objective=section["objective"],
            rate=section["rate"],
            race=section["race"],
        )


def centred_responses(task: Task) -> tuple[Floats, Floats]:
    """Residuals (m, G) and mean (G,) of training responses without knockdowns, in log2 units.

    The mean of a gene is that over the perturbations of other genes, and its residual in those of
    its own is 0; in a task with gaps it is a gap.
    """
    if task.has_gaps:
        responses = fill_silenced_entries(task)
        mean = mean_response(responses)
        return responses - mean, mean
    m, genes = task.deltas.shape
    own = task.silenced_entries()
    residuals = task.deltas.copy()
    residuals[own] = 0.0
    others = m - np.bincount(own[1], minlength=genes)
    mean = residuals.sum(axis=0) / np.maximum(others, 1)
    residuals -= mean
    residuals[own] = 0.0
    return residuals, mean


def whole_kernels(
    task: Task,
    responses: Floats,
    names: Sequence[str],
    of_profiles: Callable[[Task], Singles] | None = None,
) -> list[Floats]:
    """Kernels (m + q, m) of names in `KERNELS`, in their order.

    Parameters
    ----------
    task
        Gives the network.
    responses
        (m, G) training responses, without knockdowns.
    names
        The names.
    of_profiles
        Makes the kernel of profiles, where it need not be in double precision.
    """
    m = task.n_training
    network = profile = np.zeros((len(task.silenced), m))
    if any(KERNELS[name][0] for name in names):
        network = network_kernel(task)[:, :m]
    if any(KERNELS[name][1] for name in names):
        made = of_profiles(task) if of_profiles else profile_kernel(task, responses)[:, :m]
        profile = made.astype(np.float64, copy=False)
    return share_kernels(names, network, profile)


def share_kernels(names: Sequence[str], network: Numbers, profile: Numbers) -> list[Numbers]:
    """Make the kernels of names in `KERNELS` from those of the network and of profiles."""
    # A share of 1 needs no copy.
    single = {(1.0, 0.0): network, (0.0, 1.0): profile}
    shares = [KERNELS[name] for name in names]
    return [
        single[share] if share in single else share[0] * network + share[1] * profile
        for share in shares
    ]


def residual_operators(
    task: Task,
    responses: Floats,
    settings: Echo,
    wanted: Bools | None = None,
    of_profiles: Callable[[Task], Singles] | None = None,
) -> Floats:
    """Kernel ridge regressions as matrices, (O, q, m).

    Each matrix times the residuals (m, G) of the training perturbations gives the predicted
    residuals (q, G). There is one for each kernel and, within a kernel, for each penalty.

    Parameters
    ----------
    task
        Gives the kernels.
    responses
        (m, G) training responses, without knockdowns.
    settings
        The candidates.
    wanted
        (O,) which of them to compute; None for all.
    of_profiles
        As in `whole_kernels`.
    """
    names, penalties = kernels_and_penalties(wanted, settings)
    kernels = whole_kernels(task, responses, names, of_profiles)
    solved = map(solve_exactly, kernels, penalties)
    return np.concatenate([np.empty((0, task.n_to_predict, task.n_training)), *solved])


def solve_exactly(kernel: Floats, penalties: Floats) -> Floats:
    """Kernel ridge regressions as matrices (L, q, m) for L penalties.

    Parameters
    ----------
    kernel
        (m + q, m) kernel.
    penalties
        (L,) ridge penalties.
    """
    m = kernel.shape[1]
    if len(penalties) > _FEW_PENALTIES:
        values, vectors = np.linalg.eigh(kernel[:m])
        across = (kernel[m:] @ vectors) / (np.maximum(values, 0.0) + penalties[:, None, None])
        rotated: Floats = (across.reshape(-1, m) @ vectors.T).reshape(across.shape)
        return rotated
    operators = np.empty((len(penalties), len(kernel) - m, m))
    for penalty, operator in zip(penalties, operators, strict=True):
        system = kernel[:m].copy()
        system[np.diag_indices(m)] += penalty
        operator[:] = np.linalg.solve(system, kernel[m:].T).T
    return operators


def kernels_and_penalties(
    wanted: Bools | None, settings: Echo, every: Sequence[str] | None = None
) -> tuple[list[str], list[Floats]]:
    """Name the kernels that wanted operators need, and give the penalties of each.

    Parameters
    ----------
    wanted
        (O,) which operators are wanted; None for all.
    settings
        The candidates.
    every
        Names of all kernels of operators; those of the settings where they are not given.
    """
    every = settings.whole if every is None else every
    shape = (len(every), len(settings.penalties))
    chosen = np.ones(shape, dtype=np.bool_) if wanted is None else wanted.reshape(shape)
    penalties = np.array(settings.penalties)
    return (
        [name for name, of_kernel in zip(every, chosen, strict=True) if of_kernel.any()],
        [penalties[of_kernel] for of_kernel in chosen if of_kernel.any()],
    )


def source_residuals(task: Task, residuals: Floats, settings: Echo) -> Floats | Singles:
    """Residuals (q, G) predicted from all sources of likeness; zeros without `SOURCES`.

    Parameters
    ----------
    task
        Gives the sources.
    residuals
        (m, G) residuals of the training perturbations, columns with mean 0.
    settings
        Gives rate and penalties.
    """
    if SOURCES not in settings.kernels or not task.sources:
        return np.zeros((task.n_to_predict, residuals.shape[1]))
    likeness = Likeness(task.sources, task.n_training, settings.rate)
    fit = path_fitter(likeness, settings.penalties)
    groups = task.groups[: task.n_training]
    return predict_components(likeness.coverage, residuals, fit, groups)


def n_kernels(task: Task, settings: Echo) -> int:
    """Count the kernels with penalties for all genes; with gaps, those of sources too."""
    of_sources = min(len(task.sources), 2) if task.has_gaps and SOURCES in settings.kernels else 0
    return len(settings.whole) + of_sources


def residuals_with_gaps(
    task: Task, residuals: Floats, settings: Echo, wanted: Bools | None = None
) -> Floats:
    """Predict the residuals of a task with gaps with each kernel and penalty, (O, q, G).

    Parameters
    ----------
    task
        Gives the kernels; those of all sources come last.
    residuals
        (m, G) residuals of the training perturbations; NaN where not measured.
    settings
        The candidates.
    wanted
        (O,) which of them to compute; None for all.
    """
    of_sources = ("sum", "product")[: n_kernels(task, settings) - len(settings.whole)]
    names, penalties = kernels_and_penalties(wanted, settings, [*settings.whole, *of_sources])
    kernels = whole_kernels(task, residuals, [name for name in names if name in KERNELS])
    if joins := [name for name in names if name in of_sources]:
        # Principal components need complete rows: sources are joined for all genes alike.
        likeness = Likeness(task.sources, task.n_training, settings.rate)
        kernels += [likeness.kernel(likeness.coverage.names, join) for join in joins]
    fits = [
        gap_ridge(kernel, residuals, of_kernel.tolist())
        for kernel, of_kernel in zip(kernels, penalties, strict=True)
    ]
    none = np.empty((0, task.n_to_predict, residuals.shape[1]))
    return np.concatenate([none, *fits])
