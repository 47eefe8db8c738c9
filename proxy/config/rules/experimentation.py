"""Rules of experiments: every name exists, nobody is named twice, somebody can be chosen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.config.findings import Finding, Path, Tree, listed, named
from proxy.config.guesses import nearest
from proxy.config.tree import table, tables

_LISTS = ("candidate_variants", "fallback_variants")


def check_shares(tree: Tree) -> Iterator[Finding]:
    """The rules of `experimentation`, for each function that has one."""
    for path, function in tables(tree, "functions", "*"):
        split, variants = function.get("experimentation"), function.get("variants")
        if not isinstance(split, dict) or not isinstance(variants, dict):
            continue
        place = (*path, "experimentation")
        yield from _check_mixed(place, variants)
        for where, each in _experiments(place, split):
            yield from _check_names(where, each, list(variants))
            yield from _check_reachable(where, each)
            yield from _check_adaptive(where, each, list(table(tree, "metrics")))


def _experiments(path: Path, split: Tree) -> Iterator[tuple[Path, Tree]]:
    """The experiment itself, and those of namespaces."""
    yield path, split
    for place, each in tables(split, "namespaces", "*"):
        yield (*path, *place), each


def _check_mixed(path: Path, variants: Tree) -> Iterator[Finding]:
    weighted = [
        name
        for name, variant in variants.items()
        if isinstance(variant, dict) and variant.get("weight") is not None
    ]
    if weighted:
        message = (
            "cannot mix `experimentation` configuration with individual variant `weight` values "
            f"(of {listed(weighted)})"
        )
        remedy = "remove the weights and name the shares in `candidate_variants`, or the reverse"
        yield Finding(path, message, remedy)


def _check_names(path: Path, split: Tree, variants: list[str]) -> Iterator[Finding]:
    candidates, fallbacks = (_names(split.get(key)) for key in _LISTS)
    for kind, names in (("candidate", candidates), ("fallback", fallbacks)):
        place = (*path, f"{kind}_variants")
        for name in sorted(set(names) - set(variants)):
            near = nearest(name, variants)
            remedy = f"did you mean `{near}`?" if near else f"there are: {listed(variants)}"
            message = f"{kind} variant {named(name)} does not exist in function variants"
            yield Finding(place, message, remedy)
        if len(set(names)) < len(names):
            yield Finding(place, "a variant is named twice", "name each variant once")
    both = sorted(set(candidates) & set(fallbacks))
    if both:
        message = (
            "variants cannot appear in both `candidate_variants` and `fallback_variants`: "
            f"{listed(both)}"
        )
        yield Finding(path, message, "keep each in one of the two lists")


def _check_reachable(path: Path, split: Tree) -> Iterator[Finding]:
    if split.get("type") == "uniform" and not split.keys() & set(_LISTS):
        return
    candidates = split.get("candidate_variants")
    weights = candidates.values() if isinstance(candidates, dict) else _names(candidates)
    active = [weight for weight in weights if weight not in (0, 0.0)]
    adaptive = split.get("type") in ("adaptive", "track_and_stop")
    if not active and (not _names(split.get("fallback_variants")) or adaptive):
        if adaptive and candidates is None:
            return
        message = "no active candidate variants and no fallback variants; at least one is required"
        yield Finding(path, message, "name variants in `candidate_variants`")


def _check_adaptive(path: Path, split: Tree, metrics: list[str]) -> Iterator[Finding]:
    if split.get("type") not in ("adaptive", "track_and_stop"):
        return
    metric = split.get("metric")
    if isinstance(metric, str) and metric not in metrics:
        near = nearest(metric, metrics)
        remedy = f"did you mean `{near}`?" if near else "define it under `metrics`"
        message = f"experiment references unknown metric {named(metric)}"
        yield Finding((*path, "metric"), message, remedy)
    yield from _check_bounds(path, split)


def _check_bounds(path: Path, split: Tree) -> Iterator[Finding]:
    count, least = len(_names(split.get("candidate_variants"))), split.get("min_prob")
    if isinstance(least, int | float) and least * count > 1:
        message = f"`min_prob` {least} for each of {count} variants is more than 1 together"
        yield Finding((*path, "min_prob"), message, f"write at most {1 / count:g}")
    most, first = split.get("max_samples_per_variant"), split.get("min_samples_per_variant", 10)
    if isinstance(most, int) and isinstance(first, int) and most < first:
        message = f"`max_samples_per_variant` {most} is less than the first {first}"
        remedy = "raise it, or lower `min_samples_per_variant`"
        yield Finding((*path, "max_samples_per_variant"), message, remedy)


def check_namespaces(tree: Tree) -> Iterator[Finding]:
    """What belongs to a namespace can be drawn in experiments of that namespace only."""
    for path, function in tables(tree, "functions", "*"):
        for place, variant in tables(function, "variants", "*"):
            name = str(place[-1])
            for wanted, reason in _namespaces(tree, variant):
                for where, space in _reaching(function, name):
                    if space != wanted:
                        message = (
                            f"{reason}, but variant `{name}` is reachable from {where}; it may "
                            "only be reachable from the experiment of that namespace"
                        )
                        remedy = f"name it under `experimentation.namespaces.{wanted}` only"
                        yield Finding((*path, *place), message, remedy)


def _namespaces(tree: Tree, variant: Tree) -> Iterator[tuple[str, str]]:
    if isinstance(variant.get("namespace"), str):
        yield variant["namespace"], f"it has namespace `{variant['namespace']}`"
    for call in (variant, table(variant, "evaluator"), table(variant, "fuser")):
        name = call.get("model")
        space = table(table(tree, "models"), str(name)).get("namespace")
        if isinstance(space, str):
            yield space, f"its model `{name}` has namespace `{space}`"


def _reaching(function: Tree, variant: str) -> Iterator[tuple[str, str | None]]:
    """The experiments that could draw the variant, with their namespaces."""
    split = function.get("experimentation")
    if not isinstance(split, dict):
        yield "every call of the function", None
        return
    everyone = split.get("type") == "uniform" and not split.keys() & set(_LISTS)
    if everyone or _draws(split, variant):
        yield "the experiment of no namespace", None
    for place, each in tables(split, "namespaces", "*"):
        if _draws(each, variant):
            yield f"the experiment of namespace `{place[-1]}`", str(place[-1])


def _draws(split: Tree, variant: str) -> bool:
    return any(variant in _names(split.get(key)) for key in _LISTS)


def _names(value: Any) -> list[str]:
    return (
        [name for name in value if isinstance(name, str)] if isinstance(value, list | dict) else []
    )
