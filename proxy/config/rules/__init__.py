"""What no single key can tell: rules over the whole tree.

A rule gets the merged tree before it is known to fit the schema, so that its findings come together
with those of the shape. It must therefore pass over anything of an unexpected type, which the shape
reports, and it yields findings in no particular order. One file per section; a new rule joins by a
line in `RULES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from proxy.config.findings import Finding, Tree
from proxy.config.rules import (
    callers,
    clouds,
    evaluators,
    experimentation,
    functions,
    limits,
    models,
    names,
    rate_limits,
    templates,
)

Rule = Callable[[Tree], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    names.check_names,
    models.check_routing,
    models.check_dummy_locations,
    models.check_api_type,
    models.check_default_address,
    functions.check_models,
    functions.check_json_mode,
    functions.check_candidates,
    functions.check_timeout_s,
    functions.check_tools,
    templates.check_schemas,
    templates.check_forms,
    templates.check_templates,
    templates.check_completeness,
    experimentation.check_shares,
    experimentation.check_namespaces,
    evaluators.check_evaluations,
    evaluators.check_evaluators,
    evaluators.check_optimizers,
    rate_limits.check_limits,
    rate_limits.check_distinct,
    rate_limits.check_storage,
    limits.check_timeouts,
    limits.check_writes,
    limits.check_retention,
    clouds.check_locations,
    clouds.check_aws,
    callers.check_keys,
    callers.check_forwarding,
)


def check_rules(tree: Tree) -> list[Finding]:
    """Everything that any rule finds."""
    return [finding for rule in RULES for finding in rule(tree)]
