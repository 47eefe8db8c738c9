"""Blocks of a stream that have no deltas in the neutral form: put together from their parts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import orjson

from proxy.types.response import Delta, ThoughtDelta, UnknownDelta
from proxy.wire.converse.raws import Raw, as_list, as_object, to_list, to_object
from proxy.wire.lenient import whole_text
from proxy.wire.values import raw_text


class Gathered:
    """Takes the parts of one block, gives it as whole as it came."""

    def __init__(self) -> None:
        self.size = 0
        self._start: Raw = {}
        self._deltas: list[bytes] = []

    def add(self, part: str, raw: bytes) -> None:
        """`part` is `start` or `delta`, `raw` what stands in the event's member of that name."""
        self.size += len(raw)
        if part == "start":
            self._start = as_object(raw)
        else:
            self._deltas.append(raw)

    def deltas(self, index: str) -> tuple[Delta, ...]:
        """The block: a hidden thought, or an unknown one."""
        deltas = [as_object(raw) for raw in self._deltas]
        hidden = [_hidden(delta) for delta in deltas]
        if hidden and not self._start and all(part is not None for part in hidden):
            return (ThoughtDelta(index, None, _joined([part or "" for part in hidden])),)
        return (UnknownDelta(f"block {index}", self._block(deltas)),)

    def _block(self, deltas: Sequence[Raw]) -> bytes:
        """One object of the form that whole answers have, where it is known how."""
        if len(self._start) == 1:
            [(kind, start)] = self._start.items()
            parts = [delta.get(kind, b"null") for delta in deltas if list(delta) == [kind]]
            whole = _WHOLE.get(kind)
            if whole is not None and len(parts) == len(deltas):
                return to_object({kind: to_object({**as_object(start), **whole(parts)})})
        if not self._start and len(deltas) == 1:
            return to_object(deltas[0])
        shown = to_list([to_object(delta) for delta in deltas])
        return to_object({"start": to_object(self._start), "deltas": shown})


def _hidden(delta: Raw) -> str | None:
    inner = as_object(delta.get("reasoningContent"))
    return raw_text(inner.get("redactedContent")) if len(delta) == len(inner) == 1 else None


def _joined(parts: list[str]) -> str:
    """Bytes in base64, each part padded by itself."""
    if len(parts) == 1:
        return parts[0]
    try:
        raw = b"".join(base64.b64decode(part, validate=True) for part in parts)
    except (binascii.Error, ValueError):
        return "".join(parts)
    return base64.b64encode(raw).decode()


def _tool_use(parts: list[bytes]) -> dict[str, bytes]:
    text = "".join(raw_text(as_object(part).get("input")) or "" for part in parts)
    try:
        orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        return {"input": orjson.dumps(whole_text(text))}
    return {"input": whole_text(text or "{}").encode()}


def _tool_result(parts: list[bytes]) -> dict[str, bytes]:
    return {"content": to_list([item for part in parts for item in as_list(part)])}


def _image(parts: list[bytes]) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    data: list[str] = []
    for part in map(as_object, parts):
        source = as_object(part.get("source"))
        if list(source) == ["bytes"]:
            data.append(raw_text(source["bytes"]) or "")
        members.update(part)
    if data:
        members["source"] = orjson.dumps({"bytes": _joined(data)})
    return members


_WHOLE: Mapping[str, Callable[[list[bytes]], dict[str, bytes]]] = MappingProxyType(
    {"toolUse": _tool_use, "toolResult": _tool_result, "image": _image}
)
