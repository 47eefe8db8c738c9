"""`/openai/v1`: TensorZero's OpenAI-compatible API, chat completions and embeddings."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial

from proxy.http import web
from proxy.http.auth import Keys
from proxy.http.inferences import Entrance, Inferences, check_cache, warn
from proxy.http.openai.outlets import ChatOutlet, EmbeddingsOutlet
from proxy.http.spool import read_body, with_body
from proxy.services.infer import InferService
from proxy.services.infer_call import InferenceCall
from proxy.services.relay_call import monotonic
from proxy.services.tasks import EmbeddingsTask
from proxy.types.ids import new_identifier
from proxy.wire.envelope.embeddings import EnvelopeEmbeddingsRequest, decode_embeddings_request
from proxy.wire.envelope.request import decode_envelope_request

LANE = "envelope"


class EnvelopeHandler:
    """Reads a call, hands it to the service, words what went wrong."""

    def __init__(self, service: InferService, keys: Keys) -> None:
        self._inferences = Inferences(service, keys)

    def chat_completions(
        self, request: web.BaseRequest, api_key_name: str
    ) -> Awaitable[web.StreamResponse]:
        return with_body(request, partial(self._chat, request, api_key_name, monotonic()))

    def _chat(
        self, request: web.BaseRequest, api_key_name: str, began: float, body: bytes
    ) -> Awaitable[web.StreamResponse]:
        asked = decode_envelope_request(body)
        entrance = Entrance(request, api_key_name, LANE, "chat_completions", body, began)
        outlet = ChatOutlet(asked)
        return self._inferences.infer(asked, entrance, outlet, lambda: outlet.error_dialect)

    async def embeddings(self, request: web.BaseRequest, api_key_name: str) -> web.StreamResponse:
        began = monotonic()
        body = await read_body(request)
        asked = decode_embeddings_request(body)
        check_cache(asked.cache_options)
        warn(asked.warnings)
        entrance = Entrance(request, api_key_name, LANE, "embeddings", body, began)
        outlet = EmbeddingsOutlet(asked)
        call = self._embeddings_call(asked, entrance)
        return await self._inferences.answer(entrance, call, outlet, lambda: outlet.error_dialect)

    def _embeddings_call(
        self, asked: EnvelopeEmbeddingsRequest, entrance: Entrance
    ) -> InferenceCall:
        caller, credentials = self._inferences.caller(entrance, asked.credentials)
        return InferenceCall(
            began=entrance.began,
            id=new_identifier(),
            lane=LANE,
            endpoint=entrance.endpoint,
            path=entrance.request.path,
            body=entrance.body,
            target=self._inferences.service.targets.embedding_target(asked.model_name),
            function_name=None,
            task=EmbeddingsTask(
                asked.input.raw, asked.input.count, asked.dimensions, asked.encoding_format
            ),
            episode_id=new_identifier(),
            pinned=None,
            tags={},
            credentials=credentials,
            user_agent=caller.user_agent,
            api_key_name=entrance.api_key_name,
            dryrun=asked.dryrun,
            bare_errors=True,
        )
