"""The HTTP room: requests in, answers out; the only room that knows status codes and bodies.

In: aiohttp's low-level server hands each request to `server.Dispatcher`, one dictionary look-up
away from its handler. Out: `client_stream.ClientStream`, which writes answers straight to the
client's transport.

- `openai/` speaks OpenAI's API: the relay below `/v1`, the envelope below `/openai/v1`.
- `native/` speaks TensorZero's own API, one file per resource.
- `operations` has health, readiness, status and metrics.
- `errors` words every error of the tree in the dialect of the route; `auth` checks keys;
  `headers` says which headers concern only one hop; `spool` holds bodies that memory should not.

Not allowed here: providers, SQL, decisions about routing.
"""

from __future__ import annotations
