"""Requests and answers of every form that the types of the `google-genai` package allow: what we
send says the same as what was invented, what we read is what the package reads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.recorded.invented import Inventor, Named, one_of
from tests.recorded.judges.base import Judge, Row
from tests.recorded.judges.gemini import GeminiJudge
from tests.recorded.sdk_variety import (
    TypedInventor,
    answer_lines,
    chance,
    how_many,
    request_lines,
    row_of,
    shown,
)

pytest.importorskip("google.genai")

from google.genai import types

JUDGE: Judge = GeminiJudge()
MODEL_PATHS = {
    "google_ai_studio_gemini": "/v1beta/models/m",
    "gcp_vertex_gemini": "/v1/projects/p/locations/global/publishers/google/models/m",
}
MEMBERS: Mapping[str, Any] = {
    "tools": list[types.Tool],
    "toolConfig": types.ToolConfig,
    "generationConfig": types.GenerationConfig,
    "systemInstruction": types.Content,
    "safetySettings": list[types.SafetySetting],
    "cachedContent": str,
    "labels": dict[str, str],
    "serviceTier": types.ServiceTier,
    "store": bool,
    "modelArmorConfig": types.ModelArmorConfig,
}
VALUES = (
    "text",
    "functionCall",
    "functionResponse",
    "inlineData",
    "fileData",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
"""Of these a part has one."""
IN_PIECES = ("partialArgs", "willContinue")
OF_THE_PACKAGE = ("sdkHttpResponse", "automaticFunctionCallingHistory", "parsed")
USERS = ("args", "response", "labels", "partMetadata")
TEXTS: Mapping[str, Named] = {
    "key": one_of("a", "snake_name", "camelName", "with space", "ü"),
    "responseMimeType": one_of("application/json", "application/json", "text/x.enum"),
}

Object = Mapping[str, Any]


class GeminiInventor(TypedInventor):
    """A part has one value, and schemas end."""

    def members(self, hint: type, depth: int = 0, **fixed: Any) -> dict[str, Any]:
        """See `Inventor.members`."""
        if hint is types.Schema and depth > 4:
            return {"type": "STRING"}
        made = super().members(hint, depth, **fixed)
        return self._part(made) if hint is types.Part else made

    def _part(self, made: dict[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in made.items() if name not in VALUES}
        name = self.source.choice(VALUES)
        fields = {field.alias: field.annotation for field in types.Part.model_fields.values()}
        return kept | ({name: self.value(fields[name], name, 3)} if self.chance(0.95) else {})


def exchange(invent: Inventor, *, request: object = None, answer: str = "{}", method: str) -> Row:
    provider = invent.source.choice(list(MODEL_PATHS))
    path = f"{MODEL_PATHS[provider]}:{method}"
    stream = method != "generateContent"
    return row_of(provider, "gemini", path, request=request, answer=answer, stream=stream)


def invented_request(invent: Inventor) -> Object:
    contents = [invent.members(types.Content) for _ in invent.some()]
    others = {name: invent.value(kind) for name, kind in MEMBERS.items() if invent.chance(0.4)}
    body: Object = {"contents": contents, **others}
    return underscored(body) if invent.chance(0.3) else body


def underscored(value: Any) -> Any:
    """The other spelling of the protocol's names; those of users are left alone."""
    if isinstance(value, list):
        return [underscored(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        re.sub("([A-Z])", lambda match: "_" + match[1].lower(), name): (
            item if name in USERS or "chema" in name else underscored(item)
        )
        for name, item in value.items()
    }


def invented_answer(invent: Inventor, candidates: int, *, studio: bool) -> Object:
    made = invent.members(types.GenerateContentResponse, parsed=None, sdkHttpResponse=None)
    made["candidates"] = [invent.members(types.Candidate, index=i) for i in range(candidates)]
    for each in made["candidates"]:
        each.setdefault("content", invent.members(types.Content))
        if candidates == 1 and invent.chance(0.5):
            del each["index"]
        if studio and isinstance(each.get("citationMetadata"), dict):
            cited = each["citationMetadata"].pop("citations", None)
            each["citationMetadata"]["citationSources"] = cited
    answer: Object = without_nothing(made)
    return answer


def without_nothing(value: Any) -> Any:
    """As servers write it: what is not there is not said to be null or empty."""
    if isinstance(value, list):
        return [without_nothing(item) for item in value]
    if not isinstance(value, dict):
        return value
    skipped = (*IN_PIECES, *OF_THE_PACKAGE)
    said = {
        name: item if name in USERS else without_nothing(item)
        for name, item in value.items()
        if name not in skipped
    }
    usual = (*VALUES, "content", "args", "response")
    return {
        name: item
        for name, item in said.items()
        if item not in (None, {}, []) or (item is not None and name in usual)
    }


def answered(invent: Inventor) -> Row:
    """A whole answer, a list of pieces, or a stream of them."""
    row = exchange(
        invent, method=invent.source.choice(("generateContent", "streamGenerateContent"))
    )
    studio = row["provider"] == "google_ai_studio_gemini"
    count = invent.source.choice((1, 1, 2))
    if not row["stream"]:
        return with_answer(row, json.dumps(invented_answer(invent, count, studio=studio)))
    pieces = [
        dict(invented_answer(invent, count, studio=studio))
        for _ in range(invent.source.randint(1, 4))
    ]
    for piece in pieces[:-1]:  # only the last one ends it, and knows its cost
        piece.pop("usageMetadata", None)
        for candidate in piece["candidates"]:
            candidate.pop("finishReason", None)
    if invent.chance(0.15):
        return with_answer(row, json.dumps(pieces, indent=1))
    end = invent.source.choice(("\n", "\r\n"))
    return with_answer(row, "".join(f"data: {json.dumps(piece)}{end}{end}" for piece in pieces))


def with_answer(row: Row, body: str) -> Row:
    return {**row, "response": {"status": 200, "body": body}}


def test_a_request_of_any_form_is_sent_as_it_came() -> None:
    invent = GeminiInventor(chance("requests in gemini"), TEXTS)
    rows = (
        exchange(invent, request=invented_request(invent), method="generateContent")
        for _ in range(how_many(400))
    )
    found = shown((row, request_lines(JUDGE, row)) for row in rows)
    assert not found, found


def test_an_answer_of_any_form_is_read_as_the_package_reads_it() -> None:
    invent = GeminiInventor(chance("answers in gemini"), TEXTS)
    rows = (answered(invent) for _ in range(how_many(200)))
    found = shown((row, answer_lines(JUDGE, row, invent.source)) for row in rows)
    assert not found, found
