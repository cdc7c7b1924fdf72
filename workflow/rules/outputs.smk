"""Outputs: the figure of an experiment, and its submission to the competition.

Needs: {experiment}/predictions.npz.
Makes: {experiment}/figure.png, {experiment}/figure.pdf, {experiment}/submission.csv.
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
        padding=lookup(dpath="submission/padding", within=CONFIG),
    shell:
        "python {input.script:q}"
        " --perturbations {input.perturbations:q}"
        " --predictions {input.predictions:q}"
        " --padding {params.padding}"
        " --sample {input.sample:q}"
        " --output {output:q}"
        " 2> {log:q}"
