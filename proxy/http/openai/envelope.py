"""`/openai/v1`: TensorZero's OpenAI-compatible API, chat completions and embeddings."""

from __future__ import annotations

import logging
from dataclasses import replace
from uuid import UUID

from aiohttp import web

from proxy.errors import AllVariantsFailed, InvalidRequest, NotFound, NotSupported
from proxy.http.auth import Keys
from proxy.http.client_stream import ClientStream
from proxy.http.errors import VERSION_HEADER, Wording, envelope_dialect, respond, word
from proxy.http.openai.outlets import ChatOutlet, EmbeddingsOutlet
from proxy.http.overrides import read_body_rules, read_header_rules
from proxy.http.spool import read_body
from proxy.models.credentials import CallCredentials
from proxy.services.infer import InferService
from proxy.services.infer_call import InferenceCall
from proxy.services.relay_call import monotonic, new_call_ids
from proxy.services.targets import Target
from proxy.services.tasks import ChatTask, EmbeddingsTask
from proxy.types.ids import parse_episode_id
from proxy.wire.envelope.embeddings import decode_embeddings_request
from proxy.wire.envelope.extensions import CacheOptions
from proxy.wire.envelope.request import EnvelopeRequest, decode_envelope_request

LANE = "envelope"

log = logging.getLogger(__name__)


class EnvelopeHandler:
    """Reads a call, hands it to the service, words what went wrong."""

    def __init__(self, service: InferService, keys: Keys) -> None:
        self._service = service
        self._keys = keys

    async def chat_completions(
        self, request: web.BaseRequest, api_key_name: str
    ) -> web.StreamResponse:
        began = monotonic()
        body = await read_body(request)
        asked = decode_envelope_request(body)
        _check_served(asked)
        _warn(asked.warnings)
        inference_id, fresh_episode = new_call_ids()
        call = InferenceCall(
            began=began,
            id=inference_id,
            lane=LANE,
            endpoint="chat_completions",
            path=request.path,
            body=body,
            target=self._target(asked),
            function_name=asked.function_name,
            task=_chat(asked),
            episode_id=_episode(asked.episode_id) or fresh_episode,
            pinned=asked.variant_name,
            tags=_tags(asked),
            credentials=CallCredentials(self._keys.caller_bearer(request), asked.credentials),
            user_agent=request.headers.get("User-Agent", ""),
            api_key_name=api_key_name,
            extra_body=read_body_rules(asked.extra_body),
            extra_headers=read_header_rules(asked.extra_headers),
            dryrun=asked.dryrun,
            bare_errors=asked.variant_name is not None,
        )
        return await self._infer(request, call, ChatOutlet(asked))

    async def embeddings(self, request: web.BaseRequest, api_key_name: str) -> web.StreamResponse:
        began = monotonic()
        body = await read_body(request)
        asked = decode_embeddings_request(body)
        _check_cache(asked.cache_options)
        _warn(asked.warnings)
        inference_id, episode_id = new_call_ids()
        call = InferenceCall(
            began=began,
            id=inference_id,
            lane=LANE,
            endpoint="embeddings",
            path=request.path,
            body=body,
            target=self._service.targets.embedding_target(asked.model_name),
            function_name=None,
            task=EmbeddingsTask(
                asked.input.raw, asked.input.count, asked.dimensions, asked.encoding_format
            ),
            episode_id=episode_id,
            pinned=None,
            tags={},
            credentials=CallCredentials(self._keys.caller_bearer(request), asked.credentials),
            user_agent=request.headers.get("User-Agent", ""),
            api_key_name=api_key_name,
            dryrun=asked.dryrun,
            bare_errors=True,
        )
        return await self._infer(request, call, EmbeddingsOutlet(asked))

    async def _infer(
        self, request: web.BaseRequest, call: InferenceCall, outlet: ChatOutlet | EmbeddingsOutlet
    ) -> web.StreamResponse:
        client = ClientStream(request, (VERSION_HEADER,))
        try:
            await self._service.infer(call, outlet, client)
        except AllVariantsFailed as error:
            status = 500 if error.bare else 502
            wording: Wording = replace(word(error), status=status)
            return respond(wording, outlet.error_dialect(envelope_dialect))
        return client

    def _target(self, asked: EnvelopeRequest) -> Target:
        targets = self._service.targets
        if asked.function_name is not None:
            return targets.function_target(asked.function_name)
        try:
            return targets.model_target(asked.model_name or "")
        except NotFound as error:
            raise InvalidRequest(
                f"Invalid inference target: Invalid model name: {error}", param="model"
            ) from error


def _chat(asked: EnvelopeRequest) -> ChatTask:
    return ChatTask(
        input=asked.input,
        stream=asked.stream,
        given=asked.params,
        tools=asked.tools,
        tool_choice=asked.tool_choice,
        response_format=asked.response_format,
        parallel_tool_calls=asked.parallel_tool_calls,
    )


def _check_served(asked: EnvelopeRequest) -> None:
    """Refuse, by name, what is understood but not built: it must not be dropped silently.

    Raises:
        NotSupported: the request asks for one of these.
    """
    _check_cache(asked.cache_options)
    wanted = {
        "tensorzero::internal_dynamic_variant_config": asked.internal_dynamic_variant_config,
        "tensorzero::provider_tools": asked.provider_tools,
    }
    for name, value in wanted.items():
        if value:
            raise NotSupported(f"`{name}` is not served yet", param=name)
    if asked.params.json_mode == "tool":
        raise NotSupported("JSON mode `tool` is not served yet", param="tensorzero::params")


def _check_cache(options: CacheOptions) -> None:
    if options.enabled != "off":
        raise NotSupported(
            f"`tensorzero::cache_options` with `enabled: {options.enabled}`: the cache is not "
            "served yet",
            param="tensorzero::cache_options",
        )


def _warn(warnings: tuple[str, ...]) -> None:
    for warning in warnings:
        log.warning("%s", warning)


def _episode(given: UUID | None) -> UUID | None:
    return None if given is None else parse_episode_id(str(given))


def _tags(asked: EnvelopeRequest) -> dict[str, str]:
    for name in asked.tags:
        if name.startswith("tensorzero::"):
            raise InvalidRequest(f"Tag name cannot start with 'tensorzero::': {name}")
    tags = dict(asked.tags)
    if asked.namespace is not None:
        tags["tensorzero::namespace"] = asked.namespace
    if asked.variant_name is not None:
        tags["tensorzero::variant_pinned"] = asked.variant_name
    return tags
