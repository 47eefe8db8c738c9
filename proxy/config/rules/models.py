"""Rules of `models` and `embedding_models`, and of the default provider."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.config.findings import Finding, Path, Tree, listed
from proxy.config.guesses import nearest
from proxy.config.rules.credentials import parsed
from proxy.config.schema.credentials import DynamicLocation, NoCredential, leaves
from proxy.config.schema.providers import ADDRESSLESS_TYPES
from proxy.config.tree import provider_tables, tables


def check_routing(tree: Tree) -> Iterator[Finding]:
    """`routing` names every provider of its model once, and nothing else."""
    for section in ("models", "embedding_models"):
        for path, model in tables(tree, section, "*"):
            routing, providers = model.get("routing"), model.get("providers")
            if isinstance(routing, list) and isinstance(providers, dict):
                yield from _check_one((*path, "routing"), routing, list(providers))


def _check_one(path: Path, routing: list[object], providers: list[str]) -> Iterator[Finding]:
    if not routing:
        remedy = f"list the providers to try, in order (there are: {listed(providers)})"
        yield Finding(path, "`routing` must not be empty", remedy)
        return
    for index, name in enumerate(routing):
        if not isinstance(name, str):
            continue
        if name in routing[:index]:
            yield Finding((*path, index), f"duplicate entry `{name}`", "name each provider once")
        elif name not in providers:
            near = nearest(name, providers)
            remedy = f"did you mean `{near}`?" if near else f"there are: {listed(providers)}"
            message = f"`routing` contains entry `{name}` that does not exist in `providers`"
            yield Finding((*path, index), message, remedy)
    for name in providers:
        if name not in routing:
            place = (*path[:-1], "providers", name)
            remedy = f"add `{name}` to `routing`, or remove the provider"
            yield Finding(place, f"provider `{name}` is not listed in `routing`", remedy)


def check_dummy_locations(tree: Tree) -> Iterator[Finding]:
    """The dummy provider takes `none` or `dynamic::KEY`."""
    for path, provider in provider_tables(tree):
        location = parsed(provider.get("api_key_location"))
        if provider.get("type") != "dummy" or location is None:
            continue
        if not all(isinstance(leaf, NoCredential | DynamicLocation) for leaf in leaves(location)):
            place = (*path, "api_key_location")
            remedy = "write `none` or `dynamic::KEY_NAME`, or remove the key"
            yield Finding(place, "invalid `api_key_location` for a dummy provider", remedy)


def check_api_type(tree: Tree) -> Iterator[Finding]:
    """Some keys are of OpenAI's Responses API only."""
    for path, provider in tables(tree, "models", "*", "providers", "*"):
        if provider.get("type") != "openai" or provider.get("api_type") == "responses":
            continue
        for key in ("include_encrypted_reasoning", "provider_tools"):
            if provider.get(key):
                message = f"`{key}` needs `api_type: responses`"
                yield Finding((*path, key), message, "add `api_type: responses`, or remove the key")


def check_default_address(tree: Tree) -> Iterator[Finding]:
    """A default provider without a fixed address says where it is."""
    for path, provider in tables(tree, "zeroproxy", "default_provider"):
        kind = provider.get("type")
        if kind in ADDRESSLESS_TYPES and provider.get("api_base") is None:
            message = f"missing field `api_base`, which a provider of type `{kind}` needs"
            remedy = "add `api_base` (URL): its base URL, such as `http://127.0.0.1:8000/v1`"
            yield Finding((*path, "api_base"), message, remedy)
