"""Requests: the `tensorzero::` fields."""

from __future__ import annotations

import json

from proxy.types.ids import new_id
from tests.compat.case import Section, chat
from tests.compat.checks import (
    content,
    has,
    logged,
    mentions,
    quiet,
    recorded,
    refuses,
    says,
    sent,
    sent_header,
    stored,
    that,
    unsent,
)
from tests.compat.fields import SENT, WEATHER
from tests.fake_upstream import completion

SENDING = "tensorzero::function_name::sending"
PAIR = "tensorzero::function_name::pair"
DIVIDED = "tensorzero::function_name::divided"
DUMMY = "tensorzero::function_name::dummy"
EPISODE = str(new_id())

extensions = Section("Extension fields of a chat completion")


def _routing() -> None:
    add, lack = extensions.add, extensions.lack
    line = "`tensorzero::variant_name`: pins the variant of a function; with a model it is refused"
    for name in ("a", "b"):
        served = has(model=f"tensorzero::function_name::pair::variant_name::{name}")
        tags = stored(variant_name=name, tags={"tensorzero::variant_pinned": name})
        add(line, chat(PAIR, __variant_name=name), served, tags, unsent())
    add(
        line,
        chat(SENT, __variant_name="a"),
        says("Invalid inference target: `variant_name` cannot be provided when using `model_name`"),
        quiet,
        status=400,
    )
    line = "`tensorzero::dryrun`: nothing is stored"
    add(line, chat(SENDING, __dryrun=True), content("hello"), recorded(0), unsent())
    add(line, chat(SENDING, __dryrun=False), recorded(1), stored(function_name="sending"))
    line = "`tensorzero::episode_id`: joins an episode; without it a new one begins"
    add(line, chat(DUMMY, __episode_id=EPISODE), has(episode_id=EPISODE), stored())
    add(
        line,
        chat(DUMMY),
        that("it has an episode of its own", lambda r: r.json["episode_id"] != r.json["id"]),
        that("both are UUIDv7", lambda r: {r.json[k][14] for k in ("id", "episode_id")} == {"7"}),
    )
    add(
        line,
        chat(DUMMY, __episode_id="bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"),
        mentions("Failed to parse UUID as v7: bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"),
        status=400,
    )
    add(
        line,
        chat(DUMMY, __episode_id="01ffffff-ffff-7fff-bfff-ffffffffffff"),
        mentions("Timestamp is in the future"),
        status=400,
    )
    line = "`tensorzero::namespace`: chooses the experiment, and what models may be used"
    for more, name in (({}, "a"), ({"__namespace": "lab"}, "b"), ({"__namespace": "other"}, "a")):
        served = has(model=f"{DIVIDED}::variant_name::{name}")
        add(line, chat(DIVIDED, **more), served, unsent())
    private = "tensorzero::model_name::private"
    add(line, chat(private, __namespace="lab"), content("hello"))
    add(line, chat(private), mentions("private", "namespace `lab`"), quiet, status=400)
    add(
        "`tensorzero::namespace`: becomes a tag",
        chat(SENDING, __namespace="lab"),
        stored(tags={"tensorzero::namespace": "lab"}),
        unsent(),
    )
    line = "`tensorzero::cache_options`: off"
    add(line, chat(SENT, __cache_options={"enabled": "off"}), content("hello"), unsent())
    for mode in ("on", "read_only", "write_only"):
        lack(
            "`tensorzero::cache_options`: on, read only, write only, with a largest age",
            "a cache",
            chat(SENT, __cache_options={"enabled": mode, "max_age_s": 60}),
            "cache_options",
        )


