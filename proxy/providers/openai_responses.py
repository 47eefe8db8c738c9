"""OpenAI's Responses API, as a provider of chats: `type: openai` with `api_type: responses`.

A client's own body in this protocol is passed on as it is; chats are put into it, and answers out
of it. Address and credential are those of the vendor's row in the table of compatible ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import orjson

from proxy.errors import UpstreamErrorInBody, UpstreamGarbage
from proxy.providers.base import NO_RENAMES, Attempt, Encoded
from proxy.providers.compatible import ALWAYS, ROWS, Compatible, CompatibleProvider
from proxy.providers.neutral import JSON_TYPE, with_type
from proxy.types.fault import Fault
from proxy.types.ports import Body, Headers, Limits, OutgoingRequest
from proxy.types.request import ModelRequest
from proxy.types.response import Answer
from proxy.types.secrets import Secret
from proxy.wire.addressee import Addressee
from proxy.wire.events import StreamReader
from proxy.wire.lenient import lenient_object
from proxy.wire.responses.encode import SEALED_REASONING, encode_request, ignored_params
from proxy.wire.responses.errors import find_error, read_error
from proxy.wire.responses.response import decode_response
from proxy.wire.responses.stream import StreamDecoder

RESPONSES_PATH = "responses"
ONE_CALL_ONLY = "o1"
"""How the names of those models begin that refuse to be told of parallel calls."""


class OpenAIResponsesProvider:
    """One configured provider; see `RelayProvider`.

    `provider_tools` are raw JSON. Calls that leave out `include` or `tools` and are passed on as
    they are get them from `body_defaults`.
    """

    wire = "responses"
    reading = "responses"
    takes_secret = True
    usage = ALWAYS
    renames: Mapping[str, str] = NO_RENAMES
    reasoning_key: str | None = None
    allow_lists = True

    def __init__(
        self,
        model_name: str,
        api_base: str | None = None,
        *,
        include_encrypted_reasoning: bool = False,
        provider_tools: Sequence[bytes] = (),
        row: Compatible = ROWS["openai"],
    ) -> None:
        self._compatible = CompatibleProvider(row, model_name, api_base)
        self._include = (SEALED_REASONING,) if include_encrypted_reasoning else ()
        self._provider_tools = tuple(provider_tools)
        self.type = row.type
        self.title = row.title
        self.model_name = model_name
        self.origin = self._compatible.origin
        self.body_defaults: Mapping[str, bytes] = self._defaults()

    @property
    def transport(self) -> str:
        """See `HttpProvider`."""
        return self._compatible.transport

    @transport.setter
    def transport(self, name: str) -> None:
        self._compatible.transport = name

    def encode_relay(
        self,
        path: str,
        body: bytes | Body,
        headers: Headers,
        secret: Secret,
        limits: Limits,
        may_resend: Callable[[], bool],
        *,
        method: str = "POST",
        query: str = "",
    ) -> OutgoingRequest:
        """See `RelayProvider.encode_relay`."""
        return self._compatible.encode_relay(
            path, body, headers, secret, limits, may_resend, method=method, query=query
        )

    def encode_chat(self, request: ModelRequest, attempt: Attempt) -> Encoded:
        """See `HttpProvider.encode_chat`."""
        foreign = request.wire != self.wire
        if foreign and request.parallel_tool_calls is False and self._calls_one_only():
            request = replace(request, parallel_tool_calls=None)
        body = encode_request(
            request,
            include=self._include,
            provider_tools=self._provider_tools,
            addressee=Addressee(attempt.model_name, attempt.provider_name, self.type),
        )
        outgoing = self.encode_relay(
            RESPONSES_PATH,
            body,
            with_type(attempt.headers),
            attempt.secret,
            attempt.limits,
            attempt.may_resend,
        )
        return Encoded(outgoing, ignored_params(request.params))

    def decode_chat(self, body: bytes) -> Answer:
        """See `HttpProvider.decode_chat`."""
        status = find_error(body)
        if status is not None:
            raise UpstreamErrorInBody(status, (JSON_TYPE,), body)
        answer = decode_response(body)
        if not isinstance(lenient_object(body).get("output"), list):
            raise UpstreamGarbage("the answer has no output")
        return answer

    def open_chat_stream(self) -> StreamReader:
        """See `HttpProvider.open_chat_stream`."""
        return StreamDecoder(tell_damage=True)

    def read_error(self, status: int, headers: Headers, body: bytes) -> Fault:
        """See `HttpProvider.read_error`."""
        return read_error(status, headers, body)

    def _calls_one_only(self) -> bool:
        return self.model_name.lower().startswith(ONE_CALL_ONLY)

    def _defaults(self) -> dict[str, bytes]:
        defaults = {}
        if self._include:
            defaults["include"] = orjson.dumps(self._include)
        if self._provider_tools:
            defaults["tools"] = b"[" + b",".join(self._provider_tools) + b"]"
        return defaults
