"""The generateContent protocol (ai.google.dev/api/generate-content).

`request` turns a body into a neutral request, with the help of `parts`, `config` and
`declarations`; `encode` turns a neutral request into a body, with `encode_parts`, `encode_config`,
`encode_tools` and `schema`. `response` reads whole answers and `stream` those that come in pieces;
both read parts, `candidate`s and their log probabilities and sources by the same functions.
`frames` takes a stream's objects out of the three forms in which they come: server-sent events, one
JSON list, and plain JSON. `partial_args` writes the arguments of a call whose pieces have paths.
`errors` reads errors, also those inside a 200; `decode` does for the record what must be known of
an answer from its raw bytes.

A signature of thoughts may stand on any part. Where that part is no thought, the neutral form has a
thought without a text in front of it, which holds the signature; `encode_parts` puts the two
together again. Parts without a neutral form are kept whole, with their signature.

Names of members come in two spellings (`functionCall`, `function_call`), both of which the protocol
takes; the first is what we write.
"""

from __future__ import annotations
