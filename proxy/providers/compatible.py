"""Providers that speak OpenAI's protocol: one row each, data only.

Where the facts are from: addresses, names of members and how counts of tokens are asked for, as
TensorZero's gateway calls these vendors and as recorded exchanges show; and

- Azure: Microsoft's pages on the `v1` API, which needs no `api-version`, and on the older one, in
  which calls of a model name the deployment in the path.
- Mistral: its API refuses members that it does not know, `stream_options` and
  `max_completion_tokens` among them, and calls the seed `random_seed`.
- OpenRouter: its page on usage accounting (always sent; `stream_options` has no effect).
- Ollama: its page on OpenAI compatibility (`max_tokens`, `stream_options`).
- Groq, xAI: their references call `max_tokens` deprecated. vLLM, SGLang: both names are known now,
  only `max_tokens` to older versions.
- What a vendor lacks is what TensorZero warns of and leaves out, save where the vendor's reference
  has it by now: schemas for answers of Fireworks, Mistral and Together;
- `reasoning_effort`: DeepSeek's page on thinking mode (words that it lacks it takes for the next),
  the types of Mistral's Python package and of vLLM's server;
- `thinking_budget_tokens`: Fireworks' page on reasoning (`thinking` in place of an effort), vLLM's
  server (`thinking_token_budget`), OpenRouter's page on reasoning tokens;
- `service_tier`: Fireworks' page on the priority tier, Groq's on service tiers, Mistral's on its
  priority tier with the words in its package's types, OpenRouter's on service tiers, xAI's on
  priority processing. Azure's page asks for a later version of the API for more than it has here.
- Thoughts in messages: Mistral's page on reasoning (parts of the content), OpenRouter's on
  reasoning tokens (`reasoning_details`, `reasoning` with effort and budget), vLLM's (`reasoning`).
- Files: Mistral's pages on documents and on audio (`document_url`; `input_audio` is a text, though
  recorded exchanges show that it takes OpenAI's object, too).
- Together asks for log probabilities by a number, `logprobs` (its reference, its package's types).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from urllib.parse import quote

from yarl import URL

from proxy.config.schema.addresses import OLLAMA_API_BASE, OPENAI_API_BASE
from proxy.config.schema.hosted import HOSTED_BY_TYPE
from proxy.errors import UpstreamGarbage
from proxy.providers.base import NO_DEFAULTS, NO_RENAMES, Attempt, Encoded
from proxy.providers.neutral import check_answer, with_type
from proxy.types.fault import Fault
from proxy.types.ports import FAST, Body, Headers, Limits, OutgoingRequest
from proxy.types.request import ModelRequest
from proxy.types.response import Answer
from proxy.types.secrets import AddressedSecret, BearerToken, Secret
from proxy.wire.addressee import Addressee
from proxy.wire.chat_completions.common import decode_common_answer
from proxy.wire.chat_completions.dialect import (
    BUDGET,
    DETAIL,
    EFFORT,
    JSON_MODE,
    PLAIN,
    TIER,
    VERBOSITY,
    Dialect,
)
from proxy.wire.chat_completions.encode import encode_request, ignored_params
from proxy.wire.chat_completions.errors import read_error
from proxy.wire.chat_completions.response import choices_of, decode_uncommon
from proxy.wire.chat_completions.stream import StreamDecoder
from proxy.wire.events import StreamReader
from proxy.wire.lenient import lenient_object

CHAT_PATH = "chat/completions"
THINK_TAGS = "chat_completions/think_tags"
"""See `HttpProvider.reading`."""
BEARER = ("Authorization", "Bearer ")
IDENTITY = ("Accept-Encoding", "identity")

OLDER_NAMES: Mapping[str, str] = MappingProxyType({"max_completion_tokens": "max_tokens"})
MISTRAL_NAMES: Mapping[str, str] = MappingProxyType({**OLDER_NAMES, "seed": "random_seed"})

ASK = "ask"
"""The counts of a stream's tokens come when `stream_options.include_usage` asks for them."""
ALWAYS = "always"
"""They come unasked, and asking is needless or refused."""


@dataclass(frozen=True, slots=True)
class Deployments:
    """Paths of a vendor at which calls of a model name its deployment.

    `paths` are the endpoints to which `prefix` (with `{model}`) and `query` apply; all others stand
    below `other_prefix`.
    """

    paths: frozenset[str]
    prefix: str
    query: str
    other_prefix: str

    def locate(self, path: str, model_name: str) -> tuple[str, str]:
        """(path below the base address, query) of an endpoint."""
        if path not in self.paths:
            return self.other_prefix + path, ""
        return self.prefix.format(model=quote(model_name, safe="")) + path, self.query


