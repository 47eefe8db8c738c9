"""OpenAI's chat completions protocol (platform.openai.com/docs/api-reference/chat).

Requests: `request` and `messages` (with `files`, `system`, `thoughts`, `places`) make a client's
body neutral, `encode` and `encode_messages` a neutral request a provider's body, in its `dialect`.
Answers: `response`, `stream` and `message` make a provider's neutral, `encode_answer` and
`encode_stream` a neutral one a client's. `errors` finds the error that a provider put into a 200,
`decode` tells the record what an answer's bytes say, `usage_filter` takes a usage chunk out again.

Decoding is lenient, for some twenty vendors claim this protocol and each has its own reading:
missing or null members, content as a list of parts, reasoning under three names, tool calls whole
or in fragments, usage in every chunk or in the last, streams without `[DONE]`. Encoding is strict:
every member that some client insists on is there, once, in its place. What the neutral form has no
field for stands in `extra`, `rest` and `Unknown` blocks, and goes out again as it came.
"""

from __future__ import annotations
