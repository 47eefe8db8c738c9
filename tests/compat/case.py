"""A case: one sentence, one request, and what must come of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.fake_upstream import Script, Seen

CHAT = "/openai/v1/chat/completions"
INFERENCE = "/inference"
FEEDBACK = "/feedback"
EMBEDDINGS = "/openai/v1/embeddings"
DONE = "[DONE]"

Body = Mapping[str, Any] | bytes


@dataclass
class Result:
    """What came of a request."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    reached: Sequence[Seen]
    """What reached the fake provider meanwhile."""
    log: str
    """What the proxy wrote into its log meanwhile."""
    cut: bool
    """Whether the connection broke before the end of the body."""
    look_up: Callable[[str], Mapping[str, Any] | None]
    """The stored row of an inference, by its id, when everything has been written."""
    find: Callable[[str, str], Mapping[str, Any] | None]
    """The same in any table, by its name and the id."""
    count_recorded: Callable[[], int]
    """How many exchanges were recorded of this request, when everything has been written."""

    @cached_property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def data(self) -> list[str]:
        """The payloads of a stream's events."""
        return [line[6:] for line in self.text.split("\n") if line.startswith("data: ")]

    @cached_property
    def events(self) -> list[Any]:
        """The same as JSON, without the closing `[DONE]`."""
        return [json.loads(payload) for payload in self.data if payload != DONE]

    @property
    def chunks(self) -> list[Any]:
        """Events that are no errors."""
        return [event for event in self.events if "choices" in event]

    @property
    def deltas(self) -> list[Any]:
        return [chunk["choices"][0]["delta"] for chunk in self.chunks]

    @property
    def streamed(self) -> str:
        """The text of a stream."""
        return "".join(delta.get("content") or "" for delta in self.deltas)

    @property
    def message(self) -> Any:
        """The assistant's."""
        return self.json["choices"][0]["message"]

    @property
    def error(self) -> str:
        found = self.json["error"]
        return str(found["message"] if isinstance(found, dict) else found)

    @property
    def sent(self) -> Any:
        """The last body that the provider got."""
        assert self.reached, "nothing reached the provider"
        return self.reached[-1].json

    @property
    def row(self) -> Mapping[str, Any] | None:
        first = self.events[0] if self.data else self.json
        return self.look_up(first["id"])


Check = Callable[[Result], None]


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the API; several cases may prove the same line."""

    section: str
    line: str
    body: Body = b""
    checks: tuple[Check, ...] = ()
    status: int = 200
    path: str = CHAT
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    provider: Script | None = None
    """How the fake provider answers, where its usual way will not do."""
    cut: bool = False
    """Whether the answer breaks off."""
    not_yet: str = ""
    """What the line waits for; the case then proves that it is refused until then."""
    differs: str = ""
    """What happens here instead; the case then proves that."""
    unbuilt_config: tuple[Mapping[str, Any], str] | None = None
    """Instead of a request: sections that load with a warning, and what that names."""
    earlier: Mapping[str, Any] = field(default_factory=dict)
    """An inference that is made and stored before; `{{inference_id}}` and `{{episode_id}}` in the
    request stand for its ids."""
    long: bool = False
    """Only `make prove` waits for it."""


@dataclass(frozen=True, slots=True)
class Section:
    """The cases of one section, written shortly; what `add` gets is that of `Case`."""

    title: str
    cases: list[Case] = field(default_factory=list)

    def add(
        self, line: str, body: Body = b"", *checks: Check, status: int = 200, **more: Any
    ) -> None:
        self.cases.append(Case(self.title, line, body, checks, status, **more))

    def lack(
        self,
        line: str,
        why: str,
        body: Body,
        *words: str,
        statuses: tuple[int, ...] = (400, 501),
        **more: Any,
    ) -> None:
        """A line that does not hold yet: refused with these words in the message."""

        def names_it(result: Result) -> None:
            assert result.status in statuses, (result.status, result.text)
            for word in words:
                assert word in result.error, (word, result.error)

        self.cases.append(Case(self.title, line, body, (names_it,), 0, not_yet=why, **more))

    def lack_config(self, line: str, why: str, config: Mapping[str, Any], words: str) -> None:
        """A line that does not hold yet: the configuration loads, and a warning says so."""
        self.cases.append(Case(self.title, line, not_yet=why, unbuilt_config=(config, words)))


def chat(model: str = "tensorzero::function_name::dummy", **more: Any) -> dict[str, Any]:
    """A request that says Hello; names with `__` stand for `tensorzero::` ones."""
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    return body | {_spelled(name): value for name, value in more.items()}


def _spelled(name: str) -> str:
    return "tensorzero::" + name[2:] if name.startswith("__") else name


def user(content: Any, model: str = "tensorzero::model_name::sent", **more: Any) -> dict[str, Any]:
    """A request whose one message has this content."""
    return chat(model, **more) | {"messages": [{"role": "user", "content": content}]}


def talk(*messages: Mapping[str, Any], model: str = "tensorzero::model_name::sent") -> Body:
    """A request of these messages."""
    return {"model": model, "messages": list(messages)}


def without(body: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}
