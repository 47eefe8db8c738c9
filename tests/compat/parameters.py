"""What OpenAI's parameters become."""

from __future__ import annotations

from typing import Any

from tests.compat.case import Section, chat, user
from tests.compat.checks import mentions, quiet, said, sent, that, unsent
from tests.compat.fields import SENT, TOOLS, WEATHER
from tests.compat.setup import spoken

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}

parameters = Section("Parameters")


def function(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def _formats() -> None:
    add = parameters.add
    line = "`response_format` `json_schema`: strict JSON with this schema"
    formed = {"type": "json_schema", "json_schema": {"name": "thing", "schema": SCHEMA}}
    add(
        line,
        chat(SENT, response_format=formed),
        sent(response_format={"type": "json_schema", "json_schema": {"schema": SCHEMA}}),
    )
    bare = {"type": "json_schema", "json_schema": {"name": "thing"}}
    add(
        line + ", which may be absent",
        chat(SENT, response_format=bare),
        that("JSON is asked for", lambda r: "json" in r.sent["response_format"]["type"]),
    )
    line = "`response_format` `json_object`: JSON, which the messages mention"
    asked = chat(SENT, response_format={"type": "json_object"})
    mode = sent(response_format={"type": "json_object"})
    hello = {"role": "user", "content": "Hello"}
    add(line, asked, mode, said({"role": "system", "content": "Respond using JSON."}, hello))
    wanted = user("Give me JSON", SENT, response_format={"type": "json_object"})
    add(line, wanted, mode, said({"role": "user", "content": "Give me JSON"}))
    line = "`response_format` `text`: no JSON"
    add(line, chat(SENT, response_format={"type": "text"}), unsent("response_format"))
    by_tool = {"chat_completion": {"json_mode": "tool"}}
    add(
        "JSON by way of a tool: only with `tensorzero::params`",
        chat("tensorzero::function_name::titled", __params=by_tool),
        that("a tool is asked for", lambda r: "respond" in str(r.sent["tool_choice"])),
    )
    line = "The JSON mode of `tensorzero::params` goes before `response_format`"
    off = {"chat_completion": {"json_mode": "off"}}
    add(line, chat(SENT, response_format=formed, __params=off), unsent("response_format"))
    on = {"chat_completion": {"json_mode": "on"}}
    add(line, chat(SENT, response_format=formed, __params=on), mode)
    line = "The schema of the request goes before that of a JSON function"
    said_a = spoken(content='{"a":"b"}')
    titled = "tensorzero::function_name::titled"
    strict = {"chat_completion": {"json_mode": "strict"}}
    add(
        line,
        chat(titled, response_format=formed, __params=strict),
        sent(response_format={"type": "json_schema", "json_schema": {"schema": SCHEMA}}),
        provider=said_a,
    )


def _tools() -> None:
    add = parameters.add
    add("`stop`: the stop sequences", chat(SENT, stop=["a"]), sent(stop=["a"]))
    line = "`tools`: further tools; a description that is missing is empty"
    add(line, chat(SENT, tools=[WEATHER]), sent(tools=[WEATHER]))
    undescribed = {"type": "function", "function": {"name": "x", "parameters": SCHEMA}}
    add(
        line,
        chat(SENT, tools=[undescribed]),
        sent(tools=[undescribed]),
        that("it is empty", lambda r: not r.sent["tools"][0]["function"].get("description")),
    )
    line = "A name twice in `tools`, and a `tool_choice` without its tool, are refused"
    add(
        line,
        chat(SENT, tools=[WEATHER, WEATHER]),
        mentions("Duplicate tool name: weather"),
        quiet,
        status=400,
    )
    stray = function("nosuch")
    add(
        line,
        chat(SENT, tools=TOOLS, tool_choice=stray),
        mentions("Tool not found: nosuch"),
        quiet,
        status=400,
    )
    line = "`tool_choice` `none`, `auto`, `required`: the same"
    for choice in ("none", "auto", "required"):
        add(line, chat(SENT, tools=TOOLS, tool_choice=choice), sent(tool_choice=choice))
    line = "`tool_choice` of a named function: that tool"
    named = function("weather")
    add(line, chat(SENT, tools=TOOLS, tool_choice=named), sent(tool_choice=named))
    line = "`tool_choice` `allowed_tools`: only these tools, in this mode"
    for mode in ("auto", "required"):
        allowed = {
            "type": "allowed_tools",
            "allowed_tools": {"mode": mode, "tools": [named]},
        }
        add(line, chat(SENT, tools=TOOLS, tool_choice=allowed), sent(tool_choice=allowed))
    add(
        "The other parameters: of the same name and meaning in the native API",
        chat(
            SENT,
            temperature=0.5,
            top_p=0.25,
            presence_penalty=0.5,
            frequency_penalty=-0.5,
            max_tokens=9,
            seed=4,
            reasoning_effort="low",
            service_tier="flex",
            verbosity="low",
        ),
        sent(
            temperature=0.5,
            top_p=0.25,
            presence_penalty=0.5,
            frequency_penalty=-0.5,
            max_completion_tokens=9,
            seed=4,
            reasoning_effort="low",
            service_tier="flex",
            verbosity="low",
        ),
    )


_formats()
_tools()
