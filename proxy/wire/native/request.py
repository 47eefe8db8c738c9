"""The body of `/inference` as what it asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from typing import Any
from uuid import UUID

from proxy.errors import InvalidRequest
from proxy.types.immutable import immutable
from proxy.types.request import NO_PARAMS, Input, Params
from proxy.wire.envelope.extensions import (
    CacheOptions,
    read_cache_options,
    read_config_object,
    read_credentials,
    read_extra_body,
    read_extra_headers,
    read_namespace,
    read_uuid,
)
from proxy.wire.envelope.params import Reader, read_native_params
from proxy.wire.envelope.tools import ToolChoice, read_provider_tools
from proxy.wire.native.input import read_input
from proxy.wire.native.tools import read_additional_tools, read_native_tool_choice
from proxy.wire.serde import (
    missing,
    read_body,
    read_flag,
    read_string,
    read_string_map,
    read_strings,
)

OWN_TAGS = "tensorzero::"
INTERNAL_TAG = "tensorzero::internal"


@immutable
class NativeRequest:
    """An inference, read and checked as far as that needs no configuration."""

    function_name: str | None
    """This or `model_name`, which may be a shorthand `provider::name`."""
    model_name: str | None
    input: Input
    episode_id: UUID | None = None
    """Of any version; whether it may be an episode's is for others to say."""
    namespace: str | None = None
    stream: bool = False
    params: Params = NO_PARAMS
    variant_name: str | None = None
    dryrun: bool = False
    internal: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    """With that of an internal call."""
    allowed_tools: tuple[str, ...] | None = None
    additional_tools: bytes | None = None
    """Raw list, checked in shape."""
    choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    provider_tools: tuple[bytes, ...] = ()
    """Raw entries, checked in shape; so `extra_body` and `extra_headers`."""
    output_schema: bytes | None = None
    """Raw JSON."""
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    cache_options: CacheOptions = CacheOptions()
    include_original_response: bool = False
    include_raw_response: bool = False
    include_raw_usage: bool = False
    include_aggregated_response: bool = False
    """Of a stream only."""
    extra_body: tuple[bytes, ...] = ()
    extra_headers: tuple[bytes, ...] = ()
    internal_dynamic_variant_config: bytes | None = None
    """Raw object."""
    warnings: tuple[str, ...] = ()
    """Sentences for the log."""

    @property
    def response_format(self) -> bytes | None:
        """Only OpenAI's form has one."""
        return None


def decode_inference_request(body: bytes) -> NativeRequest:
    """Read and check a body. Null counts as absent, unknown members are refused.

    Raises:
        InvalidRequest: with TensorZero's message.
    """
    members = read_body(body, "Params")
    values = read_members(members, _READERS, ("input",))
    values |= read_members(members, _TOOL_READERS, ())
    check_names(members, _KNOWN)
    said, warnings = values.pop("input")
    values["tags"] = with_internal_tag(values.get("tags", {}), values.get("internal", False))
    if "tool_choice" in values:
        values["choice"] = values.pop("tool_choice")
    target = {name: values.pop(name, None) for name in ("function_name", "model_name")}
    if values.get("include_original_response"):
        warnings = (*warnings, _OLD_RAW_RESPONSE)
    request = NativeRequest(**target, input=said, warnings=warnings, **values)
    _check_target(request)
    _check_whole(request)
    return request


def read_members(
    members: Mapping[str, bytes], readers: Mapping[str, Reader], needed: tuple[str, ...]
) -> dict[str, Any]:
    """Values by name, in the order of the body, of what is not null or is needed.

    Raises:
        InvalidRequest: a value is of the wrong shape, or a needed one is missing.
    """
    values: dict[str, Any] = {}
    for name, raw in members.items():
        reader = readers.get(name)
        if reader is not None and (raw != b"null" or name in needed):
            values[name] = reader(raw, name)
    for name in needed:
        if name not in values:
            raise missing("", name)
    return values


def check_names(members: Mapping[str, bytes], known: Collection[str]) -> None:
    """Refuse the first member that nobody knows.

    The flattened structures of TensorZero's reader keep it from listing those that it does know.
    """
    for name in members:
        if name not in known:
            raise InvalidRequest(f"unknown field `{name}`", param=name)


def with_internal_tag(tags: Mapping[str, str], internal: bool) -> Mapping[str, str]:
    """The tags, of which only an internal call may have some of TensorZero's own."""
    if internal:
        return {**tags, INTERNAL_TAG: "true"}
    for name in tags:
        if name.startswith(OWN_TAGS):
            raise InvalidRequest(f"Tag name cannot start with 'tensorzero::': {name}", param="tags")
    return tags


_READERS: Mapping[str, Reader] = {
    "function_name": read_string,
    "model_name": read_string,
    "episode_id": read_uuid,
    "namespace": read_namespace,
    "input": read_input,
    "stream": read_flag,
    "params": read_native_params,
    "variant_name": read_string,
    "dryrun": read_flag,
    "internal": read_flag,
    "tags": read_string_map,
    "output_schema": lambda raw, path: raw,
    "cache_options": read_cache_options,
    "credentials": read_credentials,
    "include_original_response": read_flag,
    "include_raw_response": read_flag,
    "include_raw_usage": read_flag,
    "include_aggregated_response": read_flag,
    "extra_body": read_extra_body,
    "extra_headers": read_extra_headers,
    "internal_dynamic_variant_config": read_config_object,
}

_TOOL_READERS: Mapping[str, Reader] = {
    "allowed_tools": read_strings,
    "additional_tools": read_additional_tools,
    "tool_choice": read_native_tool_choice,
    "parallel_tool_calls": read_flag,
    "provider_tools": read_provider_tools,
}
"""Read after the others, as TensorZero does, so that of two faults the same one is reported."""

_KNOWN = frozenset({*_READERS, *_TOOL_READERS})

_OLD_RAW_RESPONSE = (
    "`include_original_response` is deprecated; `include_raw_response` takes its place."
)


def _check_target(request: NativeRequest) -> None:
    """A function or a model, and what goes with it."""
    function, model = request.function_name, request.model_name
    dynamic = request.internal_dynamic_variant_config is not None
    if function is not None and model is None:
        return
    if dynamic:
        why = "If a dynamic variant config is passed, `function_name` must be specified."
        raise _no_target(why, "internal_dynamic_variant_config")
    if function is not None:
        why = "Only one of `function_name` or `model_name` can be provided"
        raise _no_target(why, "model_name")
    if model is None:
        raise _no_target("Either `function_name` or `model_name` must be provided", "function_name")
    if request.variant_name is not None:
        why = "`variant_name` cannot be provided when using `model_name`"
        raise _no_target(why, "variant_name")


def _no_target(why: str, param: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid inference target: {why}", param=param)


def _check_whole(request: NativeRequest) -> None:
    """What the members rule out among themselves."""
    dynamic = request.internal_dynamic_variant_config is not None
    if dynamic and not request.dryrun:
        raise InvalidRequest(
            "If `internal_dynamic_variant_config` is used, `dryrun` must also be set to true",
            param="dryrun",
        )
    if dynamic and request.variant_name is not None:
        raise InvalidRequest(
            "`variant_name` and `internal_dynamic_variant_config` cannot both be set.",
            param="variant_name",
        )
    if request.include_aggregated_response and not request.stream:
        raise InvalidRequest(
            "`include_aggregated_response` is only supported in streaming mode",
            param="include_aggregated_response",
        )
