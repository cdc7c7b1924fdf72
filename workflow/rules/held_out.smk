"""Held-out experiments and baselines: no response is used before it is predicted.

Needs: {experiment}/settings.json, the kernels and features that it names, perturbations/.
Makes: {experiment}/held_out/, {experiment}/metrics.npz, out-of-fold tables, the comparison of all
experiments, sweeps, upper_bound.csv, {experiment}/learning_curve.csv and .png.

Models that one job fits start first: at the end, one of them would have the machine for itself alone.
Their scores fill a gap: they wait until the last fits have started.
"""


rule predict_held_out:
    """Predict a part of the perturbations from the others, or the validation genes."""
    input:
        script=scripts_file("predict_held_out.py"),
        code=lambda w: code(
            "predict_held_out.py", tuple(PLAN.model_modules(w.experiment))
        ),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        settings="<results>/<dataset>/{experiment}/settings.json",
        features=lambda w: PLAN.input_files(w.experiment),
    output:
        "<results>/<dataset>/{experiment}/held_out/{part}.npz",
    log:
        "<logs>/<dataset>/{experiment}/held_out/{part}.log",
    benchmark:
        "<benchmarks>/<dataset>/{experiment}/held_out/{part}.tsv"
    wildcard_constraints:
        experiment=match_any(PLAN.names(held_out=True)),
    priority: lambda w: int(PLAN.everything[w.experiment].parts == 1)
    conda:
        "../../envs/echoes.yaml"
    params:
        part=lambda w: (
            "--validation" if w.part == "validation" else f"--part {w.part}"
        ),
    shell:
        "python {input.script:q}"
        " --perturbations {input.perturbations:q}"
        " --settings {input.settings:q}"
        " {params.part}"
        " --output {output:q}"
        " 2> {log:q}"


