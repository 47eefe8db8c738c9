"""Functions: which variant serves a call, and what it does to the request.

In: a function's name, an episode id, perhaps a pinned variant; what the caller says, as values.
Out: variants, one after the other as the former ones fail, what each asks of its model, and what
the model's answer means to the function.

- `sampling` is TensorZero's rule, value for value: the same episode gets the same variant.
- `function` is the live form of `functions.*`.
- `variant` fills in what the client left out, in bodies that are relayed.
- `prepare` checks a call against its function once, and makes each variant's request of it, with
  `templates` (the engine and its values), `schemas`, `tools` and `json_mode`.

Not allowed here: sending, retrying, status codes, rows.
"""

from __future__ import annotations
