"""What each figure of the page means, in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A figure of predictions.

    Parameters
    ----------
    title
        Its name in the page.
    text
        What it says, in a sentence or two.
    chance
        What guessing gives; None where there is no such number.
    lower_is_better
        Whether small values are good ones.
    digits
        Decimal places.
    """

    title: str
    text: str
    chance: float | None = None
    lower_is_better: bool = False
    digits: int = 2


#: Name in tables → what it is, in the order of the page.
METRICS = {
    "score": Metric(
        "Score",
        "The competition's score: for each perturbation, how much smaller its weighted error is "
        "than that of a baseline (log2), summed over perturbations, times the weighted cosine of "
        "all predictions and measurements. 0 is no better than predicting no change.",
    ),
    "pearson_mean": Metric(
        "Correlation of deviations",
        "Correlation of predicted and measured changes after the mean response of all "
        "perturbations is taken away: what is specific to the silenced gene. 0 is chance, 1 "
        "perfect. A constant prediction has none.",
        chance=0.0,
    ),
    "r2_mean": Metric(
        "R² of deviations",
        "Share of the variation around the mean response that the prediction explains. 0 is as "
        "good as the mean, 1 perfect; below 0 it is worse than the mean.",
        chance=0.0,
    ),
    "discrimination_cosine": Metric(
        "Discrimination",
        "How often a prediction is nearer to its own perturbation than to another one (cosine). "
        "0.5 is chance, 1 perfect.",
        chance=0.5,
    ),
    "pearson_control": Metric(
        "Correlation",
        "Correlation of predicted and measured changes against control cells. Much of it comes "
        "from what any perturbation does, so that the mean response already gets some.",
        chance=0.0,
    ),
    "better_than_baseline": Metric(
        "Better",
        "Number of perturbations whose weighted error is smaller than the baseline's.",
        digits=0,
    ),
    "mae": Metric(
        "Mean error",
        "Mean absolute error of all genes, in log2 units. Smaller is better.",
        lower_is_better=True,
        digits=3,
    ),
    "overlap_50": Metric(
        "Overlap of top 50",
        "Share of the 50 genes that change most which are also among the 50 that are predicted to.",
    ),
    "sign_accuracy_50": Metric(
        "Direction of top 50",
        "Share of the 50 genes that change most whose direction, up or down, is predicted "
        "correctly. 0.5 is chance.",
        chance=0.5,
    ),
    "auroc_de_gene": Metric(
        "AUROC, differential",
        "For each gene: how well predictions rank the perturbations that change it above those "
        "that do not. 0.5 is chance, 1 perfect.",
        chance=0.5,
    ),
    "ap_de_gene": Metric(
        "Average precision, differential",
        "For each gene: the mean precision when perturbations are taken in the predicted order. "
        "Chance is the share of perturbations that change the gene.",
    ),
    "auroc_up_gene": Metric(
        "AUROC, up or down",
        "For each gene: how well predictions rank the perturbations that raise it above those "
        "that lower it. 0.5 is chance, 1 perfect.",
        chance=0.5,
    ),
    "mean_fold_score": Metric(
        "Fold score (published)",
        "The published protocol's score: the mean of each row's own score against responses "
        "rebuilt from their principal components. It has seen the answers and flatters; it "
        "compares with itself alone.",
    ),
}

#: Figures that only single perturbations, pairs or learning curves have.
FURTHER = {
    "term": Metric(
        "Score of the perturbation",
        "What the perturbation adds to the score: how many times smaller its weighted error is "
        "than the baseline's, as log2. 0 is no better, 1 half the error; 5 is the most there is.",
        chance=0.0,
    ),
    "wmae": Metric(
        "Weighted error",
        "Mean absolute error with the weights of the score, in log2 units. Smaller is better.",
        lower_is_better=True,
        digits=3,
    ),
    "discrimination_l1": Metric(
        "Discrimination (L1)",
        "How often a prediction is nearer to its own perturbation than to another one, by the sum "
        "of absolute differences. 0.5 is chance, 1 perfect.",
        chance=0.5,
    ),
}
#: All of them.
EVERY = METRICS | FURTHER

#: What an interval of a single perturbation says.
INTERVAL = (
    "Intervals (95 %) say how exactly a figure is known from the genes that were measured: genes "
    "that respond together count as one, and the noise of the measurement is in it. How the model "
    "would differ had it learnt from other perturbations is not."
)

#: Figures of single perturbations, in the order of the page.
OF_PERTURBATIONS = (
    *("pearson_mean", "r2_mean", "discrimination_cosine", "term", "pearson_control"),
    *("mae", "overlap_50", "sign_accuracy_50"),
)