rule aggregate_held_out:
    """Put an experiment's held-out predictions together: tables, calibration and summary."""
    input:
        script=scripts_file("aggregate_held_out.py"),
        code=code("aggregate_held_out.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        parts=lambda w: paths.part_files(PLAN.everything[w.experiment]),
        validation=lambda w: PLAN.validation_file(w.experiment),
        settings="<results>/<dataset>/{experiment}/settings.json",
        dataset="<results>/<dataset>/perturbations/summary.json",
        network=lambda w: PLAN.network_summary(w.experiment),
        links=lambda w: PLAN.receipts(w.experiment, "links"),
        info=lambda w: PLAN.receipts(w.experiment, "info"),
        aliases=lambda w: PLAN.receipts(w.experiment, "aliases"),
    output:
        oof=report(
            "<results>/<dataset>/{experiment}/oof_predictions.csv",
            caption="../report/held_out_predictions.rst",
            category="Experiments",
            subcategory="{experiment}",
            labels={"result": "Predictions"},
        ),
        scores=report(
            "<results>/<dataset>/{experiment}/fold_scores.csv",
            caption="../report/held_out_scores.rst",
            category="Experiments",
            subcategory="{experiment}",
            labels={"result": "Scores of each perturbation"},
        ),
        calibration=report(
            "<results>/<dataset>/{experiment}/calibration.csv",
            caption="../report/calibration.rst",
            category="Experiments",
            subcategory="{experiment}",
            labels={"result": "Calibration"},
        ),
        uncertainty="<results>/<dataset>/{experiment}/uncertainty.parquet",
        summary="<results>/<dataset>/{experiment}/summary.json",
        predictions="<results>/<dataset>/{experiment}/predictions.npz",
        metrics="<results>/<dataset>/{experiment}/metrics.npz",
    log:
        "<logs>/<dataset>/{experiment}/aggregate_held_out.log",
    benchmark:
        "<benchmarks>/<dataset>/{experiment}/aggregate_held_out.tsv"
    wildcard_constraints:
        experiment=match_any(PLAN.names(held_out=True)),
    priority: 1
    conda:
        "../../envs/echoes.yaml"
    threads:
        2
        if CONFIG["crossval"]["scheme"] == "k_fold"
        and sum(each.held_out for each in PLAN.experiments.values()) == 1
        else 1
    params:
        folder=lambda w, input: folder_of(input.parts),
        records=named_records,
        seed=lookup(dpath="seed", within=CONFIG),
        threshold=CONFIG["ranking"]["threshold"] or [],
    shell:
        "python {input.script:q}"
        " --perturbations {input.perturbations:q}"
        " --parts {params.folder:q}"
        " --validation {input.validation:q}"
        " --settings {input.settings:q}"
        " --records {params.records:q}"
        " --seed {params.seed}"
        " --ranking-threshold {params.threshold}"
        " --threads {threads}"
        " --oof {output.oof:q}"
        " --scores {output.scores:q}"
        " --calibration {output.calibration:q}"
        " --uncertainty {output.uncertainty:q}"
        " --summary {output.summary:q}"
        " --predictions {output.predictions:q}"
        " --metrics {output.metrics:q}"
        " 2> {log:q}"


rule score_baselines:
    """Compute the metrics of the predictions of all baselines."""
    input:
        script=scripts_file("score_baselines.py"),
        code=code("score_baselines.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        settings=[
            paths.experiment_file(name, "settings.json") for name in PLAN.baselines
        ],
        parts=[
            path for each in PLAN.baselines.values() for path in paths.part_files(each)
        ],
    output:
        # A rule without outputs would be none: without baselines nothing asks for it.
        [paths.experiment_file(name, "metrics.npz") for name in PLAN.baselines]
        or "<results>/<dataset>/baselines.npz",
    log:
        "<logs>/<dataset>/score_baselines.log",
    benchmark:
        "<benchmarks>/<dataset>/score_baselines.tsv"
    priority: -1
    conda:
        "../../envs/echoes.yaml"
    params:
        threshold=CONFIG["ranking"]["threshold"] or [],
    shell:
        "python {input.script:q}"
        " --perturbations {input.perturbations:q}"
        " --settings {input.settings:q}"
        " --ranking-threshold {params.threshold}"
        " --threads {threads}"
        " 2> {log:q}"


rule estimate_upper_bound:
    """Estimate how well the best of all models could score, by guides or halves of the cells."""
    input:
        script=scripts_file("estimate_upper_bound.py"),
        code=code("estimate_upper_bound.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        halves=PLAN.cell_files("halves.npz"),
    output:
        report(
            "<results>/<dataset>/upper_bound.csv",
            caption="../report/upper_bound.rst",
            category="Comparison",
            labels={"result": "How much is left"},
        ),
    log:
        "<logs>/<dataset>/estimate_upper_bound.log",
    benchmark:
        "<benchmarks>/<dataset>/estimate_upper_bound.tsv"
    conda:
        "../../envs/echoes.yaml"
    params:
        seed=lookup(dpath="seed", within=CONFIG),
        threshold=CONFIG["ranking"]["threshold"] or [],
    shell:
        "python {input.script:q}"
        " --perturbations {input.perturbations:q}"
        " --halves {input.halves:q}"
        " --seed {params.seed}"
        " --ranking-threshold {params.threshold}"
        " --output {output:q}"
        " 2> {log:q}"


rule compare_experiments:
    """Compare all experiments and baselines, with intervals and paired differences."""
    input:
        script=scripts_file("compare_experiments.py"),
        code=code("compare_experiments.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        experiments="<results>/<dataset>/experiments.json",
        metrics=[
            paths.experiment_file(each.name, "metrics.npz") for each in PLAN.compared
        ],
        published=[
            paths.experiment_file(each.name, file)
            for each in PLAN.published
            for file in ("fold_scores.csv", "summary.json")
        ],
        upper_bound=PLAN.bound_files,
    output:
        # Only where there are pairs.
        **asked.pair_files(CONFIG["dataset"]),
        comparison=report(
            "<results>/<dataset>/comparison.csv",
            caption="../report/comparison.rst",
            category="Comparison",
            labels={"result": "All scores, with intervals"},
        ),
        table="<results>/<dataset>/comparison.md",
        differences=report(
            "<results>/<dataset>/differences.csv",
            caption="../report/differences.rst",
            category="Comparison",
            labels={"result": "Paired differences"},
        ),
        by_perturbation="<results>/<dataset>/perturbation_scores.parquet",
        by_gene="<results>/<dataset>/gene_scores.parquet",
    log:
        "<logs>/<dataset>/compare_experiments.log",
    benchmark:
        "<benchmarks>/<dataset>/compare_experiments.tsv"
    priority: 1
    conda:
        "../../envs/echoes.yaml"
    params:
        seed=lookup(dpath="seed", within=CONFIG),
        threshold=CONFIG["ranking"]["threshold"] or [],
        pairs=lambda w, output: output.get("pairs", []),
    shell:
        "python {input.script:q}"
        " --perturbations {input.perturbations:q}"
        " --experiments {input.experiments:q}"
        " --upper-bound {input.upper_bound:q}"
        " --seed {params.seed}"
        " --ranking-threshold {params.threshold}"
        " --comparison {output.comparison:q}"
        " --table {output.table:q}"
        " --differences {output.differences:q}"
        " --by-perturbation {output.by_perturbation:q}"
        " --by-gene {output.by_gene:q}"
        " --by-genes-seen {params.pairs:q}"
        " 2> {log:q}"


rule rank_sweep:
    """Rank the runs of a sweep by their inner score; the held-out score is in the table too."""
    input:
        script=scripts_file("rank_sweep.py"),
        code=code("rank_sweep.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        runs="<results>/<dataset>/sweeps/{sweep}.json",
        parts=lambda w: [
            path
            for run in PLAN.sweeps[w.sweep]
            for path in paths.part_files(PLAN.runs[run])
        ],
    output:
        report(
            "<results>/<dataset>/sweeps/{sweep}.csv",
            caption="../report/sweep.rst",
            category="Sweeps",
            labels={"result": "{sweep}"},
        ),
    log:
        "<logs>/<dataset>/rank_sweep/{sweep}.log",
    benchmark:
        "<benchmarks>/<dataset>/rank_sweep/{sweep}.tsv"
    conda:
        "../../envs/echoes.yaml"
    params:
        seed=lookup(dpath="seed", within=CONFIG),
    shell:
        "python {input.script:q}"
        " --perturbations {input.perturbations:q}"
        " --runs {input.runs:q}"
        " --seed {params.seed}"
        " --output {output:q}"
        " 2> {log:q}"


rule plot_learning_curve:
    """Compare an experiment's runs with more and more training perturbations, and draw them."""
    input:
        script=scripts_file("plot_learning_curve.py"),
        code=code("plot_learning_curve.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        settings="<results>/<dataset>/{experiment}/settings.json",
        parts=lambda w: paths.part_files(PLAN.experiments[w.experiment]),
        sizes=lambda w: [
            path
            for run in PLAN.curves[w.experiment].values()
            for path in paths.part_files(run)
        ],
    output:
        table="<results>/<dataset>/{experiment}/learning_curve.csv",
        figure=report(
            "<results>/<dataset>/{experiment}/learning_curve.png",
            caption="../report/learning_curve.rst",
            category="Experiments",
            subcategory="{experiment}",
            labels={"result": "Learning curve"},
        ),
    log:
        "<logs>/<dataset>/{experiment}/plot_learning_curve.log",
    benchmark:
        "<benchmarks>/<dataset>/{experiment}/plot_learning_curve.tsv"
    wildcard_constraints:
        experiment=match_any(PLAN.curves),
    conda:
        "../../envs/echoes.yaml"
    params:
        runs=lambda w: [
            f"{size}={run.name}" for size, run in PLAN.curves[w.experiment].items()
        ],
        seed=lookup(dpath="seed", within=CONFIG),
    shell:
        "python {input.script:q}"
        " --perturbations {input.perturbations:q}"
        " --settings {input.settings:q}"
        " --runs {params.runs:q}"
        " --seed {params.seed}"
        " --table {output.table:q}"
        " --figure {output.figure:q}"
        " 2> {log:q}"
