"""Warnings about a configuration that loads: old spellings, foreign sections, unbuilt parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proxy.config.findings import Path, Tree, dotted
from proxy.config.schema.unbuilt import Unbuilt
from proxy.config.tree import select, table, tables

_NO_CLICKHOUSE = "there is no ClickHouse here; records go to Postgres"
_LOCKED = "nobody is let in: list the hashes of callers' keys under `zeroproxy.api_keys`"
_DEPRECATED = (
    (("functions", "*", "variants", "*", "input_wrappers"), "use `templates`"),
    (("functions", "*", "variants", "*", "timeout_s"), "give the candidates `timeouts`"),
    (("evaluations", "*", "evaluators", "*", "cutoff"), "remove it"),
    (("functions", "*", "evaluators", "*", "cutoff"), "remove it"),
    (("gateway", "observability", "disable_automatic_migrations"), "remove it"),
    (("postgres", "enabled"), "remove it; the address decides"),
    (("postgres", "inference_retention_days"), "write `inference_data_retention_days`"),
    (("models", "*", "providers", "*", "allow_auto_detect_region"), "write `region: sdk`"),
    (("models", "*", "providers", "*", "beta_structured_outputs"), "remove it"),
    (("gateway", "template_filesystem_access", "enabled"), "`base_path` says it"),
    (("optimizers", "*", "evaluation_name"), "use `evaluator_names`"),
)
_OLD_WORDS = {
    "uniform": "static",
    "static_weights": "static",
    "track_and_stop": "adaptive",
}


def find_notices(tree: Tree) -> Iterator[tuple[Path, str]]:
    """Place and sentence of each, in no particular order."""
    for pattern, advice in _DEPRECATED:
        for path, _ in select(tree, *pattern):
            yield path, f"deprecated; {advice}"
    for path, split in _experiments(tree):
        word = split.get("type")
        if isinstance(word, str) and word in _OLD_WORDS:
            yield (*path, "type"), f"`{word}` is deprecated; write `{_OLD_WORDS[word]}`"
    for path, rule in tables(tree, "rate_limiting", "rules", "*"):
        if not any("_per_" in key for key in rule):
            yield path, "the rule has no limit, such as `tokens_per_minute`"
    yield from _foreign(tree)


def _experiments(tree: Tree) -> Iterator[tuple[Path, Tree]]:
    yield from tables(tree, "functions", "*", "experimentation")
    yield from tables(tree, "functions", "*", "experimentation", "namespaces", "*")


def _foreign(tree: Tree) -> Iterator[tuple[Path, str]]:
    gateway = table(tree, "gateway")
    if "clickhouse" in tree:
        yield ("clickhouse",), f"accepted, without effect: {_NO_CLICKHOUSE}"
    for key in ("observability", "cache"):
        if table(gateway, key).get("backend") == "clickhouse":
            yield ("gateway", key, "backend"), _NO_CLICKHOUSE
    asked = table(gateway, "auth").get("enabled") is True
    if asked and not table(tree, "zeroproxy").get("api_keys"):
        yield ("gateway", "auth", "enabled"), _LOCKED
    if "autopilot" in tree:
        yield ("autopilot",), "accepted, without effect: there is no autopilot here"


def render_unbuilt(unbuilt: Sequence[Unbuilt]) -> Iterator[str]:
    """One sentence for each thing that is not built yet, however often it is named."""
    groups: dict[tuple[str, str], list[Unbuilt]] = {}
    for each in unbuilt:
        groups.setdefault((each.name, _effect(each)), []).append(each)
    for (name, effect), found in groups.items():
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        yield f"{dotted(found[0].path)}{more}: not built yet: {name}; {effect}"


def _effect(unbuilt: Unbuilt) -> str:
    blocked = "what needs it is answered with 501"
    return unbuilt.instead or (blocked if unbuilt.blocks else "it has no effect")
