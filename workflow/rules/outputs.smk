"""Outputs: what a reader looks at and what a competitor hands in.

Needs: {experiment}/predictions.npz.
Makes: {experiment}/figure.png, {experiment}/figure.pdf, {experiment}/submission.csv.
"""


rule plot_figure:
    """Draw truth beside prediction, and the correlation of each gene."""
    input:
        script="scripts/plot_figure.py",
        library=code("plot_figure.py"),
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
        dataset=lookup(dpath="dataset/name", within=config),
        measured=measured_option,
    shell:
        "python {input.script}"
        " --predictions {input.predictions}"
        " --title '{params.dataset}, experiment {wildcards.experiment}: out-of-fold predictions'"
        " {params.measured}"
        " --png {output.png}"
        " --pdf {output.pdf}"
        " 2> {log}"


rule write_submission:
    """Write the validation predictions and the zero rows that pad them."""
    input:
        script="scripts/write_submission.py",
        library=code("write_submission.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        predictions="<results>/<dataset>/{experiment}/predictions.npz",
        sample=local_file("submission", "sample"),
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
        padding=lookup(dpath="submission/padding", within=config),
    shell:
        "python {input.script}"
        " --perturbations {input.perturbations}"
        " --predictions {input.predictions}"
        " --padding {params.padding}"
        " --sample {input.sample:q}"
        " --output {output}"
        " 2> {log}"
