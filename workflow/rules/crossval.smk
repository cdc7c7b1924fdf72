"""Cross-validation: one job a left-out perturbation, then all of them together.

Needs: {experiment}/features.npz, perturbations/.
Makes: {experiment}/components.npz, {experiment}/folds/, out-of-fold tables and the summary.
"""


rule decompose_responses:
    """Find the principal components of the responses."""
    input:
        script="scripts/decompose_responses.py",
        library=code("decompose_responses.py"),
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
        n_components=lookup(dpath="{experiment}/response/n_components", within=SETTINGS),
    shell:
        "python {input.script}"
        " --perturbations {input.perturbations}"
        " --n-components {params.n_components}"
        " --output {output}"
        " 2> {log}"


rule loo_fold:
    """Leave one perturbation out, fit on the others, predict it and the validation genes."""
    input:
        script="scripts/loo_fold.py",
        library=code("loo_fold.py"),
        features="<results>/<dataset>/{experiment}/features.npz",
        components="<results>/<dataset>/{experiment}/components.npz",
    output:
        "<results>/<dataset>/{experiment}/folds/{fold}.npz",
    log:
        "<logs>/<dataset>/{experiment}/folds/{fold}.log",
    benchmark:
        "<benchmarks>/<dataset>/{experiment}/folds/{fold}.tsv"
    conda:
        "../../envs/echoes.yaml"
    params:
        models=lookup(dpath="{experiment}/models", within=SETTINGS),
        regression=lookup(dpath="{experiment}/regression", within=SETTINGS),
        penalties=lookup(dpath="{experiment}/regression/penalties", within=SETTINGS),
    shell:
        "python {input.script}"
        " --features {input.features}"
        " --components {input.components}"
        " --fold {wildcards.fold}"
        " --models {params.models}"
        " --penalties {params.penalties}"
        " --inner-folds {params.regression[inner_folds]}"
        " --l1-ratio {params.regression[l1_ratio]}"
        " --backend {params.regression[backend]}"
        " --gap {params.regression[gap]}"
        " --max-iter {params.regression[max_iter]}"
        " --tolerance {params.regression[tolerance]}"
        " --output {output}"
        " 2> {log}"


rule aggregate_folds:
    """Put the folds together: out-of-fold predictions, scores and the experiment's summary."""
    input:
        script="scripts/aggregate_folds.py",
        library=code("aggregate_folds.py"),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        features="<results>/<dataset>/{experiment}/features.npz",
        components="<results>/<dataset>/{experiment}/components.npz",
        folds=fold_files,
        dataset="<results>/<dataset>/perturbations/summary.json",
        network=network_summary,
        links="<results>/<dataset>/string/links.json",
        info="<results>/<dataset>/string/info.json",
    output:
        oof=report(
            "<results>/<dataset>/{experiment}/oof_predictions.csv",
            caption="../report/oof_predictions.rst",
            category="{experiment}",
        ),
        scores=report(
            "<results>/<dataset>/{experiment}/fold_scores.csv",
            caption="../report/fold_scores.rst",
            category="{experiment}",
        ),
        summary="<results>/<dataset>/{experiment}/summary.json",
        predictions="<results>/<dataset>/{experiment}/predictions.npz",
    log:
        "<logs>/<dataset>/{experiment}/aggregate_folds.log",
    benchmark:
        "<benchmarks>/<dataset>/{experiment}/aggregate_folds.tsv"
    wildcard_constraints:
        experiment=only(PUBLISHED),
    conda:
        "../../envs/echoes.yaml"
    params:
        folds=fold_folder,
        settings=experiment_settings,
    shell:
        "python {input.script}"
        " --perturbations {input.perturbations}"
        " --features {input.features}"
        " --components {input.components}"
        " --folds {params.folds}"
        " --records dataset={input.dataset} network={input.network}"
        " links={input.links} info={input.info}"
        " --experiment {wildcards.experiment}"
        " --settings {params.settings:q}"
        " --oof {output.oof}"
        " --scores {output.scores}"
        " --summary {output.summary}"
        " --predictions {output.predictions}"
        " 2> {log}"
