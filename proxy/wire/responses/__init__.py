"""OpenAI's Responses API (platform.openai.com/docs/api-reference/responses), for the record.

In come a provider's bytes, out come neutral answers. `response` reads a whole answer, `stream` its
events (of whose items `output` keeps account), `request` and `tools` a client's body, `errors`
finds the error that was put into a 200 and names the events that end a stream, `decode` puts these
together for the writer.

An answer is a list of items: a message's texts become texts, calls of functions and custom tools
tool calls, reasoning thoughts. A refusal and every item of another kind (a web search, a call of a
remote tool) are kept as raw JSON.

Reading is lenient: members that are missing or of another type count as not there, unknown events
are passed over. A stream says everything several times (in deltas, with each finished item, in its
last event); it is taken where it comes first, and the later ones only add what was missing, so that
a stream cut short and a server without deltas are both read as far as they go.

Nothing is encoded here: the relay passes these calls through as they are.
"""

from __future__ import annotations
