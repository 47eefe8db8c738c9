"""What an answer says of its sources: kept as it came, and as `citations`.

A citation has the form of an OpenAI annotation, `{"type": "url_citation", "url_citation": {"url",
"title", "start_index", "end_index"}}`. The protocol counts in bytes of a part's text; the indices
are in characters of all the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from proxy.wire.lenient import lenient_dumps
from proxy.wire.values import count_of, object_of, objects_of, text_of

METADATA = frozenset(
    {"groundingMetadata", "citationMetadata", "urlContextMetadata", "promptFeedback"}
)
"""Members that speak of an answer as a whole."""
OF_CANDIDATE = ("groundingMetadata", "citationMetadata", "urlContextMetadata")

_SOURCES = ("web", "retrievedContext", "maps")
_CITED = ("citations", "citationSources")
"""Where citations stand; the two hosts of the protocol have a name each."""


def metadata_of(candidate: Mapping[str, object]) -> dict[str, object]:
    """Those of a candidate's that say anything."""
    return {name: candidate[name] for name in OF_CANDIDATE if candidate.get(name)}


def joined(earlier: Mapping[str, object], later: Mapping[str, object]) -> dict[str, object]:
    """What two pieces of a stream say: of citations both, of all else the later one."""
    both = {**earlier, **later}
    before, after = (object_of(each.get("citationMetadata")) for each in (earlier, later))
    known = _cited(before)
    if known and after:
        new = [each for each in _cited(after) if each not in known]
        name = next(name for name in _CITED if name in before)
        both["citationMetadata"] = {name: [*known, *new]}
    return both


def _cited(metadata: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The citations of a `citationMetadata`."""
    return [each for name in _CITED for each in objects_of(metadata.get(name))]


def metadata_extra(metadata: Mapping[str, object], texts: Sequence[str]) -> bytes:
    """The `extra` of the text that has these sources; `texts` are those of the parts, in order."""
    citations = [
        *_grounding(object_of(metadata.get("groundingMetadata")), texts),
        *_recitations(object_of(metadata.get("citationMetadata")), texts),
    ]
    return lenient_dumps({**({"citations": citations} if citations else {}), **metadata})


def _grounding(grounding: Mapping[str, object], texts: Sequence[str]) -> Iterator[object]:
    chunks = grounding.get("groundingChunks")
    sources = [_source(object_of(chunk)) for chunk in chunks] if isinstance(chunks, list) else []
    for support in objects_of(grounding.get("groundingSupports")):
        indices = support.get("groundingChunkIndices")
        for index in indices if isinstance(indices, list) else ():
            place = count_of(index)
            if place is not None and place < len(sources) and sources[place] is not None:
                yield _citation(object_of(sources[place]), object_of(support.get("segment")), texts)


def _source(chunk: Mapping[str, object]) -> Mapping[str, object] | None:
    found = (chunk.get(kind) for kind in _SOURCES)
    return next((each for each in found if isinstance(each, dict) and each.get("uri")), None)


def _recitations(metadata: Mapping[str, object], texts: Sequence[str]) -> Iterator[object]:
    for each in _cited(metadata):
        if each.get("uri"):
            yield _citation(each, each, texts)


def _citation(
    source: Mapping[str, object], segment: Mapping[str, object], texts: Sequence[str]
) -> object:
    part = count_of(segment.get("partIndex")) or 0
    before = sum(map(len, texts[:part]))
    text = texts[part] if part < len(texts) else ""
    citation = {
        "url": text_of(source.get("uri")),
        "title": text_of(source.get("title")),
        "start_index": before + _characters(text, segment.get("startIndex")),
        "end_index": before + _characters(text, segment.get("endIndex")),
    }
    return {"type": "url_citation", "url_citation": citation}


def _characters(text: str, index: object) -> int:
    """How many characters the first bytes are."""
    count = count_of(index) or 0
    return len(text.encode("utf-8", "replace")[:count].decode("utf-8", "ignore"))
