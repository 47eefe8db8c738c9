"""A chat completion that calls a function which is more than a plain chat, understood and checked.

The client's body is what is passed on. From the neutral form of it only those members are written
anew that the function changes; everything else stays as the client spelled it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import orjson

from proxy.errors import InvalidRequest
from proxy.inference.json_mode import mode_in_force
from proxy.inference.prepare import Call, CheckedCall, Prepared
from proxy.inference.tools import Tool, ToolRequest
from proxy.inference.variant import Variant
from proxy.services.targets import Target, Targets
from proxy.types.request import Input
from proxy.wire.chat_completions.encode import JSON_INSTRUCTION, mentions_json
from proxy.wire.chat_completions.rebuild import check_system, rebuild_messages
from proxy.wire.chat_completions.request import Raw, decode_input, decode_params
from proxy.wire.envelope.params import OPENAI_PARAMS
from proxy.wire.envelope.tools import ToolChoice, read_tool_choice
from proxy.wire.members import list_items, object_members
from proxy.wire.splice import splice
from proxy.wire.values import raw_flag, raw_text

NO_PARAMETERS = b'{"type":"object","properties":{}}'
JSON_OBJECT = b'{"type":"json_object"}'

_PARAMS = {
    "additional_tools": "tools",
    "allowed_tools": "tool_choice",
    "output_schema": "response_format",
}
"""OpenAI's names of what is wrong, by the native API's."""


_FIELDS = {
    "max_completion_tokens": "max_tokens",
    "response_format": "json_mode",
    "stop": "stop_sequences",
}
"""Where a parameter of the body is among the neutral ones, when not under its own name."""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """The call of a function, as far as it is the same for all variants."""

    checked: CheckedCall
    members: Raw
    """Of the client's body; those that are null are left out."""
    tools: tuple[bytes, ...]
    """The client's own, as they came."""
    unnamed_tools: tuple[bytes, ...]
    """Those of them that are of a kind of which we know nothing."""
    choice: ToolChoice | None

    @property
    def unread(self) -> str | None:
        """The first member that we know and could not make sense of; None without one."""
        read = {"tools": not self.unnamed_tools, **self._params_read()}
        return next((key for key, done in read.items() if key in self.members and not done), None)

    def _params_read(self) -> dict[str, bool]:
        """Whether a parameter was understood, by the body's name of it."""
        params = self.checked.call.params
        names = {key: _FIELDS.get(key, key) for key in (*OPENAI_PARAMS, "response_format")}
        return {key: getattr(params, name) is not None for key, name in names.items()}

    def is_translated(self, variant: Variant) -> bool:
        """Whether the answer of this variant must be written anew, whatever the provider."""
        call = self.checked.call
        asked, own = call.params.json_mode, variant.spec.params.json_mode
        mode = mode_in_force(asked, own, self.checked.spec.kind)
        return variant.strategy is not None or variant.spec.thinks or mode == "tool"

    def changed_members(self, prepared: Prepared) -> dict[str, bytes]:
        """What a variant puts into the client's body, raw JSON by key.

        Raises:
            InvalidRequest: a system text changes that stands beside something else.
        """
        changed = {
            "messages": self._messages(prepared),
            "tools": self._tools(prepared),
            "tool_choice": self._tool_choice(prepared),
            "parallel_tool_calls": self._parallel(prepared),
            "response_format": self._response_format(prepared),
        }
        return {key: raw for key, raw in changed.items() if raw is not None}

    def _messages(self, prepared: Prepared) -> bytes | None:
        said = prepared.input
        own_mode = prepared.json_mode == "on" and "response_format" not in self.members
        if own_mode and not mentions_json(_text(said), said.messages):
            system = f"{JSON_INSTRUCTION}\n\n{_text(said)}" if said.system else JSON_INSTRUCTION
            said = replace(said, system=system)
        return rebuild_messages(self.members["messages"], self.checked.call.input, said)

    def _tools(self, prepared: Prepared) -> bytes | None:
        configured = prepared.tool_set.configured
        if not configured:
            return None
        return b"[" + b",".join((*(tool.definition for tool in configured), *self.tools)) + b"]"

    def _tool_choice(self, prepared: Prepared) -> bytes | None:
        """Names of allowed tools are ours, by which models do not know them."""
        if self.choice is None or self.choice.allowed is not None:
            return prepared.tool_choice
        return None

    def _parallel(self, prepared: Prepared) -> bytes | None:
        if "parallel_tool_calls" in self.members or prepared.parallel_tool_calls is None:
            return None
        return orjson.dumps(prepared.parallel_tool_calls) if prepared.tool_set else None

    def _response_format(self, prepared: Prepared) -> bytes | None:
        if "response_format" in self.members or prepared.json_mode == "off":
            return None
        if prepared.json_mode == "strict" and prepared.response_format is not None:
            return prepared.response_format
        return JSON_OBJECT


