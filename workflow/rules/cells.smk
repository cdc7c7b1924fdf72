"""Cells: from an .h5ad file of a screen to mean responses, their t and weights.

Needs: the file or URL in `dataset: h5ad` of the configuration, perturbations/settings.json.
Makes: perturbations/cells.npz, statistics.npz, halves.npz, cells.json, cells.md,
cells.png, cells.pdf, cells.svg.
"""


rule download_cells:
    """Download the file of cells of the data set, or of a prior."""
    input:
        script=scripts_file("download_cells.py"),
        code=code("download_cells.py"),
    output:
        h5ad="<results>/<dataset>/{screen}/source/cells.h5ad",
        receipt="<results>/<dataset>/{screen}/source/cells.json",
    log:
        "<logs>/<dataset>/download_cells/{screen}.log",
    benchmark:
        "<benchmarks>/<dataset>/download_cells/{screen}.tsv"
    wildcard_constraints:
        screen=match_any(["perturbations", *PLAN.prior_folders]),
    retries: 2
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    params:
        source=lambda w: PLAN.screen(w.screen)["h5ad"],
        checksum=lambda w: PLAN.screen(w.screen)["checksum"] or [],
    shell:
        "python {input.script:q}"
        " --source {params.source:q}"
        " --checksum {params.checksum:q}"
        " --output {output.h5ad:q}"
        " --receipt {output.receipt:q}"
        " 2> {log:q}"


rule read_cells:
    """Sum the cells of each perturbation, in one pass over the file."""
    input:
        script=scripts_file("read_cells.py"),
        code=code("read_cells.py"),
        settings="<results>/<dataset>/perturbations/settings.json",
        h5ad=LOCAL_FILES["dataset: h5ad"]
        or "<results>/<dataset>/perturbations/source/cells.h5ad",
        guides=LOCAL_FILES["dataset: guides: table"],
        names=LOCAL_FILES["names: table"],
    output:
        screen="<results>/<dataset>/perturbations/cells.npz",
        statistics="<results>/<dataset>/perturbations/statistics.npz",
        halves="<results>/<dataset>/perturbations/halves.npz",
        facts="<results>/<dataset>/perturbations/cells.json",
    log:
        "<logs>/<dataset>/read_cells.log",
    benchmark:
        "<benchmarks>/<dataset>/read_cells.tsv"
    conda:
        "../../envs/echoes.yaml"
    threads: 2
    params:
        contents=LOCAL_FILES.contents("dataset: h5ad", "dataset: guides", "names: "),
        name_column=CONFIG["names"]["name"] or [],
        symbol_column=CONFIG["names"]["symbol"] or [],
    shell:
        "python {input.script:q}"
        " --settings {input.settings:q}"
        " --h5ad {input.h5ad:q}"
        " --guides {input.guides:q}"
        " --names {input.names:q}"
        " --name-column={params.name_column:q}"
        " --symbol-column={params.symbol_column:q}"
        " --threads {threads}"
        " --output {output.screen:q}"
        " --statistics {output.statistics:q}"
        " --halves {output.halves:q}"
        " --facts {output.facts:q}"
        " 2> {log:q}"


rule describe_cells:
    """Tabulate and draw the cells of the screen, before anything is learned from them."""
    input:
        script=scripts_file("describe_cells.py"),
        code=code("describe_cells.py"),
        facts="<results>/<dataset>/perturbations/cells.json",
    output:
        table="<results>/<dataset>/perturbations/cells.md",
        figure=report(
            "<results>/<dataset>/perturbations/cells.png",
            caption="../report/cells.rst",
            category="Screen",
            labels={"result": "Cells"},
        ),
        for_papers=[
            "<results>/<dataset>/perturbations/cells.pdf",
            "<results>/<dataset>/perturbations/cells.svg",
        ],
    log:
        "<logs>/<dataset>/describe_cells.log",
    benchmark:
        "<benchmarks>/<dataset>/describe_cells.tsv"
    localrule: True
    conda:
        "../../envs/echoes.yaml"
    params:
        title=f"{CONFIG['dataset']['name']}: cells of the screen",
    shell:
        "python {input.script:q}"
        " --facts {input.facts:q}"
        " --title {params.title:q}"
        " --table {output.table:q}"
        " --figures {output.figure:q} {output.for_papers:q}"
        " 2> {log:q}"
