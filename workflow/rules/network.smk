"""Network: the weighted graph around the genes of the data set, and shuffled copies of it.

Needs: networks/{network}/source/{links,info}.txt, perturbations/perturbations.npz.
Makes: networks/{network}/adjacency.npz, laplacian.npz, genes.tsv, summary.json.
"""


rule build_network:
    """Build the adjacency matrix of all links of silenced genes and of response genes."""
    input:
        script=scripts_file("build_network.py"),
        code=code("build_network.py"),
        links=lambda w: paths.network_file(
            PLAN.networks[w.network].source, "source/links.txt"
        ),
        info=lambda w: paths.network_file(
            PLAN.networks[w.network].source, "source/info.txt"
        ),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
    output:
        adjacency="<results>/<dataset>/networks/{network}/adjacency.npz",
        genes="<results>/<dataset>/networks/{network}/genes.tsv",
        summary="<results>/<dataset>/networks/{network}/summary.json",
    log:
        "<logs>/<dataset>/build_network/{network}.log",
    benchmark:
        "<benchmarks>/<dataset>/build_network/{network}.tsv"
    wildcard_constraints:
        network=match_any(
            each.name for each in PLAN.networks.values() if not each.shuffle
        ),
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    params:
        score_threshold=lambda w: PLAN.networks[w.network].settings["score_threshold"],
        self_loop=lambda w: PLAN.networks[w.network].settings["self_loop"],
        edge_multiplicity=lambda w: PLAN.networks[w.network].settings[
            "edge_multiplicity"
        ],
    shell:
        "python {input.script:q}"
        " --links {input.links:q}"
        " --info {input.info:q}"
        " --perturbations {input.perturbations:q}"
        " --score-threshold {params.score_threshold}"
        " --self-loop {params.self_loop}"
        " --edge-multiplicity {params.edge_multiplicity}"
        " --adjacency {output.adjacency:q}"
        " --genes {output.genes:q}"
        " --summary {output.summary:q}"
        " 2> {log:q}"


rule rewire_network:
    """Shuffle the links of a network; each gene keeps its number of links."""
    input:
        script=scripts_file("rewire_network.py"),
        code=code("rewire_network.py"),
        adjacency=lambda w: paths.network_file(
            PLAN.networks[w.network].unshuffled, "adjacency.npz"
        ),
    output:
        "<results>/<dataset>/networks/{network}/adjacency.npz",
    log:
        "<logs>/<dataset>/rewire_network/{network}.log",
    benchmark:
        "<benchmarks>/<dataset>/rewire_network/{network}.tsv"
    wildcard_constraints:
        network=match_any(
            each.name for each in PLAN.networks.values() if each.shuffle == "links"
        ),
    conda:
        "../../envs/echoes.yaml"
    params:
        seed=lookup(dpath="seed", within=CONFIG),
    shell:
        "python {input.script:q}"
        " --adjacency {input.adjacency:q}"
        " --seed {params.seed}"
        " --output {output:q}"
        " 2> {log:q}"


rule build_laplacian:
    """Build the random-walk Laplacian of a network."""
    input:
        script=scripts_file("build_laplacian.py"),
        code=code("build_laplacian.py"),
        adjacency="<results>/<dataset>/networks/{network}/adjacency.npz",
    output:
        "<results>/<dataset>/networks/{network}/laplacian.npz",
    log:
        "<logs>/<dataset>/build_laplacian/{network}.log",
    benchmark:
        "<benchmarks>/<dataset>/build_laplacian/{network}.tsv"
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    shell:
        "python {input.script:q}"
        " --adjacency {input.adjacency:q}"
        " --output {output:q}"
        " 2> {log:q}"
