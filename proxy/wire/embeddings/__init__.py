"""OpenAI's embeddings protocol (platform.openai.com/docs/api-reference/embeddings).

`request` turns a client's body into a neutral request and back, `response` does so with answers,
`decode` tells the record what must be known of a call from its raw bytes.

Vectors are never read: each goes through as the raw JSON that it came as, a list of numbers or a
base64 text, so that not a digit changes. Inputs stay raw, too; they are only counted.

Decoding is lenient in what lies beside the vectors (missing index, missing usage), and strict in
the vectors: an answer without them is no answer.
"""

from __future__ import annotations
