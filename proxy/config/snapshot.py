"""The configuration as one text with one hash: what is recorded with every exchange."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from proxy.config.findings import Tree
from proxy.config.tree import replaced, tables

REDACTED = "[redacted]"
_SECRET_HEADER = re.compile(r"auth|key|token|secret|cookie|password|credential|signature", re.I)
_HEADER_RULES = (
    ("models", "*", "providers", "*", "extra_headers", "*"),
    ("embedding_models", "*", "providers", "*", "extra_headers", "*"),
    ("functions", "*", "variants", "*", "extra_headers", "*"),
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`text` is canonical JSON, with the values of headers that may be secret left out. `hash` is
    the SHA-256 (32 bytes) of that JSON before anything was left out, so it changes with them."""

    text: str
    hash: bytes


def canonical_json(tree: Tree) -> str:
    """Compact JSON with sorted keys: equal trees give equal text, however they were written."""
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def build_snapshot(tree: Tree) -> Snapshot:
    """The snapshot of a merged tree in which text files have been replaced by their content."""
    digest = hashlib.sha256(canonical_json(tree).encode()).digest()
    return Snapshot(canonical_json(_redacted(tree)), digest)


def _redacted(tree: Tree) -> Tree:
    result = tree
    for pattern in _HEADER_RULES:
        for path, rule in tables(tree, *pattern):
            if "value" in rule and _SECRET_HEADER.search(str(rule.get("name"))):
                result = replaced(result, (*path, "value"), REDACTED)
    return result
