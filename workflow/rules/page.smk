"""The page: one HTML file of a data set that shows and explains all results.

Needs: the comparison and what it compares, perturbations/, networks/{network}/.
Makes: report.html, and charts.json, which needs no results: it is made early.
"""


rule bundle_charts:
    """Make the charts of the page, which have no data yet, and the script that draws them."""
    input:
        script=scripts_file("bundle_charts.py"),
        code=code("bundle_charts.py"),
    output:
        "<results>/<dataset>/charts.json",
    log:
        "<logs>/<dataset>/bundle_charts.log",
    benchmark:
        "<benchmarks>/<dataset>/bundle_charts.tsv"
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    shell:
        "python {input.script:q}" " --output {output:q}" " 2> {log:q}"


rule write_report:
    """Write the page of all results, which opens in a browser without a network."""
    input:
        script=scripts_file("write_report.py"),
        code=code("write_report.py"),
        assets=[
            scripts_file(f"echoes/report/page/page.{kind}")
            for kind in ("html", "css", "js")
        ],
        charts="<results>/<dataset>/charts.json",
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        screen=[
            f"<results>/<dataset>/perturbations/{name}"
            for name in ("summary.json", "checks.md")
        ],
        experiments="<results>/<dataset>/experiments.json",
        tables=[
            f"<results>/<dataset>/{name}"
            for name in (
                "comparison.csv",
                "differences.csv",
                "perturbation_scores.parquet",
            )
        ],
        predictions=page.prediction_files(PLAN),
        networks=page.network_files(PLAN),
        cells=PLAN.cell_files("cells.json"),
        upper_bound=PLAN.bound_files,
        pairs=list(asked.pair_files(CONFIG["dataset"]).values()),
        every_gene=page.every_gene_files(PLAN),
        curves=page.curve_files(PLAN),
        sweeps=page.sweep_files(PLAN),
    output:
        report(
            "<results>/<dataset>/report.html",
            caption="../report/page.rst",
            category="Comparison",
            labels={"result": "All results on one page"},
        ),
    log:
        "<logs>/<dataset>/write_report.log",
    benchmark:
        "<benchmarks>/<dataset>/write_report.tsv"
    priority: 1
    conda:
        "../../envs/echoes.yaml"
    params:
        dataset=lookup(dpath="dataset/name", within=CONFIG),
        networks=[f"{name}={alpha}" for name, alpha in page.networks(PLAN).items()],
        every_gene=page.every_gene(PLAN),
        curves=list(PLAN.curves),
        sweeps=list(PLAN.sweeps),
        twins=[
            f"{each.experiment}={each.twin}={each.shuffle}"
            for each in find_twins(PLAN)
        ],
    shell:
        "python {input.script:q}"
        " --dataset {params.dataset:q}"
        " --perturbations {input.perturbations:q}"
        " --experiments {input.experiments:q}"
        " --networks {params.networks:q}"
        " --cells {input.cells:q}"
        " --upper-bound {input.upper_bound:q}"
        " --pairs {input.pairs:q}"
        " --every-gene {params.every_gene:q}"
        " --curves {params.curves:q}"
        " --sweeps {params.sweeps:q}"
        " --twins {params.twins:q}"
        " --charts {input.charts:q}"
        " --output {output:q}"
        " 2> {log:q}"
