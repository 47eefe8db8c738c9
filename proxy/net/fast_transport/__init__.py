"""The fast transport: HTTP/1.1 on asyncio's protocols, with httptools as the parser.

In and out: as every transport (`types.ports`). A call costs one future that the caller awaits; the
answer is parsed and handed to the sink inside the loop's own callback, so that no task is woken
for a block, and the time limits are the watchdog's sweep.

- `transport` is the port: a connection from the pool, one question, once more if it was stale.
- `connection` is one connection: its calls one after another, its state between them. The middle
  of a stream takes a short way, on which little can happen and nothing is asked twice.
- `answer` reads answers from bytes, within limits, and says whether more may be asked behind them.
- `pool` keeps idle connections by origin, the last used first, and closes old ones in one sweep.
- `addresses` finds names and opens sockets; `tls` resumes sessions; `head` writes requests.

What was measured: httptools with a callback for each header needs less than cutting the head by
hand (2.3 µs for ten headers and 1 KB against 2.7), and a third of it for a chunk (0.12 µs against
0.33), so it parses all; it is told nothing of the sink, which is called when the read is parsed.
Nor do C-level pipelines over a head (cut, split, zip) need less than the callbacks: 3.5 µs to 2.9.

Not allowed here: bodies that are not in memory (`upload` sends them, on the complete transport),
proxies, redirects, retries beyond the one for a stale connection.
"""

from __future__ import annotations

from proxy.net.fast_transport.transport import FastTransport

__all__ = ["FastTransport"]
