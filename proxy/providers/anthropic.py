"""Providers that speak the messages protocol: Anthropic itself, and its models on Google's cloud.

Where the facts are from: addresses, headers and default limits as TensorZero's gateway calls them;
hosts of multi-regions and what Vertex takes in the body from Anthropic's page on Vertex AI. There,
the path names the model, and neither schemas nor service tiers are to be had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from urllib.parse import quote

from yarl import URL

from proxy.errors import UpstreamErrorInBody, UpstreamGarbage
from proxy.providers.base import Attempt, Encoded
from proxy.providers.neutral import JSON_TYPE, with_type
from proxy.types.fault import Fault
from proxy.types.ports import FAST, Headers, OutgoingRequest
from proxy.types.request import ModelRequest
from proxy.types.response import Answer
from proxy.wire.addressee import Addressee
from proxy.wire.events import StreamReader
from proxy.wire.lenient import lenient_object
from proxy.wire.messages.encode import Dialect, encode_request
from proxy.wire.messages.errors import find_error, read_error
from proxy.wire.messages.response import decode_response
from proxy.wire.messages.stream import StreamDecoder

ANTHROPIC_API_BASE = "https://api.anthropic.com/v1/"
VERSION = ("anthropic-version", "2023-06-01")
IDENTITY = ("Accept-Encoding", "identity")
ENDPOINT = "messages"

PLAIN = Dialect()
VERTEX = Dialect(
    names_model=False,
    version=("anthropic_version", "vertex-2023-10-16"),
    enforces_schemas=False,
    has_service_tiers=False,
)
_MULTI_REGIONS = ("us", "eu")

_MAX_TOKENS: Mapping[str, int] = MappingProxyType(
    {
        "claude-3-haiku": 4_096,
        "claude-3-opus": 4_096,
        "claude-3-5-haiku": 8_192,
        "claude-3-5-sonnet": 8_192,
        "claude-3-7-sonnet": 64_000,
        "claude-sonnet-4-0": 64_000,
        "claude-sonnet-4-202": 64_000,
        "claude-sonnet-4@": 64_000,
        "claude-sonnet-4-5": 64_000,
        "claude-sonnet-4-6": 64_000,
        "claude-haiku-4-5": 64_000,
        "claude-opus-4-0": 32_000,
        "claude-opus-4-202": 32_000,
        "claude-opus-4@": 32_000,
        "claude-opus-4-1": 32_000,
        "claude-opus-4-5": 64_000,
        "claude-opus-4-6": 128_000,
    }
)
"""By how a model's name begins: what is sent where nobody sets a limit. The protocol wants one."""


def default_max_tokens(model_name: str) -> int | None:
    """The most that the model can write; None when it is not known."""
    limits = (limit for start, limit in _MAX_TOKENS.items() if model_name.startswith(start))
    return next(limits, None)


@dataclass(frozen=True, slots=True)
class Door:
    """Where a type's requests go, and how they show who sends them."""

    url: str
    stream_url: str
    credential_header: str
    credential_prefix: str = ""
    headers: Headers = ()
    """Further headers of all its requests."""
    dialect: Dialect = PLAIN


class MessagesProvider:
    """What both types do alike; see `HttpProvider`."""

    wire = "messages"
    reading = "messages"
    takes_secret = True
    transport = FAST

    def __init__(
        self, kind: str, model_name: str, door: Door, provider_tools: Sequence[bytes]
    ) -> None:
        self.type = kind
        self.model_name = model_name
        self._door = door
        self._provider_tools = tuple(provider_tools)
        url = URL(door.url)
        self.origin = f"{url.scheme}://{url.host}:{url.port}"

    def encode_chat(self, request: ModelRequest, attempt: Attempt) -> Encoded:
        """See `HttpProvider.encode_chat`."""
        door = self._door
        encoded = encode_request(
            replace(request, provider_tools=(*self._provider_tools, *request.provider_tools)),
            door.dialect,
            default_max_tokens=default_max_tokens(self.model_name),
            addressee=Addressee(attempt.model_name, attempt.provider_name, self.type),
        )
        outgoing = OutgoingRequest(
            "POST",
            door.stream_url if request.stream else door.url,
            self.origin,
            self._headers(attempt),
            encoded.body,
            attempt.limits,
            attempt.may_resend,
            transport=self.transport,
        )
        return Encoded(outgoing, encoded.ignored)

    def decode_chat(self, body: bytes) -> Answer:
        """See `HttpProvider.decode_chat`."""
        status = find_error(body)
        if status is not None:
            raise UpstreamErrorInBody(status, (JSON_TYPE,), body)
        answer = decode_response(body)
        if not answer.blocks and not isinstance(lenient_object(body).get("content"), list):
            raise UpstreamGarbage("the answer has no content")
        return answer

    def open_chat_stream(self) -> StreamReader:
        """See `HttpProvider.open_chat_stream`."""
        return StreamDecoder(tell_damage=True)

    def read_error(self, status: int, headers: Headers, body: bytes) -> Fault:
        """See `HttpProvider.read_error`."""
        return read_error(status, headers, body)

    def _headers(self, attempt: Attempt) -> Headers:
        """Further headers first: what they name is not said twice."""
        door = self._door
        headers = list(with_type(attempt.headers))
        own = [*door.headers, IDENTITY]
        if isinstance(attempt.secret, str):
            own.append((door.credential_header, door.credential_prefix + attempt.secret))
        named = {name.lower() for name, _ in headers}
        return [*headers, *(pair for pair in own if pair[0].lower() not in named)]


class AnthropicProvider(MessagesProvider):
    """Anthropic's own API, or a server that speaks it.

    `api_base` is the address below which `messages` stands; one that ends in it is good, too.
    `provider_tools` are raw JSON, put behind each request's own tools.
    """

    def __init__(
        self,
        model_name: str,
        api_base: str | None = None,
        provider_tools: Sequence[bytes] = (),
    ) -> None:
        base = (api_base or ANTHROPIC_API_BASE).rstrip("/")
        url = base if base.endswith("/" + ENDPOINT) else f"{base}/{ENDPOINT}"
        door = Door(url, url, "x-api-key", headers=(VERSION,))
        super().__init__("anthropic", model_name, door, provider_tools)


class VertexAnthropicProvider(MessagesProvider):
    """Anthropic's models on Vertex AI: `model_id` of those that Google offers, or `endpoint_id` of
    one's own. `api_base` takes the place of Google's address."""

    def __init__(
        self,
        model_id: str | None,
        location: str,
        project_id: str,
        *,
        endpoint_id: str | None = None,
        api_base: str | None = None,
        provider_tools: Sequence[bytes] = (),
    ) -> None:
        name = model_id or f"endpoints/{endpoint_id}"
        below = f"publishers/anthropic/models/{quote(model_id, safe='@')}" if model_id else name
        base = (api_base or vertex_address(location)).rstrip("/")
        url = f"{base}/v1/projects/{project_id}/locations/{location}/{below}"
        door = Door(
            f"{url}:rawPredict",
            f"{url}:streamRawPredict",
            "Authorization",
            "Bearer ",
            dialect=VERTEX,
        )
        super().__init__("gcp_vertex_anthropic", name, door, provider_tools)


def vertex_address(location: str) -> str:
    """Google's host for a location: a region, a multi-region, or `global`."""
    if location == "global":
        return "https://aiplatform.googleapis.com/"
    if location in _MULTI_REGIONS:
        return f"https://aiplatform.{location}.rep.googleapis.com/"
    return f"https://{location}-aiplatform.googleapis.com/"
