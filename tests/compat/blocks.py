"""Content blocks: what each becomes, and what is said of broken ones."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.compat.case import Check, Result, Section, talk, user
from tests.compat.checks import mentions, quiet, refuses, said, that
from tests.compat.messages import LETTERS, PNG, block, template

FILES = "tensorzero::model_name::dummy::extract_images"
PICTURE = "https://files.example/a.png"
WAV = base64.b64encode(b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00").decode()
IMAGE = PNG.rpartition(",")[2]
NOTHING = base64.b64encode(b"0000000000000000").decode()
PDF = "data:application/pdf;base64,JVBERi0xLjQK"

blocks = Section("Content blocks")
faults = Section("Errors of content blocks")


def image(url: str, **more: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url} | more}


def file(**more: str) -> dict[str, Any]:
    return {"type": "file", "file": more}


def audio(data: str, form: str = "wav") -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": data, "format": form}}


def sends(*parts: dict[str, Any]) -> Check:
    """The provider gets these parts in its one message."""
    return said({"role": "user", "content": list(parts)})


def files(*wanted: dict[str, Any]) -> Check:
    """The model got these files; only the members named here are compared."""

    def check(result: Result) -> None:
        found = json.loads(result.message["content"])
        assert len(found) == len(wanted), found
        for one, other in zip(found, wanted, strict=True):
            (kind,) = other
            inner = one[kind].get("file_url", one[kind])
            assert {name: inner.get(name) for name in other[kind]} == other[kind], found

    return check


def _texts() -> None:
    add = blocks.add
    add("`text`: text", user([block("Hello")]), said({"role": "user", "content": "Hello"}))
    add("`text`: text", user([block("a"), block("b")]), sends(block("a"), block("b")))
    kind = template("system", mood="kind")
    first = {"role": "system", "content": "Be kind."}
    of_seas = said(first, {"role": "user", "content": "Of seas."})
    older = {"type": "text", "tensorzero::arguments": {"topic": "seas"}}
    add(
        "`text` with `tensorzero::arguments` (deprecated): arguments of the role's template",
        talk(kind, {"role": "user", "content": [older]}, model=LETTERS),
        of_seas,
    )
    add(
        "`tensorzero::raw_text`: text that passes by templates",
        user([{"type": "tensorzero::raw_text", "value": "Hello {{ x }}"}]),
        said({"role": "user", "content": "Hello {{ x }}"}),
    )
    line = "`tensorzero::template`: a template and its arguments"
    greeting = template("greeting", "user", name="Ann")
    add(
        line,
        talk(kind, greeting, model=LETTERS),
        said(first, {"role": "user", "content": "Hi Ann!"}),
    )
    stray = talk(template("nosuch", "user", a=1))
    add(line, stray, mentions("nosuch", "template"), quiet, status=400)
    add(
        "An object without `type` (deprecated): arguments of the role's template",
        talk(kind, {"role": "user", "content": [{"topic": "seas"}]}, model=LETTERS),
        of_seas,
    )


def _files() -> None:
    add = blocks.add
    line = "`image_url` with a `data:` URL: a file that comes along, of the URL's type"
    add(line, user([block("See"), image(PNG)]), sends(block("See"), image(PNG)))
    sent_along = {"Base64": {"mime_type": "image/png", "data": IMAGE, "detail": "low"}}
    add(line, user([image(PNG, detail="low")], FILES), files(sent_along))
    line = "`image_url` with another URL: a file that stands elsewhere"
    add(line, user([block("See"), image(PICTURE)]), sends(block("See"), image(PICTURE)))
    elsewhere = {"url": PICTURE, "mime_type": None, "filename": None}
    add(line, user([image(PICTURE)], FILES), files({"Url": elsewhere}))
    add(
        line,
        user([image(PICTURE, **{"tensorzero::mime_type": "image/webp"})], FILES),
        files({"Url": elsewhere | {"mime_type": "image/webp"}}),
    )
    line = "`image_url`: `detail` is `low`, `high` or `auto`"
    for detail in ("low", "high", "auto"):
        pictured = image(PICTURE, detail=detail)
        add(line, user([block("See"), pictured]), sends(block("See"), pictured))
    add(
        line,
        user([image(PICTURE, detail="huge")]),
        mentions("Invalid content block: ", "unknown variant `huge`"),
        quiet,
        status=400,
    )
    line = "`file`: its data as a `data:` URL, perhaps with a name; no ids of files"
    named = file(file_data=PDF, filename="a.pdf")
    add(line, user([block("Read"), named]), sends(block("Read"), named))
    add(
        line,
        user([file(file_data=PDF)], FILES),
        files({"Base64": {"mime_type": "application/pdf", "filename": None}}),
    )
    add(
        line,
        user([file(file_id="file-1")]),
        mentions("Invalid content block: ", "file_data"),
        quiet,
        status=400,
    )
    line = "`input_audio`: its type is what its bytes say, whatever `format` says"
    add(line, user([block("Hear"), audio(WAV)]), sends(block("Hear"), audio(WAV)))
    add(line, user([block("Hear"), audio(WAV, "mp3")]), sends(block("Hear"), audio(WAV)))


def _unknown_keys() -> None:
    line = "Unknown keys inside a known block are refused, in a `text` block ignored"
    for wrong in (
        image(PNG) | {"extra": 1},
        file(file_data=PDF) | {"extra": 1},
        audio(WAV) | {"extra": 1},
        {"type": "tensorzero::raw_text", "value": "a", "extra": 1},
        {"type": "tensorzero::template", "name": "a", "arguments": {}, "extra": 1},
    ):
        told = mentions("Invalid content block: ", "unknown field `extra`")
        blocks.add(line, user([wrong]), told, quiet, status=400)
    blocks.add(
        line,
        user([block("Hello") | {"extra": 1}]),
        said({"role": "user", "content": "Hello"}),
    )


def _text_faults() -> None:
    add = faults.add
    where = 'when using `"type": "text"`'
    ours = "Invalid TensorZero content block: "
    for line, wrong, message in (
        (
            "`text` without text and arguments",
            {},
            f"Invalid content block: Either `text` or `tensorzero::arguments` must be set {where}",
        ),
        (
            "`text` with both",
            {"text": "a", "tensorzero::arguments": {}},
            f"{ours}Only one of `text` or `tensorzero::arguments` can be set {where}",
        ),
        (
            "`text` that is no string, arguments that are no object",
            {"text": 5},
            f"Invalid content block: `text` must be a string {where}",
        ),
        (
            "`text` that is no string, arguments that are no object",
            {"tensorzero::arguments": "a"},
            f"{ours}`tensorzero::arguments` must be an object {where}",
        ),
    ):
        add(line, user([{"type": "text"} | wrong]), refuses(message), quiet, status=400)


def _other_faults() -> None:
    add = faults.add
    add(
        "A broken block with a key of ours: said of a TensorZero block",
        user([{"type": "nosuch", "tensorzero::arguments": {}}]),
        mentions("Invalid TensorZero content block: "),
        quiet,
        status=400,
    )
    add(
        "A block of an unknown type: the known ones are listed",
        user([{"type": "nosuch", "a": 1}]),
        refuses(
            "Invalid content block: unknown variant `nosuch`, expected one of `text`, "
            "`image_url`, `file`, `input_audio`, `tensorzero::raw_text`, `tensorzero::template`"
        ),
        quiet,
        status=400,
    )
    add(
        "A block that is no object",
        user([[1, 2]]),
        refuses("Content block `[1,2]` is not an object"),
        quiet,
        status=400,
    )
    line = "`file` without `data:`, without `;base64,`, or of no type"
    for data, words in (
        ("JVBERi0xLjQK", "without the `data:` prefix"),
        ("data:application/pdf,abc", "without the `;base64,` separator"),
        ("data:nonsense;base64,JVBERi0xLjQK", "Unknown MIME type `nonsense` in data URL"),
    ):
        add(line, user([file(file_data=data)]), mentions(words), quiet, status=400)
    line = "`input_audio` that is no base64, no sound, or of no known type"
    for data, words in (
        ("!!!", "Invalid base64 data in input_audio: "),
        (
            IMAGE,
            "Expected audio file for input_audio, but detected image/png (type: image)",
        ),
        (
            NOTHING,
            "Could not detect audio format from file content. Format field was: wav",
        ),
    ):
        add(line, user([audio(data)]), mentions(words), quiet, status=400)
    add(
        "All of these begin with the name of the endpoint",
        user([5]),
        refuses("Content block `5` is not an object"),
        that("nothing else is said", lambda r: list(r.json) == ["error"]),
        status=400,
    )


_texts()
_files()
_unknown_keys()
_text_faults()
_other_faults()
