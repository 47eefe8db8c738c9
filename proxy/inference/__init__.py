"""Functions: which variant serves a call, and what it does to the request.

In: a function's name, an episode id, perhaps a pinned variant. Out: variants, one after the other
as the former ones fail, and the changes that the chosen variant makes to the request.

- `sampling` is TensorZero's rule, value for value: the same episode gets the same variant.
- `function` is the live form of `functions.*`.
- `variant` fills in what the client left out; `templates` renders its system text.

Not allowed here: sending, retrying, status codes, rows.
"""

from __future__ import annotations
