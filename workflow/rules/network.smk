"""Network: the weighted graph around the genes of the data set.

Needs: string/{links,info}.txt, perturbations/perturbations.npz.
Makes: network/adjacency.npz, network/laplacian.npz, network/genes.tsv, network/summary.json.
"""


rule build_network:
    """Build the adjacency matrix of the links that touch a perturbed or a response gene."""
    input:
        script="scripts/build_network.py",
        library=library(
            *("command", "errors", "files", "metrics", "network", "perturbations"),
            *("string_db", "tables"),
        ),
        links="<results>/<dataset>/string/links.txt",
        info="<results>/<dataset>/string/info.txt",
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
    output:
        adjacency="<results>/<dataset>/network/adjacency.npz",
        genes="<results>/<dataset>/network/genes.tsv",
        summary="<results>/<dataset>/network/summary.json",
    log:
        "<logs>/<dataset>/build_network.log",
    benchmark:
        "<benchmarks>/<dataset>/build_network.tsv"
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    params:
        network=lookup(dpath="network", within=config),
    shell:
        "python {input.script}"
        " --links {input.links}"
        " --info {input.info}"
        " --perturbations {input.perturbations}"
        " --score-threshold {params.network[score_threshold]}"
        " --self-loop {params.network[self_loop]}"
        " --edge-multiplicity {params.network[edge_multiplicity]}"
        " --adjacency {output.adjacency}"
        " --genes {output.genes}"
        " --summary {output.summary}"
        " 2> {log}"


rule build_laplacian:
    """Build the random-walk Laplacian of the network."""
    input:
        script="scripts/build_laplacian.py",
        library=library("command", "errors", "files", "network"),
        adjacency="<results>/<dataset>/network/adjacency.npz",
    output:
        "<results>/<dataset>/network/laplacian.npz",
    log:
        "<logs>/<dataset>/build_laplacian.log",
    benchmark:
        "<benchmarks>/<dataset>/build_laplacian.tsv"
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    shell:
        "python {input.script} --adjacency {input.adjacency} --output {output} 2> {log}"
