"""Outputs: the figure of an experiment, its submission, and files for other programs.

Needs: {experiment}/predictions.npz, {experiment}/summary.json, {experiment}/held_out/.
Makes: {experiment}/figure.png, {experiment}/figure.pdf, {experiment}/submission.csv,
{experiment}/predictions.h5ad, {experiment}/effects.parquet, {experiment}/*_predictions.parquet.
"""


rule plot_figure:
    """Draw responses beside predictions, and the correlation of each gene."""
    input:
        script=scripts_file("plot_figure.py"),
        code=code("plot_figure.py"),
        predictions="<results>/<dataset>/{experiment}/predictions.npz",
    output:
        png=report(
            "<results>/<dataset>/{experiment}/figure.png",
            caption="../report/figure.rst",
            category="{experiment}",
        ),
        pdf="<results>/<dataset>/{experiment}/figure.pdf",
    log:
        "<logs>/<dataset>/{experiment}/plot_figure.log",
    benchmark:
        "<benchmarks>/<dataset>/{experiment}/plot_figure.tsv"
    conda:
        "../../envs/echoes.yaml"
    params:
        title=lambda w: (
            f"{CONFIG['dataset']['name']}, experiment {w.experiment}: out-of-fold predictions"
        ),
    shell:
        "python {input.script:q}"
        " --predictions {input.predictions:q}"
        " --title {params.title:q}"
        " --png {output.png:q}"
        " --pdf {output.pdf:q}"
        " 2> {log:q}"


rule write_submission:
    """Write the predictions of the validation genes, then the zero rows (padding)."""
    input:
        script=scripts_file("write_submission.py"),
        code=code("write_submission.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        predictions="<results>/<dataset>/{experiment}/predictions.npz",
        sample=LOCAL_FILES["submission: sample"],
    output:
        report(
            "<results>/<dataset>/{experiment}/submission.csv",
            caption="../report/submission.rst",
            category="{experiment}",
        ),
    log:
        "<logs>/<dataset>/{experiment}/write_submission.log",
    benchmark:
        "<benchmarks>/<dataset>/{experiment}/write_submission.tsv"
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    params:
        contents=LOCAL_FILES.contents("submission: sample"),
        padding=lookup(dpath="submission/padding", within=CONFIG),
    shell:
        "python {input.script:q}"
        " --perturbations {input.perturbations:q}"
        " --predictions {input.predictions:q}"
        " --padding {params.padding}"
        " --sample {input.sample:q}"
        " --output {output:q}"
        " 2> {log:q}"


rule export_predictions:
    """Write predicted and measured responses in the formats of other programs."""
    input:
        script=scripts_file("export_predictions.py"),
        code=code("export_predictions.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        predictions="<results>/<dataset>/{experiment}/predictions.npz",
        parts=lambda w: paths.part_files(PLAN.experiments[w.experiment]),
        validation=lambda w: PLAN.validation_file(w.experiment),
        summary="<results>/<dataset>/{experiment}/summary.json",
    output:
        # A rule without outputs would be none: if no format is chosen, nothing asks for these.
        **paths.export_files(
            "{experiment}",
            CONFIG["export"] or ["h5ad"],
            validation=PLAN.has_validation,
        ),
    log:
        "<logs>/<dataset>/{experiment}/export_predictions.log",
    benchmark:
        "<benchmarks>/<dataset>/{experiment}/export_predictions.tsv"
    wildcard_constraints:
        experiment=match_any(PLAN.experiments),
    conda:
        "../../envs/echoes.yaml"
    params:
        dataset=lookup(dpath="dataset/name", within=CONFIG),
        parts=lambda w, input: folder_of(input.parts) if input.parts else [],
        files=lambda w, output: [f"{name}={path}" for name, path in output.items()],
    shell:
        "python {input.script:q}"
        " --dataset {params.dataset:q}"
        " --perturbations {input.perturbations:q}"
        " --predictions {input.predictions:q}"
        " --parts {params.parts:q}"
        " --validation {input.validation:q}"
        " --summary {input.summary:q}"
        " --files {params.files:q}"
        " 2> {log:q}"
