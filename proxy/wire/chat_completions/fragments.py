"""Calls of tools that come in fragments."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.types.response import ToolCallDelta
from proxy.wire.chat_completions.message import called
from proxy.wire.values import text_of


class ToolCalls:
    """Which fragment belongs to which call.

    The index says so. Where it is missing, a fragment with a new id begins a call and one without
    goes on with the last. Some servers number all calls 0: there, a name under another id begins
    a new one. Ids and names that are repeated in each fragment count once.
    """

    def __init__(self) -> None:
        self._slots: dict[int, str] = {}  # index -> id of the call now open there
        self._names: dict[str, str] = {}  # id -> name so far
        self._last = 0

    def add(
        self, call: Mapping[str, object], position: int, extra: bytes | None = None
    ) -> ToolCallDelta:
        given_id = text_of(call.get("id"))
        name, arguments = called(call)
        slot = self._slot(call.get("index"), given_id, position)
        identifier = self._slots.get(slot)
        if identifier is None or (given_id and given_id != identifier and name):
            identifier = self._open(slot, given_id)
        self._last = slot
        return ToolCallDelta(identifier, self._new_part(identifier, name), arguments, extra)

    def _slot(self, index: object, given_id: str, position: int) -> int:
        if isinstance(index, int):
            return index
        if not given_id:
            return self._last + position if position else self._last
        for slot, identifier in self._slots.items():
            if identifier == given_id:
                return slot
        return max(self._slots, default=-1) + 1

    def _open(self, slot: int, given_id: str) -> str:
        identifier = given_id
        while identifier in self._names:  # two calls without an id, or of the same
            identifier = f"{given_id}#{len(self._names)}"
        self._slots[slot] = identifier
        self._names[identifier] = ""
        return identifier

    def _new_part(self, identifier: str, name: str) -> str | None:
        known = self._names[identifier]
        if not name or name == known:
            return None
        self._names[identifier] = known + name
        return name
