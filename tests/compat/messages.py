"""Messages: roles, system texts, the order of blocks, results of tools."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.compat.case import Check, Result, Section, talk
from tests.compat.checks import logged, quiet, refuses, said, says, that

ECHO = "tensorzero::model_name::dummy::echo_request_messages"
HELLO = {"role": "user", "content": "Hello"}
CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Rome"}'},
}
CALLS = {"role": "assistant", "content": "One moment.", "tool_calls": [CALL, CALL | {"id": "c2"}]}
ROLES = "`developer`, `system`, `user`, `assistant`, `tool`"
LETTERS = "tensorzero::function_name::letters"
TEMPLATE = {"type": "tensorzero::template", "name": "system", "arguments": {"topic": "sea"}}
PNG = "data:image/png;base64,iVBORw0KGgo="

messages = Section("Messages")


def template(name: str, role: str = "", /, **arguments: Any) -> dict[str, Any]:
    """A message of one template, by default that of its role."""
    what = {"type": "tensorzero::template", "name": name, "arguments": arguments}
    return {"role": role or name, "content": [what]}


def block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def native_input(*wanted: Mapping[str, Any], system: str | None = None) -> Check:
    """The model got these messages, in native form."""

    def check(result: Result) -> None:
        found = json.loads(result.message["content"])
        assert found == {"system": system, "messages": list(wanted)}, found

    return check


def _roles() -> None:
    add = messages.add
    line = f"Roles: {ROLES}; another one, or none, is refused by the message's place"
    add(
        line,
        talk({"role": "zz", "content": "Hello"}),
        says(f"messages[0]: unknown variant `zz`, expected one of {ROLES}"),
        quiet,
        status=400,
    )
    add(
        line,
        talk({"content": "Hello"}),
        says("messages[0]: TensorZeroDerive: missing tag field `role`"),
        quiet,
        status=400,
    )
    answers = {"role": "tool", "tool_call_id": "c1", "content": "70F"}
    every = ({"role": "system", "content": "Brief."}, HELLO, CALLS, answers)
    add(
        line,
        talk(*every),
        that(
            "all arrive",
            lambda r: (
                [m["role"] for m in r.sent["messages"]] == ["system", "user", "assistant", "tool"]
            ),
        ),
    )
    line = "`developer` is another word for `system`"
    brief = {"role": "system", "content": "Brief."}
    add(line, talk({"role": "developer", "content": "Brief."}, HELLO), said(brief, HELLO))


def _system() -> None:
    add = messages.add
    line = "All system texts, raw ones too, are joined by line ends into one"
    raw = {"type": "tensorzero::raw_text", "value": "three"}
    several = {"role": "developer", "content": [block("two"), raw]}
    joined = {"role": "system", "content": "one\ntwo\nthree"}
    add(line, talk({"role": "system", "content": "one"}, several, HELLO), said(joined, HELLO))
    line = "System messages that are not first are moved to the front, with a warning"
    late = {"role": "system", "content": "late"}
    add(line, talk(HELLO, late), said(late, HELLO), logged("system message"))
    line = "A template block sets the arguments of the system template"
    wanted = said(
        {"role": "system", "content": "Be kind."}, {"role": "user", "content": "Of seas."}
    )
    topic = template("user", topic="seas")
    add(line, talk(template("system", mood="kind"), topic, model=LETTERS), wanted)
    line = "So do arguments in the older form; the template's name is not looked at"
    older = {"type": "text", "tensorzero::arguments": {"mood": "kind"}}
    add(line, talk({"role": "system", "content": [older]}, topic, model=LETTERS), wanted)
    add(line, talk(template("zz", "system", mood="kind"), topic, model=LETTERS), wanted)
    line = "In a system message, templates do not mix with text, and nothing else may stand there"
    image = {"type": "image_url", "image_url": {"url": PNG}}
    for blocks, message in (
        ([block("a"), TEMPLATE], "System message cannot contain template with other content"),
        ([TEMPLATE, block("a")], "Cannot add text after template system message"),
        ([image], "System message must contain only text or template content blocks"),
    ):
        add(
            line,
            talk({"role": "system", "content": blocks}, HELLO),
            refuses(message),
            quiet,
            status=400,
        )


def _contents() -> None:
    add = messages.add
    line = "`content` of user and assistant: a string, or a list of blocks"
    turn = {"role": "assistant", "content": "Hi"}
    add(
        line,
        {"model": ECHO, "messages": [HELLO, turn, {"role": "user", "content": [block("Go")]}]},
        native_input(
            {"role": "user", "content": [block("Hello")]},
            {"role": "assistant", "content": [block("Hi")]},
            {"role": "user", "content": [block("Go")]},
        ),
    )
    for wrong in (5, {"a": 1}):
        add(
            line,
            talk({"role": "user", "content": wrong}),
            refuses(
                "message content must either be a string or an array of length 1 containing "
                "structured TensorZero inputs"
            ),
            quiet,
            status=400,
        )
    line = "`content` of an assistant may be null or absent"
    bare = {"role": "assistant", "tool_calls": [CALL]}
    native = {
        "type": "tool_call",
        "id": "c1",
        "name": "weather",
        "arguments": '{"city":"Rome"}',
    }
    called = {"role": "assistant", "content": [native]}
    heard = {"role": "user", "content": [block("Hello")]}
    for silent in (bare, bare | {"content": None}):
        add(line, {"model": ECHO, "messages": [HELLO, silent]}, native_input(heard, called))
    _order()


def _order() -> None:
    line = (
        "`tensorzero_extra_content` of an assistant is put among its blocks: by ascending "
        "`insert_index` behind content and tool calls, then those without one in front"
    )

    def thought(text: str, **more: int) -> dict[str, Any]:
        return {"type": "thought", "text": text} | more

    extras = [
        thought("last", insert_index=99),
        thought("first"),
        thought("third", insert_index=1),
        thought("second"),
    ]
    turn = {"role": "assistant", "content": "Hi", "tool_calls": [CALL]}

    def in_order(result: Result) -> bool:
        blocks = json.loads(result.message["content"])["messages"][1]["content"]
        return [each.get("text", each["type"]) for each in blocks] == [
            *("first", "second", "Hi", "third", "tool_call", "last")
        ]

    messages.add(
        line,
        {"model": ECHO, "messages": [HELLO, turn | {"tensorzero_extra_content": extras}]},
        that("they are in order", in_order),
    )


def _results() -> None:
    add = messages.add
    line = "A tool message answers a call of an assistant before it"
    stray = {"role": "tool", "tool_call_id": "zz", "content": "70F"}
    add(line, talk(HELLO, stray), refuses("tool call id not found"), quiet, status=400)
    add(line, talk(HELLO, CALLS, stray), refuses("tool call id not found"), quiet, status=400)
    line = "Tool messages that follow one another are one native message of the user"

    def result(number: int, text: Any) -> dict[str, Any]:
        return {"role": "tool", "tool_call_id": f"c{number}", "content": text}

    def native(number: int, text: str) -> dict[str, Any]:
        names = {"type": "tool_result", "id": f"c{number}", "name": "weather"}
        return names | {"result": text}

    def last(*blocks: Mapping[str, Any]) -> Check:
        def check(result: Result) -> None:
            found = json.loads(result.message["content"])["messages"]
            assert found[2:] == [{"role": "user", "content": list(blocks)}], found

        return check

    add(
        line,
        {"model": ECHO, "messages": [HELLO, CALLS, result(1, "70F"), result(2, "80F")]},
        last(native(1, '"70F"'), native(2, '"80F"')),
    )
    line = "A tool's result is the JSON of its content: a string keeps its quotes"
    add(
        line,
        talk(HELLO, CALLS, result(1, "70F")),
        that("it is quoted", lambda r: r.sent["messages"][-1]["content"] == '"70F"'),
    )
    line = "A tool's result that is null or absent is `null`; a list of parts is its JSON"
    for given, text in (
        (result(1, None), "null"),
        ({"role": "tool", "tool_call_id": "c1"}, "null"),
        (result(1, [block("70F")]), '[{"type":"text","text":"70F"}]'),
    ):
        add(line, {"model": ECHO, "messages": [HELLO, CALLS, given]}, last(native(1, text)))


_roles()
_system()
_contents()
_results()
