"""AWS SageMaker: chat completions from a container of one's own behind an endpoint.

Where the facts are from: paths and what a container is sent as TensorZero's gateway has them; the
frames of streams and the names of errors from AWS' reference of InvokeEndpointWithResponseStream.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

from proxy.providers.base import Attempt, Encoded
from proxy.providers.bedrock import Service, address_request
from proxy.providers.compatible import ROWS, CompatibleProvider
from proxy.types.fault import Fault
from proxy.types.ports import FAST, Headers
from proxy.types.request import ModelRequest
from proxy.types.response import Answer
from proxy.wire.converse.errors import read_error
from proxy.wire.events import StreamReader
from proxy.wire.payload_parts.stream import StreamDecoder

SAGEMAKER = Service("runtime.sagemaker", "sagemaker")
CONTAINER = "http://container"
"""What the container is called to the one who writes its requests; nothing is sent there."""


class SagemakerProvider:
    """One configured endpoint; see `HttpProvider`. Its secret is an `AwsAccess`.

    `hosted_provider` is whose dialect the container speaks, a row of the OpenAI-compatible table;
    `region`, `endpoint_url` and `clock` as with `BedrockProvider`.
    """

    type = "aws_sagemaker"
    title = "AWS SageMaker"
    wire = "payload_parts"
    reading = "payload_parts"
    takes_secret = True
    transport = FAST

    def __init__(
        self,
        endpoint_name: str,
        model_name: str,
        hosted_provider: str,
        region: str | None = None,
        endpoint_url: str | None = None,
        *,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.model_name = model_name
        self.origin = SAGEMAKER.origin(region, endpoint_url)
        self._path = f"/endpoints/{quote(endpoint_name, safe='')}/invocations"
        self._hosted = CompatibleProvider(ROWS[hosted_provider], model_name, CONTAINER)
        self._hosted.type = self.type  # blocks that are ours are the container's
        self._clock = clock

    def encode_chat(self, request: ModelRequest, attempt: Attempt) -> Encoded:
        """See `HttpProvider.encode_chat`. Raises CredentialMissing, too."""
        encoded = self._hosted.encode_chat(request, replace(attempt, secret=None, headers=()))
        body = encoded.request.body
        assert isinstance(body, bytes)
        path = f"{self._path}-response-stream" if request.stream else self._path
        outgoing = address_request(SAGEMAKER, path, body, attempt, self._clock, self.transport)
        return Encoded(outgoing, encoded.ignored)

    def decode_chat(self, body: bytes) -> Answer:
        """See `HttpProvider.decode_chat`."""
        return self._hosted.decode_chat(body)

    def open_chat_stream(self) -> StreamReader:
        """See `HttpProvider.open_chat_stream`."""
        return StreamDecoder(tell_damage=True)

    def read_error(self, status: int, headers: Headers, body: bytes) -> Fault:
        """See `HttpProvider.read_error`."""
        return read_error(status, headers, body)
