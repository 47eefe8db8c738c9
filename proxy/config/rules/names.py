"""Names that are reserved."""

from __future__ import annotations

import re
from collections.abc import Iterator

from proxy.config.findings import Finding, Tree
from proxy.config.schema.metrics import RESERVED_METRICS
from proxy.config.schema.providers import PROVIDER_TYPES
from proxy.config.schema.shorthands import EMBEDDING_SHORTHAND_TYPES, SHORTHAND_TYPES
from proxy.config.tree import select

_RESERVED = "tensorzero::"
_PLAIN = re.compile(r"[A-Za-z0-9_.:/-]*\Z")
_NAMED = {
    "Model": ("models", "*"),
    "Provider": ("models", "*", "providers", "*"),
    "Embedding model": ("embedding_models", "*"),
    "Embedding provider": ("embedding_models", "*", "providers", "*"),
    "User-defined function": ("functions", "*"),
    "Variant": ("functions", "*", "variants", "*"),
    "Metric": ("metrics", "*"),
    "Tool": ("tools", "*"),
}


def check_names(tree: Tree) -> Iterator[Finding]:
    """No name is empty or begins with `tensorzero::`, no model's with a provider type and `::`."""
    for kind, pattern in _NAMED.items():
        for path, _ in select(tree, *pattern):
            name = str(path[-1])
            if not name.strip():
                yield Finding(path, f"{kind} name is empty", "give it a name")
            elif name.startswith(_RESERVED):
                message = f"{kind} name cannot start with `{_RESERVED}`"
                yield Finding(path, message, f"rename it, say to `{name[len(_RESERVED) :]}`")
    yield from _check_prefixes(tree)
    for path, _ in select(tree, "metrics", "*"):
        if path[-1] in RESERVED_METRICS:
            message = f"metric name `{path[-1]}` is reserved and cannot be used"
            yield Finding(path, message, "remove it: feedback under this name always works")
        elif not _PLAIN.match(str(path[-1])):
            message = "a metric's name holds a character that is not allowed"
            remedy = "use letters, digits and `_`, `-`, `.`, `:`, `/`"
            yield Finding(path, message, remedy)


def _check_prefixes(tree: Tree) -> Iterator[Finding]:
    for path, _ in [*select(tree, "models", "*"), *select(tree, "embedding_models", "*")]:
        prefix, separator, rest = str(path[-1]).partition("::")
        if separator and prefix in PROVIDER_TYPES:
            remedy = f"rename it, say to `{rest or prefix}`"
            if prefix in (SHORTHAND_TYPES if path[0] == "models" else EMBEDDING_SHORTHAND_TYPES):
                remedy += f"; `{prefix}::…` works without configuration"
            yield Finding(path, f"model name contains the reserved prefix `{prefix}::`", remedy)
