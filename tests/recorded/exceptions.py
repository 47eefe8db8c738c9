"""Named exceptions: what does not agree, or is not compared, and why.

They are keyed by a reason that can be seen in a row, never by the row's id, so that other
recordings can be judged by the same list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from tests.recorded.judges.base import Row

UNSPOKEN: Mapping[str, str] = MappingProxyType(
    {
        "invoke_model": "InvokeModel takes each maker's own body; the Bedrock type speaks Converse",
        "completions": "an older protocol that no function or variant uses: relayed byte for byte "
        "(tests/recorded)",
        "embeddings": "no chat: relayed byte for byte (tests/recorded), and read by "
        "wire/embeddings (tests/unit/wire)",
        "tgi_generate": "TGI's older protocol; the TGI type speaks chat completions",
        "ollama_chat": "Ollama's own protocol; the Ollama type speaks chat completions",
        "ollama_generate": "Ollama's own protocol; the Ollama type speaks chat completions",
        "fim_completions": "an endpoint for filling in code that no variant uses: relayed byte for "
        "byte by the default provider",
    }
)
"""APIs that no type of provider speaks, and how else they are served."""


@dataclass(frozen=True, slots=True)
class Known:
    """A disagreement that is understood. `side` is `request` or `answer`."""

    side: str
    why: str
    holds: Callable[[Row, Sequence[str]], bool]
    """(row, lines of the disagreement) -> whether this is it."""


KNOWN: tuple[Known, ...] = ()


def known_reason(row: Row, side: str, lines: Sequence[str]) -> str | None:
    """Why this disagreement is none of ours; None when it is."""
    return next(
        (known.why for known in KNOWN if known.side == side and known.holds(row, lines)), None
    )
