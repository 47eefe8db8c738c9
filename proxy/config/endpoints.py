"""Addresses that stand in environment variables: `endpoint: env::VAR` becomes the variable's value.

They are read when the configuration is loaded, so that everything built from it finds an address.
The snapshot keeps what is written.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.config.findings import Finding, Path, Tree
from proxy.config.schema.addresses import ENV_PREFIX, is_http_url
from proxy.config.tree import provider_tables, replaced

_KEY = "endpoint"


def resolve_endpoints(tree: Tree, environ: Mapping[str, str]) -> tuple[Tree, list[Finding]]:
    """The tree with addresses in place of variables, and a finding for each that has none."""
    result, findings = tree, []
    for path, provider in provider_tables(tree):
        written = provider.get(_KEY)
        if not isinstance(written, str) or not written.startswith(ENV_PREFIX):
            continue
        place, variable = (*path, _KEY), written.removeprefix(ENV_PREFIX)
        value = environ.get(variable, "").strip() if variable else ""
        if is_http_url(value):
            result = replaced(result, place, value)
        elif variable:
            findings.append(_absence(place, variable, value))
    return result, findings


def _absence(place: Path, variable: str, value: str) -> Finding:
    state = "does not hold an http or https URL" if value else "is missing"
    message = f"environment variable `{variable}` {state}"
    return Finding(place, message, f"export {variable}=https://…; or write the URL itself")
