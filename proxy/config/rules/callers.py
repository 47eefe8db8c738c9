"""Rules about callers: their keys here, and the keys that they bring for somebody else."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.config.findings import Finding, Path, Tree
from proxy.config.rules.credentials import parsed
from proxy.config.schema.credentials import CallerCredential, leaves
from proxy.config.tree import provider_tables, table, tables


def check_keys(tree: Tree) -> Iterator[Finding]:
    """Names and hashes of `zeroproxy.api_keys` are unique."""
    seen: set[tuple[str, object]] = set()
    for path, key in tables(tree, "zeroproxy", "api_keys", "*"):
        for part in ("name", "sha256"):
            value = key.get(part)
            if isinstance(value, str):
                if (part, value) in seen:
                    message = f"another key has the same `{part}`"
                    yield Finding((*path, part), message, f"give each key its own `{part}`")
                seen.add((part, value))


def check_forwarding(tree: Tree) -> Iterator[Finding]:
    """`client::` forwards `Authorization`, which must then not hold a key of ours."""
    own = table(tree, "zeroproxy")
    if not own.get("api_keys") or own.get("api_key_header", "authorization") != "authorization":
        return
    for path in _forwarding(tree):
        message = (
            "`client::` would forward the caller's `Authorization`, in which callers send their "
            "key of this proxy"
        )
        remedy = "set `zeroproxy.api_key_header: x-tensorzero-api-key`, or use another location"
        yield Finding(path, message, remedy)


def _forwarding(tree: Tree) -> Iterator[Path]:
    for path, provider in [*provider_tables(tree), *tables(tree, "zeroproxy", "default_provider")]:
        written = provider.get("api_key_location")
        location = parsed(written)
        if written is None and path[0] == "zeroproxy":
            location = CallerCredential()
        if location and any(isinstance(leaf, CallerCredential) for leaf in leaves(location)):
            yield path if written is None else (*path, "api_key_location")
