"""Network: links of any source, the weighted graph around the genes of the data set, its shuffles.

Needs: networks/{network}/source/{links,info,aliases}.txt or the edge list in `networks` of the
configuration, the table in `names`, perturbations/perturbations.npz.
Makes: networks/{network}/links.npz and links.json, which no screen is needed for; adjacency.npz,
laplacian.npz, genes.tsv, coverage.tsv, summary.json.
"""


rule read_string:
    """Read the confident links of STRING's tables, between genes."""
    input:
        script=scripts_file("read_string.py"),
        code=code("read_string.py"),
        links=lambda w: PLAN.networks[w.network].table_file("links", "txt"),
        info=lambda w: PLAN.networks[w.network].table_file("info", "txt"),
        receipts=lambda w: [
            PLAN.networks[w.network].table_file(table, "json")
            for table in ("links", "info")
        ],
    output:
        links="<results>/<dataset>/networks/{network}/links.npz",
        record="<results>/<dataset>/networks/{network}/links.json",
    log:
        "<logs>/<dataset>/read_string/{network}.log",
    benchmark:
        "<benchmarks>/<dataset>/read_string/{network}.tsv"
    wildcard_constraints:
        network=match_any(PLAN.of_kind("string")),
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    params:
        score_threshold=lambda w: PLAN.networks[w.network].argument("score_threshold"),
        channels=lambda w: PLAN.networks[w.network].argument("channels"),
    shell:
        "python {input.script:q}"
        " --links {input.links:q}"
        " --info {input.info:q}"
        " --receipts {input.receipts:q}"
        " --score-threshold {params.score_threshold}"
        " --channels {params.channels}"
        " --output {output.links:q}"
        " --record {output.record:q}"
        " 2> {log:q}"


rule read_edges:
    """Read the links of an edge list: a table, GraphML or SIF."""
    input:
        script=scripts_file("read_edges.py"),
        code=code("read_edges.py"),
        edges=lambda w: LOCAL_FILES[f"networks: {w.network}: edges"],
    output:
        links="<results>/<dataset>/networks/{network}/links.npz",
        record="<results>/<dataset>/networks/{network}/links.json",
    log:
        "<logs>/<dataset>/read_edges/{network}.log",
    benchmark:
        "<benchmarks>/<dataset>/read_edges/{network}.tsv"
    wildcard_constraints:
        network=match_any(PLAN.of_kind("edges")),
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    params:
        contents=lambda w: LOCAL_FILES.contents(f"networks: {w.network}: edges"),
        source=lambda w: PLAN.networks[w.network].argument("source"),
        target=lambda w: PLAN.networks[w.network].argument("target"),
        weight=lambda w: PLAN.networks[w.network].argument("weight"),
        header=lambda w: (
            [] if PLAN.networks[w.network].settings["header"] else "--no-header"
        ),
        scale=lambda w: PLAN.networks[w.network].argument("scale"),
        directed=lambda w: PLAN.networks[w.network].argument("directed"),
        score_threshold=lambda w: PLAN.networks[w.network].argument("score_threshold"),
    shell:
        "python {input.script:q}"
        " --edges {input.edges:q}"
        " --source={params.source:q}"
        " --target={params.target:q}"
        " --weight={params.weight:q}"
        " {params.header}"
        " --scale {params.scale}"
        " --directed {params.directed}"
        " --score-threshold {params.score_threshold}"
        " --output {output.links:q}"
        " --record {output.record:q}"
        " 2> {log:q}"


rule combine_networks:
    """Combine the links of several networks: their union, their intersection or their mean."""
    input:
        script=scripts_file("combine_networks.py"),
        code=code("combine_networks.py"),
        links=lambda w: PLAN.networks[w.network].part_files("npz"),
        records=lambda w: PLAN.networks[w.network].part_files("json"),
    output:
        links="<results>/<dataset>/networks/{network}/links.npz",
        record="<results>/<dataset>/networks/{network}/links.json",
    log:
        "<logs>/<dataset>/combine_networks/{network}.log",
    benchmark:
        "<benchmarks>/<dataset>/combine_networks/{network}.tsv"
    wildcard_constraints:
        network=match_any(PLAN.of_kind("combined")),
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    params:
        networks=lambda w: list(PLAN.networks[w.network].parts),
        how=lambda w: PLAN.networks[w.network].how,
        weights=lambda w: (
            list(PLAN.networks[w.network].parts.values())
            if PLAN.networks[w.network].how == "mean"
            else []
        ),
    shell:
        "python {input.script:q}"
        " --networks {params.networks:q}"
        " --links {input.links:q}"
        " --records {input.records:q}"
        " --how {params.how}"
        " --weights {params.weights}"
        " --output {output.links:q}"
        " --record {output.record:q}"
        " 2> {log:q}"


rule build_network:
    """Build the adjacency matrix of all links of silenced genes and of response genes."""
    input:
        script=scripts_file("build_network.py"),
        code=code("build_network.py"),
        links=lambda w: PLAN.networks[w.network].links_file("npz"),
        record=lambda w: PLAN.networks[w.network].links_file("json"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        names=LOCAL_FILES["names: table"],
        aliases=lambda w: PLAN.alias_files(w.network, "aliases"),
        info=lambda w: PLAN.alias_files(w.network, "info"),
    output:
        adjacency="<results>/<dataset>/networks/{network}/adjacency.npz",
        genes="<results>/<dataset>/networks/{network}/genes.tsv",
        coverage="<results>/<dataset>/networks/{network}/coverage.tsv",
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
        contents=LOCAL_FILES.contents("names: "),
        name_column=CONFIG["names"]["name"] or [],
        symbol_column=CONFIG["names"]["symbol"] or [],
        self_loop=lambda w: PLAN.networks[w.network].argument("self_loop"),
        edge_multiplicity=lambda w: PLAN.networks[w.network].argument(
            "edge_multiplicity"
        ),
        # Empty unless genes are named in the configuration, or all are to be predicted.
        asked=["--asked"] if asked.genes(CONFIG["dataset"]) else [],
        every=["--every-gene"] if asked.every_gene(CONFIG["dataset"]) else [],
    shell:
        "python {input.script:q}"
        " --links {input.links:q}"
        " --record {input.record:q}"
        " --perturbations {input.perturbations:q}"
        " --names {input.names:q}"
        " --name-column={params.name_column:q}"
        " --symbol-column={params.symbol_column:q}"
        " --aliases {input.aliases:q}"
        " --info {input.info:q}"
        " --self-loop {params.self_loop}"
        " --edge-multiplicity {params.edge_multiplicity}"
        " {params.asked} {params.every}"
        " --adjacency {output.adjacency:q}"
        " --genes {output.genes:q}"
        " --coverage {output.coverage:q}"
        " --summary {output.summary:q}"
        " 2> {log:q}"


rule rewire_network:
    """Shuffle the links of a network; each gene keeps its number of links."""
    input:
        script=scripts_file("rewire_network.py"),
        code=code("rewire_network.py"),
        adjacency=lambda w: PLAN.networks[w.network].unshuffled_file("adjacency.npz"),
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
