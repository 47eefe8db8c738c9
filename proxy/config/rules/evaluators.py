"""Rules of evaluators, of functions and of `evaluations`, and of optimizers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from proxy.config.findings import Finding, Path, Tree, named
from proxy.config.guesses import nearest
from proxy.config.named_files import EVALUATORS
from proxy.config.tree import select, table, tables

_LISTED = ("none_of", "any_of", "all_of")


def check_evaluations(tree: Tree) -> Iterator[Finding]:
    """An evaluation is of a function that exists; no name holds `::`."""
    functions = list(table(tree, "functions"))
    for path, evaluation in tables(tree, "evaluations", "*"):
        name = evaluation.get("function_name")
        if isinstance(name, str) and name and name not in functions:
            near = nearest(name, functions)
            remedy = f"did you mean `{near}`?" if near else "define it under `functions`"
            yield Finding((*path, "function_name"), f"function {named(name)} not found", remedy)
    for kind, patterns in (("evaluation", (("evaluations", "*"),)), ("evaluator", EVALUATORS)):
        for pattern in patterns:
            for path, _ in select(tree, *pattern):
                if "::" in str(path[-1]):
                    message = f"{kind} names cannot contain `::`"
                    remedy = f"rename it, say to `{str(path[-1]).replace('::', '_')}`"
                    yield Finding(path, message, remedy)


def check_evaluators(tree: Tree) -> Iterator[Finding]:
    """What each type of evaluator needs."""
    for pattern in EVALUATORS:
        for path, evaluator in tables(tree, *pattern):
            kind = evaluator.get("type")
            if kind == "llm_judge":
                yield from _check_active(path, table(evaluator, "variants"))
            elif kind == "tool_use":
                yield from _check_tool_use(path, evaluator)
            elif kind == "regex":
                yield from _check_regex(path, evaluator)


def _check_active(path: Path, variants: Tree) -> Iterator[Finding]:
    states = [each.get("active") for each in variants.values() if isinstance(each, dict)]
    active = states.count(True)
    if len(states) == 1 and states != [False]:
        return
    if states and active != 1:
        message = f"exactly one variant must be active; {active} of {len(states)} are"
        yield Finding((*path, "variants"), message, "set `active: true` in one of them")


def _check_tool_use(path: Path, evaluator: Tree) -> Iterator[Finding]:
    behavior, tools = evaluator.get("behavior"), evaluator.get("tools")
    if behavior in _LISTED and not tools:
        message = f"`tools` must be a non-empty list when behavior is `{behavior}`"
        yield Finding((*path, "tools"), message, "name the tools")
    elif behavior in ("none", "any") and tools is not None:
        message = f"`tools` has no meaning when behavior is `{behavior}`"
        remedy = f"remove it, or write `behavior: {behavior}_of`"
        yield Finding((*path, "tools"), message, remedy)


def _check_regex(path: Path, evaluator: Tree) -> Iterator[Finding]:
    given = [key for key in ("must_match", "must_not_match") if evaluator.get(key) is not None]
    if not given:
        message = "at least one of `must_match` or `must_not_match` must be specified"
        yield Finding(path, message, "add one of them")
    for key in given:
        try:
            re.compile(str(evaluator[key]))
        except re.error as error:
            yield Finding((*path, key), f"invalid regular expression: {error}", "correct it")


def check_optimizers(tree: Tree) -> Iterator[Finding]:
    """GEPA is led by an evaluation or by evaluators, not by both."""
    for path, optimizer in tables(tree, "optimizers", "*"):
        if optimizer.get("type") != "gepa":
            continue
        keys = ("evaluation_name", "evaluator_names")
        given = [key for key in keys if optimizer.get(key) is not None]
        if len(given) != 1:
            message = "exactly one of `evaluation_name` and `evaluator_names` must be specified"
            yield Finding(path, message, "keep `evaluator_names`; the other is deprecated")
        elif optimizer[given[0]] == []:
            yield Finding((*path, given[0]), "at least one evaluator is needed", "name one")
