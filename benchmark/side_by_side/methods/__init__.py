"""What runs inside measured processes, and the names of what is compared in tables and plots."""

from __future__ import annotations

ITERATIVE = "echoes, iterative"
SUPERLU = "SciPy splu (SuperLU), published"

#: Method of diffusion → repeated, sampled or measured once.
DIFFUSION = {
    ITERATIVE: "repeated",
    "echoes, auto": "repeated",
    "echoes, dense": "once",
    "SciPy cg, column by column": "repeated",
    "scikit-network PageRank": "repeated",
    "igraph personalized_pagerank": "repeated",
    "networkx pagerank": "sampled",
    SUPERLU: "once",
}

EXACT = "echoes, exact"
SCIKIT_LEARN = "scikit-learn, published"
SKGLM = "skglm MultiTaskBCD"
