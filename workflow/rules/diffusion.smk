"""Diffusion: a random walk with restart from each silenced gene, and features made of it.

Needs: network/, perturbations/perturbations.npz; where links are shuffled, network_rewired/.
Makes: diffusion/alpha~{alpha}.npz or diffusion_rewired/alpha~{alpha}.npz,
{experiment}/features.npz.
"""


rule diffuse:
    """Solve the random walk with restart from every silenced gene, for one restart parameter."""
    input:
        script="scripts/diffuse.py",
        library=library("command", "diffusion", "errors", "files", "network"),
        adjacency="<results>/<dataset>/network{rewired}/adjacency.npz",
        laplacian="<results>/<dataset>/network{rewired}/laplacian.npz",
        genes="<results>/<dataset>/network/genes.tsv",
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
    output:
        "<results>/<dataset>/diffusion{rewired}/alpha~{alpha}.npz",
    log:
        "<logs>/<dataset>/diffuse{rewired}/alpha~{alpha}.log",
    benchmark:
        "<benchmarks>/<dataset>/diffuse{rewired}/alpha~{alpha}.tsv"
    conda:
        "../../envs/echoes.yaml"
    threads: 4
    params:
        tolerance=lookup(dpath="diffusion/tolerance", within=config),
        backend=lookup(dpath="diffusion/backend", within=config),
        memory_gb=lookup(dpath="diffusion/memory_gb", within=config),
    shell:
        "python {input.script}"
        " --adjacency {input.adjacency}"
        " --laplacian {input.laplacian}"
        " --genes {input.genes}"
        " --perturbations {input.perturbations}"
        " --alpha {wildcards.alpha}"
        " --tolerance {params.tolerance}"
        " --backend {params.backend}"
        " --memory-gb {params.memory_gb}"
        " --workers {threads}"
        " --output {output}"
        " 2> {log}"


rule build_features:
    """Put an experiment's diffusions side by side and filter their columns by variance."""
    input:
        script="scripts/build_features.py",
        library=library("command", "errors", "features", "files"),
        diffusions=collect(
            "<results>/<dataset>/diffusion{rewired}/alpha~{alpha}.npz",
            rewired=rewired,
            alpha=lookup(dpath="{experiment}/diffusion/alphas", within=EXPERIMENTS),
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
        # Snakemake compares inputs as a set; their order is that of the features.
        alphas=lookup(dpath="{experiment}/diffusion/alphas", within=EXPERIMENTS),
        percentile=optional(
            "{experiment}/features/variance_percentile", within=EXPERIMENTS
        ),
    shell:
        "python {input.script}"
        " --diffusions {input.diffusions}"
        " --variance-percentile {params.percentile}"
        " --output {output}"
        " 2> {log}"
