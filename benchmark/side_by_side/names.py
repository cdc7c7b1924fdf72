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
    "scale": "What a job takes, by size",
}

#: Stage of a large run → the terms that its time is a sum of, those of its memory and of what it
#: writes, and the file that its job makes. n perturbations, N genes of the network, G response
#: genes, A restart parameters, T components.
STAGES = {
    "read_perturbations": (("nG",), ("nG",), "perturbations/perturbations.npz"),
    "diffuse": (("N", "nN"), ("N", "nN"), "diffusion/alpha~0.75.npz"),
    "build_kernels": (("AnN", "An²N", "nG"), ("AnN", "An²", "nG"), "kernels/{kernels}.npz"),
    "loo_fold": (("AnN", "An²N", "AnNT"), ("AnN", "AN"), "published/folds/0.npz"),
    "predict_held_out": (
        ("nG", "n²G", "An²", "n³"),
        ("nG", "n²", "An²"),
        "echo/held_out/0.npz",
    ),
    "aggregate_held_out": (("nG", "n²G"), ("nG", "n²"), "base/summary.json"),
    "compare_experiments": (("nG", "n²G"), ("nG", "n²", "n"), "comparison.csv"),
}
