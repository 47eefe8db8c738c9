"""Rules of shares: every name exists, nobody is named twice, somebody can be chosen."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from proxy.config.findings import Finding, Path, Tree, listed
from proxy.config.tree import tables

_SPELLINGS = ("static", "static_weights", "uniform")


def check_shares(tree: Tree) -> Iterator[Finding]:
    """The rules of `experimentation`, for each function that has one."""
    for path, function in tables(tree, "functions", "*"):
        split, variants = function.get("experimentation"), function.get("variants")
        if not isinstance(split, dict) or not isinstance(variants, dict):
            continue
        place = (*path, "experimentation")
        yield from _check_mixed(place, variants)
        if split.get("type") in _SPELLINGS:
            yield from _check_names(place, split, list(variants))
            yield from _check_reachable(place, split)


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
    candidates = _names(split.get("candidate_variants"))
    fallbacks = _names(split.get("fallback_variants"))
    for kind, names in (("candidate", candidates), ("fallback", fallbacks)):
        place = (*path, f"{kind}_variants")
        for name in sorted(set(names) - set(variants)):
            near = difflib.get_close_matches(name, variants, n=1, cutoff=0.6)
            remedy = f"did you mean `{near[0]}`?" if near else f"there are: {listed(variants)}"
            message = f"{kind} variant `{name}` does not exist in function variants"
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
    if split.get("type") == "uniform" and not split.keys() & {
        "candidate_variants",
        "fallback_variants",
    }:
        return
    candidates = split.get("candidate_variants")
    weights = candidates.values() if isinstance(candidates, dict) else _names(candidates)
    active = [weight for weight in weights if weight not in (0, 0.0)]
    if not active and not _names(split.get("fallback_variants")):
        message = "no active candidate variants and no fallback variants; at least one is required"
        yield Finding(path, message, "name variants in `candidate_variants`")


def _names(value: Any) -> list[str]:
    return (
        [name for name in value if isinstance(name, str)] if isinstance(value, list | dict) else []
    )
