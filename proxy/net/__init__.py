"""The network room: the only place that opens client connections.

In: an `OutgoingRequest` (a finished HTTP request with its time limits) and a `Sink`.
Out: calls on that sink: `on_head`, `on_block`…, `on_end`. Foreign exceptions of the HTTP library
are mapped to the error tree here, once.

`transports` picks the transport that a request names: `fast_transport`, or `aiohttp_transport`, the
complete one, which also sends bodies that are not held in memory (`upload`).
`watchdog` enforces time limits with one sweep for all calls instead of a timer for each.
`tokens` keeps what has to be fetched before a call; `google_tokens`, `azure_tokens` and
`aws_credentials` fetch it with the clouds' own libraries.

Not allowed here: vendors of models, wire formats, configuration, retries.
"""

from __future__ import annotations
