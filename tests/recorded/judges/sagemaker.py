"""The judge of chat completions out of a hosted container: botocore takes the frames apart, the
`openai` package's types read what was in them."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from proxy.providers.sagemaker import SagemakerProvider
from proxy.types.request import ModelRequest
from proxy.types.response import Answer
from proxy.types.secrets import AwsAccess, Secret
from proxy.wire.chat_completions.request import decode_request
from tests.recorded.judges.base import Row, request_body, request_json, request_path
from tests.recorded.judges.chat_completions import ALLOWED as OF_CHAT
from tests.recorded.judges.chat_completions import ChatCompletionsJudge

REGION = "us-east-1"
ALLOWED = OF_CHAT
"""The body is a chat completion's, and has no other allowances."""


class SagemakerJudge:
    """See `Judge`. The chats are judged as chats, once they are out of their frames."""

    wire = "payload_parts"
    apis = ("sagemaker_invocations",)

    def __init__(self) -> None:
        self._chats = ChatCompletionsJudge()

    def serves(self, row: Row) -> str | None:
        """None, or the reason why this row is an exception."""
        try:
            body = request_json(row)
        except ValueError:
            return None
        if not isinstance(body, Mapping) or "messages" not in body:
            return "a container's own form of request; the provider sends chat completions"
        return None

    def provider(self, row: Row, base_url: str) -> SagemakerProvider:
        """The one of the endpoint that the row's path names."""
        endpoint = unquote(urlsplit(request_path(row)).path.split("/")[2])
        return SagemakerProvider(endpoint, _model(row), "openai", REGION, base_url)

    def secret(self, row: Row) -> Secret:
        """Made up."""
        return AwsAccess(REGION, access_key_id="AKIDEXAMPLE", secret_access_key="made-up")

    def read_request(self, row: Row) -> ModelRequest:
        """The recorded body in neutral form."""
        streams = urlsplit(request_path(row)).path.endswith("-response-stream")
        return decode_request(request_body(row), model_name=_model(row), stream=streams)

    def request_differences(self, row: Row, sent: bytes, sent_path: str) -> list[str]:
        """See `Judge`."""
        lines = self._chats.request_differences(row, sent, sent_path)
        if unquote(sent_path) != unquote(request_path(row)):
            lines.append(f"path: recorded {request_path(row)}, sent {sent_path}")
        return lines

    def reference(self, row: Row, body: bytes) -> dict[str, object] | None:
        """As the packages read it."""
        if importlib.util.find_spec("botocore") is None:
            return None
        return self._chats.reference(row, _unframed(body) if row["stream"] else body)

    def reading(self, answer: Answer) -> dict[str, object]:
        """The same of our answer."""
        return self._chats.reading(answer)


def _model(row: Row) -> str:
    try:
        return str(request_json(row).get("model") or "m")
    except (ValueError, AttributeError):
        return "m"


def _unframed(body: bytes) -> bytes:
    """What the container wrote, as server-sent events."""
    from botocore.eventstream import EventStreamBuffer

    buffer = EventStreamBuffer()
    buffer.add_data(body)
    events: Iterable[Any] = buffer
    output = b"".join(event.payload for event in events)
    if not output.lstrip().startswith(b"{"):
        return output
    chunks = (json.loads(line) for line in output.splitlines() if line.strip())
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
