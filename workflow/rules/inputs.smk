"""Inputs: STRING's tables, downloaded and unpacked; the tables of a screen; records of settings.

Needs: the files and URLs in `networks` and `dataset` of the configuration.
Makes: networks/{network}/source/, perturbations/ with the table of folds, and settings.json for the
data set and for each experiment.
"""


rule simulate_example:
    """Simulate the embedded example: a small data set in the real formats, with a known signal."""
    input:
        script=scripts_file("simulate_example.py"),
        code=code("simulate_example.py"),
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
        simulation=lookup(dpath="simulation", within=CONFIG, default={}),
        padding=lookup(dpath="submission/padding", within=CONFIG),
    shell:
        "python {input.script:q}"
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
        " --links {output.links:q}"
        " --info {output.info:q}"
        " --means {output.means:q}"
        " --truth {output.truth:q}"
        " --validation {output.validation:q}"
        " --sample-submission {output.sample:q}"
        " --validation-truth {output.validation_truth:q}"
        " 2> {log:q}"


rule download_string:
    """Download a table of STRING from its server, or copy a local file."""
    input:
        script=scripts_file("download_string.py"),
        code=code("download_string.py"),
        local=lambda w: LOCAL_FILES[f"networks: {w.network}: {w.table}"],
    output:
        table="<results>/<dataset>/networks/{network}/source/{table}.txt.gz",
        receipt="<results>/<dataset>/networks/{network}/source/{table}.json",
    log:
        "<logs>/<dataset>/download_string/{network}_{table}.log",
    benchmark:
        "<benchmarks>/<dataset>/download_string/{network}_{table}.tsv"
    retries: 2
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    params:
        contents=lambda w: LOCAL_FILES.contents(f"networks: {w.network}: {w.table}"),
        # With an object store, Snakemake's local copy has another path.
        source=lambda w, input: str(
            input.local or PLAN.networks[w.network].string_source(w.table)
        ),
        sha256=lambda w: PLAN.networks[w.network].settings["checksums"][w.table] or [],
    shell:
        "python {input.script:q}"
        " --source {params.source:q}"
        " --sha256 {params.sha256:q}"
        " --output {output.table:q}"
        " --receipt {output.receipt:q}"
        " 2> {log:q}"


rule gunzip_string:
    """Unpack a table of STRING."""
    input:
        script=scripts_file("gunzip_string.py"),
        code=code("gunzip_string.py"),
        table="<results>/<dataset>/networks/{network}/source/{table}.txt.gz",
    output:
        "<results>/<dataset>/networks/{network}/source/{table}.txt",
    log:
        "<logs>/<dataset>/gunzip_string/{network}_{table}.log",
    benchmark:
        "<benchmarks>/<dataset>/gunzip_string/{network}_{table}.tsv"
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    shell:
        "python {input.script:q}"
        " --input {input.table:q}"
        " --output {output:q}"
        " 2> {log:q}"


checkpoint read_perturbations:
    """Read the tables of perturbations, align and check them, and number the folds."""
    input:
        script=scripts_file("read_perturbations.py"),
        code=code("read_perturbations.py"),
        settings="<results>/<dataset>/perturbations/settings.json",
        table=PLAN.cell_files("cells.npz") or LOCAL_FILES[f"dataset: {PLAN.layout}"],
        facts=PLAN.cell_files("cells.json"),
        truth=LOCAL_FILES["dataset: truth"],
        validation=LOCAL_FILES["dataset: validation"],
        control=LOCAL_FILES["dataset: control_expression"],
        guides=LOCAL_FILES["dataset: guides: table"],
        names=LOCAL_FILES["names: table"],
    output:
        table="<results>/<dataset>/perturbations/perturbations.npz",
        folds="<results>/<dataset>/perturbations/folds.tsv",
        checks=report(
            "<results>/<dataset>/perturbations/checks.md",
            caption="../report/checks.rst",
            category="Screen",
            labels={"result": "Checks"},
        ),
        summary="<results>/<dataset>/perturbations/summary.json",
    log:
        "<logs>/<dataset>/read_perturbations.log",
    benchmark:
        "<benchmarks>/<dataset>/read_perturbations.tsv"
    conda:
        "../../envs/echoes.yaml"
    params:
        contents=LOCAL_FILES.contents("dataset: ", "names: "),
        name_column=CONFIG["names"]["name"] or [],
        symbol_column=CONFIG["names"]["symbol"] or [],
    shell:
        "python {input.script:q}"
        " --settings {input.settings:q}"
        " --table {input.table:q}"
        " --facts {input.facts:q}"
        " --truth {input.truth:q}"
        " --validation {input.validation:q}"
        " --control {input.control:q}"
        " --guides {input.guides:q}"
        " --names {input.names:q}"
        " --name-column={params.name_column:q}"
        " --symbol-column={params.symbol_column:q}"
        " --output {output.table:q}"
        " --folds {output.folds:q}"
        " --checks {output.checks:q}"
        " --summary {output.summary:q}"
        " 2> {log:q}"


rule write_settings:
    """Write all settings that an experiment, or the reading of the data set, depends on."""
    input:
        script=scripts_file("write_settings.py"),
        code=code("write_settings.py"),
    output:
        "<results>/<dataset>/{experiment}/settings.json",
    log:
        "<logs>/<dataset>/{experiment}/write_settings.log",
    benchmark:
        "<benchmarks>/<dataset>/{experiment}/write_settings.tsv"
    wildcard_constraints:
        # The settings of the data set are beside its perturbations, those of priors likewise.
        experiment=match_any([*PLAN.everything, *PLAN.prior_folders, "perturbations"]),
    priority: 2
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    resources:
        # Not a parameter: its name changes with any setting, even if the record stays the same.
        plan=PLAN_FILE,
    params:
        name="{experiment}/settings.json",
        # The content of the file: if it changes, the file is written again.
        record=lambda w: PLAN.settings(w.experiment),
    shell:
        "python {input.script:q}"
        " --plan {resources.plan:q}"
        " --record {params.name:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule list_experiments:
    """Write the list of experiments and baselines that are compared."""
    input:
        script=scripts_file("write_settings.py"),
        code=code("write_settings.py"),
    output:
        "<results>/<dataset>/experiments.json",
    log:
        "<logs>/<dataset>/list_experiments.log",
    benchmark:
        "<benchmarks>/<dataset>/list_experiments.tsv"
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    resources:
        plan=PLAN_FILE,
    params:
        name="experiments.json",
        # The content of the file: if it changes, the file is written again.
        record=PLAN.comparison(),
    shell:
        "python {input.script:q}"
        " --plan {resources.plan:q}"
        " --record {params.name:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule list_runs:
    """Write the list of a sweep's runs, with the settings that each of them varies."""
    input:
        script=scripts_file("write_settings.py"),
        code=code("write_settings.py"),
    output:
        "<results>/<dataset>/sweeps/{sweep}.json",
    log:
        "<logs>/<dataset>/list_runs/{sweep}.log",
    benchmark:
        "<benchmarks>/<dataset>/list_runs/{sweep}.tsv"
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    resources:
        plan=PLAN_FILE,
    params:
        name="sweeps/{sweep}.json",
        # The content of the file: if it changes, the file is written again.
        record=lambda w: PLAN.sweep(w.sweep),
    shell:
        "python {input.script:q}"
        " --plan {resources.plan:q}"
        " --record {params.name:q}"
        " --output {output:q}"
        " 2> {log:q}"
