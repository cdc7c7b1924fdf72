"""Inputs: STRING's tables, fetched and unpacked; the tables of perturbations, read and aligned.

Needs: what `string` and `dataset` in the config name.
Makes: string/{links,info}.txt, perturbations/perturbations.npz and the table of folds.
"""


rule simulate_example:
    """Make the embedded example: a small data set in the real formats, with a planted signal."""
    input:
        script="scripts/simulate_example.py",
        library=code("simulate_example.py"),
    output:
        links="<results>/simulated/9606.protein.links.v12.0.txt.gz",
        info="<results>/simulated/9606.protein.info.v12.0.txt.gz",
        means="<results>/simulated/training_data_means.csv",
        truth="<results>/simulated/training_data_ground_truth_table.csv",
        validation="<results>/simulated/pert_ids_val.csv",
        sample="<results>/simulated/sample_submission.csv",
        validation_truth="<results>/simulated/validation_truth.csv",
    log:
        "<logs>/simulated/simulate_example.log",
    benchmark:
        "<benchmarks>/simulated/simulate_example.tsv"
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    params:
        simulation=lookup(dpath="simulation", within=config),
        padding=lookup(dpath="submission/padding", within=config),
    shell:
        "python {input.script}"
        " --network-genes {params.simulation[network_genes]}"
        " --network-links {params.simulation[network_links]}"
        " --perturbations {params.simulation[perturbations]}"
        " --validation-genes {params.simulation[validation_genes]}"
        " --response-genes {params.simulation[response_genes]}"
        " --isolated {params.simulation[isolated]}"
        " --signal {params.simulation[signal]}"
        " --noise {params.simulation[noise]}"
        " --seed {params.simulation[seed]}"
        " --padding {params.padding}"
        " --links {output.links}"
        " --info {output.info}"
        " --means {output.means}"
        " --truth {output.truth}"
        " --validation {output.validation}"
        " --sample-submission {output.sample}"
        " --validation-truth {output.validation_truth}"
        " 2> {log}"


rule download_string:
    """Fetch a table of STRING from its server, or copy a local one."""
    input:
        script="scripts/download_string.py",
        library=code("download_string.py"),
        local=string_file,
    output:
        table="<results>/<dataset>/string/{table}.txt.gz",
        receipt="<results>/<dataset>/string/{table}.json",
    log:
        "<logs>/<dataset>/download_string/{table}.log",
    benchmark:
        "<benchmarks>/<dataset>/download_string/{table}.tsv"
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    params:
        source=string_source,
        sha256=optional("string/checksums/{table}", within=config),
    shell:
        "python {input.script}"
        " --source {params.source:q}"
        " --sha256 {params.sha256:q}"
        " --output {output.table}"
        " --receipt {output.receipt}"
        " 2> {log}"


rule gunzip_string:
    """Unpack a table of STRING."""
    input:
        script="scripts/gunzip_string.py",
        library=code("gunzip_string.py"),
        table="<results>/<dataset>/string/{table}.txt.gz",
    output:
        "<results>/<dataset>/string/{table}.txt",
    log:
        "<logs>/<dataset>/gunzip_string/{table}.log",
    benchmark:
        "<benchmarks>/<dataset>/gunzip_string/{table}.tsv"
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    shell:
        "python {input.script} --input {input.table} --output {output} 2> {log}"


checkpoint read_perturbations:
    """Read the tables of perturbations, align and check them, and number the folds."""
    input:
        script="scripts/read_perturbations.py",
        library=code("read_perturbations.py"),
        means=local_file("dataset", "means"),
        truth=local_file("dataset", "truth"),
        validation=local_file("dataset", "validation"),
    output:
        table="<results>/<dataset>/perturbations/perturbations.npz",
        folds="<results>/<dataset>/perturbations/folds.tsv",
        summary="<results>/<dataset>/perturbations/summary.json",
    log:
        "<logs>/<dataset>/read_perturbations.log",
    benchmark:
        "<benchmarks>/<dataset>/read_perturbations.tsv"
    conda:
        "../../envs/echoes.yaml"
    params:
        control=lookup(dpath="dataset/control", within=config),
        guide_separator=optional("dataset/guide_separator", within=config),
    shell:
        "python {input.script}"
        " --means {input.means:q}"
        " --truth {input.truth:q}"
        " --validation {input.validation:q}"
        " --control {params.control:q}"
        " --guide-separator {params.guide_separator:q}"
        " --output {output.table}"
        " --folds {output.folds}"
        " --summary {output.summary}"
        " 2> {log}"
