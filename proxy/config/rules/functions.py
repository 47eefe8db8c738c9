"""Rules of `functions` and their variants: models, candidates, tools, JSON modes."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.config.findings import Finding, Path, Tree, listed, named
from proxy.config.guesses import nearest
from proxy.config.named_files import JUDGES, VARIANTS
from proxy.config.schema.providers import PROVIDER_TYPES
from proxy.config.schema.shorthands import (
    EMBEDDING_SHORTHAND_TYPES,
    SHORTHAND_TYPES,
    shorthand_fault,
)
from proxy.config.schema.variants import BEST_OF_N, CHAIN_OF_THOUGHT, MIXTURE_OF_N
from proxy.config.tree import table, tables

_OWN = "tensorzero::"


def check_models(tree: Tree) -> Iterator[Finding]:
    """Every model that is named is configured, or is a shorthand of a provider type."""
    configured = list(table(tree, "models"))
    for pattern in (*VARIANTS, *JUDGES):
        for path, variant in tables(tree, *pattern):
            name = variant.get("model")
            if isinstance(name, str) and name:
                yield from _check_model((*path, "model"), name, configured, SHORTHAND_TYPES)
            name = variant.get("embedding_model")
            if isinstance(name, str) and name:
                known = list(table(tree, "embedding_models"))
                place = (*path, "embedding_model")
                yield from _check_model(place, name, known, EMBEDDING_SHORTHAND_TYPES)


def _check_model(
    path: Path, name: str, configured: list[str], shorthands: tuple[str, ...]
) -> Iterator[Finding]:
    prefix, separator, rest = name.partition("::")
    if name in configured:
        return
    if separator and prefix in (*shorthands, "dummy"):
        if (fault := shorthand_fault(prefix, rest)) is not None:
            yield Finding(path, f"`{prefix}::`: {fault}", "complete it, or name another model")
    elif separator and prefix in PROVIDER_TYPES and rest:
        message = f"there is no shorthand `{prefix}::`: such a provider needs more than a name"
        remedy = f"define a model under `{_section(path)}` with a provider of `type: {prefix}`"
        yield Finding(path, message, remedy)
    else:
        yield _unknown_model(path, name, configured)


def _section(path: Path) -> str:
    return "models" if path[-1] == "model" else "embedding_models"


def _unknown_model(path: Path, name: str, configured: list[str]) -> Finding:
    near = nearest(name, configured)
    section = _section(path)
    remedy = (
        f"did you mean `{near}`?"
        if near
        else f"define it under `{section}` (there are: {listed(configured)}), or write "
        "`openai::NAME`"
    )
    kind = "model" if section == "models" else "embedding model"
    return Finding(path, f"{kind} name {named(name)} not found in model table", remedy)


def check_json_mode(tree: Tree) -> Iterator[Finding]:
    """A chat function's variant has no JSON mode of its own, a JSON function's has one."""
    for path, function in tables(tree, "functions", "*"):
        for place, variant in tables(function, "variants", "*"):
            where = (*path, *place)
            if function.get("type") == "chat":
                yield from _check_no_mode(where, variant)
            elif function.get("type") == "json":
                yield from _check_mode(where, variant)


def _check_no_mode(path: Path, variant: Tree) -> Iterator[Finding]:
    if variant.get("type") == CHAIN_OF_THOUGHT:
        message = f"variant type `{CHAIN_OF_THOUGHT}` is not supported for a chat function"
        remedy = "use `chat_completion`, or make the function one of `type: json`"
        yield Finding((*path, "type"), message, remedy)
    elif variant.get("type") == "chat_completion" and variant.get("json_mode") is not None:
        message = (
            f"JSON mode is not supported for variant `{path[-1]}` (parent function is a chat "
            "function)"
        )
        remedy = "remove it; the request's `response_format` asks for JSON"
        yield Finding((*path, "json_mode"), message, remedy)


def _check_mode(path: Path, variant: Tree) -> Iterator[Finding]:
    kind, place = variant.get("type"), path
    if kind == BEST_OF_N:
        return
    if kind == MIXTURE_OF_N:
        variant, place = table(variant, "fuser"), (*path, "fuser")
        if not variant:
            return
    if variant.get("json_mode") is None:
        message = f"`json_mode` must be specified (parent function `{path[1]}` is a JSON function)"
        remedy = 'add `json_mode`: "strict" where the model supports it, else "on", "tool", "off"'
        yield Finding((*place, "json_mode"), message, remedy)


def check_candidates(tree: Tree) -> Iterator[Finding]:
    """Candidates are variants of the same function (of the same judge)."""
    patterns = (("functions", "*"), *(each[:-2] for each in JUDGES if each[-1] == "*"))
    for pattern in patterns:
        for path, owner in tables(tree, *pattern):
            variants = list(table(owner, "variants"))
            for place, variant in tables(owner, "variants", "*"):
                yield from _check_listed((*path, *place), variant, variants)


def _check_listed(path: Path, variant: Tree, variants: list[str]) -> Iterator[Finding]:
    candidates = variant.get("candidates")
    for index, name in enumerate(candidates if isinstance(candidates, list) else []):
        place = (*path, "candidates", index)
        if isinstance(name, str) and name not in variants:
            near = nearest(name, variants)
            remedy = f"did you mean `{near}`?" if near else f"there are: {listed(variants)}"
            yield Finding(place, f"unknown candidate variant: {named(name)}", remedy)
        elif name == path[-1]:
            yield Finding(place, "a variant cannot be its own candidate", "name other variants")


def check_timeout_s(tree: Tree) -> Iterator[Finding]:
    """The older `timeout_s` gives its candidates limits, so they have none of their own."""
    for path, function in tables(tree, "functions", "*"):
        variants = table(function, "variants")
        for place, variant in tables(function, "variants", "*"):
            candidates = variant.get("candidates")
            if variant.get("timeout_s") is None or not isinstance(candidates, list):
                continue
            for name in candidates:
                if isinstance(name, str) and "timeouts" in table(variants, name):
                    message = f"candidate `{name}` already has `timeouts`"
                    remedy = "remove `timeout_s`, which is deprecated"
                    yield Finding((*path, *place, "timeout_s"), message, remedy)


def check_tools(tree: Tree) -> Iterator[Finding]:
    """A function's tools are configured, and none is named twice."""
    known = list(table(tree, "tools"))
    for path, function in tables(tree, "functions", "*"):
        tools = function.get("tools")
        for index, name in enumerate(tools if isinstance(tools, list) else []):
            if isinstance(name, str) and name not in known:
                near = nearest(name, known)
                remedy = f"did you mean `{near}`?" if near else "define it under `tools`"
                message = f"tool {named(name)} is not present in the config"
                yield Finding((*path, "tools", index), message, remedy)
