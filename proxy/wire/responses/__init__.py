"""OpenAI's Responses API (platform.openai.com/docs/api-reference/responses), read and written.

From a client's body to a neutral request: `request`, with `input` (instructions and items), `parts`
(content parts, both ways), `forms` (tools and formats, flat and nested) and `tools` (what is stored
of them). From a neutral request to a body: `encode`, `encode_input`, and `rest` for what other
protocols ask for. From a provider's bytes to neutral answers: `response` reads a whole one,
`stream` its events, of whose items `output` keeps account. `errors` reads errors, finds those in a
200, and names the events that end a stream. `extras` keeps what an item says beside a block's
fields, so that it is sent back as it came. `decode` puts these together for the record.

An answer is a list of items: a message's texts become texts, calls of functions and custom tools
tool calls, reasoning thoughts. A refusal and every item of another kind (a web search, a call of a
remote tool) are kept as raw JSON.

Reading is lenient: members that are missing or of another type count as not there. A stream says
everything several times (in deltas, with each finished item, in its last event); it is taken where
it comes first, and the later ones only add what was missing, so that a stream cut short and a
server without deltas are both read as far as they go.
"""

from __future__ import annotations
