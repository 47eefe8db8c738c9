"""OpenAI's chat completions protocol (platform.openai.com/docs/api-reference/chat).

`request` turns a client's body into a neutral request, `encode` a neutral request into a provider's
body; `response` and `stream` turn answers into neutral ones and back; `errors` finds the error that
a provider put into a 200; `decode` does for the record what must be known of an answer from its raw
bytes; `usage_filter` takes a usage chunk out of a stream again.

Decoding is lenient, for some twenty vendors claim this protocol and each has its own reading:
missing or null members, content as a list of parts, reasoning under three names, tool calls whole
or in fragments, usage in every chunk or in the last, streams without `[DONE]`. Encoding is strict:
every member that some client insists on is there, once, in its place, and nothing is added.

Of several choices (`n` > 1) the neutral answer is the first; the raw bytes have them all.
"""

from __future__ import annotations
