"""Entry point: the workflow stands in workflow/."""


include: "workflow/Snakefile"


rule default:
    """Make everything that `all` asks for."""
    default_target: True
    input:
        rules.all.input,
    localrule: True
