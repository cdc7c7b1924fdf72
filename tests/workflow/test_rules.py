"""What every rule has, and that its list of library modules is what its script imports."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
SOURCES = [
    ROOT / "Snakefile",
    *sorted((ROOT / "workflow").glob("Snakefile")),
    *sorted((ROOT / "workflow" / "rules").glob("*.smk")),
]
#: What is told of a run, by no rule.
TABULATE = "scripts/tabulate_resources.py"
PROGRESS = ROOT / "workflow" / "rules" / "progress.smk"
VERBS = {
    *("aggregate", "build", "compare", "decompose", "diffuse", "download", "gunzip", "plot"),
    *("predict", "rank", "read", "rewire", "simulate", "write"),
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
        return str(ast.literal_eval(self.argument("input", "script")))

    @property
    def library(self) -> list[str]:
        """The modules that the rule lists."""
        call = self.argument("input", "library")
        assert isinstance(call, ast.Call)
        assert ast.unparse(call.func) == "library"
        return list(ast.literal_eval(ast.Tuple(elts=flat(call.args), ctx=ast.Load())))


def flat(arguments: list[ast.expr]) -> list[ast.expr]:
    """Replace starred tuples by what is in them."""
    elements: list[ast.expr] = []
    for argument in arguments:
        if isinstance(argument, ast.Starred):
            assert isinstance(argument.value, ast.Tuple)
            elements += flat(argument.value.elts)
        else:
            elements.append(argument)
    return elements


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


def only_for_types(node: ast.stmt) -> bool:
    """Tell whether a statement is ``if TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imported(tree: ast.AST) -> set[str]:
    """Name the modules of the library that a module imports itself, in functions too."""
    names: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "the library imports itself by its full name"
            package, _, module = (node.module or "").partition(".")
            if package == "echoes":
                names |= {module} if module else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            parts = [alias.name.partition(".") for alias in node.names]
            names |= {module for package, _, module in parts if package == "echoes"}
        elif isinstance(node, ast.If) and only_for_types(node):
            names |= imported(ast.Module(body=node.orelse, type_ignores=[]))
        else:
            names |= imported(node)
    return names


@cache
def reached(path: Path) -> frozenset[str]:
    """Name the modules of the library that a file imports, directly and through others."""
    found: set[str] = set()
    waiting = [path]
    while waiting:
        names = imported(ast.parse(waiting.pop().read_bytes())) - found
        found |= names
        waiting += [SCRIPTS / "echoes" / f"{name}.py" for name in names]
    return frozenset(found)


def test_all_rules_are_read(pristine: Any) -> None:
    lines = pristine.snakemake("--list-rules", "--quiet", "all").text.splitlines()
    listed = [match[1] for line in lines if (match := re.match(r"(\w+)(?: \(|$)", line))]
    names = [rule.name for rule in ALL]
    assert len(set(names)) == len(names)
    assert set(listed) == set(names)


def test_imports_in_functions_count_and_those_for_types_do_not() -> None:
    source = """
from typing import TYPE_CHECKING
from echoes import a
from echoes import b
import echoes.c
if TYPE_CHECKING:
    from echoes.d import D
else:
    from echoes.e import E
def f():
    with x:
        from echoes.g import h
"""
    assert imported(ast.parse(source)) == {"a", "b", "c", "e", "g"}


@each_rule
def test_a_rule_lists_the_modules_that_its_script_reaches(rule: Rule) -> None:
    listed = rule.library
    assert len(set(listed)) == len(listed)
    assert set(listed) == reached(ROOT / rule.script)


@each_rule
def test_a_rule_has_what_every_rule_has(rule: Rule) -> None:
    assert {"input", "output", "log", "benchmark", "conda", "shell"} <= rule.directives.keys()
    assert not {"run", "script", "notebook", "wrapper", "group"} & rule.directives.keys()
    (environment,) = rule.directives["conda"].args
    assert (ROOT / "workflow/rules" / ast.literal_eval(environment)).is_file()
    (shell,) = rule.directives["shell"].args
    command = ast.literal_eval(shell)
    assert command.startswith("python {input.script} ")
    assert command.endswith(" 2> {log}")


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


@pytest.mark.parametrize("path", SOURCES, ids=[path.name for path in SOURCES])
def test_there_is_no_lambda(path: Path) -> None:
    assert not re.search(r"\blambda\b", path.read_text(encoding="utf-8"))


def test_every_script_belongs_to_the_rule_of_its_name() -> None:
    scripts = {path.relative_to(ROOT).as_posix() for path in SCRIPTS.glob("*.py")}
    assert all(rule.script == f"scripts/{rule.name}.py" for rule in RULES)
    assert {rule.script for rule in RULES} == scripts - {TABULATE}


def test_every_module_of_the_library_is_used() -> None:
    modules = {path.stem for path in (SCRIPTS / "echoes").glob("*.py")} - {"__init__"}
    scripts = [TABULATE, *(rule.script for rule in RULES)]
    told = set(re.findall(r"from echoes\.(\w+) import", PROGRESS.read_text(encoding="utf-8")))
    assert set().union(told, *(reached(ROOT / script) for script in scripts)) == modules
