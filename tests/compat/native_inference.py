"""`POST /inference`: its fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from proxy.types.ids import new_id
from tests.compat.case import INFERENCE, Case, Check, Result, Section
from tests.compat.checks import (
    fits,
    has,
    mentions,
    native,
    quiet,
    recorded,
    said,
    sent,
    sent_header,
    that,
    unsent,
)
from tests.compat.setup import ANSWER, spoken
from tests.fake_upstream import completion

HELLO = {"messages": [{"role": "user", "content": "Hello"}]}
EPISODE = str(new_id())
SOURCE = {"provider_type": "openai", "api_type": "chat_completions"}
TOOL = {
    "name": "weather2",
    "description": "Tells the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
SENT_TOOL = {"type": "function", "function": {"name": "weather2"}}

inference = Section("Fields of `POST /inference`")
native_errors = Section("Errors of `POST /inference`")


def ask(model_name: str | None = "sent", **fields: Any) -> dict[str, Any]:
    """An inference of Hello, of a model unless a function is named."""
    target = {} if "function_name" in fields or model_name is None else {"model_name": model_name}
    return {"input": HELLO, **target, **fields}


def add(line: str, body: Mapping[str, Any] | bytes, *checks: Check, **more: Any) -> None:
    inference.add(line, body, *checks, path=INFERENCE, **more)


def lack(line: str, why: str, body: Mapping[str, Any], *words: str) -> None:
    inference.lack(line, why, body, *words, path=INFERENCE)


def text(wanted: str) -> Check:
    """The answer is this text."""
    return has(content=[{"type": "text", "text": wanted}])


def row(table: str = "chat_inferences", **wanted: Any) -> Check:
    """The inference's row has these values."""

    def check(result: Result) -> None:
        found = result.find(table, result.json["inference_id"])
        assert found is not None, "nothing was stored"
        assert fits(found, wanted), (found, wanted)

    return check


def _chunks(result: Result) -> list[Any]:
    return result.events


def _targets() -> None:
    line = "`function_name` or `model_name`: exactly one"
    add(line, ask(), text("hello"), has(variant_name="sent"))
    add(line, ask(function_name="sending"), text("hello"), has(variant_name="v"))
    why = "Invalid inference target: "
    both = native(why + "Only one of `function_name` or `model_name` can be provided")
    add(line, ask() | {"function_name": "sending"}, both, quiet, status=400)
    none = native(why + "Either `function_name` or `model_name` must be provided")
    add(line, ask(None), none, quiet, status=400)
    line = "`model_name`: also a model without configuration, as `provider::name`"
    add(line, ask("dummy::good"), has(variant_name="dummy::good"))
    line = "`episode_id`: joins an episode; without it a new one begins"
    add(line, ask(episode_id=EPISODE), has(episode_id=EPISODE))
    new = that("both are UUIDv7", lambda r: {r.json[f"{k}_id"][14] for k in KINDS} == {"7"})
    add(line, ask(), new)
    line = "`namespace`: chooses the experiment, and what models may be used; becomes a tag"
    for more, name in (({}, "a"), ({"namespace": "lab"}, "b")):
        add(
            line,
            ask(function_name="divided", **more),
            has(variant_name=name),
            row(tags={f"tensorzero::{key}": value for key, value in more.items()}),
        )
    add(line, ask("private", namespace="lab"), text("hello"))
    add(line, ask("private"), mentions("private", "`lab`"), quiet, status=400)
    line = "`variant_name`: pins a variant of a function"
    pinned = row(variant_name="b", tags={"tensorzero::variant_pinned": "b"})
    add(line, ask(function_name="pair", variant_name="b"), has(variant_name="b"), pinned)


KINDS = ("inference", "episode")


