"""Diffusion: a random walk with restart from each silenced gene; features and kernels from it.

Needs: networks/{network}/, perturbations/perturbations.npz.
Makes: networks/{network}/diffusion/alpha~{alpha}.npz, networks/{network}/kernels/{kernels}.npz,
{experiment}/features.npz.
"""

# Several restart parameters are solved side by side, a single one by several processes.
ALPHAS = {
    alpha
    for each in PLAN.everything.values()
    for alpha in each.sections["diffusion"]["alphas"]
}


rule diffuse:
    """Solve the random walk with restart from every silenced gene, for one restart parameter."""
    input:
        script=scripts_file("diffuse.py"),
        code=code("diffuse.py"),
        adjacency="<results>/<dataset>/networks/{network}/adjacency.npz",
        laplacian="<results>/<dataset>/networks/{network}/laplacian.npz",
        genes=lambda w: PLAN.networks[w.network].unshuffled_file("genes.tsv"),
        coverage=lambda w: PLAN.networks[w.network].unshuffled_file("coverage.tsv"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
    output:
        "<results>/<dataset>/networks/{network}/diffusion/alpha~{alpha}.npz",
    log:
        "<logs>/<dataset>/diffuse/{network}_alpha~{alpha}.log",
    benchmark:
        "<benchmarks>/<dataset>/diffuse/{network}_alpha~{alpha}.tsv"
    priority: 1
    conda:
        "../../envs/echoes.yaml"
    threads: max(1, 4 // len(ALPHAS))
    params:
        tolerance=lookup(dpath="diffusion/tolerance", within=CONFIG),
        backend=lookup(dpath="diffusion/backend", within=CONFIG),
        memory_gb=lookup(dpath="diffusion/memory_gb", within=CONFIG),
    shell:
        "python {input.script:q}"
        " --adjacency {input.adjacency:q}"
        " --laplacian {input.laplacian:q}"
        " --genes {input.genes:q}"
        " --coverage {input.coverage:q}"
        " --perturbations {input.perturbations:q}"
        " --alpha {wildcards.alpha}"
        " --tolerance {params.tolerance}"
        " --backend {params.backend}"
        " --memory-gb {params.memory_gb}"
        " --workers {threads}"
        " --output {output:q}"
        " 2> {log:q}"


rule build_features:
    """Put an experiment's diffusions side by side and filter their columns by variance."""
    input:
        script=scripts_file("build_features.py"),
        code=code("build_features.py"),
        diffusions=lambda w: PLAN.network(w.experiment).diffusion_files(
            setting("diffusion/alphas")(w)
        ),
        adjacency=lambda w: paths.network_file(
            PLAN.network(w.experiment).graph, "adjacency.npz"
        ),
        # Silenced genes are shuffled by name.
        perturbations=lambda w: (
            "<results>/<dataset>/perturbations/perturbations.npz"
            if PLAN.network(w.experiment).shuffle == "labels"
            else []
        ),
    output:
        "<results>/<dataset>/{experiment}/features.npz",
    log:
        "<logs>/<dataset>/{experiment}/build_features.log",
    benchmark:
        "<benchmarks>/<dataset>/{experiment}/build_features.tsv"
    conda:
        "../../envs/echoes.yaml"
    params:
        # Snakemake compares inputs as a set, but the features depend on their order.
        alphas=setting("diffusion/alphas"),
        transform=setting("features/transform"),
        seed=lambda w: PLAN.permutation_seed(PLAN.network(w.experiment).name),
        percentile=setting("features/variance_percentile"),
    shell:
        "python {input.script:q}"
        " --diffusions {input.diffusions:q}"
        " --adjacency {input.adjacency:q}"
        " --transform {params.transform}"
        " --permute-labels {params.seed}"
        " --perturbations {input.perturbations:q}"
        " --variance-percentile {params.percentile}"
        " --output {output:q}"
        " 2> {log:q}"


rule build_kernels:
    """Compute kernels: inner products of the silenced genes' diffusions."""
    input:
        script=scripts_file("build_kernels.py"),
        code=code("build_kernels.py"),
        diffusions=lambda w: PLAN.networks[w.network].diffusion_files(
            KERNELS[w.network, w.kernels].sections["diffusion"]["alphas"]
        ),
        adjacency=lambda w: paths.network_file(
            PLAN.networks[w.network].graph, "adjacency.npz"
        ),
        genes=lambda w: PLAN.networks[w.network].unshuffled_file("genes.tsv"),
        coverage=lambda w: PLAN.networks[w.network].unshuffled_file("coverage.tsv"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
    output:
        "<results>/<dataset>/networks/{network}/kernels/{kernels}.npz",
    log:
        "<logs>/<dataset>/build_kernels/{network}_{kernels}.log",
    benchmark:
        "<benchmarks>/<dataset>/build_kernels/{network}_{kernels}.tsv"
    wildcard_constraints:
        kernels=match_any(name for _, name in KERNELS),
    priority: 1
    conda:
        "../../envs/echoes.yaml"
    params:
        transform=lambda w: KERNELS[w.network, w.kernels].sections["features"][
            "transform"
        ],
        seed=lambda w: PLAN.permutation_seed(w.network),
    shell:
        "python {input.script:q}"
        " --diffusions {input.diffusions:q}"
        " --adjacency {input.adjacency:q}"
        " --genes {input.genes:q}"
        " --coverage {input.coverage:q}"
        " --perturbations {input.perturbations:q}"
        " --transform {params.transform}"
        " --permute-labels {params.seed}"
        " --output {output:q}"
        " 2> {log:q}"
