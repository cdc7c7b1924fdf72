"""The held-out protocol: predictions by models that have not seen a response, and their figures.

Needs: perturbations/, kernels/{kernels}.npz, {experiment}/features.npz for linear models.
Makes: {experiment}/held_out/, out-of-fold tables and the summary of held-out experiments,
comparison.csv, comparison.md, differences.csv, perturbation_scores.parquet, gene_scores.parquet, sweeps/.
"""


rule predict_held_out:
    """Predict a part of the perturbations, each from all others, or the validation genes."""
    input:
        script="scripts/predict_held_out.py",
        library=code("predict_held_out.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        kernels=member_kernels,
        features=member_features,
    output:
        "<results>/<dataset>/{experiment}/held_out/{part}.npz",
    log:
        "<logs>/<dataset>/{experiment}/held_out/{part}.log",
    benchmark:
        "<benchmarks>/<dataset>/{experiment}/held_out/{part}.tsv"
    wildcard_constraints:
        experiment=only(HELD_OUT),
    conda:
        "../../envs/echoes.yaml"
    params:
        members=member_settings,
        part=part_option,
        inner=inner_option,
    shell:
        "python {input.script}"
        " --perturbations {input.perturbations}"
        " --members {params.members:q}"
        " --kernels {input.kernels}"
        " --features {input.features}"
        " {params.part}"
        " {params.inner}"
        " --output {output}"
        " 2> {log}"


rule aggregate_held_out:
    """Put an experiment's held-out predictions together: tables, calibration and summary."""
    input:
        script="scripts/aggregate_held_out.py",
        library=code("aggregate_held_out.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        parts=experiment_parts,
        validation=validation_file,
        dataset="<results>/<dataset>/perturbations/summary.json",
        network=network_summary,
        links="<results>/<dataset>/string/links.json",
        info="<results>/<dataset>/string/info.json",
    output:
        oof=report(
            "<results>/<dataset>/{experiment}/oof_predictions.csv",
            caption="../report/held_out_predictions.rst",
            category="{experiment}",
        ),
        scores=report(
            "<results>/<dataset>/{experiment}/fold_scores.csv",
            caption="../report/held_out_scores.rst",
            category="{experiment}",
        ),
        calibration=report(
            "<results>/<dataset>/{experiment}/calibration.csv",
            caption="../report/calibration.rst",
            category="{experiment}",
        ),
        uncertainty="<results>/<dataset>/{experiment}/uncertainty.parquet",
        summary="<results>/<dataset>/{experiment}/summary.json",
        predictions="<results>/<dataset>/{experiment}/predictions.npz",
    log:
        "<logs>/<dataset>/{experiment}/aggregate_held_out.log",
    benchmark:
        "<benchmarks>/<dataset>/{experiment}/aggregate_held_out.tsv"
    wildcard_constraints:
        experiment=only(HELD_OUT),
    conda:
        "../../envs/echoes.yaml"
    params:
        settings=experiment_settings,
        seed=lookup(dpath="seed", within=config),
    shell:
        "python {input.script}"
        " --perturbations {input.perturbations}"
        " --parts {input.parts}"
        " --validation {input.validation}"
        " --records dataset={input.dataset} network={input.network}"
        " links={input.links} info={input.info}"
        " --experiment {wildcards.experiment}"
        " --settings {params.settings:q}"
        " --seed {params.seed}"
        " --oof {output.oof}"
        " --scores {output.scores}"
        " --calibration {output.calibration}"
        " --uncertainty {output.uncertainty}"
        " --summary {output.summary}"
        " --predictions {output.predictions}"
        " 2> {log}"


rule compare_experiments:
    """Compare all experiments and baselines, with intervals and paired differences."""
    input:
        script="scripts/compare_experiments.py",
        library=code("compare_experiments.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        parts=compared_parts,
        published=published_scores,
    output:
        comparison=report(
            "<results>/<dataset>/comparison.csv",
            caption="../report/comparison.rst",
            category="comparison",
        ),
        table="<results>/<dataset>/comparison.md",
        differences=report(
            "<results>/<dataset>/differences.csv",
            caption="../report/differences.rst",
            category="comparison",
        ),
        by_perturbation="<results>/<dataset>/perturbation_scores.parquet",
        by_gene="<results>/<dataset>/gene_scores.parquet",
    log:
        "<logs>/<dataset>/compare_experiments.log",
    benchmark:
        "<benchmarks>/<dataset>/compare_experiments.tsv"
    conda:
        "../../envs/echoes.yaml"
    params:
        held_out=compared,
        published=published,
        seed=lookup(dpath="seed", within=config),
    shell:
        "python {input.script}"
        " --perturbations {input.perturbations}"
        " --held-out {params.held_out:q}"
        " --published {params.published:q}"
        " --seed {params.seed}"
        " --comparison {output.comparison}"
        " --table {output.table}"
        " --differences {output.differences}"
        " --by-perturbation {output.by_perturbation}"
        " --by-gene {output.by_gene}"
        " 2> {log}"


rule rank_sweep:
    """Rank the runs of a sweep by their inner score, the held-out one beside it."""
    input:
        script="scripts/rank_sweep.py",
        library=code("rank_sweep.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        parts=sweep_parts,
    output:
        report(
            "<results>/<dataset>/sweeps/{sweep}.csv",
            caption="../report/sweep.rst",
            category="sweeps",
        ),
    log:
        "<logs>/<dataset>/rank_sweep/{sweep}.log",
    benchmark:
        "<benchmarks>/<dataset>/rank_sweep/{sweep}.tsv"
    conda:
        "../../envs/echoes.yaml"
    params:
        runs=sweep_runs,
        seed=lookup(dpath="seed", within=config),
    shell:
        "python {input.script}"
        " --perturbations {input.perturbations}"
        " --runs {params.runs:q}"
        " --seed {params.seed}"
        " --output {output}"
        " 2> {log}"
