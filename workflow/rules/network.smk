"""Network: the weighted graph around the genes of the data set.

Needs: string/{links,info}.txt, perturbations/perturbations.npz.
Makes: network/adjacency.npz, network/laplacian.npz, network/genes.tsv, network/summary.json;
where an experiment shuffles links, network_rewired/adjacency.npz, network_rewired/laplacian.npz.
"""


rule build_network:
    """Build the adjacency matrix of the links that touch a perturbed or a response gene."""
    input:
        script="scripts/build_network.py",
        library=code("build_network.py"),
        links="<results>/<dataset>/string/links.txt",
        info="<results>/<dataset>/string/info.txt",
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
    output:
        adjacency="<results>/<dataset>/network{threshold}/adjacency.npz",
        genes="<results>/<dataset>/network{threshold}/genes.tsv",
        summary="<results>/<dataset>/network{threshold}/summary.json",
    log:
        "<logs>/<dataset>/build_network{threshold}.log",
    benchmark:
        "<benchmarks>/<dataset>/build_network{threshold}.tsv"
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    params:
        score_threshold=score_threshold,
        self_loop=lookup(dpath="network/self_loop", within=config),
        edge_multiplicity=lookup(dpath="network/edge_multiplicity", within=config),
    shell:
        "python {input.script}"
        " --links {input.links}"
        " --info {input.info}"
        " --perturbations {input.perturbations}"
        " --score-threshold {params.score_threshold}"
        " --self-loop {params.self_loop}"
        " --edge-multiplicity {params.edge_multiplicity}"
        " --adjacency {output.adjacency}"
        " --genes {output.genes}"
        " --summary {output.summary}"
        " 2> {log}"


rule rewire_network:
    """Shuffle the links of the network, where each gene keeps its number of links."""
    input:
        script="scripts/rewire_network.py",
        library=code("rewire_network.py"),
        adjacency="<results>/<dataset>/network{threshold}/adjacency.npz",
    output:
        "<results>/<dataset>/network{threshold}_rewired/adjacency.npz",
    log:
        "<logs>/<dataset>/rewire_network{threshold}.log",
    benchmark:
        "<benchmarks>/<dataset>/rewire_network{threshold}.tsv"
    conda:
        "../../envs/echoes.yaml"
    params:
        seed=lookup(dpath="seed", within=config),
    shell:
        "python {input.script}"
        " --adjacency {input.adjacency}"
        " --seed {params.seed}"
        " --output {output}"
        " 2> {log}"


rule build_laplacian:
    """Build the random-walk Laplacian of the network, or of the rewired one."""
    input:
        script="scripts/build_laplacian.py",
        library=code("build_laplacian.py"),
        adjacency="<results>/<dataset>/network{threshold}{rewired}/adjacency.npz",
    output:
        "<results>/<dataset>/network{threshold}{rewired}/laplacian.npz",
    log:
        "<logs>/<dataset>/build_laplacian{threshold}{rewired}.log",
    benchmark:
        "<benchmarks>/<dataset>/build_laplacian{threshold}{rewired}.tsv"
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    shell:
        "python {input.script} --adjacency {input.adjacency} --output {output} 2> {log}"
