"""Rules of templates and schemas: each is sound, and the two fit each other."""

from __future__ import annotations

import json
from collections.abc import Iterator

from proxy.config.findings import Finding, Path, Tree
from proxy.config.named_files import ROLES, SCHEMA_FILES, TEMPLATE_KEYS, VARIANTS
from proxy.config.schema.named_files import LABEL, TEXT
from proxy.config.schema.variants import CHAIN_OF_THOUGHT
from proxy.config.tree import table, tables

_PROMPTED = ("chat_completion", CHAIN_OF_THOUGHT)


def check_schemas(tree: Tree) -> Iterator[Finding]:
    """A schema file holds a JSON object that is a JSON Schema."""
    for pattern in SCHEMA_FILES:
        for path, value in tables(tree, *pattern):
            text, label = value.get(TEXT), value.get(LABEL)
            if isinstance(text, str) and text and isinstance(label, str):
                yield from _check_schema(path, label, text)


def _check_schema(path: Path, label: str, text: str) -> Iterator[Finding]:
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"failed to parse JSON Schema `{label}`: {error}"
        yield Finding(path, message, "write a JSON object into the file")
        return
    if not isinstance(schema, dict):
        message = f"the JSON Schema `{label}` is not an object"
        yield Finding(path, message, "begin the file with `{`")
        return
    import jsonschema_rs  # Only for those who have schemas.

    try:
        jsonschema_rs.validator_for(schema)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "message", None) or str(error).splitlines()[0]
        message = f"`{label}` is not a valid JSON Schema: {reason}"
        yield Finding(path, message, "correct the schema; the draft is 2020-12 unless it says so")


def check_forms(tree: Tree) -> Iterator[Finding]:
    """No schema and no template is said in two spellings."""
    for path, function in tables(tree, "functions", "*"):
        for role in ROLES:
            if role in table(function, "schemas") and f"{role}_schema" in function:
                message = f"cannot specify both `schemas.{role}.path` and `{role}_schema`"
                yield Finding((*path, f"{role}_schema"), message, "keep the first")
    for pattern in VARIANTS:
        for path, variant in tables(tree, *pattern):
            yield from _check_template_forms(path, variant)


def _check_template_forms(path: Path, variant: Tree) -> Iterator[Finding]:
    for role in ROLES:
        spellings = [
            spelling
            for spelling, stands in (
                (f"templates.{role}", role in table(variant, "templates")),
                (f"{role}_template", variant.get(f"{role}_template") is not None),
                (f"input_wrappers.{role}", table(variant, "input_wrappers").get(role) is not None),
            )
            if stands
        ]
        if len(spellings) > 1:
            message = f"cannot specify both `{spellings[0]}` and `{spellings[1]}`"
            yield Finding(path, message, f"keep `{spellings[0]}`")


def check_templates(tree: Tree) -> Iterator[Finding]:
    """A template is sound; without a schema it uses no variable but the text of its role."""
    for pattern in VARIANTS:
        for key in TEMPLATE_KEYS:
            for path, value in tables(tree, *pattern, *key):
                text, label = value.get(TEXT), value.get(LABEL)
                if isinstance(text, str) and isinstance(label, str):
                    yield from _check_template(path, label, text, _role(tree, path))


def _role(tree: Tree, path: Path) -> str | None:
    """The role whose text is the template's one variable; None if it may use any."""
    key = str(path[-1]).removesuffix("_template")
    if key not in ROLES or path[-2] == "templates":
        return None
    function = table(table(tree, "functions"), str(path[1]))
    has_schema = f"{key}_schema" in function or key in table(function, "schemas")
    return None if has_schema else key


def _check_template(path: Path, label: str, text: str, role: str | None) -> Iterator[Finding]:
    import minijinja  # Only for those who have templates.

    environment = minijinja.Environment()
    try:
        environment.add_template(label, text)
        names = environment.undeclared_variables_in_str(text) - environment.globals.keys()
    except minijinja.TemplateError as error:
        where = f"`{label}`, line {error.line}" if error.line else f"`{label}`"
        message = f"template error in {where}: {error.detail or error.message}"
        yield Finding(path, message, "correct the template (MiniJinja, close to Jinja2)")
        return
    variable = f"{role}_text"
    if role is not None and names - {variable}:
        wanted = ", ".join(sorted(names))
        message = (
            f"template needs variables: [{wanted}] but only `{variable}` is allowed "
            "when template has no schema"
        )
        remedy = f"write the text itself, use `{{{{ {variable} }}}}`, or give a `{role}_schema`"
        yield Finding(path, message, remedy)


def check_completeness(tree: Tree) -> Iterator[Finding]:
    """Where a function has a schema, each of its variants has a template for it."""
    for path, function in tables(tree, "functions", "*"):
        older = [role for role in ROLES if f"{role}_schema" in function]
        names = [*older, *table(function, "schemas")]
        for place, variant in _prompted(function):
            for name in names:
                if not _has_template(variant, name):
                    yield _missing((*path, *place), name, name in older)


def _prompted(function: Tree) -> Iterator[tuple[Path, Tree]]:
    """The tables of one function that have templates."""
    for path, variant in tables(function, "variants", "*"):
        if variant.get("type") in _PROMPTED:
            yield path, variant
        for key in ("evaluator", "fuser"):
            if isinstance(variant.get(key), dict):
                yield (*path, key), variant[key]


def _has_template(variant: Tree, name: str) -> bool:
    wrappers = table(variant, "input_wrappers")
    return name in table(variant, "templates") or (
        name in ROLES and (f"{name}_template" in variant or name in wrappers)
    )


def _missing(path: Path, name: str, older: bool) -> Finding:
    if older:
        key, schema = f"{name}_template", f"{name}_schema"
        remedy = f"add `{key}`, or `templates.{name}.path`"
        return Finding((*path, key), f"template is required when `{schema}` is specified", remedy)
    message = f"`templates.{name}` is required when `schemas.{name}` is specified"
    return Finding((*path, "templates"), message, f"add `templates.{name}.path`")