def read_function_call(body: bytes, target: Target, targets: Targets) -> FunctionCall:
    """The call in a chat completion's body, as its function accepts it.

    Raises:
        InvalidRequest: it does not, or the body is no chat completion; `param` is the place.
    """
    members = {key: raw for key, raw in object_members(body).items() if raw != b"null"}
    said = decode_input(members.get("messages", b""))
    check_system(members["messages"], texts_only=False)
    raw_tools = _items(members.get("tools"))
    with _in_openai_words():
        tools = [_tool(raw, targets) for raw in raw_tools]
    choice = _choice(members.get("tool_choice"))
    named = tuple(tool for tool in tools if tool is not None)
    request = ToolRequest(
        allowed=choice.allowed if choice else None,
        additional=named if raw_tools else None,
        choice=choice,
        parallel=raw_flag(members.get("parallel_tool_calls")),
    )
    response_format = members.get("response_format")
    schema = _schema(response_format)
    call = Call(said, decode_params(members), request, schema, response_format)
    with _in_openai_words():
        checked = targets.check(target, call)
    pairs = zip(raw_tools, tools, strict=True)
    unnamed = tuple(raw for raw, tool in pairs if tool is None)
    return FunctionCall(checked, members, raw_tools, unnamed, choice)


@contextmanager
def _in_openai_words() -> Iterator[None]:
    """Errors name what is wrong as OpenAI does."""
    try:
        yield
    except InvalidRequest as error:
        error.param = _PARAMS.get(error.param or "", error.param)
        raise


def _items(raw: bytes | None) -> tuple[bytes, ...]:
    if raw is None:
        return ()
    try:
        return tuple(list_items(raw))
    except InvalidRequest as error:
        raise InvalidRequest("`tools` must be a list", param="tools") from error


def _tool(raw: bytes, targets: Targets) -> Tool | None:
    """A tool by whose name calls of it are understood; None for one of another kind."""
    tool = object_members(raw) if raw.startswith(b"{") else {}
    kind = raw_text(tool.get("type"))
    inner = tool.get(kind, b"") if kind in ("function", "custom") else b""
    members = object_members(inner) if inner.startswith(b"{") else {}
    if raw_text(members.get("name")) is None:
        return None
    if kind == "function" and members.get("parameters", b"null") == b"null":
        given = {"parameters": NO_PARAMETERS}
        inner = splice(inner, replace=given, append_missing=given)
        raw = splice(raw, replace={"function": inner})
    return targets.tools(b"[" + raw + b"]")[0]


def _choice(raw: bytes | None) -> ToolChoice | None:
    if raw is None:
        return None
    choice = object_members(raw) if raw.startswith(b"{") else {}
    if raw_text(choice.get("type")) == "custom" and choice.get("custom", b"").startswith(b"{"):
        name = raw_text(object_members(choice["custom"]).get("name"))
        if name is not None:
            return ToolChoice("specific", name=name)
    try:
        return read_tool_choice(raw, "tool_choice")
    except InvalidRequest as error:
        raise InvalidRequest(str(error), param="tool_choice") from error


def _schema(response_format: bytes | None) -> bytes | None:
    """The schema of the answer that the client brought along."""
    if response_format is None or not response_format.startswith(b"{"):
        return None
    inner = object_members(response_format).get("json_schema", b"")
    schema = object_members(inner).get("schema") if inner.startswith(b"{") else None
    return None if schema == b"null" else schema


def _text(said: Input) -> str:
    return said.system if isinstance(said.system, str) else ""
