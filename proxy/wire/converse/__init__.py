"""The converse protocol: one request form for models of many makers, answers as JSON or as events
in binary frames (docs.aws.amazon.com/bedrock/latest/APIReference, Converse and ConverseStream).

`request` reads a body in this protocol into a neutral request, with `blocks` for what stands in
messages and `tools` for tools; `encode` writes one, with `encode_blocks`, `tools` and `fields`;
`response` and `stream` read answers; `errors` reads errors; `decode` does for the record what must
be known of a call from its raw bytes.

A block is an object with one member, which names its kind. Kinds that the neutral form has no class
for (guarded content, search results, calls and results of tools that the provider runs itself) are
`Unknown` with their whole JSON, and are sent back as they came; a stream gives such a block when it
is whole. A `cachePoint` is the neutral `cache_control` of what stands before it. A thought that is
hidden has no text, its data stands in `signature`. Input tokens are all that were read, those from
the cache and for the cache included.
"""

from __future__ import annotations

WIRE = "converse"
"""The protocol's name in `ModelRequest.wire`."""
