"""`POST /feedback`."""

from __future__ import annotations

from proxy.errors import InvalidRequest
from proxy.http import web
from proxy.http.native.answers import raw_answer
from proxy.http.spool import read_body
from proxy.services.feedback import FeedbackService
from proxy.wire.native.feedback import decode_feedback_request, encode_feedback_response


class FeedbackHandler:
    """Feedback, when something is recorded that it could be about."""

    def __init__(self, service: FeedbackService | None) -> None:
        self._service = service

    async def submit(self, request: web.BaseRequest, api_key_name: str) -> web.StreamResponse:
        feedback = decode_feedback_request(await read_body(request))
        if self._service is None:
            raise InvalidRequest(
                "Feedback requires observability, and recording is switched off here "
                "(`gateway.observability.enabled`, `zeroproxy.recording.enabled`)"
            )
        return raw_answer(encode_feedback_response(await self._service.submit(feedback)))
