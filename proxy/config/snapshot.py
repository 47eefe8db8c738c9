"""The configuration as one text with one hash: what is recorded with every exchange."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from proxy.config.findings import Path, Tree
from proxy.config.tree import replaced, walk

REDACTED = "[redacted]"
_SECRET_HEADER = re.compile(r"auth|key|token|secret|cookie|password|credential|signature", re.I)
_TRACES = ("gateway", "export", "otlp", "traces", "extra_headers")
_SECRETS = (
    ("provider_types", "together", "sft", "wandb_api_key"),
    ("provider_types", "together", "sft", "hf_api_token"),
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
    for path, value in walk(tree):
        if _is_secret(path, value):
            result = replaced(result, path, REDACTED)
        elif path[-2:-1] == ("extra_headers",) and _is_secret_header(value):
            result = replaced(result, (*path, "value"), REDACTED)
    return result


def _is_secret_header(rule: object) -> bool:
    return (
        isinstance(rule, dict)
        and "value" in rule
        and _SECRET_HEADER.search(str(rule.get("name"))) is not None
    )


def _is_secret(path: Path, value: object) -> bool:
    if not isinstance(value, str):
        return False
    in_traces = path[:-1] == _TRACES and _SECRET_HEADER.search(str(path[-1])) is not None
    return in_traces or path in _SECRETS
