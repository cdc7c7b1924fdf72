"""What to cite: this program, and what it builds on."""

from __future__ import annotations

from dataclasses import dataclass

from echoes.report.provenance import VERSION

PROGRAM = (
    "The echoes developers. echoes: what a transcriptome does when one gene is silenced, from "
    f"diffusion over a protein network. Version {VERSION}."
)


@dataclass(frozen=True)
class Article:
    """An article, and what it is cited for."""

    authors: str
    title: str
    place: str
    doi: str
    reason: str


#: The references of CITATION.cff, in its order.
ARTICLES = (
    Article(
        "Szklarczyk et al.",
        "The STRING database in 2023: protein-protein association networks and functional "
        "enrichment analyses for any sequenced genome of interest",
        "Nucleic Acids Research 51, 2023",
        "10.1093/nar/gkac1000",
        "the network, where it is STRING",
    ),
    Article(
        "Köhler et al.",
        "Walking the interactome for prioritization of candidate disease genes",
        "American Journal of Human Genetics 82, 2008",
        "10.1016/j.ajhg.2008.02.013",
        "the random walk with restart",
    ),
    Article(
        "Mölder et al.",
        "Sustainable data analysis with Snakemake",
        "F1000Research 10, 2021",
        "10.12688/f1000research.29032.2",
        "the workflow",
    ),
    Article(
        "Maslov and Sneppen",
        "Specificity and stability in topology of protein networks",
        "Science 296, 2002",
        "10.1126/science.1065103",
        "rewired networks",
    ),
    Article(
        "Ahlmann-Eltze, Huber and Anders",
        "Deep-learning-based gene perturbation effect prediction does not yet outperform simple "
        "linear baselines",
        "Nature Methods, 2025",
        "10.1038/s41592-025-02772-6",
        "the baselines",
    ),
)
