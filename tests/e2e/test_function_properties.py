"""For any input: what fits goes through templates and into Postgres as it came in; what does not
is refused, with the place of the fault."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import minijinja
import pytest
from hypothesis import HealthCheck, given, settings

from tests.e2e.conftest import FUNCTIONS
from tests.harness import Proxy, eventually
from tests.spelled_json import Fault, failing, meeting

EXAMPLES = 1500 if os.environ.get("PROVE") == "1" else 120
FILES = FUNCTIONS.parent
SCHEMA = json.loads((FILES / "anything.json").read_text())
TEMPLATE = (FILES / "anything.minijinja").read_text().removesuffix("\n")
FITTING = '{"text":"","number":1}'

many = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

Exact = Any
"""A JSON value in which objects are lists of pairs and numbers are their spelling."""


@dataclass(frozen=True)
class Sent:
    """What was sent, as it was spelled, and under which id it is kept."""

    system: str
    user: str
    inference_id: str


def exact(text: str) -> Exact:
    return json.loads(
        text,
        parse_int=lambda digits: ("number", digits),
        parse_float=lambda digits: ("number", digits),
        object_pairs_hook=lambda pairs: ("object", pairs),
    )


def member(value: Exact, name: str) -> Exact:
    (found,) = [each for key, each in value[1] if key == name]
    return found


def rendered(arguments: str) -> str:
    """What the engine makes of plain values, which it is given with sorted keys."""
    values = json.loads(
        arguments,
        parse_int=lambda digits: -0.0 if digits == "-0" else int(digits),
        object_pairs_hook=lambda pairs: dict(sorted(dict(pairs).items())),
    )
    engine = minijinja.Environment(
        undefined_behavior="strict", pycompat=False, auto_escape_callback=lambda name: False
    )
    return str(engine.render_str(TEMPLATE, **values))


def native(system: str, user: str) -> bytes:
    block = f'{{"type":"template","name":"user","arguments":{user}}}'
    messages = f'[{{"role":"user","content":[{block}]}}]'
    said = f'{{"system":{system},"messages":{messages}}}'
    return f'{{"function_name":"anything","input":{said}}}'.encode()


def envelope(system: str, user: str) -> bytes:
    messages = ",".join(
        f'{{"role":"{role}","content":[{{"type":"tensorzero::template","name":"{role}",'
        f'"arguments":{arguments}}}]}}'
        for role, arguments in (("system", system), ("user", user))
    )
    return f'{{"model":"tensorzero::function_name::anything","messages":[{messages}]}}'.encode()


def send(proxy: Proxy, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
    status, _, answered = proxy.post(path, body)
    return status, json.loads(answered)


def test_what_fits_its_schema_is_rendered_and_kept_as_it_was_spelled(
    functions_proxy: Proxy, functions_database: str
) -> None:
    sent: list[Sent] = []

    @many
    @given(meeting(SCHEMA), meeting(SCHEMA))
    def ask(system: str, user: str) -> None:
        status, answer = send(functions_proxy, "/inference", native(system, user))
        assert status == 200, answer
        shown = json.loads(answer["content"][0]["text"])
        assert shown["system"] == rendered(system)
        assert shown["messages"] == [
            {"role": "user", "content": [{"type": "text", "text": rendered(user)}]}
        ]
        sent.append(Sent(system, user, answer["inference_id"]))

    ask()
    asyncio.run(_check_kept(functions_database, sent))


async def _check_kept(dsn: str, sent: list[Sent]) -> None:
    db = await asyncpg.connect(dsn)
    try:
        for each in sent:
            kept = exact(await eventually(partial(_kept_input, db, each)))
            (message,) = member(kept, "messages")
            (block,) = member(message, "content")
            assert member(kept, "system") == exact(each.system), each
            assert member(block, "arguments") == exact(each.user), each
    finally:
        await db.close()


async def _kept_input(db: asyncpg.Connection, sent: Sent) -> str | None:
    query = "SELECT input::text FROM tensorzero.chat_inference_data WHERE id = $1"
    found = await db.fetchval(query, UUID(sent.inference_id))
    return None if found is None else str(found)


def test_what_does_not_fit_is_refused_with_its_place_and_fault(functions_proxy: Proxy) -> None:
    @many
    @given(failing(SCHEMA))
    def ask(fault: Fault) -> None:
        for system, user, place in (
            (fault.text, FITTING, "input.system"),
            (FITTING, fault.text, "input.messages[0].content[0].arguments"),
        ):
            status, answer = send(functions_proxy, "/inference", native(system, user))
            assert status == 400, answer
            _, words, *_ = answer["error"].split("\n")
            assert fault.words in words
            assert answer["param"] == place + fault.path

    ask()


def test_the_envelope_renders_and_refuses_alike(functions_proxy: Proxy) -> None:
    path = "/openai/v1/chat/completions"

    @many
    @given(meeting(SCHEMA), failing(SCHEMA))
    def ask(arguments: str, fault: Fault) -> None:
        status, answer = send(functions_proxy, path, envelope(arguments, arguments))
        assert status == 200, answer
        shown = json.loads(answer["choices"][0]["message"]["content"])
        assert shown["system"] == shown["messages"][0]["content"][0]["text"]
        assert shown["system"] == rendered(arguments)
        status, answer = send(functions_proxy, path, envelope(arguments, fault.text))
        assert status == 400 and fault.words in answer["error"]["message"]
        assert answer["error"]["param"] == "input.messages[0].content[0].arguments" + fault.path

    ask()


HALF = '"\\ud800"'
DEEP = "[" * 500 + "]" * 500
ODD = [
    f'"tools":[{{"type":"function","function":{{"name":{HALF},"parameters":{{}}}}}}]',
    f'"tools":[{{"type":"function","function":{{"name":"a","parameters":{{"a":{HALF}}}}}}}]',
    f'"tool_choice":{{"type":"function","function":{{"name":{HALF}}}}}',
    f'"response_format":{{"type":"json_schema","json_schema":{{"name":{HALF},"schema":{{}}}}}}',
    f'"tensorzero::tags":{{{HALF}:"x"}}',
    f'"tensorzero::variant_name":{HALF}',
    f'"tensorzero::credentials":{{"k":{HALF}}}',
    f'"tensorzero::extra_body":[{{"pointer":"/a","value":{HALF}}}]',
    f"{HALF}:{HALF}",
    f'"metadata":{DEEP}',
    '"temperature":1e999',
    '"seed":123456789012345678901234567890',
    '"max_tokens":-0',
]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/openai/v1/chat/completions"])
@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_odd_values_are_taken_or_refused_and_break_nothing(
    functions_proxy: Proxy, path: str, odd: str
) -> None:
    body = envelope(FITTING, FITTING)[:-1] + f",{odd}}}".encode()
    status, _ = send(functions_proxy, path, body)
    assert status in (200, 400, 501)


def test_half_a_character_and_deep_nesting_are_refused(functions_proxy: Proxy) -> None:
    for value in ('"\\ud800"', '{"\\udfff": 1}', "[" * 200 + "]" * 200):
        arguments = f'{{"text":"","number":1,"free":{value}}}'
        status, answer = send(functions_proxy, "/inference", native(FITTING, arguments))
        assert status == 400
        assert answer["error"].startswith("Failed to parse the request body as JSON: ")
    assert send(functions_proxy, "/inference", native(FITTING, FITTING))[0] == 200
