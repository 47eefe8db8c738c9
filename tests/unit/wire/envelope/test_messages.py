"""Messages of `/openai/v1` as native input. Each id is one line of the compatibility tables."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from proxy.errors import InvalidRequest
from proxy.types.content import (
    Base64File,
    Block,
    RawText,
    Template,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Unknown,
    UrlFile,
)
from proxy.types.request import Input, Message
from proxy.wire.envelope.request import EnvelopeRequest, decode_envelope_request

OURS = "Invalid request to OpenAI-compatible endpoint: "


def case(sentence: str, *values: object) -> Any:
    return pytest.param(*values, id=sentence)


def request(messages: object) -> EnvelopeRequest:
    body = {"model": "tensorzero::function_name::f", "messages": messages}
    return decode_envelope_request(orjson.dumps(body))


def decode(*messages: object) -> Input:
    return request(messages).input


def refusal(*messages: object) -> str:
    with pytest.raises(InvalidRequest) as raised:
        request(messages)
    return str(raised.value)


def say(role: str, *blocks: object) -> dict[str, object]:
    return {"role": role, "content": list(blocks)}


def text(said: str) -> dict[str, object]:
    return {"type": "text", "text": said}


def old_arguments(**arguments: object) -> dict[str, object]:
    return {"type": "text", "tensorzero::arguments": arguments}


def raw_text(said: str) -> dict[str, object]:
    return {"type": "tensorzero::raw_text", "value": said}


def template(name: str, **arguments: object) -> dict[str, object]:
    return {"type": "tensorzero::template", "name": name, "arguments": arguments}


USER = {"role": "user", "content": "u"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}


def call(identifier: str, name: str = "f", arguments: str = "{}") -> dict[str, object]:
    function = {"name": name, "arguments": arguments}
    return {"id": identifier, "type": "function", "function": function}


def called(*identifiers: str) -> dict[str, object]:
    return {"role": "assistant", "tool_calls": [call(identifier) for identifier in identifiers]}


def result(identifier: str, content: object = "r") -> dict[str, object]:
    return {"role": "tool", "tool_call_id": identifier, "content": content}


# System.


@pytest.mark.parametrize(
    ("messages", "system"),
    [
        case("there is no system without a system message", [USER], None),
        case("a system message gives the system text", [say("system", text("a"))], "a"),
        case("a string is one text", [{"role": "system", "content": "a"}], "a"),
        case("`developer` means the same as `system`", [say("developer", text("a"))], "a"),
        case(
            "all texts of all system messages are joined with a line feed",
            [say("system", text("a"), raw_text("b")), USER, say("developer", text("c"))],
            "a\nb\nc",
        ),
        case(
            "a template block makes the system structured, whatever its name",
            [say("system", template("anything", a=1))],
            b'{"a":1}',
        ),
        case(
            "so does the old form of arguments",
            [say("system", old_arguments(a=1))],
            b'{"a":1}',
        ),
        case("so does an object without a type", [say("system", {"a": 1})], b'{"a":1}'),
        case("an empty list is no system", [say("system")], None),
    ],
)
def test_system_messages_make_up_the_system(messages: list[object], system: object) -> None:
    assert decode(*messages).system == system


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        case(
            "a template after text",
            [say("system", text("a"), template("t"))],
            "System message cannot contain template with other content",
        ),
        case(
            "a template after a template",
            [say("system", template("t")), say("system", template("t"))],
            "System message cannot contain template with other content",
        ),
        case(
            "text after a template",
            [say("system", template("t")), say("system", text("a"))],
            "Cannot add text after template system message",
        ),
        case(
            "a file",
            [say("system", IMAGE)],
            "System message must contain only text or template content blocks",
        ),
    ],
)
def test_a_mixed_system_is_refused(messages: list[object], message: str) -> None:
    assert refusal(*messages) == OURS + message


@pytest.mark.parametrize(
    ("messages", "warnings"),
    [
        case("a first system message", [say("system", text("a")), USER], 0),
        case("a system message that is not first", [USER, say("system", text("a"))], 1),
        case("a second system message", [say("system", text("a")), say("system", text("b"))], 1),
    ],
)
def test_moved_system_messages_are_warned_of(messages: list[object], warnings: int) -> None:
    assert len(request(messages).warnings) == warnings
    assert request(messages).input.messages in ((), (Message("user", (Text("u"),)),))


# Blocks.

WAV = base64.b64encode(b"RIFF\0\0\0\0WAVEfmt ").decode()
MP3 = base64.b64encode(b"ID3\x03\0\0").decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0\0\x10").decode()
MUTE = base64.b64encode(b"\0\1\2\3").decode()


def audio(data: str, kind: str = "wav") -> dict[str, object]:
    return {"type": "input_audio", "input_audio": {"data": data, "format": kind}}


def image(url: str, **more: object) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def file(data: str, **more: object) -> dict[str, object]:
    return {"type": "file", "file": {"file_data": data, **more}}


@pytest.mark.parametrize(
    ("block", "decoded"),
    [
        case("text", text("a"), Text("a")),
        case("raw text passes by templates", raw_text("a"), RawText("a")),
        case(
            "a template with its arguments",
            template("t", z=1, a=2),
            Template("t", b'{"z":1,"a":2}'),
        ),
        case(
            "old arguments name the template after the role",
            old_arguments(a=1),
            Template("user", b'{"a":1}'),
        ),
        case(
            "an object without a type is arguments of the template named after the role",
            {"text": "a", "b": 1},
            Template("user", b'{"text":"a","b":1}'),
        ),
        case(
            "an image elsewhere",
            image("https://x.test/a.png"),
            UrlFile("https://x.test/a.png"),
        ),
        case(
            "an image elsewhere with detail and type",
            image("https://x.test/a", detail="low", **{"tensorzero::mime_type": "image/png"}),
            UrlFile("https://x.test/a", "image/png", "low"),
        ),
        case(
            "an image sent along has the type of its URL",
            image("data:image/png;base64,QUJD", detail="high"),
            Base64File("QUJD", "image/png", "high"),
        ),
        case(
            "an image whose detail is null",
            image("data:image/png;base64,QUJD", detail=None),
            Base64File("QUJD", "image/png"),
        ),
        case(
            "a file with its name",
            file("data:application/pdf;base64,QUJD", filename="a.pdf"),
            Base64File("QUJD", "application/pdf", filename="a.pdf"),
        ),
        case(
            "a file whose type has a parameter",
            file("data:text/plain;charset=utf-8;base64,QUJD"),
            Base64File("QUJD", "text/plain"),
        ),
        case("sound has the type that its bytes say", audio(WAV), Base64File(WAV, "audio/x-wav")),
        case(
            "its bytes win over its format",
            audio(MP3, "wav"),
            Base64File(MP3, "audio/mpeg"),
        ),
    ],
)
def test_a_block_is_mapped(block: object, decoded: Block) -> None:
    assert decode(say("user", block)).messages == (Message("user", (decoded,)),)


def test_blocks_of_an_assistant_name_their_template_after_it() -> None:
    (message,) = decode(say("assistant", old_arguments(a=1))).messages
    assert message.content == (Template("assistant", b'{"a":1}'),)


def test_arguments_keep_their_spelling() -> None:
    body = (
        b'{"model":"tensorzero::model_name::m","messages":[{"role":"user","content":'
        b'[{"type":"tensorzero::template","name":"t","arguments":{"z": 1.0, "a":1e2}}]}]}'
    )
    (message,) = decode_envelope_request(body).input.messages
    assert message.content == (Template("t", b'{"z": 1.0, "a":1e2}'),)


TEXT_RULE = 'when using `"type": "text"`'
DATA_URL = (
    "Expected a base64-encoded data URL with MIME type "
    "(e.g. `data:image/png;base64,SGVsbG8sIFdvcmxkIQ==`), but got a value without the "
)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        case(
            "a text block without text and arguments",
            {"type": "text"},
            "Invalid content block: "
            f"Either `text` or `tensorzero::arguments` must be set {TEXT_RULE}",
        ),
        case(
            "a text block with both",
            {**text("a"), **old_arguments()},
            "Invalid TensorZero content block: "
            f"Only one of `text` or `tensorzero::arguments` can be set {TEXT_RULE}",
        ),
        case(
            "a text that is no string",
            {"type": "text", "text": 1},
            f"Invalid content block: `text` must be a string {TEXT_RULE}",
        ),
        case(
            "arguments that are no object",
            {"type": "text", "tensorzero::arguments": "a"},
            "Invalid TensorZero content block: "
            f"`tensorzero::arguments` must be an object {TEXT_RULE}",
        ),
        case(
            "a key of ours without a type",
            {"tensorzero::arguments": {}},
            "Invalid TensorZero content block: TensorZeroDerive: missing tag field `type`",
        ),
        case(
            "an unknown type",
            {"type": "video"},
            "Invalid content block: unknown variant `video`, expected one of `text`, `image_url`, "
            "`file`, `input_audio`, `tensorzero::raw_text`, `tensorzero::template`",
        ),
        case(
            "raw text without a value",
            {"type": "tensorzero::raw_text"},
            "Invalid content block: missing field `value`",
        ),
        case(
            "a template without a name",
            {"type": "tensorzero::template", "arguments": {}},
            "Invalid content block: missing field `name`",
        ),
        case(
            "a template without arguments",
            {"type": "tensorzero::template", "name": "t"},
            "Invalid content block: missing field `arguments`",
        ),
        case(
            "a template whose arguments are a list",
            {"type": "tensorzero::template", "name": "t", "arguments": []},
            "Invalid content block: arguments: invalid type: sequence, expected a map",
        ),
        case(
            "an unknown key beside a template",
            {**template("t"), "x": 1},
            "Invalid content block: x: unknown field `x`, expected `name` or `arguments`",
        ),
        case(
            "an unknown key beside an image",
            {**IMAGE, "x": 1},
            "Invalid content block: x: unknown field `x`, expected `image_url`",
        ),
        case(
            "an unknown key in an image",
            image("https://x.test", x=1),
            "Invalid content block: image_url.x: unknown field `x`, "
            "expected one of `url`, `tensorzero::mime_type`, `detail`",
        ),
        case(
            "an unknown detail",
            image("https://x.test", detail="x"),
            "Invalid content block: image_url.detail: unknown variant `x`, "
            "expected one of `low`, `high`, `auto`",
        ),
        case(
            "an image whose URL is none",
            image("a.png"),
            'Invalid content block: image_url.url: invalid value: string "a.png", '
            "expected relative URL without a base",
        ),
        case(
            "a file that was uploaded before",
            {"type": "file", "file": {"file_id": "file-1"}},
            "Invalid content block: file: missing field `file_data`",
        ),
        case("a file without `data:`", file("QUJD"), f"{DATA_URL}`data:` prefix."),
        case(
            "a file without `;base64,`",
            file("data:image/png,QUJD"),
            f"{DATA_URL}`;base64,` separator.",
        ),
        case(
            "a file of a bad type",
            file("data:png;base64,QUJD"),
            "Unknown MIME type `png` in data URL",
        ),
        case(
            "sound in bad base64",
            audio("AA!A"),
            "Invalid base64 data in input_audio: Invalid symbol 33, offset 2.",
        ),
        case(
            "sound in base64 of a wrong length",
            audio("AAA"),
            "Invalid base64 data in input_audio: Invalid padding",
        ),
        case(
            "sound that is an image",
            audio(JPEG),
            "Expected audio file for input_audio, but detected image/jpeg (type: image)",
        ),
        case(
            "sound of an unknown kind",
            audio(MUTE, "mp3"),
            "Could not detect audio format from file content. Format field was: mp3",
        ),
        case("a block that is a string", "a", 'Content block `"a"` is not an object'),
        case("a block that is a list", [1, 2], "Content block `[1,2]` is not an object"),
    ],
)
def test_a_block_is_refused(block: object, message: str) -> None:
    assert refusal(say("user", block)) == OURS + message


@pytest.mark.parametrize("content", [None, 1, {"a": 1}], ids=["null", "a number", "an object"])
def test_content_that_is_neither_a_string_nor_a_list_is_refused(content: object) -> None:
    assert refusal({"role": "user", "content": content}) == OURS + (
        "message content must either be a string or an array of length 1 containing structured "
        "TensorZero inputs"
    )


@pytest.mark.parametrize(
    "block",
    [
        case("old arguments", old_arguments()),
        case("an object without a type", {"a": 1}),
        case("sound that belies its format", audio(MP3, "wav")),
    ],
)
def test_a_deprecated_or_doubtful_block_is_warned_of(block: object) -> None:
    assert len(request([say("user", block)]).warnings) == 1


def test_a_string_of_a_user_is_one_text() -> None:
    assert decode(USER) == Input((Message("user", (Text("u"),)),))


# Assistant.


@pytest.mark.parametrize(
    "message",
    [
        case("without content", {"role": "assistant"}),
        case("with null", {"role": "assistant", "content": None, "tool_calls": None}),
    ],
)
def test_an_assistant_may_say_nothing(message: object) -> None:
    assert decode(message).messages == (Message("assistant", ()),)


def test_tool_calls_follow_the_content() -> None:
    message = {**say("assistant", text("a")), "tool_calls": [call("1", "f", '{"x": 1}')]}
    assert decode(message).messages == (
        Message("assistant", (Text("a"), ToolCall("1", "f", '{"x": 1}'))),
    )


def thought(said: str, **more: object) -> dict[str, object]:
    return {"type": "thought", "text": said, **more}


@pytest.mark.parametrize(
    ("extras", "order"),
    [
        case("without an index in front, in their order", [thought("x"), thought("y")], "xyab"),
        case("with an index at that place", [thought("x", insert_index=1)], "axb"),
        case(
            "by ascending index, whatever their order",
            [thought("y", insert_index=2), thought("x", insert_index=0)],
            "xayb",
        ),
        case("an index beyond the end is the end", [thought("x", insert_index=99)], "abx"),
        case(
            "indexed ones are placed before the others come in front",
            [thought("x"), thought("y", insert_index=1)],
            "xayb",
        ),
        case("a null index is none", [thought("x", insert_index=None)], "xab"),
    ],
)
def test_extra_content_is_inserted(extras: list[object], order: str) -> None:
    message = {**say("assistant", text("a"), text("b")), "tensorzero_extra_content": extras}
    (said,) = decode(message).messages
    assert "".join(str(getattr(block, "text", None)) for block in said.content) == order


@pytest.mark.parametrize(
    ("extra", "block"),
    [
        case(
            "a thought with all that it may have",
            {
                "type": "thought",
                "text": None,
                "signature": "s",
                "summary": [{"type": "summary_text", "text": "t"}],
                "provider_type": "p",
                "extra_data": {"a": 1},
            },
            Thought(None, "s", b'[{"type":"summary_text","text":"t"}]', "p", b'{"a":1}'),
        ),
        case(
            "an unknown block",
            {"type": "unknown", "data": {"a": 1}, "model_name": "m", "provider_name": None},
            Unknown(b'{"a":1}', "m"),
        ),
    ],
)
def test_extra_content_is_a_thought_or_an_unknown_block(extra: object, block: Block) -> None:
    (said,) = decode({"role": "assistant", "tensorzero_extra_content": [extra]}).messages
    assert said.content == (block,)


# Tools.


@pytest.mark.parametrize(
    ("content", "text"),
    [
        case("a string keeps its quotes", "70F", '"70F"'),
        case("quotes in it are escaped", 'a"\n', '"a\\"\\n"'),
        case("letters beyond ASCII stay", "é", '"é"'),
        case("null is null", None, "null"),
        case(
            "a list of parts is its JSON text",
            [{"type": "text", "text": "a"}],
            '[{"type":"text","text":"a"}]',
        ),
        case("an object is its JSON text", {"z": 1, "a": 2}, '{"z":1,"a":2}'),
    ],
)
def test_the_result_of_a_tool_is_json(content: object, text: str) -> None:
    messages = decode(called("1"), result("1", content)).messages
    assert messages[1] == Message("user", (ToolResult("1", "f", text),))


def test_a_result_without_content_is_null() -> None:
    messages = decode(called("1"), {"role": "tool", "tool_call_id": "1"}).messages
    assert messages[1].content == (ToolResult("1", "f", "null"),)


def test_results_that_follow_one_another_are_one_message_of_the_user() -> None:
    said = decode(called("1", "2", "3"), result("1"), result("2"), USER, result("3")).messages
    assert [message.role for message in said] == ["assistant", "user", "user", "user"]
    assert said[1].content == (ToolResult("1", "f", '"r"'), ToolResult("2", "f", '"r"'))
    assert said[3].content == (ToolResult("3", "f", '"r"'),)


def test_a_system_message_parts_two_results() -> None:
    said = decode(called("1", "2"), result("1"), say("system", text("s")), result("2")).messages
    assert [len(message.content) for message in said] == [2, 1, 1]


@pytest.mark.parametrize(
    "messages",
    [
        case("a call that nobody made", [result("1")]),
        case("a call that is made only later", [result("1"), called("1")]),
    ],
)
def test_the_result_of_an_unknown_call_is_refused(messages: list[object]) -> None:
    assert refusal(*messages) == OURS + "tool call id not found"


# Shapes.


@pytest.mark.parametrize(
    ("message", "said"),
    [
        case(
            "an unknown role",
            {"role": "zz", "content": "a"},
            "messages[0]: unknown variant `zz`, expected one of `developer`, `system`, `user`, "
            "`assistant`, `tool`",
        ),
        case(
            "no role",
            {"content": "a"},
            "messages[0]: TensorZeroDerive: missing tag field `role`",
        ),
        case("no content", {"role": "user"}, "messages[0]: missing field `content`"),
        case("a string", "a", 'messages[0]: invalid type: string "a", expected object'),
        case("a number", 1, "messages[0]: invalid type: number, expected object"),
        case("null", None, "messages[0]: invalid type: null, expected object"),
        case(
            "a result without its call",
            {"role": "tool", "content": "a"},
            "messages[0]: missing field `tool_call_id`",
        ),
        case(
            "a call without an id",
            {"role": "assistant", "tool_calls": [{"type": "function"}]},
            "messages[0]: tool_calls.[0]: missing field `id`",
        ),
        case(
            "a call whose arguments are an object",
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "f", "arguments": {}}}
                ],
            },
            "messages[0]: tool_calls.[0].function.arguments: invalid type: map, expected a string",
        ),
        case(
            "extra content of an unknown type",
            {"role": "assistant", "tensorzero_extra_content": [{"type": "x"}]},
            "messages[0]: tensorzero_extra_content.[0]: unknown variant `x`, "
            "expected `thought` or `unknown`",
        ),
        case(
            "extra content at a negative index",
            {"role": "assistant", "tensorzero_extra_content": [thought("x", insert_index=-1)]},
            "messages[0]: tensorzero_extra_content.[0]: "
            "invalid value: integer `-1`, expected usize",
        ),
        case(
            "an unknown block without data",
            {"role": "assistant", "tensorzero_extra_content": [{"type": "unknown"}]},
            "messages[0]: tensorzero_extra_content.[0]: missing field `data`",
        ),
    ],
)
def test_a_message_of_a_wrong_shape_is_refused(message: object, said: str) -> None:
    assert refusal(message) == said


def test_members_of_a_message_that_nobody_knows_are_ignored() -> None:
    assert decode({**USER, "name": "n"}) == decode(USER)
