"""What may be concluded from a run, in three sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from echoes.report.page.metrics import METRICS

#: A value with the bounds of its 95 % interval; NaN where undefined.
Estimate = tuple[float, float, float]

_SHUFFLES = {
    "links": "a rewired network, where each gene keeps its number of links but not its neighbours",
    "labels": "a permuted network, where silenced genes stand in each other's places",
}


_BASELINES = {
    "mean": "the mean response for every gene",
    "zero": "no change at all",
    "nearest": "the mean of the nearest genes in the network",
    "additive": "the sum of single effects",
}


@dataclass(frozen=True)
class Outcome:
    """What the sentences are made of.

    Parameters
    ----------
    figures
        Estimates by experiment and metric.
    differences
        Estimates of experiment minus reference, by experiment, reference and metric.
    experiments
        Names of the held-out experiments on real networks, or on none.
    baselines
        Names of the baselines.
    twins
        Experiment → its twins on null networks, and how these are shuffled: ``links``, ``labels``.
    perturbations
        Number of perturbations that are scored.
    coverage
        Experiment → share of measurements inside their 68 % interval.
    bounds
        Metric → estimate of what the best of all models would reach.
    """

    figures: Mapping[tuple[str, str], Estimate]
    differences: Mapping[tuple[str, str, str], Estimate]
    experiments: Sequence[str]
    baselines: Sequence[str]
    twins: Mapping[str, Mapping[str, str]]
    perturbations: int
    coverage: Mapping[str, float]
    bounds: Mapping[str, Estimate]

    def figure(self, name: str, metric: str) -> Estimate:
        """Get an estimate; NaN where there is none."""
        return self.figures.get((name, metric), (math.nan,) * 3)

    def difference(self, name: str, reference: str, metric: str) -> Estimate:
        """Get the estimate of a difference; NaN where there is none."""
        return self.differences.get((name, reference, metric), (math.nan,) * 3)


def conclusions(outcome: Outcome) -> list[str]:
    """Say in three sentences how good predictions are, whether the network helps, what to trust.

    Parameters
    ----------
    outcome
        Figures of the run.

    Returns
    -------
    list of str
        Three sentences, or two where only the published protocol was run.
    """
    metric = main_metric(outcome)
    best = best_experiment(outcome, metric)
    if best is None:
        return _published(outcome)
    return [
        _how_good(outcome, best, metric),
        network_sentence(outcome, metric),
        _what_to_trust(outcome, best),
    ]


def main_metric(outcome: Outcome) -> str:
    """Name the figure that experiments are ranked by: the score where it is defined."""
    for metric in ("score", "r2_mean", "pearson_mean"):
        if any(math.isfinite(outcome.figure(name, metric)[0]) for name in outcome.experiments):
            return metric
    return "score"


def best_experiment(outcome: Outcome, metric: str) -> str | None:
    """Name the best held-out experiment; None if there is none."""
    scored = [
        name for name in outcome.experiments if math.isfinite(outcome.figure(name, metric)[0])
    ]
    # The first of those that are equally good, in the order of the configuration.
    return max(scored, key=lambda name: outcome.figure(name, metric)[0], default=None)


def estimate_text(estimate: Estimate, digits: int = 2) -> str:
    """Write an estimate with its interval, such as 0.15 (0.10 … 0.21)."""
    # Adding zero turns -0.0 into 0.0.
    value, lower, upper = (
        f"{round(number, digits) + 0.0:.{digits}f}".replace("-", "−") for number in estimate
    )
    if not math.isfinite(estimate[1]) or not math.isfinite(estimate[2]):
        return value
    return f"{value} ({lower} … {upper})"


def _title(metric: str) -> str:
    title = METRICS[metric].title
    return title if title.startswith("R²") else title[0].lower() + title[1:]


def _how_good(outcome: Outcome, best: str, metric: str) -> str:
    own = estimate_text(outcome.figure(best, metric))
    start = f"{best}, the only held-out experiment without a null network, was scored"
    if len(outcome.experiments) > 1:
        number = len(outcome.experiments)
        start = f"Of the {number} held-out experiments without a null network, {best} predicts best"
    text = f"{start}: its {_title(metric)} is {own}"
    baselines = [
        name for name in outcome.baselines if math.isfinite(outcome.figure(name, metric)[0])
    ]
    if not baselines:
        return f"{text}; there is no baseline to compare it with."
    rival = max(baselines, key=lambda name: outcome.figure(name, metric)[0])
    against = outcome.difference(best, rival, metric)
    words = _BASELINES.get(rival)
    named = f"the best baseline, {rival}{f' ({words})' if words else ''}"
    if against[1] > 0:
        verdict = "clearly better than"
    elif against[2] < 0:
        verdict = "worse than"
    else:
        verdict = "not to be told from"
    return f"{text}, {verdict} {named} (difference {estimate_text(against)})."


def network_sentence(outcome: Outcome, metric: str) -> str:
    """Say whether the network helps: an experiment against its twins on null networks.

    The best experiment that has a twin is judged. It takes an interval of the paired difference
    above 0 for every twin to say that the network helps.
    """
    tested = [name for name in outcome.experiments if outcome.twins.get(name)]
    tested = [name for name in tested if math.isfinite(outcome.figure(name, metric)[0])]
    if not tested:
        return (
            "Whether the network helps cannot be said: this run has no null network. Add one "
            "(`rewired: {of: …, shuffle: links}`) and an experiment on it to find out."
        )
    name = max(tested, key=lambda one: outcome.figure(one, metric)[0])
    twins = outcome.twins[name]
    against = {twin: outcome.difference(name, twin, metric) for twin in twins}
    parts = [
        f"{estimate_text(against[twin])} against {_SHUFFLES.get(how, 'a null network')}"
        for twin, how in twins.items()
    ]
    figures = f"{name} gains in {_title(metric)} " + ", and ".join(parts)
    if all(lower > 0 for _, lower, _ in against.values()):
        return f"The network helps: {figures}."
    if any(upper < 0 for *_, upper in against.values()):
        return f"The network does harm here: {figures}."
    if any(lower > 0 for _, lower, _ in against.values()):
        return f"Whether the network helps is not clear: {figures}."
    return f"It cannot be seen that the network helps: {figures}."


def _what_to_trust(outcome: Outcome, best: str) -> str:
    apart = outcome.figure(best, "discrimination_cosine")
    if not math.isfinite(apart[0]):
        text = f"How well {best} tells perturbations apart is not defined in this screen"
    elif apart[1] > 0.5:
        text = (
            f"The predictions of {best} tell perturbations apart (discrimination "
            f"{estimate_text(apart)}; "
            "chance is 0.50)"
        )
    else:
        text = (
            f"The predictions of {best} do not tell perturbations apart (discrimination "
            f"{estimate_text(apart)}; chance is 0.50), so do not read them gene by gene"
        )
    share = outcome.coverage.get(best, math.nan)
    if math.isfinite(share):
        word = "honest" if 0.63 <= share <= 0.74 else "too narrow" if share < 0.63 else "too wide"
        text += f"; its expected errors are {word}: 68 % intervals hold {round(100 * share)} % of "
        text += "measurements"
    bound = outcome.bounds.get("r2_mean")
    if bound is not None and math.isfinite(bound[0]):
        own = estimate_text(outcome.figure(best, "r2_mean")).split(" ")[0]
        text += f"; by replicates the best of all models would reach an R² of {bound[0]:.2f}, "
        text += f"and it has {own}"
    return f"{text}."


def _published(outcome: Outcome) -> list[str]:
    rows = {
        name: estimate
        for (name, metric), estimate in outcome.figures.items()
        if metric == "mean_fold_score"
    }
    if not rows:
        return [
            "No experiment has a figure that is defined in this screen.",
            network_sentence(outcome, "score"),
            "Look at the checks below, and at single perturbations in the explorer.",
        ]
    name, estimate = max(rows.items(), key=lambda item: item[1][0])
    return [
        (
            f"Only the published protocol was run: {name} has a mean fold score of "
            f"{estimate_text(estimate)}."
        ),
        (
            "Whether the network helps cannot be said: the published protocol has no null network "
            "that it could be compared with."
        ),
        (
            "Its score flatters, because principal components were computed from all responses: "
            "add a held-out experiment (`models: [echo]`) before you believe a prediction."
        ),
    ]
