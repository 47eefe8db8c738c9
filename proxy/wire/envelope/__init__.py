"""TensorZero's OpenAI-compatible dialect: what `/openai/v1` hears and says.

In come the bodies of chat completions and embeddings with their `tensorzero::` members. Out come
neutral values (`types.request`, `types.content`), and from neutral answers and chunks the bodies
and events of that dialect, members in its order.

Unlike the relay this address refuses what it does not understand, in the words that its users know
from TensorZero, whose reader of JSON names the place and the type that it wanted:
`temperature: invalid type: string "x", expected f32` (`wire.serde` speaks so). `tools`, `params`,
`extensions`, `files`, `content` and `messages` read one part of a request each; `request` and
`embeddings` put them together; `response`, `stream` and `errors` answer; `decode` reads a request
again, for the record.

Values that travel on (schemas, tools, arguments, extra bodies) stay raw JSON, so that key order
and the spelling of numbers survive. Nothing here knows a function, a template, a model or the
time: whether a name exists is for others to say. What deserves a line in the log is returned as a
sentence, for nothing here logs.
"""

from __future__ import annotations
