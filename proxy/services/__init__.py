"""Use cases, one file each: what the program does, told without HTTP and without SQL.

In: neutral values from `http/` and a `Client` to answer. Out: that client answered, and a finished
exchange handed to the `Recorder`.

- `relay` answers a call on the OpenAI relay; `endpoints` is the table of what it knows there;
  `relay_sink` is the peek: an answer is held until it is known to be one, then passed on as it
  comes. `function_call` is what a function changes in a client's body, `translating` answers where
  bytes cannot be passed on.
- `infer` asks in neutral values and has a lane put the answer into its own words; `tasks` are what
  can be asked, a chat or vectors.
- `targets` says what a model string means.
- `feedback` takes a value, a comment or a demonstration for an inference, an episode or a
  provider's response; `feedback_target` finds what it is about, `demonstration` checks what should
  have been said.

Not allowed here: aiohttp's server, asyncpg, vendors' names.
"""

from __future__ import annotations
