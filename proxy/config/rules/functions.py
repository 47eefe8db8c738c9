"""Rules of `functions` and their variants."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import minijinja

from proxy.config.findings import Finding, Path, Tree, listed, named
from proxy.config.schema.providers import PROVIDER_TYPES, UNSERVED_TYPES
from proxy.config.schema.shorthands import RESPONSES_SHORTHAND, SHORTHAND_TYPES
from proxy.config.schema.variants import LABEL, TEXT
from proxy.config.shape import NOT_SERVED
from proxy.config.tree import table, tables

_VARIABLE = "system_text"
_OTHERS = f"use a configured model or one of {listed(f'{t}::NAME' for t in SHORTHAND_TYPES)}"


def check_models(tree: Tree) -> Iterator[Finding]:
    """A variant's model is configured, or is a shorthand of a provider type that is served."""
    configured = list(table(tree, "models"))
    for path, variant in tables(tree, "functions", "*", "variants", "*"):
        name = variant.get("model")
        if not isinstance(name, str) or not name or name in configured:
            continue
        prefix, separator, rest = name.partition("::")
        place = (*path, "model")
        if name.startswith(RESPONSES_SHORTHAND):
            remedy = "write `openai::NAME`, which asks over chat completions"
            yield Finding(place, f"the shorthand `{RESPONSES_SHORTHAND}` {NOT_SERVED}", remedy)
        elif separator and prefix in SHORTHAND_TYPES and rest:
            continue
        elif separator and prefix in UNSERVED_TYPES:
            yield Finding(place, f"the shorthand `{prefix}::` {NOT_SERVED}", _OTHERS)
        elif separator and prefix in PROVIDER_TYPES and rest:
            message = f"there is no shorthand `{prefix}::`: such a provider needs an address"
            remedy = f"define a model under `models` with a provider of `type: {prefix}`"
            yield Finding(place, message, remedy)
        else:
            yield _unknown_model(place, name, configured)


def _unknown_model(path: Path, name: str, configured: list[str]) -> Finding:
    near = difflib.get_close_matches(name, configured, n=1, cutoff=0.6)
    remedy = (
        f"did you mean `{near[0]}`?"
        if near
        else f"define it under `models` (there are: {listed(configured)}), or write `openai::NAME`"
    )
    return Finding(path, f"model name {named(name)} not found in model table", remedy)


def check_json_mode(tree: Tree) -> Iterator[Finding]:
    """A chat function's variant has no JSON mode of its own."""
    for path, function in tables(tree, "functions", "*"):
        if function.get("type") != "chat":
            continue
        for place, variant in tables(function, "variants", "*"):
            if variant.get("json_mode") is not None:
                message = (
                    f"JSON mode is not supported for variant `{place[-1]}` "
                    "(parent function is a chat function)"
                )
                remedy = "remove it; the request's `response_format` asks for JSON"
                yield Finding((*path, *place, "json_mode"), message, remedy)


def check_templates(tree: Tree) -> Iterator[Finding]:
    """A system template is sound and uses no variable but `system_text`."""
    for path, variant in tables(tree, "functions", "*", "variants", "*"):
        template = table(variant, "system_template")
        text, label = template.get(TEXT), template.get(LABEL)
        if isinstance(text, str) and isinstance(label, str):
            yield from _check_template((*path, "system_template"), label, text)


def _check_template(path: Path, label: str, text: str) -> Iterator[Finding]:
    environment = minijinja.Environment()
    try:
        environment.add_template(label, text)
        names = environment.undeclared_variables_in_str(text) - environment.globals.keys()
    except minijinja.TemplateError as error:
        where = f"`{label}`, line {error.line}" if error.line else f"`{label}`"
        message = f"template error in {where}: {error.detail or error.message}"
        yield Finding(path, message, "correct the template (MiniJinja, close to Jinja2)")
        return
    if names - {_VARIABLE}:
        wanted = ", ".join(sorted(names))
        message = (
            f"template needs variables: [{wanted}] but only `{_VARIABLE}` is allowed "
            "when template has no schema"
        )
        yield Finding(path, message, f"write the text itself, or use `{{{{ {_VARIABLE} }}}}`")
