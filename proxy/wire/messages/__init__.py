"""The messages protocol: a system text apart, turns made of content blocks, named stream events.

`request` reads a body in this protocol into a neutral request; `encode` writes one, with `blocks`
for what stands in messages, `encode_tools`, `encode_format` and `options` for the members beside
them; `response` and `stream` read answers; `errors` finds and reads errors; `decode` does for the
record what must be known of a call from its raw bytes.

Kinds of blocks that the neutral form has no class for (calls and results of tools that the provider
runs itself, uploads, search results, summaries of what was said) are `Unknown` with their whole
JSON, and are sent back as they came. A stream gives such a block when it is whole.

A thought that is hidden has no text, its data stands in `signature`. Input tokens are all that were
read, those from the cache and for the cache included.
"""

from __future__ import annotations
