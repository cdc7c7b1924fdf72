"""Diffusion: a random walk with restart from each silenced gene, and features made of it.

Needs: network/ or a variant of it, perturbations/perturbations.npz.
Makes: diffusion/alpha~{alpha}.npz and the like for variants of the network,
{experiment}/features.npz, kernels/{kernels}.npz.
"""


rule diffuse:
    """Solve the random walk with restart from every silenced gene, for one restart parameter."""
    input:
        script="scripts/diffuse.py",
        library=code("diffuse.py"),
        adjacency="<results>/<dataset>/network{threshold}{rewired}/adjacency.npz",
        laplacian="<results>/<dataset>/network{threshold}{rewired}/laplacian.npz",
        genes="<results>/<dataset>/network{threshold}/genes.tsv",
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
    output:
        "<results>/<dataset>/diffusion{threshold}{rewired}/alpha~{alpha}.npz",
    log:
        "<logs>/<dataset>/diffuse{threshold}{rewired}/alpha~{alpha}.log",
    benchmark:
        "<benchmarks>/<dataset>/diffuse{threshold}{rewired}/alpha~{alpha}.tsv"
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
        library=code("build_features.py"),
        diffusions=diffusion_files,
        adjacency=adjacency_file,
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
        alphas=lookup(dpath="{experiment}/diffusion/alphas", within=SETTINGS),
        transform=lookup(dpath="{experiment}/features/transform", within=SETTINGS),
        permute_labels=permuted,
        percentile=optional(
            "{experiment}/features/variance_percentile", within=SETTINGS
        ),
    shell:
        "python {input.script}"
        " --diffusions {input.diffusions}"
        " --adjacency {input.adjacency}"
        " --transform {params.transform}"
        " --permute-labels {params.permute_labels}"
        " --variance-percentile {params.percentile}"
        " --output {output}"
        " 2> {log}"


rule build_kernels:
    """Compare the silenced genes' diffusions with each other."""
    input:
        script="scripts/build_kernels.py",
        library=code("build_kernels.py"),
        diffusions=diffusion_files,
        adjacency=adjacency_file,
        genes=genes_file,
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
    output:
        "<results>/<dataset>/kernels/{kernels}.npz",
    log:
        "<logs>/<dataset>/build_kernels/{kernels}.log",
    benchmark:
        "<benchmarks>/<dataset>/build_kernels/{kernels}.tsv"
    conda:
        "../../envs/echoes.yaml"
    params:
        transform=kernels_transform,
        permute_labels=permuted,
    shell:
        "python {input.script}"
        " --diffusions {input.diffusions}"
        " --adjacency {input.adjacency}"
        " --genes {input.genes}"
        " --perturbations {input.perturbations}"
        " --transform {params.transform}"
        " --permute-labels {params.permute_labels}"
        " --output {output}"
        " 2> {log}"
