"""Protocols without I/O: bytes to neutral values and back.

One folder per protocol, the same three files in each (`request`, `response`, `stream`), beside what
several of them share: server-sent events (`sse`), edits of a JSON body that leave the rest of its
bytes alone (`splice`), forms read as they come (`multipart`), reading JSON that strict parsers
refuse (`lenient`), and reading it as TensorZero does, in its words (`serde`, `syntax`).

In come bytes as a client or a provider sent them, cut anywhere, perhaps broken off, perhaps wrong.
Out come neutral values of `proxy.types`, or bytes. A decoder of requests raises `InvalidRequest`; a
decoder of answers raises nothing but `UpstreamGarbage` and keeps what it understood before the
damage, for an answer cut short is worth recording too.

Here are pure functions and small state machines, so that every one can be tested at every cut of
every recorded answer. No sockets, no files, no clocks, no configuration, no knowledge of a vendor:
a quirk seen on one vendor's wire is read wherever it turns up.
"""

from __future__ import annotations
