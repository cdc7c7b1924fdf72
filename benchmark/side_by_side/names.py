"""What is compared; the names stand in tables and plots."""

from __future__ import annotations

ECHOES_DIFFUSION = "echoes, iterative"
SUPERLU = "SciPy splu (SuperLU), published"

#: Method of diffusion → repeated, sampled or measured once.
DIFFUSION = {
    ECHOES_DIFFUSION: "repeated",
    "echoes, auto": "repeated",
    "echoes, dense": "once",
    "SciPy cg, column by column": "repeated",
    "scikit-network PageRank": "repeated",
    "igraph personalized_pagerank": "repeated",
    "networkx pagerank": "sampled",
    SUPERLU: "once",
}

ECHOES_FOLD = "echoes, exact"
SCIKIT_LEARN = "scikit-learn, published"
SKGLM = "skglm MultiTaskBCD"

#: Penalties of the single fits.
SINGLE = (1.0, 0.1, 0.01)

#: Section → what it measures, in the order of the report.
SECTIONS = {
    "diffusion": "Diffusion",
    "elastic_net": "One fold",
    "whole_run": "The whole run",
    "comparison": "The comparison",
    "links": "A file of links as large as STRING's",
    "growth": "How cost grows",
}
