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
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote

from yarl import URL

from proxy.config.schema.addresses import OLLAMA_API_BASE, OPENAI_API_BASE
from proxy.providers.base import NO_DEFAULTS, NO_RENAMES
from proxy.types.ports import Body, Headers, Limits, OutgoingRequest

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
    `usage` is `ask` or `always`.
    `renames` has the vendor's names of members, by OpenAI's. `reasoning_key` is the member of a
    message in which it takes earlier thoughts; None where it takes none. `allow_lists` says whether
    a choice of tools may be a list of some of them (`allowed_tools`).
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

_ROWS = (
    Compatible(
        "openai",
        "OpenAI",
        OPENAI_API_BASE,
        reasoning_key="reasoning_content",
        allow_lists=True,
    ),
    Compatible(
        "azure",
        "Azure",
        credential_header="api-key",
        credential_prefix="",
        allow_lists=True,
        deployments=AZURE_DEPLOYMENTS,
    ),
    Compatible(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com/v1/",
        renames=OLDER_NAMES,
        reasoning_key="reasoning_content",
    ),
    Compatible(
        "fireworks",
        "Fireworks",
        "https://api.fireworks.ai/inference/v1/",
        usage=ALWAYS,
        renames=OLDER_NAMES,
        reasoning_key="reasoning_content",
    ),
    Compatible(
        "groq",
        "Groq",
        "https://api.groq.com/openai/v1/",
        usage=ALWAYS,
        reasoning_key="reasoning",
        allow_lists=True,
    ),
    Compatible(
        "hyperbolic",
        "Hyperbolic",
        "https://api.hyperbolic.xyz/v1/",
        usage=ALWAYS,
        renames=OLDER_NAMES,
    ),
    Compatible(
        "mistral", "Mistral", "https://api.mistral.ai/v1/", usage=ALWAYS, renames=MISTRAL_NAMES
    ),
    Compatible("ollama", "Ollama", OLLAMA_API_BASE, renames=OLDER_NAMES, reasoning_key="reasoning"),
    Compatible(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1/",
        usage=ALWAYS,
        reasoning_key="reasoning",
        allow_lists=True,
    ),
    Compatible("sglang", "SGLang", renames=OLDER_NAMES, reasoning_key="reasoning_content"),
    Compatible("tgi", "TGI", renames=OLDER_NAMES),
    Compatible(
        "together",
        "Together",
        "https://api.together.xyz/v1/",
        usage=ALWAYS,
        renames=OLDER_NAMES,
        reasoning_key="reasoning_content",
    ),
    Compatible("vllm", "vLLM", renames=OLDER_NAMES, reasoning_key="reasoning"),
    Compatible("xai", "xAI", "https://api.x.ai/v1/", reasoning_key="reasoning_content"),
)
ROWS: Mapping[str, Compatible] = MappingProxyType({row.type: row for row in _ROWS})
"""The table, by type."""


class CompatibleProvider:
    """One configured provider of the table; see `RelayProvider`.

    `api_base` takes the place of the row's address and is needed where that is empty.
    """

    wire = "chat_completions"
    takes_secret = True

    def __init__(
        self,
        row: Compatible,
        model_name: str,
        api_base: str | None = None,
        body_defaults: Mapping[str, bytes] = NO_DEFAULTS,
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
        self.origin = _origin(self._base)

    def encode_relay(
        self,
        path: str,
        body: bytes | Body,
        headers: Headers,
        secret: str | None,
        limits: Limits,
        may_resend: Callable[[], bool],
        *,
        method: str = "POST",
        query: str = "",
    ) -> OutgoingRequest:
        """See `RelayProvider.encode_relay`."""
        outgoing = [*headers, IDENTITY]
        own = self._row.credential_header
        if secret is not None and all(name.lower() != own.lower() for name, _ in headers):
            outgoing.append((own, self._row.credential_prefix + secret))
        return OutgoingRequest(
            method, self._url(path, query), self.origin, outgoing, body, limits, may_resend
        )

    def _url(self, path: str, query: str) -> str:
        own = ""
        if self._row.deployments is not None:
            path, own = self._row.deployments.locate(path, self.model_name)
        key = own.partition("=")[0]
        if any(part.partition("=")[0] == key for part in query.split("&")):
            own = ""
        joined = "&".join(part for part in (own, query) if part)
        return self._base + path + ("?" + joined if joined else "")


def _origin(base: str) -> str:
    url = URL(base)
    return f"{url.scheme}://{url.host}:{url.port}"
