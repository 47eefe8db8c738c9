"""What is said to a function: `{"system"?, "messages"}`, all kinds of content blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from proxy.errors import InvalidRequest
from proxy.types.content import (
    Block,
    RawText,
    Template,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Unknown,
)
from proxy.types.request import Input, Message
from proxy.wire.members import list_items, object_members
from proxy.wire.native.files import read_file
from proxy.wire.plain_messages import as_turns, read_plain_messages
from proxy.wire.serde import (
    check_known,
    fail,
    given,
    is_object,
    is_string,
    optional_string,
    read_items,
    read_object,
    read_string,
    read_word,
    required,
    unknown_variant,
    wrong_type,
)
from proxy.wire.values import compact_json

ROLES = ("user", "assistant")

Members = Mapping[str, bytes]


def read_input(raw: bytes, path: str) -> tuple[Input, tuple[str, ...]]:
    """The input, and sentences for the log.

    Raises:
        InvalidRequest: naming the place, such as `input.messages[0].content[0]`.
    """
    reader = _InputReader()
    return reader.read(raw, path), tuple(dict.fromkeys(reader.warnings))


class _InputReader:
    """Reads messages, and gathers what deserves a warning."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def read(self, raw: bytes, path: str) -> Input:
        members = read_object(raw, path, "struct Input")
        check_known(members, path, ("system", "messages"))
        system, messages = given(members.get("system")), given(members.get("messages"))
        said = None if system is None else _read_system(system, f"{path}.system")
        plain = None if messages is None else read_plain_messages(messages)
        if plain is not None and all(each.role in ROLES for each in plain):
            return Input(as_turns(plain), said)
        where = f"{path}.messages"
        items = [] if messages is None else read_items(messages, where)
        turns = (self._message(item, f"{where}[{index}]") for index, item in enumerate(items))
        return Input(tuple(turns), said)

    def _message(self, raw: bytes, path: str) -> Message:
        members = read_object(raw, path, "struct Helper")
        check_known(members, path, ("role", "content"))
        role = read_word(required(members, path, "role"), f"{path}.role", ROLES)
        content = required(members, path, "content")
        return Message(role, tuple(self._content(content, role, f"{path}.content")))

    def _content(self, raw: bytes, role: str, path: str) -> Iterator[Block]:
        if is_string(raw):
            yield Text(read_string(raw, path))
        elif is_object(raw):
            self._deprecated("an object as the content of a message")
            yield Template(role, raw)
        elif raw.startswith(b"["):
            for index, item in enumerate(list_items(raw)):
                yield self._block(item, role, f"{path}[{index}]")
        else:
            raise wrong_type(raw, path, "a string, object, or array")

    def _block(self, raw: bytes, role: str, path: str) -> Block:
        try:
            kind, block = _tagged(raw, _READERS)
            if kind == "text":
                return self._text(block, role)
            return _READERS[kind](block)
        except InvalidRequest as error:
            raise fail(path, str(error)) from error

    def _text(self, block: Members, role: str) -> Text | Template:
        """`{"text"}`, or the arguments of the role's own template."""
        if len(block) != 1:
            why = f"Expected exactly one other key in text content, found {len(block)} other keys"
            raise fail("", why)
        for name, raw in block.items():
            if name not in ("text", "arguments"):
                raise fail("", f"Unknown key `{name}` in text content")
            try:
                if name == "text":
                    return Text(read_string(raw, ""))
                read_object(raw, "", "a map")
            except InvalidRequest as error:
                raise fail("", f"Error deserializing `{name}`: {error}") from error
            self._deprecated("`arguments` in a text block")
        return Template(role, block["arguments"])

    def _deprecated(self, what: str) -> None:
        self.warnings.append(
            f"Template arguments came as {what}, which is deprecated; "
            "a block of type `template` names its template."
        )


def _read_system(raw: bytes, path: str) -> str | bytes:
    """A text, or the arguments (raw JSON) of the system template."""
    if is_string(raw):
        return read_string(raw, path)
    if not is_object(raw):
        raise fail(path, "data did not match any variant of untagged enum System")
    return raw


