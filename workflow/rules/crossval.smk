"""The published protocol: one job for each left-out perturbation, then all folds together.

Needs: {experiment}/features.npz, {experiment}/settings.json, perturbations/.
Makes: {experiment}/components.npz, {experiment}/folds/, out-of-fold tables and the summary.
"""


rule decompose_responses:
    """Find the principal components of the responses."""
    input:
        script=scripts_file("decompose_responses.py"),
        code=code("decompose_responses.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
    output:
        "<results>/<dataset>/{experiment}/components.npz",
    log:
        "<logs>/<dataset>/{experiment}/decompose_responses.log",
    benchmark:
        "<benchmarks>/<dataset>/{experiment}/decompose_responses.tsv"
    conda:
        "../../envs/echoes.yaml"
    params:
        n_components=setting("response/n_components"),
    shell:
        "python {input.script:q}"
        " --perturbations {input.perturbations:q}"
        " --n-components {params.n_components}"
        " --output {output:q}"
        " 2> {log:q}"


rule loo_fold:
    """Leave one perturbation out, fit on the others, predict it and the validation genes."""
    input:
        script=scripts_file("loo_fold.py"),
        code=code("loo_fold.py"),
        features="<results>/<dataset>/{experiment}/features.npz",
        components="<results>/<dataset>/{experiment}/components.npz",
        settings="<results>/<dataset>/{experiment}/settings.json",
    output:
        "<results>/<dataset>/{experiment}/folds/{fold}.npz",
    log:
        "<logs>/<dataset>/{experiment}/folds/{fold}.log",
    benchmark:
        "<benchmarks>/<dataset>/{experiment}/folds/{fold}.tsv"
    conda:
        "../../envs/echoes.yaml"
    shell:
        "python {input.script:q}"
        " --features {input.features:q}"
        " --components {input.components:q}"
        " --settings {input.settings:q}"
        " --fold {wildcards.fold}"
        " --output {output:q}"
        " 2> {log:q}"


rule aggregate_folds:
    """Put an experiment's folds together: out-of-fold predictions, scores and summary."""
    input:
        script=scripts_file("aggregate_folds.py"),
        code=code("aggregate_folds.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        features="<results>/<dataset>/{experiment}/features.npz",
        components="<results>/<dataset>/{experiment}/components.npz",
        folds=fold_files,
        settings="<results>/<dataset>/{experiment}/settings.json",
        dataset="<results>/<dataset>/perturbations/summary.json",
        network=lambda w: PLAN.network_summary(w.experiment),
        links=lambda w: PLAN.receipts(w.experiment, "links"),
        info=lambda w: PLAN.receipts(w.experiment, "info"),
        aliases=lambda w: PLAN.receipts(w.experiment, "aliases"),
    output:
        oof=report(
            "<results>/<dataset>/{experiment}/oof_predictions.csv",
            caption="../report/oof_predictions.rst",
            category="Experiments",
            subcategory="{experiment}",
            labels={"result": "Predictions"},
        ),
        scores=report(
            "<results>/<dataset>/{experiment}/fold_scores.csv",
            caption="../report/fold_scores.rst",
            category="Experiments",
            subcategory="{experiment}",
            labels={"result": "Scores of each perturbation"},
        ),
        summary="<results>/<dataset>/{experiment}/summary.json",
        predictions="<results>/<dataset>/{experiment}/predictions.npz",
    log:
        "<logs>/<dataset>/{experiment}/aggregate_folds.log",
    benchmark:
        "<benchmarks>/<dataset>/{experiment}/aggregate_folds.tsv"
    wildcard_constraints:
        experiment=match_any(PLAN.names(held_out=False)),
    conda:
        "../../envs/echoes.yaml"
    params:
        folder=lambda w, input: folder_of(input.folds),
        records=named_records,
    shell:
        "python {input.script:q}"
        " --perturbations {input.perturbations:q}"
        " --features {input.features:q}"
        " --components {input.components:q}"
        " --folds {params.folder:q}"
        " --settings {input.settings:q}"
        " --records {params.records:q}"
        " --oof {output.oof:q}"
        " --scores {output.scores:q}"
        " --summary {output.summary:q}"
        " --predictions {output.predictions:q}"
        " 2> {log:q}"
