"""What every rule has, and that every script and module has its place."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from echoes.models.catalogue import MODELS
from echoes.plan.imports import reached_modules

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
SOURCES = [
    ROOT / "Snakefile",
    *sorted((ROOT / "workflow").glob("Snakefile")),
    *sorted((ROOT / "workflow" / "rules").glob("*.smk")),
]
#: Scripts that no rule runs: two are for the reader of a run, one for the writer of the docs.
BESIDE = {"tabulate_resources.py", "document_config.py", "check_submission.py", "verify_results.py"}
#: Rules whose script has another name: they write records of the plan.
RECORDS = {"write_settings", "list_experiments", "list_runs"}
VERBS = {
    "align",
    *(
        "aggregate",
        "build",
        "bundle",
        "combine",
        "compare",
        "decompose",
        "describe",
        "diffuse",
        "download",
        "estimate",
        "export",
        "gunzip",
        "list",
        "plot",
    ),
    *("predict", "rank", "read", "rewire", "score", "simulate", "write"),
    "loo",  # leave one out
}


@dataclass(frozen=True)
class Rule:
    """A rule's docstring, and its directives as the arguments of a call."""

    name: str
    docstring: str | None
    directives: dict[str, ast.Call]

    def argument(self, directive: str, keyword: str) -> ast.expr:
        """Return one named argument of a directive."""
        given = {k.arg: k.value for k in self.directives[directive].keywords}
        assert keyword in given, f"{self.name}: {directive}: has no {keyword}="
        return given[keyword]

    @property
    def script(self) -> str:
        """The script that the rule runs."""
        (name,) = re.findall(r"scripts_file\('(\w+\.py)'\)", self.input("script"))
        return str(name)

    def input(self, keyword: str) -> str:
        """Return one named input as it is written."""
        return ast.unparse(self.argument("input", keyword))


def blocks(lines: list[str]) -> list[tuple[str, list[str]]]:
    """Split lines into the ones without indentation and what is indented below each."""
    parts: list[tuple[str, list[str]]] = []
    for line in lines:
        if line and not line[0].isspace():
            parts.append((line, []))
        elif parts:
            parts[-1][1].append(line.removeprefix("    "))
    return parts


def read_rules(path: Path) -> list[Rule]:
    """Read the rules of a file, where each directive has an indentation of its own."""
    rules = []
    for head, body in blocks(path.read_text(encoding="utf-8").splitlines()):
        start = re.fullmatch(r"(?:rule|checkpoint) (\w+):", head)
        if start is None:
            continue
        docstring, directives = None, {}
        for first, rest in blocks(body):
            if first.startswith('"'):
                docstring = ast.literal_eval(first)
                continue
            name, value = first.split(":", 1)
            call = ast.parse("f(" + "\n".join([value, *rest]) + "\n)", mode="eval").body
            assert isinstance(call, ast.Call)
            directives[name] = call
        rules.append(Rule(start[1], docstring, directives))
    return rules


ALL = [rule for path in SOURCES for rule in read_rules(path)]
#: Rules that do something; the others gather files.
RULES = [rule for rule in ALL if rule.name not in ("all", "default")]
each_rule = pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])


def test_all_rules_are_read(pristine: Any) -> None:
    lines = pristine.snakemake("--list-rules", "--quiet", "all").text.splitlines()
    listed = [match[1] for line in lines if (match := re.match(r"(\w+)(?: \(|$)", line))]
    names = [rule.name for rule in ALL]
    assert len(set(names)) == len(names)
    assert set(listed) == set(names)


@each_rule
def test_a_rule_runs_again_for_the_code_that_its_script_reaches(rule: Rule) -> None:
    assert f"code('{rule.script}'" in rule.input("code")


@each_rule
def test_a_rule_has_what_every_rule_has(rule: Rule) -> None:
    assert {"input", "output", "log", "benchmark", "conda", "shell"} <= rule.directives.keys()
    assert not {"run", "script", "notebook", "wrapper", "group"} & rule.directives.keys()
    (environment,) = rule.directives["conda"].args
    assert (ROOT / "workflow/rules" / ast.literal_eval(environment)).is_file()
    (shell,) = rule.directives["shell"].args
    command = ast.literal_eval(shell)
    assert command.startswith("python {input.script:q} ")
    assert command.endswith(" 2> {log:q}")
    # Paths and names come from the configuration: none is left to the shell unquoted.
    assert not re.findall(r"\{(?:input|output|log)[^}:]*\}", command)


@pytest.mark.parametrize("rule", ALL, ids=[rule.name for rule in ALL])
def test_a_rule_says_in_one_sentence_what_it_does(rule: Rule) -> None:
    assert rule.docstring is not None
    assert re.fullmatch(r"[A-Z][^\n]*[^.\n]\.", rule.docstring)
    assert ". " not in rule.docstring


@each_rule
def test_a_rule_is_named_by_a_verb(rule: Rule) -> None:
    assert rule.name.split("_")[0] in VERBS


@each_rule
def test_log_and_benchmark_have_the_wildcards_of_the_output(rule: Rule) -> None:
    def wildcards(directive: str) -> set[str]:
        return set(re.findall(r"\{(\w+)\}", ast.unparse(rule.directives[directive])))

    assert wildcards("log") == wildcards("benchmark") == wildcards("output") - {"output"}


def test_every_script_belongs_to_the_rule_of_its_name() -> None:
    scripts = {path.name for path in SCRIPTS.glob("*.py")}
    for rule in RULES:
        name = "write_settings" if rule.name in RECORDS else rule.name
        assert rule.script == f"{name}.py"
    assert {rule.script for rule in RULES} == scripts - BESIDE


def test_every_module_of_the_library_is_used() -> None:
    modules = {path.relative_to(SCRIPTS).as_posix() for path in SCRIPTS.glob("echoes/**/*.py")}
    models = [model.module for model in MODELS.values()]
    used = set()
    for script in SCRIPTS.glob("*.py"):
        used |= set(reached_modules(script.name, SCRIPTS.joinpath, models))
    seams = "".join(path.read_text(encoding="utf-8") for path in SOURCES)
    for package, names in re.findall(r"from (echoes\.[\w.]+) import (.+)", seams):
        for module in (package, *(f"{package}.{name}" for name in names.split(", "))):
            file = f"{module.replace('.', '/')}.py"
            if file in modules:
                used |= {file, *reached_modules(file, SCRIPTS.joinpath)}
    assert modules - used == set()


def test_the_seam_is_short() -> None:
    lines = (ROOT / "workflow/rules/common.smk").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150


@pytest.mark.parametrize("path", sorted(SCRIPTS.rglob("*.py")), ids=lambda path: path.name)
def test_modules_and_mains_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if path.parent == SCRIPTS and isinstance(node, ast.FunctionDef) and node.name == "main":
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 60
