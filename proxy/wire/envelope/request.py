"""The body of a chat completion of `/openai/v1` as what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal
from uuid import UUID

from proxy.errors import InvalidRequest
from proxy.types.immutable import immutable
from proxy.types.request import NO_PARAMS, Input, Params
from proxy.wire.envelope.common import read_common_request
from proxy.wire.envelope.errors import refuse
from proxy.wire.envelope.extensions import (
    CacheOptions,
    read_cache_options,
    read_config_object,
    read_credentials,
    read_extra_body,
    read_extra_headers,
    read_namespace,
    read_uuid,
    uuid_of,
)
from proxy.wire.envelope.messages import (
    Said,
    convert_messages,
    plain_input,
    read_messages,
    read_plain_input,
)
from proxy.wire.envelope.params import (
    OPENAI_PARAMS,
    Reader,
    format_in_force,
    merge_params,
    read_native_params,
    read_response_format,
)
from proxy.wire.envelope.tools import (
    ToolChoice,
    read_provider_tools,
    read_tool_choice,
    read_tools,
)
from proxy.wire.serde import (
    given,
    missing,
    read_body,
    read_flag,
    read_object,
    read_string,
    read_string_map,
    read_u32,
)

EXTENSION = "tensorzero::"
FUNCTION_PREFIX = "tensorzero::function_name::"
MODEL_PREFIX = "tensorzero::model_name::"

Kind = Literal["function", "model"]
_KINDS: tuple[tuple[str, Kind], ...] = ((FUNCTION_PREFIX, "function"), (MODEL_PREFIX, "model"))


@immutable
class EnvelopeRequest:
    """A chat completion, read and checked as far as that needs no configuration."""

    function_name: str | None
    """This or `model_name`, which may be a shorthand `provider::name`."""
    model_name: str | None
    input: Input
    stream: bool = False
    include_usage: bool = False
    """Of a stream; raw usage implies it."""
    params: Params = NO_PARAMS
    """With `json_mode`, as `response_format` or `tensorzero::params` have it."""
    additional_tools: bytes | None = None
    """`tools`, a raw list in OpenAI's form, by the native API's name."""
    allowed_tools: tuple[str, ...] | None = None
    """Names of the only tools that may be called; None allows all."""
    tool_choice: bytes | None = None
    """Raw, in OpenAI's form."""
    choice: ToolChoice | None = None
    """The same, understood; with the names of allowed tools."""
    parallel_tool_calls: bool | None = None
    response_format: bytes | None = None
    """Raw, in OpenAI's form; None when `tensorzero::params` has another JSON mode."""
    output_schema: bytes | None = None
    """Raw JSON schema."""
    variant_name: str | None = None
    dryrun: bool = False
    episode_id: UUID | None = None
    """Of any version; whether it may be an episode's is for others to say."""
    namespace: str | None = None
    cache_options: CacheOptions = CacheOptions()
    extra_body: tuple[bytes, ...] = ()
    """Raw entries, checked in shape; so the next two."""
    extra_headers: tuple[bytes, ...] = ()
    provider_tools: tuple[bytes, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    internal_dynamic_variant_config: bytes | None = None
    """Raw object."""
    include_raw_usage: bool = False
    include_raw_response: bool = False
    include_original_response: bool = False
    unknown_fields: tuple[str, ...] = ()
    """Names of members that nobody here knows, sorted."""
    warnings: tuple[str, ...] = ()
    """Sentences for the log."""


def decode_model_string(model: str) -> tuple[Kind, str]:
    """Whether `model` names a function or a model, and the name.

    Raises:
        InvalidRequest: neither, or an empty name.
    """
    for prefix, kind in _KINDS:
        if model.startswith(prefix):
            name = model[len(prefix) :]
            if not name:
                raise refuse(
                    f'{kind}_name (passed in model field after "{prefix}") cannot be empty'
                )
            return kind, name
    raise refuse(
        f"`model` field must start with `{FUNCTION_PREFIX}` or `{MODEL_PREFIX}`. "
        f"For example, `{FUNCTION_PREFIX}my_function` for a function `my_function` defined in "
        f"your config, `{MODEL_PREFIX}my_model` for a model `my_model` defined in your config, "
        f"or default functions like `{MODEL_PREFIX}openai::gpt-4o-mini`."
    )


def decode_envelope_request(body: bytes) -> EnvelopeRequest:
    """Read and check a body.

    Raises:
        InvalidRequest: with TensorZero's message.
    """
    common = read_common_request(body)
    said = None if common is None else plain_input(common.messages)
    if common is None or said is None:
        return _decode(body)
    given_id = common.episode_id
    episode_id = None if given_id is None else uuid_of(given_id, "tensorzero::episode_id")
    kind, name = decode_model_string(common.model)
    request = EnvelopeRequest(
        name if kind == "function" else None,
        name if kind == "model" else None,
        said,
        common.stream or False,
        common.include_usage,
        common.params(),
        variant_name=common.variant_name,
        episode_id=episode_id,
        tags=common.tags or {},
    )
    if common.tags or common.variant_name is not None:
        _check_extensions(request)
    return request


def _decode(body: bytes) -> EnvelopeRequest:
    """The complete way."""
    members = read_body(body, "OpenAICompatibleParams")
    values = _read_members(members)
    unknown = tuple(sorted(name for name in members if name not in _READERS))
    _check_whole(values, unknown)
    target = decode_model_string(values["model"])
    said, warnings = values["messages"], _warnings(values, unknown)
    if not isinstance(said, Input):
        said, more = convert_messages(said)
        warnings = (*warnings, *more)
    request = _build(values, members, target, said, unknown, warnings)
    _check_extensions(request)
    return request


def _read_members(members: Mapping[str, bytes]) -> dict[str, Any]:
    """Values by name. Null counts as absent, except where a value is required."""
    values: dict[str, Any] = {}
    for name, raw in members.items():
        reader = _READERS.get(name)
        if reader is not None and (raw != b"null" or name in _REQUIRED):
            values[name] = reader(raw, name)
    for name in _REQUIRED:
        if name not in values:
            raise missing("", name)
    return values


def _read_messages(raw: bytes, path: str) -> Input | tuple[Said, ...]:
    """The input or, where that takes more, what is to be converted to it."""
    return read_plain_input(raw) or read_messages(raw, path)


def _read_include_usage(raw: bytes, path: str) -> bool | None:
    """What `stream_options` say of the usage; None when nothing. Other options are ignored."""
    options = read_object(raw, path, "struct OpenAICompatibleStreamOptions")
    include = given(options.get("include_usage"))
    return None if include is None else read_flag(include, f"{path}.include_usage")


_REQUIRED = ("messages", "model")

_READERS: Mapping[str, Reader] = {
    "messages": _read_messages,
    "model": read_string,
    **OPENAI_PARAMS,
    "response_format": read_response_format,
    "stream": read_flag,
    "stream_options": _read_include_usage,
    "tools": read_tools,
    "tool_choice": read_tool_choice,
    "parallel_tool_calls": read_flag,
    "n": read_u32,
    "tensorzero::variant_name": read_string,
    "tensorzero::dryrun": read_flag,
    "tensorzero::episode_id": read_uuid,
    "tensorzero::namespace": read_namespace,
    "tensorzero::cache_options": read_cache_options,
    "tensorzero::extra_body": read_extra_body,
    "tensorzero::extra_headers": read_extra_headers,
    "tensorzero::tags": read_string_map,
    "tensorzero::deny_unknown_fields": read_flag,
    "tensorzero::credentials": read_credentials,
    "tensorzero::internal_dynamic_variant_config": read_config_object,
    "tensorzero::provider_tools": read_provider_tools,
    "tensorzero::params": read_native_params,
    "tensorzero::include_raw_usage": read_flag,
    "tensorzero::include_original_response": read_flag,
    "tensorzero::include_raw_response": read_flag,
}


def _check_whole(values: Mapping[str, Any], unknown: tuple[str, ...]) -> None:
    if values.get("n", 1) != 1:
        raise refuse(
            "TensorZero does not support `n` other than 1. "
            "Please omit this parameter or set it to 1."
        )
    if unknown and values.get("tensorzero::deny_unknown_fields"):
        raise refuse(
            "`tensorzero::deny_unknown_fields` is set to true, "
            f"but found unknown fields in the request: [{', '.join(unknown)}]"
        )
    raw_usage = values.get("tensorzero::include_raw_usage")
    if values.get("stream") and raw_usage and values.get("stream_options") is False:
        raise refuse(
            "`tensorzero::include_raw_usage` requires `stream_options.include_usage` "
            "to be true (or omitted) for streaming requests"
        )


def _build(
    values: Mapping[str, Any],
    raws: Mapping[str, bytes],
    target: tuple[Kind, str],
    said: Input,
    unknown: tuple[str, ...],
    warnings: tuple[str, ...],
) -> EnvelopeRequest:
    kind, name = target
    params = merge_params(values)
    fields = {_FIELDS[key]: value for key, value in values.items() if key in _FIELDS}
    if values.get("stream_options") or values.get("tensorzero::include_raw_usage"):
        fields["include_usage"] = True
    if "tool_choice" in values:
        fields["tool_choice"] = raws["tool_choice"]
        fields["allowed_tools"] = values["tool_choice"].allowed
    if "response_format" in values:
        response_format = values["response_format"]
        fields["response_format"] = format_in_force(response_format, params.json_mode)
        fields["output_schema"] = response_format.schema
    return EnvelopeRequest(
        name if kind == "function" else None,
        name if kind == "model" else None,
        said,
        params=params,
        unknown_fields=unknown,
        warnings=warnings,
        **fields,
    )


_FIELDS = {
    "stream": "stream",
    "tools": "additional_tools",
    "tool_choice": "choice",
    "parallel_tool_calls": "parallel_tool_calls",
    **{
        f"{EXTENSION}{name}": name
        for name in (
            "variant_name",
            "dryrun",
            "episode_id",
            "namespace",
            "cache_options",
            "extra_body",
            "extra_headers",
            "provider_tools",
            "tags",
            "credentials",
            "internal_dynamic_variant_config",
            "include_raw_usage",
            "include_raw_response",
            "include_original_response",
        )
    },
}
"""Where what is read stands in an `EnvelopeRequest`, as it is."""


def _check_extensions(request: EnvelopeRequest) -> None:
    """What the extensions rule out among themselves."""
    for name in request.tags:
        if name.startswith(EXTENSION):
            raise InvalidRequest(
                f"Tag name cannot start with 'tensorzero::': {name}", param="tensorzero::tags"
            )
    dynamic = request.internal_dynamic_variant_config is not None
    if request.variant_name is not None and request.model_name is not None:
        raise InvalidRequest(
            "Invalid inference target: `variant_name` cannot be provided when using `model_name`",
            param="tensorzero::variant_name",
        )
    if dynamic and request.model_name is not None:
        raise InvalidRequest(
            "Invalid inference target: `internal_dynamic_variant_config` cannot be provided when "
            "using `model_name`",
            param="tensorzero::internal_dynamic_variant_config",
        )
    if dynamic and request.variant_name is not None:
        raise InvalidRequest(
            "`variant_name` and `internal_dynamic_variant_config` cannot both be set."
        )
    if dynamic and not request.dryrun:
        raise InvalidRequest(
            "If `internal_dynamic_variant_config` is used, `dryrun` must also be set to true"
        )


def _warnings(values: Mapping[str, Any], unknown: tuple[str, ...]) -> tuple[str, ...]:
    sentences = []
    if unknown:
        names = ", ".join(f"`{name}`" for name in unknown)
        sentences.append(
            f"These members of a request are not known here and were ignored: {names}."
        )
    if values.get("tensorzero::include_original_response"):
        sentences.append(
            "`tensorzero::include_original_response` is deprecated; "
            "`tensorzero::include_raw_response` takes its place."
        )
    return tuple(sentences)
