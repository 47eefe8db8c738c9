"""What other protocols ask for beside what the neutral form says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import orjson

from proxy.errors import UpstreamUnsupported
from proxy.wire.members import object_members
from proxy.wire.responses.forms import dump_raw
from proxy.wire.responses.request import WIRE, raw_object
from proxy.wire.values import raw_text

CHAT_COMPLETIONS = "chat_completions"

SAME_NAMES = frozenset(
    {
        "background",
        "context_management",
        "conversation",
        "include",
        "max_tool_calls",
        "metadata",
        "moderation",
        "previous_response_id",
        "prompt",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "store",
        "stream_options",
        "truncation",
        "user",
    }
)
"""Members that chat completions have, too, or that their clients add for this protocol."""

_NOTHING = (b"null", b"[]", b"{}", b'""')


def translated_rest(rest: Mapping[str, bytes], wire: str) -> dict[str, bytes]:
    """The further members of a body; those of another protocol in this one's words.

    Raises:
        UpstreamUnsupported: one of them cannot be said here; the text names it.
    """
    if wire in ("", WIRE):
        return dict(rest)
    return dict(_translated(rest, wire))


def search_tool(rest: Mapping[str, bytes]) -> Iterator[bytes]:
    """The web search that chat completions ask for by a member, as a tool of the provider's."""
    given = rest.get("web_search_options", b"null")
    if not given.startswith(b"{"):
        return
    options = object_members(given)
    place = raw_object(options.get("user_location"))
    kind = raw_text(place.get("type"))
    if kind is not None and kind in place:
        inner = raw_object(place[kind])
        options["user_location"] = dump_raw({"type": place["type"], **inner})
    yield dump_raw({"type": b'"web_search"', **options})


def _translated(rest: Mapping[str, bytes], wire: str) -> Iterator[tuple[str, bytes]]:
    for key, raw in rest.items():
        if raw in _NOTHING or key == "web_search_options" or _is_default(key, raw):
            continue
        if wire != CHAT_COMPLETIONS or key not in SAME_NAMES:
            raise UpstreamUnsupported(f"this provider's API has no equivalent of `{key}`")
        if key == "stream_options":
            raw = _stream_options(raw)
        if raw != b"{}":
            yield key, raw


def _is_default(key: str, raw: bytes) -> bool:
    """Whether a member asks for what is done anyway."""
    return key == "modalities" and orjson.loads(raw) == ["text"]


def _stream_options(raw: bytes) -> bytes:
    """Tokens are always told here."""
    options = raw_object(raw)
    return dump_raw({key: value for key, value in options.items() if key != "include_usage"})
