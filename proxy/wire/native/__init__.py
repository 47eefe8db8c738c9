"""TensorZero's native API: what `/inference` and `/feedback` hear and say.

In come the bodies of requests. Out come neutral values (`types.request`, `types.content`) and, from
neutral answers and chunks, the bodies and events of that API, members in its order.

It reads JSON as `/openai/v1` does, in the same words (`wire.serde`), and shares with
`wire.envelope` the readers of what both have: parameters, cache options, extra bodies, provider
tools. `input` and `files` read what is said to the model, `tools` what comes along with it,
`request` the whole; `response` and `stream` answer, errors included; `feedback` is its own small
pair; `decode` reads a request again, for the record.

Unknown members are refused, null counts as absent. Values that travel on (arguments of templates,
schemas, tools, feedback) stay raw JSON, so that key order and the spelling of numbers survive.
Nothing here knows a function, a metric, a template or the time: whether a name exists is for others
to say. What deserves a line in the log is returned as a sentence, for nothing here logs.
"""

from __future__ import annotations
