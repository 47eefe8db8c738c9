"""`provider_types.T.defaults`: what providers of a type say unless they say otherwise."""

from __future__ import annotations

from proxy.config.findings import Tree
from proxy.config.tree import provider_tables, replaced, table


def apply_type_defaults(tree: Tree) -> Tree:
    """The tree with the types' locations in providers that name none of their own."""
    result = tree
    types = table(tree, "provider_types")
    for path, provider in provider_tables(tree):
        defaults = table(table(types, str(provider.get("type"))), "defaults")
        new = {
            key: value
            for key, value in defaults.items()
            if key in ("api_key_location", "credential_location") and provider.get(key) is None
        }
        if new:
            result = replaced(result, path, provider | new)
    return result