@dataclass(frozen=True, slots=True)
class Compatible:
    """What is particular to one OpenAI-compatible vendor.

    `title` is how people write its name. `api_base` is empty where every entry has its own address.
    `usage` is `ask` or `always`. `any_server` is a type that, at another address than its own,
    stands for whatever server speaks the protocol. `dialect` and the members that both have are
    explained there; the row's hold.
    """

    type: str
    title: str
    api_base: str = ""
    credential_header: str = "Authorization"
    credential_prefix: str = "Bearer "
    usage: str = ASK
    renames: Mapping[str, str] = field(default_factory=lambda: NO_RENAMES)
    reasoning_key: str | None = None
    allow_lists: bool = False
    deployments: Deployments | None = None
    dialect: Dialect = PLAIN
    any_server: bool = False

    def dialect_at(
        self, base: str, think_tags: bool | None, content_types: Mapping[str, str]
    ) -> Dialect:
        """What is sent to an entry of this type."""
        dialect, elsewhere = self.dialect, self.any_server and base != self.api_base
        return replace(
            dialect,
            include_usage=self.usage == ASK,
            renames=self.renames,
            reasoning_key=self.reasoning_key,
            reasoning_details=dialect.reasoning_details or elsewhere,
            think_tags=dialect.think_tags if think_tags is None else think_tags,
            allow_lists=self.allow_lists,
            content_types=content_types,
        )


AZURE_DEPLOYMENTS = Deployments(
    paths=frozenset(
        {
            "audio/speech",
            "audio/transcriptions",
            "audio/translations",
            "chat/completions",
            "completions",
            "embeddings",
            "images/edits",
            "images/generations",
        }
    ),
    prefix="openai/deployments/{model}/",
    query="api-version=2025-04-01-preview",
    other_prefix="openai/v1/",
)

_USUAL = frozenset({TIER, VERBOSITY, BUDGET, DETAIL})
"""What most vendors lack."""


def _hosted(kind: str) -> tuple[str, str, str]:
    row = HOSTED_BY_TYPE[kind]
    return row.type, row.title, row.api_base


_ROWS = (
    Compatible(
        "openai",
        "OpenAI",
        OPENAI_API_BASE,
        reasoning_key="reasoning_content",
        allow_lists=True,
        any_server=True,
    ),
    Compatible(
        "azure",
        "Azure",
        credential_header="api-key",
        credential_prefix="",
        reasoning_key="reasoning_content",
        allow_lists=True,
        deployments=AZURE_DEPLOYMENTS,
        dialect=Dialect(tiers=frozenset({"auto", "default"})),
    ),
    Compatible(
        *_hosted("deepseek"),
        renames=OLDER_NAMES,
        reasoning_key="reasoning_content",
        dialect=Dialect(lacks=_USUAL, schemas=False),
    ),
    Compatible(
        *_hosted("fireworks"),
        usage=ALWAYS,
        renames=OLDER_NAMES,
        reasoning_key="reasoning_content",
        dialect=Dialect(
            lacks=_USUAL - {TIER, BUDGET},
            tiers=frozenset({"priority"}),
            budget="thinking",
            think_tags=True,
        ),
    ),
    Compatible(
        *_hosted("groq"),
        usage=ALWAYS,
        reasoning_key="reasoning",
        allow_lists=True,
        dialect=Dialect(
            lacks=_USUAL - {TIER}, tiers=frozenset({"auto", "flex", "on_demand", "performance"})
        ),
    ),
    Compatible(
        *_hosted("hyperbolic"),
        usage=ALWAYS,
        renames=OLDER_NAMES,
        reasoning_key="reasoning_content",
        dialect=Dialect(lacks=_USUAL | {JSON_MODE}),
    ),
    Compatible(
        *_hosted("mistral"),
        usage=ALWAYS,
        renames=MISTRAL_NAMES,
        dialect=Dialect(
            lacks=_USUAL - {TIER},
            tiers=frozenset({"auto", "standard_only"}),
            thinking_parts=True,
            document_urls=True,
            audio_texts=True,
        ),
    ),
    Compatible(
        "ollama",
        "Ollama",
        OLLAMA_API_BASE,
        renames=OLDER_NAMES,
        reasoning_key="reasoning",
        dialect=Dialect(lacks=_USUAL),
    ),
    Compatible(
        *_hosted("openrouter"),
        usage=ALWAYS,
        reasoning_key="reasoning",
        allow_lists=True,
        dialect=Dialect(
            lacks=frozenset({DETAIL}),
            reasoning_details=True,
            reasoning_object=True,
            cache_markers=True,
        ),
    ),
    Compatible(
        "sglang",
        "SGLang",
        renames=OLDER_NAMES,
        reasoning_key="reasoning_content",
        dialect=Dialect(lacks=_USUAL),
    ),
    Compatible(
        "tgi",
        "TGI",
        renames=OLDER_NAMES,
        reasoning_key="reasoning_content",
        dialect=Dialect(lacks=_USUAL | {EFFORT, JSON_MODE}),
    ),
    Compatible(
        *_hosted("together"),
        usage=ALWAYS,
        renames=OLDER_NAMES,
        reasoning_key="reasoning",
        dialect=Dialect(lacks=_USUAL, think_tags=True, counted_logprobs=True),
    ),
    Compatible(
        "vllm",
        "vLLM",
        renames=OLDER_NAMES,
        reasoning_key="reasoning",
        dialect=Dialect(lacks=_USUAL - {BUDGET}, budget="thinking_token_budget"),
    ),
    Compatible(
        *_hosted("xai"),
        reasoning_key="reasoning_content",
        dialect=Dialect(lacks=_USUAL - {DETAIL, TIER}, tiers=frozenset({"default", "priority"})),
    ),
)
_USUAL_ROWS = (
    Compatible(*_hosted(kind), renames=OLDER_NAMES, dialect=Dialect(lacks=_USUAL))
    for kind in HOSTED_BY_TYPE
)
"""What is taken for granted of a vendor without a row here."""
ROWS: Mapping[str, Compatible] = MappingProxyType({row.type: row for row in (*_USUAL_ROWS, *_ROWS)})
"""The table, by type."""


