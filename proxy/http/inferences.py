"""What the envelope and the native API do alike with a request for an inference."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Protocol
from uuid import UUID

from proxy.errors import (
    AllVariantsFailed,
    InvalidRequest,
    NotFound,
    NotSupported,
)
from proxy.http import web
from proxy.http.auth import Keys
from proxy.http.callers import Caller, Callers
from proxy.http.client_stream import ClientStream
from proxy.http.errors import VERSION_HEADER, Dialect, respond, word
from proxy.http.overrides import read_body_rules, read_header_rules
from proxy.inference.function import DYNAMIC_VARIANT
from proxy.inference.prepare import Call
from proxy.inference.tools import NO_TOOL_REQUEST, ToolRequest
from proxy.models.credentials import CallCredentials
from proxy.services.infer import InferService
from proxy.services.infer_call import InferenceCall, Outlet
from proxy.services.targets import Target
from proxy.services.tasks import ChatTask
from proxy.types.ids import new_identifier, parse_episode_id
from proxy.types.immutable import immutable
from proxy.types.request import Input, Params
from proxy.wire.envelope.extensions import CacheOptions
from proxy.wire.envelope.tools import ToolChoice

log = logging.getLogger(__name__)

_NO_TOOLS = (None, None, None, None)


class Asked(Protocol):
    """A request of either API, as its decoder read it."""

    @property
    def function_name(self) -> str | None: ...
    @property
    def model_name(self) -> str | None: ...
    @property
    def input(self) -> Input: ...
    @property
    def stream(self) -> bool: ...
    @property
    def params(self) -> Params: ...
    @property
    def variant_name(self) -> str | None: ...
    @property
    def dryrun(self) -> bool: ...
    @property
    def episode_id(self) -> UUID | None: ...
    @property
    def namespace(self) -> str | None: ...
    @property
    def tags(self) -> Mapping[str, str]: ...
    @property
    def allowed_tools(self) -> tuple[str, ...] | None: ...
    @property
    def additional_tools(self) -> bytes | None: ...
    @property
    def choice(self) -> ToolChoice | None: ...
    @property
    def parallel_tool_calls(self) -> bool | None: ...
    @property
    def provider_tools(self) -> tuple[bytes, ...]: ...
    @property
    def output_schema(self) -> bytes | None: ...
    @property
    def response_format(self) -> bytes | None: ...
    @property
    def credentials(self) -> Mapping[str, str]: ...
    @property
    def cache_options(self) -> CacheOptions: ...
    @property
    def extra_body(self) -> tuple[bytes, ...]: ...
    @property
    def extra_headers(self) -> tuple[bytes, ...]: ...
    @property
    def internal_dynamic_variant_config(self) -> bytes | None: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...


@immutable
class Entrance:
    """How a request came in."""

    request: web.BaseRequest
    api_key_name: str
    lane: str
    endpoint: str
    body: bytes
    began: float


class Inferences:
    """Makes calls of requests and has them answered."""

    def __init__(self, service: InferService, keys: Keys) -> None:
        self.service = service
        self._callers = Callers(keys)

    def caller(self, entrance: Entrance, own: Mapping[str, str]) -> tuple[Caller, CallCredentials]:
        """Who asks, and with which credentials; `own` are those of the request's body."""
        caller = self._callers.read(entrance.request)
        said = caller.credentials
        return caller, CallCredentials(said.bearer, own) if own else said

    def infer(
        self, asked: Asked, entrance: Entrance, outlet: Outlet, failed: Callable[[], Dialect]
    ) -> Awaitable[web.StreamResponse]:
        """Have what is asked for answered; raises as `call`, at once or when awaited. `failed` has
        the dialect of the error when no variant could answer."""
        raw, name = asked.internal_dynamic_variant_config, asked.function_name
        if raw is not None and name is not None:
            return self._infer_brought(asked, entrance, outlet, failed, name, raw)
        return self.answer(entrance, self.call(asked, entrance), outlet, failed)

    async def _infer_brought(
        self,
        asked: Asked,
        entrance: Entrance,
        outlet: Outlet,
        failed: Callable[[], Dialect],
        function_name: str,
        variant: bytes,
    ) -> web.StreamResponse:
        """By the variant that the request brings along."""
        targets = self.service.targets
        brought = await targets.dynamic(targets.function_target(function_name), variant)
        return await self.answer(entrance, self.call(asked, entrance, brought), outlet, failed)

    def call(
        self, asked: Asked, entrance: Entrance, brought: Target | None = None
    ) -> InferenceCall:
        """The call that a request asks for; `brought` is what the method of that name says.

        Raises:
            RequestError: target, input or tools are not what they must be.
        """
        if asked.warnings:
            warn(asked.warnings)
        check_cache(asked.cache_options)
        request, said = entrance.request, asked.episode_id
        episode_id = new_identifier() if said is None else parse_episode_id(str(said))
        caller, credentials = self.caller(entrance, asked.credentials)
        target, pinned = self._target(asked) if brought is None else (brought, DYNAMIC_VARIANT)
        call = InferenceCall(
            entrance.began,
            new_identifier(),
            entrance.lane,
            entrance.endpoint,
            request.path,
            entrance.body,
            target,
            asked.function_name,
            ChatTask(self.service.targets.check(target, self._wanted(asked)), asked.stream),
            episode_id,
            pinned,
            _tags(asked),
            credentials,
            caller.user_agent,
            entrance.api_key_name,
            asked.namespace,
            dryrun=asked.dryrun,
            bare_errors=pinned is not None,
        )
        if asked.extra_body:
            call.extra_body = read_body_rules(asked.extra_body)
            call.extra_body_json = b"[%b]" % b",".join(asked.extra_body)
        if asked.extra_headers:
            call.extra_headers = read_header_rules(asked.extra_headers)
        return call

    def _wanted(self, asked: Asked) -> Call:
        additional, tools = asked.additional_tools, NO_TOOL_REQUEST
        own = None if additional is None else self.service.targets.tools(additional)
        said = (asked.allowed_tools, own, asked.choice, asked.parallel_tool_calls)
        if said != _NO_TOOLS or asked.provider_tools:
            tools = ToolRequest(*said, asked.provider_tools)
        return Call(asked.input, asked.params, tools, asked.output_schema, asked.response_format)

    def _target(self, asked: Asked) -> tuple[Target, str | None]:
        """Where the call goes, and the variant that it is pinned to."""
        targets = self.service.targets
        if asked.function_name is not None:
            target = targets.function_target(asked.function_name)
            if asked.variant_name is not None:
                target.check_variant(asked.variant_name)
            return target, asked.variant_name
        try:
            return targets.model_target(asked.model_name or ""), None
        except NotFound as error:
            raise InvalidRequest(
                f"Invalid inference target: Invalid model name: {error}", param="model"
            ) from error

    async def answer(
        self,
        entrance: Entrance,
        call: InferenceCall,
        outlet: Outlet,
        failed: Callable[[], Dialect],
    ) -> web.StreamResponse:
        """Have the call answered; `failed` has the dialect of the error when no variant could."""
        client = ClientStream(entrance.request, (VERSION_HEADER,))
        try:
            await self.service.infer(call, outlet, client)
        except AllVariantsFailed as error:
            return respond(replace(word(error), status=error.status), failed())
        return client


def check_cache(options: CacheOptions) -> None:
    """Refuse, by name, what is understood but not built: it must not be dropped silently.

    Raises:
        NotSupported: the request asks for it.
    """
    if options.enabled != "off":
        raise NotSupported(
            f"`cache_options` with `enabled: {options.enabled}`: the cache is not served yet",
            param="cache_options",
        )


def warn(warnings: tuple[str, ...]) -> None:
    """Put a request's warnings into the log."""
    for warning in warnings:
        log.warning("%s", warning)


def _tags(asked: Asked) -> Mapping[str, str]:
    if asked.namespace is None and asked.variant_name is None:
        return asked.tags
    tags = dict(asked.tags)
    if asked.namespace is not None:
        tags["tensorzero::namespace"] = asked.namespace
    if asked.variant_name is not None:
        tags["tensorzero::variant_pinned"] = asked.variant_name
    return tags
