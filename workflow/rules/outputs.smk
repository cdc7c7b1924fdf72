"""Outputs: figures, the submission of an experiment, and files for other programs.

Needs: {experiment}/predictions.npz, {experiment}/summary.json, {experiment}/held_out/, tables of
scores.
Makes: {experiment}/figure.png, {experiment}/figure.pdf, figures/, {experiment}/submission.csv,
{experiment}/predictions.h5ad, {experiment}/effects.parquet, {experiment}/*_predictions.parquet.
"""


rule plot_figure:
    """Draw responses beside predictions, and the correlation of each gene."""
    input:
        script=scripts_file("plot_figure.py"),
        code=code("plot_figure.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        predictions="<results>/<dataset>/{experiment}/predictions.npz",
    output:
        png=report(
            "<results>/<dataset>/{experiment}/figure.png",
            caption="../report/figure.rst",
            category="Experiments",
            subcategory="{experiment}",
            labels={"result": "Truth beside prediction"},
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
        " --perturbations {input.perturbations:q}"
        " --predictions {input.predictions:q}"
        " --title {params.title:q}"
        " --png {output.png:q}"
        " --pdf {output.pdf:q}"
        " 2> {log:q}"


rule plot_results:
    """Draw the figures of the data set for papers: those that there is something to draw for."""
    input:
        script=scripts_file("plot_results.py"),
        code=code("plot_results.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        comparison="<results>/<dataset>/comparison.csv",
        by_perturbation="<results>/<dataset>/perturbation_scores.parquet",
        upper_bound=PLAN.bound_files,
        tables=figures.tables(PLAN),
    output:
        # A rule without outputs would be none: if there is nothing to draw, nothing asks for it.
        pdf=list(figures.files(PLAN, "pdf").values())
        or "<results>/<dataset>/figures/comparison.pdf",
        png=[
            report(
                path,
                caption=figures.caption(name),
                category="Comparison",
                labels={"result": figures.TITLES[name]},
            )
            for name, path in figures.files(PLAN, "png").items()
        ],
        svg=list(figures.files(PLAN, "svg").values()),
    log:
        "<logs>/<dataset>/plot_results.log",
    benchmark:
        "<benchmarks>/<dataset>/plot_results.tsv"
    priority: 2
    conda:
        "../../envs/echoes.yaml"
    params:
        folder=lambda w, input: Path(input.comparison).parent,
        output=lambda w, output: Path(output.pdf[0]).parent,
        calibrated=figures.calibrated(PLAN),
        curves=list(PLAN.curves),
        twins=[
            f"{each.experiment}={each.twin}={each.network}"
            for each in find_twins(PLAN)
        ],
    shell:
        "python {input.script:q}"
        " --folder {params.folder:q}"
        " --perturbations {input.perturbations:q}"
        " --upper-bound {input.upper_bound:q}"
        " --calibrated {params.calibrated:q}"
        " --curves {params.curves:q}"
        " --twins {params.twins:q}"
        " --output {params.output:q}"
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
            category="Experiments",
            subcategory="{experiment}",
            labels={"result": "Submission"},
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