def _tagged(raw: bytes, kinds: Mapping[str, object]) -> tuple[str, dict[str, bytes]]:
    """The `type` of a block and its other members; errors name a place only inside the block."""
    if not is_object(raw):
        if raw[:1] in b"-0123456789":
            raise fail("", "invalid type: number, expected object")
        raise wrong_type(raw, "", "object")
    block = object_members(raw)
    tag = block.pop("type", b"")
    if not is_string(tag):
        raise fail("", "TensorZeroDerive: missing tag field `type`")
    kind = read_string(tag, "")
    if kind not in kinds:
        raise unknown_variant("", kind, kinds)
    return kind, block


def _read_template(block: Members) -> Template:
    check_known(block, "", ("name", "arguments"))
    name = read_string(required(block, "", "name"), "name")
    arguments = required(block, "", "arguments")
    read_object(arguments, "arguments", "a map")
    return Template(name, arguments)


def _read_tool_call(block: Members) -> ToolCall:
    """What the caller made up or the model's own words, in this order.

    An answer's block has both: the parsed name and arguments count unless they are null.
    """
    for name, arguments in (("name", "arguments"), ("raw_name", "raw_arguments")):
        texts = [_text_of(block, member) for member in ("id", name)]
        called = _arguments(block.get(arguments), objects=arguments == "arguments")
        if texts[0] is not None and texts[1] is not None and called is not None:
            return ToolCall(texts[0], texts[1], called)
    raise fail("", "data did not match any variant of untagged enum ToolCallWrapper")


def _text_of(block: Members, name: str) -> str | None:
    raw = block.get(name, b"")
    return read_string(raw, "") if is_string(raw) else None


def _arguments(raw: bytes | None, *, objects: bool) -> str | None:
    """The JSON text of the arguments, which come as such a text or as the object itself."""
    if raw is None or not (is_string(raw) or (objects and is_object(raw))):
        return None
    return read_string(raw, "") if is_string(raw) else compact_json(raw)


def _read_tool_result(block: Members) -> ToolResult:
    check_known(block, "", ("name", "result", "id"))
    name, result, identifier = (
        read_string(required(block, "", member), member) for member in ("name", "result", "id")
    )
    return ToolResult(identifier, name, result)


def _read_raw_text(block: Members) -> RawText:
    check_known(block, "", ("value",))
    return RawText(read_string(required(block, "", "value"), "value"))


def _read_thought(block: Members) -> Thought:
    summary = given(block.get("summary"))
    if summary is not None:
        _check_summary(summary)
    provider = optional_string(block, "", "provider_type")
    internal = optional_string(block, "", "_internal_provider_type")
    return Thought(
        optional_string(block, "", "text"),
        optional_string(block, "", "signature"),
        summary,
        internal if provider is None else provider,
        given(block.get("extra_data")),
    )


def _check_summary(raw: bytes) -> None:
    for index, item in enumerate(read_items(raw, "summary")):
        try:
            _, part = _tagged(item, {"summary_text": None})
            read_string(required(part, "", "text"), "text")
        except InvalidRequest as error:
            raise fail(f"summary.[{index}]", str(error)) from error


def _read_unknown(block: Members) -> Unknown:
    data = required(block, "", "data")
    model = optional_string(block, "", "model_name")
    provider = optional_string(block, "", "provider_name")
    both = optional_string(block, "", "model_provider_name")
    if both is None:
        return Unknown(data, model, provider)
    if model is not None or provider is not None:
        why = "Cannot specify both `model_provider_name` and `model_name`/`provider_name`"
        raise fail("", why)
    return Unknown(data, *_split_name(both))


def _split_name(both: str) -> tuple[str, str]:
    """`tensorzero::model_name::M::provider_name::P`, the old way to name an addressee."""
    wrong = "Invalid legacy `model_provider_name` format (missing {}): " + both
    rest = both.removeprefix("tensorzero::model_name::")
    if rest == both:
        raise fail("", wrong.format("prefix"))
    model, separator, provider = rest.partition("::provider_name::")
    if not separator:
        raise fail("", wrong.format("provider_name"))
    return model, provider


def _read_plain_text(block: Members) -> Text:
    return Text(read_string(required(block, "", "text"), "text"))


_READERS: Mapping[str, Callable[[Members], Block]] = {
    "text": _read_plain_text,
    "template": _read_template,
    "tool_call": _read_tool_call,
    "tool_result": _read_tool_result,
    "raw_text": _read_raw_text,
    "thought": _read_thought,
    "file": read_file,
    "image": read_file,
    "unknown": _read_unknown,
}
