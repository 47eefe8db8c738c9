"""AWS Bedrock, by its Converse API.

Where the facts are from: addresses and what is ignored as TensorZero's gateway has them;
partitions, names of services and percent-encoding as botocore; which models can be held to a schema
from AWS' page "Get validated JSON results from models"; where Nova looks for `top_k` from its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

from yarl import URL

from proxy.errors import CredentialMissing, UpstreamErrorInBody
from proxy.net.sigv4 import seal_with
from proxy.providers.base import Attempt, Encoded
from proxy.providers.neutral import JSON_TYPE, with_type
from proxy.types.fault import Fault
from proxy.types.ports import FAST, Headers, OutgoingRequest
from proxy.types.request import ModelRequest
from proxy.types.response import Answer
from proxy.types.secrets import AwsAccess, Secret
from proxy.wire.addressee import Addressee
from proxy.wire.converse.encode import encode_request
from proxy.wire.converse.errors import find_error, read_error
from proxy.wire.converse.response import decode_response
from proxy.wire.converse.stream import StreamDecoder
from proxy.wire.events import StreamReader

IDENTITY = ("Accept-Encoding", "identity")
_REGION = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")

_ENFORCES_SCHEMAS = re.compile(
    r"claude(?!-(?:v\d|instant|2|3)|-(?:opus|sonnet)-4-(?:1|20))"
    r"|qwen|deepseek\.v3|gpt-oss|gemma|nemotron|minimax|kimi|moonshot"
    r"|mistral-large-3|magistral|ministral-3|voxtral"
)
"""In the ids of models that can be held to a schema."""
_NOVA = "amazon.nova"
_NOVA_TOP_K = ("inferenceConfig", "topK")
_TOP_K = ("top_k",)


@dataclass(frozen=True, slots=True)
class Service:
    """A service of AWS. `host` is the first part of its addresses, `name` what is signed."""

    host: str
    name: str

    def address(self, region: str | None) -> str:
        """The regional address; without a region one that only serves as a name."""
        if not region:
            return f"https://{self.host}.amazonaws.com"
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        return f"https://{self.host}.{region}.{suffix}"

    def origin(self, region: str | None, endpoint_url: str | None) -> str:
        """`scheme://host:port` of what a configuration says."""
        return origin_of(endpoint_url or self.address(region))


BEDROCK = Service("bedrock-runtime", "bedrock")


class BedrockProvider:
    """One configured model; see `HttpProvider`. Its secret is an `AwsAccess`.

    `region` and `endpoint_url` are what the configuration says of them, for `origin` only: what
    holds for a request comes with its secret. `clock` says when a request is signed.
    """

    type = "aws_bedrock"
    title = "AWS Bedrock"
    wire = "converse"
    reading = "converse"
    takes_secret = True
    transport = FAST

    def __init__(
        self,
        model_id: str,
        region: str | None = None,
        endpoint_url: str | None = None,
        *,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.model_name = model_id
        self.origin = BEDROCK.origin(region, endpoint_url)
        self._clock = clock
        self._structured = _ENFORCES_SCHEMAS.search(model_id) is not None
        self._top_k_path = _NOVA_TOP_K if _NOVA in model_id else _TOP_K

    def encode_chat(self, request: ModelRequest, attempt: Attempt) -> Encoded:
        """See `HttpProvider.encode_chat`. Raises CredentialMissing, too."""
        encoded = encode_request(
            request,
            structured=self._structured,
            top_k_path=self._top_k_path,
            addressee=Addressee(attempt.model_name, attempt.provider_name, self.type),
        )
        end = "converse-stream" if request.stream else "converse"
        path = f"/model/{quote(self.model_name, safe='')}/{end}"
        outgoing = address_request(
            BEDROCK, path, encoded.body, attempt, self._clock, self.transport
        )
        return Encoded(outgoing, encoded.ignored)

    def decode_chat(self, body: bytes) -> Answer:
        """See `HttpProvider.decode_chat`."""
        status = find_error(body)
        if status is not None:
            raise UpstreamErrorInBody(status, (JSON_TYPE,), body)
        return decode_response(body)

    def open_chat_stream(self) -> StreamReader:
        """See `HttpProvider.open_chat_stream`."""
        return StreamDecoder(tell_damage=True)

    def read_error(self, status: int, headers: Headers, body: bytes) -> Fault:
        """See `HttpProvider.read_error`."""
        return read_error(status, headers, body)


def address_request(
    service: Service,
    path: str,
    body: bytes,
    attempt: Attempt,
    clock: Callable[[], datetime] | None,
    transport: str,
) -> OutgoingRequest:
    """A request to a service of AWS: with a bearer key, or to be signed when it is sealed. One that
    brings its own `Authorization` keeps it.

    Raises:
        CredentialMissing: the attempt's secret is none for AWS, or lacks a part.
    """
    access = access_of(attempt.secret)
    base = (access.endpoint_url or service.address(access.region)).rstrip("/")
    named = {name.lower() for name, _ in attempt.headers}
    headers = [*with_type(attempt.headers)]
    if "accept-encoding" not in named:
        headers.append(IDENTITY)
    request = OutgoingRequest(
        "POST",
        base + path,
        origin_of(base),
        headers,
        body,
        attempt.limits,
        attempt.may_resend,
        transport=transport,
    )
    if "authorization" in named:
        return request
    if access.api_key:
        bearer = ("Authorization", f"Bearer {access.api_key}")
        return replace(request, headers=[*headers, bearer])
    return replace(request, seal=seal_with(access, service.name, clock))


def access_of(secret: Secret) -> AwsAccess:
    """The secret, if it has all that a request needs.

    Raises:
        CredentialMissing: it has not; the text names what is missing, no value.
    """
    if not isinstance(secret, AwsAccess):
        raise CredentialMissing("AWS is asked with a region and keys; neither is configured")
    if not _REGION.match(secret.region):
        raise CredentialMissing("`region` is not the name of a region")
    if not secret.api_key and not (secret.access_key_id and secret.secret_access_key):
        raise CredentialMissing("AWS access key id or secret access key is missing")
    return secret


def origin_of(address: str) -> str:
    """`scheme://host:port`."""
    url = URL(address)
    return f"{url.scheme}://{url.host}:{url.port}"