def _extras() -> None:
    add = extensions.add
    line = "`tensorzero::extra_body`: sets or deletes members of the provider's request"
    entry = {"pointer": "/metadata/team", "value": "blue"}
    add(line, chat(SENT, __extra_body=[entry]), sent(metadata={"team": "blue"}), unsent())
    replaced = {"pointer": "/temperature", "value": 1}
    add(line, chat(SENT, temperature=0.5, __extra_body=[replaced]), sent(temperature=1))
    deleted = {"pointer": "/temperature", "delete": True}
    add(line, chat(SENT, temperature=0.5, __extra_body=[deleted]), unsent("temperature"))
    line = "`tensorzero::extra_body`: entries can be for one variant, model or provider only"
    scoped = [
        {"variant_name": "a", "pointer": "/for_a", "value": 1},
        {"variant_name": "b", "pointer": "/for_b", "value": 1},
        {"model_name": "sent", "pointer": "/for_model", "value": 1},
        {"model_name": "sent", "provider_name": "p", "pointer": "/for_provider", "value": 1},
        {"model_name": "keyed", "pointer": "/for_other", "value": 1},
    ]
    add(
        line,
        chat(PAIR, __variant_name="a", __extra_body=scoped),
        sent(for_a=1, for_model=1, for_provider=1),
        unsent("for_b", "for_other"),
    )
    unknown = [{"variant_name": "nosuch", "pointer": "/x", "value": 1}]
    add(line, chat(PAIR, __extra_body=unknown), says("Unknown variant: nosuch"), quiet, status=404)
    line = "`tensorzero::extra_headers`: sets or deletes headers of the provider's request"
    entry = {"name": "X-Team", "value": "blue"}
    add(line, chat(SENT, __extra_headers=[entry]), sent_header("x-team", "blue"), unsent())
    add(
        line,
        chat(SENT, __extra_headers=[entry, {"name": "x-team", "delete": True}]),
        sent_header("x-team", None),
    )
    line = "`tensorzero::tags`: stored with the inference"
    add(line, chat(SENDING, __tags={"user": "u1"}), stored(tags={"user": "u1"}), unsent())
    add(
        line,
        chat(SENDING, stream=True, __tags={"user": "u2"}),
        stored(tags={"user": "u2"}),
        unsent(),
    )
    line = "`tensorzero::deny_unknown_fields`: an unknown field is an error"
    add(
        line,
        chat(SENT, __deny_unknown_fields=True, user="u"),
        refuses(
            "`tensorzero::deny_unknown_fields` is set to true, but found unknown fields in the "
            "request: [user]"
        ),
        quiet,
        status=400,
    )
    add(line, chat(SENT, __deny_unknown_fields=True, seed=1), sent(seed=1), unsent())
    line = "`tensorzero::credentials`: values for keys that the configuration leaves to the caller"
    keyed = "tensorzero::model_name::keyed"
    add(
        line,
        chat(keyed, __credentials={"MY_KEY": "k-123"}),
        sent_header("authorization", "Bearer k-123"),
        unsent(),
    )
    add(line, chat(keyed), mentions("MY_KEY"), quiet, status=502)


def _others() -> None:
    add = extensions.add
    variant = {"type": "chat_completion", "model": "dummy::good"}
    add(
        "`tensorzero::internal_dynamic_variant_config`: a variant that comes with the request",
        chat(SENDING, __dryrun=True, __internal_dynamic_variant_config=variant),
        that("the variant answers", lambda r: r.message["content"].startswith("Megumin")),
        quiet,
    )
    line = "`tensorzero::provider_tools`: tools of the provider's own"
    add(line + " (none)", chat(SENT, __provider_tools=[]), unsent("tools"))
    search = {"type": "web_search"}
    mine = {"tool": search, "scope": {"model_name": "sent"}}
    other = {"tool": {"type": "other"}, "scope": {"model_name": "keyed"}}
    add(
        line,
        chat(SENT, __provider_tools=[mine, other]),
        sent(tools=[search]),
        differs="those for the model are sent to every provider of chat completions, too",
    )
    line = "`tensorzero::params`: the native parameters, which win over OpenAI's"
    params = {"chat_completion": {"temperature": 0.25, "max_tokens": 11, "stop_sequences": ["z"]}}
    add(
        line,
        chat(SENT, temperature=0.75, max_tokens=5, stop=["a"], seed=3, __params=params),
        sent(temperature=0.25, max_completion_tokens=11, stop=["z"], seed=3),
        unsent(),
    )
    entry = {"provider_type": "openai", "api_type": "chat_completions"}
    usage = completion()["usage"]
    add(
        "`tensorzero::include_raw_usage`: the providers' own counts",
        chat(SENT, __include_raw_usage=True),
        has(tensorzero_raw_usage=[entry | {"data": usage}]),
        unsent(),
    )
    add(
        "`tensorzero::include_original_response`: the body of the last answer, as a string",
        chat(SENT, __include_original_response=True),
        that(
            "it is the provider's body",
            lambda r: json.loads(r.json["tensorzero_original_response"]) == completion(),
        ),
        unsent(),
    )
    add(
        "`tensorzero::include_raw_response`: the bodies of all answers",
        chat(SENT, __include_raw_response=True),
        has(tensorzero_raw_response=[entry]),
        that(
            "it is the provider's body",
            lambda r: json.loads(r.json["tensorzero_raw_response"][0]["data"]) == completion(),
        ),
        unsent(),
    )
    line = "`tensorzero::arguments` at the top level is an unknown field, as any other such name"
    add(line, chat(SENT, __arguments={"a": 1}), unsent(), logged("tensorzero::arguments"))
    add(line, chat(SENT, __nosuch=1, tools=[WEATHER]), unsent(), logged("tensorzero::nosuch"))


_routing()
_extras()
_others()
