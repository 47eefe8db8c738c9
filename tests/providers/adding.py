"""How a vendor that speaks OpenAI's protocol is added, step by step: what the page shows, and what
a test does to a copy of the package.

`python -m tests.providers.adding FOLDER` is the test's other half: with the changed copy first on
the path, it makes the new type from a configuration and plays the one recording.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import NamedTuple


class Edit(NamedTuple):
    """A line that is added."""

    file: str
    above: str
    """The text that it stands above; it occurs once in the file."""
    line: str


NAME = "acme"
ROW = '    Hosted("acme", "Acme", "https://api.acme.example/v1/"),\n'
EDIT = Edit(
    "config/schema/hosted.py",
    '    Hosted("deepseek", "DeepSeek", "https://api.deepseek.com/v1/"),\n',
    ROW,
)
RECORDING = """\
title: A text
feature: chat
provider: acme
api: chat_completions
path: /v1/chat/completions
client: chat
model: acme-1
request:
  model: acme-1
  messages: [{role: user, content: Hello}]
  max_tokens: 100
  temperature: 0.5
  top_p: 0.9
  stream: true
  stream_options: {include_usage: true}
response:
  events:
    - {id: a1, object: chat.completion.chunk, created: 1, model: acme-1,
       choices: [{index: 0, delta: {role: assistant, content: Hello}, finish_reason: null}]}
    - {id: a1, object: chat.completion.chunk, created: 1, model: acme-1,
       choices: [{index: 0, delta: {}, finish_reason: stop}]}
    - {id: a1, object: chat.completion.chunk, created: 1, model: acme-1, choices: [],
       usage: {prompt_tokens: 8, completion_tokens: 1, total_tokens: 9}}
    - '[DONE]'
openai_answer:
  choices: [{message: {content: Hello}, finish_reason: stop}]
"""


def apply_edit(package: Path) -> None:
    """Change a copy of the package, so that it knows the new vendor."""
    _replace(package / EDIT.file, EDIT.above, EDIT.line + EDIT.above)


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file.name} has {text.count(old)} of {old!r}"
    file.write_text(text.replace(old, new), encoding="utf-8")


async def main(folder: Path) -> None:
    """Prove the new type, in a process that sees the changed copy."""
    import proxy
    from tests.exchanges.written import read_exchange
    from tests.providers.building import load_entry, provider_of
    from tests.providers.proving import prove
    from tests.providers.vendors import Vendor
    from tests.recorded.judges import load_judge
    from tests.recorded.test_providers_recorded import play_rows

    assert Path(proxy.__file__).is_relative_to(folder)
    file = folder / "chat_completions" / f"{NAME}.yaml"
    file.parent.mkdir()
    file.write_text(RECORDING, encoding="utf-8")
    exchange = read_exchange(file)
    entry = {"type": NAME, "model_name": "acme-1", "api_key_location": "none"}
    assert load_entry(entry).type == NAME
    vendor = Vendor(NAME, "Acme", "chat_completions", entry, "")
    provider = provider_of(vendor)
    assert provider.origin == "https://api.acme.example:443"
    prove(vendor, provider, exchange)
    [outcome] = await play_rows([exchange.row], load_judge("chat_completions"))
    print(json.dumps([outcome.exception, outcome.request, outcome.answer]))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