def _inputs() -> None:
    line = "`input`: a system text and messages of user and assistant"
    turns = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "user", "content": "Go"},
    ]
    asked = ask(input={"system": "Brief.", "messages": turns})
    told = said(
        {"role": "system", "content": "Brief."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "Go"},
    )
    add(line, asked, told)
    missing = {key: value for key, value in ask().items() if key != "input"}
    add(line, missing, native("missing field `input`"), quiet, status=400)
    letters = {"function_name": "letters"}
    kind = {"role": "system", "content": "Be kind."}
    line = "`input`: arguments of templates, validated against their schemas"
    seas = {"system": {"mood": "kind"}, "messages": [_user(_template("user", topic="seas"))]}
    add(line, ask(**letters, input=seas), said(kind, {"role": "user", "content": "Of seas."}))
    named = seas | {"messages": [_user(_template("greeting", name="Ann"))]}
    add(line, ask(**letters, input=named), said(kind, {"role": "user", "content": "Hi Ann!"}))
    wrong = seas | {"messages": [_user(_template("user", topic=1))]}
    place = mentions('1 is not of type "string"')
    add(line, ask(**letters, input=wrong), place, quiet, status=400)
    line = "`input`: arguments in the older forms, `{arguments}` and a bare object"
    for content in ([{"type": "text", "arguments": {"topic": "seas"}}], {"topic": "seas"}):
        older = seas | {"messages": [{"role": "user", "content": content}]}
        add(line, ask(**letters, input=older), said(kind, {"role": "user", "content": "Of seas."}))
    _blocks()