class CompatibleProvider:
    """One configured provider of the table; see `RelayProvider`.

    `api_base` takes the place of the row's address and is needed where that is empty.
    `think_tags` says whether `<think>` in a text is reasoning (None: as the vendor's models have
    it), `content_types` which kind of part (`image_url`, `file`, `input_audio`) a file becomes, by
    its MIME type, and `provider_tools` are tools (raw JSON) that stand before those of a request.
    """

    wire = "chat_completions"
    takes_secret = True
    transport = FAST

    def __init__(
        self,
        row: Compatible,
        model_name: str,
        api_base: str | None = None,
        body_defaults: Mapping[str, bytes] = NO_DEFAULTS,
        *,
        think_tags: bool | None = None,
        content_types: Mapping[str, str] = NO_RENAMES,
        provider_tools: Sequence[bytes] = (),
    ) -> None:
        base = api_base or row.api_base
        self.type = row.type
        self.title = row.title
        self.model_name = model_name
        self.usage = row.usage
        self.renames = row.renames
        self.reasoning_key = row.reasoning_key
        self.allow_lists = row.allow_lists
        self.body_defaults = body_defaults
        self._base = base if base.endswith("/") else base + "/"
        self._row = row
        self._dialect = row.dialect_at(base, think_tags, content_types)
        self._provider_tools = tuple(provider_tools)
        self.reading = THINK_TAGS if self._dialect.think_tags else self.wire
        self.origin = _origin(self._base)
        self._by_path = row.deployments is None
        """Whether all calls go to the path of their endpoint."""

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
        base, origin = self._base, self.origin
        if isinstance(secret, AddressedSecret):
            base, origin, secret = secret.api_base, _origin(secret.api_base), secret.secret
        outgoing = [*headers, IDENTITY]
        if isinstance(secret, str):
            own, prefix = self._shown_in(secret)
            if all(name.lower() != own.lower() for name, _ in headers):
                outgoing.append((own, prefix + secret))
        url = base + (path if self._by_path and not query else self._below(path, query))
        return OutgoingRequest(
            method, url, origin, outgoing, body, limits, may_resend, transport=self.transport
        )

    def _shown_in(self, secret: str) -> tuple[str, str]:
        """The header in which it is shown, and what stands before it there."""
        if isinstance(secret, BearerToken):
            return BEARER
        return self._row.credential_header, self._row.credential_prefix

    def encode_chat(self, request: ModelRequest, attempt: Attempt) -> Encoded:
        """See `HttpProvider.encode_chat`."""
        if self._provider_tools:
            tools = (*self._provider_tools, *request.provider_tools)
            request = replace(request, provider_tools=tools)
        body = encode_request(
            request,
            self._dialect,
            body_defaults=self.body_defaults,
            addressee=Addressee(attempt.model_name, attempt.provider_name, self.type),
        )
        headers = with_type(attempt.headers)
        outgoing = self.encode_relay(
            CHAT_PATH, body, headers, attempt.secret, attempt.limits, attempt.may_resend
        )
        return Encoded(outgoing, ignored_params(request, self._dialect))

    def decode_chat(self, body: bytes) -> Answer:
        """See `HttpProvider.decode_chat`."""
        think_tags = self._dialect.think_tags
        common = None if think_tags else decode_common_answer(body)
        if common is not None:
            return common
        check_answer(body)
        answer = decode_uncommon(body, think_tags)
        if not answer.blocks and not choices_of(lenient_object(body)):
            raise UpstreamGarbage("the answer has no choice")
        return answer

    def open_chat_stream(self) -> StreamReader:
        """See `HttpProvider.open_chat_stream`."""
        return StreamDecoder(tell_damage=True, think_tags=self._dialect.think_tags)

    def read_error(self, status: int, headers: Headers, body: bytes) -> Fault:
        """See `HttpProvider.read_error`."""
        return read_error(status, headers, body)

    def _below(self, path: str, query: str) -> str:
        """Path and query below the base address."""
        if self._row.deployments is None:
            return f"{path}?{query}" if query else path
        path, own = self._row.deployments.locate(path, self.model_name)
        key = own.partition("=")[0]
        if any(part.partition("=")[0] == key for part in query.split("&")):
            own = ""
        joined = "&".join(part for part in (own, query) if part)
        return path + ("?" + joined if joined else "")


def _origin(base: str) -> str:
    url = URL(base)
    return f"{url.scheme}://{url.host}:{url.port}"
