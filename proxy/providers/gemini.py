"""Google's two doors to Gemini, which speak the same protocol.

Addresses, headers and parameters are those with which TensorZero's gateway calls them. AI Studio
takes its key in a header, so that no secret stands in an address. On Vertex a tuned model is called
by its endpoint, and the location `global` has a host without a location.
"""

from __future__ import annotations

from urllib.parse import quote

from yarl import URL

from proxy.errors import UpstreamErrorInBody, UpstreamGarbage
from proxy.providers.base import Attempt, Encoded
from proxy.providers.neutral import JSON_TYPE, with_type
from proxy.types.fault import Fault
from proxy.types.ports import FAST, Headers, OutgoingRequest
from proxy.types.request import ModelRequest
from proxy.types.response import Answer
from proxy.types.secrets import Secret
from proxy.wire.addressee import Addressee
from proxy.wire.events import StreamReader
from proxy.wire.gemini.encode import encode_request
from proxy.wire.gemini.errors import find_error, read_error
from proxy.wire.gemini.response import decode_response, read_candidates
from proxy.wire.gemini.stream import StreamDecoder
from proxy.wire.lenient import lenient_object

AI_STUDIO_API_BASE = "https://generativelanguage.googleapis.com/v1beta/"
VERTEX_DOMAIN = "aiplatform.googleapis.com"
GLOBAL = "global"
"""The location that is everywhere."""
IDENTITY = ("Accept-Encoding", "identity")

_WHOLE = ":generateContent"
_STREAM = ":streamGenerateContent?alt=sse"
_COLLECTIONS = ("models", "tunedModels")


class GeminiProvider:
    """One of them; see `HttpProvider`.

    `base` is the address with the version, such as `https://host/v1/`, and `place` the path of the
    model below it.
    """

    wire = "gemini"
    reading = "gemini"
    takes_secret = True
    transport = FAST

    def __init__(self, type_: str, model_name: str, base: str, place: str, title: str) -> None:
        self.type = type_
        self.title = title
        self.model_name = model_name
        base = base if base.endswith("/") else base + "/"
        self._url = base + place
        url = URL(base)
        self.origin = f"{url.scheme}://{url.host}:{url.port}"

    def encode_chat(self, request: ModelRequest, attempt: Attempt) -> Encoded:
        """See `HttpProvider.encode_chat`."""
        addressee = Addressee(attempt.model_name, attempt.provider_name, self.type)
        body, ignored = encode_request(request, addressee)
        outgoing = OutgoingRequest(
            "POST",
            self._url + (_STREAM if request.stream else _WHOLE),
            self.origin,
            [*with_type(attempt.headers), IDENTITY, *self._credential(attempt)],
            body,
            attempt.limits,
            attempt.may_resend,
            transport=self.transport,
        )
        return Encoded(outgoing, ignored)

    def decode_chat(self, body: bytes) -> Answer:
        """See `HttpProvider.decode_chat`."""
        status = find_error(body)
        if status is not None:
            raise UpstreamErrorInBody(status, (JSON_TYPE,), body)
        answer = decode_response(body)
        if not answer.blocks and not read_candidates(lenient_object(body)):
            raise UpstreamGarbage("the answer has no candidate")
        return answer

    def open_chat_stream(self) -> StreamReader:
        """See `HttpProvider.open_chat_stream`."""
        return StreamDecoder(tell_damage=True)

    def read_error(self, status: int, headers: Headers, body: bytes) -> Fault:
        """See `HttpProvider.read_error`."""
        return read_error(status, headers, body)

    def _credential(self, attempt: Attempt) -> list[tuple[str, str]]:
        name, prefix = self._credential_form()
        given = any(header.lower() == name.lower() for header, _ in attempt.headers)
        secret: Secret = attempt.secret
        return [(name, prefix + secret)] if isinstance(secret, str) and not given else []

    def _credential_form(self) -> tuple[str, str]:
        """The header of the credential, and what stands in front of it there."""
        return "Authorization", "Bearer "


class AIStudioGeminiProvider(GeminiProvider):
    """Gemini with a key. `api_base` takes the place of the usual address, version included."""

    def __init__(self, model_name: str, api_base: str | None = None) -> None:
        collection, slash, name = model_name.partition("/")
        if not slash or collection not in _COLLECTIONS:
            collection, name = _COLLECTIONS[0], model_name
        super().__init__(
            "google_ai_studio_gemini",
            model_name,
            api_base or AI_STUDIO_API_BASE,
            f"{collection}/{_quoted(name)}",
            "Google AI Studio Gemini",
        )

    def _credential_form(self) -> tuple[str, str]:
        return "x-goog-api-key", ""


class VertexGeminiProvider(GeminiProvider):
    """Gemini on Vertex: a model of Google's, or the endpoint of a tuned one; one of the two ids.

    Its secret is an access token.
    """

    def __init__(
        self,
        *,
        project_id: str,
        location: str,
        model_id: str | None = None,
        endpoint_id: str | None = None,
        api_base: str | None = None,
    ) -> None:
        name = model_id or endpoint_id or ""
        what = "publishers/google/models" if model_id else "endpoints"
        super().__init__(
            "gcp_vertex_gemini",
            name,
            api_base or vertex_api_base(location),
            f"projects/{_quoted(project_id)}/locations/{_quoted(location)}/{what}/{_quoted(name)}",
            "GCP Vertex Gemini",
        )


def vertex_api_base(location: str) -> str:
    """The address of Vertex in a location, version included."""
    host = VERTEX_DOMAIN if location == GLOBAL else f"{location}-{VERTEX_DOMAIN}"
    return f"https://{host}/v1/"


def _quoted(name: str) -> str:
    return quote(name, safe="@")