def _user(*blocks: Mapping[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def _template(name: str, /, **arguments: Any) -> dict[str, Any]:
    return {"type": "template", "name": name, "arguments": arguments}


def _blocks() -> None:
    line = "Blocks `tool_call` and `tool_result`"
    call = {"type": "tool_call", "id": "c1", "name": "weather", "arguments": '{"city": "Rome"}'}
    result = {"type": "tool_result", "id": "c1", "name": "weather", "result": "70F"}
    asked = {"messages": [{"role": "assistant", "content": [call]}, _user(result)]}
    add(
        line,
        ask(input=asked),
        that("both arrive", lambda r: [m["role"] for m in r.sent["messages"]] == ROLES),
    )
    seen = call | {"raw_name": "weather", "raw_arguments": '{"city": "Rome"}'}
    again = {"messages": [{"role": "assistant", "content": [seen]}, _user(result)]}
    add(line + ", also in the form of an answer", ask(input=again), sent(messages=SENT_CALL))
    line = "Block `raw_text`: text that passes by templates"
    raw = {"messages": [_user({"type": "raw_text", "value": "Hi {{ x }}"})]}
    add(line, ask(input=raw), said({"role": "user", "content": "Hi {{ x }}"}))
    line = "Block `file`, by its content or its URL; also spelled `image`"
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    file = {"data": "iVBORw0KGgo=", "mime_type": "image/png"}
    for form in ({"type": "file", "file_type": "base64"}, {"type": "image"}):
        blocks = {"messages": [_user({"type": "text", "text": "See"}, form | file)]}
        add(line, ask(input=blocks), said({"role": "user", "content": [SEE, part]}))
    line = "Block `thought`: dropped for providers that it is not from"
    thought = {"type": "thought", "text": "hmm", "provider_type": "anthropic"}
    spoken_one = {"role": "assistant", "content": [thought, {"type": "text", "text": "Hi"}]}
    asked = {"messages": [*HELLO["messages"], spoken_one]}
    kept = {"role": "assistant", "content": "Hi"}
    add(line, ask(input=asked), said({"role": "user", "content": "Hello"}, kept))
    line = "Block `unknown`: as it is, to the model that it names"
    odd = {"type": "unknown", "data": {"type": "text", "text": "odd"}, "model_name": "keyed"}
    asked = {"messages": [_user({"type": "text", "text": "Hello"}, odd)]}
    add(line, ask(input=asked), that("it is dropped", lambda r: "odd" not in json.dumps(r.sent)))


ROLES = ["assistant", "tool"]
SEE = {"type": "text", "text": "See"}
SENT_CALL = [
    {
        "role": "assistant",
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "weather", "arguments": '{"city": "Rome"}'},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "70F"},
]


def _streams() -> None:
    line = "`stream`: events of content, then one with usage and finish reason, then `[DONE]`"
    add(
        line,
        ask(stream=True),
        that("the text", lambda r: _streamed(r) == "Hello!"),
        that("the end", lambda r: r.data[-1] == "[DONE]" and _chunks(r)[-1]["content"] == []),
        that("the usage", lambda r: _chunks(r)[-1]["usage"]["output_tokens"] is not None),
        that("the reason", lambda r: _chunks(r)[-1]["finish_reason"] == "stop"),
    )
    add(
        line,
        ask(function_name="dummy_json", stream=True),
        that("`raw` in place of `content`", lambda r: all("raw" in c for c in _chunks(r))),
        that("the output", lambda r: "".join(c["raw"] for c in _chunks(r)) == JOHN),
    )
    line = "`include_aggregated_response`: the whole answer in the last chunk; of streams only"
    whole = [{"type": "text", "text": "Hello!"}]
    add(
        line,
        ask(stream=True, include_aggregated_response=True),
        that("it is there", lambda r: fits(_chunks(r)[-1]["aggregated_response"], whole)),
    )
    message = "`include_aggregated_response` is only supported in streaming mode"
    add(line, ask(include_aggregated_response=True), native(message), quiet, status=400)


JOHN = '{"name":"John","age":30}'


def _streamed(result: Result) -> str:
    blocks = [block for chunk in _chunks(result) for block in chunk["content"]]
    return "".join(block["text"] for block in blocks)


def _params() -> None:
    line = "`params.chat_completion`: sampling, for what the variant says otherwise"
    given = {
        "temperature": 0.5,
        "top_p": 0.25,
        "presence_penalty": 0.5,
        "frequency_penalty": -0.5,
        "seed": 4,
        "reasoning_effort": "low",
        "service_tier": "flex",
        "verbosity": "low",
    }
    more = {"max_tokens": 9, "stop_sequences": ["a"]}
    add(
        line,
        ask(params={"chat_completion": given | more}),
        sent(max_completion_tokens=9, stop=["a"], **given),
    )
    unknown = ask(params={"chat_completion": {"zz": 1}})
    add(line, unknown, mentions("unknown field `zz`"), quiet, status=400)
    line = "`params.chat_completion.thinking_budget_tokens`: for providers that have such a budget"
    add(line, ask(params={"chat_completion": {"thinking_budget_tokens": 9}}), text("hello"))
    line = "`params.chat_completion.json_mode`: `off`, `on`, `strict`, `tool`"
    titled = spoken(content='{"title":"A"}')
    for mode, form in (("off", None), ("on", "json_object"), ("strict", "json_schema")):
        asked = ask(function_name="titled", params={"chat_completion": {"json_mode": mode}})
        add(
            line,
            asked,
            that(
                "in the provider's words",
                lambda r, form=form: r.sent.get("response_format", {}).get("type") == form,
            ),
            has(output={"raw": '{"title":"A"}', "parsed": {"title": "A"}}),
            provider=titled,
        )
    call = _call("respond", '{"title":"A"}')
    add(
        line,
        ask(function_name="titled", params={"chat_completion": {"json_mode": "tool"}}),
        sent(tool_choice={"type": "function", "function": {"name": "respond"}}),
        has(output={"parsed": {"title": "A"}}),
        provider=spoken(tool_calls=[call]),
    )
    line = "`output_schema`: in place of the function's"
    asked = ask(function_name="titled", output_schema=ANSWER)
    provider = spoken(content='{"answer":"B"}')
    add(line, asked, has(output={"parsed": {"answer": "B"}}), provider=provider)
    add(
        line,
        asked,
        that("what does not fit is no value", lambda r: r.json["output"]["parsed"] is None),
        provider=spoken(content='{"title":"B"}'),
    )


def _records() -> None:
    line = "`dryrun`: nothing is stored"
    add(line, ask(function_name="sending", dryrun=True), text("hello"), recorded(0))
    add(line, ask(function_name="sending"), recorded(1), row(function_name="sending"))
    line = "`tags`: stored with the inference"
    add(line, ask(function_name="sending", tags={"user": "u1"}), row(tags={"user": "u1"}))
    own = ask(function_name="sending", tags={"tensorzero::x": "1"})
    add(line, own, mentions("cannot start with 'tensorzero::'"), quiet, status=400)
    line = "`internal`: allows tags that begin with `tensorzero::`, and sets one"
    tags = {"tensorzero::x": "1", "tensorzero::internal": "true"}
    add(line, own | {"internal": True}, row(tags=tags))


def _tools() -> None:
    tooled = {"function_name": "tooled"}
    line = "`allowed_tools`: of the function's tools only these"
    add(
        line,
        ask(**tooled, allowed_tools=["weather"]),
        that("only these may be called", lambda r: _callable(r) == ["weather"]),
    )
    add(line, ask(**tooled), that("all", lambda r: _callable(r) == ["weather", "clock"]))
    stray = mentions("Tool not found: nosuch")
    add(line, ask(**tooled, allowed_tools=["nosuch"]), stray, quiet, status=400)
    line = "`additional_tools`: tools that come with the request; with `strict`, and custom ones"
    for kind in ({}, {"type": "function"}, {"type": "client_side_function"}):
        given = ask(additional_tools=[TOOL | kind | {"strict": True}])
        strict = {"name": "weather2", "strict": True}
        add(line, given, sent(tools=[SENT_TOOL | {"function": strict}]))
    custom = {"type": "openai_custom", "name": "code", "description": "Runs it."}
    added = that("it arrives", lambda r: r.sent["tools"][0]["type"] == "custom")
    add(line, ask(additional_tools=[custom]), added)
    line = "`tool_choice`: `none`, `auto`, `required`, or `{specific: …}`"
    for choice in ("none", "auto", "required"):
        add(line, ask(**tooled, tool_choice=choice), sent(tool_choice=choice))
    named = {"type": "function", "function": {"name": "clock"}}
    add(line, ask(**tooled, tool_choice={"specific": "clock"}), sent(tool_choice=named))
    line = "`parallel_tool_calls`: passed on"
    add(line, ask(**tooled, parallel_tool_calls=True), sent(parallel_tool_calls=True))
    search = {"type": "web_search"}
    scoped = [{"tool": search}, {"tool": {"type": "x"}, "scope": {"model_name": "keyed"}}]
    add(
        "`provider_tools`: tools of the provider's own",
        ask(provider_tools=scoped),
        sent(tools=[search]),
        differs="those for the model are sent to every provider of chat completions, too",
    )
    line = "Answers: calls of known tools have `name` and `arguments`, others null"
    call = _call("weather", '{"city":"R"}')
    known = {"name": "weather", "arguments": {"city": "R"}, "raw_arguments": '{"city":"R"}'}
    add(line, ask(**tooled), has(content=[known]), provider=spoken(tool_calls=[call]))
    lost = has(content=[{"name": None, "raw_name": "zz"}])
    add(line, ask(**tooled), lost, provider=spoken(tool_calls=[_call("zz", "{}")]))


def _call(name: str, arguments: str) -> dict[str, Any]:
    return {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}


def _callable(result: Result) -> list[str]:
    """The tools that the model may call, whichever way the provider is told."""
    choice = result.sent.get("tool_choice")
    tools = result.sent["tools"]
    if isinstance(choice, dict) and choice["type"] == "allowed_tools":
        tools = choice["allowed_tools"]["tools"]
    return [tool["function"]["name"] for tool in tools]


def _options() -> None:
    line = "`cache_options`: off"
    add(line, ask(cache_options={"enabled": "off"}), text("hello"))
    line = "`cache_options`: on, read only, write only, with a largest age"
    for mode in ("on", "read_only", "write_only"):
        asked = ask(cache_options={"enabled": mode, "max_age_s": 60})
        lack(line, "a cache", asked, "cache_options")
    line = "`credentials`: values for keys that the configuration leaves to the caller"
    key = sent_header("authorization", "Bearer k-123")
    add(line, ask("keyed", credentials={"MY_KEY": "k-123"}), key, unsent())
    add(line, ask("keyed"), mentions("MY_KEY"), quiet, status=502)
    body = that("it is the provider's body", lambda r: json.loads(_raw(r)) == completion())
    add("`include_raw_response`: the bodies of all answers", ask(include_raw_response=True), body)
    add(
        "`include_original_response` (deprecated): the body of the last answer, as a string",
        ask(include_original_response=True),
        that("it is", lambda r: json.loads(r.json["original_response"]) == completion()),
    )
    add(
        "`include_raw_usage`: the providers' own counts",
        ask(include_raw_usage=True),
        has(raw_usage=[SOURCE | {"data": completion()["usage"]}]),
    )
    line = "`extra_body`, `extra_headers`: changes of the provider's request"
    entry = {"pointer": "/metadata/team", "value": "blue"}
    add(line, ask(extra_body=[entry]), sent(metadata={"team": "blue"}))
    add(line, ask(extra_body=[entry | {"model_name": "keyed"}]), unsent("metadata"))
    add(line, ask(extra_body=[entry | {"variant_name": "sent"}]), sent(metadata={"team": "blue"}))
    header = {"name": "X-Team", "value": "blue"}
    add(line, ask(extra_headers=[header]), sent_header("x-team", "blue"))
    line = "`internal_dynamic_variant_config`: a variant that comes with the request; dry runs only"
    variant = {"type": "chat_completion", "model": "dummy::alternate"}
    asked = ask(function_name="sending", internal_dynamic_variant_config=variant)
    rains = that("it answers", lambda r: "rain" in r.json["content"][0]["text"])
    add(line, asked | {"dryrun": True}, rains, quiet)
    add(line, asked, mentions("`dryrun` must also be set to true"), quiet, status=400)
    line = "Any other field is refused"
    add(line, ask(zz=1), mentions("unknown field `zz`"), quiet, status=400)


def _raw(result: Result) -> str:
    (entry,) = result.json["raw_response"]
    assert fits(entry, SOURCE), entry
    return str(entry["data"])


def _answers() -> None:
    line = "Answers: `usage` with the cost, where the configuration has prices"
    usage = {"input_tokens": 3, "output_tokens": 2, "cost": 0.000039}
    add(line, ask("priced"), has(usage=usage))
    add(line, ask(), has(usage=usage | {"cost": None}))
    line = "Answers: the variant is a strategy's own; usages of all its calls are added up"
    add(line, ask(function_name="best"), has(variant_name="best", usage={"input_tokens": 30}))


def _errors() -> None:
    def fails(line: str, body: Mapping[str, Any], status: int, *checks: Check) -> None:
        case = Case(native_errors.title, line, body, (*checks, quiet), status, INFERENCE)
        native_errors.cases.append(case)

    line = 'The form is `{"error": "…"}`; beside it `param`, which is ours, names the faulty field'
    fails(line, ask(episode_id="x"), 400, mentions("UUID parsing failed"), has(param="episode_id"))
    unknown = native("Unknown function: nosuch")
    fails("An unknown function: 404", ask(function_name="nosuch"), 404, unknown)
    lost = mentions("Model name 'nosuch' not found in model table")
    fails("An unknown model: 400", ask("nosuch"), 400, lost)
    stray = native("Unknown variant: nosuch")
    pinned = ask(function_name="sending", variant_name="nosuch")
    fails("An unknown variant: 404", pinned, 404, stray)
    nobody = native("Function `empty` has no variants")
    fails("A function without variants: 500", ask(function_name="empty"), 500, nobody)
    line = "What is configured and not built: 501 with its name"
    later = mentions("experimentation type `adaptive` is not built yet")
    fails(line, ask(function_name="adaptive"), 501, later)


_targets()
_inputs()
_streams()
_params()
_records()
_tools()
_options()
_answers()
_errors()
