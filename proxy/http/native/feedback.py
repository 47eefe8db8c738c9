"""`POST /feedback`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from aiohttp import web

from proxy.errors import InvalidRequest, StoreUnavailable
from proxy.http.native.answers import json_answer
from proxy.http.spool import read_body
from proxy.services.feedback import FeedbackCall, FeedbackService


class FeedbackBody(msgspec.Struct, forbid_unknown_fields=True):
    """The request as it arrives. `response_id` is ours: the id in a provider's answer."""

    metric_name: str
    value: Any
    inference_id: str | None = None
    episode_id: str | None = None
    response_id: str | None = None
    tags: dict[str, str] | None = None
    dryrun: bool | None = None
    internal: bool | None = None


_decoder = msgspec.json.Decoder(FeedbackBody)


class FeedbackHandler:
    """Feedback, when something is recorded that it could be about."""

    def __init__(self, service: FeedbackService | None) -> None:
        self._service = service

    async def submit(self, request: web.BaseRequest, api_key_name: str) -> web.StreamResponse:
        if self._service is None:
            raise StoreUnavailable("Feedback needs recording, and it is switched off here")
        call = _read(await read_body(request))
        feedback_id = await self._service.submit(call)
        return json_answer({"feedback_id": str(feedback_id)})


def _read(body: bytes) -> FeedbackCall:
    try:
        fields = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise InvalidRequest(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"Failed to parse the request body as JSON: {error}") from error
    inference, response = _inference_or_response(fields)
    return FeedbackCall(
        metric_name=fields.metric_name,
        value=fields.value,
        inference_id=inference,
        episode_id=_uuid(fields.episode_id, "episode_id"),
        response_id=response,
        tags=fields.tags or {},
        dryrun=bool(fields.dryrun),
        internal=bool(fields.internal),
    )


def _inference_or_response(fields: FeedbackBody) -> tuple[UUID | None, str | None]:
    """An unmodified OpenAI application knows only the provider's id, and may send it as ours."""
    if fields.inference_id is None:
        return None, fields.response_id
    try:
        return UUID(fields.inference_id), fields.response_id
    except ValueError:
        if fields.response_id is None:
            return None, fields.inference_id
        raise InvalidRequest("inference_id: is not a UUID", param="inference_id") from None


def _uuid(text: str | None, name: str) -> UUID | None:
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise InvalidRequest(f"{name}: is not a UUID: {text!r}", param=name) from None
