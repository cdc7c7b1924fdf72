"""Genes: what happens if a gene is silenced, for named genes or for every gene of the network.

Needs: perturbations/, networks/{network}/, {experiment}/settings.json, {experiment}/held_out/.
Makes: {experiment}/gene_predictions.parquet, {experiment}/top_effects.csv.
"""


rule write_gene_predictions:
    """Write the predictions of the genes that the configuration names."""
    input:
        script=scripts_file("write_gene_predictions.py"),
        code=code("write_gene_predictions.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        predictions=lambda w: PLAN.validation_file(w.experiment),
    output:
        table="<results>/<dataset>/{experiment}/gene_predictions.parquet",
        largest="<results>/<dataset>/{experiment}/top_effects.csv",
    log:
        "<logs>/<dataset>/{experiment}/write_gene_predictions.log",
    benchmark:
        "<benchmarks>/<dataset>/{experiment}/write_gene_predictions.tsv"
    wildcard_constraints:
        experiment=match_any(
            [] if asked.every_gene(CONFIG["dataset"]) else PLAN.experiments
        ),
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    shell:
        "python {input.script:q}"
        " --perturbations {input.perturbations:q}"
        " --predictions {input.predictions:q}"
        " --output {output.table:q}"
        " --largest {output.largest:q}"
        " 2> {log:q}"


rule predict_genes:
    """Predict every gene of the network, a block of genes at a time."""
    input:
        script=scripts_file("predict_genes.py"),
        code=lambda w: code("predict_genes.py", tuple(PLAN.model_modules(w.experiment))),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        settings="<results>/<dataset>/{experiment}/settings.json",
        kernels=lambda w: PLAN.input_files(w.experiment),
        adjacency=lambda w: paths.network_file(
            PLAN.network(w.experiment).name, "adjacency.npz"
        ),
        laplacian=lambda w: paths.network_file(
            PLAN.network(w.experiment).name, "laplacian.npz"
        ),
        genes=lambda w: paths.network_file(PLAN.network(w.experiment).name, "genes.tsv"),
        coverage=lambda w: paths.network_file(
            PLAN.network(w.experiment).name, "coverage.tsv"
        ),
        diffusions=lambda w: PLAN.network(w.experiment).diffusion_files(
            setting("diffusion/alphas")(w)
        ),
    output:
        table="<results>/<dataset>/{experiment}/gene_predictions.parquet",
        largest="<results>/<dataset>/{experiment}/top_effects.csv",
    log:
        "<logs>/<dataset>/{experiment}/predict_genes.log",
    benchmark:
        "<benchmarks>/<dataset>/{experiment}/predict_genes.tsv"
    wildcard_constraints:
        experiment=match_any(
            PLAN.experiments if asked.every_gene(CONFIG["dataset"]) else []
        ),
    conda:
        "../../envs/echoes.yaml"
    threads: 4
    shell:
        "python {input.script:q}"
        " --perturbations {input.perturbations:q}"
        " --settings {input.settings:q}"
        " --adjacency {input.adjacency:q}"
        " --laplacian {input.laplacian:q}"
        " --genes {input.genes:q}"
        " --coverage {input.coverage:q}"
        " --diffusions {input.diffusions:q}"
        " --workers {threads}"
        " --output {output.table:q}"
        " --largest {output.largest:q}"
        " 2> {log:q}"
