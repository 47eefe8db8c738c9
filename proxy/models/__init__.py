"""Models: which providers stand behind a name, and how often they are asked.

In: a call for one model (or for the variants of a function, one after the other).
Out: one answer that reached the client, or the error of the last attempt.

- `model` is the live form of `models.*`: providers in routing order, their time limits.
- `policy` has the one retry loop of the program: variants → retries → providers, error classes,
  waiting times, budgets.
- `credentials` finds a credential's value at start-up or in the call.

Not allowed here: status codes for clients, rows, templates.
"""

from __future__ import annotations
