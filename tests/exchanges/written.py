"""Reads the exchanges of this folder, `<protocol>/<name>.yaml`, into the recordings' form.

A file has

- `title`; `feature`, which it proves in docs/providers.md, and there, of the vendors that speak the
  protocol, `only` these or all `but` these; `features`, the recordings' labels;
- `provider` (its type in the recordings' words), `api`, `path` and `request`: what the provider is
  to get;
- `response`: `status` (200), `headers`, and one of `json` (a whole answer), `text` (bytes as they
  are), `events` (server-sent: `data`, or `[name, data]`; text stands as it is) and `frames` (an AWS
  event stream: `[event type, payload]`, an exception's type with a leading `!`);
- `client`: the OpenAI request, by its name in requests.yaml, which comes to the same; `neutral` has
  what the neutral request says beside it;
- what must then come of the answer: `openai_answer` as the client sees it (of a stream, its chunks
  put together), `answer` in neutral form, `fault` if it is an error; and `sent_back`, what the
  answer is in the next turn's request.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.exchanges.eventstream import encode_event, encode_exception

FOLDER = Path(__file__).resolve().parent
CONTENT_TYPES = {
    "json": "application/json",
    "text": "application/json",
    "events": "text/event-stream",
    "frames": "application/vnd.amazon.eventstream",
}
FRAMINGS = {"events": "sse", "frames": "eventstream"}


@dataclass(frozen=True)
class Written:
    """One file."""

    wire: str
    name: str
    values: Mapping[str, Any]
    row: Mapping[str, Any]

    @property
    def stream(self) -> bool:
        return bool(self.row["stream"])


@cache
def written_exchanges() -> tuple[Written, ...]:
    """All of them, in the order of their names."""
    return tuple(read_exchange(file) for file in sorted(FOLDER.glob("*/*.yaml")))


def written_rows() -> Iterator[Mapping[str, Any]]:
    """The same as rows."""
    for each in written_exchanges():
        yield each.row


def read_exchange(file: Path) -> Written:
    """One file; its folder is the protocol."""
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    name = f"{file.parent.name}/{file.stem}"
    return Written(file.parent.name, file.stem, values, _row(name, values))


def _row(name: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
    response = values["response"]
    form = next(form for form in CONTENT_TYPES if form in response)
    body = encode_body(form, response[form])
    headers = {"content-type": CONTENT_TYPES[form]} | response.get("headers", {})
    raw: dict[str, Any] = {"body": body.decode()} if form != "frames" else {}
    if form == "frames":
        raw["body_b64"] = base64.b64encode(body).decode()
    request = {
        "method": "POST",
        "path": values["path"],
        "headers": {"content-type": "application/json"},
        "body": json.dumps(values["request"]),
        "body_form": "text",
    }
    return {
        "id": name,
        "provider": values["provider"],
        "api": values["api"],
        "source": f"tests/exchanges/{name}",
        "url": values.get("url", "http://127.0.0.1") + values["path"],
        "request": request,
        "response": {"status": response.get("status", 200), "headers": headers, **raw},
        "stream": form in FRAMINGS,
        "framing": FRAMINGS.get(form),
        "fidelity": "bytes",
        "origin": "written",
        "features": values.get("features", []),
        "group": name,
    }


def encode_body(form: str, value: Any) -> bytes:
    """The bytes of an answer, from its form in the file."""
    if form == "text":
        return str(value).encode()
    if form == "json":
        return json.dumps(value).encode()
    encode = _encode_sse if form == "events" else _encode_frame
    return b"".join(map(encode, value))


def _encode_sse(event: Any) -> bytes:
    name, data = event if isinstance(event, list) else ("", event)
    text = data if isinstance(data, str) else json.dumps(data)
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {text}\n\n".encode()


def _encode_frame(frame: Any) -> bytes:
    kind, payload = frame
    if kind.startswith("!"):
        return encode_exception(kind[1:], payload)
    return encode_event(kind, payload)
