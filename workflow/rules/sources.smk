"""Sources: how alike silenced genes are by other screens (priors) and by tables of genes.

Needs: the files in `priors` and `gene_features` of the configuration, perturbations/.
Makes: priors/{prior}/screen.npz, kernel.npz and aligned.npz, gene_features/{table}/kernel.npz.
"""


rule read_prior:
    """Read a screen of other cells."""
    input:
        script=scripts_file("read_prior.py"),
        code=code("read_prior.py"),
        settings="<results>/<dataset>/priors/{prior}/settings.json",
        table=lambda w: PLAN.prior_file(w.prior, LOCAL_FILES),
        guides=lambda w: LOCAL_FILES[f"priors: {w.prior}: guides: table"],
    output:
        screen="<results>/<dataset>/priors/{prior}/screen.npz",
        summary="<results>/<dataset>/priors/{prior}/summary.json",
    log:
        "<logs>/<dataset>/read_prior/{prior}.log",
    benchmark:
        "<benchmarks>/<dataset>/read_prior/{prior}.tsv"
    conda:
        "../../envs/echoes.yaml"
    threads: 2
    params:
        contents=lambda w: LOCAL_FILES.contents(f"priors: {w.prior}: "),
    shell:
        "python {input.script:q}"
        " --settings {input.settings:q}"
        " --table {input.table:q}"
        " --guides {input.guides:q}"
        " --threads {threads}"
        " --output {output.screen:q}"
        " --summary {output.summary:q}"
        " 2> {log:q}"


rule build_source:
    """Compute how alike silenced genes are by a prior or a table of genes."""
    input:
        script=scripts_file("build_source.py"),
        code=code("build_source.py"),
        source=lambda w: PLAN.numbers_file(w.section, w.source, LOCAL_FILES),
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        names=LOCAL_FILES["names: table"],
    output:
        kernel="<results>/<dataset>/{section}/{source}/kernel.npz",
        summary="<results>/<dataset>/{section}/{source}/kernel.json",
    log:
        "<logs>/<dataset>/build_source/{section}_{source}.log",
    benchmark:
        "<benchmarks>/<dataset>/build_source/{section}_{source}.tsv"
    wildcard_constraints:
        section="priors|gene_features",
        source=match_any([*CONFIG["priors"], *CONFIG["gene_features"]]),
    conda:
        "../../envs/echoes.yaml"
    params:
        contents=lambda w: LOCAL_FILES.contents(f"{w.section}: {w.source}: ", "names: "),
        kind=lambda w: "--prior" if w.section == "priors" else "--table",
        genes_in=lambda w: CONFIG[w.section][w.source]["genes_in"],
        column=lambda w: CONFIG[w.section][w.source]["name_column"] or [],
        name_column=CONFIG["names"]["name"] or [],
        symbol_column=CONFIG["names"]["symbol"] or [],
    shell:
        "python {input.script:q}"
        " {params.kind} {input.source:q}"
        " --genes-in {params.genes_in}"
        " --column={params.column:q}"
        " --perturbations {input.perturbations:q}"
        " --names {input.names:q}"
        " --name-column={params.name_column:q}"
        " --symbol-column={params.symbol_column:q}"
        " --output {output.kernel:q}"
        " --summary {output.summary:q}"
        " 2> {log:q}"


rule align_prior:
    """Bring the responses of a prior to the perturbations and genes of the screen."""
    input:
        script=scripts_file("align_prior.py"),
        code=code("align_prior.py"),
        prior="<results>/<dataset>/priors/{prior}/screen.npz",
        perturbations="<results>/<dataset>/perturbations/perturbations.npz",
        names=LOCAL_FILES["names: table"],
    output:
        "<results>/<dataset>/priors/{prior}/aligned.npz",
    log:
        "<logs>/<dataset>/align_prior/{prior}.log",
    benchmark:
        "<benchmarks>/<dataset>/align_prior/{prior}.tsv"
    conda:
        "../../envs/echoes.yaml"
    params:
        contents=LOCAL_FILES.contents("names: "),
        name_column=CONFIG["names"]["name"] or [],
        symbol_column=CONFIG["names"]["symbol"] or [],
    shell:
        "python {input.script:q}"
        " --prior {input.prior:q}"
        " --perturbations {input.perturbations:q}"
        " --names {input.names:q}"
        " --name-column={params.name_column:q}"
        " --symbol-column={params.symbol_column:q}"
        " --output {output:q}"
        " 2> {log:q}"
